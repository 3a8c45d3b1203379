"""What every layer of the Keras network puts out for some texts, from real tensors."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import Config
from sentiment.nn.classifier import layer_outputs
from sentiment.runtime.inspection import Probe, format_probe, format_shape_table, probe
from sentiment.runtime.shapes import LayerRow, observed_rows, shape_rows
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
    outputs = {
        name: np.asarray(value)
        for name, value in layer_outputs(model).predict_on_batch(token_ids).items()
    }
    expected = shape_rows(
        config.encoder,
        classifier_units=config.classifier.units,
        num_classes=model.output_shape[-1],
        vocabulary_size=model.get_layer("embedding").input_dim,
        batch=token_ids.shape[0],
        time=token_ids.shape[1],
    )
    shapes = {name: value.shape for name, value in outputs.items()} | {"token_ids": token_ids.shape}
    layers = observed_rows(expected, shapes)
    # Above the dense layer and the probabilities: what the encoder hands on.
    state = outputs[layers[-3].layer]
    return Look(layers, probe(state, pooling=config.encoder.pooling))
