"""`sentiment pretrain`."""

from __future__ import annotations

import json
import math
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiment.cli.output import output_folder, print_json
from sentiment.cli.terminal import Terminal, duration

if TYPE_CHECKING:
    from sentiment.nn.pretraining import PretrainingRecord
    from sentiment.nn.training import StepReport


def pretrain(
    config: str | None = typer.Argument(
        None, help="A YAML file or a bundled config (default, imdb, …).", show_default="default"
    ),
    settings: list[str] = typer.Option(
        [], "--set", metavar="A.B=C", help="Change one setting; repeatable."
    ),
    output: Annotated[Path | None, output_folder("runs/<config name>-encoder")] = None,
    resume: bool = typer.Option(False, "--resume", help="Continue an interrupted pretraining."),
    seed: int | None = typer.Option(None, "--seed", help="Short for --set pretraining.seed=N."),
    as_json: bool = typer.Option(False, "--json", help="Print the encoder's model.json."),
) -> None:
    """Pretrain an encoder on text without labels, for `sentiment train` to start from.

    It reads the source's unsupervised split, its train texts without their labels, or a plain file
    of texts; validation and test texts are left out. CONFIG says everything; its keys are explained
    in configs/default.yaml.
    """
    from sentiment.pretraining_run import pretrain as run_pretraining

    if seed is not None:
        settings = [*settings, f"pretraining.seed={seed}"]
    display = _Display()
    with Terminal(step_words=display.step_words, epoch_line=display.epoch_line) as terminal:
        folder = run_pretraining(
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
    typer.echo(_result_line(folder, info))
    # After --resume alone, CONFIG is not known: it stands for itself.
    words = [config] if config is not None else ["CONFIG"] if resume else []
    words = ["sentiment", "train", *words, "--set", f"encoder.init={folder}"]
    typer.echo(f"next: {shlex.join(words)}")


def _result_line(folder: Path, info: dict[str, Any]) -> str:
    figures = (_figure(info[name]) for name in ("perplexity", "unigram_perplexity"))
    return (
        f"{folder}: perplexity {next(figures)} on {info['held_out_texts']:,} held-out texts "
        f"({next(figures)} by frequency alone) · {info['texts']:,} texts, {info['tokens']:,} "
        f"tokens, {duration(info['pretraining_seconds'])}"
    )


class _Display:
    """Words for the terminal: loss and speed, smoothed over about the last fifty steps.

    The loss is over a few sampled tokens, so its exponential is no perplexity: the one shown is
    that of the last epoch's end, on held-out texts.
    """

    def __init__(self) -> None:
        self._loss: float | None = None
        self._perplexity = ""
        self._seconds = self._tokens = 0.0
        self._before = time.monotonic()

    def step_words(self, report: StepReport) -> str:
        now = time.monotonic()
        if self._loss is None:
            self._loss = report.loss
        else:  # the first step builds the graph, which says nothing of the speed
            self._loss += 0.02 * (report.loss - self._loss)
            self._seconds = 0.98 * self._seconds + now - self._before
            self._tokens = 0.98 * self._tokens + report.tokens
        self._before = now
        speed = f"{self._tokens / self._seconds:,.0f}" if self._seconds else "…"
        return f"loss {self._loss:.3f}{self._perplexity} {speed} tokens/s"

    def epoch_line(self, record: PretrainingRecord) -> str:
        self._before = time.monotonic()  # measuring took time that is no step's
        self._perplexity = f" perplexity {_figure(record.perplexity)}"
        losses = f"loss next {record.next_loss:.3f}"
        if not math.isnan(record.elsewhere_loss):
            losses += f" elsewhere {record.elsewhere_loss:.3f}"
        return (
            f"epoch {record.epoch:>2}  {losses}  held-out perplexity {_figure(record.perplexity)}  "
            f"{record.seconds:.0f} s"
        )


def _figure(value: float | None) -> str:
    """Return a perplexity with as many digits as mean something."""
    if value is None or math.isnan(value):
        return "unknown"
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"
