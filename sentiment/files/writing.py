"""Write rows or columns to csv, tsv, jsonl or parquet: whole or not at all.

They go to a temporary sibling that takes the file's name only when the last row is written.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from sentiment.durable import replacing
from sentiment.errors import OutputError
from sentiment.files.columns import Columns, columns_to_rows, rows_to_columns
from sentiment.files.parquet_writing import write_parquet
from sentiment.files.rows import FORMATS
from sentiment.json_text import to_json

_Writer = Callable[[Path, Iterable[Columns], Sequence[str]], int]


def write_rows(
    path: str | Path, rows: Iterable[Mapping[str, object]], *, columns: Sequence[str]
) -> int:
    """Write rows in order and return how many there were.

    A value that a row lacks is None; keys that are no column are left out. None is an empty cell
    in csv and tsv, where dictionaries and lists become JSON text; jsonl and parquet keep them. JSON
    has no NaN and no Infinity: there they are null.

    Args:
        path: its extension is csv, tsv, jsonl, ndjson or parquet; a file there is replaced.
        rows: taken some thousand at a time as they are written.
        columns: the names to write, in order.

    Raises:
        OutputError: the file cannot be written; nothing is left behind.
        MissingPackageError: a parquet file was named and pyarrow is not installed.
    """
    return write_tables(path, rows_to_columns(rows, columns), columns=columns)


def write_tables(path: str | Path, tables: Iterable[Columns], *, columns: Sequence[str]) -> int:
    """Write tables one below the other and return how many rows they have; else as `write_rows`.

    Args:
        path: as in `write_rows`.
        tables: taken one by one as they are written; each has every column. An Arrow array keeps
            its type in parquet.
        columns: the names to write, in order.

    Raises:
        OutputError: as `write_rows`.
        MissingPackageError: as `write_rows`.
    """
    path = Path(path)
    writers: dict[str, _Writer] = {
        "csv": _write_csv,
        "tsv": _write_tsv,
        "jsonl": _write_jsonl,
        "parquet": write_parquet,
    }
    kind = FORMATS.get(path.suffix.lower(), "")
    if kind not in writers:
        raise OutputError(
            f"cannot write {path}: its extension is {path.suffix!r}",
            expected=f"one of {', '.join(sorted(writers))}",
        )
    with replacing(path) as temporary:
        return writers[kind](temporary, tables, columns)


def _write_jsonl(path: Path, tables: Iterable[Columns], columns: Sequence[str]) -> int:
    count = 0
    # backslashreplace: a lone surrogate becomes the JSON escape that means the same.
    with open(path, "w", encoding="utf-8", newline="\n", errors="backslashreplace") as file:
        for table in tables:
            for row in columns_to_rows(table, columns):
                file.write(to_json(dict(zip(columns, row, strict=True))) + "\n")
                count += 1
    return count


def _write_csv(
    path: Path, tables: Iterable[Columns], columns: Sequence[str], *, delimiter: str = ","
) -> int:
    count = 0
    with open(path, "w", encoding="utf-8", newline="", errors="backslashreplace") as file:
        writer = csv.writer(_UnixLines(file), delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(columns)
        for table in tables:
            for row in columns_to_rows(table, columns):
                writer.writerow([_cell(value) for value in row])
                count += 1
    return count


class _UnixLines:
    """Ends lines with a line feed alone.

    Only where the terminator holds both signs does the csv module quote a cell with either.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        return self._file.write(line.removesuffix("\r\n") + "\n")


def _write_tsv(path: Path, tables: Iterable[Columns], columns: Sequence[str]) -> int:
    return _write_csv(path, tables, columns, delimiter="\t")


def _cell(value: object) -> object:
    if isinstance(value, dict | list | tuple | bool):
        return to_json(value)
    return value
