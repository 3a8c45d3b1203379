"""The pretraining loop: a language model over unlabelled text, exact to resume.

What decides about a step stands in the checkpoint (weights, optimizer, carried states, the seeds of
dropout) or follows from seed, epoch and batch (segments, negatives, questions).
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.config import EncoderSettings, PretrainingSettings
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore
from sentiment.nn.language_model import LanguageModel, network_inputs
from sentiment.nn.optimization import make_optimizer, restore_tensors, training_tensors
from sentiment.nn.perplexity import perplexity
from sentiment.nn.questions import NegativeSampler, ask, rarity
from sentiment.nn.saving import diverged, save_if_due, save_state
from sentiment.nn.training import StepReport
from sentiment.text.segments import Segment, count_segments, text_segments
from sentiment.text.tokenizer import EncodedTexts


@dataclass(frozen=True)
class PretrainingRecord:
    """One line of `history.csv`.

    The two losses are in nats an answer, over the sampled softmax; the perplexity is exact, on the
    held-out texts; seconds for the epoch.
    """

    epoch: int
    step: int
    next_loss: float
    elsewhere_loss: float
    perplexity: float
    learning_rate: float
    seconds: float


@dataclass
class _Counters:
    epoch: int = 0
    batch: int = 0
    step: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class Pretrainer:
    """Pretrains the layers of an encoder.

    Args:
        encoded: whole texts, not truncated.
        held_out: texts for the perplexity, none of them in `encoded`.
        vocabulary_size: number of token ids.
        encoder: sizes.
        settings: how.
        store: where checkpoints go; None for none.
        on_step: called after every step; the loss is that of the next token.
        on_epoch: called after every epoch.
        stop_requested: asked after every step; True saves the state and raises
            `TrainingInterrupted`.
    """

    def __init__(
        self,
        encoded: EncodedTexts,
        held_out: EncodedTexts,
        *,
        vocabulary_size: int,
        encoder: EncoderSettings,
        settings: PretrainingSettings,
        store: CheckpointStore | None = None,
        on_step: Callable[[StepReport], None] | None = None,
        on_epoch: Callable[[PretrainingRecord], None] | None = None,
        stop_requested: Callable[[], bool] = lambda: False,
    ) -> None:
        self.encoded = encoded
        self.held_out = held_out
        self.settings = settings
        self.store = store
        self.on_step = on_step
        self.on_epoch = on_epoch
        self.stop_requested = stop_requested
        counts = np.bincount(encoded.token_ids, minlength=vocabulary_size)  # (vocabulary,)
        self.sampler = NegativeSampler(counts, min(settings.negatives, vocabulary_size - 1))
        self.rarity = rarity(counts)
        self.network = LanguageModel(
            vocabulary_size=vocabulary_size,
            encoder=encoder,
            settings=settings,
            num_negatives=self.sampler.size,
        )
        self.batches_per_epoch = count_segments(
            encoded, rows=settings.rows, segment_tokens=settings.segment_tokens, seed=settings.seed
        )
        self.counters = _Counters()
        self.last_saved = time.monotonic()
        self._compile()

    def _compile(self) -> None:
        settings, model = self.settings, self.network.model
        optimizer = make_optimizer(
            steps=settings.epochs * self.batches_per_epoch,
            learning_rate=settings.learning_rate,
            warmup_fraction=settings.warmup_fraction,
            clip_norm=settings.clip_norm,
        )
        model.compile(
            optimizer=optimizer,
            loss={name: _AsComputed() for name in self.network.asked},
            jit_compile=False,
        )
        optimizer.build(model.trainable_variables)

    def start_from(self, weights: Mapping[str, NDArray[np.float32]]) -> None:
        """Set some of the encoder's tensors, by their names in `weights.safetensors`.

        Other names, such as those of a classifier's dense layers, are passed over.
        """
        for name, variable in self.network.encoder_variables().items():
            if name in weights:
                variable.assign(weights[name])

    def encoder_weights(self) -> dict[str, NDArray[np.float32]]:
        """Return the encoder's tensors by their names in `weights.safetensors`."""
        return {
            name: np.array(variable.numpy(), np.float32)
            for name, variable in self.network.encoder_variables().items()
        }

    def run(self) -> list[PretrainingRecord]:
        """Train to the end.

        Raises:
            TrainingError: the loss is no longer a number; the last good state is kept.
            TrainingInterrupted: `stop_requested` said so; the state is saved.
        """
        while self.counters.epoch < self.settings.epochs:
            for segment in itertools.islice(self._segments(), self.counters.batch, None):
                started = time.monotonic()
                loss = self._step(segment)
                self.counters.seconds += time.monotonic() - started
                self._report(segment, loss)
                save_if_due(self)
            self._finish_epoch()
            save_if_due(self)
        return [PretrainingRecord(**record) for record in self.counters.history]

    def _segments(self) -> Iterator[Segment]:
        settings = self.settings
        return text_segments(
            self.encoded,
            rows=settings.rows,
            segment_tokens=settings.segment_tokens,
            seed=settings.seed,
            epoch=self.counters.epoch,
        )

    def _step(self, segment: Segment) -> float:
        """Learn from one segment; return the loss of the next token."""
        counters, model = self.counters, self.network.model
        random = np.random.default_rng([self.settings.seed, counters.epoch, counters.batch])
        negatives = self.sampler.draw(random)
        questions = ask(
            segment, self.encoded, asked=self.network.asked, rarity=self.rarity, random=random
        )
        self.network.forget(segment.begins)
        model.reset_metrics()
        result = model.train_on_batch(
            network_inputs(segment.token_ids, negatives, questions, self.sampler),
            {name: np.zeros_like(question.weights) for name, question in questions.items()},
            sample_weight={name: question.weights for name, question in questions.items()},
            return_dict=True,
        )
        counters.batch += 1
        total = float(result["loss"])
        if not math.isfinite(total):
            raise diverged(self, f"the loss became {total}", command="pretrain")
        counters.step += 1
        # With a single kind of question Keras gives the total alone.
        losses = {name: float(result.get(f"{name}_loss", total)) for name in questions}
        for name, loss in losses.items():
            counters.losses[name] = counters.losses.get(name, 0.0) + loss
        return losses["next"]

    def _report(self, segment: Segment, loss: float) -> None:
        if self.on_step:
            self.on_step(
                StepReport(
                    epoch=self.counters.epoch + 1,
                    epochs=self.settings.epochs,
                    batch=self.counters.batch,
                    batches=max(self.batches_per_epoch, self.counters.batch),
                    loss=loss,
                    tokens=int(segment.inside.sum()),
                )
            )

    def _finish_epoch(self) -> None:
        counters, started = self.counters, time.monotonic()
        losses = {name: total / counters.batch for name, total in counters.losses.items()}
        record = PretrainingRecord(
            epoch=counters.epoch + 1,
            step=counters.step,
            next_loss=losses["next"],
            elsewhere_loss=losses.get("elsewhere", math.nan),
            perplexity=perplexity(self.network, self.held_out, self.settings),
            learning_rate=float(
                keras.ops.convert_to_numpy(self.network.model.optimizer.learning_rate)
            ),
            seconds=counters.seconds + time.monotonic() - started,
        )
        counters.history.append(asdict(record))
        counters.epoch += 1
        counters.batch, counters.losses, counters.seconds = 0, {}, 0.0
        if self.on_epoch:
            self.on_epoch(record)

    def save(self) -> None:
        """Write a checkpoint now.

        Raises:
            TrainingError: a weight is no longer a number; the checkpoints before it are kept.
            OutputError: it cannot be written.
        """
        tensors = training_tensors(self.network.model)
        # Keras does not count what a layer carries over among a model's variables.
        carried = enumerate(self.network.carried())
        tensors |= {f"carried/{number}": state for number, state in carried}
        save_state(self, tensors, command="pretrain")

    def restore(self, checkpoint: Checkpoint) -> None:
        """Continue from a checkpoint of the same pretraining."""
        self.counters = _Counters(**{**checkpoint.record, "step": checkpoint.step})
        restore_tensors(self.network.model, checkpoint.tensors)
        count = len(self.network.carried())
        self.network.carry([checkpoint.tensors[f"carried/{number}"] for number in range(count)])


class _AsComputed(keras.losses.Loss):
    """The network computes the loss itself; this averages it by the weights of the answers."""

    def __init__(self) -> None:
        super().__init__(reduction="mean_with_sample_weight")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the network's loss, (rows, positions)."""
        return y_pred
