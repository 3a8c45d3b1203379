"""Integrated gradients on the embeddings: what each token adds to each class's logit.

Sundararajan, Taly & Yan (ICML 2017), "Axiomatic Attribution for Deep Networks": the gradient is
averaged along the straight line from a text of zero vectors to the real one, and multiplied by the
way gone. By the completeness axiom the sum over tokens is the difference between the two ends; what
the quadrature misses of it is the completeness gap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.runtime.attribution import Gradients

# The line is integrated piece by piece. What the gradients of a piece must add up to is known, the
# logits' change from its start to its end; pieces that miss it by more than this, as those with a
# kink of the relu or of a maximum do, are halved, so often at most.
PIECES, TOLERANCE, HALVINGS = 4, 1e-5, 16
_NODES, _SHARES = np.polynomial.legendre.leggauss(6)
# Bounds the memory of a pass: vectors taken through the network side by side.
_TOKENS_AT_ONCE = 16_384


def path_gradients(model: keras.Model) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return what gives logits and gradients at points of the line from zero to a text.

    The function takes the text's vectors (time, embedding_units) and shares of the way (points,),
    and returns centred logits (points, classes) and, times the vectors and summed over their
    units, their gradients (points, time, classes).

    Raises:
        ConfigError: Keras runs on another backend than TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ConfigError(
            f"integrated gradients with Keras on {keras.backend.backend()}",
            expected="TensorFlow, the backend that is tested",
            run="the same with KERAS_BACKEND=tensorflow",
        )
    import tensorflow as tf

    width = model.get_layer("embedding").output_dim
    vectors_type = tf.TensorSpec([None, width], tf.float32)

    def gradients(vectors: Any, shares: Any) -> tuple[Any, Any]:
        points = shares[:, None, None] * vectors[None]  # (points, time, embedding_units)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(points)
            logits = _centred_logits(model, points)  # (points, classes)
            each = tf.unstack(logits, axis=-1)
        # They sum to zero, so the last one's gradient is known.
        parts = [tf.reduce_sum(tape.gradient(one, points) * vectors, -1) for one in each[:-1]]
        return logits, tf.stack([*parts, -tf.add_n(parts)], axis=-1)

    # Compiled once, for texts of any length.
    signature = [vectors_type, tf.TensorSpec([None], tf.float32)]
    return tf.function(gradients, input_signature=signature)  # type: ignore[no-any-return]


def integrated_gradients(
    gradients: Callable[[Any, Any], tuple[Any, Any]], vectors: NDArray[np.float32]
) -> Gradients:
    """Integrate along the line from a text of zero vectors.

    Args:
        gradients: what `path_gradients` returned.
        vectors: (time, embedding_units) of one text.
    """
    edges = np.linspace(0.0, 1.0, PIECES + 1)
    starts, ends = edges[:-1], edges[1:]  # (pieces,) each
    num_classes = gradients(vectors, np.zeros(1, np.float32))[0].shape[1]
    values, steps = np.zeros((len(vectors), num_classes)), 0
    for halving in range(HALVINGS + 1):
        sums, changes = _integrate(gradients, vectors, starts, ends)
        steps += len(starts) * len(_NODES)
        missed = np.abs(sums.sum(axis=1) - changes).max(axis=1)  # (pieces,)
        again = missed > TOLERANCE if halving < HALVINGS else np.zeros(len(starts), bool)
        values += sums[~again].sum(axis=0)
        middles = (starts[again] + ends[again]) / 2
        starts = np.concatenate([starts[again], middles])
        ends = np.concatenate([middles, ends[again]])
        if not len(starts):
            break
    logits = gradients(vectors, np.array([0, 1], np.float32))[0]
    reference, whole = np.asarray(logits, np.float64)  # (classes,) each
    gap = float(np.abs(values.sum(axis=0) - (whole - reference)).max())
    return Gradients(values=values, whole=whole, reference=reference, gap=gap, steps=steps)


def _integrate(
    gradients: Callable[[Any, Any], tuple[Any, Any]],
    vectors: NDArray[np.float32],
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Integrate pieces of the line.

    Returns:
        The integrals (pieces, time, classes), and by how much the logits change from start to end
        of each piece (pieces, classes).
    """
    lengths = ends - starts
    inside = starts[:, None] + lengths[:, None] * (_NODES + 1) / 2  # (pieces, nodes)
    points = np.concatenate([starts[:, None], inside, ends[:, None]], axis=1)
    # A piece's start and end weigh nothing in the integral.
    shares = np.pad(lengths[:, None] * _SHARES / 2, [(0, 0), (1, 1)])  # (pieces, 2 + nodes)
    at_once = max(1, _TOKENS_AT_ONCE // (len(vectors) * points.shape[1]))
    sums, changes = [], []
    for first in range(0, len(points), at_once):
        part = slice(first, first + at_once)
        logits, slopes = gradients(vectors, points[part].ravel().astype(np.float32))
        shape = points[part].shape
        logits = np.asarray(logits, np.float64).reshape(*shape, -1)
        slopes = np.asarray(slopes, np.float64).reshape(*shape, *slopes.shape[1:])
        sums.append(np.einsum("pn,pntc->ptc", shares[part], slopes))
        changes.append(logits[:, -1] - logits[:, 0])
    return np.concatenate(sums), np.concatenate(changes)


def _centred_logits(model: keras.Model, vectors: Any) -> Any:
    """Return the logits less their mean, (batch, classes), of vectors without padding."""
    names = [layer.name for layer in model.layers]
    mask = ops.ones(ops.shape(vectors)[:2], dtype="bool")  # (batch, time)
    states = vectors
    for name in (name for name in names if name.startswith("lstm_")):  # in order: lstm_2, lstm_10
        states = model.get_layer(name)(states, mask=mask)
    if "pooling" in names:
        states = model.get_layer("pooling")(states, mask)
    hidden = model.get_layer("dense")(states)  # (batch, classifier_units)
    last = model.get_layer("probabilities")
    logits = ops.matmul(hidden, last.kernel) + last.bias
    return logits - ops.mean(logits, axis=-1, keepdims=True)
