"""Token ids of the pieces between spaces, remembered: people use the same words again and again.

Tokenizing is most of what a short text costs beside the network. None of this package's patterns
reaches across a plain space, HTML line breaks aside, so a text's token ids are those of its pieces
joined, and nearly all pieces were seen before. A test holds the result against the whole text's.

Of few texts the pieces are looked up one by one; of many, Arrow finds the different ones, without
holding Python back, and each of these is looked up once.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple, cast

import numpy as np
import tokenizers
from numpy.typing import NDArray

# About what is remembered at most, in bytes; then it starts anew.
MOST_BYTES = 64_000_000
BYTES_A_PIECE = 200
# A new piece costs two to three times its share of a whole text: among many texts that hold more
# new pieces than this, remembering does not pay.
MOST_NEW = 0.3
FEW_TEXTS = 64
# Words are encoded so many at a time: alone, each would be normalized and packed by itself.
WORDS_AT_A_TIME = 128
# From so many characters on, Arrow is worth its import.
MANY_CHARACTERS = 200_000
# The tag as it is normalized away, if nothing but plain spaces is in it; a mark after it may
# combine with its last sign.
_LINE_BREAK = re.compile(r"< */? *[bB][rR] */? *>(?![^\0-\x7f])")
# A piece such as `(well-made,` whose letters and other signs are tokens apart: no pattern reaches
# from the ones to the others. It holds no word in capitals, no web address, no apostrophe, and a
# letter after a colon, which may be an emoticon's, neither.
_PLAIN = re.compile(r"""(?!.*(?:[A-Z]{2}|[wW]{3}\.))[-.,!?)("*0-9A-Za-z]*[-.,!?)("*:;]*""")
_PARTS = re.compile(r"[A-Za-z]+|[^A-Za-z]+")
_ID_BYTES = array("i").itemsize


class TokenRows(NamedTuple):
    """The token ids of many texts, one after the other.

    Attributes:
        token_ids: (tokens of all texts,) int32.
        sizes: (texts,) int64, how many of them each text has, perhaps none.
    """

    token_ids: NDArray[np.int32]
    sizes: NDArray[np.int64]


class Pieces:
    """Encodes texts by their pieces.

    Args:
        backend: a tokenizer with this package's own normalization and splitting.
    """

    def __init__(self, backend: tokenizers.Tokenizer) -> None:
        self._backend = backend
        self._known: dict[str, bytes] = {}
        self._bytes = 0

    def encode(self, texts: Sequence[str]) -> TokenRows:
        """Return each text's token ids; no text holds a NUL."""
        many = sum(map(len, texts)) >= MANY_CHARACTERS
        return self._encode_many(texts) if many else self._encode_few(texts)

    def _encode_few(self, texts: Sequence[str]) -> TokenRows:
        split = [
            [text] if (line := _splittable(text)) is None else line.split(" ") for text in texts
        ]
        known = self._look_up(
            set(chain.from_iterable(split)), texts=len(texts), pieces=sum(map(len, split))
        )
        if known is None:
            return encode_whole(self._backend, texts)
        return joined(b"".join([known[piece] for piece in pieces]) for pieces in split)

    def _encode_many(self, texts: Sequence[str]) -> TokenRows:
        import pyarrow as pa
        import pyarrow.compute as pc

        lines, unsplit = [], {}
        for row, text in enumerate(texts):
            line = _splittable(text)
            if line is None:  # one piece, under a name that no text has
                line = f"\0{row}"
                unsplit[line] = text
            lines.append(line)
        split = pc.split_pattern(pa.array(lines, pa.large_string()), " ")
        pieces = split.flatten().dictionary_encode()
        different = pieces.dictionary.to_pylist()
        if unsplit:
            different = [unsplit.get(piece, piece) for piece in different]
        known = self._look_up(set(different), texts=len(texts), pieces=len(pieces))
        if known is None:
            return encode_whole(self._backend, texts)
        ids_of = joined(known[piece] for piece in different)
        which = pieces.indices.to_numpy()  # (pieces,), each one's number among the different ones
        counts = ids_of.sizes[which]
        ends = np.cumsum(counts)
        # From a token's place in the texts to its place among the ids of the different pieces.
        away = (np.cumsum(ids_of.sizes) - ids_of.sizes)[which] - (ends - counts)
        token_ids = ids_of.token_ids[np.arange(ends[-1]) + np.repeat(away, counts)]
        return TokenRows(token_ids, np.diff(np.append(0, ends)[split.offsets.to_numpy()]))

    def _look_up(self, wanted: set[str], *, texts: int, pieces: int) -> dict[str, bytes] | None:
        """Return token ids by piece, the wanted ones among them; None: too many are new."""
        # One name for one dictionary: another thread may start anew meanwhile.
        known = self._known
        new = wanted.difference(known)
        if texts > FEW_TEXTS and len(new) > MOST_NEW * pieces:
            return None
        if new:
            self._learn(new, known)
        if self._bytes > MOST_BYTES:
            self._known, self._bytes = {}, 0
        return known

    def _learn(self, new: set[str], known: dict[str, bytes]) -> None:
        """Encode new pieces: words among other words, and what is made of words from its parts."""
        parts = {piece: _PARTS.findall(piece) for piece in new if _PLAIN.fullmatch(piece)}
        fresh = set(chain.from_iterable(parts.values())).difference(known)
        words = [part for part in fresh if part.isalpha()]
        alone = [*fresh.difference(words), *new.difference(parts)]
        known.update(zip(words, _encode_words(self._backend, words), strict=True))
        known.update(zip(alone, _encode(self._backend, alone), strict=True))
        for piece, its_parts in parts.items():
            known[piece] = b"".join([known[part] for part in its_parts])
        self._bytes += BYTES_A_PIECE * (len(new) + len(fresh)) + sum(map(len, new))


