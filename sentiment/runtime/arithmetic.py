"""The few functions that all NumPy readings of the network share."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Real = TypeVar("_Real", bound=np.floating[Any])


def sigmoid(values: NDArray[_Real]) -> NDArray[_Real]:
    """Return the logistic function of every value."""
    # By tanh: exp would overflow for values far below zero.
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * values))


def softmax(logits: NDArray[_Real]) -> NDArray[_Real]:
    """Return the softmax over the last axis."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True))


def polarity(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Sum values of the classes, weighted from −1 (the first) to 1 (the last): (…, classes) → (…).

    Of probabilities this is the expected polarity, an answer's `score`.
    """
    return np.asarray(values @ np.linspace(-1.0, 1.0, values.shape[-1]), np.float64)
