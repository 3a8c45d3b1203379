"""The files of a model are held against the network they came from before they are written."""

from __future__ import annotations

import re
from dataclasses import dataclass

import keras
import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load

from sentiment.config import Config, TextSettings
from sentiment.errors import ExportError
from sentiment.nn.classifier import assign_weights, build_classifier, named_weights
from sentiment.nn.lessons import Examples
from sentiment.nn.packaging import Package, largest_difference, package, round_weights
from sentiment.nn.scoring import predict
from sentiment.text.tokenizer import Tokenizer

TEXTS = ["a good film", "a bad film", "not good at all :(", "", "the best of all", "bad bad bad"]


@dataclass
class Toy:
    """A small network with everything that packaging needs."""

    model: keras.Model
    config: Config
    tokenizer: Tokenizer
    validation: Examples

    def package(self, **export: object) -> Package:
        config = Config.model_validate({**self.config.model_dump(), "export": export})
        return package(
            self.model, config, tokenizer=self.tokenizer, texts=TEXTS, validation=self.validation
        )


@pytest.fixture
def toy() -> Toy:
    keras.utils.set_random_seed(3)
    config = Config.model_validate(
        {
            "encoder": {"units": [4], "embedding_units": 3},
            "classifier": {"units": 4},
            "text": {"vocabulary_size": 40, "min_frequency": 1},
        }
    )
    tokenizer = Tokenizer.train(TEXTS, TextSettings(vocabulary_size=40, min_frequency=1))
    model = build_classifier(
        vocabulary_size=tokenizer.vocabulary_size,
        num_classes=2,
        encoder=config.encoder,
        classifier=config.classifier,
    )
    random = np.random.default_rng(0)
    assign_weights(
        model,
        {
            name: random.normal(0, 1, value.shape).astype(np.float32)
            for name, value in named_weights(model).items()
        },
    )
    # As fast as a graph for so few texts, and there is none to build.
    model.run_eagerly = True
    encoded = tokenizer.encode(TEXTS)
    labels = predict(model, encoded).argmax(axis=1).astype(np.int32)  # right on every text
    return Toy(model, config, tokenizer, Examples(encoded, labels))


def test_the_files_hold_the_network(toy: Toy):
    made = toy.package(int8_max_accuracy_loss=0.9)
    assert sorted(made.files) == ["model.int8.onnx", "model.onnx", "weights.safetensors"]
    assert made.parity < 1e-5
    assert made.int8.startswith("written: accuracy on validation ")
    saved = load(made.files["weights.safetensors"])
    for name, value in named_weights(toy.model).items():
        np.testing.assert_array_equal(saved[name], value)


def test_int8_may_be_left_out(toy: Toy):
    made = toy.package(int8=False)
    assert sorted(made.files) == ["model.onnx", "weights.safetensors"]
    assert made.int8 == "turned off by export.int8"


def test_an_export_that_answers_otherwise_is_refused(toy: Toy):
    # The graph is built for relu. A network that computes something else must not get past.
    toy.model.get_layer("dense").activation = keras.activations.leaky_relu
    with pytest.raises(ExportError, match=r"ONNX and Keras differ by .* expected at most 1e-05"):
        toy.package()


def test_a_change_of_one_weight_after_the_export_is_seen(toy: Toy):
    content = toy.package(int8=False).files["model.onnx"]
    encoded = toy.tokenizer.encode(TEXTS)
    assert largest_difference(toy.model, content, encoded) < 1e-5
    kernel = toy.model.get_layer("probabilities").kernel
    changed = kernel.numpy()
    changed[0, 0] += 0.01
    kernel.assign(changed)
    assert largest_difference(toy.model, content, encoded) > 1e-5


def test_a_network_that_answers_no_numbers_is_refused(toy: Toy):
    bias = toy.model.get_layer("probabilities").bias
    bias.assign(np.full(bias.shape, np.nan, np.float32))
    with pytest.raises(ExportError, match="ONNX and Keras differ by nan"):
        toy.package()


