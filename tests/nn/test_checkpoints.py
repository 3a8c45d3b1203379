"""Training state on disk: the newest whole generation is the one that is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiment.nn.checkpoints import Checkpoint, CheckpointStore


def make(step: int) -> Checkpoint:
    tensors = {"model/0": np.full((2, 3), step, np.float32), "seed": np.array([step], np.uint32)}
    return Checkpoint(step, tensors, {"epoch": step // 4, "history": [{"loss": 0.1 * step}]})


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    store = CheckpointStore(tmp_path / "checkpoints")
    for step in (3, 6, 9):
        store.save(make(step))
    return store


def generations(store: CheckpointStore) -> list[str]:
    return sorted(path.name for path in store.folder.iterdir())


def test_what_was_saved_last_is_found_as_it_was(store: CheckpointStore):
    found, expected = store.latest(), make(9)
    assert found is not None
    assert (found.step, found.record) == (9, expected.record)
    assert found.tensors.keys() == expected.tensors.keys()
    for name, value in expected.tensors.items():
        np.testing.assert_array_equal(found.tensors[name], value)
        assert found.tensors[name].dtype == value.dtype


def test_two_generations_are_kept(store: CheckpointStore):
    assert generations(store) == ["step-00000006", "step-00000009"]


def test_there_may_be_none(tmp_path: Path):
    assert CheckpointStore(tmp_path / "nowhere").latest() is None


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "state.sha256"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "changed"])
def test_a_damaged_generation_gives_way_to_the_one_before(store, name: str, damage: str):
    path = store.folder / "step-00000009" / name
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "missing":
        path.unlink()
    else:
        changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        path.write_bytes({"truncated": content[:-1], "empty": b"", "changed": changed}[damage])
    found = store.latest()
    assert found is not None
    assert found.step == 6


def test_a_damaged_generation_is_written_anew_when_training_comes_by_again(store):
    (store.folder / "step-00000009" / "state.json").write_text("[]")
    store.save(make(9))
    assert store.latest().step == 9
    assert generations(store) == ["step-00000006", "step-00000009"]


def test_two_damaged_generations_are_none(store: CheckpointStore):
    for path in store.folder.glob("step-*/state.safetensors"):
        path.write_bytes(b"")
    assert store.latest() is None


def test_what_a_killed_process_left_half_written_is_not_a_generation(store: CheckpointStore):
    left = store.folder / ".step-00000012.123.tmp"
    left.mkdir()
    (left / "state.safetensors").write_bytes(b"part")
    assert store.latest().step == 9
    other = store.folder / ".step-00000011.124.tmp"
    other.mkdir()
    store.save(make(12))
    assert store.latest().step == 12
    assert not left.exists()
    assert not other.exists()


FULL = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from sentiment.errors import OutputError
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = CheckpointStore(Path(sys.argv[1]))
store.save(Checkpoint(1, {"a": np.zeros(5000)}, {}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    store.save(Checkpoint(2, {"a": np.zeros(5000)}, {}))
except OutputError as error:
    sys.stdout.write(f"{error} | {store.latest().step}")
"""


def test_a_full_disk_is_said_and_leaves_the_generation_before(tmp_path: Path):
    command = [sys.executable, "-W", "ignore", "-c", FULL, str(tmp_path / "checkpoints")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("no space left while writing")
    assert result.stdout.endswith("| 1")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step-00000001"]
