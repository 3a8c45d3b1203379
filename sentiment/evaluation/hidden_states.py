"""`hidden_states.json`: what lies in the states of a sample of the evaluated texts.

A map of the final hidden states (principal components), the ways a few texts take over it, linear
probes of every layer, an atlas of the units, and how fast the effect of a word is forgotten.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.baselines import Log, silent
from sentiment.evaluation.forgetting import forgetting_curve
from sentiment.evaluation.network_states import (
    classify,
    prefix_readings,
    run_batch,
)
from sentiment.evaluation.probes import probe_layers
from sentiment.evaluation.state_sample import StateSample, take_sample
from sentiment.evaluation.units import Drivers, unit_atlas
from sentiment.runtime.arithmetic import polarity, softmax
from sentiment.runtime.replay import Weights
from sentiment.text.batches import make_batch

if TYPE_CHECKING:
    from sentiment.evaluation.predictions import Predictions
    from sentiment.runtime.predictor import SentimentModel
    from sentiment.runtime.shapes import EncoderShape
    from sentiment.text.tokenizer import Tokenizer

MOST_POINTS = 800
TEXT_CHARACTERS = 120
MOST_TRAJECTORIES = 5
# Long enough to turn, short enough to follow with the eye.
TRAJECTORY_TOKENS = (6, 40)
COMPONENTS = 10


def study_states(
    model: SentimentModel, rows: Predictions, *, seed: int, log: Log = silent
) -> dict[str, Any]:
    """Return everything about the states of a sample of the rows, as plain JSON data.

    Args:
        model: the model the rows were predicted with.
        rows: the evaluated rows, with their final states.
        seed: of the sample and of what is drawn from it.
        log: is given a line.
    """
    started = time.perf_counter()
    encoder, weights = model.folder.encoder, model.folder.load_weights()
    drivers = Drivers(encoder)
    sample = take_sample(rows, weights, model.tokenizer, encoder, seed=seed, look=drivers.look)
    labels = rows.labels[sample.rows]
    projection = Projection(sample.hidden[-1])
    among = tuple(model.classes) == rows.classes
    result = {
        "n": len(sample),
        "of": len(rows),
        "seed": seed,
        "pooling": encoder.pooling,
        "width": int(sample.hidden[-1].shape[1]),
        "projection": _points(projection, sample, rows, seed),
        "trajectories": _trajectories(projection, sample, rows, weights, model),
        "probes": probe_layers(rows, sample, seed=seed),
        # The labels count through the model's classes only where no class was left out.
        "atlas": unit_atlas(sample, weights, labels, drivers, model.tokenizer, encoder)
        if among
        else None,
        "forgetting": forgetting_curve(sample, weights, encoder, seed=seed),
    }
    seconds = time.perf_counter() - started
    log(f"states of {len(sample):,} of {len(rows):,} rows studied in {seconds:.1f} s")
    return {**result, "seconds": seconds}


class Projection:
    """Principal components of states (texts, units).

    The sign of a component is free; it is chosen so that its largest part is positive.

    Attributes:
        shares: (components,), how much of the variance each one holds, 0–1.
    """

    def __init__(self, states: NDArray[np.floating]) -> None:
        self._mean = states.mean(axis=0, dtype=np.float64)
        centred = states - self._mean
        _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
        signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
        self._axes = axes * np.where(signs == 0, 1, signs)[:, None]
        variances = sizes**2
        self.shares = variances / max(float(variances.sum()), 1e-30)

    def place(self, states: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return the first two coordinates, (…, units) → (…, 2); 0 where there is one axis only."""
        flat = (states - self._mean) @ self._axes[:2].T
        missing = 2 - flat.shape[-1]
        return np.asarray(np.pad(flat, [(0, 0)] * (flat.ndim - 1) + [(0, missing)]))


