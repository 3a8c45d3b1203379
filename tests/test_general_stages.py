"""The scripts between trainings of `general`: who answers about what, and the mean of weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sentiment
from sentiment.model_folder import open_model_folder

MODELS = Path(__file__).parent.parent / "models"


def script(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, MODELS / name, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory: pytest.TempPathFactory, tiny_settings: list[str], tiny_model: Path):
    """A model that went on from `tiny_model` and knows two of its three classes."""
    folder = tmp_path_factory.mktemp("two")
    table = pd.read_csv(tiny_settings[0].removeprefix("data.source="))
    table[table.label != "neutral"].to_csv(folder / "two.csv", index=False)
    settings = [*tiny_settings, f"data.source={folder / 'two.csv'}", "training.epochs=2"]
    settings += [f"encoder.init={tiny_model}", "data.classes=[negative,positive]"]
    return sentiment.train(output=folder / "model", overrides=settings)


def test_each_specialist_answers_about_its_own_kind(
    tmp_path: Path, tiny_model: Path, of_two: Path
) -> None:
    texts = ["superb film", "dull film", "superb film", "delivered on tuesday"]
    sources = ["imdb", "imdb", "emoji", "bundled"]
    table = pd.DataFrame({"text": texts, "source": sources})
    table.assign(label="neutral").to_parquet(tmp_path / "train.parquet")
    table.iloc[:1].to_parquet(tmp_path / "unsupervised.parquet")
    table.to_parquet(tmp_path / "validation.parquet")
    models = ["--general", tiny_model, "--films", of_two, of_two, "--phrases", of_two]
    script(
        "ask_specialists.py",
        *("--data", tmp_path, "--output", tmp_path / "out", *models, "--reviews", tiny_model),
    )
    written = pd.read_parquet(tmp_path / "out" / "train.parquet")
    shares = pd.DataFrame(list(written.probabilities)).to_numpy()
    one = sentiment.load(tiny_model).predict_arrays(texts).probabilities
    two = sentiment.load(of_two).predict_arrays(texts).probabilities
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(shares[2:], one[2:], atol=1e-6)
    np.testing.assert_allclose(shares[:2, 1], one[:2, 1], atol=1e-6)
    np.testing.assert_allclose(shares[:2, [0, 2]], two[:2] * (1 - one[:2, 1:2]), atol=1e-6)
    assert len(pd.read_parquet(tmp_path / "out" / "unsupervised.parquet")) == 1
    assert (tmp_path / "out" / "validation.parquet").is_file()


def test_the_mean_of_trainings_is_a_model(
    tmp_path: Path, tiny_settings: list[str], tiny_model: Path, tiny_corpus: Path
) -> None:
    again = [*tiny_settings, f"encoder.init={tiny_model}", "training.epochs=1"]
    other = sentiment.train(output=tmp_path / "other", overrides=[*again, "training.seed=14"])
    mean = tmp_path / "mean"
    script("average.py", tiny_model, other, "--data", tiny_corpus, "--output", mean)
    one, two, both = (open_model_folder(path).load_weights() for path in (tiny_model, other, mean))
    for name in ("embedding/embeddings", "lstm_1/recurrent_kernel", "lstm_2/bias", "dense/kernel"):
        assert not np.array_equal(one[name], two[name])
        np.testing.assert_allclose(both[name], (one[name] + two[name]) / 2, atol=1e-6)
    info = open_model_folder(mean).info
    assert info["command"].startswith("python ")
    assert info["metrics"]["validation"]["accuracy"] > 0.8
    assert sentiment.load(mean).predict(["superb"])[0].label == "positive"
