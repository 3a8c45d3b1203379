"""Sentiment classifiers on a stacked Keras LSTM encoder that you can look into.

    >>> import sentiment
    >>> model = sentiment.load("runs/imdb")
    >>> model.predict(["A quiet triumph."])[0].label
    'positive'

Names are loaded when they are first used, so that `import sentiment` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment.errors import SentimentError
    from sentiment.evaluation.evaluate import evaluate
    from sentiment.runtime.answers import Prediction
    from sentiment.runtime.predictor import SentimentModel
    from sentiment.training_run import train

    load = SentimentModel.load

__all__ = ["Prediction", "SentimentError", "SentimentModel", "evaluate", "load", "train"]

_HOMES = {
    "Prediction": "sentiment.runtime.answers",
    "SentimentError": "sentiment.errors",
    "SentimentModel": "sentiment.runtime.predictor",
    "evaluate": "sentiment.evaluation.evaluate",
    "train": "sentiment.training_run",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562)."""
    if name == "load":
        return import_module("sentiment.runtime.predictor").SentimentModel.load
    if name not in _HOMES:
        raise AttributeError(f"module 'sentiment' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return list(__all__)
