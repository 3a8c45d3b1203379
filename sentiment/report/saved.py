"""What `sentiment eval` and `sentiment train` left on disk, read back for a report."""

from __future__ import annotations

import csv
import heapq
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.bundled import find_model
from sentiment.errors import DataError, ModelFolderError
from sentiment.evaluation.baselines import TFIDF
from sentiment.evaluation.evaluate import METRICS_NAME
from sentiment.evaluation.predictions import FILE_NAME, PROBABILITY, read_batches
from sentiment.evaluation.provenance import SCHEMA_VERSION
from sentiment.model_folder import MODEL, not_a_classifier, read_folder, task_of
from sentiment.model_places import evaluation_command, results_folder

NUM_ERRORS = 20


@dataclass(frozen=True)
class SavedEvaluation:
    """One evaluated split.

    Attributes:
        folder: holds metrics.json and predictions.parquet.
        metrics: what metrics.json holds.
        history: one mapping an epoch; empty where training left none.
        model: what model.json holds; empty where the evaluation lies apart from its model.
    """

    folder: Path
    metrics: dict[str, Any]
    history: list[dict[str, float]]
    model: dict[str, Any]

    @property
    def predictions(self) -> Path:
        """The saved predictions."""
        return self.folder / FILE_NAME

    @property
    def is_stale(self) -> bool:
        """Whether the model has been trained again since it was evaluated."""
        evaluated = self.metrics["model"].get("trained_at")
        return bool(self.model) and self.model.get("trained_at") != evaluated


def load_evaluation(folder: Path, split: str | None = None) -> SavedEvaluation:
    """Read one evaluation of a model, or of a folder that `sentiment eval --output` made.

    Args:
        folder: a model folder, a bundled model's name, or a folder that holds metrics.json itself.
        split: which evaluated split; None means the newest.

    Raises:
        ModelFolderError: there is no such folder, or nothing in it has been evaluated.
        DataError: a file is damaged.
    """
    model_folder = find_model(folder)
    chosen = _find(results_folder(model_folder), split, name=folder)
    metrics = _read_metrics(chosen / METRICS_NAME, folder)
    if not (chosen / FILE_NAME).is_file():
        raise _not_evaluated(folder, metrics["data"]["split"])
    home = model_folder if (model_folder / MODEL).is_file() else chosen.parent.parent
    history, model = home / "history.csv", home / MODEL
    return SavedEvaluation(
        folder=chosen,
        metrics=metrics,
        history=_read_history(history) if history.is_file() else [],
        model=read_json(model) if model.is_file() else {},
    )


def evaluated_splits(folder: Path) -> list[str]:
    """Return the evaluated splits of a model folder, the newest first."""
    found = [path.parent for path in folder.glob(f"eval/*/{METRICS_NAME}")]
    newest = sorted(found, key=lambda path: (path / METRICS_NAME).stat().st_mtime_ns, reverse=True)
    return [path.name for path in newest]


def confident_errors(
    evaluation: SavedEvaluation, most: int = NUM_ERRORS
) -> tuple[list[dict[str, Any]], int]:
    """Return the wrong rows with the highest probability, worst first, and how many are wrong.

    The file is read in batches, and only those texts are kept.

    Raises:
        DataError: the predictions are damaged, or of another evaluation than the metrics.
    """
    classes = evaluation.metrics["model"]["classes"]
    has_baseline = TFIDF in evaluation.metrics["baselines"]
    columns = [PROBABILITY + name for name in classes]
    rivals = [f"baseline_{TFIDF}_{column}" for column in columns] if has_baseline else []
    wanted = ["text", "label", "predicted", "tokens", *columns, *rivals]
    worst: list[tuple[float, int, dict[str, Any]]] = []
    start = num_wrong = 0
    for batch in read_batches(evaluation.predictions, wanted):
        confidence = _stack(batch, columns).max(axis=1)  # (rows,)
        wrong = np.flatnonzero(_differs(batch))
        num_wrong += len(wrong)
        for index in wrong[np.argsort(-confidence[wrong], kind="stable")][:most].tolist():
            entry = _entry(batch, index, classes, rivals)
            entry |= {"row": start + index + 1, "probability": float(confidence[index])}
            # The row number keeps equal probabilities in order, and dicts out of the comparison.
            heapq.heappush(worst, (float(confidence[index]), -entry["row"], entry))
            if len(worst) > most:
                heapq.heappop(worst)
        start += batch.num_rows
    if start != evaluation.metrics["data"]["rows"]:
        raise DataError(
            f"{evaluation.predictions} holds {start:,} rows",
            expected=f"the {evaluation.metrics['data']['rows']:,} of {METRICS_NAME} beside it",
            run=evaluation_command(evaluation.metrics["model"]["folder"], {}),
        )
    return [entry for _, _, entry in sorted(worst, key=lambda item: item[:2], reverse=True)], (
        num_wrong
    )


