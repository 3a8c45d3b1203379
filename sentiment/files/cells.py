"""Read rows of comma- or tab-separated cells."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

from sentiment.errors import DataError
from sentiment.files.rows import Reader, Row, fault_of_text
from sentiment.files.text import Lines, opened_text

# A quote that is never closed would swallow the rest of the file; here we stop believing it.
_MAX_CELL_CHARACTERS = 100 * 1024 * 1024
_QUOTING = 'double quotes round a cell that holds a delimiter or line break, "" for a quote in it'

_JOINED = "a quote joins lines that are whole rows without it"


def read_csv_header(reader: Reader, path: str | Path, delimiter: str) -> list[str]:
    """Return the column names in the first line that is not blank."""
    with opened_text(reader, path) as file:
        first, lines = _peeked(Lines(file))
        return _header(reader, _cells(lines, _real_delimiter(first, delimiter)))


def read_csv(reader: Reader, path: str | Path, delimiter: str) -> Iterator[Row]:
    """Yield every row of cells under its column names.

    A blank line is passed over, but in a file of one column it is an empty cell, unless only blank
    lines follow.
    """
    with opened_text(reader, path) as file:
        lines = Lines(file)
        first, source = _peeked(lines)
        delimiter = _real_delimiter(first, delimiter)
        counted = _Counted(source, delimiter)
        rows = _cells(counted if delimiter == "\t" else source, delimiter)
        names = _header(reader, rows)
        lines.take_fault()
        number = blank = 0
        while True:
            counted.fields.clear()
            start = lines.number + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                number += 1 + blank
                blank = 0
                reader.fault(number, f"line {start}: {_csv_reason(error)}", _QUOTING)
                lines.take_fault()
                continue
            if not cells:
                blank += len(names) == 1
                continue
            for _ in range(blank):
                number += 1
                yield Row(number, {names[0]: ""})
            number, blank = number + 1, 0
            fault = lines.take_fault()
            if len(names) > 1 and len(counted.fields) > 1 and set(counted.fields) == {len(names)}:
                reader.fault(number, f"line {start}: {_JOINED}", _QUOTING)
            elif fault is not None:
                reader.fault(number, f"line {start}: {fault}", "UTF-8 text")
            elif len(cells) != len(names):
                counts = f"{len(cells)} fields where the header has {len(names)}"
                reader.fault(number, f"line {start}: {counts}", _QUOTING)
            else:
                yield Row(number, dict(zip(names, cells, strict=True)))


class _Counted:
    """Lines, and how many fields each has had since `fields` was cleared, quotes not heeded.

    A text may well hold line breaks, and hardly ever as many tabs on every line as a row has: then
    a stray quote has joined rows.
    """

    def __init__(self, lines: Iterable[str], delimiter: str) -> None:
        self._lines = iter(lines)
        self._delimiter = delimiter
        self.fields: list[int] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.fields.append(1 + line.count(self._delimiter))
        return line


def _peeked(lines: Lines) -> tuple[str, Iterator[str]]:
    """Return the first line that is not blank, and all lines from there."""
    first = next((line for line in lines if line.strip("\r\n")), "")
    return first, chain([first], lines)


def _real_delimiter(first: str, delimiter: str) -> str:
    """Return what stands between the names in a header line.

    Where a comma is the decimal sign, spreadsheets put semicolons into a csv file.
    """
    if delimiter != "," or "," in first:
        return delimiter
    for other in (";", "\t"):
        names = [name.strip() for name in next(csv.reader([first], delimiter=other), [])]
        if len(names) > 1 and all(names[1:]) and len(set(names)) == len(names):
            return other
    return delimiter


def _cells(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    csv.field_size_limit(max(csv.field_size_limit(), _MAX_CELL_CHARACTERS))
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _header(reader: Reader, rows: Iterator[list[str]]) -> list[str]:
    try:
        names = next((row for row in rows if row), None)
    except csv.Error as error:
        raise DataError(f"{reader.name} header: {error}", expected="column names") from None
    if names is None:
        raise DataError(f"{reader.name} is empty", expected="a header line with column names")
    names = [name.strip() for name in names]
    joined = ",".join(names)
    if fault := fault_of_text(joined):
        hint = (
            "; it looks like UTF-16" if joined.startswith(("\udcff\udcfe", "\udcfe\udcff")) else ""
        )
        fault = fault if fault.startswith("a NUL") else "bytes that are not UTF-8"
        raise DataError(
            f"{reader.name} header holds {fault}{hint}", expected="a file saved as UTF-8"
        )
    # pandas leaves its index column, always the first, without a name.
    if not any(names) or not all(names[1:]):
        raise DataError(
            f"{reader.name}: a column has no name in the header line {joined!r}",
            expected="a first line that names every column",
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(
            f"{reader.name}: the header names {twice[0]!r} more than once",
            expected="different names",
        )
    return names


def _csv_reason(error: csv.Error) -> str:
    if "unexpected end" in str(error) or "field limit" in str(error):
        return "a quoted cell that is never closed; no row after it can be read"
    return str(error)
