"""`sentiment report`: write saved evaluations as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    models: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL…",
            help="A model folder, or a bundled model's name; several are put side by side.",
            show_default=False,
        ),
    ],
    split: Annotated[
        str | None, typer.Option(help="Which evaluated split.", show_default="the newest")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write.",
            show_default="report.html beside the evaluation; comparison.html for several",
        ),
    ] = None,
) -> None:
    """Write a report as one HTML file that needs no network, and print its path.

    It is made from what `sentiment eval` saved: evaluate first. No model is loaded.
    """
    from sentiment.report.report import write_report

    typer.echo(write_report(models, split=split, output=output))
