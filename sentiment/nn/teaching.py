"""Teachers: trained models whose answers a smaller one learns (Hinton, Vinyals & Dean 2015).

A teacher's probabilities say more than a label, and it can be asked about texts that have none.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import time
from collections.abc import Callable, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import Config
from sentiment.data.labelled import LabelledTexts
from sentiment.data.load import Splits, load_unlabelled
from sentiment.data.shares import COLUMN, class_shares
from sentiment.errors import ConfigError, DataError
from sentiment.model_folder import TOKENIZER, WEIGHTS, open_model_folder
from sentiment.nn.keras_network import rebuild
from sentiment.nn.lessons import Examples
from sentiment.nn.scoring import predict
from sentiment.runtime.predictor import SentimentModel
from sentiment.text.tokenizer import EncodedTexts, Tokenizer

# The teacher that is made on the spot, from the training's own labels.
NBSVM = "nbsvm"
# What somebody said beforehand: the column of that name in the data.
WRITTEN = COLUMN


class Teachers:
    """One or several models that answer as one: by the mean of their probabilities.

    Args:
        names: model folders, bundled models, `nbsvm`, or `probabilities`.
        classes: the pupil's, each of which every teacher must know. What a teacher says of other
            classes is left out.

    Raises:
        ModelFolderError: a folder is missing or damaged.
        ConfigError: a teacher lacks a class.
    """

    def __init__(self, names: Sequence[str], classes: Sequence[str]) -> None:
        known: dict[str, _Ask] = {NBSVM: _ngrams, WRITTEN: _written}
        self._ask = [known.get(name) or _folder(name, classes) for name in names]

    def answer(self, train: LabelledTexts, others: LabelledTexts) -> NDArray[np.float32]:
        """Return what they say of the labelled texts, then of the others, if there are any.

        Returns:
            Probabilities of the pupil's classes, summing to 1: (train + others, classes).

        Raises:
            DataError: `nbsvm` is asked, and the labelled texts are of one class or without a word;
                or `probabilities`, and the data has none.
        """
        answers = np.stack([ask(train, others) for ask in self._ask])  # (teachers, texts, classes)
        mean: NDArray[np.float32] = answers.mean(axis=0).astype(np.float32)
        return mean


_Ask = Callable[[LabelledTexts, LabelledTexts], NDArray[np.float64]]


def _folder(name: str, classes: Sequence[str]) -> _Ask:
    """Return what asks a trained model about the pupil's classes."""
    folder = open_model_folder(name)
    for label in classes:
        if label not in folder.classes:
            setting = f"data.classes=[{', '.join(folder.classes)}]"
            raise ConfigError(
                f"training.teacher {name} has no class {label!r}",
                expected=f"a model of the classes {', '.join(classes)}",
                run=f"sentiment train … --set {shlex.quote(setting)}",
            )
    columns = [folder.classes.index(label) for label in classes]
    if keras.backend.backend() == "tensorflow":  # on the CPU: ONNX Runtime is faster there
        model = SentimentModel.load(folder.path)

        def probabilities(texts: Sequence[str]) -> NDArray[np.float32]:
            return model.run(model.tokenizer.encode(texts), layers=False).probabilities
    else:
        network, tokenizer = rebuild(folder), folder.tokenizer()

        def probabilities(texts: Sequence[str]) -> NDArray[np.float32]:
            return predict(network, tokenizer.encode(texts))

    def ask(train: LabelledTexts, others: LabelledTexts) -> NDArray[np.float64]:
        asked = probabilities([*train.texts, *others.texts])[:, columns].astype(np.float64)
        shares: NDArray[np.float64] = asked / np.maximum(asked.sum(axis=1, keepdims=True), 1e-12)
        return shares

    return ask


def _written(train: LabelledTexts, others: LabelledTexts) -> NDArray[np.float64]:
    """Read what stands beside the texts."""
    return np.vstack([class_shares(part, train.classes) for part in (train, others) if len(part)])


