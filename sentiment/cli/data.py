"""`sentiment data check`: look at labelled data before training on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from sentiment.errors import proposing

if TYPE_CHECKING:
    from sentiment.data.audit import Audit

_EXAMPLES = 5
_QUIET_SECONDS = 2.0

app = typer.Typer(
    help="Look at labelled data before training on it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _group() -> None:
    """Look at labelled data before training on it."""


@app.command()
def check(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CONFIG|PATH...",
            help="A config (YAML file or bundled name), or files and folders to check together.",
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Override a config key.")
    ] = None,
    text_column: Annotated[
        str | None, typer.Option(help="Column of the texts in PATHs [default: text].")
    ] = None,
    label_column: Annotated[
        str | None, typer.Option(help="Column of the labels in PATHs [default: label].")
    ] = None,
    examples: Annotated[
        int | None, typer.Option(min=0, help="Cases named a finding [default: 5; all with --json].")
    ] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Exit with 1 for a leak or a conflict, or if training would stop."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, every case named.")] = False,
) -> None:
    """Find duplicates, leaks between splits, conflicting labels, damaged texts, imbalance.

    A CONFIG is checked as training would split it. Several PATHs are checked together, each as a
    split of its own: sentiment data check train.csv test.csv
    """
    with _progress() as progress:
        audit = _audit(sources or ["default"], overrides, (text_column, label_column), progress)
    if as_json:
        _print_json(audit, examples)
    else:
        from sentiment.data.audit_text import audit_lines

        most = _EXAMPLES if examples is None else examples
        typer.echo("\n".join(audit_lines(audit, most_examples=most)))
    if strict and audit.serious:
        raise typer.Exit(1)


def _audit(
    sources: list[str],
    overrides: list[str] | None,
    columns: tuple[str | None, str | None],
    progress: Callable[[str], None],
) -> Audit:
    from sentiment.config import load_config
    from sentiment.data.audit import audit_config, audit_paths

    if not _is_config(sources):
        if overrides:
            raise typer.BadParameter("--set changes a CONFIG, and none is named")
        text, label = columns
        with proposing({"sentiment train CONFIG --set data.source=": "sentiment data check "}):
            return audit_paths(
                sources,
                text_column=text or "text",
                label_column=label or "label",
                progress=progress,
            )
    if len(sources) > 1:
        raise typer.BadParameter("one CONFIG at a time, and no PATHs beside it")
    if any(columns):
        raise typer.BadParameter("for a CONFIG, name columns by --set data.text_column=NAME")
    with proposing({"sentiment train": "sentiment data check"}):
        return audit_config(load_config(sources[0], overrides or []).data, progress=progress)


def _is_config(sources: list[str]) -> bool:
    from sentiment.config import bundled_configs

    known = bundled_configs()
    return any(name.endswith((".yaml", ".yml")) or name in known for name in sources)


def _print_json(audit: Audit, examples: int | None) -> None:
    from dataclasses import asdict, replace

    from sentiment.cli.output import print_json

    shown = replace(
        audit,
        findings=tuple(
            replace(finding, examples=finding.examples[:examples]) for finding in audit.findings
        ),
    )
    print_json(asdict(shown), indent=2)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """Tell on stderr what is being done, once it takes longer than two seconds."""
    from rich.console import Console

    console = Console(stderr=True)
    status = console.status("")
    next_line = time.monotonic() + _QUIET_SECONDS

    def tell(what: str) -> None:
        nonlocal next_line
        if time.monotonic() < next_line:
            return
        if console.is_terminal:
            status.update(what)
            status.start()
        else:
            next_line = time.monotonic() + _QUIET_SECONDS
            typer.echo(what, err=True)

    try:
        yield tell
    finally:
        status.stop()
