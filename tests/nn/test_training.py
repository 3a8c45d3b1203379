"""Training: what it learns, when it stops, and that an interruption changes nothing."""

from __future__ import annotations

from pathlib import Path

import nn_toys
import numpy as np
import pytest
from nn_toys import CLASSES, VARIANTS, toy_encoder, toy_network, toy_problem

from sentiment.config import TrainingSettings
from sentiment.errors import TrainingError
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore
from sentiment.nn.classifier import named_weights
from sentiment.nn.lessons import Examples, LessonBatch
from sentiment.nn.saving import TrainingInterrupted
from sentiment.nn.training import (
    Trainer,
    make_deterministic,
    predict,
    score,
)


def toy_settings(**options) -> TrainingSettings:
    chosen = {"epochs": 3, "batch_size": 8, "learning_rate": 0.05, "checkpoint_seconds": 1e9}
    return TrainingSettings(**{**chosen, "ema_momentum": 0.0, "patience": 9, **options})


def toy_trainer(
    pooling: str = "last",
    bidirectional: bool = False,
    *,
    settings: TrainingSettings | None = None,
    examples: Examples | None = None,
    validation: Examples | None = None,
    seed: int = 0,
    dropout: float = 0.0,
    **options,
) -> Trainer:
    encoder = toy_encoder(
        pooling, bidirectional, units=(4,), dropout=dropout, embedding_dropout=dropout
    )
    make_deterministic(seed)
    return Trainer(
        toy_network(encoder, None, dropout=dropout),
        examples or toy_problem(24),
        validation or toy_problem(12, seed=1),
        settings or toy_settings(),
        num_classes=CLASSES,
        **options,
    )


def one_shape(count: int, *, seed: int = 0) -> Examples:
    """Return a problem whose batches all have one shape, for which one graph is enough."""
    return toy_problem(count, shortest=3, longest=3, seed=seed)


# --- it learns ---


GRAPHS = [("attention", False), ("max_last", True)]


@pytest.mark.parametrize(("pooling", "bidirectional"), GRAPHS)
def test_a_separable_problem_is_learned_from_batches_of_many_shapes(pooling, bidirectional):
    tokens = set()
    trainer = toy_trainer(
        pooling,
        bidirectional,
        examples=toy_problem(48, longest=7),
        settings=toy_settings(epochs=10, learning_rate=0.05),
        on_step=lambda report: tokens.add(report.tokens),
    )
    history = trainer.run()
    assert len(tokens) > 5
    assert history[-1].train_loss < 0.5 * history[0].train_loss
    assert history[-1].train_accuracy > 0.6  # by chance: 0.33
    assert max(record.validation_accuracy for record in history) > 0.6
    assert [record.epoch for record in history] == list(range(1, 11))
    assert [record.step for record in history] == list(range(6, 61, 6))


# The others step by step: to build a graph for each of ten networks would take a minute.
@pytest.mark.parametrize(
    ("pooling", "bidirectional"), [variant for variant in VARIANTS if variant not in GRAPHS]
)
def test_every_pooling_in_both_directions_learns(pooling: str, bidirectional: bool):
    trainer = toy_trainer(
        pooling,
        bidirectional,
        examples=toy_problem(12, longest=3),
        settings=toy_settings(learning_rate=0.1, warmup_fraction=0.0, epochs=30),
    )
    trainer.model.run_eagerly = True
    before = named_weights(trainer.model)
    first, *_, last = (
        trainer._step(LessonBatch(np.arange(6)))[0] for _ in range(5)
    )  # texts of unlike length
    trainer._step(LessonBatch(np.arange(7, 10)))
    assert last < 0.97 * first
    for name, value in named_weights(trainer.model).items():
        assert not np.array_equal(value, before[name]), f"{name} never learns"


# --- what the loss is ---


