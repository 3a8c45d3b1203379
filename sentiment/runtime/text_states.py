"""One text through one model, with everything that happened on the way, ready to show or save."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError, DataError
from sentiment.runtime.replay import STATES, Replay, replay
from sentiment.runtime.replay_view import TokenRows
from sentiment.runtime.shapes import EncoderShape
from sentiment.text.tokenizer import UNKNOWN_ID, Tokenizer, check_text


@dataclass(frozen=True)
class TextStates:
    """A text, its tokens, and the replay of the network on them.

    Attributes:
        text: as it came.
        tokens: (time) tokens of the vocabulary.
        spans: (time, 2) character positions of each token in the text.
        truncated_tokens: how many tokens were cut out of the middle.
        head_tokens: how many of the tokens stand before the cut.
        classes: label names, most negative first.
        seen: the replay.
    """

    text: str
    tokens: tuple[str, ...]
    spans: NDArray[np.int32]
    truncated_tokens: int
    head_tokens: int
    classes: tuple[str, ...]
    seen: Replay

    @property
    def step_scores(self) -> NDArray[np.float64]:
        """Expected polarity, −1 to 1, of the text up to each token: (time,)."""
        polarity = np.linspace(-1.0, 1.0, len(self.classes))
        return np.asarray(self.seen.step_probabilities @ polarity, np.float64)

    @property
    def rows(self) -> TokenRows:
        """The tokens as a reader should see them: an unknown one as it stands in the text."""
        shown = [
            self.text[start:end] + " [UNK]" if token_id == UNKNOWN_ID and end > start else token
            for token, token_id, (start, end) in zip(
                self.tokens, self.seen.token_ids, self.spans.tolist(), strict=True
            )
        ]
        return TokenRows(shown, cut_after=self.head_tokens, cut=self.truncated_tokens)

    @property
    def trace(self) -> list[dict[str, object]]:
        """Each token with its place in the text and the score up to it, JSON-ready."""
        scores = self.step_scores.round(4).tolist()
        return [
            {"token": token, "start": start, "end": end, "score": score}
            for token, (start, end), score in zip(
                self.tokens, self.spans.tolist(), scores, strict=True
            )
        ]

    def arrays(self, layer: str | None = None) -> dict[str, NDArray[np.generic]]:
        """Return every array by name; of the LSTM layers, only `layer` if one is named."""
        kept = [each.layer for each in self.seen.layers if layer in (None, each.layer)]
        arrays = {
            name: values
            for name, values in self.seen.arrays().items()
            if not name.startswith("lstm_") or name.partition("/")[0] in kept
        }
        return {
            "tokens": np.array(self.tokens),
            "spans": self.spans,
            "step_scores": self.step_scores,
            **arrays,
        }

    def to_dict(self, layer: str | None = None) -> dict[str, object]:
        """Return everything but the embedding as JSON-ready data; floats to seven digits."""
        probabilities = _numbers(self.seen.step_probabilities)
        tokens = [
            {
                "token": token,
                "token_id": int(self.seen.token_ids[step]),
                "start": int(self.spans[step, 0]),
                "end": int(self.spans[step, 1]),
                "score": round(float(self.step_scores[step]), 7),
                "probabilities": dict(zip(self.classes, probabilities[step], strict=True)),
            }
            for step, token in enumerate(self.tokens)
        ]
        states = {
            prefix: {name: _numbers(getattr(states, name)) for name in STATES}
            for replayed in self.seen.layers
            if layer in (None, replayed.layer)
            for prefix, states in replayed.directions.items()
        }
        attention = self.seen.attention
        return {
            "text": self.text,
            "truncated_tokens": self.truncated_tokens,
            "label": self.classes[int(self.seen.probabilities.argmax())],
            "score": tokens[-1]["score"],
            "probabilities": tokens[-1]["probabilities"],
            "tokens": tokens,
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
) -> TextStates:
    """Tokenize a text as prediction does and replay the network on it.

    Raises:
        DataError: the text holds a NUL or a lone surrogate.
        ModelFolderError: weights and tokenizer do not belong together.
    """
    fault = check_text(text)
    if fault:
        raise DataError(f"the text holds {fault}", expected="Unicode text without NUL")
    encoded = tokenizer.encode([text], offsets=True)
    token_ids = encoded.of_text(0)  # (time,)
    spans = encoded.offsets[0] if encoded.offsets else np.zeros((len(token_ids), 2), np.int32)
    return TextStates(
        text=text,
        tokens=tuple(tokenizer.tokens(token_ids)),
        spans=spans,
        truncated_tokens=int(encoded.truncated_tokens[0]),
        head_tokens=tokenizer.head_tokens,
        classes=tuple(classes),
        seen=replay(weights, token_ids, encoder),
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
