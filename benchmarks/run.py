"""Run the benchmarks one after the other and write `docs/benchmarks.md` from their figures.

    python benchmarks/run.py [--full] [--imdb FOLDER]     quick: some minutes; full: half an hour

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
MODELS = ["runs/imdb-fast", "runs/imdb-small", "runs/imdb"]


def main() -> None:
    """Run what is asked for, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also what takes half an hour")
    parser.add_argument("--imdb", default="stanfordnlp/imdb", help="as `data.source` takes it")
    parser.add_argument("--only", nargs="+", default=[], help="these scripts alone")
    parser.add_argument("--page", action="store_true", help="only write the page")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    commands = full(options.imdb) if options.full else quick(options.imdb)
    failed = []
    for name, arguments in commands.items():
        if options.page or (options.only and name not in options.only):
            continue
        command = [sys.executable, str(HERE / f"{name}.py"), *arguments]
        print(f"\n$ {shlex.join(['python', f'benchmarks/{name}.py', *arguments])}", flush=True)
        started = time.perf_counter()
        if subprocess.run([*command, "--json", str(FOLDER / f"{name}.json")]).returncode:
            failed.append(name)
        print(f"({time.perf_counter() - started:.0f} s)", flush=True)
    figures: dict[str, dict[str, Any]] = {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")
    }
    PAGE.write_text(page(figures), encoding="utf-8")
    print(f"\n{PAGE.relative_to(HERE.parent)} is written")
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def quick(imdb: str) -> dict[str, list[str]]:
    """Return the arguments of the scripts that take minutes."""
    return {
        "start_up": [],
        "prediction_speed": [],
        "file_to_file": ["general", "--rows", "200000"],
        "memory": ["--rows", "100000", "300000"],
        "training_speed": ["--texts", imdb],
    }


def full(imdb: str) -> dict[str, list[str]]:
    """Return the arguments of every script."""
    return {
        **quick(imdb),
        "memory": ["--rows", "100000", "1000000"],
        "training_speed": ["--texts", imdb, "--compiled"],
        "time_to_accuracy": ["--texts", imdb],
        "classifiers": ["--texts", imdb, "--models", *MODELS],
        "scaling": ["--plot-folder", str(FOLDER)],
    }


if __name__ == "__main__":
    main()
