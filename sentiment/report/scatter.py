"""The map of final hidden states, and the ways of a few texts over it, as SVG made for hovering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, HEIGHT, EDGE = 460, 360, 16
MOST_COLOURS = 6


class Frame:
    """Turns coordinates into places on the picture; each axis has its own scale.

    The second component often holds a tenth of the first one's variance: on one scale the map would
    be a line.
    """

    def __init__(self, across: Sequence[float], up: Sequence[float]) -> None:
        self._left, self._width = _room(across)
        self._foot, self._height = _room(up)

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a point."""
        return (
            round(EDGE + (WIDTH - 2 * EDGE) * (x - self._left) / self._width, 1),
            round(HEIGHT - EDGE - (HEIGHT - 2 * EDGE) * (y - self._foot) / self._height, 1),
        )


def _room(values: Sequence[float]) -> tuple[float, float]:
    """Return where an axis begins and how long it is; values all alike lie in its middle."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return (low, high - low) if high > low else (low - 0.5, 1.0)


def map_by_label(points: Mapping[str, Any], classes: Sequence[str]) -> str:
    """Return the map with a colour a class; the points carry the number of their note."""
    frame = Frame(points["x"], points["y"])
    marks = [
        _dot(frame.at(x, y), f"c{label % MOST_COLOURS + 1}", number)
        for number, (x, y, label) in enumerate(
            zip(points["x"], points["y"], points["label"], strict=True)
        )
    ]
    return _svg("Final hidden states by label: " + ", ".join(classes), marks, "points")


def map_by_error(points: Mapping[str, Any]) -> str:
    """Return the map with the wrongly answered texts marked, drawn over the others."""
    frame = Frame(points["x"], points["y"])
    right, wrong = [], []
    for number, (x, y, label, predicted) in enumerate(
        zip(points["x"], points["y"], points["label"], points["predicted"], strict=True)
    ):
        place = frame.at(x, y)
        if label == predicted:
            right.append(_dot(place, "right", number))
        else:
            wrong.append(_cross(place, number))
    return _svg("Final hidden states, errors marked", [*right, *wrong], "points")


def trajectories(ways: Sequence[Mapping[str, Any]], points: Mapping[str, Any]) -> str:
    """Return the ways of texts over the map, a point a token, from the ring to the full dot."""
    across = [*points["x"], *(x for way in ways for x in way["x"])]
    up = [*points["y"], *(y for way in ways for y in way["y"])]
    frame = Frame(across, up)
    marks = [
        _dot(frame.at(x, y), "ground", None) for x, y in zip(points["x"], points["y"], strict=True)
    ]
    for number, way in enumerate(ways):
        colour = f"c{number % MOST_COLOURS + 1}"
        places = [frame.at(x, y) for x, y in zip(way["x"], way["y"], strict=True)]
        line = " ".join(f"{x},{y}" for x, y in places)
        marks.append(f'<polyline class="way {colour}" points="{line}"/>')
        for step, (place, token, score) in enumerate(
            zip(places, way["tokens"], way["score"], strict=True)
        ):
            kind = "start" if step == 0 else "end" if step == len(places) - 1 else "step"
            note = f"{number + 1}: {token} · score {score:+.2f}".replace("-", "\N{MINUS SIGN}")
            radius = {"start": 4, "end": 5.5}.get(kind, 2.6)
            marks.append(
                f'<circle class="{kind} {colour}" cx="{place[0]}" cy="{place[1]}" r="{radius}" '
                f'data-note="{escape(note)}"/>'
            )
        x, y = places[-1]
        marks.append(f'<text class="number {colour}" x="{x + 8}" y="{y + 4}">{number + 1}</text>')
    return _svg("Ways of texts through the plane of the final hidden states", marks, None)


def _dot(place: tuple[float, float], kind: str, number: int | None) -> str:
    own = "" if number is None else f' data-i="{number}"'
    return f'<circle class="{kind}" cx="{place[0]}" cy="{place[1]}" r="3.2"{own}/>'


def _cross(place: tuple[float, float], number: int) -> str:
    x, y = place
    return f'<path class="wrong" d="M{x - 3.5:.1f} {y - 3.5:.1f}l7 7m-7 0l7 -7" data-i="{number}"/>'


def _svg(label: str, marks: Sequence[str], notes: str | None) -> str:
    own = f' data-notes="{notes}"' if notes else ""
    return (
        f'<svg class="scatter" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(label)}"{own}>{"".join(marks)}</svg>'
    )
