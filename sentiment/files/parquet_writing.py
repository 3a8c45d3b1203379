"""Write rows to parquet as they come, though a column's type may show only later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from sentiment.errors import MissingPackageError, OutputError

_BATCH_ROWS = 10_000


def write_parquet(path: Path, rows: Iterable[Mapping[str, object]], columns: Sequence[str]) -> int:
    """Write rows in batches; a column of mixed types becomes text.

    A batch that widens a column (nothing but None so far, integers so far) makes the file so far be
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
        return _write(pa, pq, path, rows, columns)
    except pa.ArrowException as error:
        raise OutputError(f"cannot write {path} as parquet: {error}", run="write .jsonl") from None


def _write(
    pa: Any,  # noqa: ANN401 (pyarrow is untyped)
    pq: Any,  # noqa: ANN401
    path: Path,
    rows: Iterable[Mapping[str, object]],
    columns: Sequence[str],
) -> int:
    count = 0
    source = iter(rows)
    batch = _table(pa, list(islice(source, _BATCH_ROWS)), columns)
    schema, writer = batch.schema, pq.ParquetWriter(path, batch.schema)
    try:
        while batch.num_rows:
            wider = _wider(pa, schema, batch.schema)
            if not wider.equals(schema):
                writer.close()
                writer = _rewritten(pa, pq, path, wider)
                schema = wider
            writer.write_table(_cast(pa, batch, schema))
            count += batch.num_rows
            batch = _table(pa, list(islice(source, _BATCH_ROWS)), columns)
    finally:
        writer.close()
    return count


def _table(pa: Any, rows: list[Mapping[str, object]], columns: Sequence[str]) -> Any:  # noqa: ANN401
    arrays = []
    for name in columns:
        values = [row.get(name) for row in rows]
        try:
            arrays.append(pa.array(values))
        except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
            arrays.append(pa.array([_text(value) for value in values], pa.string()))
    return pa.table(arrays, names=list(columns))


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
