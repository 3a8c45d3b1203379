"""One training, end to end: config → data → tokenizer → network → model folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sentiment.backend import load_keras
from sentiment.config import Config
from sentiment.data.load import Splits, load_splits
from sentiment.errors import OutputError, TrainingError
from sentiment.few_texts import fit_to
from sentiment.model_files import Outcome, model_files
from sentiment.model_folder import CHECKPOINTS, is_model_folder, write_model_folder
from sentiment.runtime.inspection import format_probe, format_shape_table, probe
from sentiment.runtime.predictor import SentimentModel
from sentiment.starting_point import StartingPoint, find_starting_point
from sentiment.text.tokenizer import Tokenizer
from sentiment.training_folder import alone_in, check_lessons, prepare_folder
from sentiment.training_plan import Plan, has_saved_state, make_plan

if TYPE_CHECKING:
    import keras

    from sentiment.nn.lessons import Examples
    from sentiment.nn.pretraining import Pretrainer, PretrainingRecord
    from sentiment.nn.training import EpochRecord, StepReport, Trainer


# Validation texts whose shapes and final states are shown and saved when training ends.
TEXTS_LOOKED_AT = 64


class Watcher(Protocol):
    """Who follows a training: the terminal, a notebook, or nobody."""

    def note(self, line: str) -> None:
        """Take a line for the log."""

    def step(self, report: StepReport) -> None:
        """Take note of an optimizer step."""

    def epoch(self, record: EpochRecord | PretrainingRecord) -> None:
        """Take note of an epoch."""

    def stop_requested(self) -> bool:
        """Return whether to stop now, with the state saved."""


class Nobody:
    """A watcher that keeps quiet and never stops a training."""

    def note(self, line: str) -> None:
        """Ignore it."""

    def step(self, report: StepReport) -> None:
        """Ignore it."""

    def epoch(self, record: EpochRecord | PretrainingRecord) -> None:
        """Ignore it."""

    def stop_requested(self) -> bool:
        """Return False."""
        return False


def train(
    config: Config | str | Path | None = None,
    *,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    resume: bool = False,
    command: str = "sentiment.train(…)",
    watcher: Watcher | None = None,
) -> Path:
    """Train a model and return its folder.

    Args:
        config: a `Config`, a YAML path, the stem of a bundled config, or None for `default`.
        output: the folder to write; `runs/<config name>` if None.
        overrides: settings such as `training.epochs=3`.
        resume: continue an interrupted training where it was.
        command: what to record as the command.
        watcher: who follows.

    Raises:
        SentimentError: any of the tree in `sentiment.errors`.
    """
    watcher = watcher or Nobody()
    plan = make_plan(config, output=output, overrides=overrides, resume=resume, command=command)
    if is_model_folder(plan.output):  # only when resuming: it ended in the moment of the crash
        watcher.note(f"{plan.output} is already finished")
        shutil.rmtree(plan.output / CHECKPOINTS, ignore_errors=True)
        return plan.output
    splits = load_splits(plan.config.data)
    for note in splits.notes:
        watcher.note(note)
    start = find_starting_point(plan.config, splits.train.texts, splits.classes)
    if start.note:
        for line in (start.note, *start.given_way(plan.config, overrides)):
            watcher.note(line)
    watcher.note("loading Keras")
    load_keras()
    with alone_in(plan):
        tokenizer = prepare_folder(
            plan,
            splits.fingerprint,
            lambda: start.tokenizer or Tokenizer.train(splits.train.texts, plan.config.text),
            watcher.note,
        )
        watcher.note(_data_line(splits, tokenizer))
        with saying_how_to_go_on(plan, watcher):
            return _train(replace(plan, config=start.config), splits, tokenizer, start, watcher)


def _data_line(splits: Splits, tokenizer: Tokenizer) -> str:
    return (
        f"train {len(splits.train):,} · validation {len(splits.validation):,} texts · classes "
        f"{', '.join(splits.classes)} · vocabulary {tokenizer.vocabulary_size:,} tokens"
    )


def _cut_line(examples: Examples, config: Config) -> str:
    """Return how many texts are not read whole; nothing if all are."""
    cut = np.count_nonzero(examples.encoded.truncated_tokens)
    if not cut:
        return ""
    return (
        f"{cut:,} of {len(examples):,} texts have more than text.max_tokens="
        f"{config.text.max_tokens} tokens: what is in their middle is left out"
    )


def _train(
    plan: Plan, splits: Splits, tokenizer: Tokenizer, start: StartingPoint, watcher: Watcher
) -> Path:
    from sentiment.nn.checkpoints import CheckpointStore
    from sentiment.nn.classifier import assign_weights, build_classifier, named_weights
    from sentiment.nn.lessons import Examples
    from sentiment.nn.teaching import find_lessons
    from sentiment.nn.training import Trainer, make_deterministic

    validation = Examples(tokenizer.encode(splits.validation.texts), splits.validation.labels)
    examples, unlabelled, fingerprint = find_lessons(plan.config, splits, tokenizer, watcher.note)
    check_lessons(plan, fingerprint)
    training, note = fit_to(plan.config.training, len(examples), len(validation))
    for line in (_cut_line(examples, plan.config), note):
        if line:
            watcher.note(line)
    config = plan.config.model_copy(update={"training": training})
    plan = replace(plan, config=config)
    make_deterministic(config.training.seed)
    model = build_classifier(
        vocabulary_size=tokenizer.vocabulary_size,
        num_classes=len(splits.classes),
        encoder=config.encoder,
        classifier=config.classifier,
    )
    if start.weights:
        assign_weights(model, {**named_weights(model), **start.weights})
    trainer = Trainer(
        model,
        examples,
        validation,
        config.training,
        num_classes=len(splits.classes),
        unlabelled=unlabelled,
        store=CheckpointStore(plan.output / CHECKPOINTS),
        on_step=watcher.step,
        on_epoch=watcher.epoch,
        stop_requested=watcher.stop_requested,
    )
    _begin(trainer, plan, watcher)
    history = trainer.run()
    watcher.note("calibrating and exporting")
    finish(model, plan, splits, tokenizer, validation, history)
    shutil.rmtree(plan.output / CHECKPOINTS, ignore_errors=True)
    _look(plan.output, splits, watcher)
    return plan.output


def finish(
    model: keras.Model,
    plan: Plan,
    splits: Splits,
    tokenizer: Tokenizer,
    validation: Examples,
    history: list[EpochRecord],
) -> None:
    """Calibrate a trained network, measure it on validation, and write its folder.

    Args:
        model: its last layer is scaled by the temperature, and its weights are rounded to
            `export.weights`.
        plan: the settings and the folder.
        splits: what it was trained and is judged on.
        tokenizer: its own.
        validation: the validation split's texts, encoded, and their labels.
        history: the epochs that led to it.

    Raises:
        ExportError: the exported network does not answer as this one does.
        OutputError: the folder cannot be written.
    """
    from sentiment.nn.calibration import find_temperature, fold_temperature
    from sentiment.nn.look import look
    from sentiment.nn.packaging import package, round_weights
    from sentiment.nn.scoring import predict as keras_predict

    config = plan.config
    temperature = find_temperature(keras_predict(model, validation.encoded), validation.labels)
    fold_temperature(model, temperature)
    round_weights(model, config.export.weights)
    made = package(
        model, config, tokenizer=tokenizer, texts=splits.validation.texts, validation=validation
    )
    some = np.arange(min(len(validation), TEXTS_LOOKED_AT))
    outcome = Outcome(
        made,
        temperature,
        history,
        keras_predict(model, validation.encoded),
        look(model, validation.encoded, some, config),
    )
    write_model_folder(plan.output, model_files(plan, splits, tokenizer, outcome))


def resumed(trainer: Trainer | Pretrainer, plan: Plan, watcher: Watcher) -> bool:
    """Continue from the newest checkpoint, if that is wanted and there is one."""
    checkpoint = trainer.store.latest() if trainer.store and plan.resuming else None
    if checkpoint is None:
        if plan.resuming:
            watcher.note("no checkpoint yet: starting from the beginning")
        return False
    trainer.restore(checkpoint)
    watcher.note(f"resumed in epoch {trainer.counters.epoch + 1} after {checkpoint.step:,} steps")
    return True


@contextmanager
def saying_how_to_go_on(plan: Plan, watcher: Watcher) -> Iterator[None]:
    """Add the command that goes on, or starts over, to what stops a training."""
    from sentiment.nn.saving import TrainingDiverged, TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as stopped:
        raise TrainingInterrupted(f"{stopped.what}; everything is saved", run=plan.again) from None
    except OutputError as error:
        raise OutputError(error.what, expected=error.expected, run=plan.again) from None
    except TrainingDiverged as error:
        kept = "the last state saved before it is kept"
        kept = kept if has_saved_state(plan.output) else "nothing was saved before it"
        run = plan.over(error.remedy)
        raise TrainingError(error.what, expected=f"a number; {kept}", run=run) from None
    except KeyboardInterrupt:
        what = "before anything was saved"
        what = "at once; the last saved state is kept" if has_saved_state(plan.output) else what
        watcher.note(f"stopped {what}; run: {plan.again}")
        raise


def _begin(trainer: Trainer, plan: Plan, watcher: Watcher) -> None:
    """Continue from the newest checkpoint, or show the shapes of the first batch."""
    from sentiment.nn.look import look
    from sentiment.text.batches import training_batches

    if resumed(trainer, plan, watcher):
        return
    encoded, settings = trainer.train.encoded, plan.config.training
    first = training_batches(
        encoded.lengths, batch_size=settings.batch_size, seed=settings.seed, epoch=0
    )[0]
    seen = look(trainer.model, encoded, first, plan.config)
    watcher.note(f"first batch, before training:\n{seen.lines()}")


def _look(folder: Path, splits: Splits, watcher: Watcher) -> None:
    """Read the finished folder back as a user would, and show its shapes and its final state."""
    model = SentimentModel.load(folder)
    arrays = model.predict_arrays(splits.validation.texts[:TEXTS_LOOKED_AT])
    seen = probe(arrays.final_state, pooling=model.folder.encoder.pooling)
    watcher.note("\n".join([format_shape_table(arrays.layers), format_probe(seen)]))
