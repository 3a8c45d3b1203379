"""Saved evaluations, made of plain arrays: no model is trained or loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sentiment.evaluation.evaluate import measure, save
from sentiment.evaluation.inside import DATA_CHECK, STATES, TRACES, belongs_to
from sentiment.evaluation.intervals import figure, share
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


def save_extras(folder: Path, metrics: dict, rows: Predictions) -> None:
    """Write traces, states and data check as `sentiment eval` does, made of the texts alone."""
    random = np.random.default_rng(5)
    own = belongs_to(metrics)
    wrong = np.flatnonzero(rows.predicted != rows.labels)[:20].tolist()
    suspects = [entry["row"] - 1 for entry in metrics["label_noise"]["suspects"]]
    texts = [str(text) for text in rows.texts]
    traces = {str(row + 1): make_trace(texts[row], random) for row in [*wrong, *suspects]}
    write_json(folder / TRACES, {**own, "rows": traces})
    write_json(folder / STATES, {**own, **make_states(rows, texts, random)})
    findings = [
        {
            "kind": "leak",
            "message": "2 texts of test stand in train",
            "serious": True,
            "counts": {"texts": 2},
            "examples": [{"text": texts[0], "detail": texts[-1], "places": ["train row 1"]}],
        }
    ]
    counts = metrics["data"]["labels"]
    splits = [
        {"name": name, "rows": len(rows), "classes": counts, "median_characters": 6,
         "most_characters": 9}
        for name in ("train", "test")
    ]  # fmt: skip
    check = {"splits": splits, "near": True, "findings": findings, "none": ["mojibake"]}
    write_json(folder / DATA_CHECK, {**own, **check})


def write_json(path: Path, content: dict) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def make_trace(text: str, random: np.random.Generator) -> dict:
    spans = [match.span() for match in re.finditer(r"\S+", text)] or [(0, 0)]
    return {
        "spans": spans,
        "scores": random.uniform(-1, 1, len(spans)).round(3).tolist(),
        "turning": len(spans) // 2 or None,
        "cut_after": len(spans) - 1 if len(spans) > 3 else None,
    }


def make_states(rows: Predictions, texts: list[str], random: np.random.Generator) -> dict:
    n, classes = min(800, len(rows)), rows.classes
    probe = {"layer": "lstm_1", "state": "h", "width": 5, "accuracy": share(8, 10),
             "control": share(5, 10)}  # fmt: skip
    spans = [{"before": texts[0].split()[:1], "token": texts[-1][:40], "step": 0.5}]
    curve = [figure(1 / (k + 1), (0.1, 1.2), n=9, method="bootstrap") for k in range(8)]
    ways = []
    for row in range(min(2, n)):
        tokens = texts[row].split()[:3] or [""]
        steps = list(range(len(tokens)))
        way = {"row": row + 1, "text": texts[row], "label": classes[0], "predicted": classes[-1]}
        ways.append(
            {**way, "tokens": tokens, "x": steps, "y": steps, "score": [0.2 for _ in steps]}
        )
    return {
        "n": n, "of": max(3 * n, len(rows)), "seed": 13, "pooling": "last", "width": 5,
        "projection": {
            "shares": [0.6, 0.3],
            "x": random.normal(size=n).round(3).tolist(),
            "y": random.normal(size=n).round(3).tolist(),
            "row": list(range(1, n + 1)),
            "label": rows.labels[:n].tolist(),
            "predicted": rows.predicted[:n].tolist(),
            "probability": rows.probabilities[:n].max(axis=1).round(3).tolist(),
            "text": texts[:n],
        },
        "trajectories": ways,
        "probes": {
            "probe": "logistic regression", "control": "the same, shuffled", "seed": 13,
            "properties": [
                {"property": "sentiment", "about": "the label", "values": list(classes),
                 "learned_from": 15, "n": 10, "commonest": share(6, 10), "probes": [probe]},
                {"property": "domain", "about": "", "reason": "no column", "probes": []},
            ],
        },
        "atlas": {
            "n": n, "units": 5, "layer": "lstm_1", "shown": 5,
            "entries": [
                {"unit": unit, "mean": 0.1, "sd": 0.2, "selectivity": 0.1 * unit,
                 "head_weight": -0.2 * unit, "spans": {"up": spans, "down": []},
                 "ablation": {"right_change": unit - 2, "answers_changed": unit,
                              "score_change": 0.1 / (unit + 1)}}
                for unit in range(5)
            ],
        },
        "forgetting": {
            "n": 9, "later": 7, "seed": 13,
            "curves": [{"word": "random word", "state": curve, "score": curve}],
        },
    }  # fmt: skip


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
        extras=False,
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
            **measure(predictions, temperature=1.1),
        }
        save(folder / "eval" / split, metrics, predictions)
        if extras:
            save_extras(folder / "eval" / split, metrics, predictions)
        (folder / "model.json").write_text(json.dumps(model))
        if history:
            (folder / "history.csv").write_text(history)
        return folder

    return make
