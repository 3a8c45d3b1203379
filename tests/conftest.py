"""What every test shares: a quiet backend, a toy corpus, and one small trained model."""

from __future__ import annotations

import csv
import os
import random
import shutil
from pathlib import Path

import pytest

# Before anything imports TensorFlow, which reads them once.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
# As sentiment.backend has it: with other kernels the last bit of a result may differ.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"

WORDS = {
    "negative": ("awful", "boring", "broke", "dreadful", "hated", ":("),
    "neutral": ("blue", "boxed", "delivered", "listed", "seven", "tuesday"),
    "positive": ("brilliant", "charming", "delight", "loved", "superb", ":)"),
}
FILLERS = ("the", "film", "it", "was", "and", "a", "story", "this", "in", "all")

# Small enough to train in seconds, with every part of the real thing switched on.
TINY_SETTINGS = (
    "name=tiny",
    "data.classes=[negative, neutral, positive]",
    "text.vocabulary_size=64",
    "text.min_frequency=1",
    "text.max_tokens=12",
    "text.head_tokens=4",
    "encoder.init=null",
    "encoder.embedding_units=16",
    "encoder.units=[16, 12]",
    "encoder.embedding_dropout=0.1",
    "encoder.dropout=0.1",
    "classifier.units=16",
    "classifier.dropout=0.0",
    "training.epochs=24",
    "training.batch_size=8",
    "training.learning_rate=0.02",
    "training.ema_momentum=0.9",
    "training.keep=last",
    "export.int8_max_accuracy_loss=0.9",
)


def write_corpus(path: Path, *, rows: int = 180, seed: int = 0) -> Path:
    """Write a csv of short texts whose class is told by two of a few words.

    Two in five begin with a word of another class: what comes later outweighs it.
    """
    chance = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        for row in range(rows):
            label = list(WORDS)[row % len(WORDS)]
            words = chance.choices(FILLERS, k=5)
            words += chance.sample(WORDS[label], k=2)
            chance.shuffle(words)
            if row % 5 < 2:
                other = chance.choice([name for name in WORDS if name != label])
                words.insert(0, chance.choice(WORDS[other]))
            writer.writerow([" ".join(words), label])
    return path


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A csv file with the columns text and label: 60 texts of each of three classes."""
    return write_corpus(tmp_path_factory.mktemp("corpus") / "tiny.csv")


@pytest.fixture(scope="session")
def tiny_settings(tiny_corpus: Path) -> list[str]:
    """The overrides of the default config that `tiny_model` was trained with."""
    return [f"data.source={tiny_corpus}", *TINY_SETTINGS]


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, tiny_settings: list[str]) -> Path:
    """A model folder, really trained, whole and verified; read it, never write into it."""
    import sentiment

    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return sentiment.train(output=folder, overrides=tiny_settings)


@pytest.fixture
def bundle(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch):
    """Put copies of model folders where bundled models lie; until then there is none."""
    from sentiment.bundled import bundled_path

    models = tmp_path_factory.mktemp("bundled") / "models"
    monkeypatch.setattr(
        "sentiment.bundled.bundled_path",
        lambda name: models if name == "models" else bundled_path(name),
    )

    def put(model: Path, name: str = "general") -> Path:
        return Path(shutil.copytree(model, models / name))

    return put
