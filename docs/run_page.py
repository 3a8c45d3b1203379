"""Run the Python session of a page and write its outputs anew: `python docs/run_page.py`.

A page holds examples as in a Python session, four spaces in: `>>> ` and `... ` before the code,
below it what it prints, up to a blank line or the next example. They run in order, in one
namespace, in the folder that is current.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "lstm-output.md"
INDENT = "    "
# A number with decimals, whose last ones depend on the processor's way of adding up.
NUMBER = re.compile(r"[-+]?\d+\.\d*")
TOLERANCE = 0.05


@dataclass(frozen=True)
class Example:
    """One example of a page: the lines it takes there, from 0, and what is in them."""

    first: int
    code_ends: int
    ends: int
    code: str
    output: str


def examples(text: str) -> Iterator[Example]:
    """Yield the examples of a page, in order."""
    lines = [*text.splitlines(), ""]
    at = 0
    while at < len(lines):
        if not lines[at].startswith(f"{INDENT}>>> "):
            at += 1
            continue
        first = at
        at += 1
        while lines[at].startswith(f"{INDENT}..."):
            at += 1
        code = "\n".join(line[len(INDENT) + 4 :] for line in lines[first:at])
        code_ends = at
        while lines[at].startswith(INDENT) and not lines[at].startswith(f"{INDENT}>>> "):
            at += 1
        output = "\n".join(line[len(INDENT) :] for line in lines[code_ends:at])
        yield Example(first, code_ends, at, code, output)


def run(code: str, names: dict[str, Any]) -> str:
    """Run one example as a session would; return what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code + "\n", "<page>", "single"), names)  # noqa: S102
    return printed.getvalue().rstrip("\n")


def same(shown: str, found: str) -> bool:
    """Compare outputs: words and whole numbers exactly, decimals within the tolerance."""
    one, other = (" ".join(re.sub(r"([\[(]) +", r"\1", text).split()) for text in (shown, found))
    if NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    pairs = zip(NUMBER.findall(one), NUMBER.findall(other), strict=True)
    return all(abs(float(left) - float(right)) <= TOLERANCE for left, right in pairs)


def rewritten(text: str) -> str:
    """Return a page with its outputs made anew."""
    lines = text.splitlines()
    names: dict[str, Any] = {}
    new: list[str] = []
    done = 0
    for example in examples(text):
        new += lines[done : example.code_ends]
        output = run(example.code, names)
        new += [f"{INDENT}{line}".rstrip() for line in output.splitlines()]
        done = example.ends
    return "\n".join([*new, *lines[done:]]) + "\n"


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        page = rewritten(page)
    PAGE.write_text(page, encoding="utf-8")