def test_balanced_classes_count_alike():
    labels = np.array([0] * 6 + [1] * 3 + [2] * 3, np.int32)
    examples = one_shape(12)
    uneven = Examples(examples.encoded, labels)
    trainer = toy_trainer(examples=uneven, settings=toy_settings(class_weights="balanced"))
    trainer.model.run_eagerly = True
    np.testing.assert_allclose(trainer.lessons.weights, [12 / 18, 12 / 9, 12 / 9])
    totals = [trainer.lessons.weights[labels[labels == label]].sum() for label in range(CLASSES)]
    np.testing.assert_allclose(totals, totals[0])
    probabilities = predict(trainer.model, uneven.encoded)
    each = -np.log(probabilities[np.arange(12), labels])
    loss, _ = trainer._step(LessonBatch(np.arange(12)))
    assert loss == pytest.approx(float((trainer.lessons.weights[labels] * each).mean()), rel=1e-5)


def test_label_smoothing_spreads_a_share_of_every_label():
    examples = one_shape(6)
    trainer = toy_trainer(examples=examples, settings=toy_settings(label_smoothing=0.3))
    trainer.model.run_eagerly = True
    probabilities = predict(trainer.model, examples.encoded)
    targets = 0.7 * np.eye(CLASSES)[examples.labels] + 0.1
    expected = float(-(targets * np.log(probabilities)).sum(axis=1).mean())
    assert trainer._step(LessonBatch(np.arange(6)))[0] == pytest.approx(expected, rel=1e-5)


def test_a_class_that_is_not_in_train_is_no_division_by_zero():
    examples = one_shape(6)
    two = Examples(examples.encoded, np.array([0, 1] * 3, np.int32))
    trainer = toy_trainer(examples=two, settings=toy_settings(class_weights="balanced"))
    assert np.isfinite(trainer.lessons.weights).all()


def test_scores_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.0, 1.0]], np.float32)
    loss, accuracy, macro_f1 = score(probabilities, np.array([0, 1, 0, 0], np.int32))
    assert loss == pytest.approx(-np.log([0.9, 0.8, 0.4, 1e-7]).mean(), rel=1e-5)
    assert accuracy == 0.5
    # Class 0: one of three found, nothing else called so. Class 1: one of three called so.
    assert macro_f1 == pytest.approx((2 * 1 / (1 + 3) + 2 * 1 / (3 + 1)) / 2)


def test_the_accuracy_of_an_epoch_counts_every_text_once_whatever_its_class_weighs():
    examples = one_shape(16)
    some = np.array([*np.flatnonzero(examples.labels == 0), 1])  # six of one class, one of another
    encoded = examples.encoded
    rows = [encoded.of_text(row) for row in some]
    few = Examples(nn_toys.encoded(rows), examples.labels[some])
    settings = toy_settings(
        epochs=1, learning_rate=1e-12, batch_size=8, class_weights="balanced", ema_momentum=0.0
    )
    [record] = toy_trainer(examples=few, validation=few, settings=settings).run()
    assert record.train_accuracy == pytest.approx(record.validation_accuracy, abs=1e-6)
    assert record.train_accuracy * len(few) == pytest.approx(
        round(record.train_accuracy * len(few)), abs=1e-4
    )


# --- when it stops ---


def test_it_stops_when_validation_no_longer_gets_better():
    examples = one_shape(16)
    settings = toy_settings(epochs=50, patience=2, learning_rate=1e-12, batch_size=16)
    trainer = toy_trainer(examples=examples, validation=examples, settings=settings)
    trainer.model.run_eagerly = True
    before = named_weights(trainer.model)
    history = trainer.run()
    assert len(history) == 3  # the first is the best, then two no better
    for name, value in named_weights(trainer.model).items():
        np.testing.assert_allclose(value, before[name], atol=1e-6)


