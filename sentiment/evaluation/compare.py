"""Two classifiers on the same rows: who is right where the other is wrong."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import (
    RESAMPLES,
    SEED,
    bootstrap_figure,
    mcnemar_exact,
    resample_counts,
    wilson,
)
from sentiment.evaluation.metrics import Labels, macro_f1


def compare(
    labels: Labels,
    first: Labels,
    second: Labels,
    num_classes: int,
    *,
    seed: int = SEED,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Return the differences first − second with paired-bootstrap intervals, and McNemar's p.

    Args:
        labels: (rows,), the actual classes.
        first: (rows,), the classes that the first classifier predicts.
        second: (rows,), the classes that the second predicts.
        num_classes: how many classes there are.
        seed: of the bootstrap.
        resamples: how often the rows are drawn again.
    """
    n = len(labels)
    only_first = int(((first == labels) & (second != labels)).sum())
    only_second = int(((first != labels) & (second == labels)).sum())
    firsts, seconds = _joint_tables(labels, first, second, num_classes)
    cells, counts = np.unique(firsts * num_classes**2 + seconds, return_counts=True)
    samples = resample_counts(counts, resamples=resamples, seed=seed)  # (resamples, cells)
    tables = [
        _fold(samples, cells // num_classes**2, num_classes),
        _fold(samples, cells % num_classes**2, num_classes),
    ]
    observed = [
        _fold(counts[None], cells // num_classes**2, num_classes)[0],
        _fold(counts[None], cells % num_classes**2, num_classes)[0],
    ]
    boot = functools.partial(
        bootstrap_figure, n=n, seed=seed, fallback=functools.partial(_nothing_varies, n=n)
    )
    right = [np.trace(table, axis1=-2, axis2=-1) / n for table in tables]
    return {
        "difference": boot((only_first - only_second) / n, right[0] - right[1]),
        "macro_f1_difference": boot(
            float(macro_f1(observed[0]) - macro_f1(observed[1])),
            macro_f1(tables[0]) - macro_f1(tables[1]),
        ),
        "only_model_right": only_first,
        "only_baseline_right": only_second,
        "p_value": mcnemar_exact(only_first, only_second),
        "test": "McNemar exact",
        "n": n,
    }


def _joint_tables(
    labels: Labels, first: Labels, second: Labels, num_classes: int
) -> tuple[Labels, Labels]:
    """Return, a row, the cell of each classifier's confusion table that it falls into."""
    start = np.asarray(labels, dtype=np.int64) * num_classes
    return start + first, start + second


def _fold(samples: NDArray[np.int64], cells: Labels, num_classes: int) -> NDArray[np.int64]:
    """Sum joint counts (resamples, joint cells) to tables (resamples, classes, classes)."""
    place = np.zeros((len(cells), num_classes**2))
    place[np.arange(len(cells)), cells] = 1
    tables = np.rint(samples @ place).astype(np.int64)
    return tables.reshape(-1, num_classes, num_classes)


def _nothing_varies(difference: float, *, n: int) -> tuple[float, float]:
    """Return the interval where no resample differs: how often a next row still could."""
    _, high = wilson(0, n)
    return max(-1.0, difference - high), min(1.0, difference + high)
