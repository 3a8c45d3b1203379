"""`sentiment eval`: measure a model on labelled rows beside baselines, or test its behaviour."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.cli.output import need_source, output_folder, print_json
from sentiment.durable import need_writable
from sentiment.errors import proposing
from sentiment.json_text import to_json

if TYPE_CHECKING:
    from sentiment.evaluation.classes import Meaning
    from sentiment.evaluation.rows import EvaluationRows
    from sentiment.runtime.predictor import SentimentModel

EXAMPLES = 3
# What errors about data propose, which know training only.
COMMANDS = {
    "sentiment train CONFIG --set data.source=": "sentiment eval MODEL --data ",
    "sentiment train CONFIG --set data.label_column=": "sentiment eval MODEL --label-column ",
    "the command with --set data.text_column=": "the command with --text-column ",
    "the command with --set data.label_column=": "the command with --label-column ",
}
# The split's name becomes a folder's.
SPLIT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def evaluate(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A model folder, or a bundled model's name.")
    ],
    data: Annotated[
        str | None,
        typer.Option(
            metavar="PATH|HUB_ID",
            help="Labelled texts: a file (all its rows), a folder or a hub id.",
            show_default="the data the model was trained on",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Which split of the data; of a file, which is read whole, what the results are "
            "called.",
            show_default="test",
        ),
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Where the texts are.", show_default="as in training: text")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Where the labels are.", show_default="as in training: label")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]…",
            help="What the labels of --data mean, in their order, for a model with other classes: "
            "negative,positive or bad=negative,good=positive. Every label must be named; classes "
            "of the model that are not are left out.",
            show_default="the model's classes",
        ),
    ] = None,
    behaviour: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|general",
            help="Test the model's behaviour on a suite of small texts instead.",
            show_default=False,
        ),
    ] = None,
    examples: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Failures shown of each capability, with --behaviour.",
            show_default=str(EXAMPLES),
        ),
    ] = None,
    faithfulness: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Also measure, on N of the rows, whether explanations name what answers rest on.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        output_folder(
            "MODEL/eval/SPLIT or MODEL/eval/behaviour-SUITE; runs/NAME/eval/… for a bundled model"
        ),
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Train and compare the baselines.")
    ] = True,
    states: Annotated[
        bool,
        typer.Option("--states/--no-states", help="Study the hidden states of a sample of rows."),
    ] = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print metrics.json or behaviour.json.")
    ] = False,
) -> None:
    """Measure a model on labelled rows: accuracy with intervals, beside its baselines.

    Writes metrics.json, predictions.parquet and what the report shows beside them (traces.json,
    hidden_states.json, data_check.json); `sentiment report MODEL` makes a page of it. With
    --behaviour it tests what the model does with negation, typos, emoji and the like, and writes
    behaviour.json; failures are findings, and the exit status stays 0.
    """
    if split is not None and not SPLIT_NAME.fullmatch(split):
        raise typer.BadParameter(f"--split {split!r} is not a name such as test")
    if behaviour is not None:
        others = {"--data": data, "--text-column": text_column, "--label-column": label_column}
        others["--classes"] = classes
        others["--split"] = None if split == "test" else split
        others["--faithfulness"] = None if faithfulness is None else str(faithfulness)
        given = [option for option, value in others.items() if value is not None]
        if given:
            raise typer.BadParameter(f"--behaviour brings its own texts: leave out {given[0]}")
        most = EXAMPLES if examples is None else examples
        _test_behaviour(model, behaviour, output=output, examples=most, as_json=as_json)
        return
    if examples is not None:
        raise typer.BadParameter("--examples goes with --behaviour")
    need_source("--data", data, expected="a file, a folder or a hub id")
    if classes is not None and data is None:
        raise typer.BadParameter("--classes goes with --data")
    if split is not None and data is not None and os.path.isfile(os.path.expanduser(data)):
        _log(f"{data} is one file, read whole: --split {split} only names the results")
    split = split or "test"
    from sentiment.evaluation.classes import read_meaning
    from sentiment.evaluation.evaluate import evaluate as run_evaluation
    from sentiment.evaluation.summary import format_summary
    from sentiment.runtime.predictor import SentimentModel

    loaded = SentimentModel.load(model)
    folder = output if output is not None else _results(loaded) / split
    need_writable(folder)
    meaning = None if classes is None else read_meaning(classes, loaded.classes)
    columns = {"text_column": text_column, "label_column": label_column}
    rows = _rows(loaded, columns, data=data, split=split, meaning=meaning)
    for note in rows.notes:
        _log(f"note: {note}")
    metrics = run_evaluation(
        loaded,
        rows.data,
        split=split,
        command=shlex.join(["sentiment", *sys.argv[1:]]),
        output=folder,
        train=rows.train,
        baseline=baseline,
        states=states,
        source=rows.source,
        notes=rows.notes,
        among=None if meaning is None else meaning.among,
        log=_log,
    )
    shown_below = ""
    # One that is there may be of other weights.
    (folder / "faithfulness.json").unlink(missing_ok=True)
    if faithfulness is not None:
        found, shown_below = _faithfulness(loaded, rows.data.texts, faithfulness, folder)
        metrics["faithfulness"] = found
    if as_json:
        print_json(metrics)
    else:
        typer.echo("\n\n".join(filter(None, [format_summary(metrics), shown_below])))
    shown = model if output is None else output
    _log(f"wrote {folder}/metrics.json and predictions.parquet")
    _log(f"next: {shlex.join(['sentiment', 'report', str(shown)])}")


def _faithfulness(
    model: SentimentModel, texts: list[str], sample: int, folder: Path
) -> tuple[dict[str, Any], str]:
    """Measure, save and put into words how faithful the explanations are."""
    from sentiment.durable import write_file
    from sentiment.evaluation.faithfulness import (
        FILE_NAME,
        format_faithfulness,
        measure_faithfulness,
    )

    results = measure_faithfulness(
        model,
        texts,
        sample=sample,
        explainers={
            "occlusion": model,
            "decomposition": model,
            "gradients": type(model).load(model.folder.path, engine="keras"),
        },
        command=shlex.join(["sentiment", *sys.argv[1:]]),
        log=_log,
    )
    write_file(folder / FILE_NAME, to_json(results, indent=1) + "\n")
    _log(f"wrote {folder}/{FILE_NAME}")
    return results, format_faithfulness(results)


def _test_behaviour(
    model: Path, name: str, *, output: Path | None, examples: int, as_json: bool
) -> None:
    from sentiment.evaluation.behaviour import run_suite
    from sentiment.evaluation.behaviour_reading import read_suite
    from sentiment.evaluation.behaviour_summary import format_behaviour
    from sentiment.runtime.predictor import SentimentModel

    suite = read_suite(name)
    loaded = SentimentModel.load(model)
    folder = output if output is not None else _results(loaded) / f"behaviour-{suite.name}"
    need_writable(folder)
    results = run_suite(
        loaded,
        suite,
        command=shlex.join(["sentiment", *sys.argv[1:]]),
        output=folder,
        log=_log,
    )
    if as_json:
        print_json(results)
    else:
        typer.echo(format_behaviour(results, examples=examples))
    _log(f"wrote {folder}/behaviour.json")


def _rows(
    model: SentimentModel,
    columns: dict[str, str | None],
    *,
    data: str | None,
    split: str,
    meaning: Meaning | None,
) -> EvaluationRows:
    from sentiment.config import load_config
    from sentiment.evaluation.rows import other_rows, own_rows

    settings = load_config(model.folder.file("config.yaml")).data
    named = {key: value for key, value in columns.items() if value is not None}
    info = model.folder.info
    with proposing(COMMANDS):
        if data is None:
            return own_rows(settings.model_copy(update=named), split, info)
        change = {"source": data, "classes": model.classes, **named}
        there = settings.model_copy(update=change)
        return other_rows(settings, there, split, info, meaning=meaning)


def _results(model: SentimentModel) -> Path:
    from sentiment.model_places import results_folder

    return results_folder(model.folder.path) / "eval"


def _log(line: str) -> None:
    typer.echo(line, err=True)
