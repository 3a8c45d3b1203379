"""Every error a user can cause, as one tree.

    SentimentError
    ├── ConfigError          a setting is unknown, of the wrong type or impossible
    ├── DataError            a file, column, row or label is not what was expected
    ├── ModelFolderError     a model folder is missing, damaged or of another version
    ├── TrainingError        training cannot start, continue or finish
    ├── ExportError          a model cannot be written in another format
    ├── OutputError          a result cannot be written
    └── MissingPackageError  an optional package is not installed

The command line prints the message as one line on stderr and exits with 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager


class SentimentError(Exception):
    """A known error: what came, what was expected, what to run.

    Args:
        what: what came, naming the file, row, key or folder.
        expected: what was expected instead.
        run: the command or step that mends it.
    """

    def __init__(self, what: str, *, expected: str | None = None, run: str | None = None) -> None:
        self.what = what
        self.expected = expected
        self.run = run
        parts = [what]
        if expected:
            parts.append(f"expected {expected}")
        if run:
            parts.append(f"run: {run}")
        # One line whatever the parts hold: file names and cell values may carry line breaks.
        super().__init__(" ".join("; ".join(parts).split()))


@contextmanager
def proposing(commands: Mapping[str, str]) -> Iterator[None]:
    """Have errors propose the command that was run, where they know another one.

    Args:
        commands: how what they propose begins, and what to say instead; the first that fits counts.
    """
    try:
        yield
    except SentimentError as error:
        for known, said in commands.items():
            if error.run and error.run.startswith(known):
                run = error.run.replace(known, said, 1)
                raise type(error)(error.what, expected=error.expected, run=run) from None
        raise


class ConfigError(SentimentError):
    """A setting is unknown, of the wrong type or impossible."""


class DataError(SentimentError):
    """A file, column, row or label is not what was expected."""


class ModelFolderError(SentimentError):
    """A model folder is missing, damaged or of another version."""


class TrainingError(SentimentError):
    """Training cannot start, continue or finish."""


class ExportError(SentimentError):
    """A model cannot be written in another format."""


class OutputError(SentimentError):
    """A result cannot be written."""


class MissingPackageError(SentimentError):
    """An optional package is not installed."""