def test_an_int8_model_that_loses_accuracy_is_left_out(toy: Toy):
    # One unit of the dense layer is never on; its huge weights cost the others their precision.
    weights = named_weights(toy.model)
    weights["dense/kernel"][:, 0], weights["dense/bias"][0] = 0.0, -1.0
    weights["probabilities/kernel"][0] = 1e6
    assign_weights(toy.model, weights)
    first, second = np.log(predict(toy.model, toy.validation.encoded)).T
    weights["probabilities/bias"][0] += np.median(second - first)  # half the texts of each class
    assign_weights(toy.model, weights)
    labels = predict(toy.model, toy.validation.encoded).argmax(axis=1).astype(np.int32)
    assert sorted(labels.tolist()) == [0, 0, 0, 1, 1, 1]
    toy.validation = Examples(toy.validation.encoded, labels)
    made = toy.package(int8_max_accuracy_loss=0.0)
    assert "model.int8.onnx" not in made.files
    assert made.int8.startswith("not written: accuracy on validation -")
    for wrong in range(4):  # texts that float32 has wrong too, from the first on
        told = np.where(np.arange(6) < wrong, 1 - labels, labels)
        toy.validation = Examples(toy.validation.encoded, told)
        made = toy.package(int8_max_accuracy_loss=0.99)
        assert made.files.keys() >= {"model.int8.onnx"}
        found = re.match(r"written: accuracy on validation -([\d.]+) points", made.int8)
        if found:  # exactly as many errors more as are allowed
            limit = round(float(found[1]) * 6 / 100) / 6
            assert "model.int8.onnx" in toy.package(int8_max_accuracy_loss=limit).files


def test_what_is_written_opens_and_answers(toy: Toy):
    made = toy.package(int8_max_accuracy_loss=0.9)
    inputs = {"token_ids": np.array([[1]], np.int32), "lengths": np.array([1], np.int32)}
    for name in ("model.onnx", "model.int8.onnx"):
        session = onnxruntime.InferenceSession(made.files[name], providers=["CPUExecutionProvider"])
        assert session.run(["probabilities"], inputs)[0].sum() == pytest.approx(1, abs=1e-6)


def test_float16_stores_the_rounded_weights_everywhere(toy: Toy, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sentiment.nn.to_onnx.LARGE", 10)
    whole = toy.package(int8_max_accuracy_loss=0.9)
    before = named_weights(toy.model)
    round_weights(toy.model, "float16")
    after = named_weights(toy.model)
    assert any((after[name] != before[name]).any() for name in before)
    made = toy.package(weights="float16", int8_max_accuracy_loss=0.9)
    assert made.parity < 1e-5
    saved = load(made.files["weights.safetensors"])
    for name, value in after.items():
        assert saved[name].dtype == np.float16
        np.testing.assert_array_equal(saved[name].astype(np.float32), value)
    for name in ("weights.safetensors", "model.onnx"):
        assert len(made.files[name]) < len(whole.files[name])
    inputs = {"token_ids": np.array([[1]], np.int32), "lengths": np.array([1], np.int32)}
    for name in ("model.onnx", "model.int8.onnx"):
        session = onnxruntime.InferenceSession(made.files[name], providers=["CPUExecutionProvider"])
        [found] = session.run(["probabilities"], inputs)
        np.testing.assert_allclose(found, predict(toy.model, toy.tokenizer.encode([""])), atol=0.1)


def test_weights_that_were_not_rounded_are_not_stored_as_float16(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentiment.nn.to_onnx.LARGE", 10)
    with pytest.raises(ExportError, match="ONNX and Keras differ"):
        toy.package(weights="float16")


def test_a_weight_too_large_for_float16_is_named(toy: Toy):
    weights = named_weights(toy.model)
    weights["dense/kernel"][0, 0] = 70_000
    assign_weights(toy.model, weights)
    with pytest.raises(ExportError, match=r"dense/kernel holds .* at most 65504.*=float32"):
        round_weights(toy.model, "float16")
    round_weights(toy.model, "float32")
    assert named_weights(toy.model)["dense/kernel"][0, 0] == 70_000
