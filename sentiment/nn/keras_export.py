"""A model folder to the formats of Keras and TensorFlow."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sentiment.durable import output_errors
from sentiment.errors import ExportError
from sentiment.model_folder import ModelFolder
from sentiment.nn.keras_network import rebuild


def export_keras(folder: ModelFolder, output: Path) -> None:
    """Write a `.keras` file.

    Raises:
        ExportError: the name does not end in `.keras`, which Keras insists on.
        OutputError: it cannot be written.
    """
    if output.suffix != ".keras":
        raise ExportError(
            f"{output} does not end in .keras", run=f"… --output {output.with_suffix('.keras')}"
        )
    model = rebuild(folder)
    with output_errors(output), tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        made = Path(temporary) / output.name
        model.save(made)
        made.replace(output)


def export_savedmodel(folder: ModelFolder, output: Path) -> None:
    """Write a TensorFlow SavedModel folder.

    Raises:
        OutputError: it cannot be written.
    """
    model = rebuild(folder)
    with output_errors(output), tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        made = Path(temporary) / output.name
        model.export(made, format="tf_saved_model", verbose=False)
        made.replace(output)
