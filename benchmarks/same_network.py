"""One network with one set of random weights, for every system that a speed comparison runs.

Sizes unless said: vocabulary 20,000, embedding 128, LSTMs 128 → 64, of which the last one's final
state goes to a dense layer and two classes. Weights go by their names in `weights.safetensors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sentiment.config import EncoderSettings, TextSettings
from sentiment.model_folder import ONNX, ONNX_INT8, ModelFolder
from sentiment.runtime.engines import OnnxNetwork
from sentiment.runtime.predictor import SentimentModel
from sentiment.text.tokenizer import EncodedTexts, Tokenizer

if TYPE_CHECKING:
    import keras

VOCABULARY, EMBEDDING, UNITS, DENSE = 20_000, 128, (128, 64), 32
CLASSES = ("negative", "positive")
FILES = {"fp32": ONNX, "int8": ONNX_INT8}

Weights = Mapping[str, NDArray[np.float32]]


def flop_a_token(units: Sequence[int] = UNITS) -> int:
    """Return the floating-point operations of the LSTMs' matrix products, forward, for a token."""
    reads = (EMBEDDING, *units)
    return sum(
        2 * 4 * width * (read + width) for read, width in zip(reads[:-1], units, strict=True)
    )


def random_weights(units: Sequence[int] = UNITS, *, seed: int = 0) -> dict[str, NDArray]:
    """Return weights, scaled so that probabilities differ from text to text."""
    random = np.random.default_rng(seed)

    def matrix(rows: int, columns: int, scale: float = 1.0) -> NDArray[np.float32]:
        deviation = scale * np.sqrt(2 / (rows + columns))
        return random.normal(0, deviation, (rows, columns)).astype(np.float32)

    weights = {
        "embedding/embeddings": random.normal(0, 1, (VOCABULARY, EMBEDDING)).astype(np.float32)
    }
    read = EMBEDDING
    for number, width in enumerate(units, start=1):
        weights[f"lstm_{number}/kernel"] = matrix(read, 4 * width)
        weights[f"lstm_{number}/recurrent_kernel"] = matrix(width, 4 * width)
        weights[f"lstm_{number}/bias"] = np.repeat(np.float32([0, 1, 0, 0]), width)  # i, f, c, o
        read = width
    weights["dense/kernel"] = matrix(read, DENSE, scale=4)
    weights["dense/bias"] = np.zeros(DENSE, np.float32)
    weights["probabilities/kernel"] = matrix(DENSE, len(CLASSES), scale=4)
    weights["probabilities/bias"] = np.zeros(len(CLASSES), np.float32)
    return weights


def random_texts(texts: int, tokens: int, *, seed: int = 1) -> EncodedTexts:
    """Return so many texts of so many known tokens each."""
    random = np.random.default_rng(seed)
    return EncodedTexts(
        token_ids=random.integers(2, VOCABULARY, texts * tokens, dtype=np.int32),
        starts=np.arange(texts + 1, dtype=np.int64) * tokens,
        truncated_tokens=np.zeros(texts, np.int32),
        unknown_fraction=np.zeros(texts, np.float32),
    )


def write_networks(folder: Path, weights: Weights, units: Sequence[int] = UNITS) -> None:
    """Write the float32 and the int8 graph as `sentiment train` does."""
    from sentiment.nn.to_onnx import build_onnx, quantize

    build = partial(
        build_onnx, weights, encoder=EncoderSettings(units=units), num_classes=len(CLASSES)
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ONNX).write_bytes(build().SerializeToString())
    (folder / ONNX_INT8).write_bytes(quantize(build(small_tables=True)))


def open_ours(
    folder: Path, kind: str, units: Sequence[int] = UNITS, *, threads: int | None = None
) -> SentimentModel:
    """Open what `write_networks` wrote, `fp32` or `int8`, as a model whose `run` is the product's.

    Its tokenizer knows nothing: texts come encoded.
    """
    encoder = EncoderSettings(units=units).model_dump(mode="json")
    info = {"classes": CLASSES, "encoder": encoder, "classifier": {"units": DENSE}}
    model = ModelFolder(folder, info, frozenset(FILES.values()))
    network = OnnxNetwork(model.file(FILES[kind]), threads)
    return SentimentModel(model, network, Tokenizer.train(["nothing"], TextSettings()))


def stock_keras(weights: Weights) -> keras.Sequential:
    """Build the network as Keras's examples do, without a mask, and give it the weights."""
    from sentiment.backend import load_keras

    load_keras()
    import keras

    from sentiment.nn.classifier import assign_weights

    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(VOCABULARY, EMBEDDING, name="embedding"),
            keras.layers.LSTM(UNITS[0], return_sequences=True, name="lstm_1"),
            keras.layers.LSTM(UNITS[1], name="lstm_2"),
            keras.layers.Dense(DENSE, activation="relu", name="dense"),
            keras.layers.Dense(len(CLASSES), activation="softmax", name="probabilities"),
        ]
    )
    assign_weights(model, weights)
    return model
