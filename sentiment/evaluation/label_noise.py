"""Rows whose label may be wrong, by confident learning.

Northcutt, Jiang and Chuang (2021), "Confident Learning: Estimating Uncertainty in Dataset Labels",
Journal of Artificial Intelligence Research 70, arXiv:1911.00068. A class's threshold is the mean
probability that the rows labelled so get for it. A row labelled i that reaches the threshold of
another class j counts as one that is really j; scaled to how many rows are labelled i, these counts
estimate how many labels are wrong. Of i given for j as many rows are suspects, by the widest
margin of j over i ("prune by noise rate"). Named first are those whose label the model finds least
probable.

The probabilities must come from a model that has not learned from these rows: a test split's do.
What the model cannot see it cannot suspect, and where the model is wrong, so is the suspicion.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import share
from sentiment.evaluation.metrics import Labels, Probabilities, predict_classes

MAX_SUSPECTS = 20
# Of a class with fewer rows than this left, none is suspected: its threshold is hardly known.
FEWEST_ROWS = 5


def label_noise(
    labels: Labels,
    probabilities: Probabilities,
    classes: Sequence[str],
    *,
    most: int = MAX_SUSPECTS,
) -> dict[str, Any]:
    """Return how many labels look wrong, between which classes, and the most suspicious rows.

    Args:
        labels: (rows,).
        probabilities: (rows, classes), of rows the model has not learned from.
        classes: the label names.
        most: how many rows are named.

    Returns:
        `suspects` rows count from 1, as in a report; `counts` has given label by likely label.
    """
    n, num_classes = probabilities.shape
    joint = confident_joint(labels, probabilities)
    suspects = find_suspects(labels, probabilities, joint)
    likely = predict_classes(probabilities)
    own = probabilities[np.arange(n), labels]
    order = suspects[np.argsort(own[suspects], kind="stable")]
    pairs = np.bincount(
        labels[suspects] * num_classes + likely[suspects], minlength=num_classes**2
    ).reshape(num_classes, num_classes)
    return {
        "method": "confident learning, prune by noise rate (Northcutt et al. 2021)",
        "n": n,
        "found": share(len(suspects), n),
        "classes": list(classes),
        "counts": pairs.tolist(),
        "suspects": [
            {
                "row": int(row) + 1,
                "label": classes[int(labels[row])],
                "likely": classes[int(likely[row])],
                "probability_of_label": float(own[row]),
                "probability_of_likely": float(probabilities[row, likely[row]]),
            }
            for row in order[:most]
        ],
    }


def confident_joint(labels: Labels, probabilities: Probabilities) -> NDArray[np.float64]:
    """Estimate rows by (given label, true label), (classes, classes); a row sums to its label's n.

    A class without a row has no threshold, and no row is counted as one of it.
    """
    num_classes = probabilities.shape[1]
    given = np.bincount(labels, minlength=num_classes)
    sums = np.bincount(
        labels, weights=probabilities[np.arange(len(labels)), labels], minlength=num_classes
    )
    thresholds = np.where(given > 0, sums / np.maximum(given, 1), np.inf)  # (classes,)
    reached = probabilities >= thresholds - 1e-12
    best = np.where(reached, probabilities, -1.0).argmax(axis=1)
    counted = reached.any(axis=1)
    counts = np.zeros((num_classes, num_classes))
    np.add.at(counts, (labels[counted], best[counted]), 1)
    # A label whose rows reach no threshold is taken at its word.
    counts[np.diag_indices(num_classes)] += counts.sum(axis=1) == 0
    return np.asarray(counts * (given / np.maximum(counts.sum(axis=1), 1))[:, None])


def find_suspects(
    labels: Labels, probabilities: Probabilities, joint: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the rows to look at, ascending: for i ≠ j, as many as the joint says, widest margin.

    A row is suspected only where the model would rather say another class than its label.
    """
    num_classes = probabilities.shape[1]
    own = probabilities[np.arange(len(labels)), labels]
    likely = predict_classes(probabilities)
    found = np.zeros(len(labels), np.bool_)
    for label in range(num_classes):
        rows = np.flatnonzero(labels == label)
        if len(rows) <= FEWEST_ROWS:
            continue
        for other in range(num_classes):
            wanted = round(joint[label, other])
            if other == label or not wanted:
                continue
            margins = probabilities[rows, other] - own[rows]
            found[rows[np.argsort(-margins, kind="stable")[:wanted]]] = True
    return np.flatnonzero(found & (likely != labels))
