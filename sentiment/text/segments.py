"""Encoded texts to segments for truncated back-propagation through time (Williams & Peng 1990).

A batch has a fixed number of rows. Each row reads one text after another: a text begins at the
start of a segment, from a state of zeros as in prediction, and goes on in the row's next segments
with the state carried over. What a text's last segment lacks is padding on the right.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.text.tokenizer import PADDING_ID, EncodedTexts, Tokenizer

# More tokens than any text has: nothing is cut.
WHOLE_TEXT = 2**31 - 1
# Texts tokenized at once: the tokenizer's own results take some hundred bytes a token.
_TEXTS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Segment:
    """A slice of as many texts as there are rows.

    Attributes:
        token_ids: (rows, time) int32, padding id 0 after each text's end.
        positions: (rows, time) int64, where each token stands in `EncodedTexts.token_ids`; what
            stands past `ends` is padding.
        starts: (rows,) int64, where the row's text starts there.
        ends: (rows,) int64, where it ends.
        begins: (rows,) bool, whether a text begins here, so that no state may be carried in.
    """

    token_ids: NDArray[np.int32]
    positions: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    begins: NDArray[np.bool_]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Where a token is and no padding: (rows, time)."""
        return self.positions < self.ends[:, None]


def encode_uncut(tokenizer: Tokenizer, texts: Sequence[str]) -> EncodedTexts:
    """Encode texts without cutting any, in portions that bound the memory it takes.

    Raises:
        DataError: a text holds a lone surrogate.
    """
    whole = Tokenizer.from_json(tokenizer.to_json(), max_tokens=WHOLE_TEXT, head_tokens=0)
    parts = [
        whole.encode(texts[first : first + _TEXTS_AT_ONCE])
        for first in range(0, max(1, len(texts)), _TEXTS_AT_ONCE)
    ]
    lengths = np.concatenate([part.lengths for part in parts])
    return EncodedTexts(
        token_ids=np.concatenate([part.token_ids for part in parts]),
        starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        truncated_tokens=np.concatenate([part.truncated_tokens for part in parts]),
        unknown_fraction=np.concatenate([part.unknown_fraction for part in parts]),
    )


def text_segments(
    encoded: EncodedTexts, *, rows: int, segment_tokens: int, seed: int, epoch: int
) -> Iterator[Segment]:
    """Yield one epoch: every token of every text once, the texts in an order of their own.

    The order depends on `seed` and `epoch` alone, so a resumed training asks again and skips what
    it has done.
    """
    order = np.random.default_rng([seed, epoch]).permutation(len(encoded))
    at, starts, ends = (np.zeros(rows, np.int64) for _ in range(3))
    taken = 0
    while True:
        free = np.flatnonzero(at >= ends)[: len(order) - taken]
        texts = order[taken : taken + len(free)]
        at[free] = starts[free] = encoded.starts[texts]
        ends[free] = encoded.starts[texts + 1]
        taken += len(free)
        if not np.any(at < ends):
            return
        positions = at[:, None] + np.arange(segment_tokens)  # (rows, time)
        inside = positions < ends[:, None]
        token_ids = np.full(positions.shape, PADDING_ID, np.int32)
        token_ids[inside] = encoded.token_ids[positions[inside]]
        begins = np.zeros(rows, bool)
        begins[free] = True
        yield Segment(token_ids, positions, starts.copy(), ends.copy(), begins)
        at = np.minimum(at + segment_tokens, ends)


def count_segments(encoded: EncodedTexts, *, rows: int, segment_tokens: int, seed: int) -> int:
    """Return the number of segments of the first epoch; later ones differ by a few."""
    order = np.random.default_rng([seed, 0]).permutation(len(encoded))
    needed = -(-encoded.lengths[order].astype(np.int64) // segment_tokens)
    loads = [0] * rows  # a heap: the row that is free first takes the next text
    for segments in needed.tolist():
        heapq.heapreplace(loads, loads[0] + segments)
    return max(loads)
