"""One text through one model, with everything that happened on the way, ready to show or save."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.runtime.replay import STATES, Replay, replay
from sentiment.runtime.shapes import EncoderShape
from sentiment.runtime.trace import Trace, what_it_shows
from sentiment.text.tokenizer import Tokenizer
from sentiment.text.words import ReadText, read_text


@dataclass(frozen=True)
class TextStates:
    """A text, its tokens, and the replay of the network on them.

    Attributes:
        read: the text and its tokens.
        classes: label names, most negative first.
        shows: what the trace shows, in words.
        seen: the replay.
    """

    read: ReadText
    classes: tuple[str, ...]
    shows: str
    seen: Replay

    @cached_property
    def trace(self) -> Trace:
        """The classifier applied to the text up to each token."""
        return Trace(
            read=self.read,
            probabilities=self.seen.step_probabilities,
            classes=self.classes,
            shows=self.shows,
        )

    def arrays(self, layer: str | None = None) -> dict[str, NDArray[np.generic]]:
        """Return every array by name; of the LSTM layers, only `layer` if one is named."""
        kept = [each.layer for each in self.seen.layers if layer in (None, each.layer)]
        arrays = {
            name: values
            for name, values in self.seen.arrays().items()
            if not name.startswith("lstm_") or name.partition("/")[0] in kept
        }
        return {
            "tokens": np.array(self.read.tokens),
            "spans": self.read.spans,
            "step_scores": self.trace.scores,
            **arrays,
        }

    def to_dict(self, layer: str | None = None) -> dict[str, object]:
        """Return everything but the embedding as JSON-ready data; floats to seven digits."""
        probabilities = _numbers(self.seen.step_probabilities)
        scores = self.trace.scores
        tokens = [
            {
                "token": token,
                "token_id": int(self.seen.token_ids[step]),
                "start": int(self.read.spans[step, 0]),
                "end": int(self.read.spans[step, 1]),
                "score": round(float(scores[step]), 7),
                "probabilities": dict(zip(self.classes, probabilities[step], strict=True)),
            }
            for step, token in enumerate(self.read.tokens)
        ]
        states = {
            prefix: {name: _numbers(getattr(states, name)) for name in STATES}
            for replayed in self.seen.layers
            if layer in (None, replayed.layer)
            for prefix, states in replayed.directions.items()
        }
        attention = self.seen.attention
        return {
            "text": self.read.words.text,
            "truncated_tokens": self.read.truncated_tokens,
            "label": self.classes[int(self.seen.probabilities.argmax())],
            "score": tokens[-1]["score"],
            "probabilities": tokens[-1]["probabilities"],
            "tokens": tokens,
            "turning_word": self.trace.to_dict()["turning_word"],
            "trace_shows": self.shows,
            "states": states,
            **({} if attention is None else {"attention": _numbers(attention)}),
            "pooled": _numbers(self.seen.pooled),
            "dense": _numbers(self.seen.dense),
            "logits": _numbers(self.seen.logits),
        }

    def to_npz(self, layer: str | None = None) -> bytes:
        """Return `arrays` as the content of an NPZ file, which holds no pickles."""
        content = io.BytesIO()
        np.savez_compressed(content, **self.arrays(layer))  # type: ignore[arg-type]
        return content.getvalue()


def text_states(
    text: str,
    *,
    tokenizer: Tokenizer,
    weights: Mapping[str, NDArray[np.float32]],
    encoder: EncoderShape,
    classes: Sequence[str],
    trained_trace: bool = False,
) -> TextStates:
    """Tokenize a text as prediction does and replay the network on it.

    Args:
        text: the text.
        tokenizer: the model's.
        weights: by name.
        encoder: what they are the weights of.
        classes: most negative first.
        trained_trace: whether the model was trained with `training.trace_loss`.

    Raises:
        DataError: the text holds a NUL or a lone surrogate.
        ModelFolderError: weights and tokenizer do not belong together.
    """
    read = read_text(text, tokenizer)
    return TextStates(
        read=read,
        classes=tuple(classes),
        shows=what_it_shows(encoder, trained=trained_trace),
        seen=replay(weights, read.token_ids, encoder),
    )


def check_layer(layer: str, encoder: EncoderShape) -> None:
    """Refuse the name of a layer that is not one of the encoder's LSTMs.

    Raises:
        ConfigError: with the names there are.
    """
    names = [f"lstm_{number}" for number in range(1, len(encoder.units) + 1)]
    if layer not in names:
        raise ConfigError(f"no LSTM layer {layer!r}", expected=" or ".join(names))


def _numbers(values: NDArray[np.floating]) -> Any:  # noqa: ANN401 (nested lists, any depth)
    """Return an array as nested lists; seven digits are all that float32 holds."""
    return np.asarray(values, np.float64).round(7).tolist()
