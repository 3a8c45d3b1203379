"""Probes, atlas and forgetting find what is really there: on states made for the purpose."""

from __future__ import annotations

import json

import numpy as np
import pytest
from states_toys import VOCABULARY, make_weights

from sentiment.evaluation.forgetting import forgetting_curve
from sentiment.evaluation.hidden_states import Projection
from sentiment.evaluation.network_states import each_batch
from sentiment.evaluation.predictions import Predictions
from sentiment.evaluation.probes import probe_layers
from sentiment.evaluation.state_sample import FEWEST_TEXTS, StateSample, choose_rows
from sentiment.evaluation.units import Drivers, unit_atlas
from sentiment.runtime.shapes import Encoder
from sentiment.text.tokenizer import EncodedTexts


def encode(rows):
    sizes = np.array([len(row) for row in rows])
    return EncodedTexts(
        token_ids=np.concatenate(rows).astype(np.int32),
        starts=np.concatenate([[0], np.cumsum(sizes)]),
        truncated_tokens=np.zeros(len(rows), np.int32),
        unknown_fraction=np.zeros(len(rows), np.float32),
    )


class Names:
    """Names a token by its number."""

    def tokens(self, token_ids):
        return [f"t{token_id}" for token_id in token_ids]


def make_sample(weights, encoder, encoded, look=lambda _: None):
    batches = list(each_batch(weights, encoded, encoder))
    order = np.argsort(np.concatenate([batch.rows for batch in batches]))
    for batch in batches:
        look(batch)

    def joined(get):
        return np.concatenate([get(batch) for batch in batches])[order]

    layers = range(len(encoder.units))
    hidden = tuple(joined(lambda b, n=n: b.final_hidden[n]) for n in layers)
    return StateSample(
        rows=np.arange(len(encoded)),
        encoded=encoded,
        embedded=joined(lambda b: b.embedded),
        hidden=hidden,
        cell=tuple(joined(lambda b, n=n: b.final_cell[n]) for n in layers),
        readings=hidden[-1],
    )


def random_texts(count=240, *, shortest=3, longest=30, seed=5):
    random = np.random.default_rng(seed)
    lengths = random.integers(shortest, longest, count)
    return [random.integers(2, VOCABULARY, length) for length in lengths]


def planted_sample(labels, *, seed=0):
    """States whose first unit is the label and whose second is noise; the cell is all noise."""
    random = np.random.default_rng(seed)
    noise = random.normal(size=(len(labels), 6)).astype(np.float32)
    hidden = noise.copy()
    hidden[:, 0] = labels + random.normal(scale=0.1, size=len(labels))
    encoded = encode(random_texts(len(labels)))
    return StateSample(np.arange(len(labels)), encoded, noise, (hidden,), (noise,), hidden)


def predictions(labels, texts=None, **columns):
    rows = len(labels)
    return Predictions(
        texts=texts or [f"row {row}" for row in range(rows)],
        labels=labels,
        classes=("negative", "positive"),
        probabilities=np.tile([0.5, 0.5], (rows, 1)),
        tokens=np.ones(rows, int),
        truncated_tokens=np.zeros(rows, int),
        unknown_fraction=np.zeros(rows),
        columns=columns,
    )


def test_a_probe_finds_what_is_planted_and_the_control_does_not():
    labels = np.random.default_rng(1).integers(0, 2, 400)
    rows = predictions(labels, domain=[("a", "b", "c")[row % 3] for row in range(400)])
    result = probe_layers(rows, planted_sample(labels), seed=13)
    json.dumps(result, allow_nan=False)
    by_name = {entry["property"]: entry for entry in result["properties"]}
    scores = {(p["layer"], p["state"]): p for p in by_name["sentiment"]["probes"]}
    found = scores["lstm_1", "h"]
    assert found["accuracy"]["value"] > 0.95
    assert found["control"]["value"] < 0.65
    assert scores["lstm_1", "c"]["accuracy"]["value"] < 0.65
    assert by_name["domain"]["probes"][1]["accuracy"]["value"] < 0.5
    assert by_name["domain"]["values"] == ["a", "b", "c"]
    assert by_name["negation"]["reason"] == "every text has the same value"


def test_properties_that_cannot_be_probed_say_why():
    labels = np.arange(30) % 2
    result = probe_layers(predictions(labels), planted_sample(labels), seed=13)
    reasons = {entry["property"]: entry["reason"] for entry in result["properties"]}
    assert "too few" in reasons["sentiment"]
    assert "no column" in reasons["domain"]


