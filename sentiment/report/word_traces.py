"""A text with the score after every word: pieces for the page, and a line to see it at a glance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment.report.visible import visible

MAX_CHARACTERS = 1_600  # shown of a traced text
SHADES = 4  # of each side
LINE_WIDTH, LINE_HEIGHT = 300, 36


@dataclass(frozen=True)
class Piece:
    """Part of a text.

    Attributes:
        kind: `plain` between words; `cut` for what was not read; else a shade: `n4` … `n1` on the
            negative side, `z` for about 0, `p1` … `p4`.
        text: as it may be shown.
        note: what to tell on hover.
        turning: whether this word brought the answer.
    """

    kind: str
    text: str
    note: str = ""
    turning: bool = False


def pieces(text: str, trace: Mapping[str, Any]) -> list[Piece]:
    """Return a text cut into its words, each with the shade of the score after it.

    Args:
        text: as it came.
        trace: an entry of `traces.json`.
    """
    result: list[Piece] = []
    done = shown = 0
    for number, ((start, end), score) in enumerate(
        zip(trace["spans"], trace["scores"], strict=True)
    ):
        start, end = max(int(start), done), int(end)
        if start >= len(text) > 0:
            break
        if number == trace["cut_after"] and start > done:
            left_out = f" … {start - done:,} characters that were not read … "
            result.append(Piece("cut", left_out))
        elif start > done:
            result.append(Piece("plain", visible(text[done:start])))
            shown += start - done
        done = max(done, start)
        if end <= start:
            continue
        if shown > MAX_CHARACTERS:
            return [*result, Piece("cut", " …")]
        word = visible(text[start:end])
        result.append(Piece(_shade(score), word, _note(word, score), number == trace["turning"]))
        shown, done = shown + end - start, end
    if done < len(text):
        result.append(Piece("plain", visible(text[done:])))
    return result


def _shade(score: float) -> str:
    step = round(abs(score) * SHADES)
    return "z" if not step else f"{'p' if score > 0 else 'n'}{min(step, SHADES)}"


def _note(word: str, score: float) -> str:
    return f"{word} · score {score:+.2f}".replace("-", "\N{MINUS SIGN}")


def spark(trace: Mapping[str, Any]) -> str:
    """Return the scores as a small line, the word that brought the answer marked, as SVG."""
    scores: Sequence[float] = trace["scores"]
    if len(scores) < 2:
        return ""
    step = LINE_WIDTH / (len(scores) - 1)
    points = [
        (round(number * step, 1), round(LINE_HEIGHT / 2 * (1 - score), 1))
        for number, score in enumerate(scores)
    ]
    # A long text has more words than the line has room for.
    every = -(-len(points) // LINE_WIDTH)
    line = " ".join(f"{x},{y}" for x, y in [*points[:-1:every], points[-1]])
    mark = ""
    if trace["turning"] is not None:
        x, _ = points[trace["turning"]]
        mark = f'<path class="turn" d="M{x} 0V{LINE_HEIGHT}"/>'
    return (
        f'<svg class="spark" viewBox="0 0 {LINE_WIDTH} {LINE_HEIGHT}" preserveAspectRatio="none" '
        f'role="img" aria-label="score after every word"><path class="zero" '
        f'd="M0 {LINE_HEIGHT / 2}H{LINE_WIDTH}"/>{mark}<polyline points="{line}"/></svg>'
    )
