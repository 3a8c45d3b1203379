"""What a training learns from: labelled texts, teachers' answers, and texts without either.

Everything about a step follows from seed, epoch and batch, so that a resumed training need only
ask again.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.config import TrainingSettings
from sentiment.text.batches import make_batch, paired_batches, training_batches
from sentiment.text.tokenizer import EncodedTexts


@dataclass(frozen=True)
class Examples:
    """Encoded texts with what is known of them.

    Attributes:
        encoded: the texts.
        labels: (texts,) numbers of classes, -1 where only a teacher has answered.
        answers: (texts, classes) what to answer instead of the label alone, or None.
    """

    encoded: EncodedTexts
    labels: NDArray[np.int32]
    answers: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.labels)


@dataclass(frozen=True)
class LessonBatch:
    """The texts of a step.

    Attributes:
        rows: which labelled texts.
        others: which unlabelled ones stand beside them, or None.
    """

    rows: NDArray[np.int64]
    others: NDArray[np.int64] | None = None


class Lessons:
    """The batches of a training.

    Args:
        train: labelled texts.
        unlabelled: texts for the losses of `training.perturbation`, or None.
        settings: batch sizes, passes an epoch, seed, class weights.
        num_classes: how many classes there are.

    Attributes:
        weights: (classes,) how much a text of each class counts.
    """

    def __init__(
        self,
        train: Examples,
        unlabelled: EncodedTexts | None,
        settings: TrainingSettings,
        *,
        num_classes: int,
    ) -> None:
        self.train = train
        self.unlabelled = unlabelled
        self.settings = settings
        self.num_classes = num_classes
        self.weights = _class_weights(train.labels, num_classes, settings.class_weights)

    def batches(self, epoch: int) -> list[LessonBatch]:
        """Return the batches of an epoch, in order: of each pass through the texts its own."""
        passes = self.settings.passes
        first = epoch * passes
        return [batch for turn in range(first, first + passes) for batch in self._pass(turn)]

    def _pass(self, turn: int) -> list[LessonBatch]:
        settings, lengths = self.settings, self.train.encoded.lengths
        batches = training_batches(
            lengths, batch_size=settings.batch_size, seed=settings.seed, epoch=turn
        )
        if self.unlabelled is None:
            return [LessonBatch(rows) for rows in batches]
        others = paired_batches(
            batches,
            lengths,
            self.unlabelled.lengths,
            batch_size=settings.perturbation.unlabelled_batch_size,
            seed=settings.seed,
            epoch=turn,
        )
        return [LessonBatch(*pair) for pair in zip(batches, others, strict=True)]

    def inputs(
        self, batch: LessonBatch
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Return token ids (batch, time), targets (batch, classes) and weights (batch,).

        Unlabelled texts stand below the labelled ones; their targets and weights are zeros.
        """
        token_ids = make_batch(self.train.encoded, batch.rows).token_ids
        labels = self.train.labels[batch.rows]
        if self.train.answers is None:
            targets = np.eye(self.num_classes, dtype=np.float32)[labels]
        else:
            targets = self.train.answers[batch.rows]
        # A text that only a teacher knows counts as one of the class that it answers.
        weights = self.weights[np.where(labels >= 0, labels, targets.argmax(axis=1))]
        if self.unlabelled is None or batch.others is None:
            return token_ids, targets, weights
        more = make_batch(self.unlabelled, batch.others).token_ids
        time = max(token_ids.shape[1], more.shape[1])
        token_ids = np.vstack(
            [np.pad(ids, ((0, 0), (0, time - ids.shape[1]))) for ids in (token_ids, more)]
        )
        nothing = np.zeros((len(more), self.num_classes), np.float32)
        return token_ids, np.vstack([targets, nothing]), np.append(weights, nothing[:, 0])


def _class_weights(labels: NDArray[np.int32], num_classes: int, kind: str) -> NDArray[np.float32]:
    """Return a weight a class `(classes,)`; `balanced` makes every class count alike."""
    if kind == "none":
        return np.ones(num_classes, np.float32)
    labels = labels[labels >= 0]
    counts = np.maximum(np.bincount(labels, minlength=num_classes), 1)
    return (len(labels) / (num_classes * counts)).astype(np.float32)
