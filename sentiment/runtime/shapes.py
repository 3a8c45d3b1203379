"""What every layer is expected to put out: rows for the log, shapes for the checks.

The rows are computed from the settings alone, so a config can be inspected before anything is
trained, and what a model really does can be held against them. All shapes are batch first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sentiment.errors import ModelFolderError

Shape = tuple[int | None, ...]

POOLING_HOLDS = {
    "max": "max over time of every hidden state",
    "mean": "mean over time of every hidden state",
    "max_last": "max over time of every hidden state, then h_T",
    "attention": "attention-weighted sum of every hidden state",
}


class EncoderShape(Protocol):
    """What shapes depend on: `config.EncoderSettings` has it, and so has `Encoder`."""

    @property
    def embedding_units(self) -> int: ...  # noqa: D102
    @property
    def units(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def bidirectional(self) -> bool: ...  # noqa: D102
    @property
    def pooling(self) -> str: ...  # noqa: D102


@dataclass(frozen=True)
class Encoder:
    """The encoder of a saved model, without the settings that only training needs.

    Raises:
        ModelFolderError: the pooling is none that this version knows.
    """

    embedding_units: int
    units: tuple[int, ...]
    bidirectional: bool = False
    pooling: str = "last"

    def __post_init__(self) -> None:
        """Refuse a pooling that is not known."""
        if self.pooling not in ("last", *POOLING_HOLDS):
            raise ModelFolderError(
                f"pooling is {self.pooling!r}", expected=f"last, {', '.join(POOLING_HOLDS)}"
            )


@dataclass(frozen=True)
class LayerRow:
    """One layer: its name, output shape, what the output holds, and how many weights it has.

    A dimension that is None is not known before the texts are: batch first, then time.
    """

    layer: str
    shape: Shape
    holds: str
    parameters: int

    def to_dict(self) -> dict[str, object]:
        """Return the row as JSON-ready data."""
        return {
            "layer": self.layer,
            "shape": list(self.shape),
            "holds": self.holds,
            "parameters": self.parameters,
        }


def encoder_width(encoder: EncoderShape) -> int:
    """Return the width of the vector the classifier reads."""
    width = _widths(encoder)[-1]
    return 2 * width if encoder.pooling == "max_last" else width


def shape_rows(
    encoder: EncoderShape,
    *,
    classifier_units: int,
    num_classes: int,
    vocabulary_size: int,
    batch: int | None = None,
    time: int | None = None,
) -> list[LayerRow]:
    """Compute the rows of the shape table from the settings.

    Args:
        encoder: the settings of the stacked LSTM encoder.
        classifier_units: width of the dense layer.
        num_classes: how many labels there are.
        vocabulary_size: rows of the embedding.
        batch: texts in the batch; None is printed as `batch`.
        time: tokens of the longest text in the batch; None is printed as `time`.
    """
    sizes = _parameters(
        expected_weight_shapes(
            encoder,
            classifier_units=classifier_units,
            num_classes=num_classes,
            vocabulary_size=vocabulary_size,
        )
    )
    return [
        *encoder_shape_rows(encoder, vocabulary_size=vocabulary_size, batch=batch, time=time),
        LayerRow("dense", (batch, classifier_units), "", sizes["dense"]),
        LayerRow("probabilities", (batch, num_classes), "", sizes["probabilities"]),
    ]


def encoder_shape_rows(
    encoder: EncoderShape,
    *,
    vocabulary_size: int,
    batch: int | None = None,
    time: int | None = None,
) -> list[LayerRow]:
    """Compute the rows of an encoder without a classifier; the arguments are those above."""
    shapes = _encoder_and_pooling_shapes(encoder, vocabulary_size=vocabulary_size)
    sizes = _parameters(shapes)
    embedded = (batch, time, encoder.embedding_units)
    return [
        LayerRow("token_ids", (batch, time), "right-padded token ids", 0),
        LayerRow("embedding", embedded, "one vector per token", sizes["embedding"]),
        *_encoder_rows(encoder, sizes, batch=batch, time=time),
    ]


def expected_weight_shapes(
    encoder: EncoderShape, *, classifier_units: int, num_classes: int, vocabulary_size: int
) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor in `weights.safetensors`, first layer first."""
    shapes = _encoder_and_pooling_shapes(encoder, vocabulary_size=vocabulary_size)
    shapes["dense/kernel"] = (encoder_width(encoder), classifier_units)
    shapes["dense/bias"] = (classifier_units,)
    shapes["probabilities/kernel"] = (classifier_units, num_classes)
    shapes["probabilities/bias"] = (num_classes,)
    return shapes


