"""What a row is, what is wrong with one, and which kinds of file there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sentiment.errors import DataError

OnError = Literal["stop", "skip"]

FORMATS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".txt": "txt",
}
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its number (from 1, the header and blank lines passed over) and its values."""

    number: int
    values: dict[str, object]


@dataclass(frozen=True, slots=True)
class RowFault:
    """A row that could not be read, and why."""

    file: str
    row: int
    reason: str


@dataclass(slots=True)
class Reader:
    """Where reading stands: the file's name for messages, and what to do with a faulty row."""

    name: str
    on_error: OnError
    faults: list[RowFault] = field(default_factory=list)

    def fault(self, row: int, reason: str, expected: str | None = None) -> None:
        """Stop with a DataError, or record the fault so that reading can go on."""
        if self.on_error == "stop":
            raise DataError(f"{self.name} row {row}: {reason}", expected=expected)
        self.faults.append(RowFault(self.name, row, reason))


def kind_of_readable(path: Path) -> str:
    """Return the kind of a file that stands ready to be read.

    Raises:
        DataError: it is missing, a folder, empty, out of reach or of an unknown kind.
    """
    kind = FORMATS.get(path.suffix.lower())
    try:
        if path.is_dir():
            raise DataError(f"{path} is a folder", expected="a file")
        size = path.stat().st_size if path.is_file() else None
        if size is None and not path.exists():
            raise DataError(f"no file {path}", expected="the path of a file that exists")
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {reason(error)}") from None
    if kind is None:
        known = " ".join(FORMATS)
        raise DataError(f"{path} has the extension {path.suffix!r}", expected=f"one of {known}")
    if size == 0:
        raise DataError(f"{path} is empty", expected="at least one row")
    return kind


def reason(error: Exception) -> str:
    """Return the system's words for a failure, without its number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def fault_of_text(text: str) -> str | None:
    """Say what no text may hold and this one does, or None."""
    if "\0" in text:
        return "a NUL character"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            return f"a lone surrogate U+{ord(text[error.start]):04X}"
    return None
