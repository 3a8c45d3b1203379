"""`sentiment predict`."""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sentiment.cli.explainer import Explainer, Method
from sentiment.cli.output import output_path, print_json
from sentiment.cli.predict_input import ROWS_AT_A_TIME, Part, read_parts
from sentiment.cli.predict_usage import check_files, wrong_usage

if TYPE_CHECKING:
    from sentiment.files import RowFault
    from sentiment.runtime.answers import Arrays, Prediction
    from sentiment.runtime.predictor import SentimentModel
    from sentiment.text.tokenizer import EncodedTexts

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
        help="A model folder, or a bundled model's name.",
        show_default="$SENTIMENT_MODEL, else general if it is bundled, else the newest under runs/",
    ),
    source: str | None = typer.Option(
        None, "--input", "-i", metavar="FILE", help="csv, tsv, jsonl, parquet, txt, or - for lines."
    ),
    output: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        parser=output_path,
        metavar="FILE",
        help="csv, tsv, jsonl or parquet; else stdout.",
    ),
    text_column: str = typer.Option("text", help="The column of --input that holds the text."),
    explain: bool = typer.Option(
        False, "--explain", help="Also the score after every word, as a probe; not with --output."
    ),
    explain_by: Method | None = typer.Option(
        None,
        help="What each word does: trace, as --explain; or what it puts into the answer, by "
        "leaving it out (occlusion), by integrated gradients (with Keras) or by contextual "
        "decomposition.",
        show_default=False,
    ),
    phrases: list[str] | None = typer.Option(
        None, "--phrase", metavar="TEXT", help="Explain this phrase of the text as one."
    ),
    stream: bool = typer.Option(
        False, "--stream", help="One text on standard input: after each line, the answer so far."
    ),
    engine: Engine = typer.Option(Engine.onnx, help="What runs the network."),
    on_error: OnError = typer.Option(OnError.stop, help="At a row that cannot be read."),
    as_json: bool = typer.Option(
        False,
        "--json",
        help="One JSON object a line on stdout; with --output, the one of what was written.",
    ),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="No shapes and no probe on stderr."),
) -> None:
    """Predict the sentiment of texts, or of every row of a file.

    `score` runs from -1 to 1: expected polarity, not confidence. Input columns are kept.
    """
    method = Method.trace if explain and explain_by is None else explain_by
    given = {"TEXT": texts, "--input": source is not None, "--output": output, "--json": as_json,
             "--explain": explain, "--explain-by": explain_by,
             "--engine": engine != Engine.onnx}  # fmt: skip
    wrong = wrong_usage({name for name, value in given.items() if value}, stream, method, phrases)
    if wrong:
        typer.echo(f"error: {wrong}", err=True)
        raise typer.Exit(2)
    check_files(source, output, skip=on_error == OnError.skip)
    if method == Method.gradients and engine == Engine.onnx:
        engine = Engine.keras  # the one that has gradients
    from sentiment.model_places import default_model
    from sentiment.runtime.predictor import SentimentModel

    path: str | Path | None = model
    if path is None:
        path, why = default_model()
        if not quiet:
            typer.echo(why, err=True)
    loaded = SentimentModel.load(path, engine=engine.value)
    if stream:
        from sentiment.cli.predict_stream import answer_lines

        faults: list[RowFault] = []
        show = None if as_json else _show
        answer_lines(loaded, show, faults=faults, stop=on_error == OnError.stop)
        _report(faults)
        return
    # On a terminal that already shows the answers, a bar would only stand in their way.
    bar = not quiet and sys.stderr.isatty() and (output is not None or not sys.stdout.isatty())
    # Whoever types lines wants each answered before the next is there.
    for_file = output is not None and source not in (None, "-")
    if for_file:
        # Arrow's own pools keep what each part needed, and grow for a while with the rows.
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    job = _Job(loaded, quiet=quiet, bar=bar, for_file=for_file)
    if texts:
        parts: Iterator[Part] = iter([Part(texts, [{} for _ in texts])])
        columns: list[str] = []
    else:
        parts, columns = read_parts(
            str(source),
            text_column,
            faults=job.faults,
            stop=on_error == OnError.stop,
            by_column=output is not None,
        )
    if output is None:
        explainer = Explainer(loaded, method, phrases or (), one_text=len(texts or ()) == 1)
        _show_all(job, parts, explainer, as_json=as_json)
    else:
        count = _write(job, parts, output, columns)
        if as_json:
            print_json({"output": str(output), "rows": count})
        else:
            typer.echo(f"{output}: {count:,} rows")
    _report(job.faults)