def _points(
    projection: Projection, sample: StateSample, rows: Predictions, seed: int
) -> dict[str, Any]:
    """Return the map: one entry a shown text in each list."""
    random = np.random.default_rng(seed)
    shown = np.sort(random.permutation(len(sample))[:MOST_POINTS])
    places = projection.place(sample.hidden[-1][shown])  # (shown, 2)
    own = sample.rows[shown]
    chances = rows.probabilities[own]
    return {
        "shares": projection.shares[:COMPONENTS].round(4).tolist(),
        "x": places[:, 0].round(3).tolist(),
        "y": places[:, 1].round(3).tolist(),
        "row": (own + 1).tolist(),
        "label": rows.labels[own].tolist(),
        "predicted": chances.argmax(axis=1).tolist(),
        "probability": chances.max(axis=1).round(3).tolist(),
        "text": [rows.texts[row][:TEXT_CHARACTERS] for row in own.tolist()],
    }


def _trajectories(
    projection: Projection,
    sample: StateSample,
    rows: Predictions,
    weights: Weights,
    model: SentimentModel,
) -> list[dict[str, Any]]:
    """Follow h_t of a few texts over the map, a point a token."""
    encoder = model.folder.encoder
    places = _choose(sample, rows)
    if not places:
        return []
    batch = make_batch(sample.encoded, np.array(places))
    sequence = run_batch(weights, batch.token_ids, batch.lengths, encoder).sequence
    chances = step_probabilities(weights, sequence, batch.lengths, encoder)
    scores = polarity(chances)  # (batch, time)
    result = []
    for number, (place, length) in enumerate(zip(places, batch.lengths.tolist(), strict=True)):
        row = int(sample.rows[place])
        way = projection.place(sequence[number, :length])
        result.append(
            {
                "row": row + 1,
                "text": rows.texts[row][: 4 * TEXT_CHARACTERS],
                "label": rows.classes[rows.labels[row]],
                "predicted": rows.classes[int(rows.probabilities[row].argmax())],
                "tokens": _tokens(model.tokenizer, sample, place),
                "x": way[:, 0].round(3).tolist(),
                "y": way[:, 1].round(3).tolist(),
                "score": scores[number, :length].round(3).tolist(),
            }
        )
    return result


def step_probabilities(
    weights: Weights,
    sequence: NDArray[np.float32],
    lengths: NDArray[np.int32],
    encoder: EncoderShape,
) -> NDArray[np.floating]:
    """Return the probabilities of the text up to each token, (batch, time, classes).

    A probe: the classifier has learned to read whole texts.
    """
    return softmax(classify(weights, prefix_readings(weights, sequence, lengths, encoder)))


def _choose(sample: StateSample, rows: Predictions) -> list[int]:
    """Choose texts to follow: the surest right one of each end, and the surest wrong ones."""
    lengths = sample.encoded.lengths
    fit = (lengths >= TRAJECTORY_TOKENS[0]) & (lengths <= TRAJECTORY_TOKENS[1])
    if not fit.any():
        # Only longer texts: the shortest of them.
        fit = lengths <= np.sort(lengths)[: 10 * MOST_TRAJECTORIES][-1]
    labels = rows.labels[sample.rows]
    chances = rows.probabilities[sample.rows]
    predicted, confidence = chances.argmax(axis=1), chances.max(axis=1)
    chosen: list[int] = []
    for wanted in (
        (labels == 0) & (predicted == 0),
        (labels == len(rows.classes) - 1) & (predicted == labels),
    ):
        chosen += _surest(np.flatnonzero(fit & wanted), confidence, 1)
    room = MOST_TRAJECTORIES - len(chosen)
    return chosen + _surest(np.flatnonzero(fit & (predicted != labels)), confidence, room)


def _surest(places: NDArray[np.int64], confidence: NDArray[np.float64], most: int) -> list[int]:
    order = np.argsort(-confidence[places], kind="stable")[:most]
    return [int(place) for place in places[order]]


def _tokens(tokenizer: Tokenizer, sample: StateSample, place: int) -> list[str]:
    return tokenizer.tokens(sample.encoded.of_text(place))
