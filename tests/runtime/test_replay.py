"""The NumPy replay against Keras's own layers."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.config import ClassifierSettings, EncoderSettings
from sentiment.errors import ModelFolderError
from sentiment.runtime.inspection import expected_weight_shapes
from sentiment.runtime.replay import STATES, replay, run_lstm

VOCABULARY, CLASSES, DENSE = 20, 3, 4
POOLINGS = ("last", "max", "mean", "max_last", "attention")


def random_weights(encoder: EncoderSettings, rng: np.random.Generator, scale: float = 0.5):
    shapes = expected_weight_shapes(
        encoder, classifier_units=DENSE, num_classes=CLASSES, vocabulary_size=VOCABULARY
    )
    return {name: rng.normal(0, scale, shape).astype(np.float32) for name, shape in shapes.items()}


def softmax(values):
    exponents = np.exp(values - values.max())
    return exponents / exponents.sum()


def keras_lstm(weights, prefix: str, inputs, **options):
    """Run keras.layers.LSTM on (1, time, inputs); return sequence, final h, final c."""
    import keras

    units = weights[f"{prefix}/recurrent_kernel"].shape[0]
    layer = keras.layers.LSTM(units, return_sequences=True, return_state=True, **options)
    layer.build(inputs.shape)
    layer.set_weights(
        [weights[f"{prefix}/{name}"] for name in ("kernel", "recurrent_kernel", "bias")]
    )
    return [np.asarray(output) for output in layer(inputs)]


@pytest.mark.parametrize("seed", range(6))
def test_every_hidden_and_the_final_cell_state_are_those_of_keras(seed: int):
    rng = np.random.default_rng(seed)
    units = tuple(int(size) for size in rng.integers(1, 24, size=rng.integers(1, 4)))
    encoder = EncoderSettings(embedding_units=int(rng.integers(1, 16)), units=units)
    time = 1 if seed == 0 else int(rng.integers(2, 40))
    weights = random_weights(encoder, rng)
    token_ids = rng.integers(0, VOCABULARY, time)
    seen = replay(weights, token_ids, encoder)
    sequence = weights["embedding/embeddings"][token_ids][None]
    for layer in seen.layers:
        sequence, final_state, cell_state = keras_lstm(weights, layer.layer, sequence)
        np.testing.assert_allclose(layer.forward.hidden, sequence[0], atol=1e-6)
        np.testing.assert_allclose(layer.forward.hidden[-1], final_state[0], atol=1e-6)
        np.testing.assert_allclose(layer.forward.cell[-1], cell_state[0], atol=2e-6)
    np.testing.assert_array_equal(seen.pooled, seen.layers[-1].forward.hidden[-1])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_layer_is_that_of_our_own_network_in_a_padded_batch(
    pooling: str, bidirectional: bool
):
    from sentiment.nn.classifier import assign_weights, build_classifier, layer_outputs

    rng = np.random.default_rng(12)
    encoder = EncoderSettings(
        embedding_units=4, units=(5, 3), pooling=pooling, bidirectional=bidirectional
    )
    weights = random_weights(encoder, rng)
    model = build_classifier(
        vocabulary_size=VOCABULARY,
        num_classes=CLASSES,
        encoder=encoder,
        classifier=ClassifierSettings(units=DENSE),
    )
    assign_weights(model, weights)
    lengths = (1, 4, 9)
    token_ids = rng.integers(1, VOCABULARY, (3, 9)).astype(np.int32)
    for row, length in enumerate(lengths):
        token_ids[row, length:] = 0
    outputs = {name: np.asarray(out) for name, out in layer_outputs(model)(token_ids).items()}
    for row, length in enumerate(lengths):
        seen = replay(weights, token_ids[row, :length], encoder)
        for layer in seen.layers:
            theirs = outputs[layer.layer][row]
            if theirs.ndim == 1:
                continue  # the final hidden state: compared below, as the pooled vector
            mine = np.concatenate([s.hidden for s in layer.directions.values()], axis=-1)
            np.testing.assert_allclose(mine, theirs[:length], atol=1e-6)
        pooled = outputs["lstm_2" if pooling == "last" else "pooling"][row]
        np.testing.assert_allclose(seen.pooled, pooled, atol=1e-6)
        np.testing.assert_allclose(seen.dense, outputs["dense"][row], atol=2e-6)
        np.testing.assert_allclose(seen.probabilities, outputs["probabilities"][row], atol=1e-6)


@pytest.mark.parametrize(("units", "time"), [((5,), 1), ((6, 3), 2), ((8, 8), 17)])
def test_a_bidirectional_stack_is_that_of_keras(units: tuple[int, ...], time: int):
    import keras

    rng = np.random.default_rng(time)
    encoder = EncoderSettings(embedding_units=4, units=units, bidirectional=True)
    weights = random_weights(encoder, rng)
    token_ids = rng.integers(0, VOCABULARY, time)
    seen = replay(weights, token_ids, encoder)
    sequence = weights["embedding/embeddings"][token_ids][None]
    for number, layer in enumerate(seen.layers, start=1):
        last = number == len(units)
        both = keras.layers.Bidirectional(
            keras.layers.LSTM(units[number - 1], return_sequences=not last)
        )
        both.build(sequence.shape)
        both.set_weights(
            [
                weights[f"{layer.layer}/{direction}/{name}"]
                for direction in ("forward", "backward")
                for name in ("kernel", "recurrent_kernel", "bias")
            ]
        )
        sequence = np.asarray(both(sequence))
        if not last:
            mine = np.concatenate([layer.forward.hidden, layer.backward.hidden], axis=-1)
            np.testing.assert_allclose(mine, sequence[0], atol=1e-6)
    np.testing.assert_allclose(seen.pooled, sequence[0], atol=1e-6)


def test_the_four_gates_make_the_cell_and_the_hidden_state():
    encoder = EncoderSettings(embedding_units=4, units=(5,))
    weights = random_weights(encoder, np.random.default_rng(1))
    states = replay(weights, np.arange(1, 8), encoder).layers[0].forward
    before = np.vstack([np.zeros((1, 5), np.float32), states.cell[:-1]])
    cell = states.forget_gate * before + states.input_gate * states.candidate
    np.testing.assert_allclose(states.cell, cell, atol=1e-6)
    np.testing.assert_allclose(states.hidden, states.output_gate * np.tanh(cell), atol=1e-6)
    for gate in (states.input_gate, states.forget_gate, states.output_gate):
        assert ((gate >= 0) & (gate <= 1)).all()


@pytest.mark.parametrize("gate", ["input_gate", "forget_gate", "candidate", "output_gate"])
def test_each_gate_is_read_from_keras_own_place(gate: str):
    # A huge bias in one quarter of the columns opens that gate alone.
    bias = np.zeros(8)
    place = ["input_gate", "forget_gate", "candidate", "output_gate"].index(gate)
    bias[2 * place : 2 * place + 2] = 1000.0
    states = run_lstm(np.ones((1, 3)), np.zeros((3, 8)), np.zeros((2, 8)), bias)
    assert (states[gate] == 1.0).all()
    assert all((states[name] < 1.0).all() for name in STATES if name != gate)


def test_gates_pushed_far_out_do_not_overflow():
    states = run_lstm(np.ones((4, 3)), np.zeros((3, 8)), np.zeros((2, 8)), np.full(8, -5000.0))
    assert all(np.isfinite(values).all() for values in states.values())


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_last_per_step_score_is_the_prediction(pooling: str, bidirectional: bool):
    encoder = EncoderSettings(
        embedding_units=4, units=(5, 3), pooling=pooling, bidirectional=bidirectional
    )
    weights = random_weights(encoder, np.random.default_rng(2))
    seen = replay(weights, np.array([3, 1, 4, 1, 5]), encoder)
    assert seen.step_probabilities.shape == (5, CLASSES)
    np.testing.assert_array_equal(seen.step_probabilities[-1], seen.probabilities)
    np.testing.assert_allclose(seen.step_probabilities.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_per_step_score_is_the_prediction_for_the_text_so_far(pooling: str):
    encoder = EncoderSettings(embedding_units=4, units=(5, 3), pooling=pooling)
    weights = random_weights(encoder, np.random.default_rng(3))
    token_ids = np.array([3, 1, 4, 1, 5, 9])
    whole = replay(weights, token_ids, encoder)
    for step in range(1, 7):
        prefix = replay(weights, token_ids[:step], encoder)
        np.testing.assert_allclose(
            whole.step_probabilities[step - 1], prefix.probabilities, atol=1e-6
        )


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_pooled_vector_and_the_classifier_by_hand(pooling: str, bidirectional: bool):
    encoder = EncoderSettings(
        embedding_units=4, units=(6, 3), pooling=pooling, bidirectional=bidirectional
    )
    weights = random_weights(encoder, np.random.default_rng(4))
    seen = replay(weights, np.array([3, 1, 4, 1, 5, 9, 2]), encoder)
    top = seen.layers[-1]
    sequence, final = top.forward.hidden, top.forward.hidden[-1]
    if top.backward is not None:
        sequence = np.concatenate([sequence, top.backward.hidden], axis=-1)
        final = np.concatenate([final, top.backward.hidden[0]])
    scores = softmax(sequence @ weights.get("attention/kernel", np.zeros((len(final), 1)))[:, 0])
    pooled = {
        "last": final,
        "max": sequence.max(axis=0),
        "mean": sequence.mean(axis=0),
        "max_last": np.concatenate([sequence.max(axis=0), final]),
        "attention": scores @ sequence,
    }[pooling]
    np.testing.assert_allclose(seen.pooled, pooled, atol=1e-6)
    dense = np.maximum(pooled @ weights["dense/kernel"] + weights["dense/bias"], 0)
    np.testing.assert_allclose(seen.dense, dense, atol=1e-5)
    logits = dense @ weights["probabilities/kernel"] + weights["probabilities/bias"]
    np.testing.assert_allclose(seen.logits, logits, atol=1e-5)
    np.testing.assert_allclose(seen.probabilities, softmax(logits), atol=1e-5)
    assert (seen.attention is not None) == (pooling == "attention")


def test_an_attention_that_sees_one_token_only_still_gives_numbers_everywhere():
    encoder = EncoderSettings(embedding_units=4, units=(3,), pooling="attention")
    weights = random_weights(encoder, np.random.default_rng(5))
    weights["attention/kernel"] = np.full((3, 1), 5000, np.float32)
    seen = replay(weights, np.array([3, 1, 4, 1, 5, 9]), encoder)
    assert all(np.isfinite(values).all() for values in seen.arrays().values())


def test_arrays_are_float32_and_named_after_layer_and_state():
    encoder = EncoderSettings(embedding_units=4, units=(5, 3), bidirectional=True)
    weights = random_weights(encoder, np.random.default_rng(6))
    arrays = replay(weights, np.array([1, 2]), encoder).arrays()
    assert arrays["lstm_2/backward/forget_gate"].shape == (2, 3)
    assert arrays["embedding"].shape == (2, 4)
    assert all(values.dtype == np.float32 for name, values in arrays.items() if name != "token_ids")


def test_a_token_outside_the_embedding_names_both_files():
    encoder = EncoderSettings(embedding_units=4, units=(3,))
    weights = random_weights(encoder, np.random.default_rng(7))
    with pytest.raises(ModelFolderError, match=r"token id 20 .*tokenizer\.json and weights"):
        replay(weights, np.array([1, VOCABULARY]), encoder)


def test_a_missing_tensor_is_named():
    encoder = EncoderSettings(embedding_units=4, units=(3,))
    weights = random_weights(encoder, np.random.default_rng(8))
    del weights["lstm_1/bias"]
    with pytest.raises(ModelFolderError, match="lstm_1/bias"):
        replay(weights, np.array([1]), encoder)


def test_no_token_is_refused():
    encoder = EncoderSettings(embedding_units=4, units=(3,))
    weights = random_weights(encoder, np.random.default_rng(9))
    with pytest.raises(ValueError, match="1 or more"):
        replay(weights, np.zeros(0, np.int32), encoder)
