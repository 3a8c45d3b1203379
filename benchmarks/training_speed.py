"""Compare an epoch of training on real reviews, from token ids in memory to the updated weights.

    python benchmarks/training_speed.py --texts ../shared/data/imdb [--reviews 0] [--json FILE]

The network of `same_network.py`, at most 400 tokens a review, 64 reviews a batch; tokens/s counts
real tokens, no padding. Ours is the product's `Trainer` as `sentiment train` sets it up: batches of
like length, AdamW, clipped gradients, dropout, averaged weights, deterministic operations, and what
ends an epoch, validation (here of two reviews). Keras is `fit` as its examples do it: every review
padded to 400, no mask, Adam, no dropout, all else its defaults (and once more compiled by XLA,
with --compiled). PyTorch gets our batches, AdamW and clipping, no dropout. Tracing and compiling
are left out: before the rounds each system learns from a few batches of every kind it will meet.
The ceiling is as many FLOP in matrix products, three times those of prediction.
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from classifiers import drawn
from numpy.typing import NDArray
from same_network import DENSE, UNITS, VOCABULARY, flop_a_token, random_weights, stock_keras
from side_by_side import against_targets, interleaved, matrix_products, write_figures
from torch_network import TorchNetwork

from sentiment.backend import load_keras
from sentiment.config import (
    ClassifierSettings,
    DataSettings,
    EncoderSettings,
    TextSettings,
    TrainingSettings,
)
from sentiment.data.load import load_splits
from sentiment.text.batches import make_batch, training_batches
from sentiment.text.tokenizer import EncodedTexts, Tokenizer

SEED, BATCH, LONGEST = 13, 64, 400
OURS, KERAS, COMPILED, TORCH = "ours", "Keras fit", "Keras fit, XLA", "PyTorch"
CEILING = "matrix products"
TARGETS = ((OURS, KERAS, 3.0), (OURS, COMPILED, None), (OURS, TORCH, 1.2), (OURS, CEILING, None))


def main() -> None:
    """Print speeds and ratios beside their targets; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", required=True, help="a folder like the hub's imdb")
    parser.add_argument("--reviews", type=int, default=1000, help="a random sample; 0: all")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compiled", action="store_true", help="also Keras with XLA")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    encoded, labels = reviews(options.texts, options.reviews or None)
    tokens = len(encoded.token_ids)
    load_keras()
    systems = {
        OURS: ours(encoded, labels, rounds=options.rounds),
        KERAS: stock(encoded, labels, jit_compile="auto"),
    }
    if options.compiled:
        systems[COMPILED] = stock(encoded, labels, jit_compile=True)
    systems[TORCH] = pytorch(encoded, labels)
    systems[CEILING] = matrix_products(3 * tokens * flop_a_token())
    seconds = interleaved(systems, rounds=options.rounds, warm_up=False)
    speed = {name: tokens / float(np.median(values)) for name, values in seconds.items()}
    print(f"{len(labels):,} reviews, {tokens:,} tokens, {options.rounds} rounds")
    for name, value in speed.items():
        print(f"{name:<24}{value:>9,.0f} tokens/s{tokens / value:>8.1f} s an epoch")
    ratios = against_targets(seconds, TARGETS)
    figures = {
        "command": shlex.join(sys.argv),
        "rounds": options.rounds,
        "seed": SEED,
        "reviews": len(labels),
        "tokens": tokens,
        "batch": BATCH,
        "padded_to": LONGEST,
        "flop_a_token": 3 * flop_a_token(),
        "seconds": seconds,
        "tokens_per_second": speed,
        "ratios": ratios,
    }
    write_figures(options.json, figures)


def reviews(source: str, count: int | None) -> tuple[EncodedTexts, NDArray[np.int32]]:
    """Draw reviews of the train split; return their token ids and labels."""
    train = drawn(load_splits(DataSettings(source=source)).train, count)
    settings = TextSettings(vocabulary_size=VOCABULARY, max_tokens=LONGEST)
    return Tokenizer.train(train.texts, settings).encode(train.texts), train.labels


