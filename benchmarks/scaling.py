"""Measure how the cost of prediction grows: text length, width, batch, threads, rows.

    python benchmarks/scaling.py [--rounds 3] [--rows 1000000] [--json FILE] [--plot-folder FOLDER]

Quick: `--rounds 1 --rows 10000`. All but rows is the network alone on random token ids (see
`same_network.py`), as `SentimentModel.run` runs it; each point of each round has a process of its
own, for its peak memory (Linux counts it; elsewhere it is left out), which holds about 90 MB of
libraries. Rows are short bundled reviews, file to file by `sentiment predict` with the bundled int8
model, once each (see `memory.py`).
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import memory
import numpy as np
from side_by_side import write_figures

from sentiment.runtime.workers import usable_cores

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LENGTHS = (8, 16, 32, 64, 128, 256, 512)
UNITS = (32, 64, 128, 256, 512)
BUDGETS = (256, 1_024, 4_096, 16_384, 65_536)
ROWS = (1_000, 10_000, 100_000, 1_000_000)
KINDS = {"fp32": ("#0b6b6b", "o"), "int8": ("#b0432f", "s")}
# Enough for some tenths of a second; more of what is fast.
FLOP = 6e10
MOST_TOKENS = 2**18

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Point:
    """One measurement of the network alone.

    Attributes:
        panel: what varies: `length`, `units`, `budget` or `threads`.
        kind: `fp32` or `int8`.
        length: tokens a text.
        units: of the first LSTM; the second has half as many.
        budget: tokens a batch; None for what the product does.
        threads: None for one a core.
    """

    panel: str
    kind: str
    length: int = 256
    units: int = 128
    budget: int | None = None
    threads: int | None = None

    @property
    def value(self) -> int:
        """What it is at, of what varies."""
        return int(getattr(self, self.panel))


def main() -> None:
    """Print a line a point; write everything as JSON, and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=max(ROWS), help="the longest file")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--plot-folder", type=Path, help="draw scaling.svg in this folder")
    options = parser.parse_args()
    network = measure_network(options.rounds)
    for each in network:
        held = f"{each['peak_megabytes']:>7.0f} MB" if each["peak_megabytes"] else ""
        print(
            f"{each['kind']} {each['panel']:<8}{each[each['panel']]:>7,}"
            f"{each['tokens_per_second']:>11,.0f} tokens/s"
            f"{each['texts_per_second']:>9,.0f} texts/s{held}"
        )
    files = []
    for rows in (rows for rows in ROWS if rows <= options.rows):
        files.append(each := memory.measure(rows))
        print(f"{rows:>10,} rows{each['seconds']:>8.1f} s{each['peak_megabytes']:>7.0f} MB")
    figures = {
        "command": shlex.join(sys.argv),
        "rounds": options.rounds,
        "network": network,
        "files": files,
        "words_a_row": memory.WORDS,
    }
    write_figures(options.json, figures)
    if options.plot_folder:
        options.plot_folder.mkdir(parents=True, exist_ok=True)
        draw(network, files, options.plot_folder / "scaling.svg")


def measure_network(rounds: int) -> list[dict[str, Any]]:
    """Measure every point once a round; return medians, and the highest peaks."""
    with tempfile.TemporaryDirectory() as folder:
        for units in UNITS:
            apart(write, Path(folder), units)
        measured = [
            {point: apart(measure, point, Path(folder)) for point in points()}
            for _ in range(rounds)
        ]
    results = []
    for point in points():
        speeds = [each[point][0] for each in measured]
        peaks = [each[point][1] for each in measured]
        speed = float(np.median(speeds))
        results.append(
            {
                **asdict(point),
                "tokens_per_second": speed,
                "texts_per_second": speed / point.length,
                "rounds_tokens_per_second": speeds,
                "peak_megabytes": max(peaks) or None,
            }
        )
    return results


def points() -> list[Point]:
    """Return what to measure, float32 beside int8."""
    cores = usable_cores()
    threads = sorted({1, cores} | {2**power for power in range(1, 8) if 2**power < cores})
    some = [
        *(Point("length", "fp32", length=length) for length in LENGTHS),
        *(Point("units", "fp32", units=units) for units in UNITS),
        *(Point("budget", "fp32", budget=budget) for budget in BUDGETS),
        *(Point("threads", "fp32", threads=count) for count in threads),
    ]
    return [replace(point, kind=kind) for point in some for kind in KINDS]


