"""The whole network once more, in NumPy, for one text: every hidden state, cell state and gate.

ONNX Runtime answers with the output of each layer; the cell states and gates stay inside its
kernel. Here every step is taken in the open, with Keras's arithmetic: gates in the order input,
forget, candidate, output; sigmoid and tanh exact. Sums are kept in float64 and given back as
float32, so the difference from Keras is Keras's own rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ModelFolderError
from sentiment.runtime.arithmetic import sigmoid, softmax
from sentiment.runtime.shapes import EncoderShape

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Weights = Mapping[str, Float32]

# Names of the arrays of one LSTM, as attributes, in JSON and in NPZ files.
STATES = ("hidden", "cell", "input_gate", "forget_gate", "candidate", "output_gate")


@dataclass(frozen=True)
class LSTMStates:
    """What one LSTM, reading in one direction, did at every token; each array (time, units).

    Rows stand in the order of the text for a backward LSTM too: its row t has read the tokens
    from the last one back to t.

    Attributes:
        hidden: h_t = output_gate × tanh(cell), between −1 and 1: what the layer says.
        cell: c_t = forget_gate × the cell before + input_gate × candidate: what it remembers.
        input_gate: how much of the candidate is written, 0–1.
        forget_gate: how much of the cell before is kept, 0–1.
        candidate: what would be written, −1–1.
        output_gate: how much of the cell is shown, 0–1.
    """

    hidden: Float32
    cell: Float32
    input_gate: Float32
    forget_gate: Float32
    candidate: Float32
    output_gate: Float32


@dataclass(frozen=True)
class LayerReplay:
    """One LSTM layer: its states forward, and backward where the encoder is bidirectional."""

    layer: str
    forward: LSTMStates
    backward: LSTMStates | None = None

    @property
    def directions(self) -> dict[str, LSTMStates]:
        """The states by the prefix of their weights: `lstm_1`, or `lstm_1/forward` and so on."""
        if self.backward is None:
            return {self.layer: self.forward}
        return {f"{self.layer}/forward": self.forward, f"{self.layer}/backward": self.backward}


@dataclass(frozen=True)
class Replay:
    """Everything the network computed for one text.

    Attributes:
        token_ids: (time,).
        embedding: (time, embedding_units).
        layers: the LSTM layers, first to last.
        attention: (time,) weights that sum to 1; None unless pooling is `attention`.
        pooled: (width,) the vector the classifier reads; with pooling `last`, h_T.
        dense: (classifier_units,) after the relu.
        logits: (classes,).
        probabilities: (classes,).
        step_probabilities: (time, classes) the classifier applied to the text up to each token.
            A probe: the classifier was trained on the whole text only. Its last row is
            `probabilities`. A bidirectional encoder has read the text to its end before, and
            lets that be seen in every row.
    """

    token_ids: NDArray[np.integer]
    embedding: Float32
    layers: tuple[LayerReplay, ...]
    attention: Float32 | None
    pooled: Float32
    dense: Float32
    logits: Float32
    probabilities: Float32
    step_probabilities: Float32

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return every array by name, such as `lstm_1/hidden`, for `numpy.savez`."""
        arrays: dict[str, NDArray[np.generic]] = {
            "token_ids": self.token_ids,
            "embedding": self.embedding,
        }
        for layer in self.layers:
            for prefix, states in layer.directions.items():
                arrays |= {f"{prefix}/{name}": getattr(states, name) for name in STATES}
        if self.attention is not None:
            arrays["attention"] = self.attention
        for name in ("pooled", "dense", "logits", "probabilities", "step_probabilities"):
            arrays[name] = getattr(self, name)
        return arrays


def replay(weights: Weights, token_ids: NDArray[np.integer], encoder: EncoderShape) -> Replay:
    """Run the network on one text and keep everything.

    Args:
        weights: named as in `weights.safetensors`.
        token_ids: (time,) without padding.
        encoder: the settings the weights were trained with.

    Raises:
        ModelFolderError: a tensor is missing, or a token id has no row in the embedding.
        ValueError: there is no token.
    """
    token_ids = np.asarray(token_ids)
    if token_ids.ndim != 1 or not token_ids.size:
        raise ValueError(f"token_ids has shape {token_ids.shape}; expected (time,) of 1 or more")
    embedding = embed(weights, token_ids)  # (time, embedding_units)
    sequence = embedding
    layers = []
    for number in range(1, len(encoder.units) + 1):
        layer, sequence = _run_layer(weights, f"lstm_{number}", sequence, encoder.bidirectional)
        layers.append(layer)
    scores = attention_scores(weights, sequence) if encoder.pooling == "attention" else None
    prefixes = pool_prefixes(sequence, encoder, scores)  # (time, width)
    dense = np.maximum(
        prefixes @ tensor(weights, "dense/kernel") + tensor(weights, "dense/bias"), 0.0
    )
    logits = dense @ tensor(weights, "probabilities/kernel")
    logits = logits + tensor(weights, "probabilities/bias")  # (time, classes)
    probabilities = softmax(logits)
    return Replay(
        token_ids=token_ids,
        embedding=_float32(embedding),
        layers=tuple(layers),
        attention=None if scores is None else _float32(softmax(scores)),
        pooled=_float32(prefixes[-1]),
        dense=_float32(dense[-1]),
        logits=_float32(logits[-1]),
        probabilities=_float32(probabilities[-1]),
        step_probabilities=_float32(probabilities),
    )


