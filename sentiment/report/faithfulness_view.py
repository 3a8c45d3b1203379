"""Deletion and insertion curves of explanations, where faithfulness.json was saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentiment.report.state_plots import curves_plot

KINDS = ("deletion", "insertion")
RANDOM = "random"
TITLES = {
    "occlusion": "occlusion",
    "gradients": "integrated gradients",
    "decomposition": "contextual decomposition",
    RANDOM: "random order",
}


def faithfulness_figures(saved: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return the two figures; none where nothing was saved.

    Args:
        saved: what faithfulness.json holds: `fractions` (0–1), the share of words taken out or put
            in; by kind and name of an order of the words, the mean curve at the fractions.
    """
    if saved is None:
        return {}
    return {
        kind: curves_plot(
            [
                (TITLES.get(name, name), saved["fractions"], curve)
                for name, curve in saved[kind].items()
            ],
            kind,
            (
                f"share of the words {'taken out' if kind == 'deletion' else 'put in'}",
                "probability of the answer",
            ),
            f"{kind} curves",
        )
        for kind in KINDS
    }


def faithfulness_rows(saved: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return one row an order of the words: the most faithful by deletion first, random last."""
    if saved is None:
        return []
    areas, seconds = saved["areas"], saved["seconds_per_text"]
    rows = [
        {
            "name": TITLES.get(name, name),
            "is_random": name == RANDOM,
            "seconds": seconds.get(name),
            **{kind: areas[kind][name] for kind in KINDS},
        }
        for name in areas["deletion"]
    ]
    return sorted(rows, key=lambda row: (row["is_random"], float(row["deletion"]["value"])))
