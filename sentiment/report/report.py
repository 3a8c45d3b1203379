"""Saved evaluations as one HTML file that needs nothing else: no network, no script, no model.

write_report([Path("runs/imdb")])                    → runs/imdb/eval/test/report.html
write_report([Path("runs/imdb"), Path("runs/sst2")]) → comparison.html
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.durable import output_errors, write_file
from sentiment.errors import DataError
from sentiment.evaluation import wording
from sentiment.evaluation.baselines import TITLES
from sentiment.evaluation.packages import need_packages
from sentiment.report import plots
from sentiment.report.axis import bar, find_axis, ladder
from sentiment.report.comparison import compare_evaluations
from sentiment.report.saved import (
    NUM_ERRORS,
    SavedEvaluation,
    confident_errors,
    load_evaluation,
)
from sentiment.runtime.inspection import Probe, format_probe, format_shape

if TYPE_CHECKING:
    import jinja2

REPORT_NAME = "report.html"
COMPARISON_NAME = "comparison.html"
MAX_TEXT = 700  # characters shown of a text
MAX_SLICES = 150
# Control characters, and the marks that make a page's text run backwards.
_UNSEEN = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}


def write_report(
    model_folders: Sequence[Path], *, split: str | None = None, output: Path | None = None
) -> Path:
    """Write the report and return its path.

    Args:
        model_folders: one model for a full report, several for a comparison.
        split: which evaluated split; None means the newest.
        output: the file to write; None means `report.html` beside the metrics of one model, or
            `comparison.html` here for several.

    Raises:
        ModelFolderError: a model is missing or has not been evaluated.
        DataError: a saved file is damaged.
        OutputError: the report cannot be written.
        MissingPackageError: a package of the full install is missing.
    """
    evaluations = _load(model_folders, split)
    page = _render(evaluations)
    if output is None:
        alone = len(evaluations) == 1
        output = evaluations[0].folder / REPORT_NAME if alone else Path(COMPARISON_NAME)
    with output_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
    write_file(output, page)
    return output


def render_report(model_folders: Sequence[Path], *, split: str | None = None) -> str:
    """Return the report as HTML.

    Raises:
        ModelFolderError: a model is missing or has not been evaluated.
        DataError: a saved file is damaged.
    """
    return _render(_load(model_folders, split))


def _load(model_folders: Sequence[Path], split: str | None) -> list[SavedEvaluation]:
    need_packages("jinja2", "matplotlib", "pyarrow", "scipy", purpose="a report")
    return [load_evaluation(folder, split) for folder in model_folders]


def _render(evaluations: Sequence[SavedEvaluation]) -> str:
    import jinja2

    environment = _environment()
    try:
        if len(evaluations) == 1:
            page = environment.get_template("evaluation.html")
            return page.render(**_evaluation_context(evaluations[0]))
        page = environment.get_template("comparison.html")
        return page.render(**compare_evaluations(evaluations))
    except (KeyError, TypeError, IndexError, jinja2.UndefinedError) as error:
        places = ", ".join(str(evaluation.folder) for evaluation in evaluations)
        raise DataError(
            f"a saved evaluation in {places} is not whole ({type(error).__name__}: {error})",
            expected="the metrics that this version of sentiment eval writes",
            run="sentiment eval MODEL again",
        ) from None


def _evaluation_context(evaluation: SavedEvaluation) -> dict[str, Any]:
    metrics = evaluation.metrics
    rivals = metrics["baselines"]
    errors, num_errors = confident_errors(evaluation)
    return {
        "title": f"{metrics['model']['name']} on {metrics['data']['split']}",
        "metrics": metrics,
        "model": metrics["model"],
        "data": metrics["data"],
        "when": _day(metrics["date"]),
        "verdict": wording.verdict(metrics),
        "ladder": ladder(
            [("this model", metrics["accuracy"])]
            + [(TITLES.get(name, name), rival["accuracy"]) for name, rival in rivals.items()]
        ),
        "baseline_titles": TITLES,
        "layers": metrics["layers"] or metrics["model"].get("layers", []),
        "probe": _probe_line(metrics.get("probe")),
        "figures": _figures(evaluation),
        "slices": _slices(metrics["slices"]),
        "errors": [{**entry, "text": _visible(entry["text"])} for entry in errors],
        "num_errors": num_errors,
        "most_errors": NUM_ERRORS,
        "history": evaluation.history,
        "is_stale": evaluation.is_stale,
    }


def _figures(evaluation: SavedEvaluation) -> dict[str, Any]:
    """Return every figure as trusted SVG; matplotlib has escaped the class names in it."""
    from markupsafe import Markup

    metrics, history = evaluation.metrics, evaluation.history
    losses = ("train_loss", "validation_loss")
    scores = ("train_accuracy", "validation_accuracy", "validation_macro_f1")
    drawn = {
        "roc": plots.roc_plot(metrics["roc"], "roc"),
        "precision_recall": plots.precision_recall_plot(metrics["precision_recall"], "pr"),
        "calibration": plots.calibration_plot(
            metrics["calibration"], len(metrics["model"]["classes"]), "calibration"
        ),
        "loss": plots.history_plot(history, losses, "loss", "loss"),
        "accuracy": plots.history_plot(history, scores, "accuracy", "accuracy"),
    }
    return {name: Markup(svg) for name, svg in drawn.items() if svg is not None}  # noqa: S704


def _slices(slices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the slices by family, with their bars; the worst of very many."""
    shown = list(slices)
    if len(shown) > MAX_SLICES:
        shown = sorted(shown, key=lambda piece: float(piece["accuracy"]["value"]))[:MAX_SLICES]
    low, high, _ = find_axis([piece["accuracy"] for piece in shown]) if shown else (0.0, 1.0, [])
    families: dict[str, list[dict[str, Any]]] = {}
    for piece in shown:
        entry = {**piece, **bar(piece["accuracy"], low, high)}
        families.setdefault(piece["family"], []).append(entry)
    return {
        "families": families,
        "low": low,
        "high": high,
        "hidden": len(slices) - len(shown),
        "worse": [piece for piece in shown if piece["significantly_worse"]],
    }


def _probe_line(probe: dict[str, Any] | None) -> str | None:
    if not probe:
        return None
    strongest = tuple((entry["unit"], entry["mean"]) for entry in probe["strongest"])
    return format_probe(Probe(**{**probe, "strongest": strongest}))


def _visible(text: str) -> str:
    """Return a text cut to size, its control characters made visible."""
    shown = text if len(text) <= MAX_TEXT else text[:MAX_TEXT].rstrip() + " …"
    return shown.translate(_UNSEEN)


def _day(date: str) -> str:
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": wording.percent,
        "percent_interval": wording.percent_interval,
        "number": wording.number,
        "number_interval": wording.number_interval,
        "points": wording.points,
        "points_interval": wording.points_interval,
        "p_value": wording.p_value,
        "count": wording.count,
        "shape": format_shape,
        "standing": wording.standing,
        "day": _day,
    }
    return environment
