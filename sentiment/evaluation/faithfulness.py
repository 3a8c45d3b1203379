"""Is an explanation faithful to the model? Deletion and insertion curves against random order.

Words are deleted from a text in an explanation's order, those most in favour of the answer first;
the sooner the probability of that answer falls, the better the explanation found what it rests on
(Petsiuk, Das & Saenko 2018; for text: Samek et al. 2017, DeYoung et al. 2020 call it
comprehensiveness). Insertion starts from nothing and puts words back in the same order, each in its
place. The area below a curve is its mean over the share of words, 0–1. The reference is the mean
over random orders of the same words. Nothing here says whether the answer is right.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import DataError
from sentiment.evaluation.baselines import Log, silent
from sentiment.evaluation.intervals import SEED, mean
from sentiment.evaluation.provenance import provenance
from sentiment.evaluation.summary import align
from sentiment.runtime.attribution import METHODS, Method, encoded_ids
from sentiment.runtime.explanation import measure
from sentiment.runtime.predictor import SentimentModel
from sentiment.text.words import ReadText, read_text

FILE_NAME = "faithfulness.json"
FRACTIONS = tuple(np.linspace(0.0, 1.0, 11).round(1).tolist())
RANDOM_ORDERS = 10
# In fewer words there is no order worth speaking of.
FEWEST_WORDS = 3
_CURVES = ("deletion", "insertion")
_RANDOM = "random"

Curves = NDArray[np.float64]


@dataclass(frozen=True)
class _Text:
    """One text: as the model reads it, and the class it answers."""

    read: ReadText
    answer: int


def measure_faithfulness(
    model: SentimentModel,
    texts: Sequence[str],
    *,
    sample: int,
    explainers: Mapping[Method, SentimentModel],
    command: str,
    seed: int = SEED,
    log: Log = silent,
) -> dict[str, Any]:
    """Measure each method's curves on a random sample of texts.

    Args:
        model: whose answers are explained, and whose probabilities make the curves.
        texts: to draw from; those of fewer than three words are left out.
        sample: how many at most.
        explainers: by method, the model that explains: for `gradients` with the Keras engine.
        command: kept in the result.
        seed: of the sample and of the random orders.
        log: is given progress, a line at a time.

    Returns:
        What `faithfulness.json` holds: plain JSON types. For each method and for random order the
        mean curves over the texts at `fractions`, their areas with 95 % intervals, and for each
        method the paired difference of its areas from random order's.

    Raises:
        DataError: no text has three words.
    """
    chosen, total = _sample(model, texts, sample, seed)
    if not chosen:
        raise DataError(
            f"none of {len(texts):,} texts has {FEWEST_WORDS} words",
            expected="longer texts, or no --faithfulness",
        )
    log(f"faithfulness of explanations: {len(chosen):,} texts")
    curves: dict[str, Curves] = {_RANDOM: _random_curves(model, chosen, seed)}
    seconds = {}
    for method in METHODS:
        if method in explainers:
            started = time.perf_counter()
            orders = [_order(explainers[method], text, method) for text in chosen]
            seconds[method] = (time.perf_counter() - started) / len(chosen)
            curves[method] = np.stack(
                [
                    _curves(model, text, [order])[0]
                    for text, order in zip(chosen, orders, strict=True)
                ]
            )
            log(f"{method}: {seconds[method]:.3f} s a text")
    return {
        **provenance(command, seed),
        "sample": {
            "texts": len(chosen),
            "of": total,
            "fewest_words": FEWEST_WORDS,
            "mean_words": float(np.mean([len(text.read.words) for text in chosen])),
        },
        "measured": "probability of the model's own answer",
        "fractions": list(FRACTIONS),
        "random_orders": RANDOM_ORDERS,
        _RANDOM: _figures(curves[_RANDOM]),
        "methods": {
            method: {
                **_figures(curves[method], curves[_RANDOM]),
                "seconds_per_text": seconds[method],
            }
            for method in seconds
        },
    }


def format_faithfulness(results: Mapping[str, Any]) -> str:
    """Return the areas as a table, each beside its difference from random order."""
    sample = results["sample"]
    head = (
        f"faithfulness of explanations on {sample['texts']:,} of {sample['of']:,} texts: mean "
        "probability of the answer\nwhile words are deleted (lower: more faithful) or inserted "
        "(higher), most important first"
    )
    rows = [["", "deletion", "against random", "insertion", "against random"]]
    for name, figures in results["methods"].items():
        cells = [name]
        for kind in _CURVES:
            change = figures[kind]["against_random"]
            span = (
                "" if change["low"] is None else f" ({change['low']:+.3f} to {change['high']:+.3f})"
            )
            cells += [f"{figures[kind]['area']['value']:.3f}", f"{change['value']:+.3f}{span}"]
        rows.append(cells)
    plain = [f"{results[_RANDOM][kind]['area']['value']:.3f}" for kind in _CURVES]
    rows.append(["random order", plain[0], "", plain[1], ""])
    return f"{head}\n\n{align(rows)}".replace("-0.", "\N{MINUS SIGN}0.")


def _sample(
    model: SentimentModel, texts: Sequence[str], sample: int, seed: int
) -> tuple[list[_Text], int]:
    """Draw texts of enough words; return them, and how many texts there were to draw from."""
    chosen: list[_Text] = []
    for row in np.random.default_rng(seed).permutation(len(texts)).tolist():
        if len(chosen) == sample:
            break
        read = read_text(texts[row], model.tokenizer)
        if len(read.words) >= FEWEST_WORDS:
            [probabilities] = model.run(encoded_ids([read.token_ids]), layers=False).probabilities
            chosen.append(_Text(read, int(probabilities.argmax())))
    return chosen, len(texts)


def _order(model: SentimentModel, text: _Text, method: Method) -> NDArray[np.int64]:
    """Return the words, most in favour of the answer first."""
    found = measure(model, text.read.token_ids, text.read.words.tokens, method)
    return np.argsort(-found.values[:, text.answer], kind="stable")


def _random_curves(model: SentimentModel, texts: Sequence[_Text], seed: int) -> Curves:
    """Return each text's mean over random orders: (texts, 2, fractions)."""
    random = np.random.default_rng(seed)
    return np.stack(
        [
            _curves(
                model,
                text,
                [random.permutation(len(text.read.words)) for _ in range(RANDOM_ORDERS)],
            ).mean(axis=0)
            for text in texts
        ]
    )


