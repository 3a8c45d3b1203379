"""The facts this product stands on, one test each: on Keras's own layers, then on our encoder."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sentiment.config import ClassifierSettings, EncoderSettings
from sentiment.nn.classifier import build_classifier, layer_outputs, named_weights
from sentiment.nn.encoder import StackedLSTMEncoder
from sentiment.runtime.inspection import (
    check_shapes,
    expected_weight_shapes,
    shape_rows,
    shapes_of,
)

BATCH, TIME, FEATURES, UNITS = 3, 5, 2, 64


@pytest.fixture
def inputs():
    """Return random input of shape (batch, time, features) = (3, 5, 2)."""
    return np.random.default_rng(0).normal(size=(BATCH, TIME, FEATURES)).astype(np.float32)


def test_a_single_lstm_gives_the_final_hidden_state(inputs):
    assert keras.layers.LSTM(UNITS)(inputs).shape == (BATCH, UNITS)


def test_return_sequences_gives_every_hidden_state(inputs):
    assert keras.layers.LSTM(UNITS, return_sequences=True)(inputs).shape == (BATCH, TIME, UNITS)


def test_a_stack_hands_the_sequence_on_and_ends_in_the_final_hidden_state(inputs):
    sequence = keras.layers.LSTM(64, return_sequences=True)(inputs)
    final_state = keras.layers.LSTM(32)(sequence)
    assert sequence.shape == (BATCH, TIME, 64)
    assert final_state.shape == (BATCH, 32)


def test_a_stack_without_return_sequences_cannot_be_built(inputs):
    final_state = keras.layers.LSTM(64)(inputs)
    with pytest.raises(ValueError, match="ndim=3"):
        keras.layers.LSTM(32)(final_state)


def test_the_last_step_of_the_sequence_is_the_final_hidden_state(inputs):
    layer = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    sequence, final_state, _ = layer(inputs)
    np.testing.assert_array_equal(np.asarray(sequence)[:, -1], np.asarray(final_state))


def test_the_hidden_state_is_not_the_cell_state(inputs):
    output, final_state, cell_state = map(
        np.asarray, keras.layers.LSTM(UNITS, return_state=True)(inputs)
    )
    np.testing.assert_array_equal(output, final_state)
    assert cell_state.shape == final_state.shape == (BATCH, UNITS)
    assert np.abs(cell_state - final_state).max() > 1e-3
    # h_T = output gate × tanh(c_T), so it is always the nearer to zero.
    assert (np.abs(final_state) < np.abs(np.tanh(cell_state)) + 1e-7).all()


def test_under_right_padding_and_a_mask_the_final_state_is_that_of_the_last_real_token(inputs):
    lengths = np.array([1, 3, TIME])
    mask = np.arange(TIME) < lengths[:, None]  # (batch, time)
    layer = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    sequence, final_state, _ = map(np.asarray, layer(inputs, mask=mask))
    last_real = sequence[np.arange(BATCH), lengths - 1]
    np.testing.assert_allclose(final_state, last_real, atol=1e-7)
    for text, length in enumerate(lengths):
        alone = np.asarray(layer(inputs[text : text + 1, :length])[1])
        np.testing.assert_allclose(final_state[text], alone[0], atol=1e-6)


def test_without_the_mask_the_final_state_has_read_the_padding(inputs):
    inputs[0, 2:] = 0.0
    layer = keras.layers.LSTM(UNITS)
    mask = np.arange(TIME) < np.array([2, TIME, TIME])[:, None]
    unmasked, masked = np.asarray(layer(inputs)), np.asarray(layer(inputs, mask=mask))
    assert np.abs(unmasked[0] - masked[0]).max() > 1e-3
    np.testing.assert_allclose(unmasked[1:], masked[1:], atol=1e-6)


# --- our encoder ---

VOCABULARY = 10
POOLINGS = ("last", "max", "mean", "max_last", "attention")


@pytest.fixture
def token_ids():
    """Return right-padded token ids of three texts of 1, 3 and 5 tokens: (3, 5)."""
    return np.array([[4, 0, 0, 0, 0], [2, 9, 3, 0, 0], [5, 1, 8, 2, 7]], np.int32)


def run_all(encoder: keras.Model, token_ids):
    """Return every LSTM layer's output by name."""
    layers = [layer for layer in encoder.layers if layer.name.startswith(("lstm_", "pooling"))]
    outputs = keras.Model(encoder.inputs[0], {layer.name: layer.output for layer in layers})
    return {name: np.asarray(output) for name, output in outputs(token_ids).items()}


