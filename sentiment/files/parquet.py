"""Read rows from parquet; pyarrow is imported only here and only when such a file is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentiment.errors import DataError, MissingPackageError
from sentiment.files.rows import Reader, Row, fault_of_text

_BATCH_ROWS = 1_000


def read_parquet_columns(reader: Reader, path: Path) -> list[str]:
    """Return the column names."""
    with _opened_parquet(reader, path) as parquet:
        return list(parquet.schema_arrow.names)


def read_parquet(reader: Reader, path: Path) -> Iterator[Row]:
    """Yield every row with the types that the file gives its values."""
    number = 0
    with _opened_parquet(reader, path) as parquet:
        for batch in parquet.iter_batches(batch_size=_BATCH_ROWS):
            for values in _batch_rows(batch):
                number += 1
                fault = values if isinstance(values, str) else None
                if isinstance(values, dict):
                    faults = (fault_of_text(v) for v in values.values() if isinstance(v, str))
                    fault = next((found for found in faults if found), None)
                if fault:
                    reader.fault(number, fault, "UTF-8 text")
                elif isinstance(values, dict):
                    yield Row(number, values)


def _batch_rows(batch: Any) -> Iterator[dict[str, object] | str]:  # noqa: ANN401 (pyarrow is untyped)
    """Yield each row's values, or the reason why they cannot be read."""
    try:
        yield from batch.to_pylist()
        return
    except UnicodeDecodeError:
        pass
    for index in range(batch.num_rows):
        try:
            yield batch.slice(index, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            yield f"byte 0x{error.object[error.start]:02x} in a text is not UTF-8"


@contextmanager
def _opened_parquet(reader: Reader, path: Path) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingPackageError(
            f"reading {path} needs pyarrow", run="python -m pip install pyarrow"
        ) from None
    try:
        with pq.ParquetFile(path) as parquet:
            names = parquet.schema_arrow.names
            if len(set(names)) < len(names):
                raise DataError(f"{path}: a column name stands twice", expected="different names")
            yield parquet
    except (pa.ArrowException, OSError) as error:
        detail = str(error).split("\n")[0]
        raise DataError(
            f"{reader.name} is no readable parquet file: {detail}", expected="a whole parquet file"
        ) from None
