"""The unit atlas: what drives each unit of the last LSTM, and what the classifier makes of it.

Shapes: states (texts, units), a batch's sequence (batch, time, units).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.network_states import (
    BatchStates,
    Float32,
    classify,
)
from sentiment.runtime.arithmetic import polarity, softmax
from sentiment.runtime.replay import Weights, stored
from sentiment.runtime.shapes import EncoderShape

if TYPE_CHECKING:
    from sentiment.evaluation.state_sample import StateSample
    from sentiment.text.tokenizer import Tokenizer

MOST_UNITS = 64
SPANS = 3  # shown of each direction
CANDIDATES = 24  # kept of each direction, as many hold the same words
BEFORE = 2  # tokens shown before the one at which a unit moves


class Drivers:
    """Collects where each unit moves most: the largest steps h_t − h_{t−1}, up and down.

    A unit of a backward LSTM reads from the end, so its step is h_t − h_{t+1}.
    """

    def __init__(self, encoder: EncoderShape) -> None:
        self._encoder = encoder
        self._rising: list[tuple[Float32, NDArray[np.int64]]] = []
        self._falling: list[tuple[Float32, NDArray[np.int64]]] = []

    def look(self, batch: BatchStates) -> None:
        """Take note of a batch's largest steps: sizes (units, most), places (units, most, 2)."""
        steps = _steps(batch, self._encoder)  # (batch, time, units)
        rows, time, units = steps.shape
        inside = (np.arange(time) < batch.lengths[:, None]).ravel()
        flat = steps.reshape(-1, units)[inside]  # (tokens, units)
        places = np.stack(
            [
                np.repeat(batch.rows, time)[inside],
                np.tile(np.arange(time), rows)[inside],
            ],
            axis=1,
        )  # (tokens, 2)
        most = min(CANDIDATES, len(flat))
        for kept, sign in ((self._rising, 1), (self._falling, -1)):
            best = np.argpartition(-sign * flat, most - 1, axis=0)[:most]  # (most, units)
            kept.append((np.take_along_axis(flat, best, axis=0).T, places[best.T]))

    def spans(
        self, sample: StateSample, tokenizer: Tokenizer, unit: int
    ) -> dict[str, list[dict[str, Any]]]:
        """Return the spans that raise and lower a unit most, each wording once."""
        found = {}
        for name, kept, sign in (("up", self._rising, 1), ("down", self._falling, -1)):
            sizes = np.concatenate([part[0][unit] for part in kept])
            places = np.concatenate([part[1][unit] for part in kept])
            order = np.argsort(-sign * sizes, kind="stable")
            found[name] = _wordings(sizes[order], places[order], sample, tokenizer, sign)
        return found


def _steps(batch: BatchStates, encoder: EncoderShape) -> Float32:
    sequence = batch.sequence
    steps = np.diff(sequence, axis=1, prepend=np.float32(0))
    if encoder.bidirectional:
        half = sequence.shape[-1] // 2
        inside = np.arange(sequence.shape[1]) < batch.lengths[:, None]
        backward = np.where(inside[:, :, None], sequence[:, :, half:], 0)
        steps[:, :, half:] = -np.diff(backward, axis=1, append=np.float32(0))
    return np.asarray(steps)


def _wordings(
    sizes: NDArray[np.floating],
    places: NDArray[np.int64],
    sample: StateSample,
    tokenizer: Tokenizer,
    sign: int,
) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    seen: set[str] = set()
    for size, (row, step) in zip(sizes.tolist(), places.tolist(), strict=True):
        if size * sign <= 0 or len(spans) == SPANS:
            break
        ids = sample.encoded.of_text(row)[max(0, step - BEFORE) : step + 1]
        tokens = tokenizer.tokens(ids)
        if tokens[-1] not in seen:
            seen.add(tokens[-1])
            spans.append({"before": tokens[:-1], "token": tokens[-1], "step": round(size, 3)})
    return spans


