"""Read lines of text and JSON lines, and open text so that one bad byte spoils one row only."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentiment.errors import DataError
from sentiment.files.rows import STDIN, Reader, Row, fault_of_text, reason

_GZIP = b"\x1f\x8b"
_PIPE = "sentiment predict --input - < FILE"


@contextmanager
def opened_text(reader: Reader, path: str | Path) -> Iterator[io.TextIOWrapper]:
    """Open a file or stdin as UTF-8; bytes that are none become escapes that `Lines` finds."""
    options: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
    if str(path) == STDIN:
        if sys.stdin is None:
            raise DataError("standard input is closed", expected="lines of text", run=_PIPE)
        file = io.TextIOWrapper(sys.stdin.buffer, **options)
        try:
            yield file
        finally:
            file.detach()
        return
    try:
        with open(path, **options) as file:
            if file.buffer.peek(2)[:2] == _GZIP:
                raise DataError(
                    f"{reader.name} is packed with gzip", expected="the file that is packed in it"
                )
            yield file
    except OSError as error:
        raise DataError(f"cannot read {reader.name}: {reason(error)}") from None


class Lines:
    """Lines of a text file, endings kept; `take_fault` says what was wrong since the last call."""

    def __init__(self, file: Iterable[str]) -> None:
        self._file = iter(file)
        self._byte = 0
        self._fault: str | None = None
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._file)
        self.number += 1
        if "\0" in line:
            before = line[: line.index("\0")].encode("utf-8", "surrogateescape")
            self._fault = f"a NUL character at byte {self._byte + len(before)}"
        try:
            self._byte += len(line.encode("utf-8"))
        except UnicodeEncodeError as error:
            before = line[: error.start].encode("utf-8")
            value = ord(line[error.start]) - 0xDC00
            self._fault = f"byte {self._byte + len(before)} (0x{value:02x}) is not UTF-8"
            self._byte += len(line.encode("utf-8", "surrogateescape"))
        return line.removeprefix("\ufeff") if self.number == 1 else line

    def take_fault(self) -> str | None:
        """Return what was wrong with the lines since the last call, and forget it."""
        fault, self._fault = self._fault, None
        return fault


def read_lines(reader: Reader, path: str | Path) -> Iterator[Row]:
    """Yield every line, empty ones too, as a row with the column `text`."""
    with opened_text(reader, path) as file:
        lines = Lines(file)
        for line in lines:
            if fault := lines.take_fault():
                reader.fault(lines.number, fault, "UTF-8 text")
            else:
                yield Row(lines.number, {"text": line.rstrip("\r\n")})


def read_jsonl(reader: Reader, path: str | Path) -> Iterator[Row]:
    """Yield every JSON object; blank lines are passed over and not counted."""
    number = 0
    with opened_text(reader, path) as file:
        lines = Lines(file)
        for line in lines:
            if not line.strip():
                continue
            number += 1
            value: object = None
            fault = lines.take_fault()
            if fault is None:
                value, fault = _parse_json(line)
            if fault is not None:
                reader.fault(number, f"line {lines.number}: {fault}", "one JSON object a line")
            elif isinstance(value, dict):
                yield Row(number, value)
    if not number:
        raise DataError(f"{reader.name} is empty", expected="one JSON object a line")


def _parse_json(line: str) -> tuple[object, str | None]:
    """Return the value and None, or None and what is wrong with the line."""
    try:
        value = _DECODER.decode(line)
        if not isinstance(value, dict):
            return None, f"a JSON {_json_name(value)}, not an object"
        # The line itself is clean, so only a \u escape can bring in what no text may hold.
        texts = _strings_in(value) if "\\u" in line else ()
        fault = next((found for found in map(fault_of_text, texts) if found), None)
    except RecursionError:
        return None, "JSON nested too deeply"
    except _RepeatedKeyError as error:
        return None, f"the key {error.args[0]!r} stands twice"
    except ValueError as error:
        return None, f"not JSON ({error})"
    return value, fault


class _RepeatedKeyError(Exception):
    """A JSON object has two values under one key."""


def _without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return found


# Made once: `json.loads` would make one a line.
_DECODER = json.JSONDecoder(object_pairs_hook=_without_repeats)


def _json_name(value: object) -> str:
    names = {list: "array", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number")


def _strings_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings_in(key)
            yield from _strings_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings_in(inner)
