"""`sentiment export`: what it writes runs in the program it is for, with the same answers."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from hashlib import sha256
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.model_folder import open_model_folder
from sentiment.text.batches import Batch, make_batch

TEXTS = ["it was superb", "awful", "", "the film was blue and boxed on tuesday " * 3, "a zorp :("]


@pytest.fixture(scope="module")
def batch(tiny_model: Path) -> Batch:
    tokenizer = open_model_folder(tiny_model).tokenizer()
    return make_batch(tokenizer.encode(TEXTS), np.arange(len(TEXTS)))


@pytest.fixture(scope="module")
def expected(tiny_model: Path) -> np.ndarray:
    return sentiment.load(tiny_model).predict_arrays(TEXTS).probabilities


@pytest.fixture
def export(cli, tiny_model: Path):
    """Run `sentiment export <the small model> --format … --output …`."""
    return lambda kind, path: cli("export", tiny_model, "--format", kind, "--output", path)


@pytest.mark.parametrize(("kind", "tolerance"), [("onnx", 1e-6), ("int8", 0.1)])
def test_onnx_runs_in_onnxruntime(
    export, tmp_path: Path, batch: Batch, expected: np.ndarray, kind: str, tolerance: float
) -> None:
    import onnxruntime

    path = tmp_path / "model.onnx"
    answer = export(kind, path).done()
    assert (answer.out, answer.err) == (f"{path}\n", "")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == ["token_ids", "lengths"]
    inputs = {"token_ids": batch.token_ids, "lengths": batch.lengths}
    [found] = session.run(["probabilities"], inputs)
    np.testing.assert_allclose(found, expected, atol=tolerance)
    assert os.listdir(tmp_path) == ["model.onnx"]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_keras_file_loads_in_keras(
    export, tmp_path: Path, batch: Batch, expected: np.ndarray
) -> None:
    path = tmp_path / "model.keras"
    assert export("keras", path).done().out == f"{path}\n"
    import keras

    import_module("sentiment.nn.encoder")  # registers the layers that are our own
    model = keras.saving.load_model(path)
    np.testing.assert_allclose(model.predict_on_batch(batch.token_ids), expected, atol=1e-5)
    assert model.get_layer("lstm_1").return_sequences
    assert not model.get_layer("lstm_2").return_sequences
    assert os.listdir(tmp_path) == ["model.keras"]


def test_savedmodel_loads_in_tensorflow(
    export, tmp_path: Path, batch: Batch, expected: np.ndarray
) -> None:
    path = tmp_path / "saved"
    assert export("savedmodel", path).done().out == f"{path}\n"
    import tensorflow as tf

    model = tf.saved_model.load(str(path))
    np.testing.assert_allclose(model.serve(tf.constant(batch.token_ids)), expected, atol=1e-5)
    # Any number of texts, of any length.
    alone = model.serve(tf.constant(batch.token_ids[:1, :3]))
    np.testing.assert_allclose(alone, expected[:1], atol=1e-5)
    assert os.listdir(tmp_path) == ["saved"]


@pytest.mark.parametrize("kind", ["onnx", "int8", "keras", "savedmodel"])
def test_what_is_there_is_never_overwritten(export, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.keras"
    path.write_text("precious")
    line = export(kind, path).refused()
    assert f"{path} already exists; expected a new path" in line
    assert path.read_text() == "precious"
    assert "already exists" in export(kind, tmp_path).refused()


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_a_proposed_command_can_be_pasted(cli, tiny_model: Path, tmp_path: Path) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "my model"))
    line = cli("export", model, "-f", "keras", "-o", tmp_path / "out.h5").refused()
    command = shlex.split(line.partition("run: ")[2])
    assert command[2] == str(model)
    cli(*command[1:]).done()


def test_keras_wants_its_own_suffix(export, tmp_path: Path) -> None:
    line = export("keras", tmp_path / "model.h5").refused()
    assert "does not end in .keras" in line
    assert line.endswith(f"--format keras --output {tmp_path / 'model.keras'}")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("kind", ["onnx", "keras", "savedmodel"])
def test_a_folder_that_does_not_exist(export, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "none" / "model.keras"
    assert f"there is no folder {path.parent}" in export(kind, path).refused()
    assert not path.parent.exists()


FULL = """
import resource, signal
from sentiment.backend import load_keras
from sentiment.cli import main

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
load_keras()
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))
main.run()
"""


@pytest.mark.parametrize("kind", ["onnx", "keras", "savedmodel"])
def test_a_full_disk_is_one_line(shell, tiny_model: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out.keras"
    line = shell("-c", FULL, "export", tiny_model, "-f", kind, "-o", path).refused()
    assert line.startswith(f"error: no space left while writing {path}; expected free space")
    assert not os.listdir(tmp_path)


def test_a_model_without_int8_says_why(cli, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    (model / "model.int8.onnx").unlink()
    info = json.loads((model / "model.json").read_text())
    content = json.dumps({**info, "int8": "turned off by export.int8"}).encode()
    (model / "model.json").write_bytes(content)
    manifest = json.loads((model / "manifest.json").read_text())
    del manifest["files"]["model.int8.onnx"]
    manifest["files"]["model.json"] = {
        "size": len(content),
        "sha256": sha256(content).hexdigest(),
    }
    (model / "manifest.json").write_text(json.dumps(manifest))
    line = cli("export", model, "--format", "int8", "--output", tmp_path / "x.onnx").refused()
    assert "has no int8 model: turned off by export.int8" in line
    assert "--format onnx" in line


def test_a_damaged_model_is_not_exported(cli, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    with (model / "model.onnx").open("ab") as stream:
        stream.write(b"more")
    line = cli("export", model, "--format", "onnx", "--output", tmp_path / "x.onnx").refused()
    assert str(model / "model.onnx") in line
    assert not (tmp_path / "x.onnx").exists()


def test_no_such_model(cli, tmp_path: Path) -> None:
    line = cli("export", tmp_path / "none", "-f", "onnx", "-o", tmp_path / "x.onnx").refused()
    assert f"no model folder at '{tmp_path / 'none'}'" in line
