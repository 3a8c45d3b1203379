"""The Keras engine: the same network, rebuilt from settings and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import ClassifierSettings, EncoderSettings
from sentiment.model_folder import ModelFolder
from sentiment.nn.classifier import assign_weights, build_classifier, layer_outputs
from sentiment.nn.integrated_gradients import integrated_gradients, path_gradients
from sentiment.runtime.attribution import Gradients
from sentiment.text.batches import Batch


def rebuild(folder: ModelFolder) -> keras.Model:
    """Build the classifier of a model folder and give it its weights.

    Raises:
        ModelFolderError: the weights do not fit the architecture.
    """
    model = build_classifier(
        vocabulary_size=folder.info["vocabulary_size"],
        num_classes=len(folder.classes),
        encoder=EncoderSettings.model_validate(folder.info["encoder"]),
        classifier=ClassifierSettings.model_validate(folder.info["classifier"]),
    )
    assign_weights(model, folder.load_weights())
    return model


class KerasNetwork:
    """Runs batches on the rebuilt Keras model, one at a time: TensorFlow has its own threads."""

    workers = 1

    def __init__(self, folder: ModelFolder) -> None:
        self._model = rebuild(folder)
        self._layers = layer_outputs(self._model)
        number = len(folder.encoder.units)
        self._top = f"lstm_{number}" if folder.encoder.pooling == "last" else "pooling"

    def run(self, batch: Batch, outputs: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Return the outputs by name, batch first."""
        values = self._layers.predict_on_batch(batch.token_ids)
        values["final_state"] = values[self._top]
        return {name: np.asarray(values[name]) for name in outputs}

    def integrated_gradients(self, token_ids: NDArray[np.integer]) -> Gradients:
        """Return what each of (time,) tokens adds to each class's logit."""
        table = self._model.get_layer("embedding").embeddings
        vectors = np.asarray(table)[token_ids]  # (time, embedding_units)
        return integrated_gradients(self._gradients, vectors)

    @cached_property
    def _gradients(self) -> Callable[[Any, Any], tuple[Any, Any]]:
        """Traced once, when first asked for."""
        return path_gradients(self._model)
