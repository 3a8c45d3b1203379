"""Encoded texts to right-padded batches of texts of like length.

Padding to the longest of a batch costs little when its texts are of like length: IMDb reviews
padded all to 400 tokens would be 40 % padding.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.text.tokenizer import PADDING_ID, EncodedTexts

# Texts are sorted by length inside windows of this many batches: wide enough for little padding,
# narrow enough that the batches of an epoch stay random.
BATCHES_PER_WINDOW = 50


@dataclass(frozen=True)
class Batch:
    """One right-padded batch.

    Attributes:
        token_ids: (batch, time) int32, padding id 0 after each text's end.
        lengths: (batch,) int32, tokens of each text, at least 1.
        rows: (batch,) int64, which text each row is.
    """

    token_ids: NDArray[np.int32]
    lengths: NDArray[np.int32]
    rows: NDArray[np.int64]


def make_batch(encoded: EncodedTexts, rows: NDArray[np.int64]) -> Batch:
    """Pad the texts `rows` on the right to the longest among them."""
    lengths = encoded.lengths[rows]
    time = np.arange(int(lengths.max()))
    inside = time[None, :] < lengths[:, None]  # (batch, time)
    token_ids = np.full(inside.shape, PADDING_ID, np.int32)
    positions = encoded.starts[rows][:, None] + time[None, :]
    token_ids[inside] = encoded.token_ids[positions[inside]]
    return Batch(token_ids, lengths, rows)


def training_batches(
    lengths: NDArray[np.int32], *, batch_size: int, seed: int, epoch: int
) -> list[NDArray[np.int64]]:
    """Return one epoch's batches as row numbers: shuffled, and of like length inside each.

    The order depends on `seed` and `epoch` alone, so a resumed training needs no saved shuffle
    state: it asks again and skips the batches it has done.
    """
    random = np.random.default_rng([seed, epoch])
    order = random.permutation(len(lengths))
    window = batch_size * BATCHES_PER_WINDOW
    batches: list[NDArray[np.int64]] = []
    for start in range(0, len(order), window):
        rows = order[start : start + window]
        rows = rows[np.argsort(lengths[rows], kind="stable")]
        batches.extend(
            rows[first : first + batch_size] for first in range(0, len(rows), batch_size)
        )
    return [batches[index] for index in random.permutation(len(batches))]


def paired_batches(
    batches: Sequence[NDArray[np.int64]],
    lengths: NDArray[np.int32],
    other_lengths: NDArray[np.int32],
    *,
    batch_size: int,
    seed: int,
    epoch: int,
) -> list[NDArray[np.int64]]:
    """Return a batch of other texts beside each batch, as row numbers, of lengths alike.

    The other texts are gone through as often as it takes; which ones an epoch leaves out is random.

    Args:
        batches: those of `training_batches`.
        lengths: (texts,) of the texts that `batches` number.
        other_lengths: (others,) of the other texts.
        batch_size: other texts a batch.
        seed: of their order, with the epoch.
        epoch: as in `training_batches`.
    """
    others: list[NDArray[np.int64]] = []
    for turn in itertools.count():
        others += training_batches(
            other_lengths, batch_size=batch_size, seed=seed + 1, epoch=epoch * 1_000 + turn
        )
        if len(others) >= len(batches):
            break
    random = np.random.default_rng([seed + 1, epoch])
    chosen = [others[index] for index in random.permutation(len(others))[: len(batches)]]
    ranks = np.argsort([int(lengths[rows].max()) for rows in batches], kind="stable")
    chosen.sort(key=lambda rows: int(other_lengths[rows].max()))
    result: list[NDArray[np.int64]] = [chosen[0]] * len(batches)
    for rank, place in enumerate(ranks):
        result[place] = chosen[rank]
    return result


def prediction_batches(
    encoded: EncodedTexts, *, tokens_per_batch: int, max_texts: int = 512
) -> Iterator[Batch]:
    """Yield all texts once, shortest first, at most `tokens_per_batch` tokens with padding a batch.

    A text longer than the budget gets a batch of its own.
    """
    order = np.argsort(encoded.lengths, kind="stable")
    lengths = encoded.lengths[order].astype(np.int64)
    counts = np.arange(1, max_texts + 1)
    start = 0
    while start < len(order):
        window = lengths[start : start + max_texts]
        # With padding, a batch costs its longest text times its texts: more with every text added.
        fit = int(np.searchsorted(window * counts[: len(window)], tokens_per_batch, side="right"))
        end = start + max(1, fit)
        yield make_batch(encoded, order[start:end])
        start = end
