"""The classifier: the encoder, a dense layer that reads its output, and class probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import ClassifierSettings, EncoderSettings
from sentiment.errors import ModelFolderError
from sentiment.nn.encoder import StackedLSTMEncoder


def build_classifier(
    *,
    vocabulary_size: int,
    num_classes: int,
    encoder: EncoderSettings,
    classifier: ClassifierSettings,
) -> keras.Model:
    """Build the whole network as one flat functional model.

    Input: token ids `(batch, time)`; output: probabilities `(batch, num_classes)`. Its layers are
    reached by name: `embedding`, `lstm_1`, …, `dense`, `probabilities`.
    """
    stack = StackedLSTMEncoder(
        encoder.units,
        bidirectional=encoder.bidirectional,
        dropout=encoder.dropout,
        embedding_dropout=encoder.embedding_dropout,
        pooling=encoder.pooling,
        vocabulary_size=vocabulary_size,
        embedding_units=encoder.embedding_units,
    )
    state = stack.output  # (batch, units)
    if encoder.dropout:
        state = keras.layers.Dropout(encoder.dropout, name="state_dropout")(state)
    hidden = keras.layers.Dense(classifier.units, activation="relu", name="dense")(state)
    if classifier.dropout:
        hidden = keras.layers.Dropout(classifier.dropout, name="dense_dropout")(hidden)
    probabilities = keras.layers.Dense(num_classes, activation="softmax", name="probabilities")(
        hidden
    )
    return keras.Model(stack.inputs[0], probabilities, name="sentiment")


def layer_outputs(model: keras.Model) -> keras.Model:
    """Return a model that gives the output of every layer of the shape table, by name."""
    shown = [
        layer
        for layer in model.layers
        if layer.name in ("embedding", "pooling", "dense", "probabilities")
        or layer.name.startswith("lstm_")
    ]
    return keras.Model(model.inputs[0], {layer.name: layer.output for layer in shown})


def named_weights(model: keras.Model) -> dict[str, NDArray[np.float32]]:
    """Return the trained tensors by their names in `weights.safetensors`."""
    return {
        name: np.array(variable.numpy(), np.float32)
        for name, variable in _named_variables(model).items()
    }


def assign_weights(model: keras.Model, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Set the model's weights from `named_weights`.

    Raises:
        ModelFolderError: a tensor is missing, not known, or has another shape; both are named.
    """
    variables = _named_variables(model)
    for name in sorted(variables.keys() ^ weights.keys()):
        side = "is missing" if name in variables else "is not part of this architecture"
        raise ModelFolderError(f"weights.safetensors: {name} {side}")
    for name, variable in variables.items():
        if tuple(variable.shape) != weights[name].shape:
            raise ModelFolderError(
                f"weights.safetensors: {name} has shape {weights[name].shape}",
                expected=f"{tuple(variable.shape)}",
            )
        variable.assign(weights[name])


def _named_variables(model: keras.Model) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.Bidirectional):
            parts = {"forward": layer.forward_layer, "backward": layer.backward_layer}
            for direction, part in parts.items():
                for variable in part.trainable_variables:
                    names[f"{layer.name}/{direction}/{variable.name}"] = variable
        else:
            prefix = "attention" if layer.name == "pooling" else layer.name
            for variable in layer.trainable_variables:
                names[f"{prefix}/{variable.name}"] = variable
    return names
