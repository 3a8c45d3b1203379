"""The model folder: whole and unchanged, or refused with the name of the file that is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import sentiment
from sentiment.config import load_config
from sentiment.errors import ModelFolderError, OutputError
from sentiment.model_folder import (
    is_model_folder,
    is_unfinished,
    open_model_folder,
    write_model_folder,
)
from sentiment.model_places import default_model

FILES = (
    "MODEL_CARD.md",
    "config.yaml",
    "history.csv",
    "manifest.json",
    "model.int8.onnx",
    "model.json",
    "model.onnx",
    "tokenizer.json",
    "weights.safetensors",
)


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model that a test may damage."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def refusal(folder: Path) -> str:
    with pytest.raises(ModelFolderError) as caught:
        sentiment.load(folder)
    return str(caught.value)


def reseal(folder: Path, change: Callable[[dict], None] = lambda manifest: None) -> None:
    """Make the manifest fit the files again, as one who builds a folder by hand would."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    for name, entry in manifest["files"].items():
        content = (folder / name).read_bytes()
        entry.update(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    change(manifest)
    path.write_text(json.dumps(manifest))


def edit_info(folder: Path, change: Callable[[dict], None]) -> None:
    info = json.loads((folder / "model.json").read_text())
    change(info)
    (folder / "model.json").write_text(json.dumps(info))
    reseal(folder)


def test_a_trained_model_has_exactly_these_files(tiny_model: Path):
    assert sorted(path.name for path in tiny_model.iterdir()) == sorted(FILES)
    assert open_model_folder(tiny_model).files == set(FILES) - {"manifest.json"}


def test_the_manifest_is_what_the_files_are(tiny_model: Path):
    manifest = json.loads((tiny_model / "manifest.json").read_text())
    for name, entry in manifest["files"].items():
        content = (tiny_model / name).read_bytes()
        assert entry == {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def test_model_json_says_what_the_model_is(tiny_model: Path, tiny_settings: list[str]):
    info = json.loads((tiny_model / "model.json").read_text())
    config = load_config(overrides=tiny_settings)
    assert info["classes"] == ["negative", "neutral", "positive"]
    assert info["encoder"] == config.encoder.model_dump(mode="json")
    assert (info["max_tokens"], info["head_tokens"], info["seed"]) == (12, 4, 13)
    rows = [row["layer"] for row in info["layers"]]
    assert rows == ["token_ids", "embedding", "lstm_1", "lstm_2", "dense", "probabilities"]
    weights = load_file(tiny_model / "weights.safetensors")
    assert info["parameters"] == sum(tensor.size for tensor in weights.values())
    assert info["data"]["rows"] == {"train": 144, "validation": 18}
    assert info["metrics"]["validation"]["n"] == 18
    assert info["metrics"]["validation"]["accuracy"] > 0.9
    assert len(info["data"]["fingerprint"]) == 64
    assert info["versions"]["keras"].startswith("3.")
    assert load_config(tiny_model / "config.yaml") == config


def test_the_history_has_one_line_an_epoch(tiny_model: Path):
    header, *lines = (tiny_model / "history.csv").read_text().splitlines()
    assert header == (
        "epoch,step,train_loss,train_accuracy,validation_loss,validation_accuracy,"
        "validation_macro_f1,learning_rate,seconds"
    )
    rows = [line.split(",") for line in lines]
    assert [int(row[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert [int(row[1]) for row in rows] == [18 * (epoch + 1) for epoch in range(len(rows))]
    assert float(rows[-1][2]) < float(rows[0][2])


def test_the_model_card_names_data_quality_and_limits(tiny_model: Path):
    card = (tiny_model / "MODEL_CARD.md").read_text()
    for words in (
        "negative, neutral, positive",
        "16 → 12 units",
        "tiny.csv",
        "95 % interval",
        "not for",
    ):
        assert words in card
    assert "{" not in card


@pytest.mark.parametrize("name", sorted(set(FILES) - {"manifest.json"}))
def test_a_missing_truncated_or_changed_file_is_named(folder: Path, name: str):
    path = folder / name
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert refusal(folder).startswith(f"{path} was changed after training; expected SHA-256")
    path.write_bytes(content[:-1])
    assert f"{path} has {len(content) - 1} bytes; expected {len(content)} bytes" in refusal(folder)
    path.unlink()
    assert f"cannot read {path}: No such file" in refusal(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"schema_version": 1}',
        b'{"schema_version": 1, "files": []}',
        b'{"schema_version": 1, "files": {"model.json": 1}}',
    ],
)
def test_a_broken_manifest_is_refused_by_name(folder: Path, content: bytes):
    (folder / "manifest.json").write_bytes(content)
    message = refusal(folder)
    assert str(folder / "manifest.json") in message
    assert "\n" not in message


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "..", ".", "", "a/b", "a\\b", "a\0b"])
def test_a_manifest_never_leads_out_of_its_folder(folder: Path, name: str):
    (folder.parent / "secret").write_text("secret")
    entry = {"size": 6, "sha256": hashlib.sha256(b"secret").hexdigest()}
    reseal(folder, lambda manifest: manifest["files"].update({name: entry}))
    assert f"{folder / 'manifest.json'} is damaged: its entry {name!r}" in refusal(folder)


@pytest.mark.parametrize("name", ["model.json", "tokenizer.json", "weights.safetensors"])
def test_a_manifest_without_a_needed_file_is_refused(folder: Path, name: str):
    reseal(folder, lambda manifest: manifest["files"].pop(name))
    assert "expected an entry for model.json, model.onnx, tokenizer.json" in refusal(folder)


def test_a_model_of_a_newer_version_says_how_to_read_it(folder: Path):
    edit_info(folder, lambda info: info.update(schema_version=2))
    assert "model.json has schema version 2; expected 1" in refusal(folder)
    reseal(folder, lambda manifest: manifest.update(schema_version=2, files="other"))
    message = refusal(folder)
    assert "manifest.json has schema version 2; expected 1" in message
    assert message.endswith("run: pip install --upgrade sentiment")


@pytest.mark.parametrize(
    "change",
    [
        lambda info: info.pop("classes"),
        lambda info: info.pop("max_tokens"),
        lambda info: info.update(max_tokens="12"),
        lambda info: info["encoder"].update(units=3),
        lambda info: info["encoder"].pop("pooling"),
        lambda info: info["encoder"].update(pooling="other"),
        lambda info: info.update(classifier=[]),
        lambda info: info.update(classes=[1, 2, 3]),
    ],
)
def test_model_json_with_an_entry_missing_or_garbled_is_refused(folder: Path, change):
    edit_info(folder, change)
    message = refusal(folder)
    assert "lacks or garbles" in message or "pooling is 'other'; expected last, max" in message


def test_weights_of_another_shape_are_refused_with_both_shapes(folder: Path):
    edit_info(folder, lambda info: info["encoder"].update(units=[16, 13]))
    message = refusal(folder)
    assert "weights.safetensors: lstm_2/kernel has shape (16, 48); expected (16, 52)" in message


def test_weights_that_lack_a_tensor_or_have_one_too_many_are_refused(folder: Path):
    path = folder / "weights.safetensors"
    weights = load_file(path)
    bias = weights.pop("dense/bias")
    save_file(weights, path)
    reseal(folder)
    assert "weights.safetensors has no dense/bias; expected dense/bias of shape (16,)" in refusal(
        folder
    )
    save_file({**weights, "dense/bias": bias, "lstm_3/bias": bias}, path)
    reseal(folder)
    assert "weights.safetensors has lstm_3/bias of shape (16,), which no layer" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"1234567", b"\xff" * 20, b"\x02" + b"\0" * 7 + b"[]"])
