"""Measure what `training.trace_loss` does to the answers on the way and to the last one.

    python benchmarks/trace_loss.py [--weights 0 0.3 1] [--set encoder.init=null] [--json FILE]

Trains the default config once for each weight and asks each model after every token of the bundled
validation texts: mean log-loss and calibration error (10 bins) over all steps of all texts, every
text counting alike, by quarters of the text, and accuracy on whole texts.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sentiment
from sentiment.config import DataSettings
from sentiment.data.load import load_splits
from sentiment.evaluation.provenance import provenance
from sentiment.runtime.predictor import SentimentModel
from sentiment.text.batches import prediction_batches

QUARTERS = 4


def main() -> None:
    """Train, ask, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 0.3, 1.0])
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    validation = load_splits(DataSettings()).validation
    results = []
    print(f"{'weight':>6} {'whole texts':>11}  log-loss of steps, by quarters       calibration")
    for weight in arguments.weights:
        with tempfile.TemporaryDirectory() as folder:
            overrides = [*arguments.settings, f"training.trace_loss={weight}"]
            made = sentiment.train(output=Path(folder) / "model", overrides=overrides)
            found = measure(SentimentModel.load(made), validation.texts, validation.labels)
        results.append({"weight": weight, **found})
        quarters = " ".join(f"{value:.3f}" for value in found["log_loss_by_quarter"])
        print(
            f"{weight:6g} {100 * found['accuracy']:9.1f} %  {found['log_loss']:.3f}: {quarters}"
            f"  {found['calibration_error']:.3f}",
            flush=True,
        )
    if arguments.json:
        content = {
            "n": len(validation),
            "results": results,
            **provenance("python benchmarks/trace_loss.py", 13),
        }
        arguments.json.write_text(json.dumps(content, indent=1, default=str) + "\n")


def measure(model: SentimentModel, texts: list[str], labels: NDArray[np.int32]) -> dict[str, Any]:
    """Ask after every token; see the module."""
    encoded = model.tokenizer.encode(texts)
    losses: list[list[float]] = [[] for _ in range(QUARTERS)]
    sure, right, counts = [], [], []
    correct = 0
    for batch in prediction_batches(encoded, tokens_per_batch=16_384):
        steps = model._network.run(batch, ["step_probabilities"])["step_probabilities"]
        for row, length, answers in zip(batch.rows, batch.lengths, steps, strict=True):
            inside = answers[:length]  # (time, classes)
            likelihood = np.clip(inside[:, labels[row]], 1e-7, 1)
            for quarter, part in enumerate(np.array_split(-np.log(likelihood), QUARTERS)):
                if len(part):
                    losses[quarter].append(float(part.mean()))
            sure.append(inside.max(axis=1))
            right.append(inside.argmax(axis=1) == labels[row])
            counts.append(np.full(length, 1 / length))
            correct += int(inside[-1].argmax() == labels[row])
    by_quarter = [float(np.mean(part)) for part in losses]
    return {
        "accuracy": correct / len(labels),
        "log_loss": float(np.mean(by_quarter)),
        "log_loss_by_quarter": by_quarter,
        "calibration_error": calibration_error(*map(np.concatenate, (sure, right, counts))),
    }


def calibration_error(
    sure: NDArray[np.float32], right: NDArray[np.bool_], weights: NDArray[np.float64]
) -> float:
    """Return the expected calibration error over ten bins (Guo et al. 2017), steps weighted."""
    bins = np.minimum((sure * 10).astype(int), 9)
    total = 0.0
    for number in np.unique(bins):
        some = bins == number
        gap = np.average(right[some], weights=weights[some]) - np.average(
            sure[some], weights=weights[some]
        )
        total += abs(gap) * weights[some].sum()
    return float(total / weights.sum())


if __name__ == "__main__":
    main()