def toy_encoder(units=(6, 4), **settings) -> StackedLSTMEncoder:
    keras.utils.set_random_seed(1)
    return StackedLSTMEncoder(units, vocabulary_size=VOCABULARY, embedding_units=3, **settings)


def test_our_encoder_of_one_lstm_gives_the_final_hidden_state(token_ids):
    encoder = toy_encoder(units=(64,))
    assert encoder.output_shape == (None, 64)
    assert encoder(token_ids).shape == (BATCH, 64)


def test_our_stack_gives_the_sequence_then_the_final_hidden_state(token_ids):
    outputs = run_all(toy_encoder(units=(64, 32)), token_ids)
    assert outputs["lstm_1"].shape == (BATCH, TIME, 64)
    assert outputs["lstm_2"].shape == (BATCH, 32)


def test_our_final_state_is_the_last_real_step_of_the_sequence(token_ids):
    # The same weights with the last LSTM returning its sequence, which pooling makes it do.
    final, pooled = toy_encoder(), toy_encoder(pooling="max")
    pooled.set_weights(final.get_weights())
    sequence = run_all(pooled, token_ids)["lstm_2"]
    lengths = (token_ids != 0).sum(axis=1)
    last_real = sequence[np.arange(BATCH), lengths - 1]
    np.testing.assert_allclose(np.asarray(final(token_ids)), last_real, atol=1e-6)


def test_our_encoder_gives_the_hidden_state_and_not_the_cell_state(token_ids):
    encoder = toy_encoder(units=(64,))
    layer, embedding = encoder.get_layer("lstm_1"), encoder.get_layer("embedding")
    reader = keras.layers.LSTM(64, return_state=True)
    vectors = embedding(token_ids)
    reader.build(vectors.shape)
    reader.set_weights(layer.get_weights())
    _, final_state, cell_state = map(np.asarray, reader(vectors, mask=token_ids != 0))
    ours = np.asarray(encoder(token_ids))
    np.testing.assert_allclose(ours, final_state, atol=1e-6)
    assert np.abs(ours - cell_state).max() > 1e-4


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_right_padding_never_reaches_our_encoders_output(token_ids, pooling, bidirectional):
    encoder = toy_encoder(pooling=pooling, bidirectional=bidirectional)
    together = np.asarray(encoder(token_ids))
    for text, length in enumerate((token_ids != 0).sum(axis=1)):
        alone = np.asarray(encoder(token_ids[text : text + 1, :length]))
        np.testing.assert_allclose(together[text], alone[0], atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_shape_table_and_the_weight_list_are_those_of_our_network(
    token_ids, pooling, bidirectional
):
    settings = EncoderSettings(
        embedding_units=3, units=(6, 4), pooling=pooling, bidirectional=bidirectional
    )
    model = build_classifier(
        vocabulary_size=VOCABULARY,
        num_classes=3,
        encoder=settings,
        classifier=ClassifierSettings(units=5),
    )
    sizes = {"classifier_units": 5, "num_classes": 3, "vocabulary_size": VOCABULARY}
    rows = shape_rows(settings, batch=BATCH, time=TIME, **sizes)
    outputs = layer_outputs(model)(token_ids)
    actual = {name: tuple(output.shape) for name, output in outputs.items()}
    check_shapes(shapes_of(rows), {"token_ids": token_ids.shape, **actual})
    weights = {name: values.shape for name, values in named_weights(model).items()}
    check_shapes(expected_weight_shapes(settings, **sizes), weights)
    assert sum(row.parameters for row in rows) == model.count_params()
