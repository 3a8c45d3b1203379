"""Integrated gradients: against finite differences, and the law of completeness."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nn_toys import CLASSES, random_weights, toy_encoder, toy_network

import sentiment
from sentiment.nn.classifier import assign_weights
from sentiment.nn.integrated_gradients import integrated_gradients, path_gradients
from sentiment.runtime.attribution import centred
from sentiment.runtime.replay import replay

TOKENS = np.array([3, 7, 1, 9, 4])


@pytest.mark.parametrize(
    ("pooling", "bidirectional"),
    [("last", False), ("max_last", True), ("attention", False), ("mean", True)],
)
def test_the_values_add_up_to_what_the_text_changes(pooling: str, bidirectional: bool) -> None:
    encoder = toy_encoder(pooling, bidirectional)
    weights = random_weights(encoder)
    weights["dense/bias"] += 1.5  # on the living side of the relu, at least at first
    model = toy_network(encoder)
    assign_weights(model, weights)
    vectors = weights["embedding/embeddings"][TOKENS]
    found = integrated_gradients(path_gradients(model), vectors)
    whole = centred(replay(weights, TOKENS, encoder).logits)
    silent = {**weights, "embedding/embeddings": 0 * weights["embedding/embeddings"]}
    nothing = centred(replay(silent, TOKENS, encoder).logits)
    np.testing.assert_allclose(found.whole, whole, atol=1e-5)
    np.testing.assert_allclose(found.reference, nothing, atol=1e-5)
    assert found.values.shape == (len(TOKENS), CLASSES)
    assert np.abs(whole - nothing).max() > 0.05
    assert found.gap < 2e-4
    np.testing.assert_allclose(found.values.sum(axis=0), whole - nothing, atol=2e-4)
    np.testing.assert_allclose(found.values.sum(axis=1), 0.0, atol=1e-5)


def test_ten_lstms_and_more_run_in_their_order() -> None:
    encoder = toy_encoder("max", units=(3,) * 11)
    weights = random_weights(encoder)
    vectors = weights["embedding/embeddings"][TOKENS]
    found = integrated_gradients(path_gradients(toy_network(encoder)), vectors)
    whole = centred(replay(weights, TOKENS, encoder).logits)
    np.testing.assert_allclose(found.whole, whole, atol=1e-5)


def test_each_value_is_the_integral_of_finite_differences() -> None:
    encoder = toy_encoder()
    weights = random_weights(encoder, seed=3)
    token_ids = np.array([3, 7, 9])  # each once: its row of the table is this token's vector alone
    table = weights["embedding/embeddings"].astype(np.float64)
    found = integrated_gradients(
        path_gradients(toy_network(encoder, seed=3)), weights["embedding/embeddings"][token_ids]
    )

    def logits(changed: np.ndarray) -> np.ndarray:
        return centred(
            replay({**weights, "embedding/embeddings": changed}, token_ids, encoder).logits
        )

    nodes, shares = np.polynomial.legendre.leggauss(40)
    expected = np.zeros((len(token_ids), CLASSES))
    for node, share in zip((nodes + 1) / 2, shares / 2, strict=True):
        for place, token in enumerate(token_ids):
            up, down = node * table, node * table
            # The way that this token alone goes, by central differences.
            up[token] += 1e-2 * table[token]
            down[token] -= 1e-2 * table[token]
            expected[place] += share * (logits(up) - logits(down)) / 2e-2
    assert np.abs(expected).max() > 0.05
    np.testing.assert_allclose(found.values, expected, atol=5e-3)


def test_on_a_trained_model_the_gap_is_small_and_the_words_are_the_right_ones(
    tiny_model: Path,
) -> None:
    model = sentiment.load(tiny_model, engine="keras")
    for text in ("the film was superb and a delight", "it was awful", "all in this story :("):
        found = model.explain(text, "gradients")
        assert found.gap is not None
        assert found.gap < 1e-3
    found = model.explain("the film was superb and awful it was", "gradients")
    by_word = dict(zip(found.words.shown, found.leaning.tolist(), strict=True))
    assert max(by_word, key=by_word.get) == "superb"
    assert min(by_word, key=by_word.get) == "awful"
