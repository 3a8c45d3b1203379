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
from sentiment.evaluation.intervals import SEED, Figure, mean
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
        What `faithfulness.json` holds: plain JSON types. Under `deletion` and `insertion`, by
        method and for `random`, the mean curve over the texts at `fractions`; under `areas` the
        areas with 95 % intervals, and each method's paired difference from random order.

    Raises:
        DataError: no text has three words.
    """
    chosen = _sample(model, texts, sample, seed)
    if not chosen:
        raise DataError(
            f"none of {len(texts):,} texts has {FEWEST_WORDS} words",
            expected="longer texts, or no --faithfulness",
        )
    log(f"faithfulness of explanations: {len(chosen):,} texts")
    curves: dict[str, Curves] = {}
    seconds = {}
    for method in METHODS:
        if method in explainers:
            started = time.perf_counter()
            orders = [_order(explainers[method], text, method) for text in chosen]
            seconds[method] = (time.perf_counter() - started) / len(chosen)
            pairs = zip(chosen, orders, strict=True)
            curves[method] = np.concatenate([_curves(model, text, [each]) for text, each in pairs])
            log(f"{method}: {seconds[method]:.3f} s a text")
    curves[_RANDOM] = _random_curves(model, chosen, seed)
    areas = {kind: _areas(curves, place) for place, kind in enumerate(_CURVES)}
    return {
        **provenance(command, seed),
        "trained_at": model.folder.info.get("trained_at"),
        "about": _about(areas),
        "n": len(chosen),
        "of": len(texts),
        "fewest_words": FEWEST_WORDS,
        "mean_words": float(np.mean([len(text.read.words) for text in chosen])),
        "random_orders": RANDOM_ORDERS,
        "fractions": list(FRACTIONS),
        **{
            kind: {
                name: one[:, place].mean(axis=0).round(6).tolist() for name, one in curves.items()
            }
            for place, kind in enumerate(_CURVES)
        },
        "areas": areas,
        "seconds_per_text": seconds,
    }


def format_faithfulness(results: Mapping[str, Any]) -> str:
    """Return the areas as a table, each beside its difference from random order."""
    head = (
        f"faithfulness of explanations on {results['n']:,} of {results['of']:,} texts: mean "
        "probability of the answer\nwhile words are deleted (lower: more faithful) or inserted "
        "(higher), most important first"
    )
    rows = [["", "deletion", "against random", "insertion", "against random"]]
    for name in results["areas"]["deletion"]:
        cells = ["random order" if name == _RANDOM else name]
        for kind in _CURVES:
            area = results["areas"][kind][name]
            change = area.get("against_random")
            cells += [f"{area['value']:.3f}", "" if change is None else _change(change)]
        rows.append(cells)
    return f"{head}\n\n{align(rows)}"


def _sample(model: SentimentModel, texts: Sequence[str], sample: int, seed: int) -> list[_Text]:
    """Draw texts of enough words, without replacement."""
    chosen: list[_Text] = []
    for row in np.random.default_rng(seed).permutation(len(texts)).tolist():
        if len(chosen) == sample:
            break
        read = read_text(texts[row], model.tokenizer)
        if len(read.words) >= FEWEST_WORDS:
            [probabilities] = model.run(encoded_ids([read.token_ids]), layers=False).probabilities
            chosen.append(_Text(read, int(probabilities.argmax())))
    return chosen


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


def _areas(curves: Mapping[str, Curves], place: int) -> dict[str, Figure]:
    """Return each name's mean area, with its paired difference from random order's."""
    under = {
        name: np.trapezoid(one[:, place], FRACTIONS, axis=1)  # (texts,)
        for name, one in curves.items()
    }
    return {
        name: {
            **mean(areas),
            **({} if name == _RANDOM else {"against_random": mean(areas - under[_RANDOM])}),
        }
        for name, areas in under.items()
    }


def _about(areas: Mapping[str, Mapping[str, Figure]]) -> str:
    differences = ", ".join(
        f"{name} {_change(area['against_random'])}"
        for name, area in areas["deletion"].items()
        if name != _RANDOM
    )
    return (
        "The curves are the mean probability of the model's own answer; random order is the mean "
        f"of {RANDOM_ORDERS}. Area below the deletion curve, against random order: {differences}."
    )


def _change(figure: Figure) -> str:
    """Return a difference with its interval, if it has one."""
    text = f"{figure['value']:+.3f}"
    if figure["low"] is not None:
        text += f" ({figure['low']:+.3f} to {figure['high']:+.3f})"
    return text.replace("-", "\N{MINUS SIGN}")
