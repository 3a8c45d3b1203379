"""A text that arrives line by line: h and c are kept, and each line moves the answer on.

The answer after a line is that to the whole text so far, with no token read twice, up to
`max_tokens`. Beyond, prediction reads a text's beginning and its end: the state after the beginning
is kept too, and the end is read anew from it.

Every step is one token's, in float64, so the same text gives the same bits however it is cut into
lines; from ONNX Runtime, which adds up in float32 and in another order, it differs in the sixth
decimal (2.9e-06 at most in 186 answers of the demo's model).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sentiment.errors import ConfigError
from sentiment.runtime.answers import Arrays, Prediction
from sentiment.runtime.arithmetic import sigmoid, softmax
from sentiment.runtime.predictor import SentimentModel
from sentiment.runtime.replay import Float64, Weights, embed, lstm_tensors, tensor
from sentiment.text.tokenizer import UNKNOWN_ID
from sentiment.text.words import require_text

if TYPE_CHECKING:
    from sentiment.runtime.shapes import EncoderShape

# A line that ends within what may become a line break of HTML, the one pattern that goes across
# spaces: it is read again together with the next line.
_OPEN_TAG = re.compile(r"<\s*/?\s*(?:[bB][rR])?\s*/?\s*$")


@dataclass(frozen=True)
class StreamState:
    """What the encoder remembers of the tokens read so far.

    Attributes:
        hidden: h of each LSTM layer, (units,).
        cell: c of each LSTM layer, (units,).
        largest: (units,) of the last layer, each unit's maximum so far.
        total: (units,) the sum of its hidden states, weighed by attention where there is one.
        weight: the sum of the weights: the number of tokens without attention.
        best: the highest attention score so far, which the weights are relative to.
    """

    hidden: tuple[Float64, ...]
    cell: tuple[Float64, ...]
    largest: Float64
    total: Float64
    weight: float = 0.0
    best: float = -np.inf


class Stepper:
    """Moves a state on by one token at a time.

    Args:
        weights: named as in `weights.safetensors`.
        encoder: the settings the weights were trained with.

    Raises:
        ConfigError: the encoder reads in both directions.
    """

    def __init__(self, weights: Weights, encoder: EncoderShape) -> None:
        if encoder.bidirectional:
            raise ConfigError(
                "a bidirectional encoder reads a text from its end too, so none of it can be kept",
                expected="a model with encoder.bidirectional: false",
                run="sentiment predict --input -",
            )
        self._pooling = encoder.pooling
        self._units = encoder.units
        self._weights = weights
        numbers = range(1, len(encoder.units) + 1)
        self._layers = [lstm_tensors(weights, f"lstm_{number}") for number in numbers]
        if self._pooling == "attention":
            self._attention = tensor(weights, "attention/kernel")[:, 0]  # (units,)
            self._attention_bias = float(tensor(weights, "attention/bias")[0])

    def start(self) -> StreamState:
        """Return the state before the first token: zeros."""
        zeros = tuple(np.zeros(units) for units in self._units)
        top = self._units[-1]
        return StreamState(zeros, zeros, np.full(top, -np.inf), np.zeros(top))

    def read(self, state: StreamState, token_ids: Iterable[int]) -> StreamState:
        """Return the state after these tokens too."""
        for token_id in token_ids:
            state = self._step(state, int(token_id))
        return state

    def _step(self, state: StreamState, token_id: int) -> StreamState:
        [inputs] = embed(self._weights, np.array([token_id]))  # (embedding_units,)
        hidden, cell = [], []
        for (kernel, recurrent_kernel, bias), h, c in zip(
            self._layers, state.hidden, state.cell, strict=True
        ):
            gates = inputs @ kernel + h @ recurrent_kernel + bias
            into, keep, candidate, out = np.split(gates, 4)
            c = sigmoid(keep) * c + sigmoid(into) * np.tanh(candidate)
            inputs = sigmoid(out) * np.tanh(c)
            hidden.append(inputs)
            cell.append(c)
        score = 0.0
        if self._pooling == "attention":
            score = float(inputs @ self._attention) + self._attention_bias
        best = max(state.best, score)
        # What was added before is relative to the best score of then; nothing was at first.
        before = float(np.exp(state.best - best)) if state.weight else 0.0
        now = float(np.exp(score - best))
        return StreamState(
            hidden=tuple(hidden),
            cell=tuple(cell),
            largest=np.maximum(state.largest, inputs),
            total=before * state.total + now * inputs,
            weight=before * state.weight + now,
            best=best,
        )

    def answer(self, state: StreamState) -> tuple[Float64, Float64]:
        """Return what the classifier reads, (width,), and its probabilities, (classes,)."""
        pooled = {
            "last": state.hidden[-1],
            "max": state.largest,
            "mean": state.total / state.weight,
            "attention": state.total / state.weight,
            "max_last": np.concatenate([state.largest, state.hidden[-1]]),
        }[self._pooling]
        dense = np.maximum(
            pooled @ tensor(self._weights, "dense/kernel") + tensor(self._weights, "dense/bias"),
            0.0,
        )
        logits = dense @ tensor(self._weights, "probabilities/kernel")
        return pooled, softmax(logits + tensor(self._weights, "probabilities/bias"))


@dataclass(frozen=True)
class _SoFar:
    """The tokens read so far.

    Attributes:
        state: after all of them.
        head_state: after those of the text's beginning that prediction always reads.
        head: these tokens.
        recent: the last ones after them, as many as prediction reads of a text's end.
        tokens: how many there were in all.
    """

    state: StreamState
    head_state: StreamState
    head: tuple[int, ...] = ()
    recent: tuple[int, ...] = ()
    tokens: int = 0


class TextStream:
    """One text, growing: `add` each line, and it answers as to the whole text so far.

    Args:
        model: its float32 weights are used, whatever its engine.

    Raises:
        ConfigError: its encoder reads in both directions.

    Example:
        >>> stream = TextStream(sentiment.load("runs/demo"))
        >>> stream.add("Dreadful queue, rude staff,").label
        'negative'
        >>> stream.add("and yet the food was wonderful.").label
        'positive'
    """

    def __init__(self, model: SentimentModel) -> None:
        self._model = model
        self._stepper = Stepper(model.weights, model.folder.encoder)
        self._head_size = model.tokenizer.head_tokens
        self._tail_size = model.tokenizer.max_tokens - self._head_size
        start = self._stepper.start()
        self._so_far = _SoFar(state=start, head_state=start)
        self._open: str | None = None
        self._empty = True

    def add(self, line: str) -> Prediction:
        """Read one line more; return the answer to all lines so far, joined by line breaks.

        Its `text` is the line; everything else is of the whole text so far.

        Raises:
            DataError: the line holds a NUL or a lone surrogate; nothing of it was read.
        """
        require_text(line)
        self._empty = self._empty and not line.strip()
        piece = line if self._open is None else f"{self._open}\n{line}"
        tokenizer = self._model.tokenizer
        so_far = self._read(self._so_far, tokenizer.every_token(piece).tolist())
        if tokenizer.splits_at_spaces and not _OPEN_TAG.search(piece):
            self._so_far, self._open = so_far, None
        else:
            self._open = piece
        return self._answer(so_far, line)

    def _read(self, so_far: _SoFar, token_ids: Sequence[int]) -> _SoFar:
        room = self._head_size - len(so_far.head)
        head, rest = token_ids[:room], token_ids[room:]
        state, head_state = so_far.state, so_far.head_state
        if head:
            state = head_state = self._stepper.read(state, head)
        tokens = so_far.tokens + len(token_ids)
        if tokens <= self._head_size + self._tail_size:  # beyond, it is made anew when asked for
            state = self._stepper.read(state, rest)
        recent = (*so_far.recent, *rest)
        return _SoFar(
            state=state,
            head_state=head_state,
            head=(*so_far.head, *head),
            recent=recent[max(0, len(recent) - self._tail_size) :],
            tokens=tokens,
        )

    def _answer(self, so_far: _SoFar, line: str) -> Prediction:
        kept = (*so_far.head, *so_far.recent) or (UNKNOWN_ID,)
        state = so_far.state
        if not so_far.tokens:
            state = self._stepper.read(state, kept)
        elif so_far.tokens > len(kept):
            state = self._stepper.read(so_far.head_state, so_far.recent)
        pooled, probabilities = self._stepper.answer(state)
        arrays = Arrays(
            probabilities=probabilities[None].astype(np.float32),
            final_state=pooled[None].astype(np.float32),
            tokens=np.array([len(kept)], np.int32),
            truncated_tokens=np.array([max(0, so_far.tokens - len(kept))], np.int32),
            unknown_fraction=np.array([kept.count(UNKNOWN_ID) / len(kept)], np.float32),
            layers=(),
        )
        # An empty line is no empty text if something stood before it.
        [found] = self._model.to_predictions(["" if self._empty else "text"], arrays)
        return replace(found, text=line)
