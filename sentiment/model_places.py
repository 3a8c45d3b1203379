"""Which model answers when none is named, and where what is found out about a model goes."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiment.bundled import DEFAULT_MODEL, bundled_models, bundled_name
from sentiment.errors import ModelFolderError, OutputError
from sentiment.model_folder import MANIFEST, is_model_folder, is_unfinished, task_of

RUNS = Path("runs")


def default_model() -> tuple[Path, str]:
    """Return the model used when none is named, and the words that say why.

    `$SENTIMENT_MODEL`, else the bundled `general`, else the newest finished model under `runs/`.

    Raises:
        ModelFolderError: there is none.
    """
    named = os.environ.get("SENTIMENT_MODEL")
    if named:
        return Path(named), f"model {named} (from $SENTIMENT_MODEL)"
    bundled = bundled_models().get(DEFAULT_MODEL)
    if bundled is not None:
        return bundled, f"model {DEFAULT_MODEL} (bundled; choose another with --model)"
    models = [path for path in RUNS.glob("*") if is_model_folder(path) and task_of(path) == "train"]
    if not models:
        raise ModelFolderError(
            "no model yet: nothing under runs/ and no --model",
            expected="a trained model",
            run="sentiment train",
        )
    newest = max(models, key=lambda path: (path / MANIFEST).stat().st_mtime_ns)
    return newest, f"model {newest} (the newest under runs/; choose another with --model)"


def results_folder(model: Path) -> Path:
    """Return where evaluations of a model go, under `eval/`: into its folder.

    Those of a bundled model go to `runs/NAME`: what came with the package is not written to.

    Raises:
        OutputError: a model of the user's own is in that place.
    """
    name = bundled_name(model)
    if name is None:
        return model
    folder = RUNS / name
    if is_model_folder(folder) or is_unfinished(folder):
        raise OutputError(
            f"{folder} holds another model than the bundled {name}",
            expected="--output with a folder for the results",
            run=f"sentiment eval {name} … --output {RUNS / name}-bundled",
        )
    return folder


def evaluation_command(model: str | Path, info: Mapping[str, Any]) -> str:
    """Return the command that evaluates a model on the best split that its data has.

    Args:
        model: as the user calls it.
        info: the content of its `model.json`; an older one does not say which splits there are.

    Example:
        >>> evaluation_command("runs/my model", {"data": {"splits": ["train", "validation"]}})
        "sentiment eval 'runs/my model' --split validation"
    """
    splits = info.get("data", {}).get("splits", ["test"])
    choice = [] if "test" in splits else ["--split", "validation"]
    return shlex.join(["sentiment", "eval", str(model), *choice])
