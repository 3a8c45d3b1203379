"""A table as columns: what rows become on their way into a file, and parquet's batches already are.

A column is a list, a NumPy or an Arrow array, or a mapping of columns: one nested object a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

Columns = Mapping[str, Any]
ROWS_AT_A_TIME = 10_000


def rows_to_columns(
    rows: Iterable[Mapping[str, object]], names: Sequence[str]
) -> Iterator[dict[str, list[object]]]:
    """Yield the rows as tables of some thousand rows; a value that a row lacks is None."""
    source = iter(rows)
    while batch := list(islice(source, ROWS_AT_A_TIME)):
        yield {name: [row.get(name) for row in batch] for name in names}


def columns_to_rows(table: Columns, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """Return the rows of a table, with values of plain Python."""
    return zip(*(plain(table[name]) for name in names), strict=True)


def plain(column: Any) -> Sequence[object]:  # noqa: ANN401 (see the module's docstring)
    """Return a column as a sequence of plain Python values."""
    if isinstance(column, Mapping):
        names, values = list(column), columns_to_rows(column, list(column))
        return [dict(zip(names, row, strict=True)) for row in values]
    for method in ("to_pylist", "tolist"):  # Arrow's and NumPy's
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(column)
