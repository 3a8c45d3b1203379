"""Calibration, ROC and precision-recall: each as points that a plot can draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import (
    RESAMPLES,
    SEED,
    Z,
    bootstrap_figure,
    figure,
    mean,
    resample_counts,
    share,
    wilson,
)
from sentiment.evaluation.metrics import (
    SMALLEST_PROBABILITY,
    Labels,
    Probabilities,
    log_losses,
    predict_classes,
)

NUM_BINS = 15
MAX_POINTS = 200
ONE_CLASS_ONLY = "one class only"


def calibration(
    labels: Labels,
    probabilities: Probabilities,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the expected calibration error and its reliability bins.

    The probability of the predicted class falls into 15 equal bins; a bin's gap is the distance of
    its mean probability from its share of right predictions (Guo et al. 2017, arXiv:1706.04599).
    The bootstrap draws how many rows of each bin are right and wrong, and holds the bins' mean
    probabilities where they are. Chance alone opens gaps, so the error of few rows is too large
    and its interval is mirrored; where the true error is near 0 it covers less than 95 % says.
    """
    n = len(labels)
    confidence = probabilities.max(axis=1)  # (rows,)
    right = (predict_classes(probabilities) == labels).astype(np.int64)
    bins = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    counts = np.bincount(bins * 2 + right, minlength=NUM_BINS * 2)  # (bins × wrong/right,)
    sums = np.bincount(bins, weights=confidence, minlength=NUM_BINS)
    rows = counts.reshape(NUM_BINS, 2).sum(axis=1)
    means = sums / np.maximum(rows, 1)
    samples = resample_counts(counts, resamples=resamples, seed=seed)
    value = float(_calibration_error(counts[None], means)[0])
    ece = bootstrap_figure(
        value,
        _calibration_error(samples, means),
        n=n,
        seed=seed,
        fallback=lambda _: _ece_fallback(float(confidence.mean()), int(right.sum()), n),
        biased=True,
    )
    return {"expected_calibration_error": ece, "bins": _bin_rows(counts, means), "n": n}


def calibration_before(
    labels: Labels,
    probabilities: Probabilities,
    temperature: float | None,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Any] | None:
    """Return the calibration that the model had before its temperature, and its log-loss.

    Dividing logits by a temperature T raises the probabilities to 1/T and makes them sum to 1
    again; raising them to T undoes it. The same classes win before and after.

    Args:
        labels: (rows,).
        probabilities: (rows, classes), after the temperature.
        temperature: T; None where it is not known, and nothing is returned.
        seed: of the bootstrap.
        resamples: how often the rows are drawn again.
    """
    if temperature is None:
        return None
    logits = temperature * np.log(np.clip(probabilities, SMALLEST_PROBABILITY, 1.0))
    before = np.exp(logits - logits.max(axis=1, keepdims=True))
    before /= before.sum(axis=1, keepdims=True)
    return {
        "temperature": temperature,
        "log_loss": mean(log_losses(labels, before)),
        **calibration(labels, before, seed=seed, resamples=resamples),
    }


