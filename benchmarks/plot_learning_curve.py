"""Draw what `learning_curve.py` measured.

    python benchmarks/plot_learning_curve.py curve.json --output docs/learning-curve.svg

Every draw is a dot; the lines join the medians.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("svg")
import matplotlib.pyplot as plt

NAMES = {
    "general": ("from general, which has seen these films' labels", "#0b6b6b", "o"),
    "pretrained": ("from an encoder pretrained without labels", "#b0432f", "s"),
    "tfidf": ("TF-IDF 1–2-grams + logistic regression", "#6b6b74", "^"),
    "scratch": ("from nothing", "#c79a2b", "D"),
}


def main() -> None:
    """Read, draw, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("curve", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    points = json.loads(arguments.curve.read_text())["points"]
    plt.rcParams.update({"svg.hashsalt": "learning-curve", "font.size": 10})
    figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
    for system, (name, color, marker) in NAMES.items():
        rows = sorted({point["rows"] for point in points if point["system"] == system})
        if not rows:
            continue
        values = [
            [100 * p["accuracy"] for p in points if (p["system"], p["rows"]) == (system, row)]
            for row in rows
        ]
        axes.plot(
            rows, [np.median(each) for each in values], color=color, label=name, marker=marker
        )
        for row, each in zip(rows, values, strict=True):
            axes.scatter([row] * len(each), each, color=color, s=9)
    ticks = sorted({point["rows"] for point in points})
    axes.set_xscale("log")
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("labelled reviews to learn from")
    axes.set_ylabel("accuracy on 2,500 reviews of other films, %")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(arguments.output, metadata={"Date": None})


if __name__ == "__main__":
    main()
