"""What to train, from which settings, into which folder; and what must not be overwritten."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sentiment.config import Config, change_config, load_config
from sentiment.errors import OutputError, TrainingError, proposing
from sentiment.model_folder import (
    CHECKPOINTS,
    RUN,
    TOKENIZER,
    is_model_folder,
    is_unfinished,
    task_of,
)
from sentiment.model_places import RUNS

SETTINGS = "config.yaml"
LOCK = "lock"
# What `checkpoints/` holds before anything of the training itself is saved.
_PREPARED = {RUN, TOKENIZER, SETTINGS, LOCK}


@dataclass(frozen=True)
class Task:
    """A command that learns, for hours perhaps, into a folder.

    Attributes:
        word: the command, as in `sentiment train`.
        noun: what it does.
        suffix: what the default folder's name adds to the config's.
        unread: blocks of settings that it does not read, and that may change before a resume.
    """

    word: str
    noun: str
    suffix: str = ""
    unread: frozenset[str] = frozenset()


TRAIN = Task("train", "training", unread=frozenset({"pretraining"}))
PRETRAIN = Task(
    "pretrain",
    "pretraining",
    suffix="-encoder",
    unread=frozenset({"classifier", "training", "export"}),
)
_MADE = {"train": "a model", "pretrain": "a pretrained encoder"}


@dataclass(frozen=True)
class Plan:
    """What to train and where.

    Attributes:
        config: all settings.
        output: the model folder to be.
        resuming: whether saved state may be continued.
        command: how it was asked for, for `model.json`.
        task: train or pretrain.
    """

    config: Config
    output: Path
    resuming: bool
    command: str
    task: Task = TRAIN

    @property
    def again(self) -> str:
        """The command that continues this when it was interrupted."""
        return shlex.join(["sentiment", self.task.word, "--resume", "--output", str(self.output)])

    def over(self, *settings: str) -> str:
        """The command that starts this over with settings changed, where nothing is in its way."""
        changed = [word for setting in settings for word in ("--set", setting)]
        if is_unfinished(self.output) and not has_saved_state(self.output):
            return f"{self.again} {shlex.join(changed)}".rstrip()
        saved = self.output / CHECKPOINTS / SETTINGS
        config = saved if saved.is_file() else self.output / SETTINGS
        words = ["sentiment", self.task.word, str(config), *changed]
        return shlex.join([*words, "--output", str(free_folder(self.output))])


def make_plan(
    config: Config | str | Path | None,
    *,
    output: str | Path | None,
    overrides: Sequence[str],
    resume: bool,
    command: str,
    task: Task = TRAIN,
) -> Plan:
    """Decide what to train and where, and refuse what would overwrite something.

    Raises:
        ConfigError: the settings are wrong, or differ from those of the training to resume.
        OutputError: the folder holds something that must not be touched.
        TrainingError: there is nothing to resume.
    """
    if resume and config is None:
        output = Path(output) if output is not None else _newest_unfinished(task)
        config = output / CHECKPOINTS / SETTINGS
        if not os.path.isfile(config):
            _refuse_nothing_to_resume(output, task)
            config = output / SETTINGS
    with naming(task):
        if isinstance(config, Config):
            settings = change_config(config, overrides)
        else:
            settings = load_config(config, overrides)
    folder = Path(output) if output is not None else RUNS / f"{settings.name}{task.suffix}"
    plan = Plan(settings, folder, resume, command, task)
    there = is_unfinished(folder) or is_model_folder(folder)
    if not (resume and there and task_of(folder) == task.word):
        refuse_existing(folder, task)
    elif is_model_folder(folder) or has_saved_state(folder):
        _refuse_other_settings(plan, overrides)
    return plan


@contextmanager
def naming(task: Task) -> Iterator[None]:
    """Have errors about settings and data, which know `sentiment train` only, name the command."""
    with proposing({f"sentiment {TRAIN.word}": f"sentiment {task.word}"}):
        yield


def _refuse_nothing_to_resume(folder: Path, task: Task) -> None:
    if not is_model_folder(folder):
        place = free_folder(folder) if os.path.exists(folder) else folder
        raise TrainingError(
            f"nothing to resume in {folder}",
            expected=f"the folder of an interrupted {task.noun}",
            run=f"sentiment {task.word} CONFIG --output {shlex.quote(str(place))}",
        )


def _newest_unfinished(task: Task) -> Path:
    unfinished = [
        path for path in RUNS.glob("*") if is_unfinished(path) and task_of(path) == task.word
    ]
    if not unfinished:
        raise TrainingError(
            f"nothing to resume: no unfinished {task.noun} under runs/",
            expected=f"--output FOLDER of an interrupted {task.noun}",
            run=f"sentiment {task.word}",
        )
    return max(unfinished, key=lambda path: (path / CHECKPOINTS).stat().st_mtime_ns)


def has_saved_state(folder: Path) -> bool:
    """Return whether a folder holds more of a training than what it began with.

    Without that nothing is lost if it begins anew. What is not known counts: it may be somebody's.
    """
    if not is_unfinished(folder):
        return False
    inside = {path.name for path in (folder / CHECKPOINTS).iterdir()} - _PREPARED
    beside = {path.name for path in folder.iterdir()} - {CHECKPOINTS}
    return any(not name.endswith(".tmp") for name in inside | beside)


def free_folder(folder: Path) -> Path:
    """Return the first of NAME-2, NAME-3, … that is not there yet."""
    name, number = str(folder if folder.name else folder.absolute()), 2  # `.` has no name
    while os.path.exists(f"{name}-{number}"):
        number += 1
    return Path(f"{name}-{number}")


def _refuse_other_settings(plan: Plan, overrides: Sequence[str]) -> None:
    """Hold the settings against those of the training to resume.

    A finished one without checkpoints is held against what was asked for in so many words only: the
    settings in its folder are those that suited its data.
    """
    saved, own = plan.output / CHECKPOINTS / SETTINGS, plan.output / SETTINGS
    if saved.is_file():
        _same_settings(plan, load_config(saved), run=plan.again)
    elif overrides and is_model_folder(plan.output):
        asked = replace(plan, config=load_config(own, overrides))
        _same_settings(asked, load_config(own), run=plan.over(*overrides))


def _same_settings(plan: Plan, before: Config, *, run: str) -> None:
    # How often to save does not change what is learned.
    seldom = {"training": {"checkpoint_seconds"}, "pretraining": {"checkpoint_seconds"}}
    left_out: Any = {"name": True, **seldom, **dict.fromkeys(plan.task.unread, True)}
    first, second = (config.model_dump(exclude=left_out) for config in (plan.config, before))
    for block, settings in first.items():
        for key, value in settings.items():
            if value != second[block][key]:
                raise TrainingError(
                    f"{plan.output} was started with {block}.{key}={second[block][key]!r}, "
                    f"and now it is {value!r}",
                    expected="the same settings",
                    run=run,
                )


def refuse_existing(folder: Path, task: Task) -> None:
    """Refuse a folder that holds anything but a training that saved nothing yet.

    Raises:
        OutputError: it does.
    """
    elsewhere = f"sentiment {task.word} … --output {shlex.quote(str(free_folder(folder)))}"
    there = task_of(folder)
    if is_model_folder(folder):
        raise OutputError(
            f"{folder} already holds {_MADE[there]}", expected="a new folder", run=elsewhere
        )
    if has_saved_state(folder):
        raise OutputError(
            f"{folder} holds an unfinished {there}ing",
            expected="--resume to continue it, or a new folder",
            run=shlex.join(["sentiment", there, "--resume", "--output", str(folder)]),
        )
    if is_unfinished(folder):
        return
    if os.path.isfile(folder) or (os.path.isdir(folder) and any(folder.iterdir())):
        raise OutputError(
            f"{folder} already exists and is not empty", expected="a new folder", run=elsewhere
        )
