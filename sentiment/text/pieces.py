"""Token ids of the pieces between spaces, remembered: people use the same words again and again.

Tokenizing is most of what a short text costs beside the network. None of this package's patterns
reaches across a plain space, HTML line breaks aside, so a text's token ids are those of its pieces
joined, and nearly all pieces were seen before. A test holds the result against the whole text's.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import chain

import tokenizers

# About what is remembered at most, in bytes; then it starts anew.
MOST_BYTES = 32_000_000
BYTES_A_PIECE = 200
# A piece alone costs about four times its share of a whole text: among many texts that hold more
# new pieces than this, remembering does not pay.
MOST_NEW = 0.25
FEW_TEXTS = 64
# The tag as it is normalized away, if nothing but plain spaces is in it; a mark after it may
# combine with its last sign.
_LINE_BREAK = re.compile(r"< */? *[bB][rR] */? *>(?![^\0-\x7f])")


class Pieces:
    """Encodes texts by their pieces.

    Args:
        backend: a tokenizer with this package's own normalization and splitting.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self._backend = backend
        self._known: dict[str, bytes] = {}
        self._bytes = 0

    def encode(self, texts: Sequence[str]) -> list[bytes]:
        """Return each text's token ids as int32 in bytes; a text without any token has none."""
        # One name for one dictionary: another thread may start anew meanwhile.
        known = self._known
        split = [_split(text) for text in texts]
        new = list(set(chain.from_iterable(split)).difference(known))
        if len(texts) > FEW_TEXTS and len(new) > MOST_NEW * sum(map(len, split)):
            return encode_whole(self._backend, texts)
        if new:
            found = [array("i", ids).tobytes() for ids in _encode(self._backend, new)]
            known.update(zip(new, found, strict=True))
            self._bytes += sum(map(len, new)) + sum(map(len, found)) + BYTES_A_PIECE * len(new)
        rows = [b"".join([known[piece] for piece in pieces]) for pieces in split]
        if self._bytes > MOST_BYTES:
            self._known, self._bytes = {}, 0
        return rows


def encode_whole(backend: tokenizers.Tokenizer, texts: Sequence[str]) -> list[bytes]:
    """Return what `Pieces.encode` does, of any tokenizer, without remembering anything."""
    return [array("i", ids).tobytes() for ids in _encode(backend, list(texts))]


def _encode(backend: tokenizers.Tokenizer, texts: list[str]) -> list[list[int]]:
    if len(texts) == 1:  # threads would cost more than they give
        return [backend.encode(texts[0]).ids]
    return [encoding.ids for encoding in backend.encode_batch_fast(texts)]


def _split(text: str) -> list[str]:
    if "<" in text:
        cleaned = _LINE_BREAK.sub(" ", text)
        if "<" in cleaned and ">" in cleaned:  # perhaps an odd tag with a space in it: no splitting
            return [text]  # as it came: a tag within a tag leaves one behind
        text = cleaned
    return text.split(" ")
