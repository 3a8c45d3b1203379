"""Write `docs/cli.md` from the commands' own help: `python docs/make_cli.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from sentiment.cli.main import COMMANDS, app

PAGE = Path(__file__).parent / "cli.md"
HEAD = """\
# The command line

Made by `python docs/make_cli.py` from the commands' own help; a test keeps it so.

Exit status: 0 done, 1 a known error (one line on stderr), 2 wrong usage.
Results go to stdout, logs and progress to stderr.
"""


def help_of(*words: str) -> str:
    """Return a command's help on 100 columns."""
    environment: dict[str, Any] = {"COLUMNS": "100", "NO_COLOR": "1", "TERMINAL_WIDTH": "100"}
    result = CliRunner().invoke(
        app, [*words, "--help"], prog_name="sentiment", env=environment, terminal_width=100
    )
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, f"    {help_of()}".replace("\n", "\n    ")]
    for name in COMMANDS:
        words = ("data", "check") if name == "data" else (name,)
        parts.append(f"## sentiment {' '.join(words)}\n")
        parts.append(f"    {help_of(*words)}".replace("\n", "\n    "))
    return "\n".join(line.rstrip() for line in "\n\n".join(parts).splitlines()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
