"""Occlusion and decomposition of a trained model's answers, and how they are shown."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.errors import ConfigError, DataError
from sentiment.runtime.arithmetic import polarity
from sentiment.runtime.attribution import centred_log, find_phrase
from sentiment.runtime.word_view import Page, format_attribution
from sentiment.text.words import read_text

TEXT = "It was SUPERB, charming and awful :("


@pytest.fixture(scope="module")
def model(tiny_model: Path):
    return sentiment.load(tiny_model)


def test_occlusion_is_the_answer_without_the_word(model) -> None:
    found = model.explain(TEXT, "occlusion")
    whole = centred_log(model.predict_arrays([TEXT]).probabilities)[0]
    np.testing.assert_allclose(found.whole, whole, atol=1e-5)
    for word, without in {
        "SUPERB": "It was , charming and awful :(",
        "awful": "It was SUPERB, charming and :(",
        ":(": "It was SUPERB, charming and awful",
    }.items():
        left = centred_log(model.predict_arrays([without]).probabilities)[0]
        row = found.words.shown.index(word)
        np.testing.assert_allclose(found.values[row], whole - left, atol=1e-5)


@pytest.mark.parametrize("engine", ["onnx", "int8", "keras"])
def test_occlusion_works_with_every_engine(tiny_model: Path, engine: str) -> None:
    found = sentiment.load(tiny_model, engine=engine).explain(TEXT, "occlusion")
    assert found.words.shown[int(found.leaning.argmin())] in ("awful", ":(")


def test_leaving_the_only_word_out_leaves_an_unknown_one(model) -> None:
    found = model.explain("superb", "occlusion")
    left = centred_log(model.predict_arrays([""]).probabilities)[0]
    np.testing.assert_allclose(found.whole - found.values[0], left, atol=1e-5)
    assert model.explain("", "occlusion").values.tolist() == [[0.0, 0.0, 0.0]]


def test_decomposition_splits_the_logits_of_a_trained_model(model) -> None:
    found = model.explain(TEXT, "decomposition")
    assert found.gap is not None
    assert found.gap < 1e-5
    by_word = dict(zip(found.words.shown, found.leaning.tolist(), strict=True))
    assert max(by_word, key=by_word.get) in ("SUPERB", "charming")
    assert min(by_word, key=by_word.get) in ("awful", ":(")


@pytest.mark.parametrize("method", ["occlusion", "decomposition"])
def test_a_phrase_is_looked_at_as_one(model, method: str) -> None:
    found = model.explain(TEXT, method, phrases=["superb, Charming", "awful"])
    first, second = found.phrases
    assert first.words == (2, 5)
    np.testing.assert_allclose(second.values, found.values[second.words[0]], atol=1e-5)
    entry = found.to_dict()["phrases"][0]
    assert entry["phrase"] == "SUPERB, charming"
    assert entry["sum_of_its_words"] == pytest.approx(found.leaning[2:5].sum(), abs=1e-5)
    # The words of a network that is not linear do not add up.
    assert entry["leaning"] != pytest.approx(entry["sum_of_its_words"], abs=1e-3)
    if method == "occlusion":
        left = centred_log(model.predict_arrays(["It was and awful :("]).probabilities)[0]
        np.testing.assert_allclose(first.values, found.whole - left, atol=1e-5)


def test_a_phrase_that_is_not_there(model) -> None:
    with pytest.raises(DataError, match=r"no phrase 'not bad' in the text; expected words that"):
        model.explain(TEXT, phrases=["not bad"])
    assert model.explain(TEXT, phrases=["not bad"], skip_missing=True).phrases == ()
    words = read_text("one two\nthree", model.tokenizer).words
    assert find_phrase(words, "TWO three") == (1, 3)
    assert find_phrase(words, "  ") is None


def test_what_was_cut_has_no_value(model) -> None:
    text = " ".join(["superb"] * 6 + ["the"] * 10 + ["awful"] * 3)
    found = model.explain(text)
    assert len(found.words) == 12  # as many as the model reads
    assert (found.truncated_tokens, found.head_words) == (7, 4)
    assert "… 7 tokens not read …" in format_attribution(found, Page())


def test_unknown_methods_and_engines_are_refused_in_one_line(model) -> None:
    with pytest.raises(ConfigError, match="one of occlusion, gradients, decomposition"):
        model.explain(TEXT, "magic")
    with pytest.raises(ConfigError, match="--engine keras"):
        model.explain(TEXT, "gradients")
    with pytest.raises(DataError, match="NUL"):
        model.explain("a\0b")


def test_the_attribution_as_json_and_as_lines(model) -> None:
    found = model.explain(TEXT, "decomposition", phrases=["charming and awful"])
    record = json.loads(json.dumps(found.to_dict()))
    assert [TEXT[each["start"] : each["end"]] for each in record["words"]] == list(
        found.words.shown
    )
    first = record["words"][0]
    shares = list(first["by_class"].values())
    assert first["leaning"] == pytest.approx(shares[2] - shares[0], abs=1e-5)
    assert sum(shares) == pytest.approx(0, abs=1e-5)
    lines = format_attribution(found, Page()).splitlines()
    assert lines[0] == f"  {TEXT}"
    assert any(line.startswith("phrase  charming and awful  ") for line in lines)
    assert "log-odds of positive against negative" in " ".join(lines)
    bars = [line.count("█") for line in lines]
    assert max(bars) == 12  # the strongest word fills its half


def test_polarity_weighs_from_the_first_class_to_the_last() -> None:
    assert polarity(np.array([[-1.0, 1.0]])) == [2.0]
    five = np.array([0.5, 0.0, 0.0, 0.0, -0.5])
    assert polarity(five) == -1.0
