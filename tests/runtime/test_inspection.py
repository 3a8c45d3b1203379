from __future__ import annotations

import json
import math

import numpy as np
import pytest

from sentiment.config import EncoderSettings
from sentiment.errors import ModelFolderError
from sentiment.runtime.inspection import (
    check_shapes,
    encoder_width,
    expected_weight_shapes,
    format_probe,
    format_shape,
    format_shape_table,
    probe,
    shape_rows,
    shapes_of,
)

DESIGN_TABLE = """\
layer          output shape      holds
token_ids      (64, 118)         right-padded token ids
embedding      (64, 118, 128)    one vector per token
lstm_1         (64, 118, 128)    every hidden state h_1 … h_T
lstm_2         (64, 64)          the final hidden state h_T
dense          (64, 32)
probabilities  (64, 2)"""

POOLINGS = ("last", "max", "mean", "max_last", "attention")


def rows_of(encoder: EncoderSettings, **sizes: int):
    return shape_rows(
        encoder, **{"classifier_units": 32, "num_classes": 2, "vocabulary_size": 100, **sizes}
    )


def weights_of(encoder: EncoderSettings):
    return expected_weight_shapes(encoder, classifier_units=32, num_classes=2, vocabulary_size=100)


def test_the_table_looks_as_the_design_draws_it():
    encoder = EncoderSettings(embedding_units=128, units=(128, 64))
    assert format_shape_table(rows_of(encoder, batch=64, time=118)) == DESIGN_TABLE


def test_unknown_sizes_are_spelled_batch_and_time():
    table = format_shape_table(rows_of(EncoderSettings()))
    assert "(batch, time, 128)" in table
    assert "(batch, 64)" in table
    assert "None" not in table


def test_format_shape_of_one_dimension_and_of_none():
    assert format_shape((5,)) == "(5,)"
    assert format_shape((None, None, None)) == "(batch, time, ?)"


def test_only_the_last_layer_drops_the_time_axis():
    shapes = shapes_of(rows_of(EncoderSettings(units=(7, 5, 3)), batch=4, time=9))
    assert shapes["lstm_1"] == (4, 9, 7)
    assert shapes["lstm_2"] == (4, 9, 5)
    assert shapes["lstm_3"] == (4, 3)


def test_both_directions_double_the_width_of_every_lstm():
    rows = rows_of(EncoderSettings(units=(7, 5), bidirectional=True), batch=4, time=9)
    shapes = shapes_of(rows)
    assert shapes["lstm_1"] == (4, 9, 14)
    assert shapes["lstm_2"] == (4, 10)
    assert all("both directions" in row.holds for row in rows if row.layer.startswith("lstm"))


@pytest.mark.parametrize("pooling", ["max", "mean", "max_last", "attention"])
def test_pooling_is_a_row_of_its_own_and_the_last_lstm_keeps_its_sequence(pooling: str):
    rows = rows_of(EncoderSettings(units=(7, 5), pooling=pooling), batch=4, time=9)
    names = [row.layer for row in rows]
    assert names.index("pooling") == names.index("lstm_2") + 1
    shapes = shapes_of(rows)
    assert shapes["lstm_2"] == (4, 9, 5)
    assert shapes["pooling"] == (4, 10 if pooling == "max_last" else 5)
    holds = {row.layer: row.holds for row in rows}
    assert holds["lstm_2"] == "every hidden state h_1 … h_T"
    assert "every hidden state" in holds["pooling"]


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_every_weight_is_counted_in_exactly_one_row(pooling: str, bidirectional: bool):
    encoder = EncoderSettings(units=(7, 5), pooling=pooling, bidirectional=bidirectional)
    counted = sum(row.parameters for row in rows_of(encoder))
    assert counted == sum(math.prod(shape) for shape in weights_of(encoder).values())


def test_weights_of_a_bidirectional_attention_encoder():
    encoder = EncoderSettings(
        embedding_units=6, units=(4, 3), bidirectional=True, pooling="attention"
    )
    shapes = weights_of(encoder)
    assert shapes["embedding/embeddings"] == (100, 6)
    assert shapes["lstm_1/forward/kernel"] == (6, 16)
    assert shapes["lstm_2/backward/kernel"] == (8, 12)
    assert shapes["lstm_2/backward/recurrent_kernel"] == (3, 12)
    assert shapes["lstm_2/backward/bias"] == (12,)
    assert shapes["attention/kernel"] == (6, 1)
    assert shapes["attention/bias"] == (1,)
    assert shapes["dense/kernel"] == (6, 32)
    assert encoder_width(encoder) == 6


