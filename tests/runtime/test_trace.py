"""The trace: `Prediction.trace`, and how it is shown."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.config import EncoderSettings
from sentiment.errors import ConfigError
from sentiment.runtime.replay_view import columns_of
from sentiment.runtime.trace import Trace, what_it_shows
from sentiment.runtime.word_view import Page, format_trace
from sentiment.text.words import ReadText, words_of


def trace(
    text: str, positive: list[float], *, head_tokens: int = 99, truncated_tokens: int = 0
) -> Trace:
    """Return a trace of the words between spaces, with these probabilities of `good`."""
    spans = np.array([match.span() for match in re.finditer(r"\S+", text)], np.int32)
    return of_tokens(
        text, tuple(text.lower().split()), spans, positive, head_tokens, truncated_tokens
    )


def of_tokens(
    text: str, tokens, spans, positive: list[float], head_tokens: int = 99, truncated: int = 0
) -> Trace:
    spans = np.asarray(spans, np.int32)
    read = ReadText(
        token_ids=np.arange(len(tokens), dtype=np.int32),
        tokens=tokens,
        spans=spans,
        truncated_tokens=truncated,
        head_tokens=head_tokens,
        words=words_of(text, tokens, spans),
    )
    probabilities = np.array([[1 - share, share] for share in positive], np.float32)
    return Trace(read=read, probabilities=probabilities, classes=("bad", "good"), shows="A probe.")


def test_a_prediction_has_the_answer_after_each_token(tiny_model: Path) -> None:
    model = sentiment.load(tiny_model)
    text = "it was awful and then superb charming"
    [prediction] = model.predict(text)
    seen = prediction.trace
    assert [text[start:end] for start, end in seen.spans.tolist()] == text.split()
    for step, (_, end) in enumerate(seen.spans.tolist()):
        [so_far] = model.predict(text[:end])
        assert seen.scores[step] == pytest.approx(so_far.score, abs=1e-4)
        assert seen.labels[step] == so_far.label
    assert seen.words.shown[seen.turning_word] in ("superb", "charming")
    assert prediction.trace is seen


def test_the_trace_is_no_part_of_the_answer(tiny_model: Path) -> None:
    model = sentiment.load(tiny_model)
    [one], [other] = model.predict("superb"), model.predict("superb")
    assert one == other
    assert "trace" not in one.to_dict()
    sent = pickle.loads(pickle.dumps(one))  # noqa: S301
    assert sent == one
    with pytest.raises(ConfigError, match=r"run: model\.trace\(text\)"):
        sent.trace  # noqa: B018


@pytest.mark.parametrize(
    ("positive", "turning"),
    [([0.1, 0.2, 0.9, 0.8], 2), ([0.9, 0.1, 0.9, 0.8], 2), ([0.9, 0.8, 0.7, 0.6], None),
     ([0.1, 0.2, 0.1, 0.8], 3)],
)  # fmt: skip
def test_the_turning_token_brought_the_final_label_for_good(
    positive: list[float], turning: int | None
) -> None:
    assert trace("a b c d", positive).turning_token == turning


def test_a_turn_within_a_word_is_told_of_the_whole_word() -> None:
    spans = [[0, 2], [3, 7], [7, 9]]
    seen = of_tokens("so lovely", ("so", "love", "##ly"), spans, [0.1, 0.2, 0.9])
    turning = seen.to_dict()["turning_word"]
    assert turning == {"word": "lovely", "start": 3, "end": 9, "label": "good"}


@pytest.mark.parametrize("pooling", ["last", "max", "mean", "max_last", "attention"])
def test_what_is_shown_depends_on_the_pooling(pooling: str) -> None:
    said = {
        kind: what_it_shows(EncoderSettings(pooling=kind))
        for kind in ("last", "max", "mean", "max_last", "attention")
    }
    assert said[pooling].startswith("A probe, not a prediction")
    assert len(set(said.values())) == 5
    both = what_it_shows(EncoderSettings(pooling=pooling, bidirectional=True))
    assert "reads both ways" in both


def test_the_view_marks_the_turning_word_in_the_text_and_in_its_row() -> None:
    lines = format_trace(trace("Dull, then  superb!", [0.1, 0.2, 0.9]), Page()).splitlines()
    assert lines[0] == "  Dull, then ▸superb!"
    assert lines[2] == "  −0.80 ▂▂▇ +0.80"
    assert lines[3] == "  turns good for good at ▸superb!, word 3 of 3"
    assert [line for line in lines if "◂" in line] == [
        "   3  superb!  +0.80              │██████████    ◂ good from here on"
    ]
    assert "\x1b" not in "".join(lines)


def test_a_text_that_never_turns() -> None:
    text = format_trace(trace("fine all along", [0.6, 0.7, 0.8]), Page())
    assert "good from the first word on" in text
    assert "▸" not in text
    assert "◂" not in text


def test_what_was_cut_out_of_the_middle_is_said_there() -> None:
    text = "one two three four five six"
    spans = [[0, 3], [4, 7], [24, 27]]
    seen = of_tokens(text, ("one", "two", "six"), spans, [0.6, 0.7, 0.8], 2, 3)
    lines = format_trace(seen, Page()).splitlines()
    assert lines[0] == "  one two  … 3 tokens not read …  six"
    assert "     … 3 tokens cut …" in lines


def test_what_was_cut_off_the_end_is_said_there() -> None:
    spans = [[0, 3], [4, 7]]
    seen = of_tokens("one two three four", ("one", "two"), spans, [0.6, 0.7], 2, 2)
    lines = format_trace(seen, Page()).splitlines()
    assert lines[0] == "  one two  … 2 tokens not read …"
    assert "     … 2 tokens cut …" in lines


def test_colour_goes_from_red_to_blue_and_changes_no_letter() -> None:
    seen = trace("awful so-so superb", [0.0, 0.5, 1.0])
    plain = format_trace(seen, Page()).splitlines()[0]
    coloured = format_trace(seen, Page(colour=True)).splitlines()[0]
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "48;5;203mawful" in coloured
    assert " so-so " in coloured
    assert "48;5;75m▸superb" in coloured
    assert coloured.count("\x1b[0m") == 2


def test_long_texts_are_wrapped_to_the_page() -> None:
    seen = trace("wörd 日本語 " * 30, [0.9] * 60)
    lines = format_trace(seen, Page(columns=40, colour=True)).split("\n\n")[0].splitlines()
    widths = [columns_of(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines]
    assert max(widths) <= 40
    assert min(widths[:-1]) > 25


def test_a_text_cannot_steer_the_terminal() -> None:
    shown = format_trace(trace("good\x1b[2J \x07bad", [0.9, 0.1]), Page())
    assert "\x1b" not in shown
    assert "\x07" not in shown
