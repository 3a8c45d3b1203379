"""Crash-safe training state: two generations, each whole or not there.

A generation is a folder `step-00001230` that holds every tensor that training reads (weights,
optimizer, moving averages, random seeds, the best weights so far) and a small JSON record. It is
written under another name, synced and renamed, so that `kill -9` at any moment leaves the previous
one. Keras's `BackupAndRestore` overwrites in place and keeps the epoch only.
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
_TENSORS, _RECORD = "state.safetensors", "state.json"


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
            return
        tensors = save({name: np.asarray(array) for name, array in checkpoint.tensors.items()})
        record = {
            "step": checkpoint.step,
            "sha256": hashlib.sha256(tensors).hexdigest(),
            **checkpoint.record,
        }
        with new_folder(path) as temporary:
            (temporary / _TENSORS).write_bytes(tensors)
            (temporary / _RECORD).write_text(json.dumps(record), encoding="utf-8")
        for old in self._generations()[:-GENERATIONS_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def latest(self) -> Checkpoint | None:
        """Return the newest generation that is whole, or None."""
        for path in reversed(self._generations()):
            try:
                tensors = (path / _TENSORS).read_bytes()
                record = json.loads((path / _RECORD).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            if hashlib.sha256(tensors).hexdigest() == record.pop("sha256", None):
                return Checkpoint(record.pop("step"), load(tensors), record)
        return None

    def _generations(self) -> list[Path]:
        return sorted(self.folder.glob("step-*"))
