"""Slices by a metadata column that is named when the report is made, from the saved predictions."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import DataError
from sentiment.evaluation.intervals import SIGNIFICANCE, holm
from sentiment.evaluation.predictions import PROBABILITY, read_batches
from sentiment.evaluation.slices import (
    MAX_VALUE_LENGTH,
    TAG_COLUMN,
    TextSlice,
    measure_slices,
    tag_slices,
)
from sentiment.report.saved import SavedEvaluation

MAX_VALUES = 30
QUANTILES = 5
# Columns of predictions.parquet that say nothing of a kind of text.
_NOT_METADATA = ("text", "final_state")


def add_column_slices(evaluation: SavedEvaluation, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the evaluation's slices with those of the columns added, corrected together.

    A column of numbers is cut into fifths, one of many values into its 30 commonest and the rest.

    Raises:
        DataError: the predictions have no such column, or it holds one value only.
    """
    slices = [dict(piece) for piece in evaluation.metrics["slices"]]
    wanted = list(dict.fromkeys(columns))
    if not wanted:
        return slices
    _check(evaluation, wanted)
    # A column named by hand replaces the slices that were made of it by themselves.
    slices = [piece for piece in slices if piece["family"] not in wanted]
    right: list[NDArray[np.bool_]] = []
    values: dict[str, list[Any]] = {name: [] for name in wanted}
    names = list(dict.fromkeys(["label", "predicted", *wanted]))
    for batch in read_batches(evaluation.predictions, names):
        label = np.array(batch.column("label").to_pylist(), dtype=object)
        predicted = np.array(batch.column("predicted").to_pylist(), dtype=object)
        right.append(label == predicted)
        for name in wanted:
            values[name] += batch.column(name).to_pylist()
    made = [piece for name in wanted for piece in _slices_of(evaluation, name, values[name])]
    slices += measure_slices(np.concatenate(right), made)
    adjusted = holm([piece["p_value"] for piece in slices])
    return [
        {**piece, "p_holm": p, "significantly_worse": p is not None and p < SIGNIFICANCE}
        for piece, p in zip(slices, adjusted, strict=True)
    ]


def _check(evaluation: SavedEvaluation, wanted: Sequence[str]) -> None:
    import pyarrow.parquet as pq

    try:
        there = pq.read_schema(evaluation.predictions).names
    except Exception as error:  # damaged files raise many kinds
        raise DataError(
            f"cannot read {evaluation.predictions}: {str(error).splitlines()[0]}",
            expected="the predictions that sentiment eval wrote",
        ) from None
    own = [
        name
        for name in there
        if name not in _NOT_METADATA and not name.startswith((PROBABILITY, "baseline_"))
    ]
    for name in wanted:
        if name not in own:
            raise DataError(
                f"{evaluation.predictions} has no column {name!r} to slice by",
                expected=f"one of {', '.join(own)}",
            )


def _slices_of(evaluation: SavedEvaluation, column: str, values: list[Any]) -> list[TextSlice]:
    if column == TAG_COLUMN:
        return list(tag_slices(column, values))
    present = [value for value in values if value is not None]
    counted = Counter(_named(value) for value in present)
    if len(counted) < 2:
        raise DataError(
            f"column {column!r} of {evaluation.predictions} holds one value only",
            expected="a column whose values tell rows apart",
        )
    if len(counted) > MAX_VALUES and (numbers := _numbers(values)) is not None:
        return _fifths(column, numbers)
    kept = [name for name, _ in counted.most_common(MAX_VALUES)]
    places = {name: place for place, name in enumerate(kept)}
    codes = np.array(
        [-1 if value is None else places.get(_named(value), len(kept)) for value in values]
    )
    made = [TextSlice(column, name, codes == place) for place, name in enumerate(kept)]
    if (codes == len(kept)).any():
        rest = f"any other of {len(counted) - len(kept):,} values"
        made.append(TextSlice(column, rest, codes == len(kept)))
    return made


def _numbers(values: list[Any]) -> NDArray[np.float64] | None:
    """Return the values as numbers, NaN where there is none; None if one is something else.

    A csv file holds its numbers as text.
    """
    try:
        numbers = [np.nan if value in (None, "") else float(value) for value in values]
    except (TypeError, ValueError):
        return None
    held = np.array(numbers, np.float64)
    return np.where(np.isfinite(held), held, np.nan)


def _fifths(column: str, numbers: NDArray[np.float64]) -> list[TextSlice]:
    edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, QUANTILES + 1)))
    made = []
    for low, high in itertools.pairwise(edges):
        last = high == edges[-1]
        inside = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        name = f"{low:g} to {'' if last else 'under '}{high:g}"
        made.append(TextSlice(column, name, inside))
    return [piece for piece in made if piece.rows.any()]


def _named(value: Any) -> str:  # noqa: ANN401 (any cell of a parquet file)
    return str(value)[:MAX_VALUE_LENGTH] or "(empty)"
