"""Deletion and insertion curves: of a trained model, by hand, and from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.errors import DataError
from sentiment.evaluation.faithfulness import (
    FRACTIONS,
    RANDOM_ORDERS,
    format_faithfulness,
    measure_faithfulness,
)
from sentiment.files import read_rows


@pytest.fixture(scope="module")
def model(tiny_model: Path):
    return sentiment.load(tiny_model)


@pytest.fixture(scope="module")
def texts(tiny_corpus: Path) -> list[str]:
    return [str(row.values["text"]) for row in read_rows(tiny_corpus)]


def measured(model, texts, sample: int = 40, **options):
    explainers = {"occlusion": model, "decomposition": model}
    return measure_faithfulness(
        model, texts, sample=sample, explainers=explainers, command="sentiment eval …", **options
    )


@pytest.fixture(scope="module")
def results(model, texts):
    return measured(model, texts)


def test_deleting_by_attribution_is_clearly_better_than_at_random(results) -> None:
    names = ["occlusion", "decomposition", "random"]
    for kind in ("deletion", "insertion"):
        assert list(results[kind]) == list(results["areas"][kind]) == names
    for name in names[:2]:
        deletion, insertion = (results["areas"][kind][name] for kind in ("deletion", "insertion"))
        assert deletion["against_random"]["high"] < -0.05
        assert insertion["against_random"]["low"] > 0.05
        assert deletion["value"] < results["areas"]["deletion"]["random"]["value"]
        assert deletion["n"] == 40


def test_every_curve_goes_from_the_whole_text_to_nothing_or_back(results) -> None:
    for name, deletion in results["deletion"].items():
        insertion = results["insertion"][name]
        assert len(deletion) == len(insertion) == len(FRACTIONS)
        assert deletion[0] == pytest.approx(insertion[-1], abs=1e-5)
        assert deletion[-1] == pytest.approx(insertion[0], abs=1e-5)
        area = results["areas"]["deletion"][name]["value"]
        assert area == pytest.approx(np.trapezoid(deletion, FRACTIONS), abs=1e-5)


def test_a_curve_is_that_of_the_texts_with_words_taken_out(model) -> None:
    # Ten words, so that each step of the curve is one word.
    text = "the film it was superb and a story this in"
    results = measured(model, [text], sample=1)
    probabilities = [model.predict(text)[0].probabilities["positive"]]
    found = model.explain(text, "occlusion")
    order = np.argsort(-found.values[:, 2], kind="stable").tolist()
    words = text.split()
    for count in range(1, 11):
        left = " ".join(word for place, word in enumerate(words) if place not in order[:count])
        probabilities.append(model.predict(left)[0].probabilities["positive"])
    assert results["deletion"]["occlusion"] == pytest.approx(probabilities, abs=1e-4)
    assert results["areas"]["deletion"]["occlusion"]["low"] is None  # one text has no interval


def test_the_result_is_plain_json_and_the_same_again(model, texts, results) -> None:
    again = measured(model, texts)
    drop = ("date", "seconds_per_text")
    first, second = ({k: v for k, v in each.items() if k not in drop} for each in (results, again))
    assert json.dumps(first, allow_nan=False) == json.dumps(second, allow_nan=False)
    assert results["random_orders"] == RANDOM_ORDERS
    assert (results["n"], results["of"]) == (40, 180)
    other = measured(model, texts, seed=14)
    assert other["deletion"]["random"] != results["deletion"]["random"]


def test_texts_of_too_few_words_are_left_out(model) -> None:
    few = ["superb", "", "it was superb and blue"]
    assert measured(model, few)["n"] == 1
    with pytest.raises(DataError, match="none of 2 texts has 3 words"):
        measured(model, few[:2])


def test_the_table_has_each_method_beside_random_order(results) -> None:
    lines = format_faithfulness(results).splitlines()
    assert lines[0].startswith("faithfulness of explanations on 40 of 180 texts")
    assert [line.split("  ")[0] for line in lines[4:]] == [
        "occlusion",
        "decomposition",
        "random order",
    ]
    assert "\N{MINUS SIGN}0." in lines[4]
    assert "occlusion \N{MINUS SIGN}0." in results["about"]
