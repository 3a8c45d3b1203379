"""The stacked LSTM encoder: token ids in, the final hidden state out.

An LSTM's output is its hidden state h_t, one vector a step (Hochreiter & Schmidhuber 1997, with the
forget gate of Gers et al. 2000). Every LSTM here but the last returns all of them,
`(batch, time, units)`, because the next one reads a sequence; the last returns the final one,
`(batch, units)`, which sums up the text. The cell state c_t never leaves its layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from sentiment.text.tokenizer import PADDING_ID


@keras.saving.register_keras_serializable(package="sentiment")
class PaddingMask(keras.layers.Layer):
    """True where a token is, False where padding is: `(batch, time)` ids to bools."""

    def call(self, token_ids: Any) -> Any:
        """Compare the ids with the padding id."""
        return ops.not_equal(token_ids, PADDING_ID)


@keras.saving.register_keras_serializable(package="sentiment")
class RightPaddedLSTM(keras.layers.LSTM):
    """`keras.layers.LSTM` for texts padded on the right: the same weights, states and gradients.

    Keras carries states over padding step by step, and its mask keeps cuDNN's kernels out of reach
    on every backend but TensorFlow. Padding that stands after the text cannot change the states
    before it, so here the layer runs without the mask and the final state is read at each text's
    last token. What stands past a text's end is undefined: whoever reads it needs the mask.
    """

    return_sequences: bool

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list[Any]]:
        """Run over time; return the last output, all outputs, and the states."""
        if mask is None or self.go_backwards or self.return_state or self.stateful:
            last, outputs, states = super().inner_loop(
                sequences, initial_state, mask, training=training
            )
            return last, outputs, states
        wanted = self.return_sequences
        with returning_sequences(self):
            _, outputs, states = super().inner_loop(
                sequences, initial_state, None, training=training
            )
        final = outputs[:, -1] if wanted else final_state(outputs, mask)
        return final, outputs, states


@contextmanager
def returning_sequences(lstm: Any) -> Iterator[None]:
    """Have an LSTM return every hidden state for a while, whatever it returns by itself."""
    wanted, lstm.return_sequences = lstm.return_sequences, True
    try:
        yield
    finally:
        lstm.return_sequences = wanted


def final_state(sequence: Any, mask: Any) -> Any:
    """Return each text's state at its last token, `(batch, units)`.

    Args:
        sequence: (batch, time, units) hidden states.
        mask: (batch, time), true where a token is.
    """
    inside = ops.cast(mask, sequence.dtype)  # (batch, time)
    # One at each text's last token, zero elsewhere.
    last = inside - ops.pad(inside[:, 1:], [[0, 0], [0, 1]])
    return ops.sum(sequence * ops.expand_dims(last, -1), axis=1)


@keras.saving.register_keras_serializable(package="sentiment")
class MaskedPooling(keras.layers.Layer):
    """Read a sequence of hidden states as one vector, padding left out.

    Input `(batch, time, units)` and mask `(batch, time)`; output `(batch, units)`, or
    `(batch, 2 × units)` for `max_last` (max and final state side by side; Howard & Ruder 2018 add
    the mean). `attention` weighs the steps by a learned score of each (Yang et al. 2016, without
    the hidden projection).
    """

    def __init__(self, pooling: str, *, bidirectional: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if pooling not in ("max", "mean", "max_last", "attention"):
            raise ValueError(f"pooling is {pooling!r}; expected max, mean, max_last or attention")
        self.pooling = pooling
        self.bidirectional = bidirectional
        self.score: keras.layers.Dense | None = None
        self.supports_masking = True

    def build(self, sequence_shape: tuple[int | None, ...], *_: Any) -> None:
        """Make the attention score's weights, if there are any."""
        if self.pooling == "attention":
            self.score = keras.layers.Dense(1, name="score")
            self.score.build(sequence_shape)
        self.built = True

    def call(self, sequence: Any, mask: Any) -> Any:
        """Pool over time."""
        inside = ops.expand_dims(ops.cast(mask, sequence.dtype), -1)  # (batch, time, 1)
        if self.pooling == "mean":
            return ops.sum(sequence * inside, axis=1) / ops.sum(inside, axis=1)
        if self.score is not None:
            logits = self.score(sequence) + (inside - 1.0) * 1e9  # (batch, time, 1)
            # Not ops.softmax: it warns about texts of one token.
            share = ops.exp(logits - ops.max(logits, axis=1, keepdims=True))
            return ops.sum(sequence * share, axis=1) / ops.sum(share, axis=1)
        # A hidden state lies in (-1, 1): -2 never wins the maximum.
        maximum = ops.max(sequence * inside - 2.0 * (1.0 - inside), axis=1)  # (batch, units)
        if self.pooling == "max":
            return maximum
        final = final_state(sequence, mask)
        if self.bidirectional:
            # The backward LSTM ends where the text begins.
            half = sequence.shape[-1] // 2
            final = ops.concatenate([final[:, :half], sequence[:, 0, half:]], axis=-1)
        return ops.concatenate([maximum, final], axis=-1)

    def compute_mask(self, sequence: Any, *mask: Any) -> None:
        """Return None: one vector a text has no padding left, and a loss must not look for it."""

    def compute_output_shape(
        self, sequence_shape: tuple[int | None, ...], *mask_shape: Any
    ) -> tuple[int | None, ...]:
        """Return `(batch, units)`, twice as wide for `max_last`."""
        batch, _, units = sequence_shape
        return batch, 2 * units if units and self.pooling == "max_last" else units

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {
            **super().get_config(),
            "pooling": self.pooling,
            "bidirectional": self.bidirectional,
        }


