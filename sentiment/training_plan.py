"""What to train, from which settings, into which folder; and what must not be overwritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.config import Config, load_config
from sentiment.errors import OutputError, TrainingError
from sentiment.model_folder import CHECKPOINTS, RUNS, is_model_folder, is_unfinished


@dataclass(frozen=True)
class Plan:
    """What to train and where.

    Attributes:
        config: all settings.
        output: the model folder to be.
        resuming: whether saved state may be continued.
        command: how it was asked for, for `model.json`.
    """

    config: Config
    output: Path
    resuming: bool
    command: str


def make_plan(
    config: Config | str | Path | None,
    *,
    output: str | Path | None,
    overrides: Sequence[str],
    resume: bool,
    command: str,
) -> Plan:
    """Decide what to train and where, and refuse what would overwrite something.

    Raises:
        ConfigError: the settings are wrong, or differ from those of the training to resume.
        OutputError: the folder holds something that must not be touched.
        TrainingError: there is nothing to resume.
    """
    if resume and config is None:
        output = Path(output) if output is not None else _newest_unfinished()
        config = output / CHECKPOINTS / "config.yaml"
        if not os.path.isfile(config):
            _refuse_nothing_to_resume(output)
            config = output / "config.yaml"
    settings = config if isinstance(config, Config) else load_config(config, overrides)
    folder = Path(output) if output is not None else RUNS / settings.name
    saved = folder / CHECKPOINTS / "config.yaml"
    if not (resume and (is_unfinished(folder) or is_model_folder(folder))):
        _refuse_existing(folder)
    elif saved.is_file():
        _same_settings(settings, load_config(saved), folder)
    return Plan(settings, folder, resume, command)


def _refuse_nothing_to_resume(folder: Path) -> None:
    if not is_model_folder(folder):
        raise TrainingError(
            f"nothing to resume in {folder}",
            expected="the folder of an interrupted training",
            run=f"sentiment train CONFIG --output {folder}",
        )


def _newest_unfinished() -> Path:
    unfinished = [path for path in RUNS.glob("*") if is_unfinished(path)]
    if not unfinished:
        raise TrainingError(
            "nothing to resume: no unfinished training under runs/",
            expected="--output FOLDER of an interrupted training",
            run="sentiment train",
        )
    return max(unfinished, key=lambda path: (path / CHECKPOINTS).stat().st_mtime_ns)


def _same_settings(now: Config, before: Config, folder: Path) -> None:
    # How often to save does not change what is learned.
    first, second = (
        config.model_dump(exclude={"name": True, "training": {"checkpoint_seconds"}})
        for config in (now, before)
    )
    for block, settings in first.items():
        for key, value in settings.items():
            if value != second[block][key]:
                raise TrainingError(
                    f"{folder} was started with {block}.{key}={second[block][key]!r}, "
                    f"and now it is {value!r}",
                    expected="the same settings",
                    run=f"sentiment train --resume --output {folder}",
                )


def _refuse_existing(folder: Path) -> None:
    number = 2
    while os.path.exists(free := folder.with_name(f"{folder.name}-{number}")):
        number += 1
    if is_model_folder(folder):
        raise OutputError(
            f"{folder} already holds a model",
            expected="a new folder",
            run=f"sentiment train … --output {free}",
        )
    if is_unfinished(folder):
        raise OutputError(
            f"{folder} holds an unfinished training",
            expected="--resume to continue it, or a new folder",
            run=f"sentiment train --resume --output {folder}",
        )
    if os.path.isfile(folder) or (os.path.isdir(folder) and any(folder.iterdir())):
        raise OutputError(
            f"{folder} already exists and is not empty",
            expected="a new folder",
            run=f"sentiment train … --output {free}",
        )
