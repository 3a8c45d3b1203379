"""The ONNX graph is the network: against Keras and against the NumPy replay, whatever the batch."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nn_toys import CLASSES, VARIANTS, VOCABULARY, padded, random_weights, toy_encoder, toy_network
from onnx import TensorProto
from onnx import load as load_onnx

from sentiment.nn.classifier import layer_outputs
from sentiment.nn.to_onnx import build_onnx, quantize
from sentiment.runtime.replay import replay

# An empty text is one unknown token, 1.
TEXTS = [[1], [7], [2, 3, 4, 5, 6, 7, 8], [9, 9, 9], [11, 2]]
any_text = st.lists(st.integers(1, VOCABULARY - 1), min_size=1, max_size=9)


@cache
def session(pooling: str, bidirectional: bool) -> onnxruntime.InferenceSession:
    encoder = toy_encoder(pooling, bidirectional)
    graph = build_onnx(random_weights(encoder), encoder=encoder, num_classes=CLASSES)
    return open_session(graph.SerializeToString())


def open_session(content: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def run(onnx: onnxruntime.InferenceSession, texts, *, extra: int = 0) -> dict[str, np.ndarray]:
    token_ids, lengths = padded(texts, extra=extra)
    names = [output.name for output in onnx.get_outputs()]
    values = onnx.run(names, {"token_ids": token_ids, "lengths": lengths})
    return dict(zip(names, values, strict=True))


@pytest.mark.parametrize(("pooling", "bidirectional"), VARIANTS)
def test_every_layer_is_that_of_keras(pooling: str, bidirectional: bool):
    token_ids, _ = padded(TEXTS, extra=2)
    outputs = run(session(pooling, bidirectional), TEXTS, extra=2)
    expected = layer_outputs(toy_network(toy_encoder(pooling, bidirectional)))(token_ids)
    assert {"embedding", "lstm_1", "lstm_2", "dense", "probabilities"} <= expected.keys()
    assert ("pooling" in expected) == (pooling != "last")
    inside = token_ids != 0
    for name, value in expected.items():
        mine, theirs = outputs[name], np.asarray(value)
        assert mine.shape == theirs.shape
        if mine.ndim == 3:
            mine, theirs = mine[inside], theirs[inside]
        np.testing.assert_allclose(mine, theirs, atol=1e-5, err_msg=name)
    top = expected["lstm_2" if pooling == "last" else "pooling"]
    np.testing.assert_allclose(outputs["final_state"], np.asarray(top), atol=1e-5)


@pytest.mark.parametrize(("pooling", "bidirectional"), VARIANTS)
@settings(deadline=None, max_examples=20)
@given(texts=st.lists(any_text, min_size=1, max_size=6), extra=st.integers(0, 5))
def test_padding_and_neighbours_never_change_a_prediction(pooling, bidirectional, texts, extra):
    onnx = session(pooling, bidirectional)
    together = run(onnx, texts, extra=extra)
    for row, text in enumerate(texts):
        alone = run(onnx, [text])
        for name in ("probabilities", "final_state", "dense"):
            np.testing.assert_allclose(together[name][row], alone[name][0], atol=1e-6)


@pytest.mark.parametrize(("pooling", "bidirectional"), VARIANTS)
@settings(deadline=None, max_examples=20)
@given(text=any_text)
def test_it_is_the_network_the_replay_shows(pooling: str, bidirectional: bool, text: list[int]):
    encoder = toy_encoder(pooling, bidirectional)
    outputs = run(session(pooling, bidirectional), [text])
    seen = replay(random_weights(encoder), np.array(text), encoder)
    np.testing.assert_allclose(outputs["probabilities"][0], seen.probabilities, atol=1e-5)
    np.testing.assert_allclose(outputs["final_state"][0], seen.pooled, atol=1e-5)
    first = [states.hidden for states in seen.layers[0].directions.values()]
    np.testing.assert_allclose(outputs["lstm_1"][0], np.concatenate(first, axis=-1), atol=1e-5)
    if pooling == "last":
        steps = outputs["step_probabilities"][0]
        np.testing.assert_allclose(steps, seen.step_probabilities, atol=1e-5)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_score_of_the_last_step_is_the_prediction(bidirectional: bool):
    outputs = run(session("last", bidirectional), TEXTS, extra=3)
    assert outputs["step_probabilities"].shape == (len(TEXTS), 10, CLASSES)
    for row, text in enumerate(TEXTS):
        np.testing.assert_allclose(
            outputs["step_probabilities"][row, len(text) - 1],
            outputs["probabilities"][row],
            atol=1e-6,
        )


@pytest.mark.parametrize("pooling", ["max", "mean", "max_last", "attention"])
def test_only_a_final_state_has_a_score_for_every_step(pooling: str):
    names = [output.name for output in session(pooling, False).get_outputs()]
    assert "step_probabilities" not in names
    assert "pooling" in names


def test_the_batch_and_the_time_are_free_and_the_widths_are_not():
    inputs = {value.name: value.shape for value in session("last", True).get_inputs()}
    outputs = {value.name: value.shape for value in session("last", True).get_outputs()}
    assert inputs == {"token_ids": ["batch", "time"], "lengths": ["batch"]}
    assert outputs["lstm_1"] == ["batch", "time", 8]
    assert outputs["lstm_2"] == outputs["final_state"] == ["batch", 4]
    assert outputs["probabilities"] == ["batch", CLASSES]


@pytest.mark.parametrize(("pooling", "bidirectional"), [("last", False), ("attention", True)])
def test_int8_is_near_and_as_indifferent_to_padding(pooling: str, bidirectional: bool):
    encoder = toy_encoder(pooling, bidirectional)
    weights = random_weights(encoder)
    graph = build_onnx(weights, encoder=encoder, num_classes=CLASSES, small_tables=True)
    small = open_session(quantize(graph))
    texts = [[2, 3, 4, 5], [6, 7, 8, 9]]
    exact, near = run(session(pooling, bidirectional), texts), run(small, texts)
    np.testing.assert_allclose(near["probabilities"], exact["probabilities"], atol=0.02)
    wide = run(small, texts, extra=4)
    np.testing.assert_allclose(wide["probabilities"], near["probabilities"], atol=1e-2)


def test_each_row_of_a_small_table_has_its_own_scale():
    encoder = toy_encoder()
    weights = dict(random_weights(encoder))
    table = weights["embedding/embeddings"].copy()
    table[3], table[4] = 100 * table[3], 0
    weights["embedding/embeddings"] = table
    model = build_onnx(weights, encoder=encoder, num_classes=CLASSES, small_tables=True)
    stored = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    assert stored["embedding/embeddings/int8"] == TensorProto.INT8
    ids = [[2, 3, 4, 5]]
    found = run(open_session(model.SerializeToString()), ids)["embedding"][0]
    for row, token_id in zip(found, ids[0], strict=True):
        half_a_step = np.abs(table[token_id]).max() / 254
        np.testing.assert_allclose(row, table[token_id], atol=half_a_step + 1e-6)


def test_quantizing_says_nothing_on_the_way(caplog: pytest.LogCaptureFixture):
    encoder = toy_encoder()
    quantize(build_onnx(random_weights(encoder), encoder=encoder, num_classes=CLASSES))
    assert caplog.records == []


@pytest.mark.parametrize(("pooling", "bidirectional"), [("last", True), ("attention", False)])
def test_rounded_weights_stored_as_float16_lose_nothing(
    monkeypatch: pytest.MonkeyPatch, pooling: str, bidirectional: bool
):
    monkeypatch.setattr("sentiment.nn.to_onnx.LARGE", 10)
    encoder = toy_encoder(pooling, bidirectional)
    weights = {
        name: value.astype(np.float16).astype(np.float32)
        for name, value in random_weights(encoder).items()
    }
    whole = build_onnx(weights, encoder=encoder, num_classes=CLASSES)
    half = build_onnx(weights, encoder=encoder, num_classes=CLASSES, half=True)
    half_kind = TensorProto.FLOAT16
    stored = {tensor.name for tensor in half.graph.initializer if tensor.data_type == half_kind}
    assert {f"{name}/float16" for name in ("embedding/embeddings", "lstm_1/W", "lstm_2/R")} < stored
    assert half.ByteSize() < whole.ByteSize()
    one, other = (open_session(model.SerializeToString()) for model in (whole, half))
    expected, found = run(one, TEXTS), run(other, TEXTS)
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)


def test_onnx_runtime_casts_weights_once_and_of_the_table_what_is_looked_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sentiment.nn.to_onnx.LARGE", 10)
    encoder = toy_encoder()
    model = build_onnx(random_weights(encoder), encoder=encoder, num_classes=CLASSES, half=True)
    assert "Cast" in {node.op_type for node in model.graph.node}
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.optimized_model_filepath = str(tmp_path / "as_it_runs.onnx")
    onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    as_it_runs = load_onnx(tmp_path / "as_it_runs.onnx")
    [cast] = [node for node in as_it_runs.graph.node if node.op_type == "Cast"]
    assert list(cast.output) == ["embedding"]
