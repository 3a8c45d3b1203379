"""The forgetting curve: how much of a word's effect is left k words later.

A token is replaced by the unknown token, and the two runs are compared at that token and after
each later one: how far apart the hidden states are, and the scores. What is left at k is the mean
distance over the texts at k, divided by the mean distance of the same texts at 0.

Two kinds of token: the one that moves the score most (picked by its effect, so part of the fall of
its score curve is only the end of that luck), and one drawn at random, which was picked by nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import bootstrap_interval, figure
from sentiment.evaluation.network_states import (
    TOKENS_PER_BATCH,
    classify,
    flops_per_token,
    prefix_readings,
    run_batch,
)
from sentiment.evaluation.state_sample import MOST_FLOPS
from sentiment.runtime.arithmetic import polarity, softmax
from sentiment.runtime.replay import Weights
from sentiment.runtime.shapes import EncoderShape
from sentiment.text.batches import make_batch
from sentiment.text.tokenizer import UNKNOWN_ID

if TYPE_CHECKING:
    from sentiment.evaluation.state_sample import StateSample

MOST_TEXTS = 200
FEWEST_TEXTS = 20
MOST_LATER = 40
RUNS = 3  # of each text: as it is, and with each kind of token unknown
RESAMPLES = 1_000


def forgetting_curve(
    sample: StateSample, weights: Weights, encoder: EncoderShape, *, seed: int
) -> dict[str, Any]:
    """Return what is left of a word's effect after k = 0, 1, 2 … later words.

    Every text is followed for the same number of words, so that all points are of the same texts:
    as many as half of the texts have behind their first quarter, at most 40.

    Args:
        sample: the texts.
        weights: the model's.
        encoder: the model's; of a bidirectional one the forward half is followed, without scores.
        seed: of the texts and of the random tokens.
    """
    random = np.random.default_rng(seed)
    lengths = sample.encoded.lengths
    later = int(min(MOST_LATER, np.median(lengths) * 0.75))
    usable = np.flatnonzero(lengths >= later + 2)
    if later < 4 or len(usable) < FEWEST_TEXTS:
        return {"reason": f"{len(usable)} texts are long enough to follow a word", "curves": []}
    each = RUNS * flops_per_token(encoder) * float(lengths[usable].mean())
    most = int(np.clip(MOST_FLOPS / each, FEWEST_TEXTS, MOST_TEXTS))
    rows = np.sort(random.permutation(usable)[:most])
    batch = make_batch(sample.encoded, rows)
    follow = _follower(weights, batch.lengths, encoder)
    states, scores = follow(batch.token_ids)
    room = batch.lengths - later  # a token before this place can be followed
    curves = []
    for name, places in (
        ("strongest word", _strongest(scores, room)),
        ("random word", (random.random(len(rows)) * room).astype(np.int64)),
    ):
        masked = batch.token_ids.copy()
        masked[np.arange(len(rows)), places] = UNKNOWN_ID
        other_states, other_scores = follow(masked)
        steps = places[:, None] + np.arange(later + 1)  # (texts, later + 1)
        index = np.arange(len(rows))[:, None], steps
        apart = np.linalg.norm(states[index] - other_states[index], axis=-1)
        curve = {"word": name, "state": _left(apart, seed)}
        if not encoder.bidirectional:
            curve["score"] = _left(np.abs(scores[index] - other_scores[index]), seed)
        curves.append(curve)
    return {"n": len(rows), "later": later, "curves": curves, "seed": seed}


def _follower(
    weights: Weights, lengths: NDArray[np.int32], encoder: EncoderShape
) -> Callable[[NDArray[np.int32]], tuple[NDArray[np.floating], NDArray[np.float64]]]:
    """Return what gives the states (texts, time, units) and scores (texts, time) of token ids."""
    half = encoder.units[-1]

    def follow(token_ids: NDArray[np.int32]) -> tuple[NDArray[np.floating], NDArray[np.float64]]:
        states, scores = [], []
        every = max(1, TOKENS_PER_BATCH // token_ids.shape[1])
        for start in range(0, len(token_ids), every):
            part = slice(start, start + every)
            sequence = run_batch(weights, token_ids[part], lengths[part], encoder).sequence
            readings = prefix_readings(weights, sequence, lengths[part], encoder)
            states.append(sequence[:, :, :half])
            scores.append(polarity(softmax(classify(weights, readings))))
        return np.concatenate(states), np.concatenate(scores)

    return follow


def _strongest(scores: NDArray[np.float64], room: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return, of each text, the token before `room` at which the score moves most."""
    moves = np.abs(np.diff(scores, axis=1, prepend=0.0))
    moves[np.arange(scores.shape[1]) >= room[:, None]] = -1
    return np.asarray(moves.argmax(axis=1), np.int64)


def _left(apart: NDArray[np.floating], seed: int) -> list[dict[str, Any]]:
    """Return the share left after k words with its bootstrap interval over texts.

    Args:
        apart: (texts, later + 1), how far apart the two runs are.
        seed: of the bootstrap.
    """
    n = len(apart)
    start = float(apart[:, 0].mean())
    if not start:
        return []
    random = np.random.default_rng(seed)
    weights = random.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)  # (resamples, texts)
    sums = weights @ apart  # (resamples, later + 1)
    shares = sums / np.maximum(sums[:, :1], 1e-12)
    return [
        figure(
            float(apart[:, k].mean()) / start,
            bootstrap_interval(shares[:, k]),
            n=n,
            method="percentile bootstrap over texts",
        )
        for k in range(apart.shape[1])
    ]
