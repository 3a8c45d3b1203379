"""The language model: its loss against the exact one, carried states, what is asked, negatives."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from nn_toys import VOCABULARY, encoded, toy_encoder

from sentiment.config import PretrainingSettings
from sentiment.nn.language_model import LanguageModel, SampledSoftmax, network_inputs
from sentiment.nn.perplexity import perplexity, unigram_perplexity
from sentiment.nn.questions import NegativeSampler, ask, asked_steps, rarity
from sentiment.text.segments import text_segments

ROWS, TIME, UNITS = 3, 4, 2
# The log probability of being drawn where every token is.
CERTAIN = np.zeros(VOCABULARY, np.float32)
TEXTS = [[2, 3, 4, 5, 6, 7, 8, 9, 10], [3, 3], [4], [11, 2, 5, 5, 5], [6, 7], [8, 8, 8, 8]]


def toy_settings(**options) -> PretrainingSettings:
    return PretrainingSettings(
        **{"rows": ROWS, "segment_tokens": TIME, "negatives": 5, "seed": 1, **options}
    )


def toy_network(**options) -> LanguageModel:
    keras.utils.set_random_seed(3)
    network = LanguageModel(
        vocabulary_size=VOCABULARY,
        encoder=toy_encoder(),
        settings=toy_settings(**options),
        num_negatives=5,
    )
    random = np.random.default_rng(4)
    for variable in network.model.trainable_variables:
        variable.assign(random.normal(0, 0.7, variable.shape))
    return network


def segments(texts=TEXTS, *, rows: int = ROWS, time: int = TIME):
    return list(text_segments(encoded(texts), rows=rows, segment_tokens=time, seed=1, epoch=0))


# --- the sampled softmax ---


@pytest.fixture
def head():
    """A head with random weights, states (2, 3, units) and targets."""
    embedding = keras.layers.Embedding(VOCABULARY, 3)
    embedding.build()
    layer = SampledSoftmax(embedding, VOCABULARY)
    layer.build((2, 3, UNITS))
    random = np.random.default_rng(0)
    for variable in layer.trainable_variables:
        variable.assign(random.normal(0, 1, variable.shape))
    states = random.normal(0, 1, (2, 3, UNITS)).astype(np.float32)
    targets = random.integers(0, VOCABULARY, (2, 3)).astype(np.int32)
    return layer, states, targets


def exact_loss(layer: SampledSoftmax, states, targets):
    logits = states @ ops.transpose(ops.matmul(layer.embedding.embeddings, layer.project.kernel))
    logits = logits + layer.token_bias
    return keras.losses.sparse_categorical_crossentropy(targets, logits, from_logits=True)


def sampled_loss(layer: SampledSoftmax, states, targets, negatives, log_drawn):
    drawn = np.isin(targets, negatives).astype(np.float32)
    return layer(
        states,
        targets,
        negatives[None],
        log_drawn[targets],
        log_drawn[negatives][None],
        drawn,
    )


def test_with_every_token_as_a_negative_it_is_the_exact_cross_entropy(head):
    layer, states, targets = head
    every = np.random.default_rng(1).permutation(VOCABULARY).astype(np.int32)
    found = sampled_loss(layer, states, targets, every, CERTAIN)
    expected = exact_loss(layer, states, targets)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="gradients are the backend's")
def test_with_every_token_as_a_negative_the_gradients_are_exact_too(head):
    import tensorflow as tf

    layer, states, targets = head
    every, moving = np.arange(VOCABULARY, dtype=np.int32), tf.constant(states)
    found = []
    for loss in (
        lambda: sampled_loss(layer, moving, targets, every, CERTAIN),
        lambda: exact_loss(layer, moving, targets),
    ):
        with tf.GradientTape() as tape:
            tape.watch(moving)
            total = ops.sum(loss())
        # Of the embedding, the projection, the bias, and the states.
        variables = [*(variable.value for variable in layer.trainable_variables), moving]
        found.append(
            [tf.convert_to_tensor(part).numpy() for part in tape.gradient(total, variables)]
        )
    assert len(found[0]) == 4
    for first, second in zip(*found, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
        assert np.abs(second).max() > 0.1


def test_it_is_the_cross_entropy_among_the_drawn_tokens_and_the_right_one(head):
    layer, states, targets = head
    sampler = NegativeSampler(np.arange(1, VOCABULARY + 1), 5)
    negatives = sampler.draw(np.random.default_rng(1))
    table = np.asarray(ops.matmul(layer.embedding.embeddings, layer.project.kernel))
    logits = states @ table.T + np.asarray(layer.token_bias.numpy()) - sampler.log_drawn
    found = np.asarray(sampled_loss(layer, states, targets, negatives, sampler.log_drawn))
    assert {True, False} == set(np.isin(targets, negatives).ravel().tolist())
    for place in np.ndindex(2, 3):
        candidates = logits[place][np.union1d(negatives, targets[place])]
        expected = np.log(np.exp(candidates).sum()) - logits[place][targets[place]]
        assert found[place] == pytest.approx(expected, rel=1e-5)


def test_the_more_are_drawn_the_nearer_is_the_mean_loss_to_the_exact_one(head):
    layer, states, targets = head
    exact = float(ops.mean(exact_loss(layer, states, targets)))
    random = np.random.default_rng(2)
    gaps = []
    for size in (3, 8, 11):
        sampler = NegativeSampler(np.ones(VOCABULARY, np.int64), size)
        losses = [
            np.mean(sampled_loss(layer, states, targets, sampler.draw(random), sampler.log_drawn))
            for _ in range(40)
        ]
        gaps.append(abs(exact - np.mean(losses)))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.05 * exact


def test_large_logits_do_not_overflow(head):
    layer, states, targets = head
    every = np.arange(VOCABULARY, dtype=np.int32)
    loss = sampled_loss(layer, states * 1e3, targets, every, CERTAIN)
    assert np.isfinite(np.asarray(loss)).all()


# --- negatives ---


@pytest.mark.parametrize("size", [1, 5, 19])
def test_a_tokens_probability_of_being_drawn_is_what_the_sampler_says(size: int):
    counts = np.random.default_rng(0).zipf(1.3, 20).clip(0, 10_000)
    sampler = NegativeSampler(counts, size)
    random = np.random.default_rng(1)
    drawn = np.zeros(20)
    for _ in range(4000):
        chosen = sampler.draw(random)
        assert len(set(chosen.tolist())) == size
        drawn[chosen] += 1
    assert np.exp(sampler.log_drawn).sum() == pytest.approx(size, rel=1e-3)
    # One of 20 tokens, or all but one, is where taking the last arrival as fixed is roughest.
    allowed = 0.03 if size == 5 else 0.12
    np.testing.assert_allclose(np.exp(sampler.log_drawn), drawn / 4000, atol=allowed)


def test_in_a_real_vocabulary_the_probabilities_are_nearly_exact():
    counts = np.random.default_rng(0).zipf(1.5, 2000).clip(0, 10_000)
    sampler = NegativeSampler(counts, 200)
    random = np.random.default_rng(1)
    drawn = np.zeros(2000)
    for _ in range(1500):
        drawn[sampler.draw(random)] += 1
    expected = np.exp(sampler.log_drawn)
    deviation = np.sqrt(expected * (1 - expected) / 1500)
    assert np.abs(drawn / 1500 - expected).max() < 5 * deviation.max()


# --- what is asked ---


@pytest.mark.parametrize(
    ("time", "share", "expected"),
    [
        (64, 0.5, {"next": 32, "elsewhere": 32}),
        (64, 0.0, {"next": 64}),
        (2, 0.9, {"next": 1, "elsewhere": 1}),  # the next token is always asked for somewhere
        (3, 0.1, {"next": 3}),
    ],
)
def test_how_many_steps_are_asked_what(time: int, share: float, expected: dict[str, int]):
    assert asked_steps(toy_settings(segment_tokens=time, elsewhere_share=share)) == expected


def test_the_answers_are_the_next_token_and_one_of_the_same_text():
    texts = encoded(TEXTS)
    random = np.random.default_rng(0)
    weights = rarity(np.bincount(texts.token_ids, minlength=VOCABULARY))
    elsewhere, count = set(), 0
    for segment in segments() * 20:
        asked = ask(
            segment, texts, asked={"next": 2, "elsewhere": 2}, rarity=weights, random=random
        )
        steps = np.concatenate([question.steps for question in asked.values()])
        assert sorted(steps.tolist()) == list(range(TIME))
        for name, question in asked.items():
            for row, column in np.ndindex(ROWS, 2):
                position = segment.positions[row, question.steps[column]]
                target, weight = question.targets[row, column], question.weights[row, column]
                if position + 1 >= segment.ends[row]:
                    assert (target, weight) == (0, 0)
                elif name == "next":
                    assert (target, weight) == (texts.token_ids[position + 1], 1)
                else:
                    text = texts.token_ids[segment.starts[row] : segment.ends[row]]
                    assert target in text
                    assert weight == weights[target]
                    elsewhere.add((int(position), int(target)))
                    count += 1
    # In the text of nine, whose tokens tell their place, what has been read is asked for too.
    places = {(position, target - 2) for position, target in elsewhere if position < 9}
    assert {place for _, place in places} == set(range(9))
    assert any(place < position for position, place in places)
    assert any(place > position + 1 for position, place in places)
    assert count > 100


def test_frequent_tokens_weigh_less_as_tokens_elsewhere():
    weights = rarity(np.array([0, 1, 100, 10_000, 1_000_000]))
    assert weights[:3].tolist() == [1, 1, 1]
    assert 0 < weights[4] < weights[3] < 0.2


def test_the_inputs_say_which_targets_are_among_the_negatives():
    texts = encoded(TEXTS)
    sampler = NegativeSampler(np.bincount(texts.token_ids, minlength=VOCABULARY), 5)
    random = np.random.default_rng(0)
    negatives = sampler.draw(random)
    segment = segments()[0]
    weights = np.ones(VOCABULARY, np.float32)
    questions = ask(segment, texts, asked={"next": 4}, rarity=weights, random=random)
    inputs = network_inputs(segment.token_ids, negatives, questions, sampler)
    targets = inputs["next_targets"]
    np.testing.assert_array_equal(inputs["next_known"], np.isin(targets, negatives))
    np.testing.assert_array_equal(inputs["next_correction"], sampler.log_drawn[targets])
    assert {name: value.shape for name, value in inputs.items()} == {
        "token_ids": (ROWS, TIME),
        "negatives": (1, 5),
        "negative_correction": (1, 5),
        "next_steps": (1, 4),
        "next_targets": (ROWS, 4),
        "next_correction": (ROWS, 4),
        "next_known": (ROWS, 4),
    }


# --- states ---


def test_reading_in_segments_gives_the_states_of_reading_each_text_in_one_go():
    network = toy_network()
    states = keras.Model(network.grammar.inputs, [lstm.output for lstm in network.lstms])
    whole = {}
    for text in TEXTS:
        sequence = np.asarray(network.embedding(np.array([text])))
        for number, trained in enumerate(network.lstms):
            plain = keras.layers.LSTM(trained.units, return_sequences=True)
            plain.build(sequence.shape)
            plain.set_weights(trained.get_weights())
            sequence = np.asarray(plain(sequence))
            whole[tuple(text), number] = sequence[0]
    starts = {int(start): text for start, text in zip(encoded(TEXTS).starts, TEXTS, strict=False)}
    read = 0
    for segment in segments():
        network.forget(segment.begins)
        outputs = states.predict_on_batch(segment.token_ids)
        for number, sequence in enumerate(outputs):
            for row, step in zip(*np.nonzero(segment.inside), strict=True):
                text = starts[int(segment.starts[row])]
                place = segment.positions[row, step] - segment.starts[row]
                expected = whole[tuple(text), number][place]
                np.testing.assert_allclose(sequence[row, step], expected, atol=1e-6)
                read += 1
    assert read == 2 * sum(map(len, TEXTS))


def test_only_rows_where_a_text_begins_forget():
    network = toy_network()
    network.grammar.predict_on_batch(segments()[0].token_ids)
    before = network.carried()
    assert all(np.abs(state).min(axis=1).all() for state in before[:2])  # h and c of lstm_1
    network.forget(np.array([False, True, False]))
    for state, old in zip(network.carried(), before, strict=True):
        assert not state[1].any()
        np.testing.assert_array_equal(state[[0, 2]], old[[0, 2]])
    network.carry(before)
    for state, old in zip(network.carried(), before, strict=True):
        np.testing.assert_array_equal(state, old)


# --- perplexity ---


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_perplexity_is_that_of_the_whole_softmax_text_by_text(share: float, monkeypatch):
    monkeypatch.setattr("sentiment.nn.perplexity._POSITIONS_AT_ONCE", 5)
    network = toy_network(elsewhere_share=share)
    head = network.heads["next"]
    losses = []
    for text in TEXTS:
        sequence = np.asarray(network.embedding(np.array([text])))
        # Asked for nothing else, the top LSTM answers for the next token; else the bottom one.
        for trained in network.lstms if share == 0 else network.lstms[:1]:
            plain = keras.layers.LSTM(trained.units, return_sequences=True)
            plain.build(sequence.shape)
            plain.set_weights(trained.get_weights())
            sequence = np.asarray(plain(sequence))
        losses += np.asarray(exact_loss(head, sequence[0, :-1], np.array(text[1:]))).tolist()
    before = network.carried()
    found = perplexity(network, encoded(TEXTS), toy_settings(elsewhere_share=share))
    assert len(losses) == sum(len(text) - 1 for text in TEXTS)
    assert found == pytest.approx(np.exp(np.mean(losses)), rel=1e-5)
    for state, old in zip(network.carried(), before, strict=True):
        np.testing.assert_array_equal(state, old)


def test_perplexity_of_texts_without_a_second_token_is_not_a_number():
    network = toy_network()
    assert np.isnan(perplexity(network, encoded([[2], [3]]), toy_settings()))
    texts = encoded([[2], [3]])
    assert np.isnan(unigram_perplexity(texts, texts, vocabulary_size=VOCABULARY))


def test_the_perplexity_of_guessing_by_frequency_by_hand():
    learned = encoded([[2, 2, 3], [4]])
    held_out = encoded([[4, 2, 3]])
    counts = np.array([1, 1, 3, 2, 2])
    expected = np.exp(-np.mean(np.log(counts[[2, 3]] / counts.sum())))
    found = unigram_perplexity(learned, held_out, vocabulary_size=5)
    assert found == pytest.approx(expected)
