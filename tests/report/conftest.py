"""Saved evaluations, made of plain arrays: no model is trained or loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sentiment.evaluation.evaluate import measure, save
from sentiment.evaluation.predictions import Predictions
from sentiment.evaluation.provenance import fingerprint, provenance

HISTORY = """epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,\
validation_macro_f1,learning_rate,seconds
1,10,0.7,0.5,0.69,0.52,0.5,0.001,3
2,20,0.5,0.8,0.55,0.72,0.71,0.0005,3
3,30,0.4,0.9,nan,0.75,,0.0001,3
"""
LAYERS = [
    {"layer": "embedding", "shape": [4, 9, 8], "holds": "one vector per token", "parameters": 80},
    {"layer": "lstm_1", "shape": [4, 5], "holds": "the final hidden state h_T", "parameters": 280},
]


@pytest.fixture
def make_model(tmp_path: Path) -> Callable[..., Path]:
    """Write a model folder with one evaluated split; return the folder."""

    def make(
        name="tiny",
        *,
        rows=60,
        split="test",
        classes=("negative", "positive"),
        skill=0.8,
        rival_skill=0.6,
        baseline=True,
        seed=0,
        labels=None,
        texts=None,
        columns=None,
        history=HISTORY,
        trained_at="2026-01-02T03:04:05+00:00",
    ) -> Path:
        random = np.random.default_rng(0)
        labels = random.integers(0, len(classes), rows) if labels is None else np.array(labels)
        random = np.random.default_rng(seed + 1)

        def guesses(skill):
            noise = random.integers(0, len(classes), rows)
            said = np.where(random.random(rows) < skill, labels, noise)
            sure = random.uniform(0.6, 0.99, rows)[:, None]
            spread = np.full((rows, len(classes)), 1.0) / len(classes)
            return sure * np.eye(len(classes))[said] + (1 - sure) * spread

        predictions = Predictions(
            texts=texts or [f"text {row}" for row in range(rows)],
            labels=labels,
            classes=tuple(classes),
            probabilities=guesses(skill),
            tokens=random.integers(1, 50, rows),
            truncated_tokens=np.zeros(rows, int),
            unknown_fraction=np.zeros(rows),
            final_state=random.normal(size=(rows, 5)).astype(np.float32),
            columns=columns or {},
            baselines={"tfidf": guesses(rival_skill)} if baseline else {},
        )
        folder = tmp_path / name
        model = {
            "name": name,
            "classes": list(classes),
            "encoder": {"units": [8, 5], "bidirectional": False, "pooling": "last"},
            "text": {"tokenizer": "word"},
            "vocabulary_size": 10,
            "max_tokens": 50,
            "head_tokens": 10,
            "temperature": 1.1,
            "layers": LAYERS,
            "parameters": 360,
            "trained_at": trained_at,
            "training_seconds": 90.0,
        }
        metrics = {
            **provenance(f"sentiment eval {folder} --split {split}", 13),
            "model": {"folder": str(folder), **model},
            "data": {
                "source": "mine.csv",
                "origin": "mine.csv",
                "split": split,
                "rows": rows,
                "labels": dict(
                    zip(
                        classes,
                        np.bincount(labels, minlength=len(classes)).tolist(),
                        strict=True,
                    )
                ),
                "fingerprint": fingerprint(predictions),
                "also_in_train": 0,
                "trained_on": {"source": "mine.csv", "rows": {"train": 500}},
            },
            "layers": LAYERS,
            "probe": None,
            "seconds": {"predict": 0.1, "rows_per_second": 600.0},
            "notes": [],
            **measure(predictions),
        }
        save(folder / "eval" / split, metrics, predictions)
        (folder / "model.json").write_text(json.dumps(model))
        if history:
            (folder / "history.csv").write_text(history)
        return folder

    return make
