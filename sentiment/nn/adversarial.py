"""Losses beside the plain cross-entropy: under perturbation, for clear answers, at every step.

**Perturbation.** The words of a text are moved a little in the direction that hurts the answer
most, and the classifier learns to answer as before (Miyato, Dai & Goodfellow 2017). Adversarial
training needs labels; virtual adversarial training holds the answer against the network's own, so
that it learns from text without labels too; entropy minimisation (Grandvalet & Bengio 2005) asks
for clear answers on both. All three with a plain cross-entropy are the mixed objective of Sachan et
al. 2019. Three passes a step, over the same dropout: as the text is, moved a little to find the
direction, and moved as far as `size` says.

**Trace.** The classifier reads final states; applied to the states before, it is a probe. Asked for
the label after every token as well, as in target replication (Lipton et al. 2016), it learns what a
text that ends there would mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

from sentiment.config import PerturbationSettings
from sentiment.nn.encoder import final_state, returning_sequences
from sentiment.text.tokenizer import PADDING_ID

# How far the first guess at the virtual adversarial direction is moved (Miyato's own code: 0.1).
FIRST_GUESS = 0.1
_TINY = 1e-12


class PerturbedClassifier(keras.Model):
    """A classifier that learns under perturbation; its weights are the classifier's own.

    Trained with `train_on_batch(token_ids, targets, sample_weight)`: the rows whose targets are all
    zero have no label. Labelled rows come first, at most `labelled_rows` of them.

    Perturbations are measured in the units of embeddings normalised by token frequency (mean 0,
    variance 1 in every feature): the table itself is left as it is, and each feature's step is
    scaled by its spread. Larger embeddings do not get away.

    Args:
        classifier: the network of `build_classifier`.
        settings: which losses, and how far.
        shares: (vocabulary,) how frequent each token is, summing to 1.
        labelled_rows: how many rows of a batch may have labels.
        trace: weight of the loss at every step; the encoder must end with its final state.
        label_smoothing: of the targets.
        seed: of dropout and first guesses.
    """

    def __init__(
        self,
        classifier: keras.Model,
        settings: PerturbationSettings,
        *,
        shares: NDArray[np.float64],
        labelled_rows: int,
        trace: float = 0.0,
        label_smoothing: float = 0.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name="perturbed")
        self.classifier = classifier
        self.settings = settings
        self.shares = shares.astype(np.float32)[:, None]  # (vocabulary, 1)
        self.labelled_rows = labelled_rows
        self.trace = trace
        self.label_smoothing = label_smoothing
        layers = {layer.name: layer for layer in classifier.layers}
        self.embedding = layers["embedding"]
        self.steps = [layers[name] for name in layers if name in _READ or name[:5] == "lstm_"]
        # The dropout before each step: rates and widths only, since the network's own layers draw
        # other noise at every pass.
        dropouts = [layers.get(_dropout_before(step.name)) for step in self.steps]
        self.rates = [layer.rate if layer else 0.0 for layer in dropouts]
        self.widths = [
            step.input[0].shape[-1] if isinstance(step.input, list) else step.input.shape[-1]
            for step in self.steps
        ]
        self.seeds = keras.random.SeedGenerator(seed)
        self.accuracy = keras.metrics.CategoricalAccuracy(name="accuracy")

    def call(self, token_ids: Any, training: bool = False) -> dict[str, Any]:
        """Make the first pass.

        Returns `logits` (batch, classes), `embedded` (batch, time, embedding_units) after dropout,
        the dropout of every step as multipliers, `noise_0` and so on, and with a trace
        `trace_logits` (batch, time, classes).
        """
        embedded = self.embedding(token_ids)  # (batch, time, embedding_units)
        noise = self._noise(token_ids, training)
        if "noise_0" in noise:
            embedded = embedded * noise["noise_0"]
        mask = ops.not_equal(token_ids, PADDING_ID)  # (batch, time)
        first = {"embedded": embedded, **noise}
        if not self.trace:
            return {"logits": self._read(embedded, mask, noise), **first}
        trace_logits = self._read(embedded, mask, noise, every_step=True)
        return {"logits": final_state(trace_logits, mask), "trace_logits": trace_logits, **first}

    def _noise(self, token_ids: Any, training: bool) -> dict[str, Any]:
        batch = ops.shape(token_ids)[0]
        noise = {}
        for number, step in enumerate(self.steps):
            rate, width = self.rates[number], self.widths[number]
            if training and rate:
                # The same at every step of a text.
                shape = (batch, 1, width) if step.name.startswith("lstm_") else (batch, width)
                noise[f"noise_{number}"] = keras.random.dropout(
                    ops.ones(shape), rate, seed=self.seeds
                )
        return noise

    def _read(
        self, embedded: Any, mask: Any, noise: dict[str, Any], *, every_step: bool = False
    ) -> Any:
        """Return the logits of embedded texts, dropout of the embedding done: (batch, classes).

        With `every_step`, those after every token: (batch, time, classes).
        """
        states = embedded
        for number, step in enumerate(self.steps):
            if number and f"noise_{number}" in noise:
                factor = noise[f"noise_{number}"]
                wide = len(states.shape) > len(factor.shape)
                states = states * (ops.expand_dims(factor, 1) if wide else factor)
            if step.name == "probabilities":
                return ops.matmul(states, step.kernel) + step.bias
            if step.name == "pooling":
                states = step(states, mask)
            elif step.name == "dense":
                states = step(states)
            elif every_step:
                with returning_sequences(step):
                    states = step(states, mask=mask)
            else:
                states = step(states, mask=mask)
        raise AssertionError("a classifier ends with its probabilities")

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the mixed objective: a mean over labelled rows, and means over all rows."""
        settings, some = self.settings, slice(0, self.labelled_rows)
        y = ops.cast(y, "float32")
        labelled = ops.sum(y, axis=-1)  # (batch,) 1 or 0
        weight = labelled
        if sample_weight is not None:
            weight = labelled * ops.cast(sample_weight, labelled.dtype)
        count = ops.maximum(ops.sum(labelled), 1.0)
        classes = y.shape[-1]
        smoothed = y * (1.0 - self.label_smoothing) + self.label_smoothing / classes
        clean = y_pred["logits"]  # (batch, classes)

        def supervised(logits: Any) -> Any:
            answers = ops.log_softmax(logits)
            return -ops.sum(weight[some] * ops.sum(smoothed[some] * answers, axis=-1)) / count

        loss = supervised(clean[some])
        if self.trace:
            answers = ops.log_softmax(y_pred["trace_logits"])  # (batch, time, classes)
            inside = ops.cast(ops.not_equal(x, PADDING_ID), answers.dtype)  # (batch, time)
            each = ops.sum(ops.expand_dims(smoothed, 1) * answers, axis=-1) * inside
            each = ops.sum(each, axis=1) / ops.sum(inside, axis=1)  # (batch,)
            loss = loss - self.trace * ops.sum(weight * each) / count
        answer = ops.softmax(clean)
        if settings.entropy:
            loss = loss - settings.entropy * ops.mean(
                ops.sum(answer * ops.log_softmax(clean), axis=-1)
            )
        if not training or not (settings.adversarial or settings.virtual):
            return loss
        own = ops.stop_gradient(answer)

        def divergence(logits: Any) -> Any:
            difference = ops.log(own + _TINY) - ops.log_softmax(logits)
            return ops.mean(ops.sum(own * difference, axis=-1))

        # Rows of a perturbed pass: every text for the virtual loss, then the labelled ones again
        # for the adversarial one.
        num_virtual = ops.shape(x)[0] if settings.virtual else 0

        def harm(logits: Any) -> Any:
            total = 0.0
            if settings.virtual:
                total = total + settings.virtual * divergence(logits[:num_virtual])
            if settings.adversarial:
                total = total + settings.adversarial * supervised(logits[num_virtual:])
            return total

        return loss + harm(self._perturbed_logits(x, y_pred, harm))

    def _perturbed_logits(
        self, token_ids: Any, y_pred: dict[str, Any], harm: Callable[[Any], Any]
    ) -> Any:
        """Return the logits of texts moved in the direction in which `harm` of them grows most."""

        def rows(every: Any, labelled: Any) -> Any:
            parts = [every] if self.settings.virtual else []
            parts += [labelled[: self.labelled_rows]] if self.settings.adversarial else []
            return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=0)

        mask = ops.not_equal(token_ids, PADDING_ID)  # (batch, time)
        embedded = y_pred["embedded"]  # (batch, time, embedding_units)
        scale = self._spread()  # (embedding_units,)
        inside = ops.cast(ops.expand_dims(mask, -1), embedded.dtype)
        guess = keras.random.normal(ops.shape(embedded), seed=self.seeds) * inside
        points = rows(embedded + FIRST_GUESS * scale * _unit(guess), embedded)
        masks = rows(mask, mask)
        noise = {name: rows(y_pred[name], y_pred[name]) for name in y_pred if "noise" in name}
        step = self.perturbation(lambda moved: harm(self._read(moved, masks, noise)), points)
        return self._read(rows(embedded, embedded) + step, masks, noise)

    def perturbation(self, harm: Callable[[Any], Any], points: Any) -> Any:
        """Return the step of length `size` that makes `harm` grow most, to first order.

        Length and direction are those of normalised embeddings, a text at a time; the step is one
        of the embeddings as they are: (rows, time, embedding_units), a constant.

        Args:
            harm: embedded texts to a number.
            points: (rows, time, embedding_units), where to look.
        """
        scale = self._spread()  # (embedding_units,)
        direction = _unit(gradient(harm, points) * scale)
        return ops.stop_gradient(self.settings.size * scale * direction)

    def _spread(self) -> Any:
        """Return each feature's standard deviation over the tokens of the texts."""
        table = ops.stop_gradient(ops.convert_to_tensor(self.embedding.embeddings))
        shares = ops.convert_to_tensor(self.shares)
        mean = ops.sum(shares * table, axis=0)
        return ops.sqrt(ops.sum(shares * (table - mean) ** 2, axis=0) + _TINY)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Count the right answers among the labelled rows."""
        self.accuracy.update_state(y, y_pred["logits"], sample_weight=ops.sum(y, axis=-1))
        results: dict[str, Any] = self.get_metrics_result()
        return results


_READ = ("pooling", "dense", "probabilities")


def _dropout_before(step: str) -> str:
    """Return the name of the dropout layer of `build_classifier` before a layer."""
    if step.startswith("lstm_"):
        number = int(step.removeprefix("lstm_"))
        return f"dropout_{number - 1}" if number > 1 else "embedding_dropout"
    return {"dense": "state_dropout", "probabilities": "dense_dropout"}.get(step, "")


def gradient(function: Callable[[Any], Any], point: Any) -> Any:
    """Return the gradient of a scalar function at a point, itself a constant.

    Keras has no gradient of its own, so each backend's is asked.
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            point = tf.stop_gradient(point)
            tape.watch(point)
            value = function(point)
        return tf.stop_gradient(tape.gradient(value, point))
    if backend == "torch":
        import torch

        with torch.enable_grad():
            point = point.detach().requires_grad_(True)
            return torch.autograd.grad(function(point), point)[0]
    import jax

    return jax.lax.stop_gradient(jax.grad(function)(jax.lax.stop_gradient(point)))


def _unit(rows: Any) -> Any:
    """Return each text's tensor (batch, time, units) at length 1 (L2 over time and units)."""
    largest = ops.max(ops.abs(rows), axis=(1, 2), keepdims=True) + _TINY
    rows = rows / largest  # squares of small gradients would vanish
    return rows / ops.sqrt(ops.sum(rows**2, axis=(1, 2), keepdims=True) + _TINY)
