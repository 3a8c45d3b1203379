"""A replay as lines of text for a terminal: scores token by token, states and gates of each layer.

Nothing here is computed twice: every number comes from `sentiment.runtime.replay`.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.replay import LSTMStates, Replay

GATES = (
    ("input", "input_gate"),
    ("forget", "forget_gate"),
    ("candidate", "candidate"),
    ("output", "output_gate"),
)
LEGEND = """\
h_t  hidden state: what the layer passes on after token t, each unit −1 … 1
c_t  cell state: what the layer remembers after token t; h_t = output gate × tanh(c_t)
‖·‖  length (L2 norm) over the units; the gates are means over the units
input, forget, output  0 … 1: how much is written, kept, shown
candidate  −1 … 1: what would be written; 0 is the middle of its bar"""
_BLOCKS = " ▏▎▍▌▋▊▉█"
_LEVELS = "▁▂▃▄▅▆▇█"
_TOKEN_COLUMNS = 18
_SPARK_COLUMNS = 60


@dataclass(frozen=True)
class TokenRows:
    """The first columns of every table: one token a row.

    Attributes:
        tokens: (time) as the reader should see them.
        cut_after: how many tokens stand before the ones that truncation took out.
        cut: how many it took out.
    """

    tokens: Sequence[str]
    cut_after: int = 0
    cut: int = 0

    def join(self, columns: Sequence[str]) -> Iterator[str]:
        """Yield one line a token: its number, the token, its columns; and a line for the cut."""
        shown = [_shorten(printable(token), _TOKEN_COLUMNS) for token in self.tokens]
        width = max(columns_of(token) for token in shown)
        for step, (token, rest) in enumerate(zip(shown, columns, strict=True)):
            if self.cut and step == self.cut_after:
                yield f"     … {self.cut} tokens cut …"
            yield f"{step + 1:>4}  {token}{' ' * (width - columns_of(token))}  {rest}".rstrip()
        if self.cut and self.cut_after == len(shown):
            yield f"     … {self.cut} tokens cut …"


def format_scores(
    rows: TokenRows,
    scores: NDArray[np.floating],
    shows: str,
    marks: Mapping[int, str] | None = None,
) -> str:
    """Return the per-step scores, one token a row, and below them what they are.

    Args:
        rows: the tokens.
        scores: (time,) from −1 to 1.
        shows: what they are, in words.
        marks: words to put behind some rows, by row from 0.
    """
    lines = []
    for step, score in enumerate(scores.tolist()):
        mark = (marks or {}).get(step, "")
        lines.append(f"{signed(score)}  {signed_bar(score)}  {mark}".rstrip())
    note = textwrap.fill(
        shows,
        width=96,
        initial_indent="score  −1 … 1: ",
        subsequent_indent=" " * 7,
    )
    return "\n".join([*rows.join(lines), note])


def format_layers(
    rows: TokenRows, seen: Replay, *, layer: str | None = None, num_units: int = 3
) -> str:
    """Return every LSTM layer's states and gates, token by token, and the legend.

    Args:
        rows: the tokens.
        seen: the replay of the same tokens.
        layer: show this layer alone.
        num_units: also show the course of this many units, those with the largest |h_t|.
    """
    blocks = [
        format_states(rows, states, title=prefix, num_units=num_units)
        for replayed in seen.layers
        if layer in (None, replayed.layer)
        for prefix, states in replayed.directions.items()
    ]
    return "\n\n".join([*blocks, LEGEND])


def format_states(rows: TokenRows, states: LSTMStates, *, title: str, num_units: int) -> str:
    """Return one LSTM's table: ‖h_t‖, ‖c_t‖ and the mean of the four gates at every token."""
    hidden = np.linalg.norm(states.hidden, axis=1)  # (time,)
    cell = np.linalg.norm(states.cell, axis=1)  # (time,)
    gates = {name: getattr(states, field).mean(axis=1) for name, field in GATES}  # (time,) each
    lines = []
    for step in range(len(hidden)):
        columns = [f"{hidden[step]:7.2f} {cell[step]:8.2f}"]
        for name, values in gates.items():
            value = float(values[step])
            if name == "candidate":
                columns.append(f"{bar((value + 1) / 2)} {signed(value)}")
            else:
                columns.append(f"{bar(value)} {value:.2f}")
        lines.append("  ".join(columns))
    body = list(rows.join(lines))
    left = len(lines[0])
    token_columns = max(columns_of(line) for line in body) - left
    heads = ["  ‖h_t‖    ‖c_t‖"]
    heads += [f"{name:<{12 if name == 'candidate' else 11}}" for name, _ in GATES]
    header = f"{'   t  token':<{token_columns}}{'  '.join(heads)}".rstrip()
    block = [f"{title} · {states.hidden.shape[1]} units", header, *body]
    return "\n".join([*block, *_unit_lines(rows, states, num_units)])


def bar(share: float, columns: int = 6) -> str:
    """Return a share (0–1) as a bar of fixed width, to an eighth of a column."""
    eighths = round(min(max(share, 0.0), 1.0) * columns * 8)
    full, rest = divmod(eighths, 8)
    text = "█" * full + (_BLOCKS[rest] if rest else "")
    return text.ljust(columns)


def signed_bar(value: float, columns: int = 12) -> str:
    """Return a value (−1–1) as a bar that grows left or right from a middle line."""
    length = round(min(abs(value), 1.0) * columns)
    left = "█" * length if value < 0 else ""
    right = "█" * length if value > 0 else ""
    return f"{left:>{columns}}│{right:<{columns}}"


def sparkline(values: NDArray[np.floating], columns: int = _SPARK_COLUMNS) -> str:
    """Return values (−1–1) as one character each; longer series are averaged in even pieces."""
    pieces = np.array_split(np.asarray(values, np.float64), min(len(values), columns))
    means = np.array([piece.mean() for piece in pieces])
    levels = np.clip(np.rint((means + 1) / 2 * (len(_LEVELS) - 1)), 0, len(_LEVELS) - 1)
    return "".join(_LEVELS[int(level)] for level in levels)


def printable(text: str) -> str:
    """Return text without control characters, so that it cannot steer the terminal."""
    return "".join(
        character if character.isprintable() or character in "\u200d\ufe0f" else "\ufffd"
        for character in text
    )


def columns_of(text: str) -> int:
    """Return how many terminal columns a text takes: wide characters two, marks none."""
    total = 0
    for character in text:
        if unicodedata.category(character) in ("Mn", "Me", "Cf"):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


def _unit_lines(rows: TokenRows, states: LSTMStates, num_units: int) -> list[str]:
    if num_units <= 0:
        return []
    hidden = states.hidden  # (time, units)
    size = np.abs(hidden)
    units = np.argsort(-size.max(axis=0), kind="stable")[:num_units]
    lines = ["  units with the largest |h_t|, over the text (▁ −1 … █ +1)"]
    for unit in units:
        step = int(size[:, unit].argmax())
        token = _shorten(printable(rows.tokens[step]), _TOKEN_COLUMNS)
        peak = signed(float(hidden[step, unit]))
        lines.append(f"  #{unit:<4} {sparkline(hidden[:, unit])}  {peak} at {token}")
    return lines


def _shorten(text: str, columns: int) -> str:
    if columns_of(text) <= columns:
        return text
    while columns_of(text) >= columns:
        text = text[:-1]
    return f"{text}…"


def signed(value: float) -> str:
    """Return a number with its sign and two decimals."""
    # Adding zero turns the −0.0 that rounding may leave into 0.0.
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", "\N{MINUS SIGN}")
