"""Behaviour suites against models: what passes, fails and is skipped, and what is written."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import sentiment
from sentiment.errors import OutputError
from sentiment.evaluation.behaviour import run_suite
from sentiment.evaluation.behaviour_cases import Case, expand
from sentiment.evaluation.behaviour_judging import Outcome, judge
from sentiment.evaluation.behaviour_reading import read_suite
from sentiment.evaluation.behaviour_summary import format_behaviour, printable
from sentiment.evaluation.intervals import wilson
from sentiment.runtime.answers import Prediction

TWO = ("negative", "positive")
THREE = ("negative", "neutral", "positive")
FIVE = ("very negative", "negative", "neutral", "positive", "very positive")
LABELS = {"negative": ("very negative",), "neutral": (), "positive": ("very positive",)}


def answer(text: str, label: str, score: float = 0.0) -> Prediction:
    return Prediction(text, label, score, {label: 1.0}, 1, 0, 0.0, None)


def ask(case: Case, classes: tuple[str, ...], *got: tuple[str, float], labels=LABELS) -> Outcome:
    """Judge a case by answers in the order of its texts."""
    answers = {text: answer(text, *one) for text, one in zip(case.texts, got, strict=True)}
    [outcome] = judge([case], answers, classes, labels)
    return outcome


def minimum(*expect: str) -> Case:
    return Case("c", 1, 1, "minimum functionality", ("a text",), expect=expect)


def invariance(tolerance: float | None = None) -> Case:
    return Case("c", 1, 1, "invariance", ("one", "two", "three"), tolerance=tolerance)


def direction(score, tolerance: float = 0.05) -> Case:
    return Case("c", 1, 1, "directional", ("one", "two"), score=score, tolerance=tolerance)


def result(outcome: Outcome) -> str:
    assert not (outcome.skipped and outcome.failure)
    return "skipped" if outcome.skipped else "failed" if outcome.failure else "passed"


# What is right


@pytest.mark.parametrize(
    ("expect", "classes", "label", "expected"),
    [
        (("negative",), TWO, "negative", "passed"),
        (("negative",), TWO, "positive", "failed"),
        (("neutral", "positive"), THREE, "positive", "passed"),
        (("neutral", "positive"), THREE, "negative", "failed"),
        # Two classes cannot say neutral, but negative is wrong all the same.
        (("neutral", "positive"), TWO, "negative", "failed"),
        (("neutral", "positive"), TWO, "positive", "passed"),
        (("neutral",), TWO, "positive", "skipped"),
        # Whatever a model of two classes says would be right.
        (("negative", "positive"), TWO, "positive", "skipped"),
        (("negative", "positive"), THREE, "neutral", "failed"),
        (("positive",), FIVE, "very positive", "passed"),
        (("positive",), FIVE, "positive", "passed"),
        (("positive",), FIVE, "neutral", "failed"),
        (("negative",), FIVE, "very positive", "failed"),
        (("positive",), ("bad", "good"), "good", "skipped"),
        (("positive",), ("0", "1"), "1", "skipped"),
        (("positive",), ("Negative", "POSITIVE"), "POSITIVE", "passed"),
        (("positive",), ("Positive", "POSITIVE"), "POSITIVE", "skipped"),
    ],
)
def test_minimum_functionality(expect, classes, label, expected):
    assert result(ask(minimum(*expect), classes, (label, 0.0))) == expected


def test_why_a_case_is_skipped_is_said():
    outcome = ask(minimum("neutral"), TWO, ("positive", 0.9))
    assert outcome.skipped == "the model has no class 'neutral'"
    outcome = ask(minimum("negative", "positive"), TWO, ("positive", 0.9))
    assert outcome.skipped == "every class of the model counts as 'negative' or 'positive'"


def test_labels_of_a_suites_own():
    own = {"bad": ("1 star", "2 stars"), "good": ("5 stars",)}
    stars = ("1 star", "2 stars", "5 stars")
    assert result(ask(minimum("bad"), stars, ("2 stars", 0.0), labels=own)) == "passed"
    assert result(ask(minimum("bad"), stars, ("5 stars", 1.0), labels=own)) == "failed"
    assert result(ask(minimum("bad"), ("bad", "good"), ("bad", -1.0), labels={})) == "passed"


def test_invariance_is_one_label_whatever_the_scores():
    same = [("positive", 0.2), ("positive", 0.9), ("positive", 0.5)]
    assert result(ask(invariance(), THREE, *same)) == "passed"
    outcome = ask(invariance(), THREE, ("positive", 0.2), ("neutral", 0.2), ("positive", 0.2))
    assert outcome.failure == "got positive and neutral"


def test_invariance_holds_between_classes_that_count_as_one_label():
    same = [("positive", 0.5), ("very positive", 0.9), ("positive", 0.5)]
    assert result(ask(invariance(), FIVE, *same)) == "passed"
    assert result(ask(invariance(), FIVE, *same, labels={})) == "failed"


@pytest.mark.parametrize(("lowest", "expected"), [(0.4, "passed"), (0.3999, "failed")])
def test_a_tolerance_bounds_the_distance_of_the_scores(lowest, expected):
    got = [("positive", 0.6), ("positive", lowest), ("positive", 0.7)]
    assert result(ask(invariance(0.3), THREE, *got)) == expected


@pytest.mark.parametrize(
    ("score", "tolerance", "before", "after", "expected"),
    [
        ("up", 0.05, 0.1, 0.9, "passed"),
        ("up", 0.05, 0.9, 0.1, "failed"),
        ("down", 0.05, 0.9, 0.1, "passed"),
        ("down", 0.05, 0.1, 0.9, "failed"),
        # A tie is no failure: both may stand at the end of the scale.
        ("up", 0.0, 1.0, 1.0, "passed"),
        ("down", 0.0, -1.0, -1.0, "passed"),
        # The wrong way by as much as is tolerated, and by a hair more.
        ("up", 0.05, 0.35, 0.3, "passed"),
        ("up", 0.05, 0.35, 0.2999, "failed"),
        ("down", 0.05, 0.3, 0.35, "passed"),
        ("down", 0.05, 0.3, 0.3501, "failed"),
        ("up", 0.0, 0.3, 0.2999, "failed"),
    ],
)
def test_directions_and_ties(score, tolerance, before, after, expected):
    outcome = ask(direction(score, tolerance), TWO, ("positive", before), ("positive", after))
    assert result(outcome) == expected


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (TWO, "failed"),
        (FIVE, "failed"),
        (("positive", "negative"), "skipped"),
        (("neutral", "negative", "positive"), "skipped"),
        (("negative", "positive", "neutral"), "skipped"),
        (("anger", "joy"), "skipped"),
        (("very negative", "negative"), "skipped"),
    ],
)
def test_a_score_that_is_no_polarity_is_not_judged(classes, expected):
    got = [(classes[0], 0.9), (classes[0], -0.9)]
    assert result(ask(direction("up"), classes, *got)) == expected
    many = [*got, (classes[0], 0.0)]
    assert result(ask(invariance(0.3), classes, *many)) == expected
    assert result(ask(invariance(), classes, *many)) == "passed"
    # A suite that declares no labels takes the model's order as it is.
    assert result(ask(direction("up"), classes, *got, labels={})) == "failed"


# Suites against the small model

SUITE = """
about: What the small model knows.
labels: {negative: [], neutral: [], positive: []}
capabilities:
  words:
    about: Plain words.
    fill: {good: [superb, brilliant], bad: [awful, boring]}
    cases:
      - {text: "the film was {good} and {good}", expect: positive}
      - {text: "the film was {bad} and {bad}", expect: negative}
      - {text: "the film was superb, it was brilliant", expect: [negative, neutral]}
  twice:
    cases:
      - {same: ["it was superb and brilliant", "it was brilliant and superb"]}
      - {same: ["it was superb and brilliant", "it was awful and boring"]}
      - {from: "it was in the story", to: "it was a superb brilliant delight", score: up}
      - {from: "it was in this story", to: "it was a superb brilliant delight", score: down}
  other labels:
    hard: true
    cases:
      - {text: "superb", expect: [negative, neutral, positive]}
