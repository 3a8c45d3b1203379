"""Hidden and cell states of many texts at once, in NumPy: what the report's state work is made of.

ONNX Runtime gives each layer's output but no cell state, and `sentiment.runtime.replay` shows one
text with every gate. Here a right-padded batch goes through the whole network in float32; the
answers agree with both within float32's rounding.

Shapes: token_ids (batch, time), lengths (batch,), a layer's sequence (batch, time, width); the
width is the units, forward then backward where the encoder is bidirectional.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.arithmetic import sigmoid
from sentiment.runtime.replay import Weights, pool_prefixes, stored
from sentiment.runtime.shapes import EncoderShape
from sentiment.text.batches import prediction_batches
from sentiment.text.tokenizer import EncodedTexts

Float32 = NDArray[np.float32]

# A wide LSTM reads all its weights from memory at every step: many texts must share the reading.
TOKENS_PER_BATCH = 32_768
# The inputs of so many steps are multiplied at a time, which is faster than one and saves memory.
STEPS_AT_ONCE = 32


@dataclass(frozen=True)
class BatchStates:
    """What the network did on one batch.

    Attributes:
        rows: (batch,), which text each row is.
        token_ids: (batch, time).
        lengths: (batch,), tokens of each text.
        embedded: (batch, units), the mean of a text's token vectors.
        final_hidden: by layer, (batch, width): h at the end of the text, h_T.
        final_cell: by layer, (batch, width): c at the end of the text.
        sequence: (batch, time, width) of the last layer; beyond a text's end it means nothing.
    """

    rows: NDArray[np.int64]
    token_ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    embedded: Float32
    final_hidden: tuple[Float32, ...]
    final_cell: tuple[Float32, ...]
    sequence: Float32


def each_batch(
    weights: Weights, encoded: EncodedTexts, encoder: EncoderShape
) -> Iterator[BatchStates]:
    """Run the encoder on every text, shortest first, in batches of at most 32,768 tokens.

    Raises:
        ModelFolderError: a tensor is missing.
    """
    for batch in prediction_batches(encoded, tokens_per_batch=TOKENS_PER_BATCH):
        yield run_batch(weights, batch.token_ids, batch.lengths, encoder, rows=batch.rows)


def run_batch(
    weights: Weights,
    token_ids: NDArray[np.int32],
    lengths: NDArray[np.int32],
    encoder: EncoderShape,
    *,
    rows: NDArray[np.int64] | None = None,
) -> BatchStates:
    """Run the encoder on one right-padded batch."""
    sequence = stored(weights, "embedding/embeddings")[token_ids]  # (batch, time, embedding_units)
    inside = np.arange(token_ids.shape[1]) < lengths[:, None]  # (batch, time)
    embedded = (sequence * inside[:, :, None]).sum(axis=1) / lengths[:, None]
    hidden, cells = [], []
    for number in range(1, len(encoder.units) + 1):
        prefix = f"lstm_{number}"
        if encoder.bidirectional:
            sequence, final, cell = _both_directions(weights, prefix, sequence, lengths)
        else:
            sequence, cell = _run(weights, prefix, sequence, lengths)
            final = sequence[np.arange(len(lengths)), lengths - 1]
        hidden.append(final)
        cells.append(cell)
    return BatchStates(
        rows=np.arange(len(lengths)) if rows is None else rows,
        token_ids=token_ids,
        lengths=lengths,
        embedded=embedded.astype(np.float32),
        final_hidden=tuple(hidden),
        final_cell=tuple(cells),
        sequence=sequence,
    )


def prefix_readings(
    weights: Weights, sequence: Float32, lengths: NDArray[np.int32], encoder: EncoderShape
) -> Float32:
    """Return what the classifier reads of the text up to each token, (batch, time, width).

    Args:
        weights: hold the attention, where there is one.
        sequence: (batch, time, width) of the last layer.
        lengths: (batch,).
        encoder: names the pooling.
    """
    scores = None
    if encoder.pooling == "attention":
        scores = sequence @ stored(weights, "attention/kernel") + stored(weights, "attention/bias")
        inside = np.arange(sequence.shape[1]) < lengths[:, None]  # (batch, time)
        scores = np.where(inside, scores[:, :, 0], -np.inf)
    return np.asarray(pool_prefixes(sequence, encoder, scores), np.float32)


def classify(weights: Weights, readings: NDArray[np.floating]) -> Float32:
    """Return the logits of what the classifier reads: (…, width) → (…, classes)."""
    dense = readings @ stored(weights, "dense/kernel") + stored(weights, "dense/bias")
    return np.asarray(
        np.maximum(dense, 0) @ stored(weights, "probabilities/kernel")
        + stored(weights, "probabilities/bias")
    )


def flops_per_token(encoder: EncoderShape) -> int:
    """Return the multiplications and additions of the LSTMs for one token."""
    directions = 2 if encoder.bidirectional else 1
    width, total = encoder.embedding_units, 0
    for units in encoder.units:
        total += directions * 2 * (width + units) * 4 * units
        width = directions * units
    return total


def _both_directions(
    weights: Weights, prefix: str, inputs: Float32, lengths: NDArray[np.int32]
) -> tuple[Float32, Float32, Float32]:
    """Return sequence (batch, time, 2 × units), final hidden and final cell (batch, 2 × units)."""
    turned = _turned(lengths, inputs.shape[1])[:, :, None]  # (batch, time, 1)
    forward, forward_cell = _run(weights, f"{prefix}/forward", inputs, lengths)
    backward, backward_cell = _run(
        weights, f"{prefix}/backward", np.take_along_axis(inputs, turned, axis=1), lengths
    )
    ends = np.arange(len(lengths)), lengths - 1
    final = np.concatenate([forward[ends], backward[ends]], axis=-1)
    sequence = np.concatenate([forward, np.take_along_axis(backward, turned, axis=1)], axis=-1)
    return sequence, final, np.concatenate([forward_cell, backward_cell], axis=-1)


def _turned(lengths: NDArray[np.int32], time: int) -> NDArray[np.int64]:
    """Return positions that turn each text round and leave its padding where it is."""
    steps = np.arange(time)
    return np.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)


def _run(
    weights: Weights, prefix: str, inputs: Float32, lengths: NDArray[np.int32]
) -> tuple[Float32, Float32]:
    """Run one LSTM; return every hidden state (batch, time, units), and c at each text's end."""
    kernel, recurrent, bias = (
        stored(weights, f"{prefix}/{name}") for name in ("kernel", "recurrent_kernel", "bias")
    )
    batch, time, _ = inputs.shape
    units = recurrent.shape[0]
    hidden, cell = np.zeros((2, batch, units), np.float32)
    sequence = np.empty((batch, time, units), np.float32)
    final_cell = np.empty((batch, units), np.float32)
    for step in range(time):
        place = step % STEPS_AT_ONCE
        if not place:
            # (batch, steps, 4 × units)
            projected = inputs[:, step : step + STEPS_AT_ONCE] @ kernel + bias
        gates = projected[:, place] + hidden @ recurrent
        into, keep = sigmoid(gates[:, :units]), sigmoid(gates[:, units : 2 * units])
        cell = keep * cell + into * np.tanh(gates[:, 2 * units : 3 * units])
        hidden = sigmoid(gates[:, 3 * units :]) * np.tanh(cell)
        sequence[:, step] = hidden
        ended = lengths == step + 1
        final_cell[ended] = cell[ended]
    return sequence, final_cell
