"""Saving a training loop's state when it is due, and stopping the loop when that is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sentiment.config import PretrainingSettings, TrainingSettings
from sentiment.errors import TrainingError
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore


class TrainingInterrupted(TrainingError):
    """The user stopped the training; its state is saved."""


class TrainingDiverged(TrainingError):
    """A training ran away; `remedy` is the setting that may keep the next one from it."""

    def __init__(self, what: str, *, remedy: str, run: str) -> None:
        super().__init__(what, expected="a number", run=run)
        self.remedy = remedy


class Loop(Protocol):
    """What saving needs of a `Trainer` or a `Pretrainer`.

    Attributes:
        counters: a dataclass of JSON types with `epoch`, `batch` and `step`.
        last_saved: by the monotonic clock, seconds.
    """

    store: CheckpointStore | None
    stop_requested: Callable[[], bool]
    counters: Any
    last_saved: float

    @property
    def settings(self) -> TrainingSettings | PretrainingSettings:
        """How often to save, and how fast it learns."""

    def save(self) -> None:
        """Write a checkpoint now."""


def save_if_due(loop: Loop) -> None:
    """Save once `checkpoint_seconds` have passed, or if the loop was asked to stop.

    Raises:
        TrainingInterrupted: it was; the state is saved.
    """
    stop = loop.stop_requested()
    due = time.monotonic() - loop.last_saved >= loop.settings.checkpoint_seconds
    if loop.store and (stop or due):
        loop.save()
    if stop:
        counters = loop.counters
        raise TrainingInterrupted(
            f"stopped in epoch {counters.epoch + 1} after {counters.step} steps"
        )


def save_state(loop: Loop, tensors: Mapping[str, NDArray[Any]], *, command: str) -> None:
    """Write the tensors and the counters as a checkpoint, if the loop has a store.

    Raises:
        TrainingError: a weight is no longer a number; the checkpoints before it are kept.
        OutputError: it cannot be written.
    """
    if loop.store is None:
        return
    # One step before the loss shows it. Saved, it would push the good states out.
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise diverged(loop, "a weight became infinite", command=command)
    loop.store.save(Checkpoint(loop.counters.step, tensors, asdict(loop.counters)))
    loop.last_saved = time.monotonic()


def diverged(loop: Loop, what: str, *, command: str) -> TrainingDiverged:
    """Return the error for a training that ran away; `command` is `train` or `pretrain`."""
    block = f"{command}ing"  # train/training, pretrain/pretraining
    remedy = f"{block}.learning_rate={loop.settings.learning_rate / 4:g}"
    return TrainingDiverged(
        f"{what} in epoch {loop.counters.epoch + 1}, batch {loop.counters.batch}",
        remedy=remedy,
        run=f"sentiment {command} … --set {remedy}",
    )
