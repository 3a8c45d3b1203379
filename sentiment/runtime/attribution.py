"""What an explanation is made of: how much each word puts into each class's logit.

All methods speak of centred logits, the logits less their mean over the classes: they can be read
off the probabilities of any engine, ln p less its mean, and they sum to zero. Their unit is the
nat. `Attribution.leaning` weighs them by polarity, −1 for the first class to 1 for the last: with
two or three classes that is the log-odds of the last class against the first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import DataError
from sentiment.runtime.arithmetic import polarity
from sentiment.text.tokenizer import UNKNOWN_ID, EncodedTexts
from sentiment.text.words import Words

if TYPE_CHECKING:
    from sentiment.runtime.predictor import SentimentModel

Method = Literal["occlusion", "gradients", "decomposition"]
METHODS: tuple[Method, ...] = ("occlusion", "gradients", "decomposition")
Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Gradients:
    """Integrated gradients of one text.

    Attributes:
        values: (time, classes), what each token adds to each centred logit.
        whole: (classes,) centred logits of the text.
        reference: (classes,) those of a text of as many zero vectors.
        gap: largest difference, over the classes, between the values' sum and whole − reference.
        steps: points of the quadrature.
    """

    values: Float64
    whole: Float64
    reference: Float64
    gap: float
    steps: int


@dataclass(frozen=True)
class Phrase:
    """A run of words looked at as one.

    Attributes:
        words: first word and the one after the last.
        values: (classes,) what the phrase puts into each centred logit.
    """

    words: tuple[int, int]
    values: Float64


@dataclass(frozen=True)
class Attribution:
    """How much each word of one text puts into each class's centred logit, by one method.

    Attributes:
        method: `occlusion`, `gradients` or `decomposition`.
        words: the words, with their places in the text.
        classes: label names, most negative first.
        values: (words, classes) in nats.
        whole: (classes,) centred logits of the text.
        gap: how far the method misses what must hold exactly: gradients, the completeness gap;
            decomposition, the largest |β + γ − logit|; occlusion has no such law: None.
        about: what the values are, in words.
        phrases: phrases that were asked for.
        truncated_tokens: tokens that were left out of the middle.
        head_words: how many words stand before the ones left out.
    """

    method: Method
    words: Words
    classes: tuple[str, ...]
    values: Float64
    whole: Float64
    gap: float | None
    about: str
    phrases: tuple[Phrase, ...] = ()
    truncated_tokens: int = 0
    head_words: int = 0

    @property
    def leaning(self) -> Float64:
        """What each word adds to the polarity-weighted logits: (words,); above 0, to the last."""
        return polarity(self.values)

    def to_dict(self) -> dict[str, object]:
        """Return the attribution as JSON-ready data."""
        return {
            "method": self.method,
            "about": self.about,
            "unit": "nats",
            "centred_logits": _by_class(self.classes, self.whole),
            "gap": self.gap,
            "words": [
                {"word": word, "start": start, "end": end, **self._values(values)}
                for word, (start, end), values in zip(
                    self.words.shown, self.words.spans.tolist(), self.values, strict=True
                )
            ],
            "phrases": [self._phrase(phrase) for phrase in self.phrases],
        }

    def _phrase(self, phrase: Phrase) -> dict[str, object]:
        first, after = phrase.words
        start, end = int(self.words.spans[first, 0]), int(self.words.spans[after - 1, 1])
        alone = polarity(self.values[first:after]).sum()
        return {
            "phrase": self.words.text[start:end],
            "start": start,
            "end": end,
            **self._values(phrase.values),
            "sum_of_its_words": round(float(alone), 6),
        }

    def _values(self, values: Float64) -> dict[str, object]:
        total = round(float(polarity(values)), 6) + 0.0
        return {"leaning": total, "by_class": _by_class(self.classes, values)}


def centred(logits: NDArray[np.floating]) -> Float64:
    """Return logits (…, classes) less their mean over the classes."""
    logits = np.asarray(logits, np.float64)
    return np.asarray(logits - logits.mean(axis=-1, keepdims=True))


def centred_log(probabilities: NDArray[np.floating]) -> Float64:
    """Return the centred logits that probabilities (…, classes) come from."""
    floor = np.finfo(np.float32).tiny  # a softmax in float32 may give 0
    return centred(np.log(np.maximum(np.asarray(probabilities, np.float64), floor)))


def centred_logits(model: SentimentModel, texts: Sequence[NDArray[np.integer]]) -> Float64:
    """Run the model on token ids, a row of them a text: (texts, classes).

    A text of no token is one unknown token, as in prediction.
    """
    return centred_log(model.run(encoded_ids(texts), layers=False).probabilities)


def encoded_ids(texts: Sequence[NDArray[np.integer]]) -> EncodedTexts:
    """Put token ids, a row of them a text, into the form that the tokenizer gives."""
    rows = [np.asarray(ids, np.int32) if len(ids) else _NO_TOKEN for ids in texts]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum([len(ids) for ids in rows], out=starts[1:])
    return EncodedTexts(
        token_ids=np.concatenate([*rows, np.zeros(0, np.int32)]),
        starts=starts,
        truncated_tokens=np.zeros(len(rows), np.int32),
        unknown_fraction=np.zeros(len(rows), np.float32),
    )


_NO_TOKEN = np.array([UNKNOWN_ID], np.int32)


def find_phrase(words: Words, phrase: str) -> tuple[int, int] | None:
    """Return the first word of a phrase, and the word after its last; upper or lower case.

    None: the text has no such phrase, or truncation took it out.
    """
    parts = [re.escape(part) for part in phrase.split()]
    for match in re.finditer(r"\s+".join(parts), words.text, re.IGNORECASE) if parts else ():
        touched = [
            word
            for word, (start, end) in enumerate(words.spans.tolist())
            if start < match.end() and end > match.start()
        ]
        if touched:
            return touched[0], touched[-1] + 1
    return None


def no_phrase(text: str, phrase: str) -> DataError:
    """Return the error for a phrase that the text read by the model does not have."""
    shown = " ".join(text.split())
    return DataError(
        f"no phrase {phrase!r} in the text",
        expected=f"words that stand in: {shown if len(shown) <= 60 else shown[:59] + '…'}",
    )


def _by_class(classes: Sequence[str], values: Float64) -> dict[str, float]:
    rounded = (np.asarray(values, np.float64).round(6) + 0.0).tolist()
    return dict(zip(classes, rounded, strict=True))