def _ngrams(train: LabelledTexts, others: LabelledTexts) -> NDArray[np.float64]:
    """Fit an NB-SVM to the labelled texts; of these it says what it said before it learned them."""
    from sentiment.nn.nbsvm import NbSvm

    try:
        model = NbSvm(train.texts, train.labels, len(train.classes))
    except ValueError as error:
        raise DataError(
            f"training.teacher {NBSVM} cannot learn from {train.origin}: {error}",
            expected="texts of two classes or more",
        ) from None
    known = model.held_out()
    return np.vstack([known, model.probabilities(others.texts)]) if others else known


def find_lessons(
    config: Config, splits: Splits, tokenizer: Tokenizer, note: Callable[[str], None]
) -> tuple[Examples, EncodedTexts | None, str]:
    """Return what to learn from: labelled texts, those a teacher labels, and those nobody does.

    Returns:
        The texts with what is known of them; those of which nothing is; and a fingerprint of all
        that the train split does not hold: other texts, teachers, answers beside the texts.

    Raises:
        DataError: unlabelled texts are wanted and the source has none.
    """
    settings, labels = config.training, splits.train.labels
    others = _unlabelled_texts(config, splits, note)
    fingerprint = _fingerprint(settings.teacher, splits.train, others)
    if not settings.teacher:
        unlabelled = tokenizer.encode(others.texts) if others else None
        return Examples(tokenizer.encode(splits.train.texts), labels), unlabelled, fingerprint
    texts, began = [*splits.train.texts, *others.texts], time.monotonic()
    note(f"teacher: {' and '.join(settings.teacher)} on {len(texts):,} texts")
    answers = Teachers(settings.teacher, splits.classes).answer(splits.train, others)
    known = np.eye(len(splits.classes), dtype=np.float32)[labels]
    own = answers[: len(labels)]
    agreed = float(np.mean(own.argmax(axis=1) == labels))
    note(
        f"teacher: {time.monotonic() - began:.0f} s; agrees with {100 * agreed:.1f}% of the labels"
    )
    answers[: len(labels)] = known + settings.teacher_share * (own - known)
    everyone = np.concatenate([labels, others.labels])
    return Examples(tokenizer.encode(texts), everyone, answers), None, fingerprint


def _fingerprint(teachers: Sequence[str], train: LabelledTexts, others: LabelledTexts) -> str:
    digest = hashlib.sha256(json.dumps(others.texts).encode())
    for name in teachers:
        if name == WRITTEN:
            said = [part.columns.get(COLUMN) for part in (train, others)]
            digest.update(json.dumps(said, default=str).encode())
        elif name != NBSVM:  # which follows from the train split
            folder = open_model_folder(name)
            for file in (WEIGHTS, TOKENIZER):
                digest.update(folder.file(file).read_bytes())
    return digest.hexdigest()


def _unlabelled_texts(config: Config, splits: Splits, note: Callable[[str], None]) -> LabelledTexts:
    """Draw `training.unlabelled_texts` of the source's texts without labels."""
    settings = config.training
    if not settings.unlabelled_texts:
        return splits.train.take([])
    judged = [*splits.validation.texts, *(splits.test.texts if splits.test else [])]
    texts = load_unlabelled(config.data, splits.classes, without=judged)
    if not texts:
        raise DataError(
            f"{config.data.source} has no unsupervised split, and training.unlabelled_texts is "
            f"{settings.unlabelled_texts:,}",
            expected="a folder with unsupervised.(parquet|csv|jsonl)",
            run="sentiment train … --set training.unlabelled_texts=0",
        )
    order = np.random.default_rng(settings.seed).permutation(len(texts))
    chosen = np.sort(order[: settings.unlabelled_texts])
    note(f"unlabelled: {len(chosen):,} of {len(texts):,} texts")
    return texts.take(chosen)
