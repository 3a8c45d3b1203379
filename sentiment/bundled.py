"""What comes with the package, in a checkout or an installed wheel: configs, data and models."""

from __future__ import annotations

import os
from pathlib import Path

from sentiment.errors import ModelFolderError

# The bundled model that answers when none is named, and that few labels start from.
DEFAULT_MODEL = "general"


def bundled_path(name: str) -> Path:
    """Return the folder `configs`, `data` or `models` that came with this package.

    A wheel carries them under `sentiment/_bundled/`; a checkout has them at its top.
    """
    packed = Path(__file__).parent / "_bundled" / name
    return packed if packed.is_dir() else Path(__file__).parent.parent / name


def bundled_models() -> dict[str, Path]:
    """Return the folders of the models that came with this package, by name."""
    folders = sorted(path.parent for path in bundled_path("models").glob("*/manifest.json"))
    return {folder.name: folder for folder in folders}


def find_model(name: str | Path) -> Path:
    """Return the folder that a MODEL means: a path that exists, else a bundled model's name.

    Raises:
        ModelFolderError: it is neither; the message lists the bundled names and the nearest. Or it
            is a folder that may not be read.
    """
    _need_readable(name)
    # Not Path.exists, which raises for a name that is too long, such as a text.
    if os.path.exists(name):
        return Path(name)
    bundled = bundled_models()
    if str(name) in bundled:
        return bundled[str(name)]
    expected = "the folder that `sentiment train` wrote"
    if bundled:
        import difflib

        near = difflib.get_close_matches(str(name), bundled, n=1)
        hint = f", perhaps {near[0]!r}" if near else ""
        expected += f", or a bundled model: {', '.join(bundled)}{hint}"
    raise ModelFolderError(
        f"no model folder at {str(name)!r}", expected=expected, run="sentiment train"
    )


def _need_readable(name: str | Path) -> None:
    try:
        os.stat(name)
        readable = not os.path.isdir(name) or os.access(name, os.R_OK | os.X_OK)
    except PermissionError:
        readable = False
    except (OSError, ValueError):  # it is not there, or no name that anything could have
        return
    if not readable:
        raise ModelFolderError(
            f"cannot read {name}: Permission denied", expected="a model folder you may read"
        )


def bundled_name(folder: Path) -> str | None:
    """Return the name of a bundled model's folder, None for any other."""
    place = os.path.realpath(folder)
    for name, path in bundled_models().items():
        if os.path.realpath(path) == place:
            return name
    return None
