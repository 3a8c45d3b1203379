"""NB-SVM (Wang & Manning 2012), the strongest of the simple linear models, as a teacher.

Words, word pairs and triples, each present or not, weighted by their naive Bayes log-count ratio,
under logistic regression, which answers with probabilities: each class against the rest. It knows
rare phrases that a small LSTM has too few labels for, and can show them to it on texts without any.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What separates words is no token; every mark is one, as in Wang and Manning's own script.
TOKEN = r"\w+|[^\w\s]"  # noqa: S105 (a pattern, no password)
MAX_WORDS = 3
FOLDS = 5
MANY_TEXTS = 1_000
STRENGTH = 0.1  # C of the logistic regression
SEED = 13


class NbSvm:
    """An NB-SVM of labelled texts.

    Args:
        texts: what to learn from.
        labels: (texts,) numbers of classes.
        num_classes: how many classes there are. One without texts gets probability 0.

    Raises:
        ValueError: fewer than two classes have two texts, or there is no word.
    """

    def __init__(self, texts: Sequence[str], labels: NDArray[np.integer], num_classes: int) -> None:
        from sklearn.feature_extraction.text import CountVectorizer

        self._labels = np.asarray(labels)
        self._num_classes = num_classes
        if np.sum(np.bincount(self._labels) >= 2) < 2:
            raise ValueError("fewer than two classes have two texts")
        # In a few texts a phrase that comes three times is rare.
        rarest = 3 if len(texts) >= MANY_TEXTS else 1
        self._vectorizer = CountVectorizer(
            binary=True,
            ngram_range=(1, MAX_WORDS),
            min_df=rarest,
            token_pattern=TOKEN,
            dtype=np.float32,
        )
        self._features = self._vectorizer.fit_transform(texts)  # (texts, phrases)
        self._models = _fit(self._features, self._labels)

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the probabilities of the classes, summing to 1: (texts, classes)."""
        features = self._vectorizer.transform(texts)
        return _answer(self._models, features, self._num_classes)

    def held_out(self) -> NDArray[np.float64]:
        """Return what it says of its own texts when it has not learned them: (texts, classes).

        By five models, each of which has not seen the labels of a fifth of the texts: about its own
        texts a model of millions of phrases says nothing but their labels.
        """
        random, folds = np.random.default_rng(SEED), np.zeros(len(self._labels), np.int64)
        for label in np.unique(self._labels):  # of each class about as many in every fold
            [rows] = np.nonzero(self._labels == label)
            folds[random.permutation(rows)] = np.arange(len(rows)) % FOLDS
        answers = np.zeros((len(self._labels), self._num_classes))
        for fold in np.unique(folds):
            out = folds == fold
            models = _fit(self._features[~out], self._labels[~out])
            answers[out] = _answer(models, self._features[out], self._num_classes)
        return answers


# For each class: its number, the ratios of the phrases (phrases,), and the logistic regression.
_Models = list[tuple[int, NDArray[np.float64], Any]]


def _fit(features: Any, labels: NDArray[np.integer]) -> _Models:
    """Fit one model for each class that has texts."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    models: _Models = []
    for label in np.unique(labels).tolist():
        its = labels == label
        ratios = _log_count_ratios(features[its], features[~its])
        classifier = LogisticRegression(
            C=STRENGTH, solver="liblinear", dual=True, random_state=SEED
        )
        with warnings.catch_warnings():  # its hundred passes are enough for a teacher
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(_weighted(features, ratios), its)
        models.append((label, ratios, classifier))
    return models


def _answer(models: _Models, features: Any, num_classes: int) -> NDArray[np.float64]:
    answers = np.zeros((features.shape[0], num_classes))
    for label, ratios, classifier in models:
        answers[:, label] = classifier.predict_proba(_weighted(features, ratios))[:, 1]
    shares: NDArray[np.float64] = answers / answers.sum(axis=1, keepdims=True)
    return shares


def _log_count_ratios(its: Any, others: Any) -> NDArray[np.float64]:
    """Return log((p / |p|) / (q / |q|)) of each phrase: (phrases,), counts smoothed by 1."""
    p = np.asarray(its.sum(axis=0), np.float64).ravel() + 1
    q = np.asarray(others.sum(axis=0), np.float64).ravel() + 1
    ratios: NDArray[np.float64] = np.log(p / p.sum()) - np.log(q / q.sum())
    return ratios


def _weighted(features: Any, ratios: NDArray[np.float64]) -> Any:
    return features.multiply(ratios).tocsr()
