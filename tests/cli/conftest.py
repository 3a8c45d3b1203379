"""Runs the command line as a user would: in this process, which is fast, or in one of its own."""

from __future__ import annotations

import ctypes
import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from sentiment.cli.main import run


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    def done(self) -> Answer:
        """Return itself; fail unless the command ended well."""
        assert self.code == 0, self.err
        assert "Traceback" not in self.err
        return self

    def refused(self) -> str:
        """Return the one line that says what was wrong; fail unless that is how it ended."""
        assert self.code == 1, self.err
        assert "Traceback" not in self.out + self.err
        lines = self.err.splitlines()
        assert [line for line in lines if line.startswith("error:")] == lines[-1:]
        return lines[-1]


def _stream(content: bytes = b"") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    return stream.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def cli() -> Callable[..., Answer]:
    """Run `sentiment` in this process."""

    def call(*arguments: object, stdin: bytes = b"") -> Answer:
        out, err = _stream(), _stream()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["sentiment", *map(str, arguments)])
            patch.setattr(sys, "stdin", _stream(stdin))
            with pytest.raises(SystemExit) as stopped:
                run()
        return Answer(int(stopped.value.code or 0), _written(out), _written(err))

    return call


@pytest.fixture(scope="session")
def shell() -> Callable[..., Answer]:
    """Run `python` in a process of its own; `-m sentiment …` is the command."""

    def call(*arguments: object, stdin: bytes = b"", cwd: Path | None = None) -> Answer:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            timeout=300,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


def _lay_down_roots_rights() -> None:
    """Let what is executed next be refused as anybody is: Linux's PR_CAPBSET_DROP."""
    for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, right)


@pytest.fixture(scope="session")
def powerless() -> Callable[..., Answer]:
    """Run `sentiment` in a process of its own that may read and write what anybody may."""
    if not sys.platform.startswith("linux") and os.geteuid() == 0:
        pytest.skip("root may read everything")

    def call(*arguments: object) -> Answer:
        done = subprocess.run(
            [sys.executable, "-m", "sentiment", *map(str, arguments)],
            capture_output=True,
            preexec_fn=None if os.geteuid() else _lay_down_roots_rights,
            timeout=300,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture(autouse=True)
def no_model_unless_a_test_says_so(bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that the environment names nor one that is bundled."""
    monkeypatch.delenv("SENTIMENT_MODEL", raising=False)