def test_an_epoch_of_two_passes_is_two_epochs_in_one():
    """The same steps in the same order; the losses are means over both passes."""
    options = {"examples": one_shape(24), "dropout": 0.3}
    settings = {"ema_momentum": 0.8, "keep": "last", "warmup_fraction": 0.2}
    one = toy_trainer(settings=toy_settings(epochs=4, **settings), **options)
    two = toy_trainer(settings=toy_settings(epochs=2, passes=2, **settings), **options)
    singles, doubles = one.run(), two.run()
    assert [record.step for record in doubles] == [6, 12]
    for name, value in named_weights(two.model).items():
        np.testing.assert_array_equal(value, named_weights(one.model)[name], err_msg=name)
    for number, double in enumerate(doubles):
        pair = singles[2 * number : 2 * number + 2]
        for figure in ("train_loss", "train_accuracy"):
            mean = sum(getattr(single, figure) for single in pair) / 2
            assert getattr(double, figure) == pytest.approx(mean, rel=1e-6)


def test_the_last_epoch_is_kept_if_that_is_asked_for():
    examples = one_shape(16)
    settings = toy_settings(epochs=4, patience=1, keep="last", learning_rate=0.3, batch_size=16)
    live: list[dict[str, np.ndarray]] = []
    trainer = toy_trainer(
        examples=examples,
        # Labels that it does not learn: every epoch is worse than the one before.
        validation=Examples(examples.encoded, (examples.labels + 1) % CLASSES),
        settings=settings,
        on_step=lambda report: live.append(named_weights(trainer.model)),
    )
    trainer.model.run_eagerly = True
    history = trainer.run()
    assert [record.epoch for record in history] == [1, 2, 3, 4]
    assert history[-1].validation_loss > history[0].validation_loss
    for name, value in named_weights(trainer.model).items():
        np.testing.assert_array_equal(value, live[-1][name], err_msg=name)


