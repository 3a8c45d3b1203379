"""Follows a training on the terminal: notes, a progress bar, a line an epoch, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from sentiment.nn.training import StepReport

# Where there is no bar (a log file, CI), a line this often says that it goes on.
SECONDS_BETWEEN_LINES = 60.0


class Terminal:
    """Follows a training on stderr; the first Ctrl-C asks it to stop with its state saved.

    Args:
        step_words: what the bar says of a step, such as its loss.
        epoch_line: the line of an epoch's record.
    """

    def __init__(
        self,
        *,
        step_words: Callable[[StepReport], str],
        epoch_line: Callable[[Any], str],
    ) -> None:
        self._step_words = step_words
        self._epoch_line = epoch_line
        self._stop = False
        self._training = False
        self._finishing = False
        self._progress: Any = None
        self._task: Any = None
        self._before: Any = None
        self._first_step: tuple[float, int] | None = None
        self._last_line = 0.0

    def __enter__(self) -> Terminal:
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
        if self._stop or not (self._training or self._finishing):
            raise KeyboardInterrupt
        self._stop = True
        what = b"stopping after this batch, then saving"
        if self._finishing:
            what = b"all epochs are done, and writing the model goes on"
        # Not through sys.stderr: the signal may have come while it was being written to.
        start = b"\n" if os.isatty(2) else b""
        os.write(2, start + what + b"; again: stop at once\n")

    def note(self, line: str) -> None:
        """Print a line above the progress bar."""
        if self._progress:
            self._progress.stop()
            self._progress = None
        # Nothing is noted between the steps: it is what comes after the last.
        self._training, self._finishing = False, self._training or self._finishing
        typer.echo(line, err=True)

    def step(self, report: StepReport) -> None:
        """Move the progress bar."""
        self._training = True
        words = f"epoch {report.epoch}/{report.epochs} {self._step_words(report)}"
        total = report.epochs * report.batches
        done = (report.epoch - 1) * report.batches + report.batch
        if not sys.stderr.isatty():
            self._now_and_then(words, done, total)
            return
        if self._progress is None:
            self._progress, self._task = _progress_bar(), None
        if self._task is None:
            self._task = self._progress.add_task("", total=total, completed=done)
        self._progress.update(self._task, completed=done, description=words)

    def _now_and_then(self, words: str, done: int, total: int) -> None:
        now = time.monotonic()
        if self._first_step is None:
            self._first_step, self._last_line = (now, done), now
        elif now - self._last_line >= SECONDS_BETWEEN_LINES:
            started, first = self._first_step
            left = (now - started) / max(1, done - first) * (total - done)
            typer.echo(f"{words}  {done:,}/{total:,} batches  {duration(left)} left", err=True)
            self._last_line = now

    def epoch(self, record: Any) -> None:  # noqa: ANN401 (a training's or a pretraining's)
        """Print an epoch's line."""
        line = self._epoch_line(record)
        if self._progress and sys.stderr.isatty():
            # The bar stays below it.
            self._progress.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(line, err=True)

    def stop_requested(self) -> bool:
        """Return whether Ctrl-C was pressed."""
        return self._stop


def duration(seconds: float) -> str:
    """Return a duration in words for people: 40 s, 12 min, 3 h 05 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def _progress_bar() -> Any:  # noqa: ANN401 (rich is imported late)
    from sentiment.cli.progress import progress_bar

    return progress_bar("batches")
