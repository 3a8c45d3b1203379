"""`sentiment report`: write saved evaluations as one HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sentiment.cli.output import output_path


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
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN",
            help="Also slice by this column of the data; repeat for more.",
            show_default=False,
        ),
    ] = None,
    errors: Annotated[
        int,
        typer.Option(min=0, max=1_000, help="How many of the most confident errors to show."),
    ] = 20,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            parser=output_path,
            metavar="<path>",
            help="File to write, NAME.html; its short form is written beside it as NAME.md.",
            show_default="report.html beside the evaluation; comparison.html for several",
        ),
    ] = None,
) -> None:
    """Write a report as one HTML file that needs no network, and print its path.

    Beside it, under the same name with .md, stands a short form in Markdown. Both are made from
    what `sentiment eval` saved: evaluate first. No model is loaded.
    """
    from sentiment.report.evaluation_page import Choices
    from sentiment.report.report import write_report

    if slices and len(models) > 1:
        raise typer.BadParameter("--slice goes with one MODEL")
    choices = Choices(slice_columns=tuple(slices or ()), num_errors=errors)
    path = write_report(models, split=split, output=output, choices=choices)
    typer.echo(path)
    typer.echo(f"in short: {path.with_suffix('.md')}", err=True)
