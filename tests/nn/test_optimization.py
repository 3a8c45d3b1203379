"""The learning rate over the steps."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.nn.optimization import make_optimizer


def rates(warmup_fraction: float) -> np.ndarray:
    optimizer = make_optimizer(
        steps=100, learning_rate=0.01, warmup_fraction=warmup_fraction, clip_norm=1.0
    )
    schedule = optimizer._learning_rate
    return np.array([float(schedule(step)) for step in range(101)])


def test_it_rises_through_the_warm_up_and_falls_to_a_hundredth():
    found = rates(0.1)
    assert found[0] == 0.0
    assert found.argmax() == 10
    assert found[10] == pytest.approx(0.01)
    assert found[100] == pytest.approx(1e-4)


def test_without_a_warm_up_the_first_step_is_at_the_full_rate():
    found = rates(0.0)
    assert found[0] == pytest.approx(0.01)
    assert (np.diff(found) <= 0).all()
    assert found[100] == pytest.approx(1e-4)
