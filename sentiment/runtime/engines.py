"""What runs the network: ONNX Runtime, or Keras where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError, ModelFolderError
from sentiment.model_folder import ONNX, ONNX_INT8, ModelFolder
from sentiment.runtime.workers import usable_cores
from sentiment.text.batches import Batch

if TYPE_CHECKING:
    from sentiment.runtime.attribution import Gradients

Engine = Literal["onnx", "int8", "keras"]
ENGINES: tuple[Engine, ...] = ("onnx", "int8", "keras")


class Network(Protocol):
    """An engine: runs a padded batch and returns the named outputs.

    Attributes:
        workers: how many batches it can run at a time, each on a thread of the caller's.
    """

    workers: int

    def run(self, batch: Batch, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs by name, batch first."""


@runtime_checkable
class Differentiable(Protocol):
    """An engine that has gradients."""

    def integrated_gradients(self, token_ids: NDArray[np.integer]) -> Gradients:
        """Return what each of (time,) tokens adds to each class's logit."""


def import_engine(engine: Engine) -> None:
    """Import the library that an engine runs on; Keras, which takes seconds, only when opened."""
    if engine in ("onnx", "int8"):
        import_module("onnxruntime")


def open_network(folder: ModelFolder, engine: Engine, threads: int | None = None) -> Network:
    """Return the engine that runs a model.

    Raises:
        ConfigError: no such engine.
        ModelFolderError: the model lacks what the engine needs.
    """
    if engine == "onnx":
        return OnnxNetwork(folder.file(ONNX), threads)
    if engine == "int8":
        if ONNX_INT8 not in folder.files:
            raise ModelFolderError(
                f"{folder.path} has no int8 model: {folder.info.get('int8', 'not written')}",
                expected="--engine onnx",
            )
        return OnnxNetwork(folder.file(ONNX_INT8), threads)
    if engine == "keras":
        from sentiment.backend import load_keras

        load_keras()
        from sentiment.nn.keras_network import KerasNetwork

        return KerasNetwork(folder)
    raise ConfigError(f"no engine {engine!r}", expected=f"one of {', '.join(ENGINES)}")


class OnnxNetwork:
    """ONNX Runtime on the CPU.

    Each batch is one thread's: threads that shared a batch would wait for one another at every step
    of an LSTM.
    """

    def __init__(self, path: Path, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self.workers = threads or usable_cores()
        try:
            self._session = onnxruntime.InferenceSession(
                path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
        # ONNX Runtime's errors share no base but this one.
        except Exception as error:
            raise ModelFolderError(
                f"{path} cannot be loaded: {error}",
                expected=f"a model that ONNX Runtime {onnxruntime.__version__} reads",
                run="python -m pip install --upgrade onnxruntime, or train again",
            ) from None
        # Outputs that nobody asked for, such as the per-step scores, are not computed.
        self._only_asked = onnxruntime.RunOptions()
        self._only_asked.only_execute_path_to_fetches = True

    def run(self, batch: Batch, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs by name, batch first."""
        inputs = {"token_ids": batch.token_ids, "lengths": batch.lengths}
        values = self._session.run(list(outputs), inputs, self._only_asked)
        return dict(zip(outputs, values, strict=True))
