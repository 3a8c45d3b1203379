"""What every layer of the Keras network puts out for some texts, from real tensors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import Config, EncoderSettings
from sentiment.nn.classifier import assign_weights, layer_outputs
from sentiment.nn.encoder import StackedLSTMEncoder
from sentiment.runtime.inspection import Probe, format_probe, format_shape_table, probe
from sentiment.runtime.shapes import LayerRow, encoder_shape_rows, observed_rows, shape_rows
from sentiment.text.batches import make_batch
from sentiment.text.tokenizer import EncodedTexts


@dataclass(frozen=True)
class Look:
    """The shape table of one batch, and a probe of the vectors the classifier reads."""

    layers: tuple[LayerRow, ...]
    probe: Probe

    def lines(self) -> str:
        """Return the table and the probe line, as the log shows them."""
        return f"{format_shape_table(self.layers)}\n{format_probe(self.probe)}"


def look(
    model: keras.Model, encoded: EncodedTexts, rows: NDArray[np.int64], config: Config
) -> Look:
    """Run the texts `rows` through the network as one batch.

    Raises:
        ModelFolderError: a layer puts out another shape than the settings call for.
    """
    token_ids = make_batch(encoded, rows).token_ids
    expected = shape_rows(
        config.encoder,
        classifier_units=config.classifier.units,
        num_classes=model.output_shape[-1],
        vocabulary_size=model.get_layer("embedding").input_dim,
        batch=token_ids.shape[0],
        time=token_ids.shape[1],
    )
    layers, outputs = _observed(model, token_ids, expected)
    # Above the dense layer and the probabilities: what the encoder hands on.
    state = outputs[layers[-3].layer]
    return Look(layers, probe(state, pooling=config.encoder.pooling))


def look_at_encoder(
    weights: Mapping[str, NDArray[np.float32]],
    encoded: EncodedTexts,
    rows: NDArray[np.int64],
    encoder: EncoderSettings,
) -> Look:
    """Run the texts `rows` through an encoder that no classifier reads yet, up to h_T.

    Args:
        weights: the encoder's tensors by their names in `weights.safetensors`.
        encoded: the texts, cut as for prediction.
        rows: which of them.
        encoder: sizes; pooling is the business of a classifier.

    Raises:
        ModelFolderError: as `look`.
    """
    token_ids = make_batch(encoded, rows).token_ids
    vocabulary_size = len(weights["embedding/embeddings"])
    model = StackedLSTMEncoder(
        encoder.units, vocabulary_size=vocabulary_size, embedding_units=encoder.embedding_units
    )
    assign_weights(model, weights)
    expected = encoder_shape_rows(
        encoder.model_copy(update={"pooling": "last"}),
        vocabulary_size=vocabulary_size,
        batch=token_ids.shape[0],
        time=token_ids.shape[1],
    )
    layers, outputs = _observed(model, token_ids, expected)
    return Look(layers, probe(outputs[layers[-1].layer], pooling="last"))


def _observed(
    model: keras.Model, token_ids: NDArray[np.int32], expected: Sequence[LayerRow]
) -> tuple[tuple[LayerRow, ...], dict[str, NDArray[np.float32]]]:
    """Return the rows with the shapes that came out, and what came out of each layer."""
    outputs = {
        name: np.asarray(value)
        for name, value in layer_outputs(model).predict_on_batch(token_ids).items()
    }
    shapes = {name: value.shape for name, value in outputs.items()} | {"token_ids": token_ids.shape}
    return observed_rows(expected, shapes), outputs
