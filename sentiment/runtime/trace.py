"""The word-by-word trace: the classifier applied to the text up to each token.

With pooling `last` that is the classifier applied to every hidden state h_t. It is a probe in the
sense of Alain & Bengio (2016), with the classifier itself as the probe: it was trained on whole
texts, so a score in the middle says what it would answer if the text ended there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.arithmetic import polarity
from sentiment.runtime.shapes import EncoderShape
from sentiment.text.words import ReadText, Words

_READS = {
    "last": "every hidden state h_t",
    "max": "the maximum of the hidden states h_1 … h_t",
    "mean": "the mean of the hidden states h_1 … h_t",
    "max_last": "the maximum of the hidden states h_1 … h_t, beside h_t",
    "attention": "the attention-weighted sum of the hidden states h_1 … h_t",
}


@dataclass(frozen=True)
class Trace:
    """What a model would answer after each token of one text.

    Attributes:
        read: the text, its tokens and words, and what was cut.
        probabilities: (time, classes) of the text up to each token; the last row is the answer.
        classes: label names, most negative first.
        shows: what the classifier was applied to, in words.
    """

    read: ReadText
    probabilities: NDArray[np.float32]
    classes: tuple[str, ...]
    shows: str

    @property
    def text(self) -> str:
        """The text as it came."""
        return self.read.words.text

    @property
    def tokens(self) -> tuple[str, ...]:
        """(time) tokens of the vocabulary."""
        return self.read.tokens

    @property
    def spans(self) -> NDArray[np.int32]:
        """(time, 2) character positions of each token in the text, end excluded."""
        return self.read.spans

    @property
    def words(self) -> Words:
        """The tokens put together to words."""
        return self.read.words

    @cached_property
    def scores(self) -> NDArray[np.float64]:
        """Expected polarity, −1 to 1, of the text up to each token: (time,)."""
        return polarity(self.probabilities)

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The most probable class of the text up to each token: (time)."""
        return tuple(self.classes[best] for best in self.probabilities.argmax(axis=1).tolist())

    @cached_property
    def turning_token(self) -> int | None:
        """The token that brought the final label, which then stayed; None: it was there at once."""
        return turning_token(self.probabilities.argmax(axis=1))

    @property
    def turning_word(self) -> int | None:
        """The word of `turning_token`."""
        return None if self.turning_token is None else self.words.of_token(self.turning_token)

    def to_list(self) -> list[dict[str, object]]:
        """Return each token with its place in the text, the score and label up to it."""
        return [
            {"token": token, "start": start, "end": end, "score": score, "label": label}
            for token, (start, end), score, label in zip(
                self.tokens,
                self.spans.tolist(),
                (self.scores.round(4) + 0.0).tolist(),
                self.labels,
                strict=True,
            )
        ]

    def to_dict(self) -> dict[str, object]:
        """Return what `predict --explain --json` adds to a prediction."""
        word = self.turning_word
        turning = None
        if word is not None:
            start, end = self.words.spans[word].tolist()
            turning = {"word": self.words.shown[word], "start": start, "end": end}
            turning["label"] = self.labels[-1]
        return {"trace": self.to_list(), "turning_word": turning, "trace_shows": self.shows}


def what_it_shows(encoder: EncoderShape, *, trained: bool = False) -> str:
    """Return in words what the scores of a trace are.

    Args:
        encoder: what the classifier reads.
        trained: whether the classifier learned to answer after every token.
    """
    if trained:
        return (
            f"The classifier applied to {_READS[encoder.pooling]}. It learned to answer after "
            "every token (training.trace_loss): each row is its answer to the text so far."
        )
    shows = (
        f"A probe, not a prediction: the classifier applied to {_READS[encoder.pooling]}. It was "
        "trained on whole texts, so only the last row is what the model says."
    )
    if encoder.bidirectional:
        shows += (
            " This encoder reads both ways: the backward half has seen the whole text in every row."
        )
    return shows


def turning_token(answers: NDArray[np.integer]) -> int | None:
    """Return the token after which the final answer came to stay; None where it was there at once.

    Args:
        answers: (time,), the most probable class of the text up to each token.
    """
    other = np.flatnonzero(answers != answers[-1])
    return int(other[-1]) + 1 if len(other) else None
