"""Uncertainty: 95 % intervals, resampling, and the tests that decide what may be called better.

A figure is a plain dict, ready for JSON: `{"value", "low", "high", "n", "method"}`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
SIGNIFICANCE = 0.05
Z = 1.959963984540054  # the 97.5 % quantile of the normal distribution
RESAMPLES = 10_000
SEED = 13

Counts = NDArray[np.int64]
Figure = dict[str, Any]


def figure(
    value: float | None,
    interval: tuple[float, float] | None,
    *,
    n: int,
    method: str,
    **more: Any,  # noqa: ANN401 - whatever JSON the caller adds, such as a seed
) -> Figure:
    """Return a figure: a value, its 95 % interval (None where none is known), n and the method."""
    low, high = interval if interval is not None else (None, None)
    return {"value": value, "low": low, "high": high, "n": n, "method": method, **more}


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % score interval of a share; good at 0, at 1 and for small n.

    Wilson (1927), Journal of the American Statistical Association 22.
    """
    if n == 0:
        return 0.0, 1.0
    share = successes / n
    centre = share + Z * Z / (2 * n)
    spread = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    scale = 1 + Z * Z / n
    # The ends are exact where nothing or everything succeeded; rounding would miss them.
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == n else (centre + spread) / scale
    return low, high


def share(successes: int, n: int) -> Figure:
    """Return a share (0–1) with Wilson's interval; n = 0 gives no value."""
    if n == 0:
        return figure(None, None, n=0, method="no rows")
    return figure(successes / n, wilson(successes, n), n=n, method="Wilson")


def mean(values: NDArray[np.float64]) -> Figure:
    """Return a mean of row values with its normal interval; one row has no interval."""
    n = len(values)
    value = float(values.mean())
    if n < 2:
        return figure(value, None, n=n, method="one row")
    half = Z * float(values.std(ddof=1)) / math.sqrt(n)
    return figure(value, (value - half, value + half), n=n, method="normal")


def resample_counts(
    counts: Counts, *, resamples: int = RESAMPLES, seed: int = SEED
) -> NDArray[np.int64]:
    """Draw bootstrap resamples of a table of counts: (cells,) → (resamples, cells).

    Rows drawn with replacement land in the cells of their table as a multinomial draw, so a
    million rows cost no more than ten.
    """
    total = int(counts.sum())
    generator = np.random.default_rng(seed)
    return generator.multinomial(total, counts / total, size=resamples)


def bootstrap_interval(samples: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile interval of bootstrap samples."""
    low, high = np.nanquantile(samples, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def bootstrap_figure(
    value: float,
    samples: NDArray[np.float64],
    *,
    n: int,
    fallback: Callable[[float], tuple[float, float]],
    seed: int,
    biased: bool = False,
) -> Figure:
    """Return a figure with its percentile interval.

    A `biased` figure, not below 0, grows when rows are drawn again as it grew when they were
    first drawn: its interval is the percentiles mirrored at the value (the basic bootstrap, Davison
    & Hinkley 1997, section 5.2).

    Where nothing varies (say, no error among ten rows) every resample is equal and the bootstrap
    would claim certainty: `fallback` gives the interval of the value there.
    """
    low, high = bootstrap_interval(samples)
    more = {"resamples": len(samples), "seed": seed}
    if low == high:
        return figure(value, fallback(value), n=n, method="Wilson, as no resample differs", **more)
    if biased:
        low, high = max(0.0, 2 * value - high), max(0.0, 2 * value - low)
        return figure(value, (low, high), n=n, method="basic bootstrap", **more)
    return figure(value, (low, high), n=n, method="percentile bootstrap", **more)


def all_or_nothing(value: float, *, right: int, n: int) -> tuple[float, float]:
    """Return Wilson's interval of a value that is 0 or 1 as nothing or everything is right.

    Any other value that no resample changes is what it is (and its interval a point), such as the
    macro-recall of a classifier that always says the same.
    """
    return wilson(right, n) if value in (0.0, 1.0) else (value, value)


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Return the two-sided exact p of McNemar's paired test.

    Args:
        only_first: rows that only the first classifier has right.
        only_second: rows that only the second has right.
    """
    from scipy.stats import binomtest

    rows = only_first + only_second
    return float(binomtest(only_first, rows, 0.5).pvalue) if rows else 1.0


def worse_than_rest(right: int, n: int, rest_right: int, rest_n: int) -> float | None:
    """Return Fisher's one-sided exact p that a share is lower than the rest's; None without rest.

    The two-proportion test that stays right for small slices.
    """
    from scipy.stats import hypergeom

    if n == 0 or rest_n == 0:
        return None
    return min(1.0, float(hypergeom.cdf(right, n + rest_n, right + rest_right, n)))


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return Holm's (1979) adjusted p-values; None stays None and is not counted."""
    tested = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    running = 0.0
    for rank, (p, index) in enumerate(tested):
        running = max(running, min(1.0, p * (len(tested) - rank)))
        adjusted[index] = running
    return adjusted
