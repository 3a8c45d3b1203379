"""Evaluate a model on labelled rows and save every figure and every prediction."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.durable import write_file
from sentiment.errors import DataError, ModelFolderError
from sentiment.evaluation.baselines import (
    DESCRIPTIONS,
    MAJORITY,
    TFIDF,
    Log,
    fit_predict,
    majority,
    silent,
)
from sentiment.evaluation.compare import compare
from sentiment.evaluation.curves import calibration, calibration_before, ranking_curves
from sentiment.evaluation.inside import save_inside
from sentiment.evaluation.intervals import LEVEL, RESAMPLES, SEED
from sentiment.evaluation.label_noise import label_noise
from sentiment.evaluation.metrics import (
    Labels,
    Probabilities,
    predict_classes,
    summarise,
)
from sentiment.evaluation.packages import need_packages
from sentiment.evaluation.predictions import FILE_NAME, Predictions, write_predictions
from sentiment.evaluation.provenance import fingerprint, json_lines, provenance
from sentiment.evaluation.restriction import keep_classes, restricted, restriction
from sentiment.evaluation.rows import seen_in_train
from sentiment.evaluation.slices import TextSlice, find_slices, measure_slices
from sentiment.evaluation.thresholds import thresholds
from sentiment.runtime.inspection import format_probe, format_shape_table, probe

if TYPE_CHECKING:
    from sentiment.data.load import LabelledTexts
    from sentiment.runtime.answers import Arrays
    from sentiment.runtime.predictor import SentimentModel

ROWS_PER_PART = 20_000
METRICS_NAME = "metrics.json"
# What a report needs of model.json, so that an evaluation saved elsewhere can be read alone.
MODEL_KEYS = (
    "name", "encoder", "classifier", "text", "vocabulary_size", "max_tokens", "head_tokens",
    "temperature", "layers", "parameters", "versions", "trained_at", "training_seconds", "command",
    "seed",
)  # fmt: skip


def evaluate(
    model: SentimentModel,
    data: LabelledTexts,
    *,
    split: str,
    command: str,
    output: Path,
    train: LabelledTexts | None = None,
    baseline: bool = True,
    states: bool = True,
    source: str = "",
    notes: tuple[str, ...] = (),
    among: tuple[str, ...] | None = None,
    seed: int = SEED,
    log: Log = silent,
) -> dict[str, Any]:
    """Predict the rows, measure, and write `metrics.json` and `predictions.parquet`.

    Beside them come `data_check.json`, `traces.json` and, with `states`, `hidden_states.json`.

    Args:
        model: the model to evaluate.
        data: the labelled rows; its classes are the model's, in any order.
        split: the name of the rows, such as `test`.
        command: the exact command, kept in the metrics.
        output: the folder to write to; made if it is missing.
        train: the rows the model was trained on; texts that stand in them too are counted.
        baseline: whether to train the baselines on `train` and compare.
        states: whether to study the states of a sample of the rows, for the report.
        source: where the rows came from: a path, a hub id, `bundled`.
        notes: lines a reader of the metrics must know, such as why there is no baseline.
        among: the model's classes that the data can have, in the model's order; model and baselines
            choose among them alone. None: all.
        seed: of the bootstrap.
        log: is given progress, a line at a time.

    Returns:
        What `metrics.json` holds.

    Raises:
        DataError: there are no rows, or a label the model does not know.
        OutputError: a file cannot be written.
        MissingPackageError: a package of the full install is missing.
    """
    need_packages("scipy", "sklearn", "pyarrow", purpose="evaluation")
    every = tuple(model.classes)
    classes = every if among is None else among
    kept = [every.index(name) for name in classes]
    labels = _labels_in_order(data, classes)
    if not len(data):
        raise DataError(f"{data.origin or source} has no rows", expected="at least one row")
    log(f"evaluating {len(data):,} {split} rows of {source or data.origin}")
    started = time.perf_counter()
    arrays = _predict(model, data.texts, log)
    seconds = time.perf_counter() - started
    seen = probe(arrays.final_state, pooling=model.folder.info["encoder"]["pooling"])
    log(format_shape_table(arrays.layers))
    log(format_probe(seen))
    rows = Predictions(
        texts=data.texts,
        labels=labels,
        classes=classes,
        probabilities=keep_classes(arrays.probabilities, kept),
        tokens=np.asarray(arrays.tokens, dtype=np.int64),
        truncated_tokens=np.asarray(arrays.truncated_tokens, dtype=np.int64),
        unknown_fraction=np.asarray(arrays.unknown_fraction, dtype=np.float64),
        final_state=arrays.final_state,
        columns=data.columns,
        baselines={
            name: keep_classes(probabilities, kept)
            for name, probabilities in _baselines(
                train if baseline else None, data.texts, every, log
            ).items()
        },
        seen_in_train=seen_in_train(data, train),
    )
    info = model.folder.info
    left_out = restriction(arrays.probabilities, every, kept)
    metrics = {
        **provenance(command, seed),
        "model": {
            "folder": model.folder.shown,
            "classes": list(classes),
            **{key: info[key] for key in MODEL_KEYS if key in info},
        },
        "data": _about_data(rows, data, split, source, info),
        "layers": [row.to_dict() for row in arrays.layers],
        "probe": seen.to_dict(),
        "restriction": left_out,
        "seconds": {"predict": seconds, "rows_per_second": len(rows) / max(seconds, 1e-9)},
        "notes": [*notes, *restricted(left_out), *_absent_classes(rows)],
        **measure(rows, seed=seed, temperature=info.get("temperature")),
    }
    save_inside(
        output,
        metrics,
        rows,
        model=model,
        data=data,
        train=train,
        states=states,
        seed=seed,
        log=log,
    )
    save(output, metrics, rows)
    return metrics


def measure(
    rows: Predictions, *, seed: int = SEED, temperature: float | None = None
) -> dict[str, Any]:
    """Return every figure of the predictions as plain JSON data.

    Args:
        rows: the rows and what was predicted for them.
        seed: of the bootstrap.
        temperature: by which the model's logits were divided; None where it is not known.

    Raises:
        DataError: there are no rows.
        ModelFolderError: a probability is not a number.
    """
    if not len(rows):
        raise DataError("there are no rows to evaluate", expected="at least one labelled text")
    if not np.isfinite(rows.probabilities).all():
        raise ModelFolderError(
            "the model gives probabilities that are not numbers", run="sentiment train again"
        )
    slices = find_slices(
        rows.texts,
        rows.tokens + rows.truncated_tokens,
        rows.truncated_tokens,
        rows.unknown_fraction,
        rows.columns,
    )
    if rows.seen_in_train is not None and rows.seen_in_train.any():
        slices.append(TextSlice("leak", "the very text is a train row", rows.seen_in_train))
    predicted = rows.predicted
    return {
        "interval": {"level": LEVEL, "resamples": RESAMPLES, "seed": seed},
        **summarise(rows.labels, rows.probabilities, rows.classes, seed=seed),
        "calibration": calibration(rows.labels, rows.probabilities, seed=seed),
        "calibration_before": calibration_before(
            rows.labels, rows.probabilities, temperature, seed=seed
        ),
        "thresholds": thresholds(rows.labels, rows.probabilities, rows.classes),
        "label_noise": label_noise(rows.labels, rows.probabilities, rows.classes),
        **ranking_curves(rows.labels, rows.probabilities, rows.classes),
        "slices": measure_slices(predicted == rows.labels, slices),
        "baselines": {
            name: _baseline_figures(name, rows.labels, probabilities, predicted, seed)
            for name, probabilities in rows.baselines.items()
        },
    }


def save(output: Path, metrics: Mapping[str, Any], rows: Predictions) -> None:
    """Write both files, each whole or not at all; the metrics last, as they say all is there.

    Raises:
        OutputError: a file cannot be written.
    """
    write_predictions(output / FILE_NAME, rows)
    write_file(output / METRICS_NAME, json_lines(metrics))


def _predict(model: SentimentModel, texts: list[str], log: Log) -> Arrays:
    """Predict in parts large enough to lose nothing, so that a long run can be followed."""
    parts = []
    for start in range(0, len(texts), ROWS_PER_PART):
        parts.append(model.predict_arrays(texts[start : start + ROWS_PER_PART]))
        done = min(start + ROWS_PER_PART, len(texts))
        if len(texts) > ROWS_PER_PART:
            log(f"predicted {done:,} of {len(texts):,} rows")
    if len(parts) == 1:
        return parts[0]
    joined: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("probabilities", "final_state", "tokens", "truncated_tokens",
                     "unknown_fraction")
    }  # fmt: skip
    return dataclasses.replace(parts[0], **joined)


def _labels_in_order(data: LabelledTexts, classes: tuple[str, ...]) -> Labels:
    """Return the labels as indices into the model's classes."""
    labels = np.asarray(data.labels, dtype=np.int64)
    if tuple(data.classes) == classes:
        return labels
    unknown = [name for name in data.classes if name not in classes]
    if unknown:
        raise DataError(
            f"the data has the label {unknown[0]!r}",
            expected=f"the model's classes: {', '.join(classes)}",
        )
    return np.array([classes.index(name) for name in data.classes], dtype=np.int64)[labels]


