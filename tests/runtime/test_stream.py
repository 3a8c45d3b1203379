"""A text line by line against the same text at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sentiment
from sentiment.config import EncoderSettings
from sentiment.errors import ConfigError, DataError
from sentiment.runtime.inspection import expected_weight_shapes
from sentiment.runtime.replay import replay
from sentiment.runtime.stream import Stepper, TextStream

POOLINGS = ("last", "max", "mean", "max_last", "attention")
SAME = ("label", "tokens", "truncated_tokens", "unknown_fraction", "warning")


@pytest.fixture(scope="module")
def model(tiny_model: Path):
    return sentiment.load(tiny_model)


def check(model, lines: list[str]) -> None:
    """Hold every answer of the stream against prediction of the lines so far."""
    stream = TextStream(model)
    for count, line in enumerate(lines, start=1):
        found = stream.add(line)
        [expected] = model.predict("\n".join(lines[:count]))
        assert found.text == line
        for name in SAME:
            assert getattr(found, name) == getattr(expected, name), (name, lines[:count])
        assert found.score == pytest.approx(expected.score, abs=1.1e-4)
        at_once = TextStream(model).add("\n".join(lines[:count]))
        assert found.probabilities == at_once.probabilities  # to the bit
        assert found.score == at_once.score


@pytest.mark.parametrize(
    "lines",
    [
        ["it was awful", "but then it was", "superb and charming"],
        ["", "", "superb", "", "awful"],
        ["loved it :)"],
        ["zorp", "zorp"],
        # A line break of HTML over several lines.
        ["superb <", "br", "/> awful", "a <b", "<", "r>", "it <br", ">"],
        # More than this model reads: four tokens of the beginning, eight of the end.
        ["it was superb", "the film was blue and", "this story", "was awful :( " * 5, "superb"],
        ["superb " * 40, "awful"],
        ["the", "film"] * 12,
        ["LOVED", "IT", "http://x.y", "@joe", "e\u0301", "\u0301", "  FOO", "don", "'t"],
    ],
)
def test_each_line_is_answered_as_the_text_so_far(model, lines: list[str]) -> None:
    check(model, lines)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.lists(
            st.sampled_from(
                [
                    "superb",
                    "awful",
                    "it",
                    " ",
                    "<",
                    "br",
                    "/",
                    ">",
                    "BR",
                    "A",
                    "\u0301",
                    ":",
                    "(",
                    "n't",
                ]
            ),
            max_size=6,
        ).map("".join),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_lines_are(model, lines: list[str]) -> None:
    check(model, lines)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_states_and_answer_are_those_of_the_whole_text_with_every_pooling(pooling: str) -> None:
    encoder = EncoderSettings(embedding_units=4, units=(5, 3), pooling=pooling)
    random = np.random.default_rng(3)
    shapes = expected_weight_shapes(encoder, classifier_units=4, num_classes=3, vocabulary_size=20)
    weights = {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    weights.update({n: 8 * v for n, v in weights.items() if n == "attention/kernel"})
    token_ids = random.integers(0, 20, 30)
    stepper = Stepper(weights, encoder)
    state = stepper.start()
    for start in range(0, 30, 4):
        state = stepper.read(state, token_ids[start : start + 4])
        seen = replay(weights, token_ids[: start + 4], encoder)
        for layer, hidden, cell in zip(seen.layers, state.hidden, state.cell, strict=True):
            np.testing.assert_allclose(hidden, layer.forward.hidden[-1], atol=1e-6)
            np.testing.assert_allclose(cell, layer.forward.cell[-1], atol=1e-6)
        pooled, probabilities = stepper.answer(state)
        np.testing.assert_allclose(pooled, seen.pooled, atol=1e-6)
        np.testing.assert_allclose(probabilities, seen.probabilities, atol=1e-6)
    whole = stepper.read(stepper.start(), token_ids)
    np.testing.assert_array_equal(stepper.answer(state)[1], stepper.answer(whole)[1])


def test_a_bidirectional_encoder_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match=r"reads a text from its end too.*run: sentiment predict"):
        Stepper({}, EncoderSettings(bidirectional=True))


def test_a_line_that_is_no_text_is_not_read(model) -> None:
    stream = TextStream(model)
    stream.add("it was superb")
    with pytest.raises(DataError, match="NUL"):
        stream.add("awful\0")
    [expected] = model.predict("it was superb\nblue")
    assert stream.add("blue").score == pytest.approx(expected.score, abs=1.1e-4)
