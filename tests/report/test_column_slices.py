from __future__ import annotations

import pytest

from sentiment.errors import DataError
from sentiment.report.column_slices import add_column_slices
from sentiment.report.saved import load_evaluation


@pytest.fixture
def evaluation(make_model):
    labels = [0, 1] * 100
    return load_evaluation(
        make_model(
            rows=200,
            labels=labels,
            skill=1.0,
            columns={
                "stars": [row * 0.5 for row in range(200)],
                "author": [f"author {row % 60}" for row in range(200)],
                "site": ["one", None] * 100,
                "lone": ["x"] * 200,
                "kind": ["a", "b"] * 100,
            },
        )
    )


def by_name(slices, family):
    return {piece["name"]: piece for piece in slices if piece["family"] == family}


def test_numbers_are_cut_into_fifths(evaluation):
    fifths = by_name(add_column_slices(evaluation, ["stars"]), "stars")
    assert list(fifths) == [
        "0 to under 19.9",
        "19.9 to under 39.8",
        "39.8 to under 59.7",
        "59.7 to under 79.6",
        "79.6 to 99.5",
    ]
    assert sum(piece["n"] for piece in fifths.values()) == 200


def test_many_values_become_the_commonest_and_the_rest(evaluation):
    pieces = by_name(add_column_slices(evaluation, ["author"]), "author")
    assert len(pieces) == 31
    assert "any other of 60 values" not in pieces
    assert "any other of 30 values" in pieces
    assert sum(piece["n"] for piece in pieces.values()) == 200


def test_a_column_named_by_hand_replaces_its_own_slices(evaluation):
    before = by_name(evaluation.metrics["slices"], "kind")
    assert set(before) == {"a", "b"}
    assert [p["n"] for p in by_name(add_column_slices(evaluation, ["kind"]), "kind").values()] == [
        100,
        100,
    ]


def test_more_slices_make_a_mark_harder_to_get(make_model):
    columns = {"kind": ["a"] * 60 + ["b"] * 60, "number": [row / 7 for row in range(120)]}
    saved = load_evaluation(make_model(rows=120, skill=0.7, columns=columns))
    alone = by_name(saved.metrics["slices"], "kind")["a"]["p_holm"]
    among = by_name(add_column_slices(saved, ["number", "tokens"]), "kind")["a"]["p_holm"]
    assert among >= alone
    assert len(add_column_slices(saved, ["number"])) == len(saved.metrics["slices"]) + 5


@pytest.mark.parametrize(
    ("column", "words"),
    [("nowhere", "no column 'nowhere'.*stars, author"), ("lone", "one value"), ("text", "no col")],
)
def test_columns_that_cannot_be_sliced_by(evaluation, column, words):
    with pytest.raises(DataError, match=words) as error:
        add_column_slices(evaluation, [column])
    assert "\n" not in str(error.value)


def test_a_missing_value_is_in_no_slice(evaluation):
    with pytest.raises(DataError, match="one value only"):
        add_column_slices(evaluation, ["site"])


def test_a_column_of_tags_gives_a_slice_a_tag(make_model):
    columns = {"phenomena": ["typo slang", "typo", None, "slang"] * 10}
    saved = load_evaluation(make_model(rows=40, columns=columns))
    pieces = by_name(add_column_slices(saved, ["phenomena"]), "phenomena")
    assert {name: piece["n"] for name, piece in pieces.items()} == {"slang": 20, "typo": 20}
