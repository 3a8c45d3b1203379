"""Read rows or batches from parquet; pyarrow is imported only when such a file is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.errors import DataError, MissingPackageError
from sentiment.files.rows import Reader, Row, fault_of_text

_BATCH_ROWS = 1_000
_BUFFER_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a parquet file.

    Attributes:
        first: the number of the first of them.
        data: an Arrow record batch.
        reader: what is told of faulty rows.
    """

    first: int
    data: Any
    reader: Reader

    def __len__(self) -> int:
        return int(self.data.num_rows)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns as Arrow arrays by name."""
        return dict(zip(self.data.schema.names, self.data.columns, strict=True))

    def slices(self, column: str, *, most: int) -> Iterator[Batch]:
        """Yield the rows in order, some at a time; the column has about so many bytes in each."""
        size = max(1, self.columns[column].nbytes)
        step = max(1, len(self) * most // size)
        for start in range(0, len(self), step):
            yield Batch(self.first + start, self.data.slice(start, step), self.reader)

    def has_no_fault(self) -> bool:
        """Return whether every text of every column is UTF-8 without NUL."""
        import pyarrow as pa
        import pyarrow.compute as pc

        try:
            self.data.validate(full=True)
            for column in self.data.columns:
                values = column.dictionary if pa.types.is_dictionary(column.type) else column
                is_text = pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
                if is_text and pc.any(pc.match_substring(values, "\0")).as_py():
                    return False
        except pa.ArrowException:
            return False
        return True

    def rows(self) -> Iterator[Row]:
        """Yield every row with the types that the file gives its values."""
        for number, values in enumerate(_batch_rows(self.data), start=self.first):
            fault = values if isinstance(values, str) else None
            if isinstance(values, dict):
                faults = (fault_of_text(v) for v in values.values() if isinstance(v, str))
                fault = next((found for found in faults if found), None)
            if fault:
                self.reader.fault(number, fault, "UTF-8 text")
            elif isinstance(values, dict):
                yield Row(number, values)


def read_parquet_columns(reader: Reader, path: Path) -> list[str]:
    """Return the column names."""
    with _opened_parquet(reader, path) as parquet:
        return list(parquet.schema_arrow.names)


def read_parquet(reader: Reader, path: Path) -> Iterator[Row]:
    """Yield every row with the types that the file gives its values."""
    for batch in read_parquet_batches(reader, path, rows=_BATCH_ROWS):
        yield from batch.rows()


def read_parquet_batches(reader: Reader, path: Path, *, rows: int) -> Iterator[Batch]:
    """Yield the rows, so many at a time, as they lie in the file: by column."""
    first = 1
    with _opened_parquet(reader, path) as parquet:
        for data in parquet.iter_batches(batch_size=rows):
            yield Batch(first, data, reader)
            first += data.num_rows


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
        # Read as it comes: buffered ahead, the whole file would be in memory by its end.
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER_BYTES) as parquet:
            names = parquet.schema_arrow.names
            if len(set(names)) < len(names):
                raise DataError(f"{path}: a column name stands twice", expected="different names")
            yield parquet
    except (pa.ArrowException, OSError) as error:
        detail = str(error).split("\n")[0]
        raise DataError(
            f"{reader.name} is no readable parquet file: {detail}", expected="a whole parquet file"
        ) from None
