"""Where the bundled configs and the bundled corpus lie, in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path


def bundled_path(name: str) -> Path:
    """Return the folder `configs` or `data` that came with this package.

    A wheel carries both under `sentiment/_bundled/`; a checkout has them at its top.
    """
    packed = Path(__file__).parent / "_bundled" / name
    return packed if packed.is_dir() else Path(__file__).parent.parent / name
