"""The model in one picture: layers from the text down, their shapes, and what flows between them.

Drawn for the width of a phone. Every LSTM is shown unrolled; what leaves one that returns all its
hidden states leaves from every cell, what leaves one that returns the last leaves from the last.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from sentiment.runtime.shapes import format_shape

WIDTH = 460
ROW, GAP = 66, 42  # height of a layer, and of what flows between two
CELLS = 5
CELL, STEP = 22, 34  # size of an unrolled cell, and from one to the next
MIDDLE = 232  # where the drawings stand


def model_picture(
    layers: Sequence[Mapping[str, Any]], *, pooling: str, bidirectional: bool
) -> str | None:
    """Return the picture as SVG; None where the layers are not known.

    Args:
        layers: rows of the shape table: `layer`, `shape`, `holds`, `parameters`.
        pooling: how the classifier reads the encoder; `last` is the final hidden state.
        bidirectional: whether the LSTMs read both ways.
    """
    if not layers:
        return None
    parts, top = [_text_row(4)], 4 + 30
    most = max(1, *(int(layer.get("parameters") or 0) for layer in layers))
    for number, layer in enumerate(layers):
        every = _returns_every(layers, number)
        if number:
            parts.append(_flow(top, _flowing(layers, number, pooling), many=_many(layers, number)))
            top += GAP
        else:
            parts.append(_flow(top, "the tokenizer", many=True))
            top += GAP
        parts.append(_layer(layer, top, most, every=every, bidirectional=bidirectional))
        top += ROW
    parts.append(_flow(top, "one probability a class", many=False))
    height = top + GAP + 4
    label = "The model: " + ", ".join(str(layer["layer"]) for layer in layers)
    return (
        f'<svg class="picture" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def _places() -> list[int]:
    return [MIDDLE + STEP * cell for cell in range(CELLS)]


def _returns_every(layers: Sequence[Mapping[str, Any]], number: int) -> bool:
    return len(layers[number]["shape"]) == 3


def _many(layers: Sequence[Mapping[str, Any]], number: int) -> bool:
    """Return whether a vector a token flows into the layer, or one a text."""
    before = layers[number - 1]
    return len(before["shape"]) == 3 or before["layer"] == "token_ids"


def _flowing(layers: Sequence[Mapping[str, Any]], number: int, pooling: str) -> str:
    """Return in words what flows into a layer."""
    before = str(layers[number - 1]["layer"])
    if before == "token_ids":
        return "ids, one a token"
    if before == "embedding":
        return "x_1 … x_T, a vector a token"
    if before.startswith("lstm_"):
        if _returns_every(layers, number - 1):
            return "h_1 … h_T, every hidden state"
        return "h_T, the final hidden state"
    if before == "pooling":
        return {"max_last": "the maximum, and h_T"}.get(pooling, f"pooled: {pooling}")
    return "features"


def _text_row(top: float) -> str:
    return (
        f'<text x="{MIDDLE + STEP * 2}" y="{top + 18}" text-anchor="middle" class="said">'
        "“a text, as it comes”</text>"
    )


def _flow(top: float, words: str, *, many: bool) -> str:
    """Draw what flows down between two rows: one arrow, or one a token."""
    places = _places() if many else [_places()[-1]]
    arrows = "".join(
        f'<path class="arrow" d="M{x} {top + 5}v{GAP - 13}m-4 -6l4 6l4 -6"/>' for x in places
    )
    return f'<text x="14" y="{top + GAP / 2 + 5}" class="flow">{escape(words)}</text>{arrows}'


def _layer(
    layer: Mapping[str, Any], top: float, most: int, *, every: bool, bidirectional: bool
) -> str:
    name, parameters = str(layer["layer"]), int(layer.get("parameters") or 0)
    kind = "lstm" if name.startswith("lstm_") else "plain"
    parts = [
        f'<rect class="box {kind}" x="2" y="{top}" width="{WIDTH - 4}" height="{ROW}" rx="10"/>',
        f'<text x="14" y="{top + 25}" class="name">{escape(name)}</text>',
        f'<text x="14" y="{top + 47}" class="shape">{escape(format_shape(layer["shape"]))}</text>',
    ]
    if parameters:
        parts.append(
            f'<text x="{WIDTH - 14}" y="{top + 25}" class="count">{parameters:,}</text>'
            f'<rect class="bar" x="{WIDTH - 14 - 44 * parameters / most:.1f}" y="{top + 36}" '
            f'width="{max(1.0, 44 * parameters / most):.1f}" height="5" rx="2.5"/>'
        )
    middle = top + ROW / 2
    if kind == "lstm":
        parts.append(_unrolled(middle, every=every, bidirectional=bidirectional))
    elif name in ("token_ids", "embedding"):
        parts.append("".join(_mark(x, middle, name) for x in _places()))
    else:
        parts.append(_mark(MIDDLE + STEP * (CELLS - 1), middle, "vector"))
    return "".join(parts)


def _unrolled(middle: float, *, every: bool, bidirectional: bool) -> str:
    parts = []
    for cell in range(CELLS):
        x = MIDDLE + STEP * cell
        # A backward LSTM ends at the first token.
        shown = every or cell == CELLS - 1 or (bidirectional and cell == 0)
        parts.append(
            f'<rect class="cell{" out" if shown else ""}" x="{x - CELL / 2}" '
            f'y="{middle - CELL / 2}" width="{CELL}" height="{CELL}" rx="5"/>'
        )
        if cell:
            before, after = x - STEP + CELL / 2 + 1, x - CELL / 2 - 2
            up = middle - 4 if bidirectional else middle
            parts.append(f'<path class="state" d="M{before} {up}H{after}m-3 -3l3 3l-3 3"/>')
            if bidirectional:
                down = middle + 5
                parts.append(f'<path class="state" d="M{after} {down}H{before}m3 -3l-3 3l3 3"/>')
    return "".join(parts)


def _mark(x: float, middle: float, kind: str) -> str:
    """Draw a token id as a dot, a vector as a small column."""
    if kind == "token_ids":
        return f'<circle class="dot" cx="{x}" cy="{middle}" r="5"/>'
    height = 26
    return (
        f'<rect class="vector" x="{x - 5}" y="{middle - height / 2}" width="10" '
        f'height="{height}" rx="3"/>'
    )
