"""Curves of the threshold explorer, of forgetting and of faithfulness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sentiment.report.plots import LEFT, RIGHT, WIDTH, draw_svg, line_style, unit_square

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Where a threshold of 0 lies on such a figure, and how far it is to 1, in percent of its width.
_AXIS = (WIDTH - LEFT - RIGHT) / WIDTH
CURSOR = (
    round(100 * (LEFT / WIDTH + _AXIS * 0.01 / 1.02), 2),
    round(100 * _AXIS / 1.02, 2),
)


def threshold_plot(counts: Mapping[str, Any], name: str, label: str) -> str:
    """Return precision and recall of one class by threshold.

    Args:
        counts: `chosen` and `hits` at thresholds 0.00 … 1.00, `positives`, `n`.
        name: keeps the figure's ids apart.
        label: the class.
    """
    return _threshold_figure(
        {
            "precision": (counts["hits"], counts["chosen"]),
            "recall": (counts["hits"], [counts["positives"]] * len(counts["hits"])),
        },
        name,
        across=f"least probability of “{label[:24]}”",
        title=f"Precision and recall of {label} by threshold",
    )


def abstaining_plot(counts: Mapping[str, Any], name: str) -> str:
    """Return accuracy and coverage by the least confidence at which the model answers."""
    return _threshold_figure(
        {
            "accuracy": (counts["right"], counts["answered"]),
            "coverage": (counts["answered"], [counts["n"]] * len(counts["answered"])),
        },
        name,
        across="least probability of the answer",
        title="Accuracy and coverage when abstaining",
    )


def _threshold_figure(
    curves: Mapping[str, tuple[Sequence[int], Sequence[int]]],
    name: str,
    *,
    across: str,
    title: str,
) -> str:
    """Draw shares, each a part and its whole at thresholds 0.00 … 1.00; no whole, no point."""

    def draw(axes: Axes) -> None:
        for number, (label, (parts, wholes)) in enumerate(curves.items()):
            steps = len(parts) - 1
            points = [
                (step / steps, part / whole)
                for step, (part, whole) in enumerate(zip(parts, wholes, strict=True))
                if whole
            ]
            axes.plot(*zip(*points, strict=True), label=label, **line_style(number))
        unit_square(axes, across, "share")

    return draw_svg(draw, name, title)


def forgetting_plot(forgetting: Mapping[str, Any], key: str, name: str) -> str | None:
    """Return what is left of a word's effect by how many words later, with its intervals.

    Args:
        forgetting: as `hidden_states.json` has it.
        key: `state` or `score`.
        name: keeps the figure's ids apart.
    """
    lines = [(curve["word"], curve[key]) for curve in forgetting["curves"] if curve.get(key)]

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        for index, (word, figures) in enumerate(lines):
            style = line_style(index)
            across = list(range(len(figures)))
            axes.fill_between(
                across,
                [figure["low"] for figure in figures],
                [figure["high"] for figure in figures],
                color=style["color"],
                alpha=0.18,
                linewidth=0,
            )
            axes.plot(across, [figure["value"] for figure in figures], label=word, **style)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(0, max(len(figures) for _, figures in lines) - 1)
        axes.set_xlabel("words later")
        axes.set_ylabel("left of the effect" if key == "state" else "left of the effect on score")

    return draw_svg(draw, name, f"Forgetting curve: {key}") if lines else None


def curves_plot(
    lines: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    name: str,
    labels: tuple[str, str],
    title: str,
) -> str | None:
    """Return named curves of points; None where there is none of two points.

    Args:
        lines: (name, across, up) of each.
        name: keeps the figure's ids apart.
        labels: of the axes, across and up.
        title: for those who cannot see it.
    """
    lines = [line for line in lines if len(line[1]) > 1]

    def draw(axes: Axes) -> None:
        for index, (label, across, up) in enumerate(lines):
            axes.plot(across, up, label=label, **line_style(index))
        axes.set_xlabel(labels[0])
        axes.set_ylabel(labels[1])

    return draw_svg(draw, name, title) if lines else None
