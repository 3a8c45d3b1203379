"""Why a text got its answer: three ways to say what each word puts in.

| method | asks | engine | source |
|---|---|---|---|
| occlusion | what if the word were not there? | any | Li, Monroe & Jurafsky 2016 |
| gradients | which way does each embedding pull? | keras | Sundararajan et al. 2017 |
| decomposition | what of h_T comes from the word itself? | any | Murdoch et al. 2018 |

How faithful each is to the model is measured by `sentiment.evaluation.faithfulness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.runtime.attribution import (
    METHODS,
    Attribution,
    Float64,
    Method,
    Phrase,
    centred,
    centred_logits,
    find_phrase,
    no_phrase,
)
from sentiment.runtime.decomposition import decompose
from sentiment.runtime.predictor import SentimentModel
from sentiment.text.words import read_text


def explain(
    model: SentimentModel,
    text: str,
    method: Method = "occlusion",
    *,
    phrases: Sequence[str] = (),
    skip_missing: bool = False,
) -> Attribution:
    """Say how much each word of a text puts into each class's logit.

    Args:
        model: with engine `keras` for gradients, any for the others.
        text: the text.
        method: `occlusion`, `gradients` or `decomposition`.
        phrases: phrases of the text to look at as one.
        skip_missing: whether to leave out a phrase that the text does not have.

    Raises:
        ConfigError: no such method, or gradients without the Keras engine.
        DataError: the text holds a NUL or a lone surrogate, or no such phrase.
    """
    read = read_text(text, model.tokenizer)
    found_runs = {phrase: find_phrase(read.words, phrase) for phrase in phrases}
    missing = [phrase for phrase, run in found_runs.items() if run is None]
    if missing and not skip_missing:
        raise no_phrase(text, missing[0])
    runs = [run for run in found_runs.values() if run is not None]
    groups = [list(inside) for inside in read.words.tokens]
    groups += [
        [token for inside in read.words.tokens[first:after] for token in inside]
        for first, after in runs
    ]
    found = measure(model, read.token_ids, groups, method)
    num_words = len(read.words)
    return Attribution(
        method=method,
        words=read.words,
        classes=model.classes,
        values=found.values[:num_words],
        whole=found.whole,
        gap=found.gap,
        about=found.about,
        phrases=tuple(
            Phrase(run, values) for run, values in zip(runs, found.values[num_words:], strict=True)
        ),
        truncated_tokens=read.truncated_tokens,
        head_words=read.head_words,
    )


@dataclass(frozen=True)
class Measured:
    """What groups of tokens put in: values (groups, classes), and as in `Attribution`."""

    values: Float64
    whole: Float64
    gap: float | None
    about: str


def measure(
    model: SentimentModel,
    token_ids: NDArray[np.integer],
    groups: Sequence[Sequence[int]],
    method: Method,
) -> Measured:
    """Say how much each group of tokens, by position, puts into each centred logit.

    Raises:
        ConfigError: no such method, or gradients without the Keras engine.
    """
    if method == "occlusion":
        return _occlusion(model, token_ids, groups)
    if method == "gradients":
        return _gradients(model, token_ids, groups)
    if method == "decomposition":
        return _decomposition(model, token_ids, groups)
    raise ConfigError(f"no method {method!r}", expected=f"one of {', '.join(METHODS)}")


def _occlusion(
    model: SentimentModel, token_ids: NDArray[np.integer], groups: Sequence[Sequence[int]]
) -> Measured:
    """Leave each group out, all in one call, and see how far the logits fall."""
    texts = [token_ids, *(np.delete(token_ids, list(group)) for group in groups)]
    logits = centred_logits(model, texts)  # (1 + groups, classes)
    about = "occlusion: how far the logits fall when the word is left out of the text"
    return Measured(logits[0] - logits[1:], logits[0], None, about)


def _gradients(
    model: SentimentModel, token_ids: NDArray[np.integer], groups: Sequence[Sequence[int]]
) -> Measured:
    """Sum the integrated gradients of each group's tokens."""
    found = model.integrated_gradients(token_ids)
    values = np.stack([found.values[list(group)].sum(axis=0) for group in groups])
    about = (
        "integrated gradients on the embeddings, from a text of zero vectors; "
        f"{found.steps} steps, completeness gap {found.gap:.1e}"
    )
    return Measured(values, found.whole, found.gap, about)


def _decomposition(
    model: SentimentModel, token_ids: NDArray[np.integer], groups: Sequence[Sequence[int]]
) -> Measured:
    """Split the logits into each group's part β and the rest γ."""
    inside = np.zeros((len(groups), len(token_ids)), bool)
    for row, group in enumerate(groups):
        inside[row, list(group)] = True
    split = decompose(model.weights, token_ids, model.folder.encoder, inside)
    logits = model.replay(token_ids).logits.astype(np.float64)
    gap = float(np.abs(split.beta + split.gamma - logits).max())
    about = (
        "contextual decomposition: the word's own part β of the logits; "
        f"β + γ misses them by {gap:.1e}"
    )
    return Measured(centred(split.beta), centred(logits), gap, about)
