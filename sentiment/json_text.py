"""JSON that every reader takes: its standard (RFC 8259) knows neither NaN nor Infinity."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import Any


def to_json(value: object, *, only_ascii: bool = False, indent: int | None = None) -> str:
    r"""Return a value as JSON; NaN and the infinities become null.

    NumPy's numbers become numbers, and whatever else JSON does not know becomes text.

    Args:
        value: what to write.
        only_ascii: whether to write other characters as escapes, for a stream without them.
        indent: spaces a level; None: all on one line.

    Example:
        >>> to_json({"stars": float("nan"), "text": "café"}, only_ascii=True)
        '{"stars": null, "text": "caf\\u00e9"}'
    """
    encoder = _encoder(only_ascii, indent)
    try:
        return encoder.encode(value)
    except ValueError:  # rare, so that looking for it beforehand would be wasted
        return encoder.encode(_finite(value))


@cache
def _encoder(only_ascii: bool, indent: int | None) -> json.JSONEncoder:
    return json.JSONEncoder(ensure_ascii=only_ascii, allow_nan=False, indent=indent, default=_plain)


def _plain(value: Any) -> object:  # noqa: ANN401 (dates, NumPy numbers, whatever a column held)
    return value.item() if hasattr(value, "item") else str(value)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return _finite(_plain(value)) if hasattr(value, "item") else value
