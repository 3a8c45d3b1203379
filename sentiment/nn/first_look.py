"""What every layer puts out for the first batch of a training, from real tensors."""

from __future__ import annotations

import numpy as np

from sentiment.config import Config
from sentiment.nn.classifier import layer_outputs
from sentiment.nn.training import Trainer
from sentiment.runtime.inspection import format_probe, format_shape_table, probe
from sentiment.runtime.shapes import observed_rows, shape_rows
from sentiment.text.batches import make_batch, training_batches


def first_batch_lines(trainer: Trainer, config: Config, *, vocabulary_size: int) -> str:
    """Run the first batch through the network; return its shape table and its probe line.

    Raises:
        ModelFolderError: a layer puts out another shape than the settings call for.
    """
    rows = training_batches(
        trainer.train.encoded.lengths,
        batch_size=config.training.batch_size,
        seed=config.training.seed,
        epoch=0,
    )[0]
    token_ids = make_batch(trainer.train.encoded, rows).token_ids
    outputs = {
        name: np.asarray(value)
        for name, value in layer_outputs(trainer.model).predict_on_batch(token_ids).items()
    }
    expected = shape_rows(
        config.encoder,
        classifier_units=config.classifier.units,
        num_classes=trainer.num_classes,
        vocabulary_size=vocabulary_size,
        batch=token_ids.shape[0],
        time=token_ids.shape[1],
    )
    shapes = {name: value.shape for name, value in outputs.items()} | {"token_ids": token_ids.shape}
    layers = observed_rows(expected, shapes)
    seen = probe(outputs[layers[-3].layer], pooling=config.encoder.pooling)
    return "\n".join([format_shape_table(layers), format_probe(seen)])
