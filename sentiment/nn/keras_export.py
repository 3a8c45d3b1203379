"""A model folder to the formats of Keras and TensorFlow."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiment.durable import output_errors, sync
from sentiment.model_folder import ModelFolder
from sentiment.nn.keras_network import rebuild


def export_keras(folder: ModelFolder, output: Path) -> None:
    """Write a file, whose name Keras wants to end in `.keras`.

    Raises:
        OutputError: it cannot be written.
    """
    model = rebuild(folder)
    with output_errors(output), tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        made = Path(temporary) / output.name
        model.save(made)
        sync(made)
        made.replace(output)
        sync(output.parent)


def export_savedmodel(folder: ModelFolder, output: Path) -> None:
    """Write a TensorFlow SavedModel folder.

    Raises:
        OutputError: it cannot be written.
    """
    model = rebuild(folder)
    with output_errors(output), tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        made = Path(temporary) / output.name
        with _as_os_errors():
            model.export(made, format="tf_saved_model", verbose=False)
        for path in (*made.rglob("*"), made):
            sync(path)
        made.replace(output)
        sync(output.parent)


@contextmanager
def _as_os_errors() -> Iterator[None]:
    """Turn TensorFlow's words for what the system refused into the system's own."""
    import tensorflow as tf

    # No space left on the device, and no larger file allowed.
    is_full = (tf.errors.ResourceExhaustedError, tf.errors.OutOfRangeError)
    try:
        yield
    except tf.errors.OpError as error:
        number = errno.ENOSPC if isinstance(error, is_full) else errno.EIO
        raise OSError(number, error.message) from None
