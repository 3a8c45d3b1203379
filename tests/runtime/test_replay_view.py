from __future__ import annotations

import numpy as np
import pytest

from sentiment.config import EncoderSettings
from sentiment.runtime.inspection import expected_weight_shapes
from sentiment.runtime.replay import replay
from sentiment.runtime.replay_view import (
    TokenRows,
    bar,
    columns_of,
    format_layers,
    format_scores,
    printable,
    signed_bar,
    sparkline,
)


def toy(num_tokens: int, **settings):
    encoder = EncoderSettings(embedding_units=3, units=(4, 2), **settings)
    rng = np.random.default_rng(0)
    shapes = expected_weight_shapes(encoder, classifier_units=3, num_classes=2, vocabulary_size=9)
    weights = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return replay(weights, rng.integers(1, 9, num_tokens), encoder)


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "    "), (1, "████"), (0.5, "██  "), (1 / 32, "▏   "), (-1, "    "), (9, "████")],
)
def test_a_bar_is_as_long_as_its_share_and_never_wider(share: float, text: str):
    assert bar(share, columns=4) == text


def test_a_signed_bar_grows_from_the_middle():
    assert signed_bar(1.0, 3) == "   │███"
    assert signed_bar(-1 / 3, 3) == "  █│   "
    assert signed_bar(0.0, 3) == "   │   "


def test_a_sparkline_runs_from_minus_one_to_one():
    assert sparkline(np.array([-1.0, 1.0])) == "▁█"
    assert len(sparkline(np.zeros(400), columns=60)) == 60


def test_wide_characters_count_two_columns_and_marks_none():
    assert columns_of("日本") == 4
    assert columns_of("e\u0301") == 1
    assert columns_of("😀") == 2


def test_a_token_cannot_steer_the_terminal():
    assert printable("a\x1b[2Jb\n") == "a\ufffd[2Jb\ufffd"


def test_columns_line_up_whatever_the_tokens_are():
    rows = TokenRows(["good", "日本", "😀", "a" * 40])
    lines = format_scores(rows, np.full(4, 0.5), "a probe").splitlines()[:4]
    assert len({columns_of(line[: line.index("+0.50")]) for line in lines}) == 1
    assert "…" in lines[3]


def test_the_view_of_a_text_names_every_layer_and_says_what_h_and_c_are():
    rows = TokenRows(["not", "bad"])
    text = format_layers(rows, toy(2))
    assert "lstm_1 · 4 units" in text
    assert "lstm_2 · 2 units" in text
    assert "h_t  hidden state" in text
    assert "c_t  cell state" in text
    assert all(gate in text for gate in ("input", "forget", "candidate", "output"))
    assert len([line for line in text.splitlines() if " bad " in line]) >= 2


def test_numbers_in_the_view_are_the_norms_and_means_of_the_replay():
    seen = toy(1)
    states = seen.layers[0].forward
    line = format_layers(TokenRows(["fine"]), seen, layer="lstm_1").splitlines()[2]
    assert f"{np.linalg.norm(states.hidden[0]):.2f}" in line
    assert f"{np.linalg.norm(states.cell[0]):.2f}" in line
    assert f"{states.forget_gate[0].mean():.2f}" in line


def test_one_layer_alone_and_no_units():
    text = format_layers(TokenRows(["a", "b"]), toy(2), layer="lstm_2", num_units=0)
    assert "lstm_2" in text
    assert "lstm_1" not in text
    assert "units with the largest" not in text


def test_both_directions_are_shown():
    seen = toy(2, bidirectional=True)
    assert "lstm_1/backward · 4 units" in format_layers(TokenRows(["a", "b"]), seen)


def test_the_cut_is_shown_where_the_tokens_are_missing():
    rows = TokenRows(["first", "last"], cut_after=1, cut=37)
    lines = format_scores(rows, np.array([0.1, -0.2]), "a probe").splitlines()
    assert "first" in lines[0]
    assert "37 tokens cut" in lines[1]
    assert "last" in lines[2]
    assert "−0.20" in lines[2]


def test_a_mark_stands_in_its_row_and_below_is_what_the_scores_are():
    text = format_scores(TokenRows(["a", "b"]), np.array([-0.001, 0.5]), "A probe.", {1: "◂ here"})
    first, second, note = text.splitlines()
    assert "−0.00" not in first
    assert second.endswith("◂ here")
    assert "here" not in first
    assert note == "score  −1 … 1: A probe."
