"""The language model that pretrains an encoder: which token comes next, and which stands elsewhere.

The bottom LSTM's states are asked for the next token (Dai & Le 2015; Howard & Ruder 2018), which
teaches how words follow one another. The top LSTM's states are asked for a token from anywhere in
the same text, after the idea of two-view embeddings (Johnson & Zhang 2016), which teaches what a
text is about and how it feels. Answers are looked up in the embedding itself (tied weights, Press &
Wolf 2017).

A softmax over the whole vocabulary would cost ten times the LSTMs. So each step draws fresh
negatives, the same for all positions, and corrects for how probable each was to be drawn (Jean et
al. 2015).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sentiment.config import EncoderSettings, PretrainingSettings
from sentiment.nn.questions import NegativeSampler, Question, asked_steps


class SampledSoftmax(keras.layers.Layer):
    """Cross-entropy of target tokens against sampled ones, in nats: `(rows, positions)`.

    Args:
        embedding: the encoder's embedding; its vectors are the answers (tied weights).
        vocabulary_size: number of token ids.
    """

    def __init__(
        self, embedding: keras.layers.Embedding, vocabulary_size: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.embedding = embedding
        self.vocabulary_size = vocabulary_size
        self.project: Any = None

    def build(self, states_shape: Sequence[int | None], *_: Any) -> None:
        """Make the projection and one bias a token."""
        self.project = keras.layers.Dense(states_shape[-1], use_bias=False, name="project")
        self.project.build((None, self.embedding.output_dim))
        self.token_bias = self.add_weight(
            shape=(self.vocabulary_size,), initializer="zeros", name="token_bias"
        )
        self.built = True

    def call(
        self,
        states: Any,
        targets: Any,
        negatives: Any,
        target_correction: Any,
        negative_correction: Any,
        target_is_negative: Any,
    ) -> Any:
        """Compare.

        Args:
            states: (rows, positions, units) hidden states.
            targets: (rows, positions) token ids.
            negatives: (1, negatives) token ids, all different.
            target_correction: (rows, positions), log probability of being drawn.
            negative_correction: (1, negatives), the same.
            target_is_negative: (rows, positions), 1 where the target is among the negatives, and
                must not be counted twice.
        """
        table = self.embedding.embeddings
        # The vectors are brought to the states' width: cheaper than the other way round, since
        # states are narrow and many.
        asked = self.project(ops.take(table, targets, axis=0))  # (rows, positions, units)
        right = ops.sum(states * asked, axis=-1)
        right = right + ops.take(self.token_bias, targets) - target_correction
        drawn = self.project(ops.take(table, negatives[0], axis=0))  # (negatives, units)
        bias = ops.take(self.token_bias, negatives[0]) - negative_correction[0]
        wrong = ops.matmul(states, ops.transpose(drawn)) + bias  # (rows, positions, negatives)
        peak = ops.stop_gradient(ops.maximum(ops.max(wrong, axis=-1), right))
        total = ops.sum(ops.exp(wrong - ops.expand_dims(peak, -1)), axis=-1)
        total = total + (1.0 - target_is_negative) * ops.exp(right - peak)
        return ops.log(total) + peak - right

    def compute_output_shape(
        self, states_shape: Sequence[int | None], *_: Any
    ) -> tuple[int | None, ...]:
        """Return `(rows, positions)`."""
        return tuple(states_shape[:2])


class CarryingLSTM(keras.layers.LSTM):
    """A stateful `keras.layers.LSTM` that reads a copy of what it carries.

    The new states are written in place, and PyTorch's gradient still needs the old ones then.
    """

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list[Any]]:
        """Run over time; return the last output, all outputs, and the states."""
        copies = [ops.add(state, 0.0) for state in initial_state]
        last, outputs, states = super().inner_loop(sequences, copies, mask, training=training)
        return last, outputs, states


class LanguageModel:
    """The network: the encoder's layers, stateful, under one sampled softmax a kind of question.

    Args:
        vocabulary_size: number of token ids.
        encoder: sizes; its layers' names are the classifier's.
        settings: rows, steps a segment, how many steps are asked what, dropout.
        num_negatives: how many tokens each right answer is held against.

    Attributes:
        asked: how many steps of a segment each kind of question goes to, by its name.
        model: token ids and questions in, losses by the questions' names out (rows, positions).
        grammar: token ids in, the states that are asked for the next token out.
    """

    def __init__(
        self,
        *,
        vocabulary_size: int,
        encoder: EncoderSettings,
        settings: PretrainingSettings,
        num_negatives: int,
    ) -> None:
        # === Layers ===
        self.asked = asked_steps(settings)
        self.embedding = keras.layers.Embedding(
            vocabulary_size, encoder.embedding_units, name="embedding"
        )
        self.lstms = [
            CarryingLSTM(width, return_sequences=True, stateful=True, name=f"lstm_{number}")
            for number, width in enumerate(encoder.units, start=1)
        ]
        self.heads = {
            name: SampledSoftmax(self.embedding, vocabulary_size, name=name) for name in self.asked
        }

        # === Functional model ===
        token_ids = keras.Input(
            batch_shape=(settings.rows, settings.segment_tokens), dtype="int32", name="token_ids"
        )
        sequences = self._sequences(token_ids, settings.dropout)
        # The lower layers learn how words follow one another, the last one what a text is about;
        # asked for nothing else, the last one answers for the next token too.
        read = {"next": sequences[0 if "elsewhere" in self.asked else -1]}
        read["elsewhere"] = sequences[-1]
        negatives = {
            "negatives": keras.Input(
                batch_shape=(1, num_negatives), dtype="int32", name="negatives"
            ),
            "negative_correction": keras.Input(
                batch_shape=(1, num_negatives), name="negative_correction"
            ),
        }
        inputs, outputs = {"token_ids": token_ids, **negatives}, {}
        for name, positions in self.asked.items():
            question = _question_inputs(name, settings.rows, positions)
            steps, targets, correction, known = question.values()
            picked = ops.take(read[name], steps[0], axis=1)  # (rows, positions, units)
            drawn, drawn_correction = negatives.values()
            outputs[name] = self.heads[name](
                picked, targets, drawn, correction, drawn_correction, known
            )
            inputs |= question
        self.model = keras.Model(inputs, outputs, name="language_model")
        self.grammar = keras.Model(token_ids, read["next"], name="grammar")

    def _sequences(self, token_ids: Any, dropout: float) -> list[Any]:
        """Return every LSTM's hidden states: (rows, time, units)."""
        states = self.embedding(token_ids)  # (rows, time, embedding_units)
        sequences = []
        for number, lstm in enumerate(self.lstms, start=1):
            if dropout:
                states = keras.layers.SpatialDropout1D(dropout, name=f"dropout_{number}")(states)
            # No mask: padding stands after a text's end, and the next text begins with zeros.
            states = lstm(states)  # (rows, time, units)
            sequences.append(states)
        return sequences

    def forget(self, begins: NDArray[np.bool_]) -> None:
        """Set the carried states of the rows where a text begins to zero: `begins` (rows,)."""
        keep = 1.0 - begins.astype(np.float32)[:, None]  # (rows, 1)
        for state in self._states():
            state.assign(ops.multiply(state, keep))

    def carried(self) -> list[NDArray[np.float32]]:
        """Return a copy of the carried states, h and c of each layer: (rows, units)."""
        return [np.array(state.numpy()) for state in self._states()]

    def carry(self, states: Sequence[NDArray[np.float32]]) -> None:
        """Put states of `carried` back."""
        for variable, value in zip(self._states(), states, strict=True):
            variable.assign(value)

    def _states(self) -> list[Any]:
        return [state for lstm in self.lstms for state in lstm.states]

    def encoder_variables(self) -> dict[str, Any]:
        """Return the encoder's variables by their names in `weights.safetensors`."""
        return {
            f"{layer.name}/{variable.name}": variable
            for layer in (self.embedding, *self.lstms)
            for variable in layer.trainable_variables
        }


