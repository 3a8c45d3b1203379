"""Training under perturbation: directions, lengths, padding, dropout, and what is learned."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops
from nn_toys import (
    CLASSES,
    VARIANTS,
    VOCABULARY,
    encoded,
    padded,
    toy_encoder,
    toy_network,
    toy_problem,
)

from sentiment.config import PerturbationSettings, TrainingSettings
from sentiment.nn.adversarial import PerturbedClassifier, gradient
from sentiment.nn.checkpoints import CheckpointStore
from sentiment.nn.lessons import Examples
from sentiment.nn.saving import TrainingInterrupted
from sentiment.nn.training import Trainer, make_deterministic

TEXTS = [[2, 3, 4, 5], [6, 7], [8]]
SHARES = np.arange(VOCABULARY) / np.arange(VOCABULARY).sum()
BOTH = PerturbationSettings(adversarial=1.0, virtual=1.0, entropy=0.5, size=0.7)


def toy(
    settings: PerturbationSettings = BOTH,
    *,
    pooling: str = "last",
    bidirectional: bool = False,
    dropout: float = 0.0,
) -> PerturbedClassifier:
    encoder = toy_encoder(pooling, bidirectional, dropout=dropout, embedding_dropout=dropout)
    network = toy_network(encoder, 2, dropout=dropout)
    return PerturbedClassifier(network, settings, shares=SHARES, labelled_rows=2, seed=3)


def spread(learner: PerturbedClassifier) -> np.ndarray:
    """Return the standard deviation of each embedding feature over tokens as frequent as SHARES."""
    table = np.array(learner.embedding.embeddings.numpy(), np.float64)
    mean = SHARES @ table
    return np.sqrt(SHARES @ (table - mean) ** 2)


def logits_of(learner: PerturbedClassifier, embedded: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.array(learner._read(ops.convert_to_tensor(embedded, "float32"), mask, {}))


def test_the_gradient_is_that_of_finite_differences():
    point = np.array([[0.3, -1.2], [2.0, 0.5]], np.float32)

    def function(at):
        return ops.sum(ops.tanh(at) * at)

    found = np.array(gradient(function, ops.convert_to_tensor(point)))
    for index in np.ndindex(point.shape):
        step = np.zeros_like(point)
        step[index] = 1e-2
        difference = (float(function(point + step)) - float(function(point - step))) / 2e-2
        assert found[index] == pytest.approx(difference, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize(("pooling", "bidirectional"), VARIANTS)
def test_the_perturbed_classifier_reads_as_the_classifier_does(pooling, bidirectional):
    learner = toy(pooling=pooling, bidirectional=bidirectional)
    token_ids, _ = padded(TEXTS, extra=2)
    probabilities = learner.classifier.predict_on_batch(token_ids)
    np.testing.assert_allclose(
        np.array(ops.softmax(learner(token_ids)["logits"])), probabilities, atol=1e-6
    )


def test_the_step_goes_where_finite_differences_say_and_as_far_as_size_says():
    learner, (token_ids, _) = toy(), padded(TEXTS)
    first = learner(token_ids)
    embedded, mask = np.array(first["embedded"], np.float64), token_ids != 0
    labels = np.array([0, 2, 1])

    def harm(at):
        logits = logits_of(learner, at, mask).astype(np.float64)
        answers = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        return -answers[np.arange(3), labels].sum()

    slope = np.zeros_like(embedded)
    for index in np.ndindex(embedded.shape):
        step = np.zeros_like(embedded)
        step[index] = 1e-2
        slope[index] = (harm(embedded + step) - harm(embedded - step)) / 2e-2
    scale = spread(learner)
    slope *= scale  # of normalised embeddings
    expected = 0.7 * scale * slope / np.sqrt((slope**2).sum(axis=(1, 2), keepdims=True))
    targets = np.eye(CLASSES, dtype=np.float32)[labels]

    def objective(at):
        return -ops.sum(targets * ops.log_softmax(learner._read(at, mask, {})))

    found = np.array(learner.perturbation(objective, first["embedded"]))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    lengths = np.sqrt(((found / scale) ** 2).sum(axis=(1, 2)))
    np.testing.assert_allclose(lengths, 0.7, rtol=1e-4)


def test_padding_is_not_moved():
    learner, (token_ids, _) = toy(), padded(TEXTS, extra=3)
    mask = token_ids != 0

    def objective(at):
        return ops.sum(learner._read(at, mask, {}) ** 2)

    found = np.array(learner.perturbation(objective, learner(token_ids)["embedded"]))
    assert np.all(found[~mask] == 0)
    assert np.all(np.abs(found[mask]).max(axis=-1) > 0)


def test_padding_does_not_change_the_loss():
    settings = PerturbationSettings(adversarial=1.0, entropy=1.0, size=0.5)
    losses = []
    for extra in (0, 4):
        learner = toy(settings)
        token_ids, _ = padded(TEXTS, extra=extra)
        targets = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32)
        losses.append(float(learner.compute_loss(token_ids, targets, learner(token_ids))))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_every_pass_has_the_dropout_of_the_first():
    # A step of length nearly 0 must then lead back to the first pass's answers.
    still = PerturbationSettings(adversarial=1.0, virtual=1.0, size=1e-9)
    learner = toy(still, dropout=0.5)
    token_ids, _ = padded(TEXTS)
    first = learner(token_ids, training=True)
    again = learner(token_ids, training=True)
    assert np.abs(np.array(first["logits"]) - np.array(again["logits"])).max() > 1e-3

    def nothing(logits):
        return ops.sum(logits)

    moved = np.array(learner._perturbed_logits(token_ids, first, nothing))
    expected = np.vstack([first["logits"], first["logits"][:2]])  # all rows, then the labelled
    np.testing.assert_allclose(moved, expected, atol=1e-5)


def test_perturbation_raises_the_loss_and_asks_for_more_than_the_labels():
    token_ids, _ = padded(TEXTS)
    targets = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32)

    def loss(**options):
        learner = toy(PerturbationSettings(**options))
        return float(learner.compute_loss(token_ids, targets, learner(token_ids)))

    plain = loss()
    adversarial = loss(adversarial=1.0, size=0.5)
    assert adversarial > 2 * plain + 1e-3
    assert loss(virtual=1.0, size=0.5) > plain + 1e-4
    assert loss(entropy=1.0) > plain


def test_rows_without_a_label_do_not_touch_the_supervised_loss():
    learner = toy(PerturbationSettings(adversarial=0.0))
    targets = np.array([[1, 0, 0], [0, 1, 0]], np.float32)
    few, _ = padded(TEXTS[:2])
    alone = float(learner.compute_loss(few, targets, learner(few)))
    all_, _ = padded([*TEXTS[:2], [9, 9, 10]])
    nothing = np.vstack([targets, np.zeros((1, 3), np.float32)])
    assert float(learner.compute_loss(all_, nothing, learner(all_))) == pytest.approx(
        alone, rel=1e-5
    )


# --- trained ---


def trainer(folder=None, *, steps: int = 10**9, **options) -> Trainer:
    encoder = toy_encoder(units=(6, 5), embedding_units=6, dropout=0.1, embedding_dropout=0.1)
    make_deterministic(0)
    counted = iter(range(1, 10**9))
    settings = TrainingSettings(
        epochs=4,
        batch_size=8,
        learning_rate=0.03,
        ema_momentum=0.0,
        patience=9,
        checkpoint_seconds=1e9,
        perturbation={"size": 0.3, "unlabelled_batch_size": 6, **options},
    )
    return Trainer(
        toy_network(encoder, None, dropout=0.1),
        toy_problem(24, shortest=3, longest=3),
        toy_problem(12, shortest=3, longest=3, seed=1),
        settings,
        num_classes=CLASSES,
        unlabelled=toy_problem(40, shortest=3, longest=3, seed=2).encoded,
        store=CheckpointStore(folder) if folder else None,
        stop_requested=lambda: next(counted) >= steps,
    )


def test_it_learns_with_labels_and_without():
    taught = trainer(adversarial=1.0, virtual=1.0, entropy=0.1)
    history = taught.run()
    assert history[-1].train_accuracy > history[0].train_accuracy
    assert history[-1].train_loss < history[0].train_loss


def test_a_stopped_training_under_perturbation_ends_with_the_same_bits(tmp_path):
    whole = trainer(adversarial=1.0, virtual=1.0)
    whole.run()
    stopped = trainer(tmp_path, steps=5, adversarial=1.0, virtual=1.0)
    with pytest.raises(TrainingInterrupted):
        stopped.run()
    again = trainer(tmp_path, adversarial=1.0, virtual=1.0)
    again.restore(CheckpointStore(tmp_path).latest())
    again.run()
    for one, other in zip(
        whole.model.trainable_variables, again.model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(np.array(one.numpy()), np.array(other.numpy()))


def test_unlabelled_texts_make_a_difference():
    one, other = trainer(virtual=1.0), trainer(virtual=1.0)
    other.lessons.unlabelled = encoded([[5, 6, 7]] * 40)
    for each in (one, other):
        each.run()
    first, second = (
        np.array(each.model.get_layer("lstm_1").cell.kernel.numpy()) for each in (one, other)
    )
    assert np.abs(first - second).max() > 1e-4


def test_the_loss_is_a_keras_number_under_train_on_batch():
    learner = toy()
    learner.compile(optimizer=keras.optimizers.SGD(0.1), loss=None, jit_compile=False)
    token_ids, _ = padded(TEXTS)
    targets = np.array([[1, 0, 0], [0, 0, 1], [0, 0, 0]], np.float32)
    before = np.array(learner.embedding.embeddings.numpy())
    result = learner.train_on_batch(token_ids, targets, return_dict=True)
    assert np.isfinite(result["loss"]) and 0 <= result["accuracy"] <= 1
    assert np.abs(np.array(learner.embedding.embeddings.numpy()) - before).max() > 0


# --- the loss at every step ---


def test_the_trace_ends_with_the_answer_and_reads_no_padding():
    network = toy_network(toy_encoder(), 2)
    learner = PerturbedClassifier(
        network, PerturbationSettings(), shares=SHARES, labelled_rows=3, trace=0.5
    )
    token_ids, lengths = padded(TEXTS, extra=2)
    first = learner(token_ids)
    last = np.array(first["trace_logits"])[np.arange(3), lengths - 1]
    np.testing.assert_allclose(last, np.array(first["logits"]), atol=1e-6)
    for row, text in enumerate(TEXTS):
        for read in range(1, len(text) + 1):
            alone = network.predict_on_batch(np.array([text[:read]], np.int32))
            asked = np.array(ops.softmax(first["trace_logits"]))[row, read - 1]
            np.testing.assert_allclose(asked, alone[0], atol=1e-5)


def test_a_loss_at_every_step_is_the_mean_over_each_text_s_tokens():
    network = toy_network(toy_encoder(), 2)
    token_ids, lengths = padded(TEXTS, extra=1)
    labels = np.array([0, 2, 1])
    targets = np.eye(CLASSES, dtype=np.float32)[labels]

    def loss(trace: float) -> float:
        learner = PerturbedClassifier(
            network, PerturbationSettings(), shares=SHARES, labelled_rows=3, trace=trace
        )
        return float(learner.compute_loss(token_ids, targets, learner(token_ids)))

    each = []
    for text, label in zip(TEXTS, labels, strict=True):
        prefixes = [network.predict_on_batch(np.array([text[:n]])) for n in range(1, len(text) + 1)]
        each.append(np.mean([-np.log(answer[0, label]) for answer in prefixes]))
    assert loss(0.5) - loss(0.0) == pytest.approx(0.5 * float(np.mean(each)), rel=1e-4)
    assert lengths.max() > 1


def test_trained_with_it_the_answers_on_the_way_are_better():
    def unlikelihood(trace_loss: float) -> float:
        make_deterministic(0)
        random = np.random.default_rng(0)
        labels = np.arange(48, dtype=np.int32) % CLASSES
        # The first token tells the class.
        texts = [[2 + label, *random.integers(5, VOCABULARY, 3)] for label in labels]
        problem = Examples(encoded(texts), labels)
        settings = TrainingSettings(
            epochs=12, batch_size=8, learning_rate=0.03, ema_momentum=0.0, patience=99,
            trace_loss=trace_loss,
        )  # fmt: skip
        encoder = toy_encoder(units=(8,), embedding_units=6)
        trainer = Trainer(
            toy_network(encoder, None), problem, problem, settings, num_classes=CLASSES
        )
        trainer.run()
        token_ids = problem.encoded.token_ids.reshape(48, 4)
        total = 0.0
        for read in range(1, 5):
            answers = trainer.model.predict_on_batch(token_ids[:, :read])
            total -= np.log(np.maximum(answers[np.arange(48), problem.labels], 1e-7)).mean()
        return total / 4

    assert unlikelihood(1.0) < 0.7 * unlikelihood(0.0)