def unit_atlas(
    sample: StateSample,
    weights: Weights,
    labels: NDArray[np.int64],
    drivers: Drivers,
    tokenizer: Tokenizer,
    encoder: EncoderShape,
) -> dict[str, Any]:
    """Return what is known of each unit of the last LSTM, the most important first.

    - `selectivity`: rank-biserial correlation, −1 to 1: how often the unit is higher in a text of
      the last class than in one of the first, minus how often it is lower.
    - `head_weight`: slope of the polarity logit by the unit, mean over the texts; of units read
      more than once (pooling max_last) the sum.
    - `ablation`: the unit held at its mean in every text: change of accuracy in rows, answers that
      change, and mean absolute change of the score.

    Args:
        sample: the texts and their states.
        weights: the model's.
        labels: (texts,), the actual classes.
        drivers: has seen every batch of the sample.
        tokenizer: gives the tokens their names.
        encoder: the model's.
    """
    units = sample.hidden[-1].shape[1]
    slopes = _slopes(weights, sample.readings)  # (width read,)
    head = slopes.reshape(-1, units).sum(axis=0)  # (units,)
    effects = _ablate(weights, sample.readings, labels, units)
    selectivity = _selectivity(sample.hidden[-1], labels)
    effect = np.array([entry["score_change"] for entry in effects])
    order = np.argsort(-effect, kind="stable")[:MOST_UNITS]
    spread = sample.hidden[-1].std(axis=0)
    return {
        "n": len(sample),
        "units": units,
        "layer": f"lstm_{len(sample.hidden)}",
        "shown": len(order),
        "entries": [
            {
                "unit": int(unit),
                "mean": float(sample.hidden[-1][:, unit].mean()),
                "sd": float(spread[unit]),
                "selectivity": None if selectivity is None else float(selectivity[unit]),
                "head_weight": float(head[unit]),
                "ablation": effects[unit],
                "spans": drivers.spans(sample, tokenizer, int(unit)),
            }
            for unit in order.tolist()
        ],
    }


def _slopes(weights: Weights, readings: Float32) -> NDArray[np.float64]:
    """Return d (polarity logit) / d (what is read), mean over the texts, (width,).

    The polarity logit is the logits' sum weighted from −1 (first class) to 1 (last class).
    """
    kernel, head = stored(weights, "dense/kernel"), stored(weights, "probabilities/kernel")
    slopes = polarity(head)  # (dense,)
    open_share = (readings @ kernel + stored(weights, "dense/bias") > 0).mean(axis=0)  # (dense,)
    return np.asarray(kernel @ (open_share * slopes), np.float64)


def _ablate(
    weights: Weights, readings: Float32, labels: NDArray[np.int64], units: int
) -> list[dict[str, Any]]:
    whole = softmax(classify(weights, readings))  # (texts, classes)
    answers, scores = whole.argmax(axis=1), polarity(whole)
    means = readings.mean(axis=0)
    results = []
    changed = readings.copy()
    for unit in range(units):
        own = list(range(unit, readings.shape[1], units))
        changed[:, own] = means[own]
        part = softmax(classify(weights, changed))
        changed[:, own] = readings[:, own]
        now = part.argmax(axis=1)
        results.append(
            {
                "right_change": int((now == labels).sum()) - int((answers == labels).sum()),
                "answers_changed": int((now != answers).sum()),
                "score_change": float(np.abs(polarity(part) - scores).mean()),
            }
        )
    return results


def _selectivity(states: Float32, labels: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Return the rank-biserial correlation of each unit, (units,); None with one class only."""
    from scipy.stats import rankdata

    low, high = int(labels.min()), int(labels.max())
    if low == high:
        return None
    kept = (labels == low) | (labels == high)
    above = labels[kept] == high
    ranks = rankdata(states[kept], axis=0)  # (texts, units)
    num_high, num_low = int(above.sum()), int((~above).sum())
    area = (ranks[above].sum(axis=0) - num_high * (num_high + 1) / 2) / (num_high * num_low)
    return np.asarray(2 * area - 1, np.float64)