"""


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> sentiment.SentimentModel:
    return sentiment.load(tiny_model)


def run(model, folder: Path, content: str = SUITE) -> dict:
    path = folder / "small.yaml"
    path.write_text(content, encoding="utf-8")
    return run_suite(
        model, read_suite(str(path)), command="sentiment eval …", output=folder / "out"
    )


def test_failures_and_skips_are_counted_by_capability(model, tmp_path):
    results = run(model, tmp_path)
    counted = {
        entry["name"]: [entry[key] for key in ("written", "cases", "skipped", "failures")]
        for entry in results["capabilities"]
    }
    assert counted == {"words": [3, 5, 0, 1], "twice": [4, 4, 0, 2], "other labels": [1, 1, 1, 0]}
    assert results["capabilities"][0]["became"] == [2, 2, 1]
    total = results["total"]
    assert (total["cases"], total["tested"], total["failures"]) == (10, 9, 3)
    assert total["failure_rate"]["value"] == pytest.approx(3 / 9)
    assert (total["failure_rate"]["low"], total["failure_rate"]["high"]) == wilson(3, 9)
    nothing = results["capabilities"][2]
    assert (nothing["tested"], nothing["failure_rate"]["value"]) == (0, None)
    assert sum(kind["cases"] for kind in results["kinds"].values()) == 10
    # Of five cases with a label, always saying negative fails two, saying positive three.
    assert results["baseline"]["answer"] == "negative"
    assert results["baseline"]["failures"] == 2
    assert results["baseline"]["failure_rate"]["n"] == 5


def test_the_file_holds_every_case_with_its_answers(model, tmp_path):
    results = run(model, tmp_path)
    saved = json.loads((tmp_path / "out" / "behaviour.json").read_text(encoding="utf-8"))
    assert saved == json.loads(json.dumps(results))
    assert saved["suite"]["name"] == "small"
    assert saved["model"]["classes"] == list(THREE)
    assert len(saved["cases"]) == 10
    for case in saved["cases"]:
        assert (case["why"] is None) == (case["result"] == "passed")
        for got in case["got"]:
            fresh = model.predict(got["text"])[0]
            assert got["label"] == fresh.label
            assert got["score"] == pytest.approx(fresh.score, abs=1e-4)
    skipped = saved["cases"][-1]
    assert skipped["result"] == "skipped"
    assert skipped["got"][0]["label"] == "positive"


def test_the_order_of_the_cases_does_not_matter(model, tmp_path):
    cases = expand(read_suite("general"))[:200]
    texts = [text for case in cases for text in case.texts]
    shuffled = random.Random(4).sample(texts, len(texts))
    there = dict(zip(texts, model.predict(texts), strict=True))
    back = dict(zip(shuffled, model.predict(shuffled), strict=True))
    failures = [
        [outcome.failure is None for outcome in judge(cases, answers, THREE, LABELS)]
        for answers in (there, back)
    ]
    assert failures[0] == failures[1]


def test_truncated_texts_are_counted(model, tmp_path):
    padded = (
        "capabilities: {long: {filler: [the film was in a story.], cases: [{text: superb, "
        "expect: positive, repeat: {words: [6, 40], at: middle}}]}}"
    )
    results = run(model, tmp_path, padded)
    # The small model reads twelve tokens.
    assert results["total"]["truncated"] == 1
    assert "1 case hold" not in format_behaviour(results)
    assert "in 1 case the model did not read all of a text" in format_behaviour(results)


def test_a_model_that_says_what_it_should_fails_nothing(model, tmp_path):
    content = "capabilities: {one: {cases: [{text: it was superb, expect: positive}]}}"
    shown = format_behaviour(run(model, tmp_path, content))
    [row] = [line for line in shown.splitlines() if line.startswith("one ")]
    assert row.split() == ["one", "1", "1", "0", "0", "0.0", "%", "0.0–79.3", "%"]
    assert "failures\n" not in shown


def test_the_table_and_the_failures(model, tmp_path):
    results = run(model, tmp_path)
    shown = format_behaviour(results, examples=1)
    lines = shown.splitlines()
    assert lines[0] == "tiny on small: 10 cases of 8 written, 9 tested"
    rows = {line.split("  ")[0]: line for line in lines[2:7]}
    assert list(rows) == ["capability", "words", "twice", "other labels (hard)", "all"]
    assert rows["other labels (hard)"].split()[-2:] == ["–", "–"]
    compared = "the model fails 1, 20.0 %; always answering negative would fail 2, 40.0 %"
    assert f"of the 5 cases that expect a label {compared}" in lines
    reason = "every class of the model counts as 'negative' or 'neutral' or 'positive'"
    assert f"skipped, neither passed nor failed: 1 case: {reason}" in lines
    assert "words: 1 of 1 failure" in lines
    assert "twice: 1 of 2 failures" in lines
    wrong = lines[lines.index("words: 1 of 1 failure") + 1]
    assert wrong.startswith("  expected negative or neutral, got positive +")
    assert wrong.endswith(": the film was superb, it was brilliant")
    pair = lines[lines.index("twice: 1 of 2 failures") + 1 :][:3]
    assert pair[0] == "  expected one label, got positive and negative"
    assert pair[1].startswith("    negative −")
    assert pair[2].endswith(": it was superb and brilliant")
    every = format_behaviour(results, examples=9)
    assert "  expected a score no higher, got " in every
    assert "    to   it was a superb brilliant delight" in every
    assert "words: " not in format_behaviour(results, examples=0)


def test_one_failure_of_each_written_case_comes_first(model, tmp_path):
    content = """
