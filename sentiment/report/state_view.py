"""The section on the final hidden state: what hidden_states.json holds, arranged to be shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.report import scatter, state_plots
from sentiment.report.visible import visible
from sentiment.report.word_traces import Piece, pieces

UNITS_SHOWN = 24
NOTE_CHARACTERS, WAY_CHARACTERS = 120, 480


def state_context(
    states: Mapping[str, Any] | None, traces: Mapping[str, Any], classes: Sequence[str]
) -> dict[str, Any]:
    """Return what the section shows; `states` is None where nothing was saved.

    Args:
        states: what hidden_states.json holds.
        traces: by row number, what traces.json holds.
        classes: the label names.
    """
    from markupsafe import Markup

    if states is None:
        return {"states": None, "notes_of_points": []}
    points = states["projection"]
    ways = [_way(way, traces) for way in states["trajectories"]]
    return {
        "states": {**states, "trajectories": ways},
        # Everything in these pictures is a number or has been escaped.
        "map_by_label": Markup(scatter.map_by_label(points, classes)),  # noqa: S704
        "map_by_error": Markup(scatter.map_by_error(points)),  # noqa: S704
        "trajectories": Markup(scatter.trajectories(states["trajectories"], points)),  # noqa: S704
        "notes_of_points": _notes(points, classes),
        "probe_rows": _probe_rows(states["probes"]),
        "probe_n": min((entry["n"] for entry in _probed(states["probes"])), default=0),
        "atlas": states["atlas"]["entries"][:UNITS_SHOWN] if states["atlas"] else [],
        "half_lives": _half_lives(states["forgetting"]),
    }


def state_figures(states: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return the section's curves as SVG."""
    if states is None:
        return {}
    return {
        f"forgetting_{key}": state_plots.forgetting_plot(
            states["forgetting"], key, f"forgetting-{key}"
        )
        for key in ("state", "score")
    }


def _way(way: Mapping[str, Any], traces: Mapping[str, Any]) -> dict[str, Any]:
    """Add the coloured words, which only rows shown elsewhere too have."""
    trace = traces.get(str(way["row"]))
    text = way["text"][:WAY_CHARACTERS]
    own: list[Piece] = pieces(text, trace) if trace else []
    return {**way, "text": visible(text), "pieces": own, "spark": ""}


def _notes(points: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    """Return what is told of each point, in their order."""
    return [
        f"row {row:,}: is {classes[label]}, says {classes[predicted]} {chance:.0%}\n"
        f"{visible(text, NOTE_CHARACTERS)}"
        for row, label, predicted, chance, text in zip(
            points["row"],
            points["label"],
            points["predicted"],
            points["probability"],
            points["text"],
            strict=True,
        )
    ]


def _probed(probes: Mapping[str, Any]) -> list[Any]:
    return [entry for entry in probes["properties"] if entry["probes"]]


def _probe_rows(probes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one row a state, one cell a property (None where it was not probed)."""
    probed = _probed(probes)
    if not probed:
        return []
    rows = []
    for place, first in enumerate(probed[0]["probes"]):
        cells = [
            entry["probes"][place] if entry["probes"] else None for entry in probes["properties"]
        ]
        rows.append({"layer": first["layer"], "state": first["state"], "cells": cells})
    return rows


def _half_lives(forgetting: Mapping[str, Any]) -> str:
    """Say after how many words half of the effect on the state is gone."""
    said = []
    for curve in forgetting["curves"]:
        below = [k for k, figure in enumerate(curve["state"]) if figure["value"] < 0.5]
        when = f"after {below[0]} words" if below else f"not within {forgetting['later']} words"
        said.append(f"of the {curve['word']} {when}")
    return f"Half of the effect on the state is gone: {', '.join(said)}." if said else ""
