"""The model folder: everything a trained model is, verified before any of it is used.

`manifest.json` lists every file with its size and SHA-256 and is written last: a folder without it
is an unfinished training, and a folder that does not fit it is refused with the name of the file
that is wrong. `eval/` and `checkpoints/` stand outside the manifest. No pickle, no HDF5.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.bundled import bundled_name, find_model
from sentiment.durable import new_folder, output_errors, sync
from sentiment.errors import MissingPackageError, ModelFolderError, OutputError
from sentiment.runtime.shapes import (
    Encoder,
    check_shapes,
    encoder_weight_shapes,
    expected_weight_shapes,
)
from sentiment.text.tokenizer import Tokenizer

SCHEMA_VERSION = 1
MANIFEST, MODEL, TOKENIZER, WEIGHTS = (
    "manifest.json",
    "model.json",
    "tokenizer.json",
    "weights.safetensors",
)
ONNX, ONNX_INT8 = "model.onnx", "model.int8.onnx"
# What `kind` is in the model.json of an encoder without a classifier.
PRETRAINED = "pretrained encoder"
CHECKPOINTS = "checkpoints"
# In it: what is being made from which data, written before the first step.
RUN = "run.json"
# Nothing in a manifest leads out of its folder.
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class ModelFolder:
    """A verified model folder.

    Attributes:
        path: the folder.
        info: the content of `model.json`.
        files: names of the files the manifest vouches for.
    """

    path: Path
    info: Mapping[str, Any]
    files: frozenset[str]

    @property
    def shown(self) -> str:
        """What to call the model: the name of a bundled one, else its path."""
        return bundled_name(self.path) or str(self.path)

    @property
    def classes(self) -> tuple[str, ...]:
        """Label names, most negative first."""
        return tuple(self.info["classes"])

    @property
    def encoder(self) -> Encoder:
        """What the encoder is made of."""
        settings = self.info["encoder"]
        return Encoder(
            embedding_units=settings["embedding_units"],
            units=tuple(settings["units"]),
            bidirectional=settings["bidirectional"],
            pooling=settings["pooling"],
        )

    @property
    def trained_trace(self) -> bool:
        """Whether the classifier learned to answer after every token."""
        return bool(self.info.get("training", {}).get("trace_loss"))

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer the model was trained with."""
        return Tokenizer.load(
            self.file(TOKENIZER),
            max_tokens=self.info["max_tokens"],
            head_tokens=self.info["head_tokens"],
        )

    def file(self, name: str) -> Path:
        """Return the path of a file that the manifest vouches for.

        Raises:
            ModelFolderError: the model has no such file.
        """
        if name not in self.files:
            raise ModelFolderError(
                f"{self.path} has no {name}", expected=f"one of {', '.join(sorted(self.files))}"
            )
        return self.path / name

    def load_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the tensors of `weights.safetensors` by name: float32, however stored."""
        try:
            from safetensors.numpy import load_file
        except ImportError:
            raise MissingPackageError(
                "safetensors is not installed", run="pip install safetensors"
            ) from None
        tensors = load_file(self.file(WEIGHTS))
        return {name: value.astype(np.float32, copy=False) for name, value in tensors.items()}


def open_model_folder(path: str | Path) -> ModelFolder:
    """Verify a model folder, file by file, and the shapes of its weights; read its `model.json`.

    Raises:
        ModelFolderError: there is none, it is unfinished, damaged, or from a newer version.
    """
    model = read_folder(path)
    if model.info.get("kind") == PRETRAINED:
        raise not_a_classifier(path)
    _check_weights(model, _expected_weight_shapes)
    return model


def not_a_classifier(path: str | Path) -> ModelFolderError:
    """Return the error for a pretrained encoder where a whole classifier is needed."""
    return ModelFolderError(
        f"{path} is a pretrained encoder, not a classifier",
        expected="the folder that `sentiment train` wrote",
        run=shlex.join(["sentiment", "train", "--set", f"encoder.init={path}"]),
    )


def open_encoder_folder(path: str | Path) -> ModelFolder:
    """Verify a folder that holds an encoder and its tokenizer: pretrained, or a whole classifier.

    Raises:
        ModelFolderError: as `open_model_folder`.
    """
    model = read_folder(path)
    pretrained = model.info.get("kind") == PRETRAINED
    _check_weights(model, _expected_encoder_shapes if pretrained else _expected_weight_shapes)
    return model


def read_folder(path: str | Path) -> ModelFolder:
    """Verify every file of a folder against its manifest and read its `model.json`.

    Args:
        path: a folder, or the name of a bundled model.

    Raises:
        ModelFolderError: there is none, it is unfinished, damaged, or from a newer version.
    """
    folder = find_model(path)
    manifest = _read_manifest(folder)
    info = {}
    if MODEL in manifest:
        _verify_file(folder / MODEL, manifest[MODEL])
        info = _read_json(folder / MODEL)
        _check_schema(folder / MODEL, info)
    needed = {MODEL, TOKENIZER, WEIGHTS} | (set() if info.get("kind") == PRETRAINED else {ONNX})
    if not needed <= manifest.keys():
        raise _damaged(folder / MANIFEST, needed)
    for name, entry in manifest.items():
        if name != MODEL:
            _verify_file(folder / name, entry)
    return ModelFolder(folder, info, frozenset(manifest))


def is_model_folder(path: Path) -> bool:
    """Return whether a finished model is there; it is not verified."""
    # Not Path.is_file, which raises for a name that is too long, such as a text.
    return os.path.isfile(path / MANIFEST)


def is_unfinished(path: Path) -> bool:
    """Return whether an interrupted training is there."""
    return not is_model_folder(path) and os.path.isdir(path / CHECKPOINTS)


def task_of(path: Path) -> str:
    """Return which command makes or made the folder: `pretrain` or `train`."""
    finished = is_model_folder(path)
    entry, file = ("kind", path / MODEL) if finished else ("task", path / CHECKPOINTS / RUN)
    try:
        said = json.loads(file.read_text(encoding="utf-8")).get(entry)
    except (OSError, ValueError, AttributeError):  # not there yet, or damaged, which others report
        said = None
    return "pretrain" if said in (PRETRAINED, "pretrain") else "train"


def write_model_folder(path: Path, files: Mapping[str, bytes]) -> None:
    """Write a model: each file whole and synced, `manifest.json` last of all.

    Into a folder that holds an unfinished training, files go in one by one; until the manifest is
    there, the folder still counts as unfinished. Anywhere else the whole folder appears at once.

    Raises:
        OutputError: it cannot be written, or a finished model is there already.
    """
    if is_model_folder(path):
        raise OutputError(f"{path} already holds a model", expected="a new folder")
    manifest = {
        name: {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(files.items())
    }
    listing = json.dumps({"schema_version": SCHEMA_VERSION, "files": manifest}, indent=2) + "\n"
    staged = path / ".staged" if path.exists() else path
    with output_errors(path):
        for left in path.glob(".*staged*"):  # by a process that was killed while it wrote
            shutil.rmtree(left, ignore_errors=True)
        with new_folder(staged) as temporary:
            for name, content in files.items():
                (temporary / name).write_bytes(content)
            (temporary / MANIFEST).write_text(listing, encoding="utf-8")
        if staged != path:
            for name in [*files, MANIFEST]:
                (staged / name).replace(path / name)
                sync(path)
            staged.rmdir()


def _read_manifest(folder: Path) -> dict[str, Mapping[str, Any]]:
    if not os.path.isdir(folder):
        raise ModelFolderError(
            f"no model folder at {str(folder)!r}",
            expected="the folder that `sentiment train` wrote",
            run="sentiment train",
        )
    if not is_model_folder(folder):
        if is_unfinished(folder):
            raise ModelFolderError(
                f"{folder} holds an unfinished training",
                expected="a finished model",
                run=shlex.join(["sentiment", task_of(folder), "--resume", "--output", str(folder)]),
            )
        raise ModelFolderError(
            f"{folder} is no model folder: it has no {MANIFEST}",
            expected="the folder that `sentiment train` wrote",
            run="sentiment train",
        )
    content = _read_json(folder / MANIFEST)
    _check_schema(folder / MANIFEST, content)
    files = content.get("files")
    if not isinstance(files, dict):
        raise _damaged(folder / MANIFEST, {MODEL, TOKENIZER, WEIGHTS})
    for name, entry in files.items():
        if not _PLAIN_NAME.fullmatch(name) or not isinstance(entry, dict):
            raise ModelFolderError(f"{folder / MANIFEST} is damaged: its entry {name!r}")
    return files


def _damaged(path: Path, needed: Iterable[str]) -> ModelFolderError:
    return ModelFolderError(
        f"{path} is damaged", expected=f"an entry for {', '.join(sorted(needed))}"
    )


def _check_schema(path: Path, content: Any) -> None:  # noqa: ANN401 (any JSON)
    found = content.get("schema_version") if isinstance(content, dict) else None
    if found == SCHEMA_VERSION:
        return
    newer = isinstance(found, int) and found > SCHEMA_VERSION
    raise ModelFolderError(
        f"{path} has schema version {found}",
        expected=f"{SCHEMA_VERSION}, which this version of sentiment reads",
        run="pip install --upgrade sentiment" if newer else None,
    )


def _verify_file(path: Path, entry: Mapping[str, Any]) -> None:
    mend = "restore the folder from a backup, or train again"
    try:
        size = path.stat().st_size
        if size != entry.get("size"):
            raise ModelFolderError(
                f"{path} has {size} bytes", expected=f"{entry.get('size')} bytes", run=mend
            )
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelFolderError(f"cannot read {path}: {error.strerror}", run=mend) from None
    if digest != entry.get("sha256"):
        raise ModelFolderError(
            f"{path} was changed after training",
            expected=f"SHA-256 {entry.get('sha256')}",
            run=mend,
        )


def _read_json(path: Path) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelFolderError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path} is not JSON: {error}") from None


def _check_weights(
    model: ModelFolder, shapes: Callable[[ModelFolder], dict[str, tuple[int, ...]]]
) -> None:
    """Hold the shapes of the weights against those that `model.json` calls for."""
    try:
        expected = shapes(model)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFolderError(f"{model.path / MODEL} lacks or garbles the entry {error}") from None
    check_shapes(expected, _weight_shapes(model.file(WEIGHTS)), origin=str(model.path / WEIGHTS))


def _expected_encoder_shapes(model: ModelFolder) -> dict[str, tuple[int, ...]]:
    _need_whole_numbers(model.info)
    return encoder_weight_shapes(model.encoder, vocabulary_size=model.info["vocabulary_size"])


def _expected_weight_shapes(model: ModelFolder) -> dict[str, tuple[int, ...]]:
    info = model.info
    if not all(isinstance(name, str) for name in info["classes"]):
        raise TypeError("classes")
    _need_whole_numbers(info)
    return expected_weight_shapes(
        model.encoder,
        classifier_units=info["classifier"]["units"],
        num_classes=len(info["classes"]),
        vocabulary_size=info["vocabulary_size"],
    )


def _need_whole_numbers(info: Mapping[str, Any]) -> None:
    for name in ("max_tokens", "head_tokens"):
        if not isinstance(info[name], int):
            raise TypeError(name)


def _weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Read the tensors' shapes from the file's header alone.

    The safetensors format: 8 bytes with the header's length, then the header as JSON. Reading it
    here keeps the slim runtime free of the package.
    """
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, path.stat().st_size)))
        return {name: tuple(entry["shape"]) for name, entry in header.items() if name[:2] != "__"}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelFolderError(f"{path} is no safetensors file: {error}") from None
