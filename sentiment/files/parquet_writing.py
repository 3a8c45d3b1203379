"""Write tables to parquet as they come, though a column's type may show only later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from sentiment.errors import MissingPackageError, OutputError
from sentiment.files.columns import Columns, plain

# A row group is written when it has so many rows or bytes: large ones are smaller and read faster,
# and are held in memory until then.
_GROUP_ROWS, _GROUP_BYTES = 20_000, 64_000_000
_BATCH_ROWS = 10_000


def write_parquet(path: Path, tables: Iterable[Columns], columns: Sequence[str]) -> int:
    """Write tables one below the other; a column of mixed types becomes text.

    A table that widens a column (nothing but None so far, integers so far) makes the file so far be
    written again with the wider type: rare, and it keeps memory flat.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingPackageError(
            "writing parquet needs pyarrow", run="python -m pip install pyarrow"
        ) from None
    try:
        return _write(pa, pq, path, tables, columns)
    except pa.ArrowException as error:
        raise OutputError(f"cannot write {path} as parquet: {error}", run="write .jsonl") from None


def _write(
    pa: Any,  # noqa: ANN401 (pyarrow is untyped)
    pq: Any,  # noqa: ANN401
    path: Path,
    tables: Iterable[Columns],
    columns: Sequence[str],
) -> int:
    groups = _groups(pa, tables, columns)
    first = next(groups)
    schema, writer = first.schema, pq.ParquetWriter(path, first.schema)
    count = 0
    try:
        for group in chain([first], groups):
            if not group.schema.equals(schema):
                writer.close()
                schema = group.schema
                writer = _rewritten(pa, pq, path, schema)
            writer.write_table(group)
            count += group.num_rows
    finally:
        writer.close()
    return count


def _groups(pa: Any, tables: Iterable[Columns], columns: Sequence[str]) -> Iterator[Any]:  # noqa: ANN401
    """Yield tables large enough for a row group, each of a type as wide as all before it.

    There is at least one, be it empty.
    """
    schema, waiting = None, []
    for content in tables:
        table = _table(pa, content, columns)
        schema = table.schema if schema is None else _wider(pa, schema, table.schema)
        waiting.append(table)
        rows, size = (sum(getattr(part, of) for part in waiting) for of in ("num_rows", "nbytes"))
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield pa.concat_tables([_cast(pa, part, schema) for part in waiting])
            waiting = []
    if waiting:
        yield pa.concat_tables([_cast(pa, part, schema) for part in waiting])
    elif schema is None:
        yield _table(pa, {name: [] for name in columns}, columns)


def _table(pa: Any, content: Columns, columns: Sequence[str]) -> Any:  # noqa: ANN401
    return pa.table([_array(pa, content[name]) for name in columns], names=list(columns))


def _array(pa: Any, column: Any) -> Any:  # noqa: ANN401
    if isinstance(column, Mapping):
        parts = [_array(pa, part) for part in column.values()]
        return pa.StructArray.from_arrays(parts, names=list(column))
    try:
        return pa.array(column)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
        return pa.array([_text(value) for value in plain(column)], pa.string())


def _wider(pa: Any, first: Any, second: Any) -> Any:  # noqa: ANN401
    fields = []
    for one, other in zip(first, second, strict=True):
        try:
            pair = [pa.schema([one]), pa.schema([other])]
            fields.append(pa.unify_schemas(pair, promote_options="permissive").field(0))
        except pa.ArrowException:
            fields.append(pa.field(one.name, pa.string()))
    return pa.schema(fields)


def _cast(pa: Any, table: Any, schema: Any) -> Any:  # noqa: ANN401
    arrays = []
    for column, wanted in zip(table.columns, schema, strict=True):
        if column.type.equals(wanted.type):
            arrays.append(column)
        elif pa.types.is_string(wanted.type):
            arrays.append(pa.array([_text(value) for value in column.to_pylist()], pa.string()))
        else:
            arrays.append(pa.array(column.to_pylist(), wanted.type))
    return pa.table(arrays, schema=schema)


def _rewritten(pa: Any, pq: Any, path: Path, schema: Any) -> Any:  # noqa: ANN401
    old = path.with_name(path.name + ".old")
    path.rename(old)
    writer = pq.ParquetWriter(path, schema)
    try:
        for table in _tables(pa, pq, old):
            writer.write_table(_cast(pa, table, schema))
    finally:
        old.unlink()
    return writer


def _tables(pa: Any, pq: Any, path: Path) -> Iterator[Any]:  # noqa: ANN401
    with pq.ParquetFile(path) as parquet:
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
