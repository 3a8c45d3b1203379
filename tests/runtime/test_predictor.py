"""Prediction: the record, its honesty about what was not read, and the same answer every way."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from sentiment import Prediction, SentimentModel
from sentiment.errors import ConfigError, DataError, ModelFolderError
from sentiment.runtime.replay import replay

TEXTS = [
    "it was superb and charming",
    "",
    "dreadful :(",
    "delivered on a tuesday",
    "the the the the awful the the the the the the the the the the loved the",
    "xyzzy",
]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> SentimentModel:
    return sentiment.load(tiny_model)


def test_a_prediction_has_exactly_these_fields(model: SentimentModel):
    record = model.predict("it was superb and charming")[0]
    assert [field.name for field in fields(Prediction)] == list(record.to_dict())
    assert list(record.to_dict()) == [
        "text",
        "label",
        "score",
        "probabilities",
        "tokens",
        "truncated_tokens",
        "unknown_fraction",
        "warning",
    ]
    assert record.text == "it was superb and charming"
    assert record.label == "positive"
    assert list(record.probabilities) == ["negative", "neutral", "positive"]
    assert sum(record.probabilities.values()) == pytest.approx(1, abs=2e-4)
    assert (record.tokens, record.truncated_tokens) == (5, 0)
    assert (record.unknown_fraction, record.warning) == (0.0, None)
    assert json.loads(json.dumps(record.to_dict())) == record.to_dict()


def test_it_learned_what_its_texts_said(model: SentimentModel):
    labels = [prediction.label for prediction in model.predict(TEXTS)]
    assert (labels[0], labels[2], labels[3]) == ("positive", "negative", "neutral")


def test_the_score_is_the_expected_polarity(model: SentimentModel):
    for prediction in model.predict(TEXTS):
        assert -1 <= prediction.score <= 1
        low, _, high = prediction.probabilities.values()
        assert prediction.score == pytest.approx(high - low, abs=2e-4)
        best = max(prediction.probabilities, key=lambda name: prediction.probabilities[name])
        assert prediction.label == best
    scores = [prediction.score for prediction in model.predict(["awful", "loved it superb"])]
    assert scores[0] < 0 < scores[1]


@pytest.mark.parametrize(
    ("text", "tokens", "cut", "unknown", "warning"),
    [
        ("", 1, 0, 1.0, "empty text"),
        (" \n\t", 1, 0, 1.0, "empty text"),
        ("xyzzy plugh", 2, 0, 1.0, "no known word"),
        ("\u200b", 1, 0, 1.0, "no known word"),
        ("loved xyzzy", 2, 0, 0.5, "50% of the tokens are unknown"),
        ("loved it xyzzy", 3, 0, 0.3333, None),
        ("the " * 12, 12, 0, 0.0, None),
        ("the " * 20, 12, 8, 0.0, "8 tokens in the middle were not read"),
    ],
)
def test_a_shaky_answer_says_why(model, text, tokens, cut, unknown, warning):
    found = model.predict([text])[0]
    assert (found.tokens, found.truncated_tokens) == (tokens, cut)
    assert (found.unknown_fraction, found.warning) == (unknown, warning)


def test_answers_come_in_the_order_of_the_texts_whatever_their_lengths(model: SentimentModel):
    texts = ["the " * count + ("loved" if count % 2 else "hated") for count in (9, 1, 6, 3, 8, 0)]
    together = model.predict(texts)
    assert [prediction.text for prediction in together] == texts
    assert together == [model.predict(text)[0] for text in texts]
    assert model.predict(iter(texts)) == together


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(st.text(max_size=40).filter(lambda text: "\0" not in text), max_size=5))
def test_any_text_gets_an_answer_that_its_neighbours_do_not_change(model, texts: list[str]):
    arrays = model.predict_arrays(texts)
    assert arrays.probabilities.shape == (len(texts), 3)
    assert arrays.final_state.shape == (len(texts), 12)
    for row, text in enumerate(texts):
        alone = model.predict_arrays([text])
        np.testing.assert_allclose(arrays.probabilities[row], alone.probabilities[0], atol=1e-6)
        np.testing.assert_allclose(arrays.final_state[row], alone.final_state[0], atol=1e-6)


def test_many_texts_get_the_answers_of_few(model: SentimentModel):
    texts = [TEXTS[number % len(TEXTS)] for number in range(2000)]
    arrays = model.run(model.tokenizer.encode(texts))
    few = model.predict_arrays(TEXTS)
    for row in range(0, 2000, 37):
        np.testing.assert_allclose(
            arrays.probabilities[row], few.probabilities[row % len(TEXTS)], atol=1e-6
        )


def test_parts_come_in_order_and_each_has_the_answers_it_has_alone(model: SentimentModel):
    sizes = [3, 0, 1500, 1, 0, 700]
    parts = [[TEXTS[number % len(TEXTS)] for number in range(size)] for size in sizes]
    encoded = [model.tokenizer.encode(part) for part in parts]
    answers = list(model.run_parts(iter(encoded)))
    assert [len(arrays.tokens) for arrays in answers] == sizes
    for part, arrays in zip(encoded, answers, strict=True):
        alone = model.run(part, layers=False)
        np.testing.assert_allclose(arrays.probabilities, alone.probabilities, atol=1e-6)
        np.testing.assert_allclose(arrays.final_state, alone.final_state, atol=1e-6)
    assert [bool(arrays.layers) for arrays in answers] == [True, *[False] * 5]


def test_parts_are_taken_a_few_at_a_time(model: SentimentModel):
    taken: list[int] = []

    def parts():
        for number in range(100):
            taken.append(number)
            yield model.tokenizer.encode(TEXTS)

    answers = model.run_parts(parts())
    next(answers)
    assert len(taken) < 20
    answers.close()


def test_no_texts_are_no_answers(model: SentimentModel):
    assert model.predict([]) == []
    assert model.predict_arrays([]).probabilities.shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\0b", "text 2 holds a NUL character at position 1"),
        ("ab\udc80", "text 2 holds a lone surrogate at position 2"),
        (None, "text 2 holds NoneType instead of text"),
        (b"bytes", "text 2 holds bytes instead of text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(model: SentimentModel, text, words: str):
    with pytest.raises(DataError) as caught:
        model.predict(["fine", text])
    assert words in str(caught.value)


def test_the_shape_table_is_that_of_the_tensors_that_came_out(model: SentimentModel):
    rows = {row.layer: row.shape for row in model.predict_arrays(["loved it", "hated"]).layers}
    assert rows == {
        "token_ids": (2, 2),
        "embedding": (2, 2, 16),
        "lstm_1": (2, 2, 16),
        "lstm_2": (2, 12),
        "dense": (2, 16),
        "probabilities": (2, 3),
    }


def test_keras_and_onnx_give_the_same_answers(tiny_model: Path, model: SentimentModel):
    slow, fast = sentiment.load(tiny_model, engine="keras"), model
    expected, found = slow.predict_arrays(TEXTS), fast.predict_arrays(TEXTS)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-5)
    np.testing.assert_allclose(found.final_state, expected.final_state, atol=1e-5)
    assert found.layers == expected.layers
    # In Keras too, neither padding nor neighbours change an answer.
    for row in (0, 1, 4):
        alone = slow.predict_arrays([TEXTS[row]])
        np.testing.assert_allclose(alone.probabilities[0], expected.probabilities[row], atol=1e-6)


def test_the_saved_weights_replayed_by_hand_give_the_same_answer(model: SentimentModel):
    encoded = model.tokenizer.encode(TEXTS)
    arrays = model.run(encoded)
    weights = model.folder.load_weights()
    for row in range(len(TEXTS)):
        seen = replay(weights, encoded.of_text(row), model.folder.encoder)
        np.testing.assert_allclose(arrays.probabilities[row], seen.probabilities, atol=1e-5)
        np.testing.assert_allclose(arrays.final_state[row], seen.pooled, atol=1e-5)


def test_loading_twice_gives_identical_answers(tiny_model: Path, model: SentimentModel):
    again = sentiment.load(tiny_model, threads=1)
    np.testing.assert_array_equal(
        again.predict_arrays(TEXTS).probabilities, model.predict_arrays(TEXTS).probabilities
    )


def test_int8_gives_nearly_the_same_answers(tiny_model: Path, model: SentimentModel):
    small = sentiment.load(str(tiny_model), engine="int8")
    np.testing.assert_allclose(
        small.predict_arrays(TEXTS[:4]).probabilities,
        model.predict_arrays(TEXTS[:4]).probabilities,
        atol=0.15,
    )


def test_an_engine_that_is_not_there_is_refused(tiny_model: Path):
    with pytest.raises(ConfigError, match="no engine 'torch'; expected one of onnx, int8, keras"):
        sentiment.load(tiny_model, engine="torch")


def test_a_model_without_int8_says_why(tiny_model: Path, tmp_path: Path):
    from sentiment.model_folder import write_model_folder

    names = [path.name for path in tiny_model.iterdir()]
    keep = [name for name in names if name not in ("manifest.json", "model.int8.onnx")]
    write_model_folder(
        tmp_path / "model", {name: (tiny_model / name).read_bytes() for name in keep}
    )
    with pytest.raises(ModelFolderError, match=r"has no int8 model: .* expected --engine onnx"):
        sentiment.load(tmp_path / "model", engine="int8")


def test_columns_hold_what_predictions_say(model: SentimentModel):
    arrays = model.predict_arrays(TEXTS)
    columns = model.to_columns(TEXTS, arrays)
    predictions = [prediction.to_dict() for prediction in model.to_predictions(TEXTS, arrays)]
    assert list(columns) == list(predictions[0])
    shares = columns.pop("probabilities")
    for row, prediction in enumerate(predictions):
        assert {name: column[row] for name, column in shares.items()} == prediction["probabilities"]
        assert {name: column[row] for name, column in columns.items()} == {
            name: prediction[name] for name in columns
        }


def test_threads_change_no_answer(tiny_model: Path):
    texts = [f"{text} {'film ' * (number % 9)}" for number in range(300) for text in TEXTS]
    one, three = (sentiment.load(tiny_model, threads=number) for number in (1, 3))
    expected, found = one.predict_arrays(texts), three.predict_arrays(texts)
    np.testing.assert_array_equal(found.probabilities, expected.probabilities)
    np.testing.assert_array_equal(found.final_state, expected.final_state)
    assert found.layers == expected.layers


def test_the_shape_table_is_made_only_if_asked_for(model: SentimentModel):
    with_table, without = (model.predict_arrays(TEXTS, layers=layers) for layers in (True, False))
    assert without.layers == ()
    np.testing.assert_array_equal(without.probabilities, with_table.probabilities)
