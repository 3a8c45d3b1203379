"""Few texts: batches shrink, the averaged weights keep up, and a new classifier is learned."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from watchers import Recorder

import sentiment
from sentiment.config import TrainingSettings, load_config
from sentiment.few_texts import fit_to


@pytest.mark.parametrize(
    ("texts", "batch_size", "passes", "steps"),
    [(1, 8, 32, 32), (7, 8, 32, 32), (100, 8, 2, 26), (256, 8, 1, 32), (500, 15, 1, 34)],
)
def test_few_texts_make_small_batches_more_passes_and_a_short_memory(
    texts: int, batch_size: int, passes: int, steps: int
):
    settings = TrainingSettings(batch_size=64, ema_momentum=0.99)
    few, note = fit_to(settings, texts, 200)
    assert (few.batch_size, few.passes) == (batch_size, passes)
    assert few.ema_momentum == pytest.approx(1 - 1 / steps)
    more = f"; {passes} passes an epoch, not 1" if passes > 1 else ""
    assert note == (
        f"few texts: batches of {batch_size}, not 64{more}; weights averaged over {steps} steps, "
        "not 100"
    )
    assert fit_to(few, texts, 200) == (few, "")  # a model's config.yaml says the same once more


def test_only_what_has_to_change_does():
    settings = TrainingSettings(batch_size=64, ema_momentum=0.99, epochs=3)
    few, note = fit_to(settings, 5_000, 500)
    assert (few.batch_size, few.epochs) == (64, 3)
    assert note == "few texts: weights averaged over 79 steps, not 100"
    small = TrainingSettings(batch_size=4, ema_momentum=0.0)
    assert fit_to(small, 100, 500) == (small, "")


def test_few_validation_texts_choose_no_epoch():
    settings = TrainingSettings(batch_size=64, ema_momentum=0.99)
    few, note = fit_to(settings, 10_000, 199)
    assert (few.keep, few.batch_size) == ("last", 64)
    assert note == "few texts: the last epoch is kept, not the best of so few validation texts"
    assert fit_to(few, 10_000, 199) == (few, "")


def test_many_texts_change_nothing():
    settings = TrainingSettings(batch_size=64, ema_momentum=0.99)
    assert fit_to(settings, 6_400, 200) == (settings, "")


def test_a_new_classifier_is_learned_from_few_texts_with_the_default_settings(
    tiny_model: Path, tiny_corpus: Path, tmp_path: Path
):
    texts = pd.read_csv(tiny_corpus)
    texts["label"] = texts["label"].map({"negative": "no", "neutral": "so-so", "positive": "yes"})
    texts.iloc[:90].to_csv(tmp_path / "few.csv", index=False)
    watcher = Recorder()
    folder = sentiment.train(
        output=tmp_path / "few",
        overrides=[
            f"data.source={tmp_path / 'few.csv'}",
            f"encoder.init={tiny_model}",
            "text.max_tokens=6",
            "text.head_tokens=2",
            "export.int8_max_accuracy_loss=0.9",
        ],
        watcher=watcher,
    )
    info = json.loads((folder / "model.json").read_text())
    # In two steps an epoch, averaged over a hundred, it hardly leaves what it begins with.
    assert info["metrics"]["validation"]["accuracy"] > 0.8
    for line in (
        "few texts: batches of 8, not 64; 3 passes an epoch, not 1; weights averaged over 27 "
        "steps, not 100; the last epoch is kept, not the best of so few validation texts",
        "72 of 72 texts have more than text.max_tokens=6 tokens: what is in their middle is left "
        "out",
    ):
        assert line in watcher.lines
    assert (info["training"]["batch_size"], info["epochs"]) == (8, 8)
    card = (folder / "MODEL_CARD.md").read_text()
    assert "Validation chose the temperature (" in card
    assert load_config(folder / "config.yaml").training.batch_size == 8
