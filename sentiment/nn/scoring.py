"""A network on held-out texts: its probabilities, and how good they are."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.text.batches import prediction_batches
from sentiment.text.tokenizer import EncodedTexts

# Under this many tokens a batch with padding, validation needs little memory on any text length.
TOKENS_PER_BATCH = 32_768


def predict(model: keras.Model, encoded: EncodedTexts) -> NDArray[np.float32]:
    """Return the model's probabilities `(texts, classes)`, in the order of the texts."""
    result = np.zeros((len(encoded), model.output_shape[-1]), np.float32)
    for batch in prediction_batches(encoded, tokens_per_batch=TOKENS_PER_BATCH):
        result[batch.rows] = model.predict_on_batch(batch.token_ids)
    return result


def score(
    probabilities: NDArray[np.float32], labels: NDArray[np.int32]
) -> tuple[float, float, float]:
    """Return loss (nats), accuracy and macro-F1 (0–1) of probabilities `(texts, classes)`."""
    chosen = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1.0)
    predicted = probabilities.argmax(axis=1)
    f1 = []
    for label in np.union1d(labels, predicted):  # as `sentiment eval` does
        hits = float(np.sum((predicted == label) & (labels == label)))
        f1.append(2 * hits / float(np.sum(predicted == label) + np.sum(labels == label)))
    return float(-np.log(chosen).mean()), float((predicted == labels).mean()), float(np.mean(f1))
