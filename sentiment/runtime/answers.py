"""What prediction answers: arrays for many texts, and records in words for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.runtime.arithmetic import polarity

if TYPE_CHECKING:
    from sentiment.runtime.shapes import LayerRow
    from sentiment.runtime.trace import Trace

MOSTLY_UNKNOWN = 0.5


@dataclass(frozen=True)
class Prediction:
    """One answer.

    Attributes:
        text: as it came.
        label: the most probable class.
        score: expected polarity from −1 (first class) to 1 (last class); not a confidence.
        probabilities: by class, summing to 1.
        tokens: tokens that were read.
        truncated_tokens: tokens that were left out of the middle.
        unknown_fraction: share of the tokens read that are not in the vocabulary, 0–1.
        warning: why the answer is shaky, or None.

    `trace`, worked out when it is first asked for, is the answer after each token.
    """

    text: str
    label: str
    score: float
    probabilities: Mapping[str, float]
    tokens: int
    truncated_tokens: int
    unknown_fraction: float
    warning: str | None
    tracer: InitVar[Callable[[str], Trace] | None] = None

    def __post_init__(self, tracer: Callable[[str], Trace] | None) -> None:
        """Keep the way to the model out of the fields: it is no part of the answer."""
        object.__setattr__(self, "_tracer", tracer)

    def __getstate__(self) -> dict[str, object]:
        """Leave the model behind when sent to another process."""
        return {**self.__dict__, "_tracer": None}

    @cached_property
    def trace(self) -> Trace:
        """The classifier applied to the text up to each token: a probe.

        Raises:
            ConfigError: this answer has no model at hand, as after a trip through `pickle`.
        """
        tracer: Callable[[str], Trace] | None = self.__dict__["_tracer"]
        if tracer is None:
            raise ConfigError(
                "this prediction has no model at hand",
                expected="one from SentimentModel.predict",
                run="model.trace(text)",
            )
        return tracer(self.text)

    def to_dict(self) -> dict[str, object]:
        """Return the record that `--json` prints."""
        return {
            "text": self.text,
            "label": self.label,
            "score": self.score,
            "probabilities": dict(self.probabilities),
            "tokens": self.tokens,
            "truncated_tokens": self.truncated_tokens,
            "unknown_fraction": self.unknown_fraction,
            "warning": self.warning,
        }


# The record's fields in order: the columns that predictions add to a file.
FIELDS = tuple(field.name for field in fields(Prediction))


@dataclass(frozen=True)
class Arrays:
    """The answers to many texts as arrays, row-aligned with them.

    Attributes:
        probabilities: (texts, classes) float32.
        final_state: (texts, width) float32, the vector the classifier read.
        tokens: (texts,) int32, tokens read.
        truncated_tokens: (texts,) int32.
        unknown_fraction: (texts,) float32, 0–1.
        layers: the shape table of the first batch, from the tensors that came out, if asked for.
    """

    probabilities: NDArray[np.float32]
    final_state: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated_tokens: NDArray[np.int32]
    unknown_fraction: NDArray[np.float32]
    layers: tuple[LayerRow, ...]


def to_columns(texts: Sequence[str], arrays: Arrays, classes: Sequence[str]) -> dict[str, Any]:
    """Put the arrays into words, a column a field of `Prediction`, for files of many rows.

    Returns:
        By field: a list or an array, row-aligned; `probabilities` is a column a class.
    """
    probabilities = arrays.probabilities.astype(np.float64).round(4)
    # Adding zero turns a rounded −0.0 into 0.0.
    scores = polarity(arrays.probabilities).round(4) + 0.0
    unknown = arrays.unknown_fraction.astype(np.float64).round(4)
    cut = arrays.truncated_tokens
    warnings: list[str | None] = [None] * len(texts)
    # An empty text is one unknown token, so it is among these.
    for row in np.flatnonzero((unknown >= MOSTLY_UNKNOWN) | (cut > 0)).tolist():
        warnings[row] = _warning(texts[row], float(unknown[row]), int(cut[row]))
    best = arrays.probabilities.argmax(axis=1).tolist()
    return {
        "text": texts,
        "label": [classes[index] for index in best],
        "score": scores,
        "probabilities": dict(zip(classes, probabilities.T, strict=True)),
        "tokens": arrays.tokens,
        "truncated_tokens": cut,
        "unknown_fraction": unknown,
        "warning": warnings,
    }


def _warning(text: str, unknown: float, cut: int) -> str | None:
    if not text.strip():
        return "empty text"
    if unknown >= 1:
        return "no known word"
    if unknown >= MOSTLY_UNKNOWN:
        return f"{unknown:.0%} of the tokens are unknown"
    if cut:
        return f"{cut} tokens in the middle were not read"
    return None
