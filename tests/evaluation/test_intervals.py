from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from sentiment.evaluation.intervals import (
    bootstrap_figure,
    holm,
    mcnemar_exact,
    mean,
    resample_counts,
    share,
    wilson,
    worse_than_rest,
)


@pytest.mark.parametrize(("hits", "n"), [(0, 10), (10, 10), (7, 10), (1, 1), (911, 1000)])
def test_wilson_is_the_interval_of_the_textbook(hits, n):
    expected = binomtest(hits, n).proportion_ci(0.95, method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_ten_out_of_ten_is_not_certainty():
    figure = share(10, 10)
    assert figure["value"] == 1.0
    assert figure["low"] == pytest.approx(0.722, abs=1e-3)
    assert figure["high"] == 1.0


def test_a_share_of_nothing_has_no_value():
    assert share(0, 0) == {"value": None, "low": None, "high": None, "n": 0, "method": "no rows"}


def test_a_mean_of_one_row_has_no_interval():
    assert mean(np.array([2.5]))["low"] is None
    assert mean(np.array([1.0, 3.0]))["value"] == 2.0


def test_wilson_covers_the_truth_about_95_times_in_100():
    random = np.random.default_rng(1)
    covered = [
        low <= 0.9 <= high
        for low, high in (wilson(int(hits), 60) for hits in random.binomial(60, 0.9, size=2000))
    ]
    assert 0.93 <= np.mean(covered) <= 0.98


def test_resamples_keep_n_and_depend_on_the_seed_only():
    counts = np.array([3, 0, 7])
    samples = resample_counts(counts, resamples=50, seed=4)
    assert samples.shape == (50, 3)
    assert (samples.sum(axis=1) == 10).all()
    assert (samples[:, 1] == 0).all()
    np.testing.assert_array_equal(samples, resample_counts(counts, resamples=50, seed=4))
    assert (samples != resample_counts(counts, resamples=50, seed=5)).any()


def test_equal_resamples_fall_back():
    figure = bootstrap_figure(1.0, np.ones(9), n=9, fallback=lambda _: (0.7, 1.0), seed=1)
    assert (figure["low"], figure["high"], figure["resamples"]) == (0.7, 1.0, 9)


def test_mcnemar_known_values():
    assert mcnemar_exact(0, 0) == 1.0
    assert mcnemar_exact(8, 8) == 1.0
    # 2 · P(X ≤ 1), X ~ Binomial(10, ½): 2 · 11 / 1024.
    assert mcnemar_exact(9, 1) == pytest.approx(22 / 1024)
    assert mcnemar_exact(1, 9) == mcnemar_exact(9, 1)


def test_worse_than_rest_is_one_sided_and_exact():
    # 0 of 2 right against 3 of 3: one of C(5, 2) = 10 draws holds both wrong rows.
    assert worse_than_rest(0, 2, 3, 3) == pytest.approx(0.1)
    assert worse_than_rest(2, 2, 1, 3) == 1.0
    assert worse_than_rest(2, 2, 0, 0) is None


def test_holm_adjusts_in_steps():
    assert holm([0.01, 0.04, None, 0.03]) == pytest.approx([0.03, 0.06, None, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]