def test_the_map_keeps_distances_that_lie_in_a_plane():
    random = np.random.default_rng(2)
    flat = random.normal(size=(50, 2)) @ random.normal(size=(2, 7))
    projection = Projection(flat)
    assert projection.shares[:2].sum() == pytest.approx(1)
    places = projection.place(flat)
    np.testing.assert_allclose(
        np.linalg.norm(places[0] - places, axis=1), np.linalg.norm(flat[0] - flat, axis=1)
    )
    assert Projection(flat[:1]).place(flat[:1]).shape == (1, 2)
    assert Projection(flat[:, :1]).place(flat[:, :1]).shape == (50, 2)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_atlas_names_the_token_that_drives_a_unit(bidirectional):
    encoder = Encoder(6, (4,), bidirectional)
    weights = make_weights(encoder)
    direction = "lstm_1/forward" if bidirectional else "lstm_1"
    # Token 7 opens the input gate of unit 2 wide and writes +1; nothing else opens it.
    table = weights["embedding/embeddings"]
    table[:, 0] = 0
    table[7, 0] = 1
    kernel, bias = weights[f"{direction}/kernel"], weights[f"{direction}/bias"]
    weights[f"{direction}/recurrent_kernel"][:] = 0
    for gate, opened, otherwise in ((0, 20, -10), (1, 0, 4), (2, 20, 0), (3, 0, 8)):
        kernel[:, gate * 4 + 2] = 0
        kernel[0, gate * 4 + 2] = opened
        bias[gate * 4 + 2] = otherwise
    texts = random_texts(60)
    drivers = Drivers(encoder)
    sample = make_sample(weights, encoder, encode(texts), drivers.look)
    labels = np.array([int(7 in text) * 2 for text in texts])
    atlas = unit_atlas(sample, weights, labels, drivers, Names(), encoder)
    json.dumps(atlas, allow_nan=False)
    assert len(atlas["entries"]) == (8 if bidirectional else 4)
    unit = next(entry for entry in atlas["entries"] if entry["unit"] == 2)
    assert "t7" in unit["spans"]["up"][0].values()
    assert unit["selectivity"] > 0.9
    changes = [entry["ablation"]["score_change"] for entry in atlas["entries"]]
    assert changes == sorted(changes, reverse=True)


def test_a_unit_that_the_classifier_does_not_read_changes_nothing_when_ablated():
    encoder = Encoder(6, (4,))
    weights = make_weights(encoder)
    weights["dense/kernel"][1] = 0
    drivers = Drivers(encoder)
    texts = random_texts(40)
    sample = make_sample(weights, encoder, encode(texts), drivers.look)
    atlas = unit_atlas(sample, weights, np.zeros(40, int), drivers, Names(), encoder)
    assert atlas["entries"][-1]["unit"] == 1
    assert atlas["entries"][-1]["head_weight"] == 0
    assert atlas["entries"][-1]["ablation"] == {
        "right_change": 0,
        "answers_changed": 0,
        "score_change": pytest.approx(0, abs=1e-7),
    }
    assert atlas["entries"][0]["selectivity"] is None  # one class only


@pytest.mark.parametrize(("forget_bias", "least", "most"), [(-30, 0.0, 0.01), (30, 0.2, 2.0)])
def test_a_closed_forget_gate_forgets_at_once_and_an_open_one_does_not(forget_bias, least, most):
    encoder = Encoder(6, (4,))
    weights = make_weights(encoder)
    weights["lstm_1/recurrent_kernel"][:] = 0
    weights["lstm_1/kernel"][:, 4:8] = 0
    weights["lstm_1/bias"][4:8] = forget_bias
    # An output gate that does not depend on the token: what is left is the cell's.
    weights["lstm_1/kernel"][:, 12:] = 0
    sample = make_sample(weights, encoder, encode(random_texts(80, shortest=20, longest=21)))
    curve = forgetting_curve(sample, weights, encoder, seed=13)
    assert curve["later"] == 15
    for line in curve["curves"]:
        assert line["state"][0]["value"] == pytest.approx(1)
        assert least <= line["state"][5]["value"] <= most
        assert line["state"][5]["low"] <= line["state"][5]["value"] <= line["state"][5]["high"]


def test_texts_too_short_to_follow_a_word_say_so():
    encoder = Encoder(6, (4,))
    weights = make_weights(encoder)
    sample = make_sample(weights, encoder, encode(random_texts(30, shortest=1, longest=4)))
    curve = forgetting_curve(sample, weights, encoder, seed=13)
    assert curve["curves"] == []
    assert "long enough" in curve["reason"]


def test_the_sample_is_smaller_for_a_larger_encoder():
    tokens = np.full(100_000, 300)
    small = choose_rows(tokens, Encoder(64, (64, 64)), seed=1)
    large = choose_rows(tokens, Encoder(256, (1024,)), seed=1)
    assert len(small) == 2_000
    assert len(large) == FEWEST_TEXTS
    assert (np.diff(small) > 0).all()
    assert len(choose_rows(tokens[:10], Encoder(64, (64,)), seed=1)) == 10
