"""`sentiment train`."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from sentiment.nn.training import EpochRecord, StepReport


def train(
    config: str | None = typer.Argument(
        None, help="A YAML file or a bundled config (default, imdb, …).", show_default="default"
    ),
    settings: list[str] = typer.Option(
        [], "--set", metavar="A.B=C", help="Change one setting; repeatable."
    ),
    output: Path | None = typer.Option(
        None, "--output", "-o", help="Folder to write.", show_default="runs/<config name>"
    ),
    resume: bool = typer.Option(False, "--resume", help="Continue an interrupted training."),
    seed: int | None = typer.Option(None, "--seed", help="Short for --set training.seed=N."),
    as_json: bool = typer.Option(False, "--json", help="Print the model's model.json."),
) -> None:
    """Train a model on labelled text.

    CONFIG says everything; its keys are explained in configs/default.yaml.
    """
    from sentiment.training_run import train as run_training

    if seed is not None:
        settings = [*settings, f"training.seed={seed}"]
    with _Terminal() as terminal:
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
        typer.echo(json.dumps(info, ensure_ascii=False))
        return
    metrics = info["metrics"]["validation"]
    typer.echo(
        f"{folder}: validation accuracy {metrics['accuracy']:.1%} · macro-F1 "
        f"{metrics['macro_f1']:.3f} (n = {metrics['n']:,})"
    )
    typer.echo(f"next: sentiment eval {folder} · sentiment predict --model {folder} 'a text'")


class _Terminal:
    """Follows a training on stderr; the first Ctrl-C asks it to stop with its state saved."""

    def __init__(self) -> None:
        self._stop = False
        self._training = False
        self._progress: Any = None
        self._task: Any = None
        self._before: Any = None

    def __enter__(self) -> _Terminal:
        self._before = {
            number: signal.signal(number, self._on_signal)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        if self._progress:
            self._progress.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop or not self._training:
            raise KeyboardInterrupt
        self._stop = True
        # Not through sys.stderr: the signal may have come while it was being written to.
        start = b"\n" if os.isatty(2) else b""
        os.write(2, start + b"stopping after this batch, then saving; again: stop at once\n")

    def note(self, line: str) -> None:
        """Print a line above the progress bar."""
        if self._progress:
            self._progress.stop()
            self._progress = None
        typer.echo(line, err=True)

    def step(self, report: StepReport) -> None:
        """Move the progress bar."""
        self._training = True
        if self._progress is None:
            self._progress, self._task = _progress_bar(), None
        total = report.epochs * report.batches
        done = (report.epoch - 1) * report.batches + report.batch
        if self._task is None:
            self._task = self._progress.add_task("", total=total, completed=done)
        self._progress.update(
            self._task,
            completed=done,
            description=f"epoch {report.epoch}/{report.epochs} loss {report.loss:.3f}",
        )

    def epoch(self, record: EpochRecord) -> None:
        """Print an epoch's line."""
        line = (
            f"epoch {record.epoch:>2}  train loss {record.train_loss:.3f} accuracy "
            f"{record.train_accuracy:.3f}  validation loss {record.validation_loss:.3f} accuracy "
            f"{record.validation_accuracy:.3f} macro-F1 {record.validation_macro_f1:.3f}  "
            f"{record.seconds:.0f} s"
        )
        if self._progress and sys.stderr.isatty():
            # The bar stays below it.
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(line, err=True)

    def stop_requested(self) -> bool:
        """Return whether Ctrl-C was pressed."""
        return self._stop


def _progress_bar() -> Any:  # noqa: ANN401 (rich is imported late)
    from sentiment.cli.progress import progress_bar

    return progress_bar("batches")
