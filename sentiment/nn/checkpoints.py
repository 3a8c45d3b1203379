"""Crash-safe training state: two generations, each whole or not there.

A generation is a folder `step-00001230` that holds every tensor that training reads (weights,
optimizer, moving averages, random seeds, the best weights so far), a small JSON record, and the
SHA-256 of both. It is written under another name, synced and renamed, so that `kill -9` at any
moment leaves the previous one. Keras's `BackupAndRestore` overwrites in place and keeps the epoch
only.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from sentiment.durable import new_folder

GENERATIONS_KEPT = 2
_TENSORS, _RECORD, _DIGEST = "state.safetensors", "state.json", "state.sha256"


@dataclass(frozen=True)
class Checkpoint:
    """One saved moment of a training.

    Attributes:
        step: optimizer steps done.
        tensors: every array that training reads, by name.
        record: counters and history, JSON types only.
    """

    step: int
    tensors: Mapping[str, NDArray[Any]]
    record: Mapping[str, Any]


class CheckpointStore:
    """The generations in one `checkpoints/` folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a generation, then drop all but the newest two.

        Raises:
            OutputError: it cannot be written; the generations before it are untouched.
        """
        path = self.folder / f"step-{checkpoint.step:08d}"
        if path.exists():
            if _read(path):
                return
            shutil.rmtree(path)  # damaged: this training went on from the one before it
        for left in self.folder.glob(".step-*.tmp"):  # by a training that was killed
            shutil.rmtree(left, ignore_errors=True)
        tensors = save({name: np.asarray(array) for name, array in checkpoint.tensors.items()})
        record = json.dumps({**checkpoint.record, "step": checkpoint.step})
        with new_folder(path) as temporary:
            (temporary / _TENSORS).write_bytes(tensors)
            (temporary / _RECORD).write_text(record, encoding="utf-8")
            (temporary / _DIGEST).write_text(_digest(tensors, record.encode()), encoding="utf-8")
        for old in self._generations()[:-GENERATIONS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Checkpoint | None:
        """Return the newest generation that is whole, or None."""
        found = (_read(path) for path in reversed(self._generations()))
        return next((checkpoint for checkpoint in found if checkpoint), None)

    def _generations(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))


def _read(path: Path) -> Checkpoint | None:
    """Return the generation at a path, or None if it is not whole."""
    try:
        tensors, content, digest = (
            (path / name).read_bytes() for name in (_TENSORS, _RECORD, _DIGEST)
        )
    except OSError:
        return None
    if digest != _digest(tensors, content).encode():
        return None
    record = json.loads(content)
    return Checkpoint(record.pop("step"), load(tensors), record)


def _digest(tensors: bytes, record: bytes) -> str:
    return hashlib.sha256(hashlib.sha256(tensors).digest() + record).hexdigest()