@dataclass
class _Job:
    """Runs a model over rows, and says once what the layers put out."""

    model: SentimentModel
    quiet: bool
    bar: bool
    for_file: bool
    faults: list[RowFault] = field(default_factory=list)
    done: int = 0

    def run(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Arrays]]:
        """Yield every part with the model's answers to its texts."""
        bar = None
        try:
            for part, arrays in self._answered(parts):
                if self.done == 0 and not self.quiet:
                    _say_shapes(arrays, self.model.folder.encoder.pooling)
                yield part, arrays
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

    def _answered(self, parts: Iterator[Part]) -> Iterator[tuple[Part, Arrays]]:
        """Yield every part with its answers; of a file, the next is begun before one is written."""
        model = self.model
        if not self.for_file:
            for number, part in enumerate(parts):
                yield part, model.run(model.tokenizer.encode(part.texts), layers=number == 0)
            return
        from sentiment.runtime.workers import ahead

        under_way: deque[Part] = deque()

        def encoded() -> Iterator[EncodedTexts]:
            for part, token_ids in ahead((p, model.tokenizer.encode(p.texts)) for p in parts):
                under_way.append(part)
                yield token_ids

        for arrays in ahead(model.run_parts(encoded())):
            yield under_way.popleft(), arrays


def _report(faults: Sequence[RowFault]) -> None:
    """Say on stderr which rows were skipped."""
    if not faults:
        return
    typer.echo(f"skipped {len(faults):,} rows that could not be read:", err=True)
    for fault in faults[:FAULTS_SHOWN]:
        typer.echo(f"  {fault.file} row {fault.row}: {fault.reason}", err=True)
    if len(faults) > FAULTS_SHOWN:
        typer.echo(f"  and {len(faults) - FAULTS_SHOWN:,} more", err=True)


def _say_shapes(arrays: Arrays, pooling: str) -> None:
    from sentiment.runtime.inspection import format_probe, format_shape_table, probe

    if arrays.layers:
        typer.echo(format_shape_table(arrays.layers), err=True)
        typer.echo(format_probe(probe(arrays.final_state, pooling=pooling)), err=True)


def _show_all(job: _Job, parts: Iterator[Part], explainer: Explainer, *, as_json: bool) -> None:
    for part, arrays in job.run(parts):
        answers = job.model.to_predictions(part.texts, arrays)
        for prediction, others in zip(answers, part.others, strict=True):
            if as_json:
                print_json({**others, **prediction.to_dict(), **explainer.to_dict(prediction)})
                continue
            _show(prediction)
            # Not typer.echo, which has its own mind about colours.
            sys.stdout.write(explainer.lines(prediction))


def _show(prediction: Prediction) -> None:
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", " ".join(prediction.text.split()))
    shown = text if len(text) <= 100 else f"{text[:70]} … {text[-25:]}"
    warning = f"  ({prediction.warning})" if prediction.warning else ""
    confidence = prediction.probabilities[prediction.label]
    score = round(prediction.score, 2) + 0.0  # no −0.00
    typer.echo(f"{prediction.label}  {score:+.2f}  {confidence:.0%}  {shown}{warning}")


def _write(job: _Job, parts: Iterator[Part], output: Path, columns: Sequence[str]) -> int:
    """Write the rows with their answers and return how many there were."""
    from sentiment.files import write_tables
    from sentiment.runtime.answers import FIELDS

    names = [*columns, *(name for name in FIELDS if name not in columns)]
    # The one column that both may have is the text itself.
    tables = (
        {**job.model.to_columns(part.texts, arrays), **part.columns(columns)}
        for part, arrays in job.run(parts)
    )
    return write_tables(output, tables, columns=names)
