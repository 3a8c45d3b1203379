"""Bringing up Keras: slow and talkative, so it is done late, once, and quietly."""

from __future__ import annotations

import logging
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata

# Those that shape a training.
PACKAGES = (
    "sentiment",
    "keras",
    "tensorflow",
    "numpy",
    "tokenizers",
    "onnx",
    "onnxruntime",
    "datasets",
    "scikit-learn",
)


def load_keras() -> None:
    """Import Keras and its backend without their start-up chatter.

    What they print is shown after all if the import fails.
    """
    if "keras" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # It warns of retracing, which short runs over many batch shapes cannot avoid.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with _quiet_stderr():
        import_module("keras")


def versions(packages: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Return the versions of Python and of those of the packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what is written to stderr, native libraries included."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
