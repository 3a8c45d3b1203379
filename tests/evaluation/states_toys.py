"""Networks of random weights: small, with every kind of pooling, and trained by nobody."""

from __future__ import annotations

import numpy as np

from sentiment.runtime.shapes import Encoder, expected_weight_shapes

VOCABULARY, CLASSES, DENSE = 30, 3, 5


def make_weights(encoder: Encoder, *, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = expected_weight_shapes(
        encoder, classifier_units=DENSE, num_classes=CLASSES, vocabulary_size=VOCABULARY
    )
    return {
        name: random.normal(scale=0.7, size=shape).astype(np.float32)
        for name, shape in shapes.items()
    }
