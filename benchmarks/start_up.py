"""Measure whole processes: what a start of `sentiment` costs beside the imports it cannot avoid.

    python benchmarks/start_up.py [--rounds 11] [--json FILE]

Wall time runs from the fork to the exit; peak memory is the child's as the kernel counts it, which
is never less than what this small parent holds. TensorFlow's import, once, is for context.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from side_by_side import interleaved, ratio, spread, write_figures

SENTIMENT = str(Path(sys.executable).parent / "sentiment")
IMPORTS, TYPER = "imports", "import typer"
PREDICT, HELP = 'sentiment predict "fine"', "sentiment --help"
COMMANDS = {
    IMPORTS: [sys.executable, "-c", "import numpy, onnxruntime, tokenizers, typer"],
    TYPER: [sys.executable, "-c", "import typer"],
    PREDICT: [SENTIMENT, "predict", "fine"],
    HELP: [SENTIMENT, "--help"],
}
CONTEXT = {"import tensorflow": [sys.executable, "-c", "import tensorflow"]}
MOST_PREDICT, MOST_HELP, MOST_MEGABYTES = 1.5, 2.0, 150


def main() -> None:
    """Print medians, peaks and ratios beside their targets; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    seconds, memory = measure(COMMANDS, rounds=options.rounds)
    context_seconds, context_memory = measure(CONTEXT, rounds=1, warm_up=False)
    for name, values in (seconds | context_seconds).items():
        peak = (memory | context_memory)[name]
        print(f"{name:<26}{np.median(values):>7.3f} s{peak:>6.0f} MB  ({len(values)} rounds)")
    predict, show_help = (
        ratio(seconds[PREDICT], seconds[IMPORTS]),
        ratio(seconds[HELP], seconds[TYPER]),
    )
    for name, figure, most in (
        ("predict / imports", predict, MOST_PREDICT),
        ("help / import typer", show_help, MOST_HELP),
    ):
        print(f"{name:<20}{spread(figure)}; target at most {most:g}")
    print(f"predict's memory {memory[PREDICT]:.0f} MB; target at most {MOST_MEGABYTES} MB")
    figures = {
        "command": shlex.join(sys.argv),
        "rounds": options.rounds,
        "seconds": seconds | context_seconds,
        "peak_megabytes": memory | context_memory,
        "predict_to_imports": predict,
        "help_to_import_typer": show_help,
        "targets": {
            "predict_to_imports": MOST_PREDICT,
            "help_to_import_typer": MOST_HELP,
            "predict_peak_megabytes": MOST_MEGABYTES,
        },
    }
    write_figures(options.json, figures)


def measure(
    commands: Mapping[str, Sequence[str]], *, rounds: int, warm_up: bool = True
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the wall seconds of each command's rounds, and its highest peak in megabytes."""
    peaks: dict[str, list[float]] = {name: [] for name in commands}

    def run(name: str) -> None:
        peaks[name].append(peak_megabytes(commands[name]))

    systems = {name: partial(run, name) for name in commands}
    seconds = interleaved(systems, rounds=rounds, warm_up=warm_up)
    return seconds, {name: max(values) for name, values in peaks.items()}


def peak_megabytes(command: Sequence[str]) -> float:
    """Run a command to its end and return the most memory it held, in megabytes (10⁶ bytes).

    Linux hands a parent's peak on to its child, so the caller's own must be the smaller one.

    Raises:
        SystemExit: the command failed.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit status {process.returncode}, expected 0; run: {' '.join(command)}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6


if __name__ == "__main__":
    main()