class EverySave(CheckpointStore):
    """A store that keeps each save, also several of one step, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stores: list[CheckpointStore] = []

    def save(self, checkpoint: Checkpoint) -> None:
        store = CheckpointStore(self.folder / str(len(self.stores)))
        store.save(checkpoint)
        self.stores.append(store)


WITH_EVERYTHING = toy_settings(
    checkpoint_seconds=0.0,
    ema_momentum=0.8,
    label_smoothing=0.1,
    class_weights="balanced",
    weight_decay=0.01,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory):
    """Train once without interruption; keep the state after every step, and every live weight."""
    store = EverySave(tmp_path_factory.mktemp("saves"))
    live: list[dict[str, np.ndarray]] = []
    trainer = toy_trainer(
        dropout=0.3,
        examples=one_shape(24),
        settings=WITH_EVERYTHING,
        store=store,
        on_step=lambda report: live.append(named_weights(trainer.model)),
    )
    trainer.save()
    history = trainer.run()
    return trainer, history, named_weights(trainer.model), store, live


@pytest.fixture(scope="module")
def another(uninterrupted) -> Trainer:
    """A trainer of the same settings whose every weight and seed is another."""
    return toy_trainer(dropout=0.3, examples=one_shape(24), settings=WITH_EVERYTHING, seed=99)


def metrics(history) -> list[dict[str, float]]:
    return [{**vars(record), "seconds": 0.0} for record in history]


def assert_same_ending(uninterrupted, trainer: Trainer, history) -> None:
    _, expected_history, expected, _, _ = uninterrupted
    assert metrics(history) == metrics(expected_history)
    for name, value in named_weights(trainer.model).items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def test_the_weights_kept_are_the_averaged_ones_of_the_best_epoch(uninterrupted):
    trainer, history, kept, _, live = uninterrupted
    best = max(history, key=lambda record: (record.validation_macro_f1, -record.validation_loss))
    loss, accuracy, macro_f1 = score(
        predict(trainer.model, trainer.validation.encoded), trainer.validation.labels
    )
    assert loss == pytest.approx(best.validation_loss, abs=1e-6)
    assert (accuracy, macro_f1) == (best.validation_accuracy, best.validation_macro_f1)
    for name, value in kept.items():
        average = live[0][name].astype(np.float64)
        for weights in live[1 : best.step]:
            average = 0.8 * average + 0.2 * weights[name]
        np.testing.assert_allclose(value, average, atol=1e-5, err_msg=name)


# Three epochs of three steps. A save is made after every step and once more after an epoch's end;
# number 0 is before the first step, the last when nothing is left to do.
@pytest.mark.parametrize("number", range(13))
def test_an_interruption_at_any_step_changes_nothing(uninterrupted, another: Trainer, number: int):
    stores = uninterrupted[3].stores
    assert len(stores) == 13
    checkpoint = stores[number].latest()
    assert checkpoint is not None
    assert checkpoint.step == [0, 1, 2, 3, 3, 4, 5, 6, 6, 7, 8, 9, 9][number]
    another.restore(checkpoint)
    assert_same_ending(uninterrupted, another, another.run())


def test_a_training_stopped_after_every_single_step_ends_the_same(
    uninterrupted, another: Trainer, tmp_path: Path
):
    another.restore(uninterrupted[3].stores[0].latest())
    another.store = CheckpointStore(tmp_path / "checkpoints")
    for step in range(1, 10):
        another.stop_requested = lambda step=step: another.counters.step == step
        with pytest.raises(TrainingInterrupted, match=rf"stopped in epoch \d after {step} steps"):
            another.run()
        saved = another.store.latest()
        assert saved.step == step
        assert len(list(another.store.folder.iterdir())) == min(step, 2)
        another.restore(saved)
    another.stop_requested = lambda: False
    history, another.store = another.run(), None
    assert_same_ending(uninterrupted, another, history)


# --- when it fails ---


def test_a_loss_that_is_no_number_ends_it_and_the_state_before_is_kept(
    uninterrupted, another: Trainer, tmp_path: Path
):
    another.restore(uninterrupted[3].stores[2].latest())
    another.store = CheckpointStore(tmp_path / "checkpoints")
    another.save()
    bias = another.model.get_layer("probabilities").bias
    bias.assign(np.full(bias.shape, np.inf, np.float32))
    with pytest.raises(TrainingError) as caught:
        another.run()
    assert "the loss became nan in epoch 1, batch 3" in str(caught.value)
    assert "--set training.learning_rate=0.0125" in str(caught.value)
    saved = another.store.latest()
    another.store = None
    assert saved.step == 2
    another.restore(saved)
    assert_same_ending(uninterrupted, another, another.run())


def test_a_learning_rate_far_too_high_never_replaces_a_good_state(tmp_path: Path):
    examples = one_shape(16)
    store = CheckpointStore(tmp_path / "checkpoints")
    trainer = toy_trainer(
        examples=examples,
        validation=examples,
        settings=toy_settings(learning_rate=1e37, warmup_fraction=0.0, checkpoint_seconds=0.0),
        store=store,
    )
    trainer.model.run_eagerly = True
    trainer.save()
    with pytest.raises(TrainingError, match=r"(loss|weight) became .* in epoch \d, batch \d"):
        trainer.run()
    saved = store.latest()
    assert saved is not None
    assert all(np.isfinite(tensor).all() for tensor in saved.tensors.values())


def test_weights_that_break_in_the_very_last_step_are_not_kept():
    trainer = toy_trainer()
    trainer.model.run_eagerly = True
    kernel = trainer.model.get_layer("dense").kernel
    kernel.assign(np.full(kernel.shape, np.nan, np.float32))
    trainer.counters.batch = trainer.batches_per_epoch
    with pytest.raises(TrainingError, match="the validation loss became nan in epoch 1, batch 3"):
        trainer.run()


def test_predictions_come_in_the_order_of_the_texts():
    trainer = toy_trainer()
    trainer.model.run_eagerly = True
    examples = toy_problem(9, longest=7, seed=5)
    together = predict(trainer.model, examples.encoded)
    for row in range(0, 9, 4):
        token_ids = examples.encoded.of_text(row)[None]
        np.testing.assert_allclose(
            together[row], np.asarray(trainer.model(token_ids))[0], atol=1e-6
        )
