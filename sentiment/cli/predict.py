"""`sentiment predict`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from sentiment.files import RowFault
    from sentiment.runtime.predictor import Arrays, Prediction, SentimentModel
    from sentiment.runtime.text_states import TextStates

# Rows, and characters, read, predicted and written at a time: memory stays flat whatever the
# file's length and whatever the texts' lengths.
ROWS_AT_A_TIME = 4_096
CHARACTERS_AT_A_TIME = 8_000_000
FAULTS_SHOWN = 10
# What could move a terminal's cursor or change its colours.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Engine(StrEnum):
    """What runs the network."""

    onnx = "onnx"
    int8 = "int8"
    keras = "keras"


class OnError(StrEnum):
    """What happens at a row that cannot be read."""

    stop = "stop"
    skip = "skip"


def predict(
    texts: list[str] | None = typer.Argument(None, metavar="TEXT", help="Texts."),
    model: str | None = typer.Option(
        None,
        "--model",
        "-m",
        help="A model folder.",
        show_default="$SENTIMENT_MODEL, else the newest under runs/",
    ),
    source: str | None = typer.Option(
        None, "--input", "-i", metavar="FILE", help="csv, tsv, jsonl, parquet, txt, or - for lines."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", metavar="FILE", help="csv, tsv, jsonl or parquet; else stdout."
    ),
    text_column: str = typer.Option("text", help="The column of --input that holds the text."),
    explain: bool = typer.Option(
        False, "--explain", help="Also the score after every token, as a probe; not with --output."
    ),
    engine: Engine = typer.Option(Engine.onnx, help="What runs the network."),
    on_error: OnError = typer.Option(OnError.stop, help="At a row that cannot be read."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line on stdout."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No shapes and no probe on stderr."),
) -> None:
    """Predict the sentiment of texts, or of every row of a file.

    `score` runs from -1 to 1: expected polarity, not confidence. Input columns are kept.
    """
    if bool(texts) == (source is not None):
        typer.echo("error: give TEXT or --input FILE (- for standard input), not both", err=True)
        raise typer.Exit(2)
    if explain and output is not None:
        typer.echo("error: give --explain or --output, not both", err=True)
        raise typer.Exit(2)
    from sentiment.model_folder import default_model
    from sentiment.runtime.predictor import SentimentModel

    path: str | Path | None = model
    if path is None:
        path, why = default_model()
        if not quiet:
            typer.echo(why, err=True)
    loaded = SentimentModel.load(path, engine=engine.value)
    # On a terminal that already shows the answers, a bar would only stand in their way.
    bar = not quiet and sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())
    job = _Job(loaded, quiet=quiet, bar=bar)
    if texts:
        rows: Iterator[_Rows] = iter([_Rows(texts, [{} for _ in texts])])
        columns: list[str] = []
    else:
        rows, columns = _read(
            job,
            str(source),
            text_column,
            stop=on_error == OnError.stop,
            every_column=output is not None,
        )
    if output is None:
        states_of = _explainer(loaded) if explain else None
        for prediction, others in job.run(rows):
            states = states_of(prediction.text) if states_of else None
            _show(prediction, others, states, as_json=as_json)
    else:
        _write(job, rows, output, columns)
    job.report_faults()


@dataclass(frozen=True)
class _Rows:
    """Some texts, and the other columns of each."""

    texts: list[str]
    others: list[dict[str, object]]


@dataclass
class _Job:
    """Runs a model over rows, and says once what the layers put out."""

    model: SentimentModel
    quiet: bool
    bar: bool
    faults: list[RowFault] = field(default_factory=list)
    done: int = 0

    def run(self, rows: Iterator[_Rows]) -> Iterator[tuple[Prediction, dict[str, object]]]:
        """Yield every answer with the other columns of its row."""
        bar = None
        try:
            for part in rows:
                arrays = self.model.predict_arrays(part.texts)
                if self.done == 0 and not self.quiet:
                    _say_shapes(arrays, self.model.folder.encoder.pooling)
                predictions = self.model.to_predictions(part.texts, arrays)
                yield from zip(predictions, part.others, strict=True)
                self.done += len(part.texts)
                if self.bar and self.done >= ROWS_AT_A_TIME:
                    if bar is None:
                        from sentiment.cli.progress import progress_bar

                        bar = progress_bar("texts")
                        task = bar.add_task("predicting", total=None)
                    bar.update(task, completed=self.done)
        finally:
            # Also after an error: a bar hides the cursor until it is stopped.
            if bar is not None:
                bar.stop()

    def report_faults(self) -> None:
        """Say on stderr which rows were skipped."""
        if not self.faults:
            return
        typer.echo(f"skipped {len(self.faults):,} rows that could not be read:", err=True)
        for fault in self.faults[:FAULTS_SHOWN]:
            typer.echo(f"  {fault.file} row {fault.row}: {fault.reason}", err=True)
        if len(self.faults) > FAULTS_SHOWN:
            typer.echo(f"  and {len(self.faults) - FAULTS_SHOWN:,} more", err=True)


def _say_shapes(arrays: Arrays, pooling: str) -> None:
    from sentiment.runtime.inspection import format_probe, format_shape_table, probe

    if arrays.layers:
        typer.echo(format_shape_table(arrays.layers), err=True)
        typer.echo(format_probe(probe(arrays.final_state, pooling=pooling)), err=True)


def _read(
    job: _Job, source: str, text_column: str, *, stop: bool, every_column: bool
) -> tuple[Iterator[_Rows], list[str]]:
    from sentiment.errors import DataError
    from sentiment.files import RowFault, read_columns, read_rows
    from sentiment.text.tokenizer import check_text

    # A file names its columns before the first row, and any object of a jsonl may have a new one.
    columns = read_columns(source, rows=None if every_column else 1_000)
    # Where no row can be read there is no column: the rows themselves then say what is wrong.
    if columns and text_column not in columns:
        raise DataError(
            f"{source} has no column {text_column!r}",
            expected=f"one of {', '.join(columns)}",
            run="sentiment predict … --text-column NAME",
        )

    def parts() -> Iterator[_Rows]:
        texts: list[str] = []
        others: list[dict[str, object]] = []
        characters = 0
        for row in read_rows(source, on_error="stop" if stop else "skip", faults=job.faults):
            text = row.values.get(text_column)
            reason = "nothing" if text is None else check_text(text)
            if reason:
                reason = f"column {text_column!r} holds {reason}"
                if stop:
                    raise DataError(
                        f"{source} row {row.number}: {reason}",
                        expected="text",
                        run="sentiment predict … --on-error skip",
                    )
                job.faults.append(RowFault(source, row.number, reason))
                continue
            texts.append(str(text))
            others.append(_kept(row.values, columns, text_column))
            characters += len(texts[-1])
            if len(texts) == ROWS_AT_A_TIME or characters >= CHARACTERS_AT_A_TIME:
                yield _Rows(texts, others)
                texts, others, characters = [], [], 0
        if texts:
            yield _Rows(texts, others)

    return parts(), list(_kept(dict.fromkeys(columns), columns, text_column))


def _kept(values: dict[str, Any], columns: Collection[str], text_column: str) -> dict[str, object]:
    """Keep every input column; one that a prediction has too becomes `input_…`."""
    from sentiment.runtime.predictor import FIELDS

    kept = {}
    for name, value in values.items():
        new = name
        # `text` is the one field that a prediction only hands on.
        if name in FIELDS and not name == text_column == "text":
            new = f"input_{name}"
            while new in columns:
                new = f"input_{new}"
        kept[new] = value
    return kept


def _explainer(model: SentimentModel) -> Callable[[str], TextStates]:
    """Return what replays the network on a text; the weights are read once."""
    from sentiment.runtime.text_states import text_states

    return partial(
        text_states,
        tokenizer=model.tokenizer,
        weights=model.folder.load_weights(),
        encoder=model.folder.encoder,
        classes=model.classes,
    )


def _show(
    prediction: Prediction,
    others: dict[str, object],
    states: TextStates | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        record = {**others, **prediction.to_dict()}
        if states is not None:
            record["trace"] = states.trace
        typer.echo(json.dumps(record, ensure_ascii=False, default=str))
        return
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(prediction.text.split()))
    shown = text if len(text) <= 100 else f"{text[:70]} … {text[-25:]}"
    warning = f"  ({prediction.warning})" if prediction.warning else ""
    confidence = prediction.probabilities[prediction.label]
    score = round(prediction.score, 2) + 0.0  # no −0.00
    typer.echo(f"{prediction.label}  {score:+.2f}  {confidence:.0%}  {shown}{warning}")
    if states is not None:
        from sentiment.runtime.replay_view import format_scores

        both = any(layer.backward is not None for layer in states.seen.layers)
        typer.echo(format_scores(states.rows, states.step_scores, bidirectional=both) + "\n")


def _write(job: _Job, rows: Iterator[_Rows], output: Path, columns: Sequence[str]) -> None:
    from sentiment.files import write_rows
    from sentiment.runtime.predictor import FIELDS

    names = [*columns, *(name for name in FIELDS if name not in columns)]
    records = ({**others, **prediction.to_dict()} for prediction, others in job.run(rows))
    count = write_rows(output, records, columns=names)
    typer.echo(f"{output}: {count:,} rows")
