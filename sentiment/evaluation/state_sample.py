"""The texts whose states are studied, and those states: a sample, so that `eval` stays fast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.network_states import (
    BatchStates,
    Float32,
    each_batch,
    flops_per_token,
)
from sentiment.runtime.replay import Weights
from sentiment.runtime.shapes import EncoderShape

if TYPE_CHECKING:
    from sentiment.evaluation.predictions import Predictions
    from sentiment.text.tokenizer import EncodedTexts, Tokenizer

MOST_TEXTS = 2_000
FEWEST_TEXTS = 200
# About as much as two cores do in ten seconds; wide encoders on long texts get a smaller sample.
MOST_FLOPS = 5e11


@dataclass(frozen=True)
class StateSample:
    """Some evaluated rows and what the network held at their ends.

    Attributes:
        rows: (texts,), which evaluated rows, rising, from 0.
        encoded: their tokens, in the same order.
        embedded: (texts, embedding_units), mean token vectors: what there was before any LSTM.
        hidden: by layer, (texts, width): h at the end; the last one is h_T.
        cell: by layer, (texts, width): c at the end.
        readings: (texts, width): what the classifier reads.
    """

    rows: NDArray[np.int64]
    encoded: EncodedTexts
    embedded: Float32
    hidden: tuple[Float32, ...]
    cell: tuple[Float32, ...]
    readings: Float32

    def __len__(self) -> int:
        return len(self.rows)


def take_sample(
    rows: Predictions,
    weights: Weights,
    tokenizer: Tokenizer,
    encoder: EncoderShape,
    *,
    seed: int,
    look: Callable[[BatchStates], None],
) -> StateSample:
    """Run the encoder on a sample of the rows.

    Args:
        rows: the evaluated rows, with their final states.
        weights: the model's.
        tokenizer: the model's.
        encoder: the model's.
        seed: of the sample.
        look: is shown every batch, whose whole sequences are then forgotten.
    """
    if rows.final_state is None:
        raise ValueError("the rows have no final states; expected those of an evaluated model")
    chosen = choose_rows(rows.tokens, encoder, seed=seed)
    encoded = tokenizer.encode([rows.texts[row] for row in chosen.tolist()])
    width = len(encoder.units)
    finals: list[tuple[Float32, ...]] = []
    places = []
    for batch in each_batch(weights, encoded, encoder):
        look(batch)
        places.append(batch.rows)
        finals.append((batch.embedded, *batch.final_hidden, *batch.final_cell))
    order = np.argsort(np.concatenate(places))
    states = [np.concatenate(parts)[order] for parts in zip(*finals, strict=True)]
    return StateSample(
        rows=chosen,
        encoded=encoded,
        embedded=states[0],
        hidden=tuple(states[1 : 1 + width]),
        cell=tuple(states[1 + width :]),
        readings=rows.final_state[chosen],
    )


def choose_rows(
    tokens: NDArray[np.integer], encoder: EncoderShape, *, seed: int
) -> NDArray[np.int64]:
    """Return the rows to study, rising: all of them, or a sample that the budget allows."""
    n = len(tokens)
    each = flops_per_token(encoder) * max(1.0, float(np.mean(tokens)))
    most = int(np.clip(MOST_FLOPS / each, FEWEST_TEXTS, MOST_TEXTS))
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
