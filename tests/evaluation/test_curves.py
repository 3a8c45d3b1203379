from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics as reference

from sentiment.evaluation.curves import (
    calibration,
    calibration_before,
    ranking_curves,
    spread_points,
)

CLASSES = ("negative", "positive")


def two_columns(positive):
    positive = np.asarray(positive)
    return np.stack([1 - positive, positive], axis=1)


def test_calibration_known_value():
    # Two bins: 0.95 with half right, 0.6 with all right.
    labels = np.array([1, 0, 1, 1])
    found = calibration(labels, two_columns([0.95, 0.95, 0.6, 0.6]))
    assert found["expected_calibration_error"]["value"] == pytest.approx((0.45 * 2 + 0.4 * 2) / 4)
    assert [row["accuracy"]["n"] for row in found["bins"]] == [2, 2]
    assert [row["accuracy"]["value"] for row in found["bins"]] == [1.0, 0.5]
    assert found["bins"][0]["from"] < 0.6 <= found["bins"][0]["to"]
    assert found["n"] == 4


def test_calibration_holds_probabilities_of_exactly_one():
    found = calibration(np.array([1, 1]), two_columns([1.0, 1.0]))
    assert found["expected_calibration_error"]["value"] == 0.0
    assert found["expected_calibration_error"]["high"] > 0.1
    assert found["bins"][-1]["to"] == 1.0


def test_honest_probabilities_have_a_small_error():
    random = np.random.default_rng(0)
    positive = random.random(20_000)
    labels = (random.random(20_000) < positive).astype(int)
    error = calibration(labels, two_columns(positive))["expected_calibration_error"]
    assert error["value"] < 0.02


def test_the_interval_of_the_calibration_error_covers_the_truth():
    # Probabilities of 0.8 that are right 75 times in 100: the error is 0.05.
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(100):
        labels = (random.random(400) < 0.75).astype(int)
        spread = np.clip(0.8 + random.normal(0, 0.05, 400), 0.55, 1)
        positive = spread + 0.8 - spread.mean()
        error = calibration(labels, two_columns(positive))["expected_calibration_error"]
        covered += error["low"] <= 0.05 <= error["high"]
        assert error["low"] <= error["value"] <= error["high"]
        assert error["method"] == "basic bootstrap"
    assert covered >= 85


def test_areas_agree_with_scikit_learn():
    random = np.random.default_rng(2)
    labels = random.integers(0, 3, 300)
    probabilities = random.dirichlet(np.ones(3), size=300) + 0.5 * np.eye(3)[labels]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    found = ranking_curves(labels, probabilities, ["a", "b", "c"])
    for index, name in enumerate("abc"):
        actual, scores = labels == index, probabilities[:, index]
        area = found["roc"][name]["auc"]
        assert area["value"] == pytest.approx(reference.roc_auc_score(actual, scores))
        assert area["low"] < area["value"] < area["high"] < 1
        average = found["precision_recall"][name]["average_precision"]
        assert average["value"] == pytest.approx(reference.average_precision_score(actual, scores))
        assert average["low"] < average["value"] < average["high"]
        assert found["roc"][name]["positives"] == int(actual.sum())


def test_area_interval_covers_the_truth():
    random = np.random.default_rng(3)
    truth = 0.7602499389065233  # of two normal distributions one deviation apart: Φ(1/√2)
    covered = 0
    for _ in range(300):
        labels = np.repeat([0, 1], 60)
        logits = random.normal(size=120) + labels
        curve = ranking_curves(labels, two_columns(1 / (1 + np.exp(-logits))), CLASSES)
        area = curve["roc"]["positive"]["auc"]
        covered += area["low"] <= truth <= area["high"]
    assert 0.91 <= covered / 300 <= 0.99


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_only_says_so(label):
    found = ranking_curves(np.full(4, label), two_columns([0.1, 0.9, 0.8, 0.3]), CLASSES)
    for name in CLASSES:
        assert found["roc"][name]["auc"] is None
        assert found["roc"][name]["reason"] == "one class only"
        assert found["precision_recall"][name]["average_precision"] is None
    json.dumps(found, allow_nan=False)


def test_perfect_order_has_an_area_without_interval():
    found = ranking_curves(np.array([0, 0, 1, 1]), two_columns([0.1, 0.2, 0.8, 0.9]), CLASSES)
    area = found["roc"]["positive"]["auc"]
    assert area["value"] == 1.0
    assert area["low"] is None


def test_curves_of_many_rows_stay_small_and_true():
    random = np.random.default_rng(4)
    labels = random.integers(0, 2, 50_000)
    scores = np.clip(random.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    curve = ranking_curves(labels, two_columns(scores), CLASSES)["roc"]["positive"]
    across, up = curve["false_positive_rate"], curve["true_positive_rate"]
    assert len(across) == len(up) <= 200
    assert (across[0], up[0], across[-1], up[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert reference.auc(across, up) == pytest.approx(curve["auc"]["value"], abs=1e-3)


def test_spread_points_keeps_both_ends_in_order():
    across = np.linspace(0, 1, 1000)
    kept = spread_points(across, across**2, most=50)
    assert kept[0] == 0
    assert kept[-1] == 999
    assert len(kept) <= 50
    assert (np.diff(kept) > 0).all()


def test_the_calibration_before_undoes_the_temperature():
    random = np.random.default_rng(4)
    labels = random.integers(0, 3, 2_000)
    # Logits three times too large: far too sure of itself.
    logits = 3 * (random.normal(size=(2_000, 3)) + 1.2 * np.eye(3)[labels])

    def chances(temperature):
        powers = np.exp(logits / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    before = calibration_before(labels, chances(3.0), 3.0)
    raw = calibration(labels, chances(1.0))
    assert before["temperature"] == 3.0
    errors = [made["expected_calibration_error"]["value"] for made in (before, raw)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    after = calibration(labels, chances(3.0))["expected_calibration_error"]["value"]
    assert before["expected_calibration_error"]["value"] > 3 * after
    assert calibration_before(labels, chances(3.0), None) is None
