"""Tokens put together to words, each with its place in the text: what a reader points at.

A word is one token of a word vocabulary, or a run of pieces of a subword vocabulary. The marker of
capitals belongs to the word it stands before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import DataError
from sentiment.text.tokenizer import (
    CAPITALS,
    HANDLE,
    SPECIAL_TOKENS,
    UNKNOWN_ID,
    WEB_ADDRESS,
    Tokenizer,
    check_text,
)

# How a piece that goes on a word begins.
CONTINUES = "##"


@dataclass(frozen=True)
class Words:
    """The words of one text as the model reads it, truncation done.

    Attributes:
        text: as it came.
        tokens: per word, the positions of its tokens, 0 to time − 1; each token is in one word.
        spans: (words, 2) int32 character positions in the text, end excluded.
    """

    text: str
    tokens: tuple[tuple[int, ...], ...]
    spans: NDArray[np.int32]

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.tokens)

    @cached_property
    def shown(self) -> tuple[str, ...]:
        """Each word as it stands in the text."""
        return tuple(self.text[start:end] for start, end in self.spans.tolist())

    def of_token(self, position: int) -> int:
        """Return which word a token belongs to."""
        return next(word for word, inside in enumerate(self.tokens) if position in inside)


@dataclass(frozen=True)
class ReadText:
    """One text as the model reads it.

    Attributes:
        token_ids: (time,) int32, without padding.
        tokens: (time) of the vocabulary.
        spans: (time, 2) int32 character positions of each token in the text.
        truncated_tokens: tokens that were left out of the middle.
        head_tokens: how many tokens stand before them.
        words: the tokens put together.
    """

    token_ids: NDArray[np.int32]
    tokens: tuple[str, ...]
    spans: NDArray[np.int32]
    truncated_tokens: int
    head_tokens: int
    words: Words

    @property
    def head_words(self) -> int:
        """How many words stand before the tokens that were left out."""
        return sum(max(inside) < self.head_tokens for inside in self.words.tokens)


def read_text(text: str, tokenizer: Tokenizer) -> ReadText:
    """Tokenize one text as prediction does.

    Raises:
        DataError: the text holds a NUL or a lone surrogate.
    """
    require_text(text)
    encoded = tokenizer.encode([text], offsets=True)
    token_ids = encoded.of_text(0)
    spans = encoded.offsets[0] if encoded.offsets else np.zeros((len(token_ids), 2), np.int32)
    tokens = tuple(tokenizer.tokens(token_ids))
    return ReadText(
        token_ids=token_ids,
        tokens=tokens,
        spans=spans,
        truncated_tokens=int(encoded.truncated_tokens[0]),
        head_tokens=tokenizer.head_tokens,
        words=words_of(text, tokens, spans),
    )


def require_text(text: object) -> None:
    """Refuse what no tokenizer can read.

    Raises:
        DataError: it is not text, or holds a NUL or a lone surrogate.
    """
    fault = check_text(text)
    if fault:
        raise DataError(f"the text holds {fault}", expected="Unicode text without NUL")


def words_of(text: str, tokens: Sequence[str], spans: NDArray[np.int32]) -> Words:
    """Put the tokens of a text together to words.

    Args:
        text: as it came.
        tokens: (time) tokens of the vocabulary.
        spans: (time, 2) character positions of each.
    """
    groups: list[list[int]] = []
    places: list[list[int]] = []
    waiting: list[int] = []
    for position, (token, (start, end)) in enumerate(zip(tokens, spans.tolist(), strict=True)):
        # The marker stands where a space is; a small vocabulary may lack it.
        if token == CAPITALS or not text[start:end].strip():
            waiting.append(position)
            continue
        ended = places[-1][1] if places else -1
        # Of one letter that lowercases to two (the dotted capital I), both have its place.
        if end <= ended or (start == ended and _goes_on(text, token, start, end)):
            groups[-1].append(position)
            places[-1][1] = end
            continue
        if token in (WEB_ADDRESS, HANDLE):
            start = _widened(text, start, floor=places[-1][1] if places else 0)
        # A bracket may stand between the marker and its word.
        taken = waiting if text[start : start + 1].isalpha() else []
        groups.append([*taken, position])
        places.append([start, end])
        if taken:
            waiting = []
    if waiting and groups:
        groups[-1] += waiting
    elif waiting:
        groups, places = [waiting], [spans[waiting[0]].tolist()]
    return Words(
        text, tuple(tuple(group) for group in groups), np.array(places, np.int32).reshape(-1, 2)
    )


def _goes_on(text: str, token: str, start: int, end: int) -> bool:
    """Return whether a token that touches the one before it is of the same word."""
    # Of a subword vocabulary, a letter that it lacks is an unknown token amid the word.
    lacking = token == SPECIAL_TOKENS[UNKNOWN_ID] and end - start == 1
    return token.startswith(CONTINUES) or (lacking and text[start - 1 : end].isalpha())


def _widened(text: str, start: int, *, floor: int) -> int:
    """Return where an address or a handle begins; `tokenizers` only keeps where it ends."""
    while start > floor and not text[start - 1].isspace() and text[start - 1] != ">":
        start -= 1
    return start
