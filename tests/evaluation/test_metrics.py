from __future__ import annotations

import json
import math

import numpy as np
import pytest
from sklearn import metrics as reference

from sentiment.evaluation.compare import compare
from sentiment.evaluation.metrics import summarise

CLASSES = ("negative", "positive")
LABELS = np.array([0, 0, 0, 1, 1])
# Right, right, wrong, right, wrong.
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.5, 0.5]])


def random_case(rows=400, num_classes=3, seed=0):
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(num_classes), size=rows)
    labels = np.where(
        random.random(rows) < 0.6,
        probabilities.argmax(axis=1),
        random.integers(0, num_classes, rows),
    )
    return labels, probabilities


def test_known_values():
    found = summarise(LABELS, PROBABILITIES, CLASSES)
    assert found["confusion"]["counts"] == [[2, 1], [1, 1]]
    assert found["accuracy"]["value"] == 0.6
    assert found["accuracy"]["n"] == 5
    # negative: F1 = 2·2/(3+3); positive: 2·1/(2+2).
    assert found["per_class"]["negative"]["f1"]["value"] == pytest.approx(4 / 6)
    assert found["per_class"]["positive"]["f1"]["value"] == pytest.approx(1 / 2)
    assert found["macro_f1"]["value"] == pytest.approx(7 / 12)
    assert found["macro_recall"]["value"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["per_class"]["negative"]["support"] == 3
    expected = -sum(map(math.log, (0.9, 0.8, 0.3, 0.6, 0.5))) / 5
    assert found["log_loss"]["value"] == pytest.approx(expected)
    expected = (0.1**2 + 0.2**2 + 0.7**2 + 0.4**2 + 0.5**2) / 5
    assert found["brier"]["value"] == pytest.approx(expected)


@pytest.mark.parametrize("num_classes", [2, 3, 5])
def test_agrees_with_scikit_learn(num_classes):
    labels, probabilities = random_case(num_classes=num_classes)
    predicted = probabilities.argmax(axis=1)
    found = summarise(labels, probabilities, [str(i) for i in range(num_classes)])
    assert found["macro_f1"]["value"] == pytest.approx(
        reference.f1_score(labels, predicted, average="macro")
    )
    assert found["macro_recall"]["value"] == pytest.approx(
        reference.balanced_accuracy_score(labels, predicted)
    )
    assert found["log_loss"]["value"] == pytest.approx(reference.log_loss(labels, probabilities))
    assert found["brier"]["value"] == pytest.approx(
        reference.brier_score_loss(labels, probabilities)
    )
    for index in range(num_classes):
        assert found["per_class"][str(index)]["precision"]["value"] == pytest.approx(
            reference.precision_score(labels == index, predicted == index)
        )


def test_every_figure_has_n_and_an_interval_round_its_value():
    found = summarise(*random_case(), ["a", "b", "c"])
    figures = [found[key] for key in ("accuracy", "macro_f1", "macro_recall", "log_loss", "brier")]
    for of_class in found["per_class"].values():
        figures += [of_class[key] for key in ("precision", "recall", "f1")]
    for figure in figures:
        assert figure["low"] < figure["value"] < figure["high"]
        assert figure["n"] > 0
    assert found["macro_f1"]["resamples"] == 10_000
    json.dumps(found, allow_nan=False)


def test_same_seed_same_interval():
    case = random_case()
    first, again, other = (summarise(*case, ["a", "b", "c"], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first["macro_f1"]["low"] != other["macro_f1"]["low"]


def test_one_class_only_in_the_data():
    found = summarise(np.array([1, 1]), np.array([[0.1, 0.9], [0.2, 0.8]]), CLASSES)
    assert found["accuracy"]["value"] == 1.0
    # All right, yet two rows prove little.
    assert found["macro_f1"]["value"] == 1.0
    assert found["macro_f1"]["low"] < 0.5
    assert found["per_class"]["negative"]["f1"]["value"] is None
    assert found["per_class"]["negative"]["recall"]["n"] == 0
    json.dumps(found, allow_nan=False)


def test_always_the_same_answer_has_a_certain_macro_recall():
    found = summarise(np.array([0, 1] * 50), np.tile([0.4, 0.6], (100, 1)), CLASSES)
    assert found["macro_recall"]["value"] == 0.5
    assert found["macro_recall"]["low"] == found["macro_recall"]["high"] == 0.5


def test_a_certain_error_costs_much_but_not_infinitely_much():
    found = summarise(np.array([1, 0]), np.array([[1.0, 0.0], [1.0, 0.0]]), CLASSES)
    assert 5 < found["log_loss"]["value"] < 10


def test_bootstrap_interval_covers_the_true_macro_f1():
    random = np.random.default_rng(7)
    cells = np.array([[0.45, 0.05], [0.15, 0.35]])  # the true table
    truth = (2 * 0.45 / (0.5 + 0.6) + 2 * 0.35 / (0.5 + 0.4)) / 2
    covered = 0
    for seed in range(200):
        drawn = random.choice(4, size=150, p=cells.ravel())
        probabilities = np.eye(2)[drawn % 2]
        figure = summarise(drawn // 2, probabilities, CLASSES, seed=seed, resamples=400)
        covered += figure["macro_f1"]["low"] <= truth <= figure["macro_f1"]["high"]
    assert 0.90 <= covered / 200 <= 0.99


def test_compare_counts_and_differences():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    first = np.array([0, 0, 0, 0, 1, 1, 1, 0])
    second = np.array([0, 0, 1, 1, 1, 1, 0, 1])
    found = compare(labels, first, second, 2)
    assert found["only_model_right"] == 3
    assert found["only_baseline_right"] == 1
    assert found["difference"]["value"] == pytest.approx(2 / 8)
    assert found["difference"]["low"] < 0.25 < found["difference"]["high"]
    expected = reference.f1_score(labels, first, average="macro") - reference.f1_score(
        labels, second, average="macro"
    )
    assert found["macro_f1_difference"]["value"] == pytest.approx(expected)
    # 2 · P(X ≤ 1), X ~ Binomial(4, ½)
    assert found["p_value"] == pytest.approx(10 / 16)
    json.dumps(found, allow_nan=False)


def test_compare_is_paired_not_pooled():
    """Two classifiers that differ on few rows are told apart more sharply than their intervals."""
    labels = np.zeros(1000, dtype=int)
    first, second = labels.copy(), labels.copy()
    first[:200] = 1
    second[:220] = 1
    found = compare(labels, first, second, 2)
    assert found["difference"]["low"] > 0
    assert found["p_value"] < 0.001


def test_compare_with_itself_claims_no_certainty():
    labels = np.array([0, 1] * 5)
    found = compare(labels, labels, labels, 2)
    assert found["p_value"] == 1.0
    assert found["difference"]["low"] < 0 < found["difference"]["high"]


def test_compare_all_against_nothing():
    labels = np.array([0, 1] * 5)
    found = compare(labels, labels, 1 - labels, 2)
    difference = found["difference"]
    assert difference["low"] <= difference["value"] == 1.0 <= difference["high"]
