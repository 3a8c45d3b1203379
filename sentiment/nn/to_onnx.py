"""A hand-built ONNX graph of the trained network: `LSTM` nodes that know each text's length.

Keras's own export writes loops for masked LSTMs, or ignores the padding. Here every text's length
goes to `sequence_lens`, so padding is never read and every hidden state comes out.

Inputs:  `token_ids` (batch, time) int32, right-padded; `lengths` (batch,) int32, at least 1.
Outputs: `probabilities` (batch, classes); `embedding`, `lstm_1`, … as in the shape table; `dense`;
`pooling` if there is one; `final_state` (batch, width), the vector the classifier reads; with
pooling `last` also `step_probabilities` (batch, time, classes), the classifier applied to every
hidden state: a probe, since it was trained on final states only.

LSTM equations and weight order: ONNX operator specification, `LSTM`, opset 14.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from sentiment.config import EncoderSettings

OPSET, IR_VERSION = 17, 9
# Tensors of more numbers than this are worth storing as float16, where that is asked for.
LARGE = 1_000
Weights = Mapping[str, NDArray[np.float32]]


class _Graph:
    """Nodes and constants in the order they are made; tensors are known by name.

    With `half`, large tensors are stored as float16, and a `Cast` makes them float32: once, when
    ONNX Runtime loads the graph and folds its constants, and of a table the rows looked up. With
    `small_tables`, tables are stored as int8, each row with a scale of its own.
    """

    def __init__(self, *, half: bool = False, small_tables: bool = False) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._half = half
        self._small_tables = small_tables
        self._known: set[str] = set()
        self._numbers = itertools.count(1)

    def constant(self, name: str, value: NDArray[Any]) -> str:
        if name in self._known:
            return name
        self._known.add(name)
        if self._is_halved(value):
            stored = self._store(f"{name}/float16", value.astype(np.float16))
            return self.cast(stored, TensorProto.FLOAT, output=name)
        return self._store(name, value)

    def look_up(self, name: str, table: NDArray[np.float32], rows: str, *, to: str) -> str:
        """Add a look-up of a table's rows; of one that is stored smaller only they are cast."""
        if self._small_tables:
            scales = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / np.float32(127)
            stored = self._store(f"{name}/int8", np.rint(table / scales).astype(np.int8))
            found = self.cast(self.add("Gather", stored, rows), TensorProto.FLOAT)
            factors = self.add("Gather", self._store(f"{name}/scales", scales), rows)
            return self.add("Mul", found, factors, to=to)
        if not self._is_halved(table):
            return self.add("Gather", self.constant(name, table), rows, to=to)
        stored = self._store(f"{name}/float16", table.astype(np.float16))
        return self.cast(self.add("Gather", stored, rows), TensorProto.FLOAT, output=to)

    def _is_halved(self, value: NDArray[Any]) -> bool:
        return self._half and value.dtype == np.float32 and value.size > LARGE

    def _store(self, name: str, value: NDArray[Any]) -> str:
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def cast(self, name: str, kind: int, *, output: str | None = None) -> str:
        # Not by `add`: the operator's own attribute is called `to` as well.
        output = output or f"{name}_as_{kind}"
        self.nodes.append(helper.make_node("Cast", [name], [output], to=kind))
        return output

    def integers(self, *values: int) -> str:
        name = "integers_" + "_".join(str(value) for value in values)
        return self.constant(name, np.asarray(values, np.int64))

    def number(self, value: float) -> str:
        return self.constant(f"number_{value:g}", np.asarray(value, np.float32))

    def add(self, operator: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        output = to or f"{operator.lower()}_{next(self._numbers)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output


def build_onnx(
    weights: Weights,
    *,
    encoder: EncoderSettings,
    num_classes: int,
    half: bool = False,
    small_tables: bool = False,
) -> onnx.ModelProto:
    """Build the graph from the tensors of `weights.safetensors`.

    Args:
        weights: by name.
        encoder: what they are the weights of.
        num_classes: how many labels there are.
        half: whether to store large tensors as float16; weights that are rounded to it lose
            nothing, and every computation stays float32.
        small_tables: whether to store the embeddings as int8, for `quantize`.
    """
    graph = _Graph(half=half, small_tables=small_tables)
    embeddings = "embedding/embeddings"
    vectors = graph.look_up(embeddings, weights[embeddings], "token_ids", to="embedding")
    states = graph.add("Transpose", vectors, perm=[1, 0, 2])  # (time, batch, units)
    sequence, final = "", ""
    for number in range(1, len(encoder.units) + 1):
        last = number == len(encoder.units)
        states, final = _lstm(graph, weights, f"lstm_{number}", states, encoder.bidirectional)
        shown = last and encoder.pooling == "last"
        name = f"lstm_{number}_sequence" if shown else f"lstm_{number}"
        sequence = graph.add("Transpose", states, to=name, perm=[1, 0, 2])  # (batch, time, units)
    reading, top = final, f"lstm_{len(encoder.units)}"
    if encoder.pooling == "last":
        graph.add("Identity", final, to=top)
        if encoder.bidirectional:
            sequence = _backward_final(graph, sequence, final, units=encoder.units[-1])
        _head(graph, weights, sequence, dense="step_dense", probabilities="step_probabilities")
    else:
        pooled = _pool(graph, weights, sequence, final, encoder.pooling)
        reading = graph.add("Identity", pooled, to="pooling")
    graph.add("Identity", reading, to="final_state")
    _head(graph, weights, reading, dense="dense", probabilities="probabilities")
    return _model(graph, _outputs(weights, encoder, num_classes))


def _lstm(
    graph: _Graph, weights: Weights, name: str, states: str, bidirectional: bool
) -> tuple[str, str]:
    """Add one layer; return its sequence (time, batch, width) and final state (batch, width)."""
    directions = [f"{name}/forward", f"{name}/backward"] if bidirectional else [name]
    units = weights[f"{directions[0]}/recurrent_kernel"].shape[0]

    def stacked(part: str) -> NDArray[np.float32]:
        return np.stack([_gates_to_onnx(weights[f"{path}/{part}"]) for path in directions])

    bias = stacked("bias")  # (directions, 4 × units); ONNX wants a second one for the recurrence
    outputs = [f"{name}_y", f"{name}_y_h"]
    graph.nodes.append(
        helper.make_node(
            "LSTM",
            [
                states,
                graph.constant(f"{name}/W", stacked("kernel")),
                graph.constant(f"{name}/R", stacked("recurrent_kernel")),
                graph.constant(f"{name}/B", np.concatenate([bias, np.zeros_like(bias)], axis=1)),
                "lengths",
            ],
            outputs,
            hidden_size=units,
            direction="bidirectional" if bidirectional else "forward",
        )
    )
    every, final = outputs  # (time, directions, batch, units), (directions, batch, units)
    if not bidirectional:
        return (
            graph.add("Squeeze", every, graph.integers(1)),
            graph.add("Squeeze", final, graph.integers(0)),
        )
    beside = graph.add("Transpose", every, perm=[0, 2, 1, 3])
    joined = graph.add("Reshape", beside, graph.integers(0, 0, 2 * units))
    swapped = graph.add("Transpose", final, perm=[1, 0, 2])
    return joined, graph.add("Reshape", swapped, graph.integers(0, 2 * units))


def _backward_final(graph: _Graph, sequence: str, final: str, *, units: int) -> str:
    """Set the backward half of every step to its final state, the one at the first token."""
    limits = graph.integers(0), graph.integers(units), graph.integers(2)
    forward = graph.add("Slice", sequence, *limits)
    ends = graph.integers(units), graph.integers(2 * units), graph.integers(1)
    backward = graph.add("Unsqueeze", graph.add("Slice", final, *ends), graph.integers(1))
    spread = graph.add("Expand", backward, graph.add("Shape", forward))
    return graph.add("Concat", forward, spread, axis=-1)


def _gates_to_onnx(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Reorder Keras's gates i, f, c, o (last axis) to ONNX's i, o, f, c (first axis)."""
    i, f, c, o = np.split(tensor, 4, axis=-1)
    return np.concatenate([i, o, f, c], axis=-1).T


def _pool(graph: _Graph, weights: Weights, sequence: str, final: str, pooling: str) -> str:
    """Add masked pooling of a sequence (batch, time, width) with final state (batch, width)."""
    shape = graph.add("Shape", "token_ids")
    zero, one = (graph.constant(f"scalar_{n}", np.asarray(n, np.int64)) for n in (0, 1))
    time = graph.add("Gather", shape, one)
    steps = graph.add("Range", zero, time, one)
    lengths = graph.add("Unsqueeze", graph.cast("lengths", TensorProto.INT64), graph.integers(1))
    mask = graph.add("Unsqueeze", graph.add("Less", steps, lengths), graph.integers(2))
    if pooling == "mean":
        total = graph.add("ReduceSum", sequence, graph.integers(1), keepdims=0)
        return graph.add("Div", total, graph.cast(lengths, TensorProto.FLOAT))
    if pooling == "attention":
        scores = _dense(graph, weights, "attention", sequence)  # (batch, time, 1)
        masked = graph.add("Where", mask, scores, graph.number(-1e9))
        share = graph.add("Softmax", masked, axis=1)
        return graph.add(
            "ReduceSum", graph.add("Mul", sequence, share), graph.integers(1), keepdims=0
        )
    # A hidden state lies in (-1, 1): -2 never wins the maximum.
    inside = graph.add("Where", mask, sequence, graph.number(-2.0))
    maximum = graph.add("ReduceMax", inside, axes=[1], keepdims=0)
    if pooling == "max":
        return maximum
    return graph.add("Concat", maximum, final, axis=-1)


def _dense(graph: _Graph, weights: Weights, layer: str, inputs: str) -> str:
    kernel = graph.constant(f"{layer}/kernel", weights[f"{layer}/kernel"])
    bias = graph.constant(f"{layer}/bias", weights[f"{layer}/bias"])
    return graph.add("Add", graph.add("MatMul", inputs, kernel), bias)


def _head(graph: _Graph, weights: Weights, inputs: str, *, dense: str, probabilities: str) -> None:
    hidden = graph.add("Relu", _dense(graph, weights, "dense", inputs), to=dense)
    logits = _dense(graph, weights, "probabilities", hidden)
    graph.add("Softmax", logits, to=probabilities, axis=-1)


def _outputs(
    weights: Weights, encoder: EncoderSettings, num_classes: int
) -> list[tuple[str, tuple[str | int, ...]]]:
    directions = 2 if encoder.bidirectional else 1
    widths = [directions * units for units in encoder.units]
    reading = weights["dense/kernel"].shape[0]
    outputs: list[tuple[str, tuple[str | int, ...]]] = [
        ("probabilities", ("batch", num_classes)),
        ("embedding", ("batch", "time", encoder.embedding_units)),
    ]
    for number, width in enumerate(widths, start=1):
        final = number == len(widths) and encoder.pooling == "last"
        outputs.append((f"lstm_{number}", ("batch", width) if final else ("batch", "time", width)))
    if encoder.pooling == "last":
        outputs.append((f"lstm_{len(widths)}_sequence", ("batch", "time", widths[-1])))
        outputs.append(("step_probabilities", ("batch", "time", num_classes)))
    else:
        outputs.append(("pooling", ("batch", reading)))
    outputs.append(("final_state", ("batch", reading)))
    outputs.append(("dense", ("batch", weights["dense/bias"].shape[0])))
    return outputs


def _model(graph: _Graph, outputs: Sequence[tuple[str, tuple[str | int, ...]]]) -> onnx.ModelProto:
    inputs = [
        helper.make_tensor_value_info("token_ids", TensorProto.INT32, ("batch", "time")),
        helper.make_tensor_value_info("lengths", TensorProto.INT32, ("batch",)),
    ]
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs
    ]
    body = helper.make_graph(
        graph.nodes, "sentiment", inputs, results, list(graph.constants.values())
    )
    model = helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="sentiment",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def quantize(model: onnx.ModelProto) -> bytes:
    """Return the graph with int8 weights, activations quantized as they come (ONNX Runtime).

    Every unit's weights have a scale of their own; a table with one for all its rows would lose as
    much as everything else together, so `build_onnx` stores tables (`small_tables`).
    """
    import logging

    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It warns, through the root logger, that pre-processing was not run: this graph needs none.
    logging.getLogger().addFilter(_not_about_preprocessing)
    try:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "model.int8.onnx"
            quantize_dynamic(
                model,
                target,
                op_types_to_quantize=["LSTM", "MatMul"],
                per_channel=True,
                weight_type=QuantType.QInt8,
            )
            return target.read_bytes()
    finally:
        logging.getLogger().removeFilter(_not_about_preprocessing)


def _not_about_preprocessing(record: Any) -> bool:
    return "pre-processing" not in record.getMessage()