def encoder_weight_shapes(
    encoder: EncoderShape, *, vocabulary_size: int
) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of the tensors of the embedding and the LSTMs."""
    shapes: dict[str, tuple[int, ...]] = {
        "embedding/embeddings": (vocabulary_size, encoder.embedding_units)
    }
    inputs = encoder.embedding_units
    directions = ("/forward", "/backward") if encoder.bidirectional else ("",)
    for number, (units, width) in enumerate(
        zip(encoder.units, _widths(encoder), strict=True), start=1
    ):
        for direction in directions:
            # 4 × units: the gates input, forget, candidate, output side by side.
            shapes[f"lstm_{number}{direction}/kernel"] = (inputs, 4 * units)
            shapes[f"lstm_{number}{direction}/recurrent_kernel"] = (units, 4 * units)
            shapes[f"lstm_{number}{direction}/bias"] = (4 * units,)
        inputs = width
    return shapes


def _encoder_and_pooling_shapes(
    encoder: EncoderShape, *, vocabulary_size: int
) -> dict[str, tuple[int, ...]]:
    shapes = encoder_weight_shapes(encoder, vocabulary_size=vocabulary_size)
    if encoder.pooling == "attention":
        shapes["attention/kernel"] = (_widths(encoder)[-1], 1)
        shapes["attention/bias"] = (1,)
    return shapes


def shapes_of(rows: Iterable[LayerRow]) -> dict[str, Shape]:
    """Return the rows as a mapping from layer to output shape, as `check_shapes` takes them."""
    return {row.layer: row.shape for row in rows}


def check_shapes(
    expected: Mapping[str, Shape],
    actual: Mapping[str, Shape],
    *,
    origin: str = "the model",
) -> None:
    """Hold the shapes that came against the ones the settings call for.

    Args:
        expected: name to shape; a None dimension accepts any size.
        actual: name to shape, as found.
        origin: what the shapes were read from; it opens the message.

    Raises:
        ModelFolderError: the first layer or tensor that is missing, too many or of another shape.
    """
    for name, shape in expected.items():
        if name not in actual:
            raise ModelFolderError(
                f"{origin} has no {name}", expected=f"{name} of shape {format_shape(shape)}"
            )
        found = tuple(actual[name])
        fits = len(found) == len(shape) and all(
            want is None or got is None or want == got
            for want, got in zip(shape, found, strict=True)
        )
        if not fits:
            raise ModelFolderError(
                f"{origin}: {name} has shape {format_shape(found)}", expected=format_shape(shape)
            )
    for name, found in actual.items():
        if name not in expected:
            raise ModelFolderError(
                f"{origin} has {name} of shape {format_shape(found)}, which no layer of these "
                "settings takes",
                expected=f"only {', '.join(expected)}",
            )


def observed_rows(
    expected: Sequence[LayerRow], actual: Mapping[str, Sequence[int | None]]
) -> tuple[LayerRow, ...]:
    """Return the expected rows with the shapes that really came out.

    Raises:
        ModelFolderError: a layer put out another shape than the settings call for.
    """
    shapes = {row.layer: tuple(actual[row.layer]) for row in expected}
    check_shapes(shapes_of(expected), shapes)
    return tuple(replace(row, shape=shapes[row.layer]) for row in expected)


def format_shape(shape: Sequence[int | None]) -> str:
    """Return a shape as text, with None spelled `batch` or `time` by its place."""
    symbols = ("batch", "time")
    parts = [
        str(size) if size is not None else (symbols[place] if place < 2 else "?")
        for place, size in enumerate(shape)
    ]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def format_shape_table(rows: Sequence[LayerRow], *, parameters: bool = False) -> str:
    """Return the rows as aligned lines of text, header first.

    Args:
        rows: what `shape_rows` returned.
        parameters: also show how many weights each layer has, and their sum in a last line.

    Example:
        >>> print(format_shape_table([LayerRow("lstm_1", (64, 32), "the final hidden state", 9)]))
        layer   output shape    holds
        lstm_1  (64, 32)        the final hidden state
    """
    cells = [("layer", "output shape", "parameters", "holds")]
    cells += [
        (row.layer, format_shape(row.shape), f"{row.parameters:,}", row.holds) for row in rows
    ]
    if parameters:
        cells.append(("total", "", f"{sum(row.parameters for row in rows):,}", ""))
    layers = max(len(cell[0]) for cell in cells) + 2
    shapes = max(len(cell[1]) for cell in cells) + 4
    counts = max(len(cell[2]) for cell in cells)
    lines = []
    for layer, shape, count, holds in cells:
        middle = f"{count:>{counts}}    " if parameters else ""
        lines.append(f"{layer:<{layers}}{shape:<{shapes}}{middle}{holds}".rstrip())
    return "\n".join(lines)


def _encoder_rows(
    encoder: EncoderShape, sizes: Mapping[str, int], *, batch: int | None, time: int | None
) -> list[LayerRow]:
    """Return the rows of the LSTM layers and, where there is one, of the pooling."""
    both = ", both directions" if encoder.bidirectional else ""
    rows = []
    for number, width in enumerate(_widths(encoder), start=1):
        shape: Shape = (batch, time, width)
        holds = f"every hidden state h_1 … h_T{both}"
        if number == len(encoder.units) and encoder.pooling == "last":
            shape, holds = (batch, width), f"the final hidden state h_T{both}"
        rows.append(LayerRow(f"lstm_{number}", shape, holds, sizes[f"lstm_{number}"]))
    if encoder.pooling != "last":
        shape, holds = (batch, encoder_width(encoder)), POOLING_HOLDS[encoder.pooling]
        rows.append(LayerRow("pooling", shape, holds, sizes.get("attention", 0)))
    return rows


def _parameters(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, int]:
    """Return how many weights each layer has, from the shapes of its tensors."""
    sizes: dict[str, int] = {}
    for name, shape in shapes.items():
        layer = name.partition("/")[0]
        sizes[layer] = sizes.get(layer, 0) + math.prod(shape)
    return sizes


def _widths(encoder: EncoderShape) -> list[int]:
    """Return each LSTM layer's output width in units."""
    return [units * (2 if encoder.bidirectional else 1) for units in encoder.units]
