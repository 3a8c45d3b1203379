"""What a model does, in a few lines: the shape table and a probe of the final hidden state.

The shape table lives in `sentiment.runtime.shapes` and is offered here too.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.shapes import (
    Encoder,
    LayerRow,
    check_shapes,
    encoder_shape_rows,
    encoder_width,
    expected_weight_shapes,
    format_shape,
    format_shape_table,
    shape_rows,
    shapes_of,
)

__all__ = [
    "DEAD_BELOW",
    "SATURATED_ABOVE",
    "Encoder",
    "LayerRow",
    "Probe",
    "check_shapes",
    "encoder_shape_rows",
    "encoder_width",
    "expected_weight_shapes",
    "format_probe",
    "format_shape",
    "format_shape_table",
    "probe",
    "shape_rows",
    "shapes_of",
]

# h = output gate × tanh(cell). Above 0.95 both factors are: the gate is all open and the cell is
# so far out (|c| > 1.8) that the gradient through it has nearly gone.
SATURATED_ABOVE = 0.95
# A unit that stays this near to zero for every text tells the classifier nothing.
DEAD_BELOW = 1e-3


@dataclass(frozen=True)
class Probe:
    """A summary of the vectors the classifier reads, one a text.

    Attributes:
        name: what the vectors are: `final hidden state h_T`, or the pooling's name.
        texts: how many texts were looked at.
        units: width of the vectors.
        norm: mean L2 norm of a text's vector.
        mean: mean over all texts and units.
        sd: standard deviation over all texts and units.
        saturated: share (0–1) of the values with |h| > 0.95.
        dead: units with |h| < 0.001 for every text.
        strongest: up to three (unit, mean over texts), largest |mean| first; units count from 0.
    """

    name: str
    texts: int
    units: int
    norm: float
    mean: float
    sd: float
    saturated: float
    dead: int
    strongest: tuple[tuple[int, float], ...]

    def to_dict(self) -> dict[str, object]:
        """Return the probe as JSON-ready data."""
        values = asdict(self)
        values["strongest"] = [{"unit": unit, "mean": mean} for unit, mean in self.strongest]
        return values


def probe(final_state: NDArray[np.floating], *, pooling: str = "last") -> Probe:
    """Summarise the vectors the classifier reads.

    Args:
        final_state: (batch, units), or (units,) for one text.
        pooling: `encoder.pooling`; anything but `last` is named in the line.

    Raises:
        ValueError: the array is neither one vector nor one vector a text.
    """
    states = np.atleast_2d(np.asarray(final_state, dtype=np.float64))  # (batch, units)
    if states.ndim != 2:
        raise ValueError(f"final_state has shape {states.shape}; expected (batch, units)")
    name = "final hidden state h_T" if pooling == "last" else f"pooled hidden states ({pooling})"
    num_texts, num_units = states.shape
    if states.size == 0:
        return Probe(name, num_texts, num_units, 0.0, 0.0, 0.0, 0.0, 0, ())
    size = np.abs(states)
    means = states.mean(axis=0)  # (units,)
    # Stable, so equally strong units come in their own order on every machine.
    strongest = np.argsort(-np.abs(means), kind="stable")[:3]
    return Probe(
        name=name,
        texts=num_texts,
        units=num_units,
        norm=float(np.linalg.norm(states, axis=1).mean()),
        mean=float(states.mean()),
        sd=float(states.std()),
        saturated=float((size > SATURATED_ABOVE).mean()),
        dead=int((size.max(axis=0) < DEAD_BELOW).sum()),
        strongest=tuple((int(unit), float(means[unit])) for unit in strongest),
    )


def format_probe(state: Probe | NDArray[np.floating]) -> str:
    """Return the probe as one line; an array (batch, units) is probed first."""
    seen = state if isinstance(state, Probe) else probe(state)
    if seen.texts == 0:
        return f"{seen.name}: no texts"
    strongest = " ".join(f"{'-' if mean < 0 else '+'}#{unit}" for unit, mean in seen.strongest)
    parts = [
        f"norm {seen.norm:.2f}",
        f"mean {seen.mean:+.2f}",
        f"sd {seen.sd:.2f}",
        f"saturated {_percent(seen.saturated)}",
        f"dead {seen.dead}/{seen.units}",
        f"strongest units {strongest}",
    ]
    return f"{seen.name}: " + " · ".join(parts).replace("-", "\N{MINUS SIGN}")


def _percent(share: float) -> str:
    """Return a share (0–1) as whole percent; what is there but rounds to nothing is `<1 %`."""
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"
