from __future__ import annotations

import numpy as np
import pytest

from sentiment.evaluation.slices import find_slices, measure_slices


def names_of(text, **columns):
    """Return the slices that one text falls into."""
    values = {"tokens": 5, "truncated": 0, "unknown": 0.0, **columns}
    found = find_slices(
        [text],
        np.array([values["tokens"]]),
        np.array([values["truncated"]]),
        np.array([values["unknown"]]),
        {},
    )
    return {piece.name for piece in found}


@pytest.mark.parametrize(
    "text",
    ["It is not good", "I don't know", "they didn’t", "does n't work", "NEVER again", "Dont buy"],
)
def test_negation(text):
    assert "negation" in names_of(text)


@pytest.mark.parametrize("text", ["a knot in nothingness", "notable", "the ant went", "tent"])
def test_no_negation(text):
    assert "negation" not in names_of(text)


@pytest.mark.parametrize("text", ["good, but long", "However, fine", "In spite of it all"])
def test_contrast(text):
    assert "contrast (but, although …)" in names_of(text)


def test_no_contrast_inside_a_word():
    assert "contrast (but, although …)" not in names_of("butter on a button")


@pytest.mark.parametrize("text", ["great :)", "meh :-(", "=D", "I <3 it", "love 😍", "☹ sad", "🇫🇷"])
def test_emoji_or_emoticon(text):
    assert "emoji or emoticon" in names_of(text)


@pytest.mark.parametrize(
    "text", ["see http://example.org/x", "note: (in 1998)", "at 10:30", "café"]
)
def test_no_emoticon(text):
    assert "emoji or emoticon" not in names_of(text)


def test_marks_and_capitals():
    assert {"question mark", "exclamation mark", "a word in CAPITALS"} <= names_of("WHAT? no!")
    assert "a word in CAPITALS" not in names_of("The USA")


@pytest.mark.parametrize(
    ("tokens", "name"),
    [(1, "1–10 tokens"), (10, "1–10 tokens"), (11, "11–30 tokens"), (401, "over 400 tokens")],
)
def test_length(tokens, name):
    lengths = {found for found in names_of("x", tokens=tokens) if "tokens" in found}
    assert lengths == {name}


def test_truncated_and_unknown():
    assert "truncated" in names_of("x", truncated=3)
    assert "truncated" not in names_of("x")
    assert "none" in names_of("x")
    assert "up to 10 %" in names_of("x", unknown=0.1)
    assert "over 10 %" in names_of("x", unknown=0.5)


def column_slices(columns):
    rows = len(next(iter(columns.values())))
    found = find_slices(
        ["x"] * rows, np.ones(rows, int), np.zeros(rows, int), np.zeros(rows), columns
    )
    return {(piece.family, piece.name): int(piece.rows.sum()) for piece in found}


def test_a_metadata_column_gives_one_slice_a_value():
    found = column_slices({"site": ["a", "b", "a", None, "", float("nan"), "b", "b"]})
    assert found["site", "a"] == 2
    assert found["site", "b"] == 3
    assert sum(family == "site" for family, _ in found) == 2


def test_numbers_come_in_their_order():
    found = column_slices({"stars": [10, 2, 2, 10, 10, 2, 1, 1]})
    assert [name for family, name in found if family == "stars"] == ["1", "2", "10"]


def test_columns_that_tell_nothing_are_left_out():
    many = column_slices({"id": list(range(200)), "same": ["x"] * 200})
    assert not {family for family, _ in many} & {"id", "same"}
    few = column_slices({"id": list(range(10))})
    assert "id" not in {family for family, _ in few}


def test_phenomena_give_one_slice_a_tag():
    found = column_slices({"phenomena": ["irony negation", "irony", None, "mixed"]})
    assert found["phenomena", "irony"] == 2
    assert found["phenomena", "negation"] == 1
    assert found["phenomena", "mixed"] == 1


def measured(right, columns):
    rows = len(right)
    pieces = find_slices(
        ["x"] * rows, np.ones(rows, int), np.zeros(rows, int), np.zeros(rows), columns
    )
    found = measure_slices(np.asarray(right, bool), pieces)
    return {piece["name"]: piece for piece in found if piece["family"] == "site"}


def test_a_weak_slice_is_marked_and_a_strong_one_is_not():
    right = [1] * 95 + [0] * 5 + [1] * 50 + [0] * 50
    found = measured(right, {"site": ["good"] * 100 + ["bad"] * 100})
    assert found["bad"]["significantly_worse"]
    assert found["bad"]["accuracy"]["value"] == 0.5
    assert found["bad"]["accuracy"]["n"] == 100
    assert found["bad"]["rest_accuracy"]["value"] == 0.95
    assert not found["good"]["significantly_worse"]


def test_chance_seldom_marks_anything():
    random = np.random.default_rng(0)
    marked = 0
    for _ in range(60):
        sites = [str(number) for number in random.integers(0, 20, 600)]
        found = measured(random.random(600) < 0.8, {"site": sites})
        marked += any(piece["significantly_worse"] for piece in found.values())
    assert marked <= 7  # 5 % of 60 are 3


def test_a_slice_of_every_row_is_not_tested():
    pieces = find_slices(["x"], np.array([3]), np.array([0]), np.array([0.0]), {})
    (length, _) = measure_slices(np.array([False]), pieces)
    assert length["p_value"] is None
    assert length["significantly_worse"] is False
    assert length["rest_accuracy"]["value"] is None
