"""What a threshold buys: precision at a recall, and accuracy when the model may abstain.

Counts at fixed thresholds, from which a page works out every share; the thresholds are read off the
evaluated rows, so choose one on validation before you promise its figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.curves import ONE_CLASS_ONLY
from sentiment.evaluation.intervals import share
from sentiment.evaluation.metrics import Labels, Probabilities, predict_classes

STEPS = 100  # thresholds 0.00, 0.01 … 1.00
RECALLS = (0.5, 0.8, 0.9, 0.95, 0.99)
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3)


def thresholds(
    labels: Labels, probabilities: Probabilities, classes: Sequence[str]
) -> dict[str, Any]:
    """Return, a class against the rest, counts by threshold; and counts when abstaining.

    Returns:
        `classes`: by class, how many rows get at least each threshold's probability (`chosen`) and
        how many of them are of the class (`hits`), and the best precision at some recalls.
        `abstaining`: how many rows the model is at least so sure of (`answered`), how many of
        these it has right, and the accuracy at some coverages.
    """
    by_class = {}
    for index, name in enumerate(classes):
        actual, scores = labels == index, probabilities[:, index]
        by_class[name] = {
            "n": len(labels),
            "positives": int(actual.sum()),
            **_counts("chosen", "hits", scores, actual),
            **_precision_at_recall(scores, actual),
        }
    confidence = probabilities.max(axis=1)
    right = predict_classes(probabilities) == labels
    return {
        "steps": STEPS,
        "classes": by_class,
        "abstaining": {
            "n": len(labels),
            **_counts("answered", "right", confidence, right),
            "at_coverage": _at_coverage(confidence, right),
        },
    }


def _counts(
    all_name: str, good_name: str, scores: NDArray[np.float64], good: NDArray[np.bool_]
) -> dict[str, list[int]]:
    """Return how many rows reach each threshold, and how many of these are good: (101,) each."""
    # A probability that stands at a threshold reaches it, whatever its last bit.
    place = np.clip(np.floor(scores * STEPS + 1e-9).astype(np.int64), 0, STEPS)
    every = np.bincount(place, minlength=STEPS + 1)[::-1].cumsum()[::-1]
    those = np.bincount(place[good], minlength=STEPS + 1)[::-1].cumsum()[::-1]
    return {all_name: every.tolist(), good_name: those.tolist()}


def _precision_at_recall(scores: NDArray[np.float64], actual: NDArray[np.bool_]) -> dict[str, Any]:
    positives = int(actual.sum())
    if positives in (0, len(actual)):
        return {"at_recall": [], "reason": ONE_CLASS_ONLY}
    threshold, chosen, hits = _cumulated(scores, actual)
    rows = []
    for recall in RECALLS:
        enough = np.flatnonzero(hits >= recall * positives - 1e-9)
        best = enough[np.argmax(hits[enough] / chosen[enough])]
        rows.append(
            {
                "recall_wanted": recall,
                "threshold": float(threshold[best]),
                "recall": share(int(hits[best]), positives),
                "precision": share(int(hits[best]), int(chosen[best])),
            }
        )
    return {"at_recall": rows}


def _at_coverage(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Return the accuracy on the surest rows; rows of equal confidence stay together."""
    threshold, answered, good = _cumulated(confidence, right)
    rows = []
    for coverage in COVERAGES:
        place = int(np.argmin(np.abs(answered - coverage * len(right))))
        rows.append(
            {
                "coverage_wanted": coverage,
                "threshold": float(threshold[place]),
                "coverage": share(int(answered[place]), len(right)),
                "accuracy": share(int(good[place]), int(answered[place])),
            }
        )
    return rows


def _cumulated(
    scores: NDArray[np.float64], good: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Return each different score, falling, with how many rows reach it and how many are good."""
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    return falling[last], last + 1, good[order].cumsum()[last]
