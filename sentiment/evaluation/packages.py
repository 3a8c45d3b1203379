"""Evaluation and reports need packages that a slim serving image leaves out."""

from __future__ import annotations

from importlib.util import find_spec

from sentiment.errors import MissingPackageError

_INSTALLED_AS = {"sklearn": "scikit-learn"}


def need_packages(*modules: str, purpose: str) -> None:
    """Check that modules can be imported, without importing them.

    Raises:
        MissingPackageError: one is not installed; the message says what to install.
    """
    missing = [_INSTALLED_AS.get(name, name) for name in modules if find_spec(name) is None]
    if missing:
        raise MissingPackageError(
            f"{missing[0]} is not installed",
            expected=f"all that {purpose} needs",
            run=f"pip install {' '.join(missing)}",
        )