capabilities:
  wrong:
    fill: {good: [superb, brilliant, charming]}
    cases:
      - {text: "the {good} film", expect: negative}
      - {text: "a {good} story", expect: negative}
"""
    shown = format_behaviour(run(model, tmp_path, content), examples=3)
    texts = [line.rpartition(": ")[2] for line in shown.splitlines() if "expected" in line]
    assert texts == ["the superb film", "a superb story", "the brilliant film"]


def test_a_long_text_shows_its_beginning_and_its_end(model, tmp_path):
    content = (
        "capabilities: {long: {filler: [the film was in a story.], cases: [{text: superb, "
        "expect: negative, repeat: {words: 60, at: end}}]}}"
    )
    [line] = [
        line
        for line in format_behaviour(run(model, tmp_path, content)).splitlines()
        if "expected" in line
    ]
    assert " … " in line
    assert line.endswith("a story. superb")
    assert "tokens in the middle were not read): the film was" in line
    assert len(line) < 180


def test_a_text_of_unknown_words_is_shown_as_such(model, tmp_path):
    content = "capabilities: {odd: {cases: [{text: zorp quux, expect: sideways}]}}"
    assert "expected" not in format_behaviour(run(model, tmp_path, content))
    wrong = next(label for label in THREE if label != model.predict("zorp quux")[0].label)
    shown = format_behaviour(run(model, tmp_path, content.replace("sideways", wrong)))
    assert "(no known word): zorp quux" in shown


def test_what_could_move_a_cursor_is_escaped():
    assert printable("a\x1b[2Jb\u202ec\x9b") == "a\\x1b[2Jb\\u202ec\\x9b"
    assert printable("👍🏽 ❤️ 👩‍🚀 naïve – ok") == "👍🏽 ❤️ 👩‍🚀 naïve – ok"


def test_a_folder_that_cannot_be_made(model, tmp_path):
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match="out"):
        run(model, tmp_path)
