"""Toy networks and toy problems for the tests of `sentiment.nn`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentiment.config import ClassifierSettings, EncoderSettings
from sentiment.runtime.shapes import expected_weight_shapes
from sentiment.text.tokenizer import EncodedTexts

VOCABULARY, CLASSES, DENSE = 12, 3, 4
VARIANTS = [
    (pooling, bidirectional)
    for pooling in ("last", "max", "mean", "max_last", "attention")
    for bidirectional in (False, True)
]


def toy_encoder(pooling: str = "last", bidirectional: bool = False, **options) -> EncoderSettings:
    sizes = {"embedding_units": 3, "units": (4, 2), "dropout": 0.0, "embedding_dropout": 0.0}
    return EncoderSettings(pooling=pooling, bidirectional=bidirectional, **{**sizes, **options})


def random_weights(encoder: EncoderSettings, seed: int = 0) -> dict[str, np.ndarray]:
    """Return weights large enough that every token, gate and unit matters."""
    random = np.random.default_rng(seed)
    shapes = expected_weight_shapes(
        encoder, classifier_units=DENSE, num_classes=CLASSES, vocabulary_size=VOCABULARY
    )
    return {name: random.normal(0, 1, shape).astype(np.float32) for name, shape in shapes.items()}


def toy_network(encoder: EncoderSettings, seed: int | None = 0, *, dropout: float = 0.0):
    """Build the Keras classifier; random weights, or with seed None those it begins with."""
    from sentiment.nn.classifier import assign_weights, build_classifier

    model = build_classifier(
        vocabulary_size=VOCABULARY,
        num_classes=CLASSES,
        encoder=encoder,
        # Twice as many to learn with: of four, all may start on the dead side of the relu.
        classifier=ClassifierSettings(units=DENSE if seed is not None else 8, dropout=dropout),
    )
    if seed is not None:
        assign_weights(model, random_weights(encoder, seed))
    return model


def encoded(texts: Sequence[Sequence[int]]) -> EncodedTexts:
    """Put lists of token ids into the form the tokenizer gives."""
    return EncodedTexts(
        token_ids=np.concatenate([np.asarray(text, np.int32) for text in texts]),
        starts=np.concatenate([[0], np.cumsum([len(text) for text in texts])]).astype(np.int64),
        truncated_tokens=np.zeros(len(texts), np.int32),
        unknown_fraction=np.zeros(len(texts), np.float32),
    )


def padded(texts: Sequence[Sequence[int]], *, extra: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return token ids (batch, time) and lengths (batch,), with some padding too much."""
    lengths = np.array([len(text) for text in texts], np.int32)
    token_ids = np.zeros((len(texts), int(lengths.max()) + extra), np.int32)
    for row, text in enumerate(texts):
        token_ids[row, : len(text)] = text
    return token_ids, lengths


def toy_problem(count: int, *, shortest: int = 1, longest: int = 5, seed: int = 0):
    """Return examples whose class is told by one token, 2, 3 or 4; the others say nothing."""
    from sentiment.nn.lessons import Examples

    random = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.int32) % CLASSES
    texts = []
    for label in labels:
        text = random.integers(5, VOCABULARY, random.integers(shortest, longest + 1))
        text[random.integers(len(text))] = 2 + label
        texts.append(text)
    return Examples(encoded(texts), labels)
