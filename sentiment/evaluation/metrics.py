"""What a classifier got right and wrong, as plain JSON data with an interval on every figure.

Shapes: labels (rows,), predicted (rows,), probabilities (rows, classes).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import (
    RESAMPLES,
    SEED,
    Counts,
    Figure,
    all_or_nothing,
    bootstrap_figure,
    figure,
    mean,
    resample_counts,
    share,
)

Labels = NDArray[np.int64]
Probabilities = NDArray[np.float64]

# A probability of 0 for what then happens would cost infinitely much.
SMALLEST_PROBABILITY = 1e-7


def summarise(
    labels: Labels,
    probabilities: Probabilities,
    classes: Sequence[str],
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return accuracy, macro figures, per-class figures, confusion, log-loss and Brier score.

    Macro-F1 averages the classes that occur as label or prediction (scikit-learn's `f1_score`),
    macro-recall those that occur as label (its `balanced_accuracy_score`). The Brier score is
    halved for two classes, so that it runs from 0 to 1; for more it runs from 0 to 2.
    """
    predicted = predict_classes(probabilities)
    table = confusion_counts(labels, predicted, len(classes))  # (classes, classes)
    samples = resample_counts(table.ravel(), resamples=resamples, seed=seed)
    tables = samples.reshape(-1, *table.shape)  # (resamples, classes, classes)
    right, n = int(np.trace(table)), len(labels)
    whole = functools.partial(all_or_nothing, right=right, n=n)
    boot = functools.partial(bootstrap_figure, n=n, seed=seed)
    return {
        "accuracy": share(right, n),
        "macro_f1": boot(float(macro_f1(table)), macro_f1(tables), fallback=whole),
        "macro_recall": boot(float(macro_recall(table)), macro_recall(tables), fallback=whole),
        "per_class": per_class(table, tables, classes, seed=seed),
        "confusion": {"classes": list(classes), "counts": table.tolist(), "n": n},
        "log_loss": mean(log_losses(labels, probabilities)),
        "brier": mean(brier_scores(labels, probabilities)),
    }


def predict_classes(probabilities: Probabilities) -> Labels:
    """Return the most probable class of each row; the first one where two are equal."""
    return np.asarray(np.argmax(probabilities, axis=1), dtype=np.int64)


def restrict(probabilities: Probabilities, kept: Sequence[int]) -> Probabilities:
    """Return the probabilities of some classes, summing to 1 again: (rows, kept classes)."""
    part = np.asarray(probabilities, dtype=np.float64)[:, list(kept)]
    total = part.sum(axis=1, keepdims=True)
    # Nothing left to share out: all alike.
    return np.where(total > 0, part / np.where(total > 0, total, 1), 1 / part.shape[1])


def confusion_counts(labels: Labels, predicted: Labels, num_classes: int) -> Counts:
    """Return counts (actual class, predicted class)."""
    cells = np.asarray(labels, dtype=np.int64) * num_classes + predicted
    counts = np.bincount(cells, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes)


def class_f1(tables: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return F1 a class, (…, classes, classes) → (…, classes); NaN where the class never occurs."""
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    return _divide(2 * hits, tables.sum(axis=-1) + tables.sum(axis=-2))


def macro_f1(tables: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean F1 of the classes that occur as label or prediction."""
    return np.asarray(np.nanmean(class_f1(tables), axis=-1))


def macro_recall(tables: NDArray[np.integer]) -> NDArray[np.float64]:
    """Return the mean recall of the classes that occur as label."""
    hits = np.diagonal(tables, axis1=-2, axis2=-1)
    return np.asarray(np.nanmean(_divide(hits, tables.sum(axis=-1)), axis=-1))


def per_class(
    table: Counts, tables: NDArray[np.int64], classes: Sequence[str], *, seed: int
) -> dict[str, Any]:
    """Return precision, recall, F1 and support of every class."""
    f1 = class_f1(table)  # (classes,)
    f1_samples = class_f1(tables)  # (resamples, classes)
    result: dict[str, Any] = {}
    for index, name in enumerate(classes):
        hits = int(table[index, index])
        support, chosen = int(table[index].sum()), int(table[:, index].sum())
        result[name] = {
            "precision": share(hits, chosen),
            "recall": share(hits, support),
            "f1": _class_f1_figure(f1[index], f1_samples[:, index], hits, support + chosen, seed),
            "support": support,
            "predicted": chosen,
        }
    return result


def _class_f1_figure(
    value: float, samples: NDArray[np.float64], hits: int, occurrences: int, seed: int
) -> Figure:
    if np.isnan(value):
        return figure(None, None, n=0, method="the class never occurs")
    # `occurrences` counts a row that is right twice: as label and as prediction.
    rows = occurrences - hits
    fallback = functools.partial(all_or_nothing, right=hits, n=rows)
    return bootstrap_figure(float(value), samples, n=rows, seed=seed, fallback=fallback)


def log_losses(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return −log of the probability given to the actual class, a row (natural logarithm)."""
    given = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0))


def brier_scores(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Return the squared distance of the probabilities from what happened, a row."""
    given = probabilities[np.arange(len(labels)), labels]
    squares = (probabilities**2).sum(axis=1) - 2 * given + 1
    return np.asarray(squares / 2 if probabilities.shape[1] == 2 else squares)


def _divide(above: NDArray[np.integer], below: NDArray[np.integer]) -> NDArray[np.float64]:
    """Divide; 0 / 0 is NaN, without a warning."""
    result = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=below != 0)
    return result