def _calibration_error(
    counts: NDArray[np.int64], means: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(resamples, bins × 2) → (resamples,)."""
    pairs = counts.reshape(-1, NUM_BINS, 2)
    rows = pairs.sum(axis=2)
    gaps = np.abs(pairs[:, :, 1] - rows * means)  # a bin's gap times its rows
    return np.asarray(gaps.sum(axis=1) / rows.sum(axis=1))


def _ece_fallback(confidence: float, right: int, n: int) -> tuple[float, float]:
    low, high = wilson(right, n)
    inside = low <= confidence <= high
    ends = (abs(confidence - low), abs(confidence - high))
    return (0.0 if inside else min(ends)), max(ends)


def _bin_rows(counts: NDArray[np.int64], means: NDArray[np.float64]) -> list[dict[str, Any]]:
    rows = []
    for index, (wrong, right) in enumerate(counts.reshape(NUM_BINS, 2).tolist()):
        if wrong + right:
            rows.append(
                {
                    "from": index / NUM_BINS,
                    "to": (index + 1) / NUM_BINS,
                    "probability": float(means[index]),
                    "accuracy": share(right, wrong + right),
                }
            )
    return rows


def ranking_curves(
    labels: Labels, probabilities: Probabilities, classes: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return `roc` and `precision_recall`, one class against the rest, at most 200 points each.

    A class that no row has, or that every row has, gets no curve but a reason.
    """
    roc: dict[str, Any] = {}
    precision_recall: dict[str, Any] = {}
    for index, name in enumerate(classes):
        actual = labels == index
        num_positive, n = int(actual.sum()), len(labels)
        if num_positive in (0, n):
            reason = {"reason": ONE_CLASS_ONLY, "n": n, "positives": num_positive}
            roc[name] = {"auc": None, **reason}
            precision_recall[name] = {"average_precision": None, **reason}
            continue
        roc[name] = _roc(actual, probabilities[:, index])
        precision_recall[name] = _precision_recall(actual, probabilities[:, index])
    return {"roc": roc, "precision_recall": precision_recall}


def _roc(actual: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, Any]:
    from sklearn.metrics import auc, roc_curve

    false_rate, true_rate, _ = roc_curve(actual, scores, drop_intermediate=False)
    area = float(auc(false_rate, true_rate))
    keep = spread_points(false_rate, true_rate)
    return {
        "auc": figure(
            area, _area_interval(actual, scores, area), n=len(actual), method="DeLong, logit"
        ),
        "false_positive_rate": _rounded(false_rate[keep]),
        "true_positive_rate": _rounded(true_rate[keep]),
        "n": len(actual),
        "positives": int(actual.sum()),
    }


def _area_interval(
    actual: NDArray[np.bool_], scores: NDArray[np.float64], area: float
) -> tuple[float, float] | None:
    """Return DeLong's interval (Sun & Xu 2014, by mid-ranks), on the logit scale.

    None where it does not exist: an area of 0 or 1, or fewer than two rows on a side.
    """
    from scipy.stats import rankdata

    positive, negative = scores[actual], scores[~actual]
    if not 0 < area < 1 or min(len(positive), len(negative)) < 2:
        return None
    ranks = rankdata(np.concatenate([positive, negative]))
    above = (ranks[: len(positive)] - rankdata(positive)) / len(negative)
    below = (ranks[len(positive) :] - rankdata(negative)) / len(positive)
    error = math.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative))
    return _logit_interval(area, error / (area * (1 - area)))


def _precision_recall(actual: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, Any]:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(actual, scores)
    value = float(average_precision_score(actual, scores))
    num_positive = int(actual.sum())
    # Boyd, Eng & Page (2013): the logit of average precision, by the number of positives.
    error = 1 / math.sqrt(num_positive * value * (1 - value)) if 0 < value < 1 else None
    interval = _logit_interval(value, error) if error is not None else None
    keep = spread_points(recall, precision)
    return {
        "average_precision": figure(value, interval, n=len(actual), method="Boyd, logit"),
        "recall": _rounded(recall[keep]),
        "precision": _rounded(precision[keep]),
        "n": len(actual),
        "positives": num_positive,
    }


def _logit_interval(value: float, error: float) -> tuple[float, float]:
    centre = math.log(value / (1 - value))
    return _logistic(centre - Z * error), _logistic(centre + Z * error)


def _logistic(logit: float) -> float:
    # tanh cannot overflow.
    return 0.5 * (1 + math.tanh(logit / 2))


def spread_points(
    across: NDArray[np.float64], up: NDArray[np.float64], most: int = MAX_POINTS
) -> NDArray[np.int64]:
    """Return the indices of at most `most` points, evenly along the curve, both ends kept."""
    if len(across) <= most:
        return np.arange(len(across))
    steps = np.abs(np.diff(across)) + np.abs(np.diff(up))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, along[-1], most)
    nearest = np.clip(np.searchsorted(along, wanted), 0, len(across) - 1)
    nearest[0], nearest[-1] = 0, len(across) - 1
    return np.unique(nearest)


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [round(float(value), 5) for value in values]
