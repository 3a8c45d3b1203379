"""Answers restricted to some of a model's classes, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.metrics import Probabilities, restrict


def keep_classes(probabilities: NDArray[np.floating], kept: Sequence[int]) -> Probabilities:
    """Return the kept classes' probabilities, which sum to 1 again: (rows, kept classes)."""
    given = np.asarray(probabilities, dtype=np.float64)
    return given if len(kept) == given.shape[1] else restrict(given, kept)


def restriction(
    probabilities: NDArray[np.floating], classes: Sequence[str], kept: Sequence[int]
) -> dict[str, Any] | None:
    """Return which classes were left out, and how many texts had one as first choice."""
    if len(kept) == len(classes):
        return None
    first = np.bincount(np.argmax(probabilities, axis=1), minlength=len(classes)).tolist()
    return {
        "classes": list(classes),
        "rows": len(probabilities),
        "left_out": {name: first[place] for place, name in enumerate(classes) if place not in kept},
    }


def restricted(left: Mapping[str, Any] | None) -> list[str]:
    """Return the note that says so, if any class was left out."""
    if left is None:
        return []
    rows = left["rows"]
    counted = ", ".join(
        f"{name!r} would have been the first choice of {count:,} of {rows:,} texts "
        f"({100 * count / rows:.1f} %)"
        for name, count in left["left_out"].items()
    )
    return [f"answers are restricted to the classes that the data has: {counted}"]
