"""Contextual decomposition against the paper's own equations, written out a second time."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from sentiment.config import EncoderSettings
from sentiment.runtime.decomposition import decompose
from sentiment.runtime.inspection import expected_weight_shapes
from sentiment.runtime.replay import replay

VOCABULARY, CLASSES, DENSE = 20, 3, 4
TOKENS = np.array([3, 1, 4, 1, 5, 9, 2])
POOLINGS = ("last", "max", "mean", "max_last", "attention")


def weights_of(encoder: EncoderSettings, seed: int = 0, scale: float = 0.8):
    rng = np.random.default_rng(seed)
    shapes = expected_weight_shapes(
        encoder, classifier_units=DENSE, num_classes=CLASSES, vocabulary_size=VOCABULARY
    )
    return {name: rng.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}


def masks(*phrases: tuple[int, ...]) -> np.ndarray:
    inside = np.zeros((len(phrases), len(TOKENS)), bool)
    for row, phrase in enumerate(phrases):
        inside[row, list(phrase)] = True
    return inside


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_beta_and_gamma_are_the_logits(pooling: str, bidirectional: bool) -> None:
    encoder = EncoderSettings(
        embedding_units=4, units=(6, 5), pooling=pooling, bidirectional=bidirectional
    )
    weights = weights_of(encoder)
    seen = decompose(weights, TOKENS, encoder, masks((0,), (2, 3), (1, 6), (), tuple(range(7))))
    logits = replay(weights, TOKENS, encoder).logits
    assert np.abs(logits).max() > 0.1
    for beta, gamma in zip(seen.beta, seen.gamma, strict=True):
        np.testing.assert_allclose(beta + gamma, logits, atol=2e-6)  # the replay's are float32


def test_the_parts_are_exact_in_float64() -> None:
    encoder = EncoderSettings(embedding_units=4, units=(6, 5))
    seen = decompose(weights_of(encoder), TOKENS, encoder, masks((0,), (2, 3), (1, 6), ()))
    sums = seen.beta + seen.gamma
    np.testing.assert_allclose(sums, np.broadcast_to(sums[0], sums.shape), rtol=0, atol=1e-12)
    assert np.abs(seen.beta[0] - seen.beta[1]).max() > 1e-3


def test_no_phrase_puts_nothing_in() -> None:
    encoder = EncoderSettings(embedding_units=4, units=(6, 5))
    seen = decompose(weights_of(encoder), TOKENS, encoder, masks(()))
    np.testing.assert_array_equal(seen.beta, 0.0)
    assert decompose(weights_of(encoder), TOKENS, encoder, masks()).beta.shape == (0, CLASSES)


def test_without_biases_the_whole_text_puts_everything_in() -> None:
    encoder = EncoderSettings(embedding_units=4, units=(6, 5))
    weights = weights_of(encoder)
    for name, values in weights.items():
        if name.endswith("bias"):
            # A gate of sigmoid(0) = 0.5 is the bias's own part; products with it are the phrase's.
            weights[name] = np.zeros_like(values)
    seen = decompose(weights, TOKENS, encoder, masks(tuple(range(7))))
    np.testing.assert_allclose(seen.gamma, 0.0, atol=1e-12)
    assert np.abs(seen.beta).max() > 1e-2


def test_more_phrases_than_go_at_once_are_the_same_one_by_one() -> None:
    encoder = EncoderSettings(embedding_units=4, units=(3,))
    weights = weights_of(encoder)
    inside = np.random.default_rng(1).random((150, len(TOKENS))) < 0.4
    together = decompose(weights, TOKENS, encoder, inside)
    for row in (0, 63, 64, 149):
        alone = decompose(weights, TOKENS, encoder, inside[row : row + 1])
        np.testing.assert_allclose(alone.beta[0], together.beta[row], atol=1e-12)


def average_over_orders(parts: dict[str, float], function) -> dict[str, float]:
    """Equation 8 of the paper for numbers: the bias first, the others in every order."""
    others = [name for name in parts if name != "bias"]
    total = dict.fromkeys(parts, 0.0)
    orders = list(permutations(others))
    for order in orders:
        so_far = 0.0
        for name in ("bias", *order):
            total[name] += function(so_far + parts[name]) - function(so_far)
            so_far += parts[name]
    # For the logistic function, function(0) is not 0: it goes to the bias.
    total = {name: value / len(orders) for name, value in total.items()}
    total["bias"] += function(0.0)
    return total


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_one_lstm_is_decomposed_by_the_equations_of_the_paper(seed: int) -> None:
    # One unit everywhere, so that every equation is one of numbers.
    encoder = EncoderSettings(embedding_units=1, units=(1,))
    weights = weights_of(encoder, seed=seed, scale=1.2)
    table = weights["embedding/embeddings"][:, 0].astype(float)
    kernel, recurrent, bias = (
        weights[f"lstm_1/{name}"].astype(float).reshape(4)
        for name in ("kernel", "recurrent_kernel", "bias")
    )

    def logistic(value: float) -> float:
        return 1 / (1 + np.exp(-value))

    phrase = (4, 5)
    h = {"beta": 0.0, "gamma": 0.0}
    c = {"beta": 0.0, "gamma": 0.0}
    for step, token in enumerate(TOKENS):
        x = table[token]
        gates = []
        for gate, function in enumerate((logistic, logistic, np.tanh)):
            parts = {"bias": bias[gate]}
            parts |= {side: recurrent[gate] * h[side] for side in h}
            parts["beta" if step in phrase else "gamma"] += kernel[gate] * x
            gates.append(average_over_orders(parts, function))
        i, f, g = gates
        beta = (f["beta"] + f["bias"]) * c["beta"]
        beta += i["beta"] * (g["beta"] + g["bias"]) + i["bias"] * g["beta"]
        whole = sum(f.values()) * sum(c.values()) + sum(i.values()) * sum(g.values())
        c = {"beta": beta, "gamma": whole - beta}
        shown = average_over_orders({"bias": 0.0, **c}, np.tanh)
        o = logistic(kernel[3] * x + recurrent[3] * sum(h.values()) + bias[3])
        h = {side: o * shown[side] for side in h}
    dense = []
    for unit in range(DENSE):
        into = float(weights["dense/kernel"][0, unit])
        parts = {"bias": float(weights["dense/bias"][unit])}
        parts |= {side: into * h[side] for side in h}
        dense.append(average_over_orders(parts, lambda value: max(value, 0.0))["beta"])
    expected = np.array(dense) @ weights["probabilities/kernel"].astype(float)
    assert np.abs(expected).max() > 1e-4
    found = decompose(weights, TOKENS, encoder, masks(phrase))
    np.testing.assert_allclose(found.beta[0], expected, rtol=1e-9)
