"""The short form of a report as Markdown: for a README, a pull request, a note to oneself."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sentiment.evaluation import wording

MAX_WORSE = 10
# The last line, which no reader of the Markdown sees: who may replace the file.
MARK = "<!-- written by sentiment report -->"


def evaluation_markdown(context: Mapping[str, Any]) -> str:
    """Return one evaluation's figures; `context` is the page's."""
    metrics, data = context["metrics"], context["data"]
    blocks = [
        f"# {plain(metrics['model']['name'])} on {plain(data['split'])}",
        f"**{context['verdict']['headline']}.** " + " ".join(context["verdict"]["sentences"]),
        _figures(context),
        _classes(metrics),
        "\n".join(_lines(context)),
        *[f"Note: {plain(note)}" for note in metrics["notes"]],
        f"Made on {metrics['date']} by `{_code(metrics['command'])}`; data "
        f"{plain(data['source'])}, fingerprint `{data['fingerprint'][:16]}`, "
        f"seed {metrics['seed']}.",
    ]
    return _tidy(blocks)


def comparison_markdown(context: Mapping[str, Any]) -> str:
    """Return a comparison's figures; `context` is the page's."""
    names = [plain(name) for name in context["names"]]
    rows = [
        [row["title"], *[f"{cell['value']} {cell['change']}".strip() for cell in row["cells"]]]
        for row in context["rows"]
    ]
    blocks = [f"# {plain(context['title'])}", _table(["", *names], rows)]
    if not all(context["same_rows"]):
        blocks.append("The models were evaluated on different rows: differences may be the data's.")
    for pair in context["paired"]:
        blocks.append(
            f"{plain(pair['name'])} against {names[0]}: accuracy "
            f"{wording.points(pair['difference']['value'])} points "
            f"({wording.points_interval(pair['difference'])}), macro-F1 "
            f"{wording.points(pair['macro_f1_difference']['value'])} "
            f"({wording.points_interval(pair['macro_f1_difference'])}), McNemar "
            f"{wording.p_value(pair['p_value'])}, n = {wording.count(pair['n'])}; alone right on "
            f"{wording.count(pair['only_model_right'])} rows, {names[0]} on "
            f"{wording.count(pair['only_baseline_right'])}."
        )
    return _tidy(blocks)


def is_ours(path: Path) -> bool:
    """Return whether a file was written here, so that a newer report may replace it."""
    try:
        return path.read_text(encoding="utf-8").rstrip().endswith(MARK)
    except (OSError, ValueError):
        return False


def plain(words: object) -> str:
    """Return words that Markdown and HTML leave alone, on one line."""
    line = re.sub(r"\s+", " ", str(words)).strip()
    line = line.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]|#])", r"\\\1", line)


def _figures(context: Mapping[str, Any]) -> str:
    metrics = context["metrics"]
    rows = [["this model", *_cells(metrics), ""]]
    for name, baseline in metrics["baselines"].items():
        compared = baseline["comparison"]
        ahead = (
            f"{wording.points(compared['difference']['value'])} points "
            f"({wording.points_interval(compared['difference'])}), "
            f"{wording.p_value(compared['p_value'])}"
        )
        rows.append([context["baseline_titles"].get(name, name), *_cells(baseline), ahead])
    header = ["", "accuracy", "95 %", "macro-F1", "95 %", "model ahead by (McNemar)"]
    return _table(header, rows)


def _cells(source: Mapping[str, Any]) -> list[str]:
    cells = []
    for key in ("accuracy", "macro_f1"):
        cells += [wording.percent(source[key]["value"]), wording.percent_interval(source[key])]
    return cells


def _classes(metrics: Mapping[str, Any]) -> str:
    rows = [
        [
            plain(name),
            *[wording.percent(figures[key]["value"]) for key in ("precision", "recall", "f1")],
            wording.count(figures["support"]),
        ]
        for name, figures in metrics["per_class"].items()
    ]
    return _table(["class", "precision", "recall", "F1", "n"], rows)


def _lines(context: Mapping[str, Any]) -> list[str]:
    metrics, before = context["metrics"], context["before"]
    error = metrics["calibration"]["expected_calibration_error"]
    line = f"- expected calibration error {wording.percent(error['value'])}"
    if before:
        earlier = before["expected_calibration_error"]["value"]
        line += f", before its temperature {wording.percent(earlier)}"
    lines = [line]
    worse = context["slices"]["worse"]
    for piece in worse[:MAX_WORSE]:
        lines.append(
            f"- significantly worse: {plain(piece['family'])}, {plain(piece['name'])}: "
            f"{wording.percent(piece['accuracy']['value'])} of {wording.count(piece['n'])} rows"
        )
    if not worse:
        lines.append("- on no slice significantly worse than on the other rows")
    if context["noise"]:
        found = context["noise"]["found"]
        lines.append(
            f"- labels that look wrong: {wording.percent(found['value'])} "
            f"({wording.percent_interval(found)})"
        )
    for suite in context["suites"]:
        total = suite["total"]
        lines.append(
            f"- behaviour suite {plain(suite['name'])}: {wording.count(total['failures'])} of "
            f"{wording.count(total['tested'])} cases failed"
        )
    return lines


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    rule = ["---" if not place else "---:" for place in range(len(header))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def _code(words: str) -> str:
    return words.replace("`", "'").replace("\n", " ")


def _tidy(blocks: Sequence[str]) -> str:
    text = "\n\n".join(block for block in [*blocks, MARK] if block) + "\n"
    return text.replace(wording.NARROW, " ").replace(wording.WIDE, " ")
