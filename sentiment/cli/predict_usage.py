"""Which options and files of `sentiment predict` do not go together."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from sentiment.cli.explainer import Method
from sentiment.cli.output import need_source
from sentiment.errors import OutputError


def wrong_usage(
    given: set[str], stream: bool, method: Method | None, phrases: list[str] | None
) -> str | None:
    """Return what is wrong with the options that were given, or None."""
    if stream and given - {"--json"}:
        return f"--stream goes without {min(given - {'--json'})}"
    if not stream and ("TEXT" in given) == ("--input" in given):
        return "give TEXT or --input FILE (- for standard input), not both"
    if {"--explain", "--output"} <= given or {"--explain-by", "--output"} <= given:
        return "give --explain or --output, not both"
    if "--explain" in given and method != Method.trace:
        return "give --explain or --explain-by, not both"
    if phrases and method in (None, Method.trace):
        return "--phrase needs --explain-by with another method than trace"
    return None


def check_files(source: str | None, output: Path | None, *, skip: bool) -> None:
    """Refuse what cannot be read, and what would leave rows out of the only copy of them."""
    need_source("--input", source, expected="a file, or - for standard input")
    if not (skip and source and output) or not (os.path.exists(source) and os.path.exists(output)):
        return
    if os.path.samefile(source, output):
        other = shlex.quote(str(output.with_stem(f"{output.stem}-predicted")))
        raise OutputError(
            f"{output} is also the --input, and --on-error skip would delete its faulty rows",
            expected="another file for the answers",
            run=f"sentiment predict … --output {other}",
        )
