"""Where the bundled configs, data and models lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path


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
