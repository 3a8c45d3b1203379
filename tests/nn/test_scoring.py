"""Figures of an epoch: the same as an evaluation gives of the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.evaluation.metrics import summarise
from sentiment.nn.scoring import score

CLASSES = ("negative", "neutral", "positive")


def test_the_figures_of_an_epoch_are_those_of_an_evaluation():
    # No row is neutral, and some are called so.
    labels = np.array([0, 0, 2, 2, 2, 0], np.int32)
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 2, 1, 0]] * 0.9 + 0.1 / 3
    loss, accuracy, macro_f1 = score(probabilities, labels)
    found = summarise(labels, probabilities.astype(np.float64), CLASSES)
    assert accuracy == pytest.approx(found["accuracy"]["value"])
    assert macro_f1 == pytest.approx(found["macro_f1"]["value"])
    assert loss == pytest.approx(found["log_loss"]["value"], rel=1e-5)
