"""Answers that stand in the data: the column `probabilities`, a share for each class.

`sentiment predict --input FILE --output FILE` writes the column; so can anything else whose answers
are to be learned from: another model, or several people who labelled the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.data.labelled import LabelledTexts
from sentiment.errors import DataError

COLUMN = "probabilities"


def class_shares(data: LabelledTexts, classes: Sequence[str]) -> NDArray[np.float64]:
    """Return the shares of the classes that stand beside each text, summing to 1: (rows, classes).

    A cell is a mapping from class to number, or one as JSON, which is how csv holds it. What it
    says of other classes is left out.

    Raises:
        DataError: the column is missing, or a cell lacks a class or holds no shares; the message
            names its row.
    """
    if COLUMN not in data.columns:
        raise DataError(
            f"{data.origin} has no column {COLUMN!r}, which training.teacher names",
            expected="a share for each class in every row",
            run=f"sentiment predict --model TEACHER --input {data.origin} --output FILE",
        )
    shares = np.empty((len(data), len(classes)))
    for index, cell in enumerate(data.columns[COLUMN]):
        try:
            shares[index] = _shares(cell, classes)
        except ValueError as error:
            raise DataError(
                f"{data.origin} row {data.rows[index]}: column {COLUMN!r} {error}",
                expected=f"numbers from 0 up for {', '.join(classes)}, not all 0",
            ) from None
    summed: NDArray[np.float64] = shares / shares.sum(axis=1, keepdims=True)
    return summed


def _shares(cell: object, classes: Sequence[str]) -> list[float]:
    """Read a cell.

    Raises:
        ValueError: it does not hold what it should.
    """
    held = f"holds {cell!r:.60}"
    if isinstance(cell, str):
        try:
            cell = json.loads(cell)
        except ValueError:
            raise ValueError(held) from None
    if not isinstance(cell, Mapping):
        raise ValueError(held)
    for name in classes:
        if not isinstance(cell.get(name), int | float):
            raise ValueError(f"has no number for class {name!r}: it {held}")
    numbers = [float(cell[name]) for name in classes]
    if not np.all(np.isfinite(numbers)) or min(numbers) < 0 or sum(numbers) <= 0:
        raise ValueError(held)
    return numbers
