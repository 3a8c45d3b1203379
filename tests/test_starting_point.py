"""Starting from a pretrained encoder: its weights, its tokenizer, its sizes; or from nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from watchers import Recorder

import sentiment
from sentiment.config import ClassifierSettings, Config, load_config
from sentiment.errors import ModelFolderError
from sentiment.model_folder import open_model_folder
from sentiment.starting_point import FEW_TEXTS, find_starting_point


def config(init: object, **encoder: object) -> Config:
    return Config.model_validate({"encoder": {"init": init, **encoder}})


def test_null_starts_from_nothing():
    start = find_starting_point(config(None), ["Fine."] * 10)
    assert (start.tokenizer, start.weights, start.note) == (None, {}, "")


def test_a_folder_gives_its_sizes_tokenizer_and_weights(tiny_model: Path):
    settings = config(str(tiny_model), units=[99], embedding_units=7, pooling="mean")
    start = find_starting_point(settings, ["Fine."] * 10)
    assert start.config.encoder.units == (16, 12)
    assert start.config.encoder.embedding_units == 16
    assert start.config.encoder.pooling == "mean"  # not a size: the config decides
    assert start.tokenizer is not None
    assert start.tokenizer.vocabulary_size == start.weights["embedding/embeddings"].shape[0]
    assert start.tokenizer.max_tokens == settings.text.max_tokens
    assert set(start.weights) == {
        name for name in load_file(tiny_model / "weights.safetensors") if name[:3] in ("emb", "lst")
    }
    assert str(tiny_model) in start.note
    assert "encoder.init=null" in start.note


def test_what_was_set_by_hand_and_gives_way_is_named(tiny_model: Path, tiny_settings: list[str]):
    by_hand = ["encoder.units=[9]", "encoder.embedding_units=16", "encoder.pooling=mean"]
    settings = load_config(None, [*by_hand, f"encoder.init={tiny_model}"])
    start = find_starting_point(settings, ["Fine."] * 10)
    line = f"encoder.units is not [9] but [16, 12], as in {tiny_model}"
    assert start.given_way(settings, by_hand) == [line]
    assert start.given_way(settings, []) == []
    seen = Recorder()
    overrides = [*tiny_settings, *by_hand, f"encoder.init={tiny_model}", "training.epochs=1"]
    sentiment.train(output=tiny_model.parent / "by-hand", overrides=overrides, watcher=seen)
    assert line in seen.lines


def test_the_classifier_comes_along_where_it_knows_the_classes(tiny_model: Path):
    known = open_model_folder(tiny_model).classes
    saved = load_file(tiny_model / "weights.safetensors")
    units = ClassifierSettings(units=7)
    settings = config(str(tiny_model)).model_copy(update={"classifier": units})
    chosen = [known[2], known[0]]  # some of them, in another order
    start = find_starting_point(settings, ["Fine."] * 10, chosen)
    assert set(start.weights) == set(saved)
    np.testing.assert_array_equal(start.weights["dense/kernel"], saved["dense/kernel"])
    for name in ("probabilities/kernel", "probabilities/bias"):
        np.testing.assert_array_equal(start.weights[name], saved[name][..., [2, 0]])
    assert start.config.classifier.units == saved["dense/bias"].size
    assert "its own tokenizer and classifier" in start.note


def test_attention_comes_along_with_the_classifier_that_reads_through_it(
    tiny_settings: list[str], tmp_path: Path
):
    settings = [*tiny_settings, "training.epochs=1", "encoder.pooling=attention"]
    folder = sentiment.train(output=tmp_path / "attentive", overrides=settings)
    saved = load_file(folder / "weights.safetensors")
    classes = open_model_folder(folder).classes
    start = find_starting_point(config(str(folder), pooling="attention"), ["Fine."] * 10, classes)
    assert set(start.weights) == set(saved)
    for name, tensor in saved.items():
        np.testing.assert_array_equal(start.weights[name], tensor)


@pytest.mark.parametrize(
    ("pooling", "classes"), [("last", ["negative", "furious"]), ("max", ["negative", "positive"])]
)
def test_a_classifier_of_something_else_stays_behind(
    tiny_model: Path, pooling: str, classes: list[str]
):
    start = find_starting_point(config(str(tiny_model), pooling=pooling), ["Fine."] * 10, classes)
    assert not any(name.startswith(("dense/", "probabilities/")) for name in start.weights)
    assert start.config.classifier.units == ClassifierSettings().units
    assert "classifier" not in start.note


@pytest.mark.parametrize("init", ["no-such-folder", "genral"])
def test_a_folder_that_is_not_there_is_refused(init: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFolderError) as refused:
        find_starting_point(config(init), ["Fine."] * 10)
    assert init in str(refused.value)
    assert "\n" not in str(refused.value)


def test_many_texts_start_from_nothing_by_default():
    assert find_starting_point(config("auto"), ["Fine."] * (FEW_TEXTS + 1)).weights == {}


GERMAN = "Das Zimmer war sauber und ruhig, aber das Abendessen hat uns überhaupt nicht geschmeckt. "


@pytest.mark.parametrize("sentences", [1, 20, 100])
def test_auto_starts_from_nothing_with_another_language_however_long_the_texts(sentences: int):
    start = find_starting_point(config("auto"), [GERMAN * sentences] * 10)
    assert start.weights == {}
    assert "not in the language of general, English" in start.note


@pytest.mark.parametrize("sentences", [1, 20, 100])
def test_auto_starts_from_general_with_english(sentences: int):
    english = "The room was clean and quiet, but we did not like the dinner at all. "
    assert find_starting_point(config("auto"), [english * sentences] * 10).weights


def test_training_from_a_model_begins_where_it_ended(
    tiny_model: Path, tiny_settings: list[str], tmp_path: Path
):
    notes = Recorder()
    # Steps so small that the weights stay what they were.
    folder = sentiment.train(
        output=tmp_path / "again",
        overrides=[
            *tiny_settings,
            f"encoder.init={tiny_model}",
            "training.epochs=1",
            "training.learning_rate=1e-12",
        ],
        watcher=notes,
    )
    before = load_file(tiny_model / "weights.safetensors")
    after = load_file(folder / "weights.safetensors")
    np.testing.assert_allclose(after["lstm_1/kernel"], before["lstm_1/kernel"], atol=1e-6)
    np.testing.assert_allclose(after["lstm_2/bias"], before["lstm_2/bias"], atol=1e-6)
    np.testing.assert_allclose(after["dense/kernel"], before["dense/kernel"], atol=1e-6)
    assert any(line.startswith(f"encoder: from {tiny_model}") for line in notes.lines)
    assert open_model_folder(folder).info["encoder"]["init"] == str(tiny_model)
    # What is saved trains the same again.
    assert load_config(folder / "config.yaml").encoder.units == (16, 12)
