"""What the page of one evaluation shows, section by section."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sentiment.evaluation import wording
from sentiment.evaluation.baselines import TITLES
from sentiment.report import plots, state_plots
from sentiment.report.axis import ladder
from sentiment.report.column_slices import add_column_slices
from sentiment.report.extras import Extras, load_extras
from sentiment.report.faithfulness_view import faithfulness_figures, faithfulness_rows
from sentiment.report.parts import (
    check_summary,
    explorer_tables,
    noise_pairs,
    slice_families,
    suite_summary,
)
from sentiment.report.picture import model_picture
from sentiment.report.saved import (
    NUM_ERRORS,
    SavedEvaluation,
    confident_errors,
    read_texts,
)
from sentiment.report.state_view import state_context, state_figures
from sentiment.report.visible import visible
from sentiment.report.word_traces import pieces, spark
from sentiment.runtime.inspection import Probe, format_probe

SECTIONS = (
    ("verdict", "Verdict"),
    ("model", "Model"),
    ("confusion", "Classes"),
    ("ranking", "ROC and PR"),
    ("calibration", "Calibration"),
    ("thresholds", "Thresholds"),
    ("training", "Training"),
    ("slices", "Slices"),
    ("errors", "Errors"),
    ("suspects", "Label suspects"),
    ("states", "Hidden state"),
    ("faithfulness", "Faithfulness"),
    ("data", "Data check"),
    ("behaviour", "Behaviour"),
    ("origin", "Origin"),
)


@dataclass(frozen=True)
class Choices:
    """What a reader may choose.

    Attributes:
        slice_columns: metadata columns to make slices of, beside those that were saved.
        num_errors: how many of the most confident errors are shown.
    """

    slice_columns: Sequence[str] = ()
    num_errors: int = NUM_ERRORS


def evaluation_context(evaluation: SavedEvaluation, choices: Choices) -> dict[str, Any]:
    """Return the variables of the page.

    Args:
        evaluation: the saved one.
        choices: the reader's.

    Raises:
        DataError: a saved file is damaged, or has no such column.
    """
    metrics, extras = evaluation.metrics, load_extras(evaluation)
    classes = metrics["model"]["classes"]
    slices = add_column_slices(evaluation, choices.slice_columns)
    explorer = explorer_tables(metrics.get("thresholds"))
    left_out = {"faithfulness"} if extras.faithfulness is None else set()
    left_out |= {"thresholds"} if explorer is None else set()
    return {
        "title": f"{metrics['model']['name']} on {metrics['data']['split']}",
        "sections": [section for section in SECTIONS if section[0] not in left_out],
        "metrics": metrics,
        "model": metrics["model"],
        "data": metrics["data"],
        "when": day(metrics["date"]),
        "baseline_titles": TITLES,
        "before": metrics.get("calibration_before"),
        "explorer": explorer,
        "cursor": state_plots.CURSOR,
        "figures": _figures(evaluation, extras, explorer),
        "slices": slice_families(slices),
        "history": evaluation.history,
        "is_stale": evaluation.is_stale,
        "extra_files": extras.names,
        "traced": bool(extras.traces),
        "faithfulness": extras.faithfulness,
        "faithful": faithfulness_rows(extras.faithfulness),
        "check": check_summary(extras.check),
        "suites": [suite_summary(suite, metrics) for suite in extras.suites],
        **_verdict(metrics),
        **_model(metrics),
        **_rows(evaluation, extras, choices.num_errors),
        **state_context(extras.states, extras.traces, classes),
    }


def _verdict(metrics: Mapping[str, Any]) -> dict[str, Any]:
    rivals = metrics["baselines"]
    entries = [("this model", metrics["accuracy"])]
    entries += [(TITLES.get(name, name), rival["accuracy"]) for name, rival in rivals.items()]
    return {"verdict": wording.verdict(dict(metrics)), "ladder": ladder(entries)}


def _model(metrics: Mapping[str, Any]) -> dict[str, Any]:
    from markupsafe import Markup

    model = metrics["model"]
    layers = metrics["layers"] or model.get("layers", [])
    encoder = model.get("encoder", {})
    picture = model_picture(
        layers,
        pooling=encoder.get("pooling", "last"),
        bidirectional=bool(encoder.get("bidirectional")),
    )
    return {
        "layers": layers,
        # Names and shapes in it are escaped.
        "picture": None if picture is None else Markup(picture),  # noqa: S704
        "probe": _probe_line(metrics.get("probe")),
    }


def _rows(evaluation: SavedEvaluation, extras: Extras, most: int) -> dict[str, Any]:
    """Return the rows that are shown with their texts: errors, and suspects of a wrong label."""
    errors, num_errors = confident_errors(evaluation, most)
    noise = evaluation.metrics.get("label_noise")
    suspects = list(noise["suspects"]) if noise else []
    texts = read_texts(evaluation, [entry["row"] for entry in suspects])
    return {
        "errors": [_traced(entry, extras.traces) for entry in errors],
        "num_errors": num_errors,
        "noise": None if noise is None else {**noise, "pairs": noise_pairs(noise)},
        "suspects": [
            _traced({**entry, "text": texts[entry["row"]]}, extras.traces) for entry in suspects
        ],
    }


def _traced(entry: Mapping[str, Any], traces: Mapping[str, Any]) -> dict[str, Any]:
    from markupsafe import Markup

    trace = traces.get(str(entry["row"]))
    own = pieces(entry["text"], trace) if trace and entry["text"].strip() else []
    return {
        **entry,
        "text": visible(entry["text"]),
        "pieces": own,
        "spark": Markup(spark(trace)) if own and trace else "",  # noqa: S704 - numbers alone
    }


def _figures(
    evaluation: SavedEvaluation, extras: Extras, explorer: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return every figure as trusted SVG; matplotlib has escaped the class names in it."""
    from markupsafe import Markup

    metrics, history = evaluation.metrics, evaluation.history
    losses = ("train_loss", "validation_loss")
    scores = ("train_accuracy", "validation_accuracy", "validation_macro_f1")
    drawn = {
        "roc": plots.roc_plot(metrics["roc"], "roc"),
        "precision_recall": plots.precision_recall_plot(metrics["precision_recall"], "pr"),
        "calibration": plots.calibration_plot(
            metrics["calibration"],
            len(metrics["model"]["classes"]),
            "calibration",
            before=metrics.get("calibration_before"),
        ),
        "loss": plots.history_plot(history, losses, "loss", "loss"),
        "accuracy": plots.history_plot(history, scores, "accuracy", "accuracy"),
        **state_figures(extras.states),
        **faithfulness_figures(extras.faithfulness),
    }
    if explorer is not None:
        drawn["abstaining"] = state_plots.abstaining_plot(explorer["counts"], "abstaining")
        for number, (name, counts) in enumerate(explorer["classes"].items()):
            own = f"threshold_{number}"
            drawn[own] = state_plots.threshold_plot(counts, f"threshold-{number}", name)
    return {name: Markup(svg) for name, svg in drawn.items() if svg is not None}  # noqa: S704


def _probe_line(probe: dict[str, Any] | None) -> str | None:
    if not probe:
        return None
    strongest = tuple((entry["unit"], entry["mean"]) for entry in probe["strongest"])
    return format_probe(Probe(**{**probe, "strongest": strongest}))


def day(date: str) -> str:
    """Return a date of ISO 8601 as a reader likes it; anything else as it is."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return date
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"
