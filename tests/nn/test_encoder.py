"""The stacked LSTM encoder; the facts about its shapes and its mask are in test_shape_facts.py."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from nn_toys import VOCABULARY, padded, random_weights, toy_encoder, toy_network

from sentiment.nn.classifier import assign_weights
from sentiment.nn.encoder import MaskedPooling, RightPaddedLSTM, StackedLSTMEncoder

TEXTS = [[1], [7], [2, 3, 4, 5, 6, 7, 8], [9, 9, 9], [11, 2]]


def test_layers_are_named_from_the_text_upwards():
    encoder = StackedLSTMEncoder((4, 3, 2), dropout=0.1, embedding_dropout=0.1, pooling="max")
    names = [layer.name for layer in encoder.layers if layer.name not in ("token_ids", "mask")]
    assert names == [
        "embedding",
        "embedding_dropout",
        "lstm_1",
        "dropout_1",
        "lstm_2",
        "dropout_2",
        "lstm_3",
        "pooling",
    ]


@pytest.mark.parametrize(
    ("pooling", "bidirectional", "width"),
    [("last", False, 2), ("last", True, 4), ("max_last", False, 4), ("max_last", True, 8)],
)
def test_the_output_is_as_wide_as_the_last_layer_says(pooling, bidirectional, width):
    encoder = StackedLSTMEncoder((4, 2), pooling=pooling, bidirectional=bidirectional)
    assert encoder.output_shape == (None, width)


def test_an_unknown_pooling_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="pooling is 'sum'; expected max, mean, max_last or"):
        MaskedPooling("sum")


def test_dropout_acts_in_training_only_and_drops_a_feature_at_every_step():
    encoder = StackedLSTMEncoder(
        (3,), embedding_dropout=0.5, vocabulary_size=VOCABULARY, embedding_units=16
    )
    token_ids = padded([[2, 3, 4, 5]])[0]
    first, second = (np.asarray(encoder(token_ids, training=False)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    dropped = keras.Model(encoder.inputs[0], encoder.get_layer("embedding_dropout").output)
    seen = np.asarray(dropped(token_ids, training=True))[0]  # (time, embedding_units)
    silent = (seen == 0).all(axis=0)
    assert 0 < silent.sum() < 16
    assert (seen[:, ~silent] != 0).all()


def test_an_encoder_is_rebuilt_from_its_own_config():
    encoder = StackedLSTMEncoder(
        (4, 2), bidirectional=True, pooling="max_last", vocabulary_size=VOCABULARY
    )
    same = StackedLSTMEncoder.from_config(encoder.get_config())
    same.set_weights(encoder.get_weights())
    token_ids = padded(TEXTS)[0]
    np.testing.assert_array_equal(np.asarray(same(token_ids)), np.asarray(encoder(token_ids)))


def test_the_max_of_a_text_of_negative_states_is_not_the_paddings_zero():
    encoder = toy_encoder("max", units=(2,))
    model = toy_network(encoder)
    weights = random_weights(encoder)
    weights["lstm_1/bias"][4:6] = -50.0  # the candidate: every state becomes negative
    weights["lstm_1/bias"][[0, 1, 6, 7]] = 50.0
    assign_weights(model, weights)
    pooled = keras.Model(model.inputs[0], model.get_layer("pooling").output)
    assert (np.asarray(pooled(padded([[2, 3], [4]], extra=3)[0])) < -0.5).all()


# --- the LSTM for right padding ---


@pytest.mark.parametrize("return_sequences", [True, False])
def test_the_right_padded_lstm_is_keras_s_lstm_in_values_and_gradients(return_sequences):
    random = np.random.default_rng(0)
    inputs = random.normal(0, 1, (5, 7, 3)).astype(np.float32)
    lengths = np.array([7, 1, 3, 6, 2])
    mask = np.arange(7) < lengths[:, None]
    own = RightPaddedLSTM(4, return_sequences=return_sequences)
    keras_own = keras.layers.LSTM(4, return_sequences=return_sequences)
    own.build(inputs.shape)
    keras_own.build(inputs.shape)
    for one, other in zip(own.weights, keras_own.weights, strict=True):
        value = random.normal(0, 1, one.shape).astype(np.float32)
        one.assign(value)
        other.assign(value)
    inside = mask[:, :, None] if return_sequences else np.float32(1)
    found = []
    for layer in (own, keras_own):
        with tf.GradientTape() as tape:
            watched = tf.Variable(inputs)
            outputs = layer(watched, mask=mask) * inside
            loss = tf.reduce_sum(tf.sin(3 * outputs))
        variables = [watched, *(weight.value for weight in layer.trainable_weights)]
        found.append([outputs, *tape.gradient(loss, variables)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-6)
