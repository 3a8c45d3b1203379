from __future__ import annotations

import json

import numpy as np
import pytest

from sentiment.evaluation.label_noise import confident_joint, label_noise

CLASSES = ("negative", "neutral", "positive")


def noisy(rows=1_500, flipped=60, *, seed=0, classes=3):
    """Labels of which some are wrong, and the probabilities of a classifier that sees the truth."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, rows)
    labels = truth.copy()
    wrong = random.choice(rows, flipped, replace=False)
    labels[wrong] = (truth[wrong] + 1) % classes
    logits = random.normal(scale=0.7, size=(rows, classes)) + 4 * np.eye(classes)[truth]
    chances = np.exp(logits)
    return labels, chances / chances.sum(axis=1, keepdims=True), set(wrong.tolist())


def test_planted_wrong_labels_are_found_and_named_worst_first():
    labels, probabilities, wrong = noisy()
    found = label_noise(labels, probabilities, CLASSES, most=1_000)
    named = {entry["row"] - 1 for entry in found["suspects"]}
    assert len(named & wrong) > 0.8 * len(wrong)
    assert len(named - wrong) < 0.2 * len(wrong)
    assert found["found"]["value"] == pytest.approx(len(named) / len(labels))
    own = [entry["probability_of_label"] for entry in found["suspects"]]
    assert own == sorted(own)
    assert np.sum(found["counts"]) == len(named)
    assert found["counts"][0][0] == 0


def test_what_is_named_is_limited_but_what_is_counted_is_not():
    labels, probabilities, _ = noisy()
    found = label_noise(labels, probabilities, CLASSES, most=3)
    assert len(found["suspects"]) == 3
    assert found["found"]["value"] * len(labels) > 30
    json.dumps(found, allow_nan=False)


def test_the_joint_keeps_how_many_rows_each_label_has():
    labels, probabilities, _ = noisy()
    joint = confident_joint(labels, probabilities)
    np.testing.assert_allclose(joint.sum(axis=1), np.bincount(labels))
    # About 20 of each class were given the next class's label.
    np.testing.assert_allclose([joint[1, 0], joint[2, 1], joint[0, 2]], 20, atol=8)


@pytest.mark.parametrize("rows", [1, 3, 10])
def test_a_sure_and_right_classifier_suspects_nobody(rows):
    labels = np.arange(rows) % 3
    found = label_noise(labels, np.eye(3)[labels] * 0.97 + 0.01, CLASSES)
    assert found["suspects"] == []


def test_one_class_only_gives_nothing_to_suspect_by():
    probabilities = np.tile([0.9, 0.1], (20, 1))
    found = label_noise(np.ones(20, int), probabilities, ("negative", "positive"))
    assert found["found"]["value"] == 0
