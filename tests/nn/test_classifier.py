"""The classifier's weights by name, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from nn_toys import VARIANTS, padded, random_weights, toy_encoder, toy_network

from sentiment.errors import ModelFolderError
from sentiment.nn.classifier import assign_weights, layer_outputs, named_weights


@pytest.mark.parametrize(("pooling", "bidirectional"), VARIANTS)
def test_weights_come_back_by_the_names_they_went_in_with(pooling: str, bidirectional: bool):
    encoder = toy_encoder(pooling, bidirectional)
    weights = random_weights(encoder, seed=7)
    found = named_weights(toy_network(encoder, seed=7))
    assert list(found) == list(weights)  # first layer first, as in weights.safetensors
    for name, value in weights.items():
        np.testing.assert_array_equal(found[name], value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("lstm_2/bias"), "lstm_2/bias is missing"),
        (
            lambda weights: weights.update({"lstm_9/bias": np.zeros(4, np.float32)}),
            "lstm_9/bias is not part of this architecture",
        ),
        (
            lambda weights: weights.update({"dense/kernel": np.zeros((3, 4), np.float32)}),
            r"dense/kernel has shape \(3, 4\); expected \(2, 4\)",
        ),
    ],
)
def test_weights_of_another_network_are_refused_by_name(change, words: str):
    model = toy_network(toy_encoder())
    weights = random_weights(toy_encoder())
    change(weights)
    with pytest.raises(ModelFolderError, match=words):
        assign_weights(model, weights)


def test_probabilities_sum_to_one_and_every_shown_layer_is_there():
    outputs = layer_outputs(toy_network(toy_encoder("attention", True)))(padded([[2], [3, 4]])[0])
    assert list(sorted(outputs)) == [
        "dense",
        "embedding",
        "lstm_1",
        "lstm_2",
        "pooling",
        "probabilities",
    ]
    np.testing.assert_allclose(np.asarray(outputs["probabilities"]).sum(axis=1), 1, atol=1e-6)