def test_the_parameter_column_adds_up():
    table = format_shape_table(
        rows_of(EncoderSettings(embedding_units=4, units=(3,))), parameters=True
    )
    counts = [line for line in table.splitlines() if line.startswith("total")]
    # embedding 100·4, LSTM 4·((4 + 3)·3 + 3), dense 3·32 + 32, probabilities 32·2 + 2
    assert counts[0].split() == ["total", f"{400 + 96 + 128 + 66}"]


def test_shapes_that_fit_pass_and_a_free_dimension_takes_any_size():
    check_shapes({"lstm_1": (None, None, 4)}, {"lstm_1": (2, 9, 4)})


@pytest.mark.parametrize(
    ("actual", "words"),
    [
        ({"lstm_1": (2, 9, 5)}, ["lstm_1", "(2, 9, 5)", "(batch, time, 4)"]),
        ({"lstm_1": (2, 4)}, ["lstm_1", "(2, 4)", "(batch, time, 4)"]),
        ({}, ["no lstm_1", "(batch, time, 4)"]),
        ({"lstm_1": (2, 9, 4), "lstm_7": (1,)}, ["lstm_7", "(1,)"]),
    ],
)
def test_a_wrong_shape_is_named_with_both_shapes(actual, words: list[str]):
    with pytest.raises(ModelFolderError) as fault:
        check_shapes({"lstm_1": (None, None, 4)}, actual, origin="weights.safetensors")
    message = str(fault.value)
    assert message.startswith("weights.safetensors")
    assert all(word in message for word in words)


def test_the_probe_line_reads_as_the_design_writes_it():
    states = np.zeros((2, 5))
    states[:, 1] = 1.0
    states[:, 3] = -0.5
    states[:, 4] = [0.25, -0.25]
    # norm √(1 + 0.25 + 0.0625) for both texts
    assert format_probe(states) == (
        "final hidden state h_T: norm 1.15 · mean +0.10 · sd 0.50 · saturated 20 % · dead 2/5 · "
        "strongest units +#1 −#3 +#0"
    )


def test_the_probe_takes_a_minus_sign_for_every_negative_number():
    line = format_probe(np.full((3, 2), -0.5, np.float32))
    assert "mean −0.50" in line
    assert "-" not in line


def test_the_probe_counts_what_it_says():
    states = np.array([[0.96, -0.99, 0.0, 0.5], [0.1, -0.99, 0.0005, -0.5]], np.float32)
    seen = probe(states)
    assert (seen.texts, seen.units) == (2, 4)
    assert seen.norm == pytest.approx(np.linalg.norm(states, axis=1).mean())
    assert seen.saturated == pytest.approx(3 / 8)
    assert seen.dead == 1
    assert [unit for unit, _ in seen.strongest] == [1, 0, 2]


def test_a_unit_alive_in_a_single_text_is_not_dead():
    states = np.zeros((50, 1))
    states[7] = 0.3
    assert probe(states).dead == 0


def test_saturation_that_rounds_to_nothing_is_not_called_nothing():
    states = np.zeros((1000, 1))
    states[0] = 1.0
    assert "saturated <1 %" in format_probe(states)
    assert "saturated 0 %" in format_probe(states[1:])


def test_one_text_and_no_text():
    assert probe(np.array([3.0, 4.0])).norm == 5.0
    assert format_probe(np.zeros((0, 4))) == "final hidden state h_T: no texts"


def test_another_pooling_is_not_called_the_final_hidden_state():
    assert format_probe(probe(np.ones((2, 3)), pooling="max")).startswith(
        "pooled hidden states (max): norm 1.73"
    )


def test_the_probe_is_json():
    content = json.loads(json.dumps(probe(np.ones((2, 2))).to_dict()))
    assert content["norm"] == pytest.approx(2**0.5)
    assert content["strongest"] == [{"unit": 0, "mean": 1.0}, {"unit": 1, "mean": 1.0}]


def test_a_sequence_is_refused():
    with pytest.raises(ValueError, match=r"\(batch, units\)"):
        probe(np.zeros((2, 3, 4)))
