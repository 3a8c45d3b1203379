"""Figures of a report as SVG that takes its colours and its font from the page around it.

matplotlib draws with stand-in colours; `_themed` swaps them for CSS variables, so that one figure
suits light, dark and paper. Nothing in the SVG names an address.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 4.6, 3.5  # inches; about the width of a phone, so that text stays readable there
INK, MUTED, LINE = "#010101", "#020202", "#030303"
SERIES = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    LINE: "var(--line)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES, 1)},
}
_DASHES: tuple[Any, ...] = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_SETTINGS = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called "$x$"
    "axes.labelcolor": MUTED,
    "axes.edgecolor": LINE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
}
LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.12, 0.1, 0.56  # inches
LEGEND_COLUMNS, LEGEND_ROW = 2, 0.22  # inches a row
MAX_NAME = 20


def roc_plot(roc: Mapping[str, Any], name: str) -> str | None:
    """Return the ROC curves with their areas, one class against the rest; None without a curve."""
    drawn = _drawn(roc, "auc")
    if len(roc) == 2:
        # The two curves of two classes are one curve, turned round.
        drawn = drawn[-1:]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        for index, (label, curve) in enumerate(drawn):
            axes.plot(
                curve["false_positive_rate"],
                curve["true_positive_rate"],
                label=f"{_short(label)} · {curve['auc']['value']:.3f}",
                **line_style(index),
            )
        unit_square(axes, "false positive rate", "true positive rate")

    return draw_svg(draw, name, "ROC curves") if drawn else None


def precision_recall_plot(curves: Mapping[str, Any], name: str) -> str | None:
    """Return the precision-recall curves with their average precision; None without a curve."""
    drawn = _drawn(curves, "average_precision")

    def draw(axes: Axes) -> None:
        for index, (label, curve) in enumerate(drawn):
            axes.plot(
                curve["recall"],
                curve["precision"],
                label=f"{_short(label)} · {curve['average_precision']['value']:.3f}",
                **line_style(index),
            )
        unit_square(axes, "recall", "precision")

    return draw_svg(draw, name, "Precision-recall curves") if drawn else None


def calibration_plot(
    calibration: Mapping[str, Any],
    num_classes: int,
    name: str,
    *,
    before: Mapping[str, Any] | None = None,
) -> str:
    """Return the reliability diagram, and below it how many rows each bin holds.

    Args:
        calibration: of the model as it is.
        num_classes: how many classes there are.
        name: keeps the figure's ids apart.
        before: of the model without its temperature, drawn beside it.
    """
    bins = calibration["bins"]
    # The winner of k classes never has less than 1/k.
    left = max(0.0, min(1 / num_classes, bins[0]["from"]))
    across = [row["probability"] for row in bins]
    up = [row["accuracy"]["value"] for row in bins]
    below = [row["accuracy"]["value"] - row["accuracy"]["low"] for row in bins]
    above = [row["accuracy"]["high"] - row["accuracy"]["value"] for row in bins]

    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (2, 3)))
        if before is not None:
            axes.plot(
                [row["probability"] for row in before["bins"]],
                [row["accuracy"]["value"] for row in before["bins"]],
                label="before temperature", marker="s", markersize=3.5, **line_style(1),
            )  # fmt: skip
        axes.errorbar(
            across, up, yerr=[below, above], color=SERIES[0], marker="o", markersize=4.5,
            elinewidth=1.2, linewidth=1.4, label="after" if before is not None else None,
        )  # fmt: skip
        fullest = max(row["accuracy"]["n"] for row in bins)
        heights = [0.2 * row["accuracy"]["n"] / fullest for row in bins]
        widths = [0.92 * (row["to"] - row["from"]) for row in bins]
        centres = [(row["from"] + row["to"]) / 2 for row in bins]
        axes.bar(centres, heights, width=widths, color=LINE, zorder=0.5)
        unit_square(axes, "probability of the predicted class", "share that is right")
        axes.set_xlim(left, 1.01)

    return draw_svg(draw, name, "Reliability diagram")


def history_plot(
    history: Sequence[Mapping[str, float]], columns: Sequence[str], label: str, name: str
) -> str | None:
    """Return the named columns by epoch; None where fewer than two epochs have one."""
    lines = [
        (column, [(row["epoch"], row[column]) for row in history if {"epoch", column} <= set(row)])
        for column in columns
    ]
    lines = [(column, pairs) for column, pairs in lines if len(pairs) > 1]

    def draw(axes: Axes) -> None:
        from matplotlib.ticker import MaxNLocator

        for index, (column, pairs) in enumerate(lines):
            across, up = zip(*pairs, strict=True)
            title = column.replace("_", " ").replace("macro f1", "macro-F1")
            marker = "o" if len(pairs) <= 20 else None
            axes.plot(across, up, label=title, marker=marker, markersize=3.5, **line_style(index))
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))

    return draw_svg(draw, name, f"{label} by epoch") if lines else None


def _drawn(curves: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return [(label, curve) for label, curve in curves.items() if curve[key] is not None]


def line_style(index: int) -> dict[str, Any]:
    """Return a colour and a dash: the lines are told apart without colour too."""
    return {"color": SERIES[index % len(SERIES)], "linestyle": _DASHES[index % len(_DASHES)]}


def unit_square(axes: Axes, across: str, up: str) -> None:
    """Name the axes and let both run from 0 to 1."""
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _lay_out(figure: Figure, axes: Axes) -> None:
    """Place the axes, and above them the names of the lines, where no line can run through them."""
    _, names = axes.get_legend_handles_labels()
    num_rows = -(-len(names) // LEGEND_COLUMNS)
    height = HEIGHT + LEGEND_ROW * num_rows
    figure.set_figheight(height)
    # Fixed margins: matplotlib's own layout would draw every figure twice.
    top = TOP + LEGEND_ROW * num_rows
    figure.subplots_adjust(
        left=LEFT / WIDTH, right=1 - RIGHT / WIDTH, bottom=BOTTOM / height, top=1 - top / height
    )
    if names:
        figure.legend(
            loc="upper left",
            bbox_to_anchor=(0, 1),
            ncols=LEGEND_COLUMNS,
            borderpad=0.1,
            borderaxespad=0,
        )


def draw_svg(draw: Callable[[Axes], None], name: str, title: str) -> str:
    """Draw and return an `<svg>` for the page; `name` keeps its ids apart from other figures'."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    # The salt makes ids the same in every run: the report is a pure function of its files.
    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with mpl.rc_context(settings):
        figure = Figure(figsize=(WIDTH, HEIGHT))
        axes = figure.add_subplot()
        draw(axes)
        _lay_out(figure, axes)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True,
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )  # fmt: skip
    return _themed(buffer.getvalue(), name, title)


def _themed(svg: str, name: str, title: str) -> str:
    # The metadata names addresses, and the style element would reach the whole page.
    svg = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    tags = re.compile(r"<[^>]*>")  # labels hold no raw < or >: matplotlib escapes them
    svg = tags.sub(lambda tag: _themed_tag(tag[0], name), svg[svg.index("<svg") :])
    box = re.search(r'viewBox="([^"]*)"', svg)
    size = box[1] if box else f"0 0 {72 * WIDTH:g} {72 * HEIGHT:g}"
    start = f'<svg viewBox="{size}" role="img" aria-label="{html.escape(title)}">'
    return tags.sub(lambda _: start, svg, count=1)


def _themed_tag(tag: str, name: str) -> str:
    tag = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", tag).replace("xlink:href", "href")
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r"font: ([\d.]+px)[^;\"]*", r"font-size: \1", tag)
    tag = re.sub(r'(id="|href="#|url\(#)', rf"\g<1>{name}-", tag)
    for colour, variable in _VARIABLES.items():
        tag = tag.replace(colour, variable)
    return tag