def apart(function: Callable[..., _Answer], *arguments: object) -> _Answer:
    """Return a function's answer, worked out by a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def write(folder: Path, units: int) -> None:
    """Write the networks of one width; this is for a process of its own."""
    import same_network

    widths = (units, units // 2)
    same_network.write_networks(folder / str(units), same_network.random_weights(widths), widths)


def measure(point: Point, folder: Path) -> tuple[float, float]:
    """Return tokens/s and the peak in megabytes, or 0; this is for a process of its own."""
    import same_network

    from sentiment.runtime import predictor

    widths = (point.units, point.units // 2)
    model = same_network.open_ours(
        folder / str(point.units), point.kind, widths, threads=point.threads
    )
    if point.budget:
        predictor.TOKENS_PER_BATCH = point.budget
        predictor.TEXTS_PER_BATCH = point.budget  # else it would be the limit
    tokens = min(MOST_TOKENS, round(FLOP / same_network.flop_a_token(widths)))
    # Every thread has two batches to do, however large they are.
    tokens = max(tokens, 2 * (point.budget or 0) * (point.threads or usable_cores()))
    encoded = same_network.random_texts(max(1, tokens // point.length), point.length)
    model.run(same_network.random_texts(8, point.length), layers=False)
    started = time.perf_counter()
    model.run(encoded, layers=False)
    seconds = time.perf_counter() - started
    return len(encoded.token_ids) / seconds, peak_megabytes()


def peak_megabytes() -> float:
    """Return the most memory that this process held, or 0 where Linux does not say.

    Not what `getrusage` says, which begins with the parent's peak.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    peak = next((line.split()[1] for line in lines if line.startswith("VmHWM")), "0")
    return int(peak) * 1024 / 1e6


def draw(network: list[dict[str, Any]], files: list[dict[str, Any]], path: Path) -> None:
    """Draw nine small panels."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"svg.hashsalt": "scaling", "font.size": 9})
    figure, axes = plt.subplots(3, 3, figsize=(9.6, 8), layout="constrained")
    lengths, units, budgets = "tokens a text", "units of the first LSTM", "tokens a batch"
    panels = [
        ("length", "tokens_per_second", lengths, "tokens/s"),
        ("length", "texts_per_second", lengths, "texts/s"),
        ("length", "peak_megabytes", lengths, "peak memory, MB"),
        ("units", "tokens_per_second", units, "tokens/s"),
        ("budget", "tokens_per_second", budgets, "tokens/s"),
        ("threads", "tokens_per_second", "threads", "tokens/s"),
        ("units", "peak_megabytes", units, "peak memory, MB"),
    ]
    for (panel, figure_name, across, up), each in zip(panels, axes.flat, strict=False):
        for kind, (color, marker) in KINDS.items():
            some = [p for p in network if p["panel"] == panel and p["kind"] == kind]
            xs, ys = [p[panel] for p in some], [p[figure_name] or np.nan for p in some]
            each.plot(xs, ys, color=color, marker=marker, markersize=4, label=kind)
        finish(each, across, up, ticks=sorted({p[panel] for p in network if p["panel"] == panel}))
    axes[0, 0].legend(frameon=False)
    rows = [each["rows"] for each in files]
    color, marker = KINDS["int8"]
    speeds = [each["rows"] / each["seconds"] for each in files]
    peaks = [each["peak_megabytes"] for each in files]
    for each, ys, up in (
        (axes[2, 1], speeds, "rows/s, loading included"),
        (axes[2, 2], peaks, "peak memory, MB"),
    ):
        each.plot(rows, ys, color=color, marker=marker, markersize=4)
        finish(each, "rows, file to file (int8)", up)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def finish(axes: Axes, across: str, up: str, *, ticks: list[int] | None = None) -> None:
    """Label the axes, logarithmic where speeds or rows are, memory from zero."""
    from matplotlib.ticker import EngFormatter, NullFormatter, NullLocator

    axes.set_xscale("log")
    if ticks:
        axes.set_xticks(
            ticks, [str(tick) if tick < 1024 else f"{tick // 1024}Ki" for tick in ticks]
        )
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    if "memory" in up:
        axes.set_ylim(bottom=0, top=1.15 * axes.dataLim.y1)
    else:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))
        axes.yaxis.set_minor_formatter(NullFormatter())
        low, high = axes.dataLim.y0, axes.dataLim.y1
        axes.set_ylim(low / 1.6, high * 1.6)
        choices = [base * 10**power for power in range(1, 8) for base in (1, 2, 5)]
        axes.set_yticks([tick for tick in choices if low / 1.6 <= tick <= high * 1.6])
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main()
