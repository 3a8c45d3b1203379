"""Read rows from any kind of file the package knows, a row at a time.

What is wrong with a row (a broken JSON line, bytes that are no UTF-8) either stops the reading
with an error that names file and row, or is recorded and skipped. What is wrong with a file always
stops.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from sentiment.files.cells import read_csv, read_csv_header
from sentiment.files.parquet import (
    Batch,
    read_parquet,
    read_parquet_batches,
    read_parquet_columns,
)
from sentiment.files.rows import STDIN, OnError, Reader, Row, RowFault, kind_of_readable
from sentiment.files.text import read_jsonl, read_lines

_ROWS_TO_NAME_COLUMNS = 1_000


def read_rows(
    path: str | Path, *, on_error: OnError = "stop", faults: list[RowFault] | None = None
) -> Iterator[Row]:
    """Return the rows of a file in order; `-` reads lines of text from stdin.

    A txt file and stdin have the one column `text`. Values of csv and tsv are text; jsonl and
    parquet keep their types.

    Args:
        path: a file whose extension is one of FORMATS, or `-`.
        on_error: `stop` raises at the first faulty row, `skip` leaves it out.
        faults: receives the rows that were skipped.

    Raises:
        DataError: at once if the file is missing, empty, a folder or of an unknown kind; while
            reading if its content is not what its extension says.
        MissingPackageError: a parquet file was named and pyarrow is not installed.
    """
    reader = _reader(path, on_error, faults)
    if str(path) == STDIN:
        return read_lines(reader, path)
    kind = kind_of_readable(Path(path))
    if kind == "parquet":
        return read_parquet(reader, Path(path))
    if kind == "jsonl":
        return read_jsonl(reader, path)
    if kind == "txt":
        return read_lines(reader, path)
    return read_csv(reader, path, "\t" if kind == "tsv" else ",")


def read_batches(
    path: str | Path,
    *,
    rows: int,
    on_error: OnError = "stop",
    faults: list[RowFault] | None = None,
) -> Iterator[Batch] | None:
    """Return the rows of a file that holds them by column, so many at a time; None for any other.

    Args:
        path: as in `read_rows`.
        rows: the most rows at a time.
        on_error: what `Batch.rows` does at a faulty row, as in `read_rows`.
        faults: as in `read_rows`.

    Raises:
        DataError: as `read_rows`.
        MissingPackageError: as `read_rows`.
    """
    if str(path) == STDIN or kind_of_readable(Path(path)) != "parquet":
        return None
    return read_parquet_batches(_reader(path, on_error, faults), Path(path), rows=rows)


def _reader(path: str | Path, on_error: OnError, faults: list[RowFault] | None) -> Reader:
    name = "stdin" if str(path) == STDIN else str(path)
    return Reader(name, on_error, [] if faults is None else faults)


def read_columns(path: str | Path, *, rows: int | None = _ROWS_TO_NAME_COLUMNS) -> list[str]:
    """Return the column names of a file without reading all of it.

    A jsonl file has the keys of its objects, in the order they first appear; those that cannot be
    read are passed over.

    Args:
        path: as in `read_rows`.
        rows: how many objects of a jsonl file to look at; None: all, since any may have a new key.

    Raises:
        DataError: as `read_rows`.
    """
    if str(path) == STDIN:
        return ["text"]
    kind = kind_of_readable(Path(path))
    reader = Reader(str(path), "skip")
    if kind == "txt":
        return ["text"]
    if kind == "parquet":
        return read_parquet_columns(reader, Path(path))
    if kind == "jsonl":
        objects = islice(read_jsonl(reader, path), rows)
        return list(dict.fromkeys(key for row in objects for key in row.values))
    return read_csv_header(reader, path, "\t" if kind == "tsv" else ",")
