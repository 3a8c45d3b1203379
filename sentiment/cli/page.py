"""How wide standard output is, and whether it may be coloured."""

from __future__ import annotations

import os
import shutil
import sys

from sentiment.runtime.word_view import Page


def stdout_page() -> Page:
    """Return a page of the terminal's size; of 100 columns without colour anywhere else.

    NO_COLOR (https://no-color.org), if set to anything, turns colours off.
    """
    if not sys.stdout.isatty():
        return Page()
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return Page(columns=shutil.get_terminal_size().columns, colour=not plain)
