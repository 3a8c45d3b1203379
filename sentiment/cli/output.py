"""What commands share: JSON on standard output, and paths that options name."""

from __future__ import annotations

import codecs
import sys
from pathlib import Path
from typing import Any

import typer

from sentiment.errors import DataError, OutputError
from sentiment.json_text import to_json

_EMPTY = "is empty, as of a shell variable that is not set"


def print_json(value: object, *, indent: int | None = None) -> None:
    """Print a value as JSON, in escapes where standard output does not take every character."""
    utf8 = codecs.lookup(sys.stdout.encoding or "ascii").name == "utf-8"
    typer.echo(to_json(value, only_ascii=not utf8, indent=indent))


def output_path(value: str) -> Path:
    """Return the path that --output names.

    Raises:
        OutputError: it is empty, which `Path` would take for the current folder.
    """
    if not value.strip():
        raise OutputError(
            f"--output {_EMPTY}",
            expected="the path to write",
            run="the same with --output PATH, or without --output",
        )
    return Path(value)


def output_folder(default: str) -> Any:  # noqa: ANN401 (as `typer.Option` itself)
    """Return the option that names the folder to write; `default` is what the help calls it."""
    return typer.Option(
        "--output",
        "-o",
        parser=output_path,
        metavar="<path>",
        help="Folder to write.",
        show_default=default,
    )


def need_source(option: str, value: str | None, *, expected: str) -> None:
    """Refuse an empty name of what is to be read, which would mean the current folder.

    Raises:
        DataError: it is empty.
    """
    if value is not None and not value.strip():
        raise DataError(f"{option} {_EMPTY}", expected=expected)
