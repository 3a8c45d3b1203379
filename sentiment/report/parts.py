"""Saved figures in the shape in which their section of the page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.report.axis import bar, find_axis

MAX_SLICES = 150


def explorer_tables(saved: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the threshold tables in the shape that the page's script reads."""
    if saved is None:
        return None
    keys = ("n", "positives", "chosen", "hits")
    known = {name: table for name, table in saved["classes"].items() if "reason" not in table}
    abstaining = saved["abstaining"]
    first = next(
        (step for step, n in enumerate(abstaining["answered"]) if n < abstaining["n"]), 100
    )
    return {
        "classes": {name: {key: table[key] for key in keys} for name, table in known.items()},
        "abstaining": {
            "n": abstaining["n"],
            "positives": abstaining["n"],
            "chosen": abstaining["answered"],
            "hits": abstaining["right"],
        },
        "lowest": min(95, max(50, first)),
        "counts": abstaining,
        "recalls": [{"name": name, "rows": table["at_recall"]} for name, table in known.items()],
        "coverages": abstaining["at_coverage"],
    }


def slice_families(slices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the slices by family, with their bars; the worst of very many."""
    shown = list(slices)
    if len(shown) > MAX_SLICES:
        shown = sorted(shown, key=lambda piece: float(piece["accuracy"]["value"]))[:MAX_SLICES]
    low, high, _ = find_axis([piece["accuracy"] for piece in shown]) if shown else (0.0, 1.0, [])
    families: dict[str, list[dict[str, Any]]] = {}
    for piece in shown:
        entry = {**piece, **bar(piece["accuracy"], low, high)}
        families.setdefault(piece["family"], []).append(entry)
    return {
        "families": families,
        "low": low,
        "high": high,
        "tested": len(slices),
        "hidden": len(slices) - len(shown),
        "worse": [piece for piece in shown if piece["significantly_worse"]],
    }


def noise_pairs(noise: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which label looks like which other, the commonest first."""
    names = noise["classes"]
    pairs = [
        {"label": names[label], "likely": names[likely], "count": count}
        for label, row in enumerate(noise["counts"])
        for likely, count in enumerate(row)
        if count
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])


def check_summary(check: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the data check, with whether anything serious was found."""
    if check is None:
        return None
    return {
        **check,
        "serious": any(finding["serious"] for finding in check["findings"]),
        "classes": list(
            dict.fromkeys(name for each in check["splits"] for name in each["classes"])
        ),
    }


def suite_summary(results: Mapping[str, Any], metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return one behaviour suite, with a failure of each capability as an example."""
    labelled = results["kinds"]["minimum functionality"]
    examples: dict[str, Any] = {}
    for case in results["cases"]:
        if case["result"] == "failed":
            texts = " → ".join(answer["text"] for answer in case["got"][:2])
            examples.setdefault(case["capability"], {"text": texts, "why": case["why"]})
    return {
        "name": results["suite"]["name"],
        "about": results["suite"]["about"] or "",
        "total": results["total"],
        "labelled": labelled,
        "baseline": results["baseline"],
        "compared": bool(labelled["tested"]),
        "is_stale": results["model"].get("trained_at") != metrics["model"].get("trained_at"),
        "capabilities": [
            {**entry, "example": examples.get(entry["name"])} for entry in results["capabilities"]
        ],
    }
