"""`sentiment train`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment.cli.output import output_folder, print_json
from sentiment.cli.terminal import Terminal

if TYPE_CHECKING:
    from sentiment.nn.training import EpochRecord, StepReport


def train(
    config: str | None = typer.Argument(
        None, help="A YAML file or a bundled config (default, imdb, …).", show_default="default"
    ),
    settings: list[str] = typer.Option(
        [], "--set", metavar="A.B=C", help="Change one setting; repeatable."
    ),
    output: Annotated[Path | None, output_folder("runs/<config name>")] = None,
    resume: bool = typer.Option(False, "--resume", help="Continue an interrupted training."),
    seed: int | None = typer.Option(None, "--seed", help="Short for --set training.seed=N."),
    as_json: bool = typer.Option(False, "--json", help="Print the model's model.json."),
) -> None:
    """Train a model on labelled text.

    CONFIG says everything; its keys are explained in configs/default.yaml.
    """
    from sentiment.model_places import evaluation_command
    from sentiment.training_run import train as run_training

    if seed is not None:
        settings = [*settings, f"training.seed={seed}"]
    with Terminal(step_words=_step_words, epoch_line=_epoch_line) as terminal:
        folder = run_training(
            config,
            output=output,
            overrides=settings,
            resume=resume,
            command=shlex.join(["sentiment", *sys.argv[1:]]),
            watcher=terminal,
        )
    info = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    if as_json:
        print_json(info)
        return
    metrics = info["metrics"]["validation"]
    typer.echo(
        f"{folder}: validation accuracy {metrics['accuracy']:.1%} · macro-F1 "
        f"{metrics['macro_f1']:.3f} (n = {metrics['n']:,})"
    )
    use = shlex.join(["sentiment", "predict", "--model", str(folder), "a text"])
    typer.echo(f"next: {evaluation_command(folder, info)} · {use}")


def _step_words(report: StepReport) -> str:
    return f"loss {report.loss:.3f}"


def _epoch_line(record: EpochRecord) -> str:
    return (
        f"epoch {record.epoch:>2}  train loss {record.train_loss:.3f} accuracy "
        f"{record.train_accuracy:.3f}  validation loss {record.validation_loss:.3f} accuracy "
        f"{record.validation_accuracy:.3f} macro-F1 {record.validation_macro_f1:.3f}  "
        f"{record.seconds:.0f} s"
    )