def network_inputs(
    token_ids: NDArray[np.int32],
    negatives: NDArray[np.int32],
    questions: Mapping[str, Question],
    sampler: NegativeSampler,
) -> dict[str, NDArray[Any]]:
    """Return what `LanguageModel.model` takes, by input name.

    Args:
        token_ids: (rows, time) of a segment.
        negatives: (negatives,) token ids that the sampler drew.
        questions: about the segment.
        sampler: knows how probable each token was to be drawn.
    """
    drawn = np.zeros(len(sampler.log_drawn), np.float32)  # (vocabulary,)
    drawn[negatives] = 1.0
    inputs: dict[str, NDArray[Any]] = {
        "token_ids": token_ids,
        "negatives": negatives[None],
        "negative_correction": sampler.log_drawn[negatives][None],
    }
    for name, question in questions.items():
        inputs[f"{name}_steps"] = question.steps[None]
        inputs[f"{name}_targets"] = question.targets
        inputs[f"{name}_correction"] = sampler.log_drawn[question.targets]
        inputs[f"{name}_known"] = drawn[question.targets]
    return inputs


def _question_inputs(name: str, rows: int, positions: int) -> dict[str, Any]:
    shape = (rows, positions)
    kinds = {
        f"{name}_steps": ((1, positions), "int32"),
        f"{name}_targets": (shape, "int32"),
        f"{name}_correction": (shape, "float32"),
        f"{name}_known": (shape, "float32"),
    }
    return {
        key: keras.Input(batch_shape=batch_shape, dtype=dtype, name=key)
        for key, (batch_shape, dtype) in kinds.items()
    }
