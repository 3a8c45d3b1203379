"""Shares of classes that stand beside the texts: what is read, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.data.labelled import LabelledTexts
from sentiment.data.shares import class_shares
from sentiment.errors import DataError

CLASSES = ("no", "yes")


def data(*cells: object) -> LabelledTexts:
    texts = [f"text {number}" for number in range(len(cells))]
    labels = np.zeros(len(cells), np.int32)
    rows = np.arange(len(cells)) + 5
    return LabelledTexts(texts, labels, CLASSES, {"probabilities": list(cells)}, "x.csv", rows)


def test_shares_sum_to_one_in_the_order_of_the_classes():
    shares = class_shares(
        data({"yes": 0.3, "no": 0.7}, '{"no": 1, "yes": 3, "maybe": 5}', {"yes": 2, "no": 0}),
        CLASSES,
    )
    np.testing.assert_allclose(shares, [[0.7, 0.3], [0.25, 0.75], [0, 1]])


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (None, "holds None"),
        ("yes", "holds 'yes'"),
        ("[1, 2]", r"holds '\[1, 2\]'"),
        ({"yes": 1}, "has no number for class 'no'"),
        ({"yes": "1", "no": 1}, "has no number for class 'yes'"),
        ({"yes": -1, "no": 2}, "holds {'yes': -1"),
        ({"yes": 0, "no": 0}, "holds {'yes': 0"),
        ('{"yes": NaN, "no": 1}', r"NaN"),
    ],
)
def test_anything_else_is_refused_with_its_row(cell: object, said: str):
    with pytest.raises(DataError, match=rf"x\.csv row 6: column 'probabilities' .*{said}"):
        class_shares(data({"yes": 1, "no": 1}, cell), CLASSES)


def test_a_missing_column_names_the_command_that_writes_it():
    rows = LabelledTexts(["a"], np.zeros(1, np.int32), CLASSES, {}, "x.csv")
    with pytest.raises(DataError, match=r"x\.csv has no column.*--input x\.csv --output FILE"):
        class_shares(rows, CLASSES)
