"""Contextual decomposition: what a word or phrase, in its context, puts into the logits.

Murdoch, Liu & Yu (ICLR 2018), "Beyond Word Importance: Contextual Decomposition to Extract
Interactions from LSTMs". Every vector of the forward pass is split in two, v = β + γ: β comes from
the phrase alone, γ has to do with anything else. Gates and nonlinearities are split by the average
over the orders in which their parts can be added (Shapley), the bias always first; products of a
phrase's part with a bias or another phrase's part count for the phrase. The output gate is not
split, as in the paper. What goes beyond the paper: a second layer takes the first one's β and γ as
its own input's, pooling takes the steps that the whole text chose, and so does the relu's bias.

The forward pass is that of `sentiment.runtime.replay`, in float64; β + γ equals its logits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.arithmetic import sigmoid, softmax
from sentiment.runtime.replay import (
    Float64,
    Weights,
    attention_scores,
    embed,
    lstm_tensors,
    run_lstm,
    tensor,
)
from sentiment.runtime.shapes import EncoderShape

# Phrases taken through the network side by side: memory grows with them, time hardly.
_PHRASES_AT_ONCE = 32

_Function = Callable[[Float64], Float64]


@dataclass(frozen=True)
class Decomposition:
    """The logits of one text, split once for each phrase.

    Attributes:
        beta: (phrases, classes) float64, what the phrase put in.
        gamma: (phrases, classes) float64, what else did; beta + gamma are the logits.
    """

    beta: Float64
    gamma: Float64


@dataclass(frozen=True)
class _Split:
    """A sequence split in two, once for each phrase: both (phrases, time, units)."""

    beta: Float64
    gamma: Float64

    def reversed(self) -> _Split:
        return _Split(self.beta[:, ::-1], self.gamma[:, ::-1])

    @property
    def whole(self) -> Float64:
        """(time, units), the same for every phrase."""
        return np.asarray(self.beta[0] + self.gamma[0])


def decompose(
    weights: Weights,
    token_ids: NDArray[np.integer],
    encoder: EncoderShape,
    phrases: NDArray[np.bool_],
) -> Decomposition:
    """Split the logits of one text into what each phrase put in, and the rest.

    Args:
        weights: named as in `weights.safetensors`.
        token_ids: (time,) without padding.
        encoder: the settings the weights were trained with.
        phrases: (phrases, time), which tokens each phrase is made of; they need not adjoin.

    Raises:
        ModelFolderError: a tensor is missing, or a token id has no row in the embedding.
    """
    phrases = np.asarray(phrases, bool)
    embedding = embed(weights, token_ids)  # (time, embedding_units)
    parts = [
        _decompose(weights, embedding, encoder, phrases[first : first + _PHRASES_AT_ONCE])
        for first in range(0, len(phrases), _PHRASES_AT_ONCE)
    ]
    num_classes = len(tensor(weights, "probabilities/bias"))
    nothing = [np.zeros((0, num_classes))]
    return Decomposition(
        beta=np.concatenate([part.beta for part in parts] or nothing),
        gamma=np.concatenate([part.gamma for part in parts] or nothing),
    )


def _decompose(
    weights: Weights, embedding: Float64, encoder: EncoderShape, phrases: NDArray[np.bool_]
) -> Decomposition:
    inside = phrases[:, :, None]  # (phrases, time, 1)
    split = _Split(np.where(inside, embedding, 0.0), np.where(inside, 0.0, embedding))
    for number in range(1, len(encoder.units) + 1):
        split = _layer(weights, f"lstm_{number}", split, encoder.bidirectional)
    beta, gamma = _pool(weights, split, encoder)  # (phrases, width) each
    kernel = tensor(weights, "dense/kernel")
    beta, gamma, from_bias = _shapley(
        beta @ kernel, gamma @ kernel, tensor(weights, "dense/bias"), _relu
    )
    last = tensor(weights, "probabilities/kernel")
    return Decomposition(
        beta=beta @ last, gamma=(gamma + from_bias) @ last + tensor(weights, "probabilities/bias")
    )


def _layer(weights: Weights, layer: str, split: _Split, bidirectional: bool) -> _Split:
    if not bidirectional:
        return _lstm(split, *lstm_tensors(weights, layer))
    forward = _lstm(split, *lstm_tensors(weights, f"{layer}/forward"))
    backward = _lstm(split.reversed(), *lstm_tensors(weights, f"{layer}/backward")).reversed()
    return _Split(
        np.concatenate([forward.beta, backward.beta], axis=-1),
        np.concatenate([forward.gamma, backward.gamma], axis=-1),
    )


def _lstm(split: _Split, kernel: Float64, recurrent_kernel: Float64, bias: Float64) -> _Split:
    """Take both parts of the inputs through one LSTM; return those of its hidden states."""
    shape = (*split.beta.shape[:2], recurrent_kernel.shape[0])  # (phrases, time, units)
    output_gates = run_lstm(split.whole, kernel, recurrent_kernel, bias)["output_gate"]
    into_bias, keep_bias, candidate_bias, _ = np.split(bias, 4)
    out = _Split(np.empty(shape), np.empty(shape))
    # β above γ, for few and large matrix products: (2 × phrases, time, 4 × units).
    from_inputs = np.concatenate([split.beta, split.gamma]) @ kernel
    h = np.zeros((2 * shape[0], shape[2]))
    c_beta, c_gamma = np.zeros((2, shape[0], shape[2]))
    for step, output_gate in enumerate(output_gates):
        # (2, phrases, 4 × units), gates in the order input, forget, candidate, output.
        gates = (from_inputs[:, step] + h @ recurrent_kernel).reshape(2, shape[0], -1)
        beta, gamma = (np.split(part, 4, axis=-1) for part in gates)
        i_beta, i_gamma, i_bias = _shapley(beta[0], gamma[0], into_bias, sigmoid)
        f_beta, f_gamma, f_bias = _shapley(beta[1], gamma[1], keep_bias, sigmoid)
        g_beta, g_gamma, g_bias = _shapley(beta[2], gamma[2], candidate_bias, np.tanh)
        kept = (f_beta + f_bias) * c_beta
        written = i_beta * (g_beta + g_bias) + i_bias * g_beta
        c_gamma = (
            (f_beta + f_gamma + f_bias) * c_gamma
            + f_gamma * c_beta
            + (i_beta + i_bias) * g_gamma
            + i_gamma * (g_beta + g_gamma + g_bias)
            + i_bias * g_bias
        )
        c_beta = kept + written
        shown_beta, shown_gamma, _ = _shapley(c_beta, c_gamma, np.zeros(shape[2]), np.tanh)
        out.beta[:, step], out.gamma[:, step] = output_gate * shown_beta, output_gate * shown_gamma
        h = np.concatenate([out.beta[:, step], out.gamma[:, step]])
    return out


def _shapley(
    beta: Float64, gamma: Float64, bias: Float64, function: _Function
) -> tuple[Float64, Float64, Float64]:
    """Split function(beta + gamma + bias) into a part of each; the bias is added first.

    What beta and gamma add is averaged over the two orders in which they can follow.
    """
    nothing = function(bias)
    first, second, both = (
        function(beta + bias),
        function(gamma + bias),
        function(beta + gamma + bias),
    )
    return (
        0.5 * (first - nothing + both - second),
        0.5 * (second - nothing + both - first),
        nothing,
    )


def _pool(weights: Weights, split: _Split, encoder: EncoderShape) -> tuple[Float64, Float64]:
    """Return both parts of the vector the classifier reads: (phrases, width) each.

    What pooling chooses by, the largest step or the attention, it chooses by the whole text.
    """
    whole = split.whole  # (time, units)

    def one(part: Float64) -> Float64:
        final = part[:, -1]  # (phrases, units)
        if encoder.bidirectional:
            # The final state of a backward LSTM is the one at the first token.
            half = part.shape[-1] // 2
            final = np.concatenate([part[:, -1, :half], part[:, 0, half:]], axis=-1)
        if encoder.pooling == "last":
            return final
        if encoder.pooling == "mean":
            return np.asarray(part.mean(axis=1))
        if encoder.pooling == "attention":
            share = softmax(attention_scores(weights, whole))  # (time,)
            return np.asarray(np.einsum("t,ptu->pu", share, part))
        largest = np.take_along_axis(part, whole.argmax(axis=0)[None, None, :], axis=1)[:, 0]
        return largest if encoder.pooling == "max" else np.concatenate([largest, final], axis=-1)

    return one(split.beta), one(split.gamma)


def _relu(values: Float64) -> Float64:
    return np.maximum(values, 0.0)
