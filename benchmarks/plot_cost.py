"""Draw accuracy against cost: speed measured here, and size beside published systems.

    python benchmarks/plot_cost.py docs/benchmarks/classifiers.json --output docs/cost.svg

Ours and the linear models stand with their accuracy on IMDb's validation by film, with 95 %
intervals; published systems, hollow, with theirs on IMDb's test, which is easier: NB-SVM has 1.7
points more there than by film. Parameters of published systems follow from the sizes their papers
give, embeddings included.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

OURS, PEERS, PUBLISHED = "#0b6b6b", "#6b6b74", "#b0432f"
# Accuracy on IMDb's test in %, and millions of parameters.
PUBLISHED_SYSTEMS = (
    # 87,000 words × 256, LSTM 1024 (Miyato et al. 2017, tables 1 and 2)
    ("virtual adversarial LSTM-1024\n(Miyato et al. 2017)", 94.09, 27.5),
    # 60,000 words × 400, LSTMs 1,150, 1,150 and 400 (Howard & Ruder 2018; Merity et al. 2018)
    ("ULMFiT, forward\n(Howard & Ruder 2018)", 94.96, 44.2),
    ("DistilBERT\n(Sanh et al. 2019)", 92.8, 66.0),
)


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("figures", type=Path, help="what classifiers.py wrote")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    figures = json.loads(arguments.figures.read_text(encoding="utf-8"))
    plt.rcParams.update({"svg.hashsalt": "cost", "font.size": 9})
    drawing, (speed, size) = plt.subplots(1, 2, figsize=(9.6, 4.2), layout="constrained")
    draw_speed(speed, figures)
    draw_size(size, figures)
    for axes, ticks in ((speed, (1_000, 2_000, 5_000, 10_000)), (size, (1, 2, 5, 10, 20, 50, 100))):
        axes.set_xscale("log")
        axes.set_xlim(ticks[0], ticks[-1])
        axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    speed.set_ylabel("accuracy on IMDb, %")
    drawing.savefig(arguments.output, metadata={"Date": None})


def draw_speed(axes: Axes, figures: dict[str, Any]) -> None:
    """Draw every system that was measured here, ours in int8, but one far below all others."""
    for system, accuracy in figures["accuracy"].items():
        if system.endswith("fp32"):
            continue
        if accuracy["high"] < 0.8:
            axes.set_title(f"{system}, at {accuracy['value']:.0%}, lies below", fontsize=8)
            continue
        color = OURS if system in figures["speed_to_tfidf"] else PEERS
        draw_point(axes, system, figures["texts_per_second"][system], accuracy, color)
    axes.set_xlabel("reviews/s on 2 cores, file to file")


def draw_size(axes: Axes, figures: dict[str, Any]) -> None:
    """Draw our models beside published ones."""
    for name, parameters in figures["parameters"].items():
        draw_point(axes, name, parameters / 1e6, figures["accuracy"][f"{name} fp32"], OURS)
    for name, percent, millions in PUBLISHED_SYSTEMS:
        axes.plot(millions, percent, "o", color=PUBLISHED, markerfacecolor="white")
        note(axes, name, millions, percent, PUBLISHED, left=True)
    axes.set_xlabel("million parameters (hollow: published, on IMDb's test)")


def draw_point(axes: Axes, name: str, at: float, accuracy: dict[str, float], color: str) -> None:
    """Draw one system with its interval and its name."""
    percent = 100 * accuracy["value"]
    below, above = percent - 100 * accuracy["low"], 100 * accuracy["high"] - percent
    axes.errorbar(at, percent, [[below], [above]], fmt="o", color=color, capsize=3, alpha=0.9)
    note(axes, name, at, percent, color)


def note(
    axes: Axes, name: str, at: float, percent: float, color: str, *, left: bool = False
) -> None:
    """Write a system's name beside its point."""
    axes.annotate(
        name,
        (at, percent),
        xytext=(-7 if left else 7, -10 if "small" in name else 4),
        textcoords="offset points",
        ha="right" if left else "left",
        color=color,
        fontsize=8,
    )


if __name__ == "__main__":
    main()
