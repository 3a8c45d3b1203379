from __future__ import annotations

import numpy as np
import pytest

from sentiment.evaluation.baselines import fit_predict, majority

GOOD, BAD = "a brilliant charming film", "a dreadful boring film"


def test_majority_gives_the_shares_of_the_train_rows():
    probabilities = majority(np.array([0, 1, 1, 1]), 3, 3)
    np.testing.assert_allclose(probabilities, [[0.25, 0.75, 0.0]] * 3)


def test_learns_from_words():
    lines: list[str] = []
    probabilities = fit_predict(
        [GOOD, BAD] * 80, np.array([1, 0] * 80), [GOOD, BAD, ""], 2, log=lines.append
    )
    assert probabilities.shape == (3, 2)
    assert probabilities[0, 1] > 0.8
    assert probabilities[1, 0] > 0.8
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert any("160 train rows" in line for line in lines)


def test_is_the_same_every_time():
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(["a", "bb", "cc", "dd", "ee"], 6)) for _ in range(150)]
    labels = random.integers(0, 3, 150)
    first, again = (fit_predict(texts, labels, texts[:9], 3) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_word_pairs_count():
    texts = ["not good", "very good", "not bad", "very bad"] * 40
    labels = np.array([0, 1, 1, 0] * 40)
    predicted = fit_predict(texts, labels, texts[:4], 2).argmax(axis=1)
    np.testing.assert_array_equal(predicted, [0, 1, 1, 0])


def test_a_class_without_train_rows_gets_probability_zero():
    probabilities = fit_predict([GOOD, BAD] * 9, np.array([2, 0] * 9), [GOOD], 3)
    assert probabilities.shape == (1, 3)
    assert probabilities[0, 1] == 0.0
    assert probabilities[0].argmax() == 2


@pytest.mark.parametrize(
    ("texts", "labels"),
    [([GOOD, BAD], [1, 1]), (["", "!"], [0, 1]), ([":)"], [0])],
)
def test_nothing_to_learn_falls_back_on_the_majority(texts, labels):
    lines: list[str] = []
    labels = np.array(labels)
    probabilities = fit_predict(texts, labels, [GOOD], 2, log=lines.append)
    np.testing.assert_allclose(probabilities, majority(labels, 1, 2))
    assert any("majority" in line for line in lines)


def test_a_handful_of_different_rows_works():
    probabilities = fit_predict([GOOD, BAD], np.array([1, 0]), [GOOD], 2)
    assert probabilities[0, 1] > 0.5
