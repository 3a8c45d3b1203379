"""The `sentiment` command. A subcommand's module is imported only when that subcommand runs."""

from __future__ import annotations

import atexit
import os
import sys
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from sentiment.cli.process import ending_in_order, open_streams
from sentiment.errors import SentimentError


class _Command(NamedTuple):
    module: str
    name: str
    summary: str


COMMANDS = {
    "train": _Command("train", "train", "Train a model on labelled text."),
    "pretrain": _Command("pretrain", "pretrain", "Pretrain an encoder on text without labels."),
    "eval": _Command("evaluate", "evaluate", "Measure a model beside its baselines."),
    "predict": _Command("predict", "predict", "Predict the sentiment of texts or a file."),
    "inspect": _Command("inspect", "inspect", "Show layers, shapes, hidden and cell states."),
    "report": _Command("report", "report", "Write evaluations as one HTML page."),
    "export": _Command("export", "export", "Write a model in another format."),
    "data": _Command("data", "app", "Check data before training on it."),
}
_PLAIN: dict[str, Any] = {
    "add_completion": False,
    "pretty_exceptions_enable": False,
    "rich_markup_mode": None,
}


# What typer's groups are made of is click's, or typer's own copy of it, by typer's version.
_Context = Any
_CommandLine = Any


class _LazyGroup(TyperGroup):
    """Knows each subcommand's name and summary; imports the one that is called."""

    def list_commands(self, ctx: _Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: _Context, cmd_name: str) -> _CommandLine:
        if cmd_name not in COMMANDS:
            return None
        return TyperCommand(cmd_name, help=COMMANDS[cmd_name].summary)

    def resolve_command(
        self, ctx: _Context, args: list[str]
    ) -> tuple[str | None, _CommandLine, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        return name, load_command(name) if name else None, rest


def load_command(name: str) -> _CommandLine:
    """Import one subcommand."""
    found = COMMANDS[name]
    group = getattr(import_module(f"sentiment.cli.{found.module}"), found.name)
    if not isinstance(group, typer.Typer):
        function, group = group, typer.Typer(**_PLAIN)
        group.command()(function)
    command = typer.main.get_command(group)
    command.name = name
    return command


app = typer.Typer(
    cls=_LazyGroup,
    help="Train, evaluate and use sentiment classifiers on a stacked LSTM that you can look into.",
    no_args_is_help=True,
    **_PLAIN,
)


@app.callback(invoke_without_command=True)
def _main(
    version: bool = typer.Option(False, "--version", help="Show the version and exit."),
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(f"sentiment {installed('sentiment')}")
        raise typer.Exit


def run_and_leave() -> None:
    """Run the command line, then end the process at once, as the installed command does.

    What is registered to happen at exit happens, and output is flushed; only taking the interpreter
    apart, module by module, is left out: with ONNX Runtime in it, a tenth of a short run.
    """
    try:
        run()
    except SystemExit as leaving:
        status = leaving.code or 0
        if not isinstance(status, int):
            raise
    else:
        status = 0
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except OSError:  # whoever read it has left
        status = status or 1
    os._exit(status)


def run() -> None:
    """Run the command line; a known error is one line on stderr and exit status 1."""
    open_streams()
    try:
        with ending_in_order():
            app(prog_name="sentiment")
    except SentimentError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        typer.echo(f"error: {name}{error.strerror or error}", err=True)
        sys.exit(1)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "sentiment":
            raise
        # A slim serving image predicts; what trains and measures is not there.
        typer.echo(
            f"error: the package {error.name} is not installed; expected sentiment with all its "
            "dependencies; run: make install",
            err=True,
        )
        sys.exit(1)
    except MemoryError:
        typer.echo("error: out of memory; run: the same with a smaller batch or file", err=True)
        sys.exit(1)