def test_a_weights_file_of_another_format_is_refused(folder: Path, content: bytes):
    (folder / "weights.safetensors").write_bytes(content)
    reseal(folder)
    assert "weights.safetensors is no safetensors file" in refusal(folder)


def test_what_is_no_model_is_refused_with_what_to_run(tmp_path: Path):
    assert "no model folder at" in refusal(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    assert "no model folder at" in refusal(tmp_path / "file")
    assert "no model folder at" in refusal(Path("a text instead of a folder " * 20))
    (tmp_path / "photos").mkdir()
    message = refusal(tmp_path / "photos")
    assert "photos is no model folder: it has no manifest.json" in message
    assert message.endswith("run: sentiment train")


def test_an_unfinished_training_is_refused_with_how_to_finish_it(tmp_path: Path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert is_unfinished(tmp_path / "run")
    assert refusal(tmp_path / "run").endswith(
        f"run: sentiment train --resume --output {tmp_path / 'run'}"
    )


def test_reports_and_other_files_beside_a_model_do_not_matter(folder: Path):
    (folder / "eval" / "test").mkdir(parents=True)
    (folder / "eval" / "test" / "metrics.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    assert sentiment.load(folder).predict("superb")[0].tokens == 1


def test_a_model_may_be_moved_copied_and_read_only(folder: Path, tiny_model: Path):
    moved = folder.rename(folder.parent / "Größe 2")
    for path in moved.iterdir():
        path.chmod(0o444)
    texts = ["a superb story", "", "dreadful :("]
    there, here = (sentiment.load(path).predict_arrays(texts) for path in (moved, tiny_model))
    np.testing.assert_array_equal(there.probabilities, here.probabilities)


def test_a_model_is_written_whole_and_once(tmp_path: Path):
    path = tmp_path / "made"
    write_model_folder(path, {"model.json": b"{}", "a": b"1"})
    assert is_model_folder(path)
    with pytest.raises(OutputError, match="already holds a model"):
        write_model_folder(path, {"model.json": b"other"})
    assert (path / "model.json").read_bytes() == b"{}"
    assert [entry.name for entry in tmp_path.iterdir()] == ["made"]


def test_a_model_written_into_its_training_clears_what_a_killed_process_left(tmp_path: Path):
    path = tmp_path / "run"
    for left in ("checkpoints", ".staged", "..staged.123.tmp"):
        (path / left).mkdir(parents=True)
        (path / left / "part").write_text("x")
    write_model_folder(path, {"model.json": b"{}"})
    names = sorted(entry.name for entry in path.iterdir())
    assert names == ["checkpoints", "manifest.json", "model.json"]
    assert is_model_folder(path)
    assert not is_unfinished(path)


FULL = """
import resource, signal, sys
from pathlib import Path
from sentiment.errors import OutputError
from sentiment.model_folder import write_model_folder

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_model_folder(Path(sys.argv[1]), {"model.json": b"{}", "model.onnx": b"x" * 5000})
except OutputError as error:
    sys.stdout.write(str(error))
"""


@pytest.mark.parametrize("training", [True, False])
def test_a_model_that_does_not_fit_on_the_disk_is_not_there(tmp_path: Path, training: bool):
    path = tmp_path / "run"
    if training:
        (path / "checkpoints").mkdir(parents=True)
    command = [sys.executable, "-c", FULL, str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("no space left while writing")
    assert not is_model_folder(path)
    left = sorted(entry.name for entry in path.iterdir()) if path.exists() else None
    assert left == (["checkpoints"] if training else None)


def test_without_a_name_the_newest_model_is_used(
    tiny_model: Path, tmp_path: Path, bundle, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENTIMENT_MODEL", raising=False)
    with pytest.raises(ModelFolderError, match=r"no model yet: .*run: sentiment train"):
        default_model()
    for age, name in enumerate(("new", "old")):
        shutil.copytree(tiny_model, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name / "manifest.json", (1e9 - age, 1e9 - age))
    (tmp_path / "runs" / "unfinished" / "checkpoints").mkdir(parents=True)
    path, why = default_model()
    assert path == Path("runs/new")
    assert "the newest under runs/" in why
    monkeypatch.setenv("SENTIMENT_MODEL", "elsewhere/model")
    assert default_model()[0] == Path("elsewhere/model")