def encode_whole(backend: tokenizers.Tokenizer, texts: Sequence[str]) -> TokenRows:
    """Return what `Pieces.encode` does, of any tokenizer, without remembering anything."""
    return joined(_encode(backend, list(texts)))


def _splittable(text: str) -> str | None:
    """Return a text that may be split at its spaces, or None."""
    if "<" not in text:
        return text
    line = _LINE_BREAK.sub(" ", text)
    # What is left may be an odd tag with a space in it, or a tag within a tag leave one behind.
    return None if "<" in line and ">" in line else line


def joined(rows: Iterable[bytes]) -> TokenRows:
    """Put the token ids of texts, each text's as int32 in bytes, one after the other."""
    rows = list(rows)
    sizes = np.fromiter(map(len, rows), np.int64, count=len(rows)) // _ID_BYTES
    return TokenRows(np.frombuffer(b"".join(rows), np.int32), sizes)


def _encode_words(backend: tokenizers.Tokenizer, words: list[str]) -> list[bytes]:
    """Return the token ids of words of plain letters, each as int32 in bytes."""
    ids: list[list[int]] = [[] for _ in words]
    starts = range(0, len(words), WORDS_AT_A_TIME)
    lines = [" ".join(words[start : start + WORDS_AT_A_TIME]) for start in starts]
    for start, encoding in zip(starts, backend.encode_batch(lines), strict=True):
        # Each word is one pre-token, and every token is of one.
        word_ids = cast("list[int]", encoding.word_ids)
        for token_id, word in zip(encoding.ids, word_ids, strict=True):
            ids[start + word].append(token_id)
    return [array("i", some).tobytes() for some in ids]


def _encode(backend: tokenizers.Tokenizer, texts: list[str]) -> list[bytes]:
    """Return each text's token ids as int32 in bytes."""
    if len(texts) == 1:  # threads would cost more than they give
        return [array("i", backend.encode(texts[0]).ids).tobytes()]
    return [array("i", some.ids).tobytes() for some in backend.encode_batch_fast(texts)]