def read_texts(evaluation: SavedEvaluation, rows: Sequence[int]) -> dict[int, str]:
    """Return the texts of some rows, by row number from 1.

    Raises:
        DataError: the predictions are damaged, or lack a row.
    """
    wanted = sorted(set(rows))
    texts: dict[int, str] = {}
    start = 0
    for batch in read_batches(evaluation.predictions, ["text"]) if wanted else ():
        for row in wanted:
            if start < row <= start + batch.num_rows:
                texts[row] = batch.column(0)[row - start - 1].as_py()
        start += batch.num_rows
    missing = [row for row in wanted if row not in texts]
    if missing:
        raise DataError(
            f"{evaluation.predictions} has no row {missing[0]:,}",
            expected=f"the rows that {METRICS_NAME} beside it names",
            run=evaluation_command(evaluation.metrics["model"]["folder"], {}),
        )
    return texts


def _entry(batch: Any, index: int, classes: list[str], rivals: list[str]) -> dict[str, Any]:  # noqa: ANN401 - pyarrow is untyped
    entry: dict[str, Any] = {
        name: batch.column(name)[index].as_py() for name in ("text", "label", "predicted", "tokens")
    }
    if rivals:
        chances = [batch.column(name)[index].as_py() for name in rivals]
        entry["baseline_says"] = classes[int(np.argmax(chances))]
    return entry


def _stack(batch: Any, columns: list[str]) -> Any:  # noqa: ANN401 - pyarrow is untyped
    return np.stack([batch.column(name).to_numpy() for name in columns], axis=1)


def _differs(batch: Any) -> Any:  # noqa: ANN401 - pyarrow is untyped
    import pyarrow.compute as pc

    unequal = pc.not_equal(batch.column("label"), batch.column("predicted"))
    return unequal.to_numpy(zero_copy_only=False)


def _find(folder: Path, split: str | None, *, name: Path) -> Path:
    if (folder / METRICS_NAME).is_file() and split is None:
        return folder
    splits = evaluated_splits(folder)
    if not splits:
        raise _not_evaluated(name, split)
    if split is not None and split not in splits:
        raise ModelFolderError(
            f"{name} has no evaluation of split {split!r}",
            expected=f"one of {', '.join(splits)}",
            run=shlex.join(["sentiment", "eval", str(name), "--split", split]),
        )
    return folder / "eval" / (split or splits[0])


def _not_evaluated(folder: Path, split: str | None) -> ModelFolderError:
    if task_of(folder) == "pretrain":
        return not_a_classifier(folder)
    path = find_model(folder)
    what, is_model = f"{folder} has no saved predictions", (path / MODEL).is_file()
    if (path / METRICS_NAME).is_file() and not is_model:  # of `eval --output`
        run = f"sentiment eval MODEL --output {shlex.quote(str(folder))}"
        return ModelFolderError(what, expected=f"{FILE_NAME} beside {METRICS_NAME}", run=run)
    if not is_model:
        try:
            read_folder(path)
        except ModelFolderError as error:
            return error
    if split not in (None, "test"):
        return ModelFolderError(
            what, run=shlex.join(["sentiment", "eval", str(folder), "--split", str(split)])
        )
    info = read_json(path / MODEL) if is_model else {}
    return ModelFolderError(what, run=evaluation_command(folder, info))


def _read_metrics(path: Path, folder: Path) -> dict[str, Any]:
    metrics = read_json(path)
    if metrics.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"{path} is of schema version {metrics.get('schema_version')}",
            expected=f"version {SCHEMA_VERSION}",
            run=evaluation_command(folder, {}),
        )
    return metrics


def read_json(path: Path) -> dict[str, Any]:
    """Return the object that a JSON file holds.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {path}: {error}", expected="a JSON object") from None
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}", expected="a JSON object")
    return content


def _read_history(path: Path) -> list[dict[str, float]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return [_numbers(row) for row in csv.DictReader(file)]
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(
            f"cannot read {path}: {error}", expected="the history that sentiment train wrote"
        ) from None


def _numbers(row: Mapping[str | None, Any]) -> dict[str, float]:
    """Return the cells that hold a finite number; a loss may have run away."""
    pairs = ((name, value) for name, value in row.items() if isinstance(value, str) and value)
    numbers = {str(name): float(value) for name, value in pairs}
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
