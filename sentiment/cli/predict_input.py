"""What `sentiment predict --input` reads, some thousand rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from sentiment.files import Row, RowFault
    from sentiment.files.parquet import Batch

# Rows, and characters, read, predicted and written at a time: memory stays flat whatever the
# file's length and whatever the texts' lengths, and no core waits long for the first.
ROWS_AT_A_TIME = 4_096
CHARACTERS_AT_A_TIME = 1_000_000
# Among texts of very unlike lengths some parts come out larger than was meant; up to here they may.
MOST_CHARACTERS = 8 * CHARACTERS_AT_A_TIME


@dataclass(frozen=True)
class Part:
    """Some texts, and the other columns of each: row by row, or of a parquet file by column."""

    texts: list[str]
    others: list[dict[str, object]]
    table: dict[str, Any] | None = None

    def columns(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the other columns as columns; a value that a row lacks is None."""
        if self.table is not None:
            return self.table
        return {name: [row.get(name) for row in self.others] for name in names}


def read_parts(
    source: str, text_column: str, *, faults: list[RowFault], stop: bool, by_column: bool
) -> tuple[Iterator[Part], list[str]]:
    """Return the texts of a file or of standard input, and the names of its other columns.

    Args:
        source: a file's name, or `-`.
        text_column: which column holds the texts.
        faults: receives the rows that are left out.
        stop: whether to stop at the first faulty row instead.
        by_column: whether a file that holds its rows by column is read so.

    Raises:
        DataError: a file or, while reading, a row is not what was expected.
    """
    from sentiment.errors import DataError
    from sentiment.files import read_batches, read_columns, read_rows

    # All of them, before the first row: any object of a jsonl may have a new one, and which name is
    # free for a column of the input that a prediction has too depends on every other.
    columns = read_columns(source, rows=None)
    # Where no row can be read there is no column: the rows themselves then say what is wrong.
    if columns and text_column not in columns:
        raise DataError(
            f"{source} has no column {text_column!r}",
            expected=f"one of {', '.join(columns)}",
            run="sentiment predict … --text-column NAME",
        )
    keep = partial(_kept, columns=columns, text_column=text_column)
    check = partial(_checked, source, text_column, keep, stop=stop, faults=faults)
    on_error: Literal["stop", "skip"] = "stop" if stop else "skip"

    def parts() -> Iterator[Part]:
        batches = None
        if by_column:
            batches = read_batches(source, rows=ROWS_AT_A_TIME, on_error=on_error, faults=faults)
        if batches is None:
            yield from check(read_rows(source, on_error=on_error, faults=faults))
            return
        for whole in batches:
            for batch in whole.slices(text_column, most=CHARACTERS_AT_A_TIME):
                texts = _plain_texts(batch, text_column)
                if texts is None:
                    yield from check(batch.rows())
                else:
                    yield Part(texts, [], keep(batch.columns))

    return parts(), list(keep(dict.fromkeys(columns)))


def _plain_texts(batch: Batch, column: str) -> list[str] | None:
    """Return a batch's texts if they are not too large and nothing is wrong with any row."""
    values = batch.columns[column]
    if values.nbytes > MOST_CHARACTERS or not batch.has_no_fault():
        return None
    texts: list[str] = values.to_pylist()
    return texts if set(map(type, texts)) <= {str} else None


def _checked(
    source: str,
    text_column: str,
    keep: Callable[[dict[str, object]], dict[str, object]],
    rows: Iterable[Row],
    *,
    stop: bool,
    faults: list[RowFault],
) -> Iterator[Part]:
    """Yield rows some thousand at a time; one without a text stops, or is left out and told."""
    from sentiment.errors import DataError
    from sentiment.files import RowFault
    from sentiment.text.tokenizer import check_text

    texts: list[str] = []
    others: list[dict[str, object]] = []
    characters = 0
    for row in rows:
        text = row.values.get(text_column)
        reason = "nothing" if text is None else check_text(text)
        if reason:
            reason = f"column {text_column!r} holds {reason}"
            if stop:
                raise DataError(
                    f"{source} row {row.number}: {reason}",
                    expected="text",
                    run="sentiment predict … --on-error skip",
                )
            faults.append(RowFault(source, row.number, reason))
            continue
        texts.append(str(text))
        others.append(keep(row.values))
        characters += len(texts[-1])
        if len(texts) == ROWS_AT_A_TIME or characters >= CHARACTERS_AT_A_TIME:
            yield Part(texts, others)
            texts, others, characters = [], [], 0
    if texts:
        yield Part(texts, others)


def _kept(values: dict[str, Any], columns: Collection[str], text_column: str) -> dict[str, Any]:
    """Keep every input column; one that a prediction has too becomes `input_…`."""
    from sentiment.runtime.answers import FIELDS

    kept = {}
    for name, value in values.items():
        new = name
        # `text` is the one field that a prediction only hands on.
        if name in FIELDS and not name == text_column == "text":
            new = f"input_{name}"
            while new in columns:
                new = f"input_{new}"
        kept[new] = value
    return kept
