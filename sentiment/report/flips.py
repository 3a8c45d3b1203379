"""Two models on the same rows: where one alone is right, with examples, and by loss."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import DataError
from sentiment.evaluation.intervals import mean
from sentiment.evaluation.metrics import brier_scores, log_losses
from sentiment.evaluation.predictions import PROBABILITY, read_batches
from sentiment.report.saved import SavedEvaluation
from sentiment.report.visible import visible

MAX_EXAMPLES = 12  # of each direction


class _Surest:
    """Keeps the rows whose right answer was surest; the first of equals first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, dict[str, Any]]] = []

    def add(self, sureness: float, row: int, entry: dict[str, Any]) -> None:
        heapq.heappush(self._heap, (sureness, -row, entry))
        if len(self._heap) > self._most:
            heapq.heappop(self._heap)

    def entries(self) -> list[dict[str, Any]]:
        order = sorted(self._heap, key=lambda item: item[:2], reverse=True)
        return [entry for _, _, entry in order]


def flips(
    first: SavedEvaluation, other: SavedEvaluation, *, most: int = MAX_EXAMPLES
) -> dict[str, Any]:
    """Return what the other model gains and loses against the first, on the same rows.

    Returns:
        `gained` and `lost`: rows the other alone, and the first alone, has right: how many, and the
        surest of them; `log_loss` and `brier`: other − first, mean over the rows with its normal
        interval (below 0 the other is better).

    Raises:
        DataError: the predictions of one are damaged, or hold other rows.
    """
    classes = first.metrics["model"]["classes"]
    counts = {"gained": 0, "lost": 0}
    kept = {"gained": _Surest(most), "lost": _Surest(most)}
    losses: list[NDArray[np.float64]] = []
    start = 0
    for texts, labels, chances in _aligned(first, other, classes):
        answers = [each.argmax(axis=1) for each in chances]
        right = [each == labels for each in answers]
        losses.append(_loss_changes(labels, chances))
        for name, mask, winner in (
            ("gained", right[1] & ~right[0], 1),
            ("lost", right[0] & ~right[1], 0),
        ):
            rows = np.flatnonzero(mask)
            counts[name] += len(rows)
            sureness = chances[winner].max(axis=1)
            for row in rows[np.argsort(-sureness[rows], kind="stable")][:most].tolist():
                entry = {
                    "row": start + row + 1,
                    "text": visible(texts[row].as_py() or ""),
                    "label": classes[int(labels[row])],
                    "first": classes[int(answers[0][row])],
                    "other": classes[int(answers[1][row])],
                    "first_probability": float(chances[0][row].max()),
                    "other_probability": float(chances[1][row].max()),
                }
                kept[name].add(float(sureness[row]), start + row, entry)
        start += len(labels)
    changes = np.concatenate(losses, axis=1)  # (log-loss and Brier, rows)
    return {
        **{name: {"rows": counts[name], "examples": kept[name].entries()} for name in counts},
        "log_loss": mean(changes[0]),
        "brier": mean(changes[1]),
    }


def _loss_changes(
    labels: NDArray[np.int64], chances: list[NDArray[np.float64]]
) -> NDArray[np.float64]:
    return np.stack(
        [
            measure(labels, chances[1]) - measure(labels, chances[0])
            for measure in (log_losses, brier_scores)
        ]
    )


def _aligned(
    first: SavedEvaluation, other: SavedEvaluation, classes: list[str]
) -> Iterator[tuple[Any, NDArray[np.int64], list[NDArray[np.float64]]]]:
    """Yield texts, labels (rows,) and both probabilities (rows, classes), part by part."""
    columns = [PROBABILITY + name for name in classes]
    parts = zip_longest(
        read_batches(first.predictions, ["text", "label", *columns]),
        read_batches(other.predictions, columns),
    )
    places = {name: place for place, name in enumerate(classes)}
    for one, two in parts:
        if one is None or two is None or one.num_rows != two.num_rows:
            raise DataError(
                f"{other.predictions} holds other rows than {first.predictions}",
                expected="evaluations of the same data",
                run="sentiment eval MODEL --data SAME for each",
            )
        chances = [
            np.stack([part.column(name).to_numpy().astype(np.float64) for name in columns], axis=1)
            for part in (one, two)
        ]
        labels = np.array([places[name] for name in one.column("label").to_pylist()])
        yield one.column("text"), labels, chances
