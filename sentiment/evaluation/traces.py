"""`traces.json`: the score after every token of the rows that a report shows.

A probe: the classifier is applied to the text up to each token, but has learned to read whole
texts, so only the last score is what the model says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.hidden_states import step_probabilities
from sentiment.evaluation.network_states import each_batch
from sentiment.runtime.arithmetic import polarity
from sentiment.runtime.trace import turning_token

if TYPE_CHECKING:
    from sentiment.evaluation.predictions import Predictions
    from sentiment.runtime.predictor import SentimentModel

MOST_ERRORS = 20


def surest_errors(rows: Predictions, most: int = MOST_ERRORS) -> list[int]:
    """Return the wrong rows the model is surest of, from 0; the first of equals first."""
    wrong = np.flatnonzero(rows.predicted != rows.labels)
    confidence = rows.probabilities[wrong].max(axis=1)
    return [int(row) for row in wrong[np.argsort(-confidence, kind="stable")[:most]]]


def trace_rows(model: SentimentModel, rows: Predictions, wanted: Iterable[int]) -> dict[str, Any]:
    """Return the traces of some rows, by row number from 1.

    Returns:
        By row: `spans`, where each token read stands in the text, (start, end) in characters;
        `scores`, −1 (first class) to 1 (last class), after each of them; `turning`, the token that
        brought the final answer; `cut_after`, how many tokens stand before the part that was not
        read, None where all was.
    """
    chosen = list(dict.fromkeys(wanted))
    if not chosen:
        return {}
    encoder, weights = model.folder.encoder, model.folder.load_weights()
    encoded = model.tokenizer.encode([rows.texts[row] for row in chosen], offsets=True)
    traces: dict[str, Any] = {}
    for batch in each_batch(weights, encoded, encoder):
        chances = step_probabilities(weights, batch.sequence, batch.lengths, encoder)
        scores = polarity(chances)  # (batch, time)
        for number, place in enumerate(batch.rows.tolist()):
            length = int(batch.lengths[number])
            cut = int(encoded.truncated_tokens[place]) > 0
            traces[str(chosen[place] + 1)] = {
                "spans": _spans(encoded.offsets, place, length),
                "scores": scores[number, :length].round(3).tolist(),
                "turning": turning_token(chances[number, :length].argmax(axis=1)),
                "cut_after": model.tokenizer.head_tokens if cut else None,
            }
    return traces


def _spans(offsets: Sequence[NDArray[np.int32]] | None, place: int, length: int) -> list[list[int]]:
    if offsets is None:
        raise ValueError("the texts were encoded without offsets")
    spans: list[list[int]] = offsets[place].tolist()
    # A text without a token is read as one unknown token that stands nowhere.
    return spans if len(spans) == length else [[0, 0]] * length
