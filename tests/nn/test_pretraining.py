"""Pretraining: what it learns, where its weights go, and that interruptions change nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from nn_toys import CLASSES, VOCABULARY, encoded, toy_encoder, toy_network

from sentiment.config import PretrainingSettings
from sentiment.errors import TrainingError
from sentiment.nn.checkpoints import Checkpoint, CheckpointStore
from sentiment.nn.classifier import assign_weights, named_weights
from sentiment.nn.pretraining import Pretrainer
from sentiment.nn.saving import TrainingInterrupted
from sentiment.nn.training import make_deterministic
from sentiment.runtime.shapes import encoder_weight_shapes


def counting_texts(count: int, seed: int = 0):
    """Return texts that count up from anywhere: each token but the first is determined."""
    random = np.random.default_rng(seed)
    texts = []
    for length in random.integers(1, 12, count):
        first = random.integers(0, VOCABULARY - 2)
        texts.append(2 + (first + np.arange(length)) % (VOCABULARY - 2))
    return encoded(texts)


def toy_settings(**options) -> PretrainingSettings:
    chosen = {"epochs": 2, "rows": 4, "segment_tokens": 5, "negatives": 6, "learning_rate": 0.02}
    return PretrainingSettings(**{**chosen, "checkpoint_seconds": 1e9, **options})


def toy_pretrainer(settings=None, *, texts=None, seed: int = 0, units=(6, 5), **options):
    make_deterministic(seed)
    return Pretrainer(
        counting_texts(16) if texts is None else texts,
        counting_texts(8, seed=1),
        vocabulary_size=VOCABULARY,
        encoder=toy_encoder(units=units, embedding_units=4),
        settings=settings or toy_settings(),
        **options,
    )


# --- it learns ---


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_what_is_determined_is_learned_to_a_low_perplexity(share: float):
    reports = []
    trainer = toy_pretrainer(
        toy_settings(epochs=10, rows=8, learning_rate=0.1, elsewhere_share=share),
        texts=counting_texts(60),
        units=(6,),
        on_step=reports.append,
    )
    history = trainer.run()
    assert history[0].perplexity > 2.0
    assert history[-1].perplexity < 1.3  # ten tokens: 10 by chance
    assert history[-1].next_loss < 0.3 * history[0].next_loss
    assert np.isnan(history[-1].elsewhere_loss) == (share == 0.0)
    assert [record.epoch for record in history] == list(range(1, 11))
    assert [report.epoch for report in reports] == sorted(report.epoch for report in reports)
    # Every token of every text once an epoch.
    tokens = sum(report.tokens for report in reports if report.epoch == 3)
    assert tokens == len(trainer.encoded.token_ids)


def test_the_top_layer_learns_what_else_stands_in_a_text():
    random = np.random.default_rng(0)
    # Texts of tokens 2-6 or of 7-11, in any order: nothing but the group can be foreseen.
    texts = encoded([2 + 5 * (number % 2) + random.integers(0, 5, 9) for number in range(60)])
    settings = toy_settings(epochs=6, rows=8, learning_rate=0.05, elsewhere_share=0.6, negatives=11)
    trainer = toy_pretrainer(settings, texts=texts, units=(4, 4))
    trainer.rarity[:] = 1.0  # each of ten tokens is frequent
    history = trainer.run()
    assert history[0].elsewhere_loss > 1.9  # of about eleven
    assert history[-1].elsewhere_loss < 1.75  # of five: 1.61 and the first token's surprise


def test_texts_of_one_token_have_no_answers_and_do_no_harm():
    trainer = toy_pretrainer(toy_settings(epochs=1), texts=encoded([[2]] * 9))
    trainer.network.model.run_eagerly = True  # three steps are not worth a graph
    before = trainer.encoder_weights()
    (record,) = trainer.run()
    assert (record.next_loss, record.elsewhere_loss) == (0.0, 0.0)
    for name, value in trainer.encoder_weights().items():
        np.testing.assert_array_equal(value, before[name])


# --- its weights ---


def test_the_weights_are_those_of_an_encoder_and_move_into_a_classifier():
    encoder = toy_encoder()
    make_deterministic(0)
    trainer = Pretrainer(
        counting_texts(8),
        counting_texts(2),
        vocabulary_size=VOCABULARY,
        encoder=encoder,
        settings=toy_settings(),
    )
    weights = trainer.encoder_weights()
    expected = encoder_weight_shapes(encoder, vocabulary_size=VOCABULARY)
    assert {name: value.shape for name, value in weights.items()} == expected
    classifier = toy_network(encoder)
    assert classifier.output_shape[-1] == CLASSES
    assign_weights(classifier, {**named_weights(classifier), **weights})
    for name, value in weights.items():
        np.testing.assert_array_equal(named_weights(classifier)[name], value)


def test_it_starts_from_the_tensors_given_and_passes_over_a_classifiers_others():
    trainer = toy_pretrainer()
    given = {name: value + 1 for name, value in trainer.encoder_weights().items()}
    some = {name: value for name, value in given.items() if "lstm_2" not in name}
    before = trainer.encoder_weights()
    trainer.start_from({**some, "dense/kernel": np.zeros((3, 3), np.float32)})
    for name, value in trainer.encoder_weights().items():
        np.testing.assert_array_equal(value, given[name] if name in some else before[name])


# --- interrupted and resumed ---


class EverySave(CheckpointStore):
    """A store that keeps each save, also several of one step, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.stores: list[CheckpointStore] = []

    def save(self, checkpoint: Checkpoint) -> None:
        store = CheckpointStore(self.folder / str(len(self.stores)))
        store.save(checkpoint)
        self.stores.append(store)