def ours(encoded: EncodedTexts, labels: NDArray[np.int32], *, rounds: int) -> Callable[[], object]:
    """Return what trains one epoch more, after a few steps that are not timed."""
    import keras

    from sentiment.nn.classifier import build_classifier
    from sentiment.nn.lessons import Examples, LessonBatch
    from sentiment.nn.scoring import predict
    from sentiment.nn.training import Trainer

    settings = TrainingSettings(seed=SEED, epochs=rounds, batch_size=BATCH, patience=rounds)
    validation = Examples(first(encoded, 2), labels[:2])
    keras.utils.set_random_seed(SEED)  # once: it has TensorFlow optimize every graph anew
    with determinism():
        model = build_classifier(
            vocabulary_size=VOCABULARY,
            num_classes=2,
            encoder=EncoderSettings(units=UNITS),
            classifier=ClassifierSettings(units=DENSE),
        )
        trainer = Trainer(model, Examples(encoded, labels), validation, settings, num_classes=2)
        for rows in typical_batches(encoded.lengths):
            token_ids, targets, weights = trainer.lessons.inputs(LessonBatch(rows))
            trainer.learner.train_on_batch(token_ids, targets, sample_weight=weights)
        predict(model, validation.encoded)

    def run() -> None:
        trainer.settings = settings.model_copy(update={"epochs": trainer.counters.epoch + 1})
        with determinism():
            trainer.run()

    return run


@contextmanager
def determinism() -> Iterator[None]:
    """Ask TensorFlow for what `sentiment train` asks for, and give the peers back its default."""
    from tensorflow.python.framework import config  # the public module has no way back

    config.enable_op_determinism()
    try:
        yield
    finally:
        config.disable_op_determinism()


def stock(
    encoded: EncodedTexts, labels: NDArray[np.int32], *, jit_compile: bool | str
) -> Callable[[], object]:
    """Return what fits Keras's network for one epoch more."""
    import keras

    model = stock_keras(random_weights())
    model.compile(
        "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit_compile
    )
    texts = [encoded.of_text(row) for row in range(len(encoded))]
    padded = keras.utils.pad_sequences(texts, maxlen=LONGEST)  # (texts, time)
    few = 2 * BATCH + len(labels) % BATCH  # the last batch is one to compile, too
    model.fit(padded[:few], labels[:few], batch_size=BATCH, verbose=0)
    return lambda: model.fit(padded, labels, batch_size=BATCH, verbose=0)


def pytorch(encoded: EncodedTexts, labels: NDArray[np.int32]) -> Callable[[], object]:
    """Return what trains the PyTorch network for one epoch more."""
    network = TorchNetwork(random_weights())
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
    targets = torch.from_numpy(labels.astype(np.int64))
    epochs = itertools.count()

    def learn(batches: Sequence[NDArray[np.int64]]) -> None:
        network.train()
        for rows in batches:
            batch = make_batch(encoded, rows)
            optimizer.zero_grad()
            logits = network(
                torch.from_numpy(batch.token_ids), torch.from_numpy(batch.lengths).long()
            )
            loss = torch.nn.functional.cross_entropy(logits, targets[torch.from_numpy(rows)])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            loss.item()  # ours reports it, too

    learn(typical_batches(encoded.lengths))
    return lambda: learn(
        training_batches(encoded.lengths, batch_size=BATCH, seed=SEED, epoch=next(epochs))
    )


def typical_batches(lengths: NDArray[np.int32]) -> list[NDArray[np.int64]]:
    """Return the first batches of an epoch, and the one that is not full."""
    batches = training_batches(lengths, batch_size=BATCH, seed=SEED, epoch=0)
    return [*batches[:3], min(batches, key=len)]


def first(encoded: EncodedTexts, count: int) -> EncodedTexts:
    """Return the first of some texts."""
    return EncodedTexts(
        token_ids=encoded.token_ids[: encoded.starts[count]],
        starts=encoded.starts[: count + 1],
        truncated_tokens=encoded.truncated_tokens[:count],
        unknown_fraction=encoded.unknown_fraction[:count],
    )


if __name__ == "__main__":
    main()
