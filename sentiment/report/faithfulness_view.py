"""Deletion and insertion curves, where faithfulness.json was saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.report.state_plots import curves_plot


def faithfulness_figures(saved: Mapping[str, Any] | None) -> dict[str, str | None]:
    """Return the two figures; none where nothing was saved.

    Args:
        saved: `deletion` and `insertion`, each a list of points by the name of an order of the
            words; `fractions` (0–1), the share of words taken out or put in at each point.
    """
    if saved is None:
        return {}
    return {
        kind: curves_plot(
            _lines(saved.get(kind), saved.get("fractions")),
            kind,
            (f"share of the words {'taken out' if kind == 'deletion' else 'put in'}", "effect"),
            f"{kind} curves",
        )
        for kind in ("deletion", "insertion")
    }


def _lines(
    curves: object, fractions: Sequence[float] | None
) -> list[tuple[str, Sequence[float], Sequence[float]]]:
    if isinstance(curves, list):
        curves = {"explanation": curves}
    if not isinstance(curves, Mapping):
        return []
    lines: list[tuple[str, Sequence[float], Sequence[float]]] = []
    for name, up in curves.items():
        points = [float(value) for value in up]
        across = fractions
        if across is None or len(across) != len(points):
            across = [step / max(1, len(points) - 1) for step in range(len(points))]
        lines.append((str(name), across, points))
    return lines
