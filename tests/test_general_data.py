"""The texts that are made for `general`: labels that hold, and nothing of the behaviour suite."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest

from sentiment.evaluation.behaviour_cases import expand
from sentiment.evaluation.behaviour_reading import read_suite

MODELS = Path(__file__).parent.parent / "models"


@pytest.fixture(scope="module")
def made():
    """The script, as a module."""
    sys.path.insert(0, str(MODELS))
    try:
        import make_general_data

        yield make_general_data
    finally:
        sys.path.remove(str(MODELS))


def test_composed_sentences_are_whole_and_not_in_doubt(made):
    rows = made.composed(random.Random(1), each=500)
    labels = dict(rows)
    assert len(labels) == len(rows), "a sentence has two labels"
    assert set(labels.values()) == {"negative", "neutral", "positive"}
    assert not [text for text in labels if re.search(r"[{}|]|\ba a\b|  |\n", text)]
    assert made.composed(random.Random(1), each=500) == rows


def test_letters_tell_the_cases_of_the_suite_from_other_texts(made):
    asked = {made._letters(text) for case in expand(read_suite("general")) for text in case.texts}
    assert made._letters("EXCELLENT!") in asked
    assert made._letters("A most excellent kettle.") not in asked
    assert made._letters(":)") == ":)"


def test_changes_keep_something_to_read(made):
    chance = random.Random(2)
    texts = [
        ("ok", "neutral"),
        (":(", "negative"),
        ("I have 3 cats, don't I?", "neutral"),
        ("A", "positive"),
    ]
    for change in made.CHANGES:
        for text, label in texts * 5:
            assert change(chance, text, label).strip()


def test_a_typing_error_changes_one_word_a_little(made):
    chance = random.Random(3)
    for _ in range(50):
        changed = made._typos(chance, "A wonderful film", "positive").split()
        assert len(changed) == 3
        assert sum(a != b for a, b in zip(changed, ["A", "wonderful", "film"], strict=True)) <= 1


def test_surroundings_hold_the_opinion_and_neutral_texts_only(made):
    rows = [("Loved it.", "positive"), ("Opens at nine.", "neutral"), ("It is blue.", "neutral")]
    rows += [(f"Line {n}.", "neutral") for n in range(30)]
    for text, label in made._surrounded(random.Random(4), rows):
        assert ("Loved it." in text) == (label == "positive")