class StackedLSTMEncoder(keras.Model):
    """Embedding and stacked LSTMs, in layers `embedding`, `lstm_1`, `lstm_2` and so on.

    Input: token ids `(batch, time)` int32, right-padded with 0, at least one token a text.
    Output: the final hidden state `(batch, units[-1])`; twice as wide if bidirectional; pooled over
    time if `pooling` is not `last`.

    The mask goes to every recurrent and pooling layer as an argument: implicit propagation differs
    between Keras versions. No `recurrent_dropout`: it would lose the fast kernels.

    Args:
        units: width of each LSTM, the first nearest to the text.
        bidirectional: read every layer in both directions and join the states.
        dropout: share of features dropped between LSTMs, the same ones at every step (Gal &
            Ghahramani 2016).
        embedding_dropout: the same, after the embedding.
        pooling: `last`, `max`, `mean`, `max_last` or `attention`.
        vocabulary_size: number of token ids, padding and unknown included.
        embedding_units: width of a token's vector.

    Example:
        >>> encoder = StackedLSTMEncoder(units=[128, 64], vocabulary_size=1000)
        >>> encoder.output_shape
        (None, 64)
    """

    def __init__(
        self,
        units: Sequence[int] = (128, 64),
        *,
        bidirectional: bool = False,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        pooling: str = "last",
        vocabulary_size: int = 20_000,
        embedding_units: int = 128,
        name: str = "encoder",
    ) -> None:
        # === Layers ===
        embedding = keras.layers.Embedding(vocabulary_size, embedding_units, name="embedding")
        lstms = [
            _lstm(
                width,
                return_sequences=number < len(units) or pooling != "last",
                bidirectional=bidirectional,
                name=f"lstm_{number}",
            )
            for number, width in enumerate(units, start=1)
        ]

        # === Functional model ===
        token_ids = keras.Input((None,), dtype="int32", name="token_ids")  # (batch, time)
        mask = PaddingMask(name="mask")(token_ids)  # (batch, time)
        states = embedding(token_ids)  # (batch, time, embedding_units)
        if embedding_dropout:
            states = keras.layers.SpatialDropout1D(embedding_dropout, name="embedding_dropout")(
                states
            )
        for number, lstm in enumerate(lstms, start=1):
            states = lstm(states, mask=mask)  # (batch, time, units), the last (batch, units)
            if dropout and number < len(lstms):
                states = keras.layers.SpatialDropout1D(dropout, name=f"dropout_{number}")(states)
        if pooling != "last":
            pool = MaskedPooling(pooling, bidirectional=bidirectional, name="pooling")
            states = pool(states, mask)
        super().__init__(inputs=token_ids, outputs=states, name=name)

        # === Config ===
        self.settings = {
            "units": list(units),
            "bidirectional": bidirectional,
            "dropout": dropout,
            "embedding_dropout": embedding_dropout,
            "pooling": pooling,
            "vocabulary_size": vocabulary_size,
            "embedding_units": embedding_units,
        }

    def get_config(self) -> dict[str, Any]:
        """Return what the constructor takes."""
        return {**self.settings, "name": self.name}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Any = None) -> StackedLSTMEncoder:
        """Rebuild from `get_config`."""
        return cls(**config)


def _lstm(width: int, *, return_sequences: bool, bidirectional: bool, name: str) -> Any:
    if not bidirectional:
        return RightPaddedLSTM(width, return_sequences=return_sequences, name=name)
    return keras.layers.Bidirectional(
        keras.layers.LSTM(width, return_sequences=return_sequences), name=name
    )
