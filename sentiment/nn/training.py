"""The training loop: exact to resume, early stopping on validation, averaged weights.

It drives Keras's own `train_on_batch`, so it runs on every Keras backend. Everything that the next
step depends on is in the checkpoint: a resumed training ends with the same bits as one that was
never interrupted (on one machine, with the same library versions).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import TrainingSettings
from sentiment.nn.adversarial import PerturbedClassifier
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore
from sentiment.nn.lessons import Examples, LessonBatch, Lessons
from sentiment.nn.optimization import make_optimizer, restore_tensors, training_tensors
from sentiment.nn.saving import diverged, save_if_due, save_state
from sentiment.nn.scoring import predict, score
from sentiment.text.tokenizer import EncodedTexts


@dataclass(frozen=True)
class EpochRecord:
    """One line of `history.csv`; losses in nats, accuracies and F1 0–1, seconds for the epoch."""

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    validation_macro_f1: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class StepReport:
    """What a progress display needs after each step."""

    epoch: int
    epochs: int
    batch: int
    batches: int
    loss: float
    tokens: int


@dataclass
class _Counters:
    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    correct_sum: float = 0.0
    seconds: float = 0.0
    best_macro_f1: float = -1.0
    best_loss: float = math.inf
    epochs_since_best: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class Trainer:
    """Trains a built classifier.

    Args:
        model: the network of `build_classifier`.
        train: what to learn from.
        validation: what decides, unless the last epoch is kept, when to stop and which one is.
        settings: how.
        num_classes: width of the model's output.
        unlabelled: texts for the losses of `training.perturbation`.
        store: where checkpoints go; None for none.
        on_step: called after every step.
        on_epoch: called after every epoch.
        stop_requested: asked after every step; True saves the state and raises
            `TrainingInterrupted`.
    """

    def __init__(
        self,
        model: keras.Model,
        train: Examples,
        validation: Examples,
        settings: TrainingSettings,
        *,
        num_classes: int,
        unlabelled: EncodedTexts | None = None,
        store: CheckpointStore | None = None,
        on_step: Callable[[StepReport], None] | None = None,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.model = model
        self.train = train
        self.validation = validation
        self.settings = settings
        self.num_classes = num_classes
        self.lessons = Lessons(train, unlabelled, settings, num_classes=num_classes)
        self.store = store
        self.on_step = on_step
        self.on_epoch = on_epoch
        self.stop_requested = stop_requested
        self.batches_per_epoch = settings.passes * math.ceil(len(train) / settings.batch_size)
        self.counters = _Counters()
        self.best: list[NDArray[Any]] = []
        self.last_saved = time.monotonic()
        self.learner = self._learner()
        self._compile()

    def _learner(self) -> keras.Model:
        """Return what is trained: the model, or the model under more losses, weights shared."""
        settings = self.settings
        if not (settings.perturbation.wanted or settings.trace_loss):
            return self.model
        vocabulary_size = self.model.get_layer("embedding").input_dim
        counts = np.bincount(self.train.encoded.token_ids, minlength=vocabulary_size)
        return PerturbedClassifier(
            self.model,
            settings.perturbation,
            shares=counts / counts.sum(),
            labelled_rows=settings.batch_size,
            trace=settings.trace_loss,
            label_smoothing=settings.label_smoothing,
            seed=settings.seed,
        )

    def _compile(self) -> None:
        settings = self.settings
        optimizer = make_optimizer(
            steps=settings.epochs * self.batches_per_epoch,
            learning_rate=settings.learning_rate,
            warmup_fraction=settings.warmup_fraction,
            clip_norm=settings.clip_norm,
            weight_decay=settings.weight_decay,
            ema_momentum=settings.ema_momentum,
        )
        smoothing = settings.label_smoothing
        mixed = self.learner is not self.model  # then it computes its loss and accuracy itself
        self.learner.compile(
            optimizer=optimizer,
            loss=None if mixed else keras.losses.CategoricalCrossentropy(label_smoothing=smoothing),
            metrics=None if mixed else ["accuracy"],
            # XLA compiles each batch shape anew and was slower on the CPUs measured.
            jit_compile=False,
        )
        optimizer.build(self.model.trainable_variables)
        if not mixed:
            # Made in the first step, the metrics' variables would have it traced twice (seconds).
            some = np.full((1, self.num_classes), 1 / self.num_classes, np.float32)
            self.model.compute_metrics(None, some, some, np.ones(1, np.float32))
        self.learner.reset_metrics()

    def run(self) -> list[EpochRecord]:
        """Train to the end or to early stopping; leave the weights to keep in the model.

        Raises:
            TrainingError: the loss is no longer a number; the last good state is kept.
            TrainingInterrupted: `stop_requested` said so; the state is saved.
        """
        while self.counters.epoch < self.settings.epochs and not self._out_of_patience():
            self._run_epoch()
        for variable, value in zip(self.model.trainable_variables, self.best, strict=True):
            variable.assign(value)
        return [EpochRecord(**record) for record in self.counters.history]

    def _out_of_patience(self) -> bool:
        return self.counters.epochs_since_best >= self.settings.patience

    def _run_epoch(self) -> None:
        counters = self.counters
        batches = self.lessons.batches(counters.epoch)
        for batch in batches[counters.batch :]:
            started = time.monotonic()
            loss, tokens = self._step(batch)
            counters.seconds += time.monotonic() - started
            if self.on_step:
                self.on_step(
                    StepReport(
                        epoch=counters.epoch + 1,
                        epochs=self.settings.epochs,
                        batch=counters.batch,
                        batches=len(batches),
                        loss=loss,
                        tokens=tokens,
                    )
                )
            save_if_due(self)
        self._finish_epoch()
        save_if_due(self)

    def _step(self, batch: LessonBatch) -> tuple[float, int]:
        counters = self.counters
        token_ids, targets, weights = self.lessons.inputs(batch)
        self.learner.reset_metrics()
        result = self.learner.train_on_batch(
            token_ids, targets, sample_weight=weights, return_dict=True
        )
        loss = float(result["loss"])
        counters.batch += 1
        if not math.isfinite(loss):
            raise diverged(self, f"the loss became {loss}", command="train")
        counters.step += 1
        counters.loss_sum += loss * len(batch.rows)
        counters.correct_sum += float(result["accuracy"]) * len(batch.rows)
        return loss, int(np.count_nonzero(token_ids))

    def _finish_epoch(self) -> None:
        counters, started = self.counters, time.monotonic()
        live = [np.array(variable.numpy()) for variable in self.model.trainable_variables]
        self.learner.optimizer.finalize_variable_values(self.model.trainable_variables)
        loss, accuracy, macro_f1 = score(
            predict(self.model, self.validation.encoded), self.validation.labels
        )
        if not math.isfinite(loss):
            raise diverged(self, f"the validation loss became {loss}", command="train")
        counters.epochs_since_best += 1
        better = (macro_f1, -loss) > (counters.best_macro_f1, -counters.best_loss)
        if better or self.settings.keep == "last":
            counters.best_macro_f1, counters.best_loss = macro_f1, loss
            counters.epochs_since_best = 0
            self.best = [np.array(variable.numpy()) for variable in self.model.trainable_variables]
        for variable, value in zip(self.model.trainable_variables, live, strict=True):
            variable.assign(value)
        seen = self.settings.passes * len(self.train)
        record = EpochRecord(
            epoch=counters.epoch + 1,
            step=counters.step,
            train_loss=counters.loss_sum / seen,
            train_accuracy=counters.correct_sum / seen,
            validation_loss=loss,
            validation_accuracy=accuracy,
            validation_macro_f1=macro_f1,
            learning_rate=float(keras.ops.convert_to_numpy(self.learner.optimizer.learning_rate)),
            seconds=counters.seconds + time.monotonic() - started,
        )
        counters.history.append(asdict(record))
        counters.epoch += 1
        counters.batch, counters.loss_sum, counters.correct_sum, counters.seconds = 0, 0.0, 0.0, 0.0
        if self.on_epoch:
            self.on_epoch(record)

    def save(self) -> None:
        """Write a checkpoint now.

        Raises:
            TrainingError: a weight is no longer a number; the checkpoints before it are kept.
            OutputError: it cannot be written.
        """
        tensors = training_tensors(self.learner)
        tensors |= {f"best/{index}": value for index, value in enumerate(self.best)}
        save_state(self, tensors, command="train")

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of the same training."""
        record = {**checkpoint.record, "step": checkpoint.step}
        self.counters = _Counters(**record)
        restore_tensors(self.learner, checkpoint.tensors)
        count = len(self.model.trainable_variables)
        if f"best/{count - 1}" in checkpoint.tensors:
            self.best = [checkpoint.tensors[f"best/{index}"] for index in range(count)]


def make_deterministic(seed: int) -> None:
    """Seed Python, NumPy and the backend, and ask for the same bits from the same input.

    Example:
        >>> make_deterministic(13)
    """
    keras.utils.set_random_seed(seed)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
