"""Figures with their intervals as positions on one common axis, in percent of its width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from sentiment.evaluation.intervals import Figure

MAX_TICKS = 5
_PARTS = 20  # the axis begins and ends on a whole 5 %


def ladder(entries: Sequence[tuple[str, Figure]]) -> dict[str, Any]:
    """Return named figures as points and intervals under one another, and the axis' ticks."""
    low, high, ticks = find_axis([figure for _, figure in entries])
    return {
        "ticks": [{"at": place(tick, low, high), "value": tick} for tick in ticks],
        "rungs": [
            {"name": name, "figure": figure, **bar(figure, low, high)} for name, figure in entries
        ],
    }


def find_axis(figures: Sequence[Figure]) -> tuple[float, float, list[float]]:
    """Return the ends (0–1) of an axis that holds every interval, and its ticks."""
    known = [figure for figure in figures if figure["low"] is not None]
    low = min((math.floor(_PARTS * figure["low"]) for figure in known), default=0)
    high = max((math.ceil(_PARTS * figure["high"]) for figure in known), default=_PARTS)
    low = min(low, _PARTS - 1)
    high = min(max(high, low + 1), _PARTS)
    step = next(step for step in (1, 2, 4, 5) if (high - low) / step <= MAX_TICKS)
    ticks = [part / _PARTS for part in range(low, high + 1) if part % step == 0]
    return low / _PARTS, high / _PARTS, ticks


def bar(figure: Figure, low: float, high: float) -> dict[str, float | None]:
    """Return where a figure's point and interval lie on an axis."""
    if figure["value"] is None or figure["low"] is None:
        return {"at": None, "left": None, "width": None}
    left, right = place(figure["low"], low, high), place(figure["high"], low, high)
    return {
        "at": place(figure["value"], low, high),
        "left": left,
        "width": round(right - left, 2),
    }


def place(value: float, low: float, high: float) -> float:
    """Return a value as percent of the axis' width."""
    return round(min(100.0, max(0.0, 100 * (value - low) / (high - low))), 2)