def _curves(model: SentimentModel, text: _Text, orders: Sequence[NDArray[np.int64]]) -> Curves:
    """Return the deletion and the insertion curve of each order: (orders, 2, fractions)."""
    words = text.read.words.tokens
    variants = []
    for order in orders:
        for kind in _CURVES:
            for fraction in FRACTIONS:
                first = order[: round(fraction * len(words))]
                taken = np.zeros(len(text.read.token_ids), bool)
                taken[[token for word in first for token in words[word]]] = True
                kept = taken if kind == "insertion" else ~taken
                variants.append(text.read.token_ids[kept])
    found = model.run(encoded_ids(variants), layers=False).probabilities[:, text.answer]
    return found.astype(np.float64).reshape(len(orders), len(_CURVES), len(FRACTIONS))


def _figures(curves: Curves, reference: Curves | None = None) -> dict[str, Any]:
    """Return mean curves and areas; with a reference, also the paired difference of areas."""
    figures: dict[str, Any] = {}
    for place, kind in enumerate(_CURVES):
        areas = np.trapezoid(curves[:, place], FRACTIONS, axis=1)  # (texts,)
        figures[kind] = {
            "curve": curves[:, place].mean(axis=0).round(6).tolist(),
            "area": mean(areas),
        }
        if reference is not None:
            plain = np.trapezoid(reference[:, place], FRACTIONS, axis=1)
            figures[kind]["against_random"] = mean(areas - plain)
    return figures
