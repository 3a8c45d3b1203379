"""The short table that `sentiment eval` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sentiment.evaluation import wording
from sentiment.evaluation.baselines import TITLES

MAX_WORSE = 5
MAX_NAME = 24


def format_summary(metrics: dict[str, Any]) -> str:
    """Return the table: figures beside the baselines, classes, confusion, weak slices."""
    data = metrics["data"]
    head = (
        f"{metrics['model']['name']} on {data['split']} of {data['source']}: "
        f"{wording.count(data['rows'])} rows"
    )
    blocks = [
        head,
        wording.verdict(metrics)["headline"],
        _figures(metrics),
        _classes(metrics),
        _confusion(metrics),
        _notes(metrics),
    ]
    text = "\n\n".join(block for block in blocks if block)
    # What keeps a number and its sign together on a page would be in the way of `grep` here.
    return text.replace(wording.NARROW, " ").replace(wording.WIDE, " ")


def align(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as columns: the first one left, the others right."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _figures(metrics: dict[str, Any]) -> str:
    interval = "95 % interval"
    header = ["", "accuracy", interval, "macro-F1", interval, "model ahead by", "McNemar"]
    rows = [header, [*_figure_cells("model", metrics), "", ""]]
    for name, baseline in metrics["baselines"].items():
        compared = baseline["comparison"]
        difference = compared["difference"]
        change = (
            f"{wording.points(difference['value'])} points ({wording.points_interval(difference)})"
        )
        test = wording.p_value(compared["p_value"])
        rows.append([*_figure_cells(TITLES.get(name, name), baseline), change, test])
    return align(rows)


def _figure_cells(name: str, source: dict[str, Any]) -> list[str]:
    cells = [name]
    for key in ("accuracy", "macro_f1"):
        cells += [
            wording.percent(source[key]["value"]),
            wording.percent_interval(source[key]),
        ]
    return cells


def _classes(metrics: dict[str, Any]) -> str:
    rows = [["class", "precision", "recall", "F1", "95 % interval", "n"]]
    for name, figures in metrics["per_class"].items():
        rows.append(
            [
                shorten(name),
                wording.percent(figures["precision"]["value"]),
                wording.percent(figures["recall"]["value"]),
                wording.percent(figures["f1"]["value"]),
                wording.percent_interval(figures["f1"]),
                wording.count(figures["support"]),
            ]
        )
    return align(rows)


def _confusion(metrics: dict[str, Any]) -> str:
    names = [shorten(name) for name in metrics["confusion"]["classes"]]
    rows = [["actual ↓  predicted →", *names]]
    for name, counts in zip(names, metrics["confusion"]["counts"], strict=True):
        rows.append([name, *[wording.count(value) for value in counts]])
    return align(rows)


def _notes(metrics: dict[str, Any]) -> str:
    error = metrics["calibration"]["expected_calibration_error"]["value"]
    lines = [
        f"log-loss {metrics['log_loss']['value']:.3f} · Brier {metrics['brier']['value']:.3f} · "
        f"calibration error {wording.percent(error)}"
    ]
    worse = [piece for piece in metrics["slices"] if piece["significantly_worse"]]
    worse.sort(key=lambda piece: float(piece["accuracy"]["value"]))
    for piece in worse[:MAX_WORSE]:
        lines.append(
            f"significantly worse: {piece['family']}, {piece['name']}: "
            f"{wording.percent(piece['accuracy']['value'])} of {wording.count(piece['n'])} rows"
        )
    if len(worse) > MAX_WORSE:
        lines.append(f"… and {len(worse) - MAX_WORSE} more slices, in metrics.json")
    lines += metrics["notes"]
    return "\n".join(lines)


def shorten(name: str) -> str:
    """Return a name cut to a column's width."""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
