"""Temperature scaling: probabilities that mean what they say (Guo et al. 2017)."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 0.05, 20.0


def find_temperature(probabilities: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """Return the temperature that makes labels `(texts,)` most likely.

    One more text is imagined, whose label is unknown: as in the rule of succession, a model that
    is right on all of n texts may be about 1 − 1/n sure, not wholly sure of everything.

    Args:
        probabilities: (texts, classes); their logarithm stands for the logits, from which it
            differs by a constant a text.
        labels: indices of classes.
    """
    from scipy.optimize import minimize_scalar

    logits = np.log(np.clip(probabilities.astype(np.float64), 1e-12, 1.0))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        scaled -= scaled.max(axis=1, keepdims=True)
        total = np.log(np.exp(scaled).sum(axis=1))
        known = np.sum(total - scaled[np.arange(len(labels)), labels])
        unknown = np.mean(total - scaled.mean(axis=1))
        return float((known + unknown) / (len(labels) + 1))

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def fold_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the last layer's weights by the temperature, so that every engine has it built in."""
    layer = model.get_layer("probabilities")
    for variable in (layer.kernel, layer.bias):
        variable.assign(variable / temperature)
