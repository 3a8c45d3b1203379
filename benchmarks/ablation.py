"""Take each element out of a recipe, train it over several seeds, and say what each was worth.

    python benchmarks/ablation.py imdb-small --data ../shared/data/imdb --output ablation.json \
        [--seeds 13 14 15] [--jobs 2] [--variants whole "no nbsvm"] [--set training.epochs=1]

Every run is `sentiment train` in a process of its own with one thread, so many of them beside one
another; the figure is validation accuracy of the weights it kept. A difference is paired by seed.
Runs already in the output are not made again; the models are thrown away.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t
from side_by_side import machine

WHOLE = "whole"
# What stands in the table: the settings that take the element out, or put another in its place.
VARIANTS: dict[str, tuple[str, ...]] = {
    WHOLE: (),
    "no nbsvm among the teachers": ("training.teacher=general",),
    "no general among the teachers": ("training.teacher=nbsvm",),
    "no teacher on the labelled texts": ("training.teacher_share=0",),
    "no unlabelled texts": ("training.unlabelled_texts=0",),
    "labels alone": ("training.teacher=null", "training.unlabelled_texts=0"),
    "from nothing": ("encoder.init=null",),
    "no weight average": ("training.ema_momentum=0",),
    "no dropout": ("encoder.dropout=0", "encoder.embedding_dropout=0", "classifier.dropout=0"),
    "beginnings alone": ("text.head_tokens=400",),
    "max_last instead of last": ("encoder.pooling=max_last",),
    "adversarial": ("training.perturbation.adversarial=1",),
}


def main() -> None:
    """Train what is missing, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config")
    parser.add_argument("--data", required=True)
    parser.add_argument("--output", type=Path, required=True, help="JSON, added to")
    parser.add_argument("--seeds", type=int, nargs="+", default=[13, 14, 15])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--set", dest="settings", action="append", default=[])
    options = parser.parse_args()
    record: dict[str, Any] = {"config": options.config, "settings": options.settings, "runs": []}
    if options.output.exists():
        record = json.loads(options.output.read_text())
    record["machine"] = machine()
    done = {(run["variant"], run["seed"]) for run in record["runs"]}
    wanted = [(v, s) for s in options.seeds for v in options.variants if (v, s) not in done]

    def train(run: tuple[str, int]) -> dict[str, Any]:
        variant, seed = run
        settings = [f"data.source={options.data}", f"training.seed={seed}"]
        settings += [*options.settings, *VARIANTS[variant]]
        return {"variant": variant, "seed": seed, **trained(options.config, settings)}

    with ThreadPoolExecutor(options.jobs) as pool:
        for run in pool.map(train, wanted):
            record["runs"].append(run)
            options.output.write_text(json.dumps(record, indent=1) + "\n")
            print(run, flush=True)
    print(table(record["runs"]))


def trained(config: str, settings: Sequence[str]) -> dict[str, Any]:
    """Train in a process of one thread; return what is kept: accuracy, 0–1, and the seconds."""
    one = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model"
        command = [sys.executable, "-m", "sentiment", "train", config, "--output", str(model)]
        command += [part for setting in settings for part in ("--set", setting)]
        ended = subprocess.run(
            command, env={**os.environ, **one}, stderr=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode:
            raise SystemExit(f"{' '.join(command)}\n{ended.stderr}")
        with (model / "history.csv").open(newline="") as file:
            epochs = list(csv.DictReader(file))
        info = json.loads((model / "model.json").read_text())
    return {
        "accuracy": info["metrics"]["validation"]["accuracy"],
        "by_epoch": [float(epoch["validation_accuracy"]) for epoch in epochs],
        "seconds": round(sum(float(epoch["seconds"]) for epoch in epochs)),
    }


def table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Return means in %, and differences from the whole recipe with 95 % intervals."""
    found: dict[str, dict[int, float]] = {}
    for run in runs:
        found.setdefault(run["variant"], {})[run["seed"]] = 100 * run["accuracy"]
    lines = [
        "| | accuracy, % | difference from the whole (95 % interval, paired by seed) |",
        "|---|---|---|",
    ]
    for variant, by_seed in found.items():
        shown = ", ".join(f"{by_seed[seed]:.1f}" for seed in sorted(by_seed))
        both = sorted(by_seed.keys() & found.get(WHOLE, {}).keys())
        change = "–"
        if variant != WHOLE and both:
            change = difference([by_seed[seed] - found[WHOLE][seed] for seed in both])
        lines.append(f"| {variant} | {np.mean([*by_seed.values()]):.1f} ({shown}) | {change} |")
    return "\n".join(lines)


def difference(values: Sequence[float]) -> str:
    """Return the mean of paired differences and its interval by Student's t, in points."""
    mean, degrees = float(np.mean(values)), len(values) - 1
    if not degrees:
        return f"{mean:+.1f}"
    half = t.ppf(0.975, degrees) * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return f"{mean:+.1f} ({mean - half:+.1f} to {mean + half:+.1f})"


if __name__ == "__main__":
    main()
