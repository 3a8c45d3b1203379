"""Benchmark figures to `docs/benchmarks.md`: a table of what was wanted and what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from side_by_side import spread

TEMPLATE = Path(__file__).parent / "page.md"
Figures = Mapping[str, Any]


class Row(NamedTuple):
    """One line of the table: what, what was wanted, what came out, and whether that is enough."""

    what: str
    wanted: str
    measured: str
    met: bool


def page(figures: Mapping[str, Figures]) -> str:
    """Return the page, of whatever scripts have left figures."""
    rows = [row for name, of in ROWS.items() if name in figures for row in of(figures[name])]
    table = ["| what | wanted | measured | |", "|---|---|---|---|"]
    table += [
        f"| {row.what} | {row.wanted} | {row.measured} | {'met' if row.met else '**missed**'} |"
        for row in rows
    ]
    details = [
        f"| {name} | {system} | {value} |"
        for name, of in DETAILS.items()
        if name in figures
        for system, value in of(figures[name])
    ]
    where = [
        f"- `python {content['command']}`: {content['machine']['processor']}, "
        f"{content['machine']['cores']} cores, load {content['machine']['load']:.1f} at the end"
        for _, content in sorted(figures.items())
    ]
    versions = next(iter(figures.values()))["machine"]["versions"] if figures else {}
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.format(
        table="\n".join(table),
        details="\n".join(["| script | system | measured |", "|---|---|---|", *details]),
        where="\n".join(where),
        versions=", ".join(f"{name} {version}" for name, version in versions.items()),
    )


def _start_up(figures: Figures) -> Iterator[Row]:
    targets = figures["targets"]
    for name, what in (
        ("predict_to_imports", '`sentiment predict "fine"` / the imports it needs'),
        ("help_to_import_typer", "`sentiment --help` / `import typer`"),
    ):
        most = targets[name]
        yield Row(what, f"≤ {most:g}", spread(figures[name]), figures[name]["ratio"] <= most)
    peak = figures["peak_megabytes"]['sentiment predict "fine"']
    most = targets["predict_peak_megabytes"]
    yield Row("its peak memory", f"≤ {most} MB", f"{peak:.0f} MB", peak <= most)


def _ratios(kind: str, figures: Figures) -> Iterator[Row]:
    for each in figures["ratios"]:
        if each["target"]:
            what = f"{kind}: {each['system']} / {each['to']}"
            met = each["ratio"] >= each["target"]
            yield Row(what, f"≥ {each['target']:g}", spread(each), met)


def _prediction(figures: Figures) -> Iterator[Row]:
    yield from _ratios("prediction", figures)


def _training(figures: Figures) -> Iterator[Row]:
    yield from _ratios("training epoch", figures)


def _file_to_file(figures: Figures) -> Iterator[Row]:
    share, p50 = figures["ratio"], figures["latency_milliseconds"]["p50"]
    yield Row("file to file / engine alone, int8", "≥ 75 %", f"{share:.0%}", share >= 0.75)
    yield Row("one text of 20 tokens, warm, p50", "< 0.5 ms", f"{p50:.2f} ms", p50 < 0.5)


def _memory(figures: Figures) -> Iterator[Row]:
    points = figures["points"]
    most = max(point["peak_megabytes"] for point in points)
    wanted = figures["target_megabytes"]
    shown = ", ".join(f"{point['peak_megabytes']:.0f} MB" for point in points)
    counts = ", ".join(f"{point['rows']:,}" for point in points)
    yield Row(f"memory for {counts} texts", f"< {wanted} MB", shown, most < wanted)
    growth = figures["last_to_first"]
    yield Row("the last / the first", "flat", f"{growth:.2f}", growth <= 1.05)


def _time_to_accuracy(figures: Figures) -> Iterator[Row]:
    ratio = figures["ratio"]
    words = f"{'at least ' if figures['at_least'] else ''}{ratio:.1f}" if ratio else "not reached"
    what = f"time to {figures['accuracy']:.0%} on IMDb by film: stock Keras recipe / `default`"
    yield Row(what, "> 3", words, bool(ratio and ratio > 3))


def _classifiers(figures: Figures) -> Iterator[Row]:
    accuracy, tfidf = figures["accuracy"], "TF-IDF + logistic regression"
    for system, found in figures["speed_to_tfidf"].items():
        if system.endswith("int8"):
            better = accuracy[system]["value"] >= accuracy[tfidf]["value"]
            what = f"IMDb reviews/s, file to file: {system} / {tfidf}"
            yield Row(what, "> 1, as accurate", spread(found), found["ratio"] > 1 and better)


ROWS = {
    "start_up": _start_up,
    "prediction_speed": _prediction,
    "file_to_file": _file_to_file,
    "memory": _memory,
    "training_speed": _training,
    "time_to_accuracy": _time_to_accuracy,
    "classifiers": _classifiers,
}


def _speeds(figures: Figures) -> Iterator[tuple[str, str]]:
    for system, speed in figures["tokens_per_second"].items():
        yield system, f"{speed:,.0f} tokens/s"


def _processes(figures: Figures) -> Iterator[tuple[str, str]]:
    for command, seconds in figures["seconds"].items():
        yield (
            f"`{command}`",
            f"{median(seconds):.3f} s, {figures['peak_megabytes'][command]:.0f} MB",
        )


def _stages(figures: Figures) -> Iterator[tuple[str, str]]:
    for stage, seconds in figures["seconds"].items():
        yield stage, f"{figures['texts'] / median(seconds):,.0f} texts/s"


def _accuracies(figures: Figures) -> Iterator[tuple[str, str]]:
    for system, accuracy in figures["accuracy"].items():
        speed = figures["texts_per_second"][system]
        interval = f"{accuracy['low']:.1%}–{accuracy['high']:.1%}"
        seconds = figures["training_seconds"].get(system)
        training = f", {seconds:.0f} s to train" if seconds else ""
        shown = f"{accuracy['value']:.1%} ({interval}), {speed:,.0f} reviews/s{training}"
        yield system, shown


def _epochs(figures: Figures) -> Iterator[tuple[str, str]]:
    for system in ("stock Keras", "default"):
        epochs = figures[system]["epochs"]
        yield (
            system,
            " · ".join(f"{epoch['accuracy']:.1%} at {epoch['seconds']:.0f} s" for epoch in epochs),
        )


DETAILS = {
    "start_up": _processes,
    "prediction_speed": _speeds,
    "file_to_file": _stages,
    "training_speed": _speeds,
    "time_to_accuracy": _epochs,
    "classifiers": _accuracies,
}
