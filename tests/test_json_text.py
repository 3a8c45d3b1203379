"""JSON that every reader takes."""

from __future__ import annotations

import datetime
import json

import numpy as np
import pytest

from sentiment.json_text import to_json


def strict(text: str) -> object:
    """Read JSON as its standard has it."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -np.inf, np.float32("nan")])
def test_what_is_no_number_is_null_however_deep(number: float) -> None:
    value = {"a": number, "b": [1.5, {"c": (number, 2)}], "d": "NaN"}
    assert strict(to_json(value)) == {"a": None, "b": [1.5, {"c": [None, 2]}], "d": "NaN"}


def test_numpy_numbers_are_numbers_and_the_rest_is_text() -> None:
    value = {"n": np.int64(3), "x": np.float32(0.5), "day": datetime.date(2026, 1, 2)}
    assert to_json(value) == '{"n": 3, "x": 0.5, "day": "2026-01-02"}'


def test_escapes_where_they_are_wanted() -> None:
    assert to_json(["café 😀"]) == '["café 😀"]'
    escaped = to_json(["café 😀"], only_ascii=True)
    assert escaped.isascii()
    assert json.loads(escaped) == ["café 😀"]
