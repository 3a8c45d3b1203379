"""What to train, from which settings, into which folder; and what must not be overwritten."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.config import Config, load_config
from sentiment.durable import make_folder, write_file
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
from sentiment.text.tokenizer import Tokenizer


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
        return f"sentiment {self.task.word} --resume --output {self.output}"


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
        config = output / CHECKPOINTS / "config.yaml"
        if not os.path.isfile(config):
            _refuse_nothing_to_resume(output, task)
            config = output / "config.yaml"
    with naming(task):
        settings = config if isinstance(config, Config) else load_config(config, overrides)
    folder = Path(output) if output is not None else RUNS / f"{settings.name}{task.suffix}"
    plan = Plan(settings, folder, resume, command, task)
    saved = folder / CHECKPOINTS / "config.yaml"
    there = is_unfinished(folder) or is_model_folder(folder)
    if not (resume and there and task_of(folder) == task.word):
        _refuse_existing(folder, task)
    elif saved.is_file():
        _same_settings(plan, load_config(saved))
    return plan


@contextmanager
def naming(task: Task) -> Iterator[None]:
    """Have errors about settings and data, which know `sentiment train` only, name the command."""
    with proposing({f"sentiment {TRAIN.word}": f"sentiment {task.word}"}):
        yield


def prepare_folder(
    plan: Plan, fingerprint: str, make_tokenizer: Callable[[], Tokenizer]
) -> Tokenizer:
    """Make the tokenizer and write down what a later `--resume` needs, or read it back.

    Raises:
        TrainingError: the data are not those that were started with.
        OutputError: the folder cannot be made.
    """
    folder, text = plan.output / CHECKPOINTS, plan.config.text
    record = folder / RUN
    if plan.resuming and record.is_file():
        before = json.loads(record.read_text(encoding="utf-8"))
        if before["fingerprint"] != fingerprint:
            raise _changed(
                plan, f"the data of {plan.config.data.source}", before["fingerprint"], fingerprint
            )
        return Tokenizer.load(
            folder / TOKENIZER, max_tokens=text.max_tokens, head_tokens=text.head_tokens
        )
    tokenizer = make_tokenizer()
    try:
        make_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot make {folder}: {error.strerror}", expected="a folder you may write to"
        ) from None
    write_file(folder / TOKENIZER, tokenizer.to_json())
    write_file(folder / "config.yaml", plan.config.to_yaml())
    # Last: with it, everything a resume needs is there.
    content = {"task": plan.task.word, "fingerprint": fingerprint, "command": plan.command}
    write_file(record, json.dumps(content))
    return tokenizer


def check_lessons(plan: Plan, fingerprint: str) -> None:
    """Hold what is learned beside the train split against what it was when the training began.

    Args:
        plan: of a training whose folder is prepared.
        fingerprint: of the unlabelled texts, the teachers and their answers.

    Raises:
        TrainingError: they are not those that were started with.
    """
    record = plan.output / CHECKPOINTS / RUN
    known = json.loads(record.read_text(encoding="utf-8"))
    before = known.get("lessons", fingerprint)
    if plan.resuming and before != fingerprint:
        raise _changed(plan, "the unlabelled texts or the teachers", before, fingerprint)
    write_file(record, json.dumps({**known, "lessons": fingerprint}))


def _changed(plan: Plan, what: str, before: str, now: str) -> TrainingError:
    return TrainingError(
        f"{what} changed since {plan.output} was started",
        expected=f"fingerprint {before[:12]}, not {now[:12]}",
        run=f"sentiment {plan.task.word} … --output a new folder",
    )


def _refuse_nothing_to_resume(folder: Path, task: Task) -> None:
    if not is_model_folder(folder):
        raise TrainingError(
            f"nothing to resume in {folder}",
            expected=f"the folder of an interrupted {task.noun}",
            run=f"sentiment {task.word} CONFIG --output {folder}",
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


def _same_settings(plan: Plan, before: Config) -> None:
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
                    run=plan.again,
                )


def _refuse_existing(folder: Path, task: Task) -> None:
    number = 2
    while os.path.exists(free := folder.with_name(f"{folder.name}-{number}")):
        number += 1
    elsewhere = f"sentiment {task.word} … --output {free}"
    there = task_of(folder)
    if is_model_folder(folder):
        raise OutputError(
            f"{folder} already holds {_MADE[there]}", expected="a new folder", run=elsewhere
        )
    if is_unfinished(folder):
        raise OutputError(
            f"{folder} holds an unfinished {there}ing",
            expected="--resume to continue it, or a new folder",
            run=f"sentiment {there} --resume --output {folder}",
        )
    if os.path.isfile(folder) or (os.path.isdir(folder) and any(folder.iterdir())):
        raise OutputError(
            f"{folder} already exists and is not empty", expected="a new folder", run=elsewhere
        )
