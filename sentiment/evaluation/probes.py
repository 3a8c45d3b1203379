"""Linear probes: what can be read off a layer's state by a straight line.

A logistic regression learns on some of the sampled texts to tell a property from a state, and is
scored on the others. Two things stand beside every score: the commonest value, always, and a
control (after Hewitt and Liang 2019, arXiv:1909.03368): the same probe on the same states with the
property's values shuffled among the texts. What a probe finds is in the state; whether the model
uses it is another question.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import share
from sentiment.evaluation.slices import NEGATION

if TYPE_CHECKING:
    from sentiment.evaluation.predictions import Predictions
    from sentiment.evaluation.state_sample import StateSample

FEWEST_TEXTS = 60
HELD_OUT = 0.4
MOST_TEXTS = 1_000
MOST_VALUES = 30
# A value with fewer texts than this is left out of its property.
FEWEST_OF_A_VALUE = 8
MAX_ITERATIONS = 300
DOMAIN_COLUMNS = ("domain", "category", "topic", "genre", "site", "source")


def probe_layers(rows: Predictions, sample: StateSample, *, seed: int) -> dict[str, Any]:
    """Return, for each property, a score for each state; properties that cannot be probed say why.

    Args:
        rows: the evaluated rows.
        sample: some of them, with states.
        seed: of the split into texts learned from and held out, and of the control.
    """
    states = list(_states(sample))
    results = []
    for name, about, values, reason in _properties(rows, sample):
        if reason is None:
            results.append({"property": name, "about": about, **_probe(states, values, seed)})
        else:
            results.append({"property": name, "about": about, "reason": reason, "probes": []})
    return {
        "properties": results,
        "probe": "logistic regression (L2, C = 0.1) on standardised states",
        "control": "the same probe, the property's values shuffled among the texts",
        "seed": seed,
    }


def _states(sample: StateSample) -> Iterator[tuple[str, str, NDArray[np.float32]]]:
    """Yield (layer, state, values (texts, width)), from the input up."""
    yield "embedding", "mean", sample.embedded
    for number, (hidden, cell) in enumerate(zip(sample.hidden, sample.cell, strict=True), start=1):
        yield f"lstm_{number}", "h", hidden
        yield f"lstm_{number}", "c", cell


def _properties(
    rows: Predictions, sample: StateSample
) -> Iterator[tuple[str, str, list[str | None], str | None]]:
    """Yield each property: name, what it is, a value a text, and why it cannot be probed."""
    texts = [rows.texts[row] for row in sample.rows.tolist()]
    # The whole length, though what was cut from the middle was not read.
    lengths = (rows.tokens + rows.truncated_tokens)[sample.rows]
    middle = float(np.median(lengths))
    every: list[tuple[str, str, list[str | None]]] = [
        ("sentiment", "the label", [rows.classes[label] for label in rows.labels[sample.rows]]),
        (
            "length",
            f"more than {middle:g} tokens, or not",
            ["long" if length > middle else "short" for length in lengths.tolist()],
        ),
        (
            "negation",
            "whether a word such as “not” stands in the text",
            ["yes" if NEGATION.search(text.lower()) else "no" for text in texts],
        ),
    ]
    for name, about, values in every:
        kept = _kept(values)
        yield name, about, kept, _reason(kept)
    yield _domain(rows, sample)


def _domain(
    rows: Predictions, sample: StateSample
) -> tuple[str, str, list[str | None], str | None]:
    column = next((name for name in DOMAIN_COLUMNS if name in rows.columns), None)
    if column is None:
        expected = ", ".join(DOMAIN_COLUMNS)
        return "domain", "", [], f"the data has no column of that kind ({expected})"
    held = rows.columns[column]
    values = [held[row] for row in sample.rows.tolist()]
    kept = _kept([None if value in (None, "") else str(value)[:60] for value in values])
    return "domain", f"the column {column}", kept, _reason(kept)


def _kept(values: Sequence[str | None]) -> list[str | None]:
    """Return the values with those that too few texts have left out."""
    counted = Counter(value for value in values if value is not None)
    return [
        value if value is not None and counted[value] >= FEWEST_OF_A_VALUE else None
        for value in values
    ]


def _reason(values: Sequence[str | None]) -> str | None:
    counted = Counter(value for value in values if value is not None)
    if counted.total() < FEWEST_TEXTS:
        return f"{counted.total()} texts of values that {FEWEST_OF_A_VALUE} texts have; too few"
    if len(counted) < 2:
        return "every text has the same value"
    if len(counted) > MOST_VALUES:
        return f"{len(counted)} different values"
    return None


def _probe(
    states: Sequence[tuple[str, str, NDArray[np.float32]]],
    values: Sequence[str | None],
    seed: int,
) -> dict[str, Any]:
    """Probe one property in every state, on the same texts."""
    from sklearn.model_selection import train_test_split

    there = np.flatnonzero([value is not None for value in values])
    random = np.random.default_rng(seed)
    there = np.sort(random.permutation(there)[:MOST_TEXTS])
    names, codes = np.unique([str(values[place]) for place in there.tolist()], return_inverse=True)
    enough = np.bincount(codes).min() >= 2
    learned, held_out = train_test_split(
        np.arange(len(there)),
        test_size=HELD_OUT,
        random_state=seed,
        stratify=codes if enough else None,
    )
    shuffled = random.permutation(codes)
    commonest = np.bincount(codes[learned]).argmax()
    n = len(held_out)
    return {
        "values": names.tolist(),
        "learned_from": len(learned),
        "n": n,
        "commonest": share(int((codes[held_out] == commonest).sum()), n),
        "probes": [
            {
                "layer": layer,
                "state": state,
                "width": values_of.shape[1],
                "accuracy": share(_hits(values_of[there], codes, learned, held_out), n),
                "control": share(_hits(values_of[there], shuffled, learned, held_out), n),
            }
            for layer, state, values_of in states
        ],
    }


def _hits(
    states: NDArray[np.float32],
    codes: NDArray[np.integer],
    learned: NDArray[np.integer],
    held_out: NDArray[np.integer],
) -> int:
    """Return how many held-out texts a probe gets right."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    mean, spread = states[learned].mean(axis=0), states[learned].std(axis=0)
    standard = (states - mean) / np.where(spread > 1e-6, spread, 1)
    if len(np.unique(codes[learned])) < 2:
        return int((codes[held_out] == codes[learned][0]).sum())
    classifier = LogisticRegression(C=0.1, max_iter=MAX_ITERATIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        classifier.fit(standard[learned], codes[learned])
    return int((classifier.predict(standard[held_out]) == codes[held_out]).sum())
