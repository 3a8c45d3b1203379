"""Temperature: found where it is known, and folded in without changing an answer."""

from __future__ import annotations

import numpy as np
import pytest
from nn_toys import padded, toy_encoder, toy_network

from sentiment.nn.calibration import find_temperature, fold_temperature


def softmax(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponents / exponents.sum(axis=1, keepdims=True)


def calibrated(texts: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return logits, and labels drawn from exactly the probabilities these stand for."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, (texts, classes))
    draws = random.random((texts, 1))
    labels = (softmax(logits).cumsum(axis=1) < draws).sum(axis=1).clip(max=classes - 1)
    return logits, labels.astype(np.int32)


@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_an_over_or_underconfident_model_is_found(temperature, classes):
    logits, labels = calibrated(20_000, classes)
    probabilities = softmax(logits * temperature).astype(np.float32)
    assert find_temperature(probabilities, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("texts", [10, 1000])
def test_a_model_that_is_right_on_every_text_stays_a_little_unsure(texts: int):
    labels = np.arange(texts, dtype=np.int32) % 2
    probabilities = np.where(labels[:, None] == [0, 1], 0.9, 0.1).astype(np.float32)
    temperature = find_temperature(probabilities, labels)
    sure = softmax(np.log(probabilities) / temperature)[0, 0]
    # As sure as having been right n times out of n allows: half a text of n + 1 may be wrong.
    assert 1 - sure == pytest.approx(0.5 / (texts + 1), rel=0.05)


def test_a_model_that_knows_nothing_becomes_unsure():
    random = np.random.default_rng(4)
    probabilities = softmax(random.normal(0, 4, (2000, 3))).astype(np.float32)
    temperature = find_temperature(probabilities, random.integers(0, 3, 2000).astype(np.int32))
    assert softmax(np.log(probabilities) / temperature).max(axis=1).mean() < 0.45


def test_probabilities_of_exactly_zero_and_one_are_fine():
    probabilities = np.array([[1, 0], [0, 1], [1, 0]], np.float32)
    assert np.isfinite(find_temperature(probabilities, np.array([0, 1, 1], np.int32)))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_folding_changes_how_sure_and_never_what(temperature: float):
    model = toy_network(toy_encoder())
    token_ids = padded([[2, 3, 4], [5], [6, 7], [8, 9, 10, 11], [1]])[0]
    before = np.asarray(model(token_ids)).astype(np.float64)
    fold_temperature(model, temperature)
    after = np.asarray(model(token_ids))
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    np.testing.assert_allclose(after, softmax(np.log(before) / temperature), atol=1e-5)
