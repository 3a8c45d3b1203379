"""A watcher for tests, which takes notes and can ask a training to stop."""

from __future__ import annotations

from sentiment.training_run import Nobody


class Recorder(Nobody):
    """Takes notes; asks to stop after some steps."""

    def __init__(self, stop_after: int = 10**9) -> None:
        self.lines: list[str] = []
        self.steps = 0
        self.epochs: list[int] = []
        self.stop_after = stop_after

    def note(self, line: str) -> None:
        self.lines.append(line)

    def step(self, report) -> None:
        self.steps += 1

    def epoch(self, record) -> None:
        self.epochs.append(record.epoch)

    def stop_requested(self) -> bool:
        return self.steps >= self.stop_after