# Dropout has seeds of its own, and segments of two tokens make texts span several.
WITH_EVERYTHING = toy_settings(
    dropout=0.3, segment_tokens=3, rows=8, elsewhere_share=0.34, checkpoint_seconds=0.0
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory):
    """Train once without interruption; keep the state after every step."""
    store = EverySave(tmp_path_factory.mktemp("saves"))
    trainer = toy_pretrainer(WITH_EVERYTHING, store=store)
    trainer.save()
    history = trainer.run()
    return history, trainer.encoder_weights(), store, trainer.network.carried()


@pytest.fixture(scope="module")
def another(uninterrupted) -> Pretrainer:
    """A pretrainer of the same settings whose every weight and seed is another."""
    return toy_pretrainer(WITH_EVERYTHING, seed=99)


def metrics(history) -> list[dict[str, float]]:
    return [{**vars(record), "seconds": 0.0} for record in history]


def assert_same_ending(uninterrupted, trainer: Pretrainer, history) -> None:
    expected_history, expected, _, carried = uninterrupted
    assert metrics(history) == metrics(expected_history)
    for name, value in trainer.encoder_weights().items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)
    for found, state in zip(trainer.network.carried(), carried, strict=True):
        np.testing.assert_array_equal(found, state)


def test_an_interruption_at_any_step_changes_nothing(uninterrupted, another: Pretrainer):
    stores = uninterrupted[2].stores
    # One before the first step, one after every step, one after each of two epochs.
    assert len(stores) == 1 + uninterrupted[0][-1].step + 2
    # Each save resumed would be eighty more steps: the first ones and those around an epoch's end.
    for store in [*stores[:3], *stores[5:9], stores[-1]]:
        another.restore(store.latest())
        assert_same_ending(uninterrupted, another, another.run())


def test_the_states_carried_into_a_segment_are_saved(uninterrupted, another: Pretrainer):
    another.network.carry([np.full_like(state, 9.0) for state in another.network.carried()])
    another.restore(uninterrupted[2].stores[1].latest())
    assert all(0 < np.abs(state).max() < 9 for state in another.network.carried())
    segment = list(another._segments())[1]
    assert not segment.begins.all()  # some row goes on with a text: its state matters


def test_stopped_after_every_single_step_it_ends_the_same(
    uninterrupted, another: Pretrainer, tmp_path: Path
):
    another.restore(uninterrupted[2].stores[0].latest())
    another.store = CheckpointStore(tmp_path / "checkpoints")
    for step in range(1, uninterrupted[0][-1].step + 1):
        another.stop_requested = lambda step=step: another.counters.step == step
        with pytest.raises(TrainingInterrupted, match=rf"stopped in epoch \d after {step} steps"):
            another.run()
        saved = another.store.latest()
        assert saved.step == step
        another.restore(saved)
    another.stop_requested = lambda: False
    history, another.store = another.run(), None
    assert_same_ending(uninterrupted, another, history)


# --- when it fails ---


def test_a_loss_that_is_no_number_ends_it_and_the_state_before_is_kept(
    uninterrupted, another: Pretrainer, tmp_path: Path
):
    another.restore(uninterrupted[2].stores[2].latest())
    another.store = CheckpointStore(tmp_path / "checkpoints")
    another.save()
    bias = another.network.heads["next"].token_bias
    bias.assign(np.full(bias.shape, np.nan, np.float32))
    with pytest.raises(TrainingError) as caught:
        another.save()
    assert "a weight became infinite in epoch 1" in str(caught.value)
    with pytest.raises(TrainingError) as caught:
        another.run()
    assert "the loss became nan in epoch 1, batch 3" in str(caught.value)
    assert "sentiment pretrain … --set pretraining.learning_rate=0.005" in str(caught.value)
    saved = another.store.latest()
    another.store = None
    assert saved.step == 2
    another.restore(saved)
    assert_same_ending(uninterrupted, another, another.run())
