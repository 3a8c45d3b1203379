from __future__ import annotations

import json

import numpy as np
import pytest

from sentiment.evaluation.thresholds import thresholds

CLASSES = ("negative", "positive")


@pytest.fixture
def made():
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 400)
    positive = np.clip(random.normal(0.3 + 0.4 * labels, 0.25), 0.0, 1.0)
    return labels, np.stack([1 - positive, positive], axis=1)


def test_counts_at_every_threshold_are_those_of_counting(made):
    labels, probabilities = made
    found = thresholds(labels, probabilities, CLASSES)
    table, abstaining = found["classes"]["positive"], found["abstaining"]
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    for step in (0, 1, 37, 50, 99, 100):
        chosen = probabilities[:, 1] >= step / 100 - 1e-9
        assert table["chosen"][step] == chosen.sum()
        assert table["hits"][step] == (chosen & (labels == 1)).sum()
        sure = confidence >= step / 100 - 1e-9
        assert abstaining["answered"][step] == sure.sum()
        assert abstaining["right"][step] == (sure & right).sum()


def test_the_precision_given_for_a_recall_is_the_best_one(made):
    labels, probabilities = made
    for row in thresholds(labels, probabilities, CLASSES)["classes"]["positive"]["at_recall"]:
        assert row["recall"]["value"] >= row["recall_wanted"]
        best = 0.0
        for threshold in np.unique(probabilities[:, 1]):
            chosen = probabilities[:, 1] >= threshold
            hits = (labels[chosen] == 1).sum()
            if hits >= row["recall_wanted"] * (labels == 1).sum():
                best = max(best, hits / chosen.sum())
        assert row["precision"]["value"] == pytest.approx(best)


def test_the_surest_half_is_more_often_right_than_all(made):
    labels, probabilities = made
    rows = {
        row["coverage_wanted"]: row
        for row in thresholds(labels, probabilities, CLASSES)["abstaining"]["at_coverage"]
    }
    assert rows[1.0]["coverage"]["value"] == 1
    assert rows[0.5]["coverage"]["value"] == pytest.approx(0.5, abs=0.01)
    assert rows[0.5]["accuracy"]["value"] > rows[1.0]["accuracy"]["value"] + 0.05


def test_one_class_only_says_so():
    probabilities = np.tile([0.2, 0.8], (10, 1))
    found = thresholds(np.ones(10, int), probabilities, CLASSES)
    assert found["classes"]["positive"]["reason"] == "one class only"
    assert found["abstaining"]["at_coverage"][0]["accuracy"]["value"] == 1
    json.dumps(found, allow_nan=False)
