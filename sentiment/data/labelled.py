"""Labelled texts: the shape in which data leaves its files and enters training and evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sentiment.data.class_order import all_numbers
from sentiment.data.labels import (
    UNLABELLED,
    UnknownLabel,
    class_indices,
    count_through,
    label_counts,
)
from sentiment.data.tables import Table
from sentiment.errors import DataError
from sentiment.text.tokenizer import check_text


@dataclass(frozen=True, eq=False)
class LabelledTexts:
    """Texts with their labels, and every other column beside them.

    Attributes:
        texts: may hold empty texts.
        labels: indices into `classes`, or -1 (`UNLABELLED`) for a text without one, (rows,).
        classes: label names, in order.
        columns: every column but text and label, aligned with the rows.
        origin: the file or hub split the rows come from.
        rows: the number of each row in its origin, from 1, (rows,).
        by_position: whether every label was a bare number, read as a place among `classes`.
    """

    texts: list[str]
    labels: NDArray[np.int32]
    classes: tuple[str, ...]
    columns: dict[str, list[object]] = field(default_factory=dict)
    origin: str = ""
    rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    by_position: bool = False

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.texts):
            object.__setattr__(self, "rows", np.arange(1, len(self.texts) + 1))

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, indices: Sequence[int] | NDArray[np.integer]) -> LabelledTexts:
        """Return the rows at these positions, in this order."""
        chosen = np.asarray(indices, np.int64)
        return replace(
            self,
            texts=[self.texts[i] for i in chosen],
            labels=self.labels[chosen],
            columns={name: [values[i] for i in chosen] for name, values in self.columns.items()},
            rows=self.rows[chosen],
        )


def label_texts(
    table: Table, text_column: str, label_column: str, classes: tuple[str, ...]
) -> LabelledTexts:
    """Take texts and labels out of a table that has their columns.

    Raises:
        DataError: a cell holds no text, or a label is missing or unknown.
    """
    texts = table_texts(table, text_column)
    labels = class_indices(table, label_column, classes)
    if len(missing := np.flatnonzero(labels == UNLABELLED)):
        more = f" ({len(missing):,} such rows)" if len(missing) > 1 else ""
        _refuse_minus_one(table, label_column, classes, table.rows[missing[0]])
        raise DataError(
            f"{table.origin} row {table.rows[missing[0]]} has no label{more}",
            expected=f"one of {', '.join(classes)}; rows without a label belong in unsupervised",
        )
    others = {k: v for k, v in table.columns.items() if k not in (text_column, label_column)}
    return LabelledTexts(
        texts,
        labels,
        classes,
        others,
        table.origin,
        np.asarray(table.rows, np.int64),
        by_position=count_through(table, label_column, classes),
    )


def _refuse_minus_one(
    table: Table, label_column: str, classes: tuple[str, ...], first: int
) -> None:
    """Refuse -1 beside other numbers: there it is a class, and elsewhere it means no label."""
    counts = label_counts(table, label_column)
    rows = counts[str(UNLABELLED)]
    if rows and len(counts) > 1 and all_numbers(counts):
        raise UnknownLabel(
            f"{table.origin} row {first} has the label {UNLABELLED} ({rows:,} of "
            f"{len(table):,} rows), which alone means no label",
            expected=f"one of {', '.join(classes)}, or a meaning for each number",
            names=counts,
        )


def numbers_left_out(parts: Iterable[LabelledTexts]) -> tuple[LabelledTexts, list[int]] | None:
    """Return the first part labelled with bare numbers, and all numbers; None if they are complete.

    Where they are not 0, 1, … up to the last class, what they count is a guess: 1 and 2 may be
    the first two of all classes, or 0 and 1 the first and the last.
    """
    counted = [part for part in parts if part.by_position and len(part)]
    if not counted:
        return None
    numbers = sorted({int(place) for part in counted for place in np.unique(part.labels)})
    return None if len(numbers) == len(counted[0].classes) else (counted[0], numbers)


def table_texts(table: Table, column: str) -> list[str]:
    """Return a column as texts.

    Raises:
        DataError: a cell holds something else, a NUL or a lone surrogate; the message names its
            row.
    """
    for row, value in zip(table.rows, table.columns[column], strict=True):
        if isinstance(value, str):
            held = check_text(value)
        else:
            held = "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"
        if held is None:
            continue
        raise DataError(
            f"{table.origin} row {row}: column {column!r} holds {held}", expected="text"
        )
    return [str(value) for value in table.columns[column]]


def need_columns(table: Table, *columns: str, as_options: bool = False) -> None:
    """Check that a table has rows, its text column and, if named, another one of labels.

    `as_options` says that the columns were named on the command line and not in a config.

    Raises:
        DataError: there is no row, one column is both, or a column is missing; the message names
            those there are.
    """
    if not len(table):
        raise DataError(f"{table.origin} has no rows", expected="at least one row")
    if len(set(columns)) < len(columns):
        raise DataError(
            f"{table.origin}: column {columns[0]!r} is named for both texts and labels",
            expected="two columns",
        )
    for option, column in zip(("text_column", "label_column"), columns, strict=False):
        if column in table.columns:
            continue
        names = ", ".join(map(repr, table.columns)) or "none"
        flag = f"--{option.replace('_', '-')} NAME"
        way = flag if as_options else f"--set data.{option}=NAME"
        raise DataError(
            f"{table.origin} has no column {column!r}",
            expected=f"one of its columns: {names}",
            run=f"the command with {way}",
        )
