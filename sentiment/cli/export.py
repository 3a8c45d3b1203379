"""`sentiment export`."""

from __future__ import annotations

import shlex
from enum import StrEnum
from pathlib import Path

import typer

from sentiment.cli.output import output_path


class Format(StrEnum):
    """What a model can be written as."""

    onnx = "onnx"
    int8 = "int8"
    savedmodel = "savedmodel"
    keras = "keras"


def export(
    model: Path = typer.Argument(help="A model folder, or a bundled model's name."),
    kind: Format = typer.Option(..., "--format", "-f", help="What to write."),
    output: Path = typer.Option(
        ..., "--output", "-o", parser=output_path, metavar="<path>", help="File or folder to write."
    ),
) -> None:
    """Write a model in another format.

    onnx and int8 take token_ids and lengths; savedmodel and keras take token_ids padded with 0.
    All give probabilities. The tokenizer is MODEL/tokenizer.json, readable by `tokenizers`.
    """
    from sentiment.durable import write_file
    from sentiment.errors import ExportError
    from sentiment.model_folder import ONNX, ONNX_INT8, open_model_folder

    folder = open_model_folder(model)
    if output.exists():
        raise ExportError(f"{output} already exists", expected="a new path")
    if kind == Format.keras and output.suffix != ".keras":
        raise ExportError(
            f"{output} does not end in .keras, which Keras insists on",
            run=_command(model, Format.keras, output.with_suffix(".keras")),
        )
    if not output.parent.is_dir():
        raise ExportError(
            f"cannot write {output}: there is no folder {output.parent}",
            expected="a folder that exists",
        )
    if kind in (Format.onnx, Format.int8):
        name = ONNX if kind == Format.onnx else ONNX_INT8
        if name not in folder.files:
            raise ExportError(
                f"{model} has no int8 model: {folder.info.get('int8', 'not written')}",
                run=_command(model, Format.onnx, Path("model.onnx")),
            )
        write_file(output, folder.file(name).read_bytes())
    else:
        from sentiment.backend import load_keras

        load_keras()
        from sentiment.nn.keras_export import export_keras, export_savedmodel

        (export_keras if kind == Format.keras else export_savedmodel)(folder, output)
    typer.echo(str(output))


def _command(model: Path, kind: Format, output: Path) -> str:
    words = ["sentiment", "export", str(model), "--format", kind.value, "--output", str(output)]
    return shlex.join(words)
