"""A trained network to the files of a model folder, each checked against the network itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from sentiment.config import Config
from sentiment.errors import ExportError
from sentiment.model_folder import ONNX, ONNX_INT8, WEIGHTS
from sentiment.nn.classifier import assign_weights, layer_outputs, named_weights
from sentiment.nn.lessons import Examples
from sentiment.nn.to_onnx import build_onnx, quantize
from sentiment.runtime.predictor import TOKENS_PER_BATCH
from sentiment.text.batches import prediction_batches
from sentiment.text.tokenizer import EncodedTexts, Tokenizer

PARITY_TEXTS = 512
LARGEST_DIFFERENCE = 1e-5
# GPUs multiply in TF32, with 10 bits of mantissa; ONNX Runtime here computes in float32.
LARGEST_DIFFERENCE_FROM_GPU = 3e-2


@dataclass(frozen=True)
class Package:
    """The binary files of a model, and what checking them found.

    Attributes:
        files: content by file name.
        parity: largest difference between Keras and ONNX, over all probabilities and states.
        int8: why there is an int8 file, or why not, in words.
    """

    files: dict[str, bytes]
    parity: float
    int8: str


def package(
    model: keras.Model,
    config: Config,
    *,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    validation: Examples,
) -> Package:
    """Export the network and hold the exports against it on real validation texts.

    Raises:
        ExportError: ONNX Runtime and Keras differ by more than 1e-5 (more where Keras computes on
            a GPU), as they would if the weights are to be stored as float16 and were not rounded
            to it before.
    """
    weights = named_weights(model)
    stored = {name: value.astype(config.export.weights) for name, value in weights.items()}
    build = partial(build_onnx, weights, encoder=config.encoder, num_classes=model.output_shape[-1])
    graph = build(half=config.export.weights == "float16")
    files = {WEIGHTS: save(stored), ONNX: graph.SerializeToString()}
    sample = tokenizer.encode(["", "ok", *texts[:PARITY_TEXTS]])
    parity = largest_difference(model, files[ONNX], sample)
    allowed = LARGEST_DIFFERENCE_FROM_GPU if computes_on_gpu() else LARGEST_DIFFERENCE
    if not parity <= allowed:  # nan too
        raise ExportError(
            f"ONNX and Keras differ by {parity:.1e} on {len(sample)} validation texts",
            expected=f"at most {allowed:.0e}",
        )
    note = "turned off by export.int8"
    if config.export.int8:
        small = quantize(build(small_tables=True))
        lost = _num_right(files[ONNX], validation) - _num_right(small, validation)
        loss, limit = lost / len(validation), config.export.int8_max_accuracy_loss
        kept = lost <= limit * len(validation) + 1e-9  # 1 of 500 is 0.002, whatever floats say
        if kept:
            files[ONNX_INT8] = small
        note = (
            f"{'written' if kept else 'not written'}: accuracy on validation "
            f"{100 * (0 - loss):+.2f} points against float32 (limit {-100 * limit:+.2f})"
        )
    return Package(files, parity, note)


def round_weights(model: keras.Model, kind: str) -> None:
    """Round the network's own weights to what will be stored, before anything is measured.

    Args:
        model: its weights are changed.
        kind: `float32`, which changes nothing, or `float16`.

    Raises:
        ExportError: a weight is too large for it.
    """
    if kind == "float32":
        return
    with np.errstate(over="ignore"):  # said below, with the name
        rounded = {
            name: value.astype(np.float16).astype(np.float32)
            for name, value in named_weights(model).items()
        }
    for name, value in rounded.items():
        if not np.isfinite(value).all():
            raise ExportError(
                f"{name} holds a weight that is too large for {kind}",
                expected=f"at most {np.finfo(np.float16).max:.0f}",
                run="the training again with --set export.weights=float32",
            )
    assign_weights(model, rounded)


def computes_on_gpu() -> bool:
    """Return whether Keras's backend has found a GPU."""
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        return bool(torch.cuda.is_available())
    if backend == "jax":
        import jax

        return bool(jax.default_backend() == "gpu")
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def largest_difference(model: keras.Model, onnx_content: bytes, encoded: EncodedTexts) -> float:
    """Return the largest difference between Keras and ONNX over every layer, padding left out."""
    layers = layer_outputs(model)
    session = _session(onnx_content)
    largest = 0.0
    for batch in prediction_batches(encoded, tokens_per_batch=TOKENS_PER_BATCH):
        expected = layers.predict_on_batch(batch.token_ids)
        names = list(expected)
        inputs = {"token_ids": batch.token_ids, "lengths": batch.lengths}
        inside = batch.token_ids != 0  # (batch, time)
        for name, value in zip(names, session.run(names, inputs), strict=True):
            difference = np.abs(value - np.asarray(expected[name]))
            # Past a text's end Keras repeats the last state and ONNX gives zeros.
            kept = difference[inside] if difference.ndim == 3 else difference
            # np.maximum, because max(0.0, nan) is 0.0.
            largest = float(np.maximum(largest, kept.max()))
    return largest


def _num_right(onnx_content: bytes, examples: Examples) -> int:
    session = _session(onnx_content)
    correct = 0
    for batch in prediction_batches(examples.encoded, tokens_per_batch=TOKENS_PER_BATCH):
        inputs = {"token_ids": batch.token_ids, "lengths": batch.lengths}
        probabilities: NDArray[np.float32] = session.run(["probabilities"], inputs)[0]
        correct += int(np.sum(probabilities.argmax(axis=1) == examples.labels[batch.rows]))
    return correct


def _session(content: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202 (onnxruntime is untyped)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