def _baselines(
    train: LabelledTexts | None, texts: list[str], classes: tuple[str, ...], log: Log
) -> dict[str, Probabilities]:
    if train is None or not len(train):
        return {}
    labels = _labels_in_order(train, classes)
    return {
        TFIDF: fit_predict(train.texts, labels, texts, len(classes), log=log),
        MAJORITY: majority(labels, len(texts), len(classes)),
    }


def _baseline_figures(
    name: str, labels: Labels, probabilities: Probabilities, predicted: Labels, seed: int
) -> dict[str, Any]:
    num_classes = probabilities.shape[1]
    figures = summarise(labels, probabilities, [str(i) for i in range(num_classes)], seed=seed)
    return {
        "description": DESCRIPTIONS.get(name, name),
        **{key: figures[key] for key in ("accuracy", "macro_f1", "macro_recall", "log_loss")},
        "comparison": compare(
            labels, predicted, predict_classes(probabilities), num_classes, seed=seed
        ),
    }


def _absent_classes(rows: Predictions) -> list[str]:
    """Name the classes without a row: numbers taken for the wrong classes show here."""
    counts = np.bincount(rows.labels, minlength=len(rows.classes))
    absent = [name for name, count in zip(rows.classes, counts, strict=True) if not count]
    return [f"no row of the data is labelled {', '.join(map(repr, absent))}"] if absent else []


def _about_data(
    rows: Predictions, data: LabelledTexts, split: str, source: str, info: Mapping[str, Any]
) -> dict[str, Any]:
    counts = np.bincount(rows.labels, minlength=len(rows.classes))
    return {
        "source": source or data.origin,
        "origin": data.origin,
        "split": split,
        "rows": len(rows),
        "labels": dict(zip(rows.classes, counts.tolist(), strict=True)),
        "fingerprint": fingerprint(rows),
        "also_in_train": None if rows.seen_in_train is None else int(rows.seen_in_train.sum()),
        "trained_on": info.get("data", {}),
    }
