from __future__ import annotations

import numpy as np
import pytest
from states_toys import VOCABULARY, make_weights

import sentiment
from sentiment.errors import ModelFolderError
from sentiment.evaluation.network_states import (
    classify,
    each_batch,
    flops_per_token,
    prefix_readings,
    run_batch,
)
from sentiment.runtime.arithmetic import softmax
from sentiment.runtime.replay import replay
from sentiment.runtime.shapes import Encoder

LENGTHS = np.array([1, 4, 9, 6], np.int32)


def make_batch(seed=1):
    random = np.random.default_rng(seed)
    token_ids = random.integers(1, VOCABULARY, (len(LENGTHS), LENGTHS.max())).astype(np.int32)
    token_ids[np.arange(LENGTHS.max()) >= LENGTHS[:, None]] = 0
    return token_ids


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_last", "attention"])
def test_a_padded_batch_agrees_with_the_replay_of_each_text(pooling, bidirectional):
    encoder = Encoder(6, (4, 3), bidirectional, pooling)
    weights, token_ids = make_weights(encoder), make_batch()
    states = run_batch(weights, token_ids, LENGTHS, encoder)
    steps = softmax(classify(weights, prefix_readings(weights, states.sequence, LENGTHS, encoder)))
    for row, length in enumerate(LENGTHS):
        alone = replay(weights, token_ids[row, :length], encoder)
        for number, layer in enumerate(alone.layers):
            ways = [(layer.forward, -1), *([(layer.backward, 0)] if bidirectional else [])]
            hidden = np.concatenate([way.hidden[end] for way, end in ways])
            cell = np.concatenate([way.cell[end] for way, end in ways])
            np.testing.assert_allclose(states.final_hidden[number][row], hidden, atol=1e-5)
            np.testing.assert_allclose(states.final_cell[number][row], cell, atol=1e-5)
        np.testing.assert_allclose(states.embedded[row], alone.embedding.mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(steps[row, :length], alone.step_probabilities, atol=1e-5)


def test_a_trained_model_ends_in_the_states_that_it_answers_from(tiny_model):
    model = sentiment.load(tiny_model)
    texts = [
        "the film was superb",
        "",
        "awful awful",
        "a story it was in all the film and this",
    ] * 3
    answers = model.predict_arrays(texts)
    weights, encoder = model.folder.load_weights(), model.folder.encoder
    seen = []
    for batch in each_batch(weights, model.tokenizer.encode(texts), encoder):
        seen += batch.rows.tolist()
        np.testing.assert_allclose(
            batch.final_hidden[-1], answers.final_state[batch.rows], atol=1e-5
        )
        np.testing.assert_allclose(
            softmax(classify(weights, batch.final_hidden[-1])),
            answers.probabilities[batch.rows],
            atol=1e-5,
        )
    assert sorted(seen) == list(range(len(texts)))


def test_a_missing_tensor_is_named():
    encoder = Encoder(6, (4,))
    weights = make_weights(encoder)
    del weights["lstm_1/bias"]
    with pytest.raises(ModelFolderError, match="lstm_1/bias"):
        run_batch(weights, make_batch(), LENGTHS, encoder)


def test_the_cost_of_a_token():
    # 360,448 for embedding 128, LSTM 128 → LSTM 64: docs/experiments.md's model of the speed test.
    assert flops_per_token(Encoder(128, (128, 64))) == 360_448
