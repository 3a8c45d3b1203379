from __future__ import annotations

import pytest

from sentiment.evaluation.wording import (
    count,
    number,
    p_value,
    percent,
    percent_interval,
    points,
    points_interval,
    standing,
    verdict,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9123, "91.2 %"),
        (1.0, "100.0 %"),
        (0.9998, "99.9 %"),
        (0.0001, "<0.1 %"),
        (0.0, "0.0 %"),
        (None, "–"),
    ],
)
def test_percent_never_claims_all_or_nothing(value, text):
    assert percent(value).replace("\u202f", " ") == text


def test_signs_and_intervals():
    assert points(0.0123) == "+1.2"
    assert points(-0.0123) == "\N{MINUS SIGN}1.2"
    assert points(-0.0001) == "0.0"
    assert points_interval({"low": -0.01, "high": 0.02}) == "\N{MINUS SIGN}1.0 to +2.0"
    assert percent_interval({"low": 0.5, "high": 0.75}).replace("\u202f", " ") == "50.0–75.0 %"
    assert percent_interval({"low": None, "high": None}) == "–"
    assert number(-0.5, 2) == "\N{MINUS SIGN}0.50"
    assert count(25_000) == "25,000"


def test_p_value_is_kept_on_one_line():
    assert p_value(0.0001) == "p\u00a0<\u00a00.001"
    assert p_value(0.0123) == "p\u00a0=\u00a00.012"


def compared(difference, p):
    figure = {"value": difference, "low": difference - 0.1, "high": difference + 0.1}
    share = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 100}
    return {
        "accuracy": share,
        "macro_f1": share,
        "comparison": {"difference": figure, "p_value": p},
    }


@pytest.mark.parametrize(
    ("difference", "p", "expected"),
    [(0.1, 0.01, "ahead"), (-0.1, 0.01, "behind"), (0.1, 0.2, "level"), (-0.1, 0.05, "level")],
)
def test_standing_needs_significance(difference, p, expected):
    assert standing(compared(difference, p)["comparison"]) == expected


def test_a_model_no_better_than_guessing_is_told_so():
    metrics = {
        **compared(0, 1),
        "baselines": {"tfidf": compared(-0.2, 0.001), "majority": compared(0.01, 0.7)},
    }
    found = verdict(metrics)
    assert found["standing"] == "behind"
    assert "has not learned" in found["sentences"][-1]
    assert "baseline wins by 20.0 points" in " ".join(found["sentences"])


def test_ahead_needs_no_advice():
    metrics = {
        **compared(0, 1),
        "baselines": {"tfidf": compared(0.02, 0.001), "majority": compared(0.4, 0.001)},
    }
    found = verdict(metrics)
    assert found["headline"] == "More accurate than the linear baseline"
    assert len(found["sentences"]) == 3
