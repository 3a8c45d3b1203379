"""What every comparison here has in common: interleaved rounds, medians, ratios with spread.

The machine is shared and its speed wanders: a round runs every system once, one after the other,
and a ratio is the median of the ratios inside the rounds.
"""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.backend import versions
from sentiment.runtime.workers import usable_cores

PACKAGES = (
    "sentiment",
    "numpy",
    "onnxruntime",
    "tokenizers",
    "typer",
    "tensorflow",
    "keras",
    "torch",
    "scikit-learn",
    "fasttext",
    "spacy",
    "vaderSentiment",
)


def interleaved(
    systems: Mapping[str, Callable[[], object]], *, rounds: int, warm_up: bool = True
) -> dict[str, list[float]]:
    """Return each system's wall seconds, round by round.

    Args:
        systems: what to run, by name, in the order of a round.
        rounds: how often.
        warm_up: whether a round that is not counted comes first.
    """
    seconds: dict[str, list[float]] = {name: [] for name in systems}
    for number in range(-1 if warm_up else 0, rounds):
        for name, run in systems.items():
            started = time.perf_counter()
            run()
            if number >= 0:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def ratio(slower: list[float], faster: list[float]) -> dict[str, float]:
    """Return how many times `faster` is as fast as `slower`: median, least and most of the rounds.

    Args:
        slower: seconds of each round.
        faster: seconds of the same rounds, for the same work.
    """
    ratios = np.array(slower) / np.array(faster)
    return {
        "ratio": float(np.median(ratios)),
        "least": float(ratios.min()),
        "most": float(ratios.max()),
    }


def spread(figure: Mapping[str, float]) -> str:
    """Return what `ratio` found as words: the median, and the least and the most beside it."""
    return f"{figure['ratio']:.2f} ({figure['least']:.2f}–{figure['most']:.2f})"


def against_targets(
    seconds: Mapping[str, list[float]], targets: Sequence[tuple[str, str, float | None]]
) -> list[dict[str, Any]]:
    """Return, and print, how many times as fast the first of each pair is as the second.

    Args:
        seconds: what `interleaved` returned.
        targets: a system, what it is held against, and the least that is wanted, if anything; pairs
            with a system that was not run are left out.
    """
    found = [
        {"system": name, "to": other, **ratio(seconds[other], seconds[name]), "target": target}
        for name, other, target in targets
        if other in seconds
    ]
    for each in found:
        wanted = f"; target at least {each['target']:g}" if each["target"] else ""
        print(f"{each['system']} / {each['to']:<24}{spread(each)}{wanted}")
    return found


def machine() -> dict[str, Any]:
    """Return the processor, the usable cores, and the versions of what is compared."""
    return {
        "processor": _processor(),
        "cores": usable_cores(),
        "load": os.getloadavg()[0],
        "versions": versions(PACKAGES),
    }


def matrix_products(flop: float) -> Callable[[], None]:
    """Return what spends so many FLOP on float32 matrix products of about 2048³.

    As a system of `interleaved` it is the ceiling of whatever else has so many FLOP to do.
    """
    count = math.ceil(flop / (2 * 2048**3))
    size = round((flop / count / 2) ** (1 / 3))
    left, right = np.random.default_rng(0).standard_normal((2, size, size)).astype(np.float32)

    def run() -> None:
        for _ in range(count):
            left @ right

    return run


def write_figures(path: Path | None, figures: Mapping[str, Any]) -> None:
    """Write the figures of one script, with the machine's."""
    if path:
        content = {"machine": machine(), **figures}
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
