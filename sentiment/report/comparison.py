"""Several evaluations side by side: every figure with its distance from the first model's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sentiment.evaluation import wording
from sentiment.evaluation.compare import compare
from sentiment.evaluation.intervals import SEED, Figure, holm
from sentiment.evaluation.predictions import read_classes
from sentiment.report.axis import ladder
from sentiment.report.flips import flips
from sentiment.report.saved import SavedEvaluation

MAX_SLICES = 80
# (title, key in metrics, format, whether less is better)
_LOSSES = (("log-loss", "log_loss"), ("Brier score", "brier"))


def compare_evaluations(evaluations: Sequence[SavedEvaluation]) -> dict[str, Any]:
    """Return what the comparison page shows.

    Raises:
        DataError: the predictions of a model are damaged.
    """
    all_metrics = [evaluation.metrics for evaluation in evaluations]
    names = unique_names([metrics["model"]["name"] for metrics in all_metrics])
    prints = [metrics["data"]["fingerprint"] for metrics in all_metrics]
    same_rows = [fingerprint == prints[0] for fingerprint in prints]
    return {
        "title": " beside ".join(names) if len(names) == 2 else f"{len(names)} models compared",
        "names": names,
        "all_metrics": all_metrics,
        "same_rows": same_rows,
        "ladder": ladder(_entries(names, all_metrics)),
        "rows": _rows(all_metrics),
        "paired": _pairs(names, evaluations, same_rows),
        "slices": _slices(all_metrics) if all(same_rows) else [],
        "stale": [name for name, saved in zip(names, evaluations, strict=True) if saved.is_stale],
    }


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names, numbered where two models share one."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return result


def _entries(
    names: Sequence[str], all_metrics: Sequence[dict[str, Any]]
) -> list[tuple[str, Figure]]:
    return [(name, metrics["accuracy"]) for name, metrics in zip(names, all_metrics, strict=True)]


def _pairs(
    names: Sequence[str], evaluations: Sequence[SavedEvaluation], same_rows: Sequence[bool]
) -> list[dict[str, Any]]:
    """Compare each model with the first where the rows are the same.

    With several models the p-values are corrected together (Holm), and `p_value` is the corrected.
    """
    # The flips come first: they find out whether the saved rows fit together.
    pairs = [
        {"name": name, "flips": flips(evaluations[0], other), **_paired(evaluations[0], other)}
        for name, other, same in zip(names[1:], evaluations[1:], same_rows[1:], strict=True)
        if same
    ]
    adjusted = holm([pair["p_value"] for pair in pairs])
    return [
        {**pair, "p_alone": pair["p_value"], "p_value": p}
        for pair, p in zip(pairs, adjusted, strict=True)
    ]


def _paired(first: SavedEvaluation, other: SavedEvaluation) -> dict[str, Any]:
    """Compare two models on the same rows: other − first."""
    classes = first.metrics["model"]["classes"]
    return compare(
        read_classes(first.predictions, "label", classes),
        read_classes(other.predictions, "predicted", classes),
        read_classes(first.predictions, "predicted", classes),
        len(classes),
        seed=SEED,
    )


def _rows(all_metrics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row a figure, one cell a model."""
    rows = [
        _share_row("accuracy", [metrics["accuracy"] for metrics in all_metrics]),
        _share_row("macro-F1", [metrics["macro_f1"] for metrics in all_metrics]),
        _share_row("macro-recall", [metrics["macro_recall"] for metrics in all_metrics]),
    ]
    for title, key in _LOSSES:
        rows.append(_loss_row(title, [metrics[key] for metrics in all_metrics]))
    errors = [metrics["calibration"]["expected_calibration_error"] for metrics in all_metrics]
    rows.append(_share_row("calibration error", errors, less_is_better=True))
    classes = list(dict.fromkeys(name for each in all_metrics for name in each["per_class"]))
    for name in classes:
        figures = [metrics["per_class"].get(name, {}).get("f1") for metrics in all_metrics]
        rows.append(_share_row(f"F1 of {name}", figures))
    return rows


def _share_row(
    title: str, figures: Sequence[Figure | None], *, less_is_better: bool = False
) -> dict[str, Any]:
    return _row(
        title,
        figures,
        less_is_better=less_is_better,
        formats=(wording.percent, wording.percent_interval, wording.points),
    )


def _loss_row(title: str, figures: Sequence[Figure | None]) -> dict[str, Any]:
    formats = (wording.number, wording.number_interval, wording.signed)
    return _row(title, figures, less_is_better=True, formats=formats)


def _row(
    title: str,
    figures: Sequence[Figure | None],
    *,
    less_is_better: bool,
    formats: tuple[Callable[..., str], Callable[..., str], Callable[..., str]],
) -> dict[str, Any]:
    show, show_interval, show_change = formats
    first = figures[0]["value"] if figures[0] else None
    cells = []
    for index, figure in enumerate(figures):
        if figure is None:
            cells.append({"value": wording.NOTHING, "interval": "", "change": "", "sense": ""})
            continue
        change = None
        if index and first is not None and figure["value"] is not None:
            change = figure["value"] - first
        cells.append(
            {
                "value": show(figure["value"]),
                "interval": show_interval(figure),
                "change": "" if change is None else show_change(change),
                "sense": _sense(change, less_is_better=less_is_better),
            }
        )
    return {"title": title, "cells": cells}


def _sense(change: float | None, *, less_is_better: bool) -> str:
    if not change:
        return ""
    return "better" if (change < 0) == less_is_better else "worse"


def _slices(all_metrics: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the slices that every model has, with accuracies and changes."""
    tables = [
        {(piece["family"], piece["name"]): piece for piece in metrics["slices"]}
        for metrics in all_metrics
    ]
    shared = [key for key in tables[0] if all(key in table for table in tables)]
    return [
        {
            "n": tables[0][key]["n"],
            **_share_row(": ".join(key), [table[key]["accuracy"] for table in tables]),
        }
        for key in shared[:MAX_SLICES]
    ]
