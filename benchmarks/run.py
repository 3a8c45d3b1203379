"""Run the benchmarks one after the other and write `docs/benchmarks.md` from their figures.

    python benchmarks/run.py [--full] [--imdb FOLDER]     quick: six minutes; full: half an hour

Each script's figures go to `docs/benchmarks/NAME.json`; `--page` writes the page from what is
there.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from page import page

HERE = Path(__file__).parent
FOLDER = HERE.parent / "docs" / "benchmarks"
PAGE = HERE.parent / "docs" / "benchmarks.md"
# Configurations whose models are held against linear ones; trained first where runs/ has none.
CONFIGS = ["imdb-fast", "imdb-small", "imdb"]


def main() -> None:
    """Run what is asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also what takes half an hour")
    parser.add_argument("--imdb", default="stanfordnlp/imdb", help="as `data.source` takes it")
    parser.add_argument("--only", nargs="+", default=[], help="these scripts alone")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    every = full(options.imdb) if options.full else quick(options.imdb)
    wanted = set() if options.page else set(options.only or every)
    commands = {name: arguments for name, arguments in every.items() if name in wanted}
    if "classifiers" in commands:
        train_missing(options.imdb)
    failed = []
    for name, arguments in commands.items():
        # By relative paths: the figures name the command, and no folder of this machine.
        command = [f"benchmarks/{name}.py", *arguments]
        print(f"\n$ {shlex.join(['python', *command])}", flush=True)
        started = time.perf_counter()
        command += ["--json", f"docs/benchmarks/{name}.json"]
        if subprocess.run([sys.executable, *command], cwd=HERE.parent).returncode:
            failed.append(name)
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)
    figures: dict[str, dict[str, Any]] = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")
    }
    PAGE.write_text(page(figures), encoding="utf-8")
    print(f"\n{PAGE.relative_to(HERE.parent)} is written")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def train_missing(imdb: str) -> None:
    """Train the models that `classifiers` needs and that are not there yet.

    Raises:
        SystemExit: a training failed.
    """
    for name in CONFIGS:
        if not (HERE.parent / "runs" / name).exists():
            command = ["sentiment", "train", name, "--set", f"data.source={imdb}"]
            if subprocess.run([sys.executable, "-m", *command], cwd=HERE.parent).returncode:
                raise SystemExit(f"failed: {shlex.join(command)}")


def quick(imdb: str) -> dict[str, list[str]]:
    """Return the arguments of the scripts that take minutes."""
    return {
        "start_up": [],
        "prediction_speed": [],
        "file_to_file": ["general", "--rows", "1000000"],
        "memory": ["--rows", "100000", "300000"],
        "training_speed": ["--texts", imdb],
    }


def full(imdb: str) -> dict[str, list[str]]:
    """Return the arguments of every script."""
    return {
        **quick(imdb),
        # Keras at its defaults is twice as fast in one minute as in another.
        "prediction_speed": ["--rounds", "15"],
        "memory": ["--rows", "100000", "1000000"],
        "training_speed": ["--texts", imdb, "--compiled"],
        "time_to_accuracy": ["--texts", imdb],
        "classifiers": ["--texts", imdb, "--models", *(f"runs/{name}" for name in CONFIGS)],
        "scaling": ["--plot-folder", "docs/benchmarks"],
    }


if __name__ == "__main__":
    main()