def run_lstm(
    inputs: NDArray[np.floating],
    kernel: NDArray[np.floating],
    recurrent_kernel: NDArray[np.floating],
    bias: NDArray[np.floating],
) -> dict[str, Float64]:
    """Run one LSTM over one text; return the arrays of `STATES`, each (time, units).

    Args:
        inputs: (time, inputs).
        kernel: (inputs, 4 × units), gates in the order input, forget, candidate, output.
        recurrent_kernel: (units, 4 × units).
        bias: (4 × units,).
    """
    units = recurrent_kernel.shape[0]
    projected = inputs @ kernel + bias  # (time, 4 × units)
    states = {name: np.empty((len(inputs), units), np.float64) for name in STATES}
    hidden, cell = np.zeros(units), np.zeros(units)
    for step, from_input in enumerate(projected):
        gates = from_input + hidden @ recurrent_kernel
        into, keep, candidate, out = np.split(gates, 4)
        into, keep, out = sigmoid(into), sigmoid(keep), sigmoid(out)
        candidate = np.tanh(candidate)
        cell = keep * cell + into * candidate
        hidden = out * np.tanh(cell)
        for name, value in zip(STATES, (hidden, cell, into, keep, candidate, out), strict=True):
            states[name][step] = value
    return states


def embed(weights: Weights, token_ids: NDArray[np.integer]) -> Float64:
    """Return the vectors of the tokens: (time, embedding_units).

    Raises:
        ModelFolderError: a token id has no row in the embedding.
    """
    table = stored(weights, "embedding/embeddings")  # (vocabulary, embedding_units)
    low, high = int(token_ids.min()), int(token_ids.max())
    if low < 0 or high >= len(table):
        raise ModelFolderError(
            f"token id {low if low < 0 else high} has no row in the embedding",
            expected=f"ids 0 to {len(table) - 1}: tokenizer.json and weights.safetensors of "
            "one training",
        )
    return np.asarray(table[token_ids], np.float64)


def _run_layer(
    weights: Weights, layer: str, inputs: Float64, bidirectional: bool
) -> tuple[LayerReplay, Float64]:
    """Run one layer; return its states and its sequence (time, width) in float64."""
    if not bidirectional:
        states = run_lstm(inputs, *lstm_tensors(weights, layer))
        return LayerReplay(layer, _lstm_states(states)), states["hidden"]
    forward = run_lstm(inputs, *lstm_tensors(weights, f"{layer}/forward"))
    reverse = run_lstm(inputs[::-1], *lstm_tensors(weights, f"{layer}/backward"))
    backward = {name: values[::-1] for name, values in reverse.items()}
    sequence = np.concatenate([forward["hidden"], backward["hidden"]], axis=-1)
    return LayerReplay(layer, _lstm_states(forward), _lstm_states(backward)), sequence


def pool_prefixes(
    sequence: NDArray[Any], encoder: EncoderShape, scores: NDArray[Any] | None
) -> NDArray[Any]:
    """Pool the text up to each token: step t of the result is the pooling of steps 1 … t.

    Args:
        sequence: (…, time, units) of the last layer.
        encoder: names the pooling.
        scores: (…, time) of the attention, before the softmax; −inf where no token is.
    """
    counts = np.arange(1, sequence.shape[-2] + 1, dtype=sequence.dtype)[:, None]  # (time, 1)
    match encoder.pooling:
        case "last":
            return _final_states(sequence, encoder)
        case "max":
            return np.maximum.accumulate(sequence, axis=-2)
        case "mean":
            return np.asarray(np.cumsum(sequence, axis=-2) / counts)
        case "max_last":
            highest = np.maximum.accumulate(sequence, axis=-2)
            return np.concatenate([highest, _final_states(sequence, encoder)], axis=-1)
    if scores is None:
        raise ValueError(f"pooling {encoder.pooling!r} needs attention scores")
    exponents = np.exp(scores - scores.max(axis=-1, keepdims=True))[..., None]  # (…, time, 1)
    # Early tokens may be so far below the best one that their exponents vanish.
    totals = np.maximum(np.cumsum(exponents, axis=-2), np.finfo(sequence.dtype).tiny)
    return np.asarray(np.cumsum(exponents * sequence, axis=-2) / totals)


def _final_states(sequence: NDArray[Any], encoder: EncoderShape) -> NDArray[Any]:
    """Return the final state of the text up to each token: (…, time, width)."""
    if not encoder.bidirectional:
        return sequence
    # The final state of a backward LSTM is the one at the first token, whatever stands behind it.
    final = sequence.copy()
    half = sequence.shape[-1] // 2
    final[..., half:] = sequence[..., :1, half:]
    return final


def attention_scores(weights: Weights, sequence: Float64) -> Float64:
    """Return the attention's score of each step, before the softmax: (time,)."""
    scores = sequence @ tensor(weights, "attention/kernel") + tensor(weights, "attention/bias")
    return np.asarray(scores[:, 0])  # (time,)


def lstm_tensors(weights: Weights, prefix: str) -> tuple[Float64, Float64, Float64]:
    """Return an LSTM's kernel, recurrent kernel and bias."""
    return (
        tensor(weights, f"{prefix}/kernel"),
        tensor(weights, f"{prefix}/recurrent_kernel"),
        tensor(weights, f"{prefix}/bias"),
    )


def tensor(weights: Weights, name: str) -> Float64:
    """Return a tensor in float64.

    Raises:
        ModelFolderError: there is none of that name.
    """
    return np.asarray(stored(weights, name), np.float64)


def stored(weights: Weights, name: str) -> Float32:
    """Return a tensor as it is stored.

    Raises:
        ModelFolderError: there is none of that name.
    """
    if name not in weights:
        raise ModelFolderError(f"the weights hold no {name}", expected=", ".join(weights))
    return weights[name]


def _lstm_states(states: Mapping[str, Float64]) -> LSTMStates:
    return LSTMStates(**{name: _float32(values) for name, values in states.items()})


def _float32(values: Float64) -> Float32:
    return np.ascontiguousarray(values, dtype=np.float32)
