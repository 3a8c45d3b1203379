"""Words with a number each, as lines for a terminal: coloured running text, spark line, table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.runtime.arithmetic import polarity
from sentiment.runtime.attribution import Attribution
from sentiment.runtime.replay_view import (
    TokenRows,
    columns_of,
    format_scores,
    printable,
    signed,
    signed_bar,
    sparkline,
)
from sentiment.runtime.trace import Trace
from sentiment.text.tokenizer import SPECIAL_TOKENS, UNKNOWN_ID
from sentiment.text.words import Words

UNKNOWN = SPECIAL_TOKENS[UNKNOWN_ID]

# Numbers of the 256-colour palette, weakest first. Red against blue, which the colour-blind can
# tell apart; the letters stay black on all of them.
_NEGATIVE, _POSITIVE = (224, 217, 210, 203), (195, 159, 117, 75)
_PLAIN_BELOW = 0.1
_UNDERLINED, _RESET = "\x1b[1;4m", "\x1b[0m"
_INDENT = "  "


@dataclass(frozen=True)
class Page:
    """What the lines are made for.

    Attributes:
        columns: width of the terminal.
        colour: whether it may be given colours.
    """

    columns: int = 100
    colour: bool = False


def format_trace(trace: Trace, page: Page) -> str:
    """Return the trace of one text: the text coloured by score, its course, a row a token."""
    ends = [max(inside) for inside in trace.words.tokens]
    word = trace.turning_word
    text = running_text(
        trace.words,
        trace.scores[ends],
        page,
        mark=word,
        cut_after=trace.read.head_words,
        cut=trace.read.truncated_tokens,
    )
    first, last = signed(trace.scores[0]), signed(trace.scores[-1])
    course = f"{_INDENT}{first} {sparkline(trace.scores)} {last}\n{_INDENT}{_turning(trace)}"
    marks = {}
    if trace.turning_token is not None:
        marks[trace.turning_token] = f"◂ {trace.labels[-1]} from here on"
    rows = token_rows(trace)
    return "\n".join([text, "", course, "", format_scores(rows, trace.scores, trace.shows, marks)])


def format_attribution(found: Attribution, page: Page) -> str:
    """Return an attribution: the text coloured by what each word puts in, and a row a word."""
    values = found.leaning  # (words,)
    largest = max(float(np.abs(values).max()), np.finfo(np.float64).tiny)
    text = running_text(
        found.words,
        values / largest,
        page,
        cut_after=found.head_words,
        cut=found.truncated_tokens,
    )
    rows = TokenRows(found.words.shown, cut_after=found.head_words, cut=found.truncated_tokens)
    lines = [f"{signed(value)}  {signed_bar(value / largest)}" for value in values.tolist()]
    phrases = []
    for phrase in found.phrases:
        first, after = phrase.words
        (start, _), (_, end) = found.words.spans[[first, after - 1]].tolist()
        whole, alone = float(polarity(phrase.values)), float(values[first:after].sum())
        shown = printable(" ".join(found.words.text[start:end].split()))
        phrases.append(f"phrase  {shown}  {signed(whole)}; its words, one by one  {signed(alone)}")
    scale = f"nats  {_scale(found.classes)}: above 0 towards {found.classes[-1]}. {found.about}"
    note = textwrap.fill(scale, width=96, subsequent_indent="      ")
    return "\n".join([text, "", *rows.join(lines), *phrases, note])


def _scale(classes: Sequence[str]) -> str:
    if len(classes) <= 3:
        return f"of the log-odds of {classes[-1]} against {classes[0]}"
    return f"of the logits, weighed from −1 for {classes[0]} to +1 for {classes[-1]}"


def token_rows(trace: Trace) -> TokenRows:
    """Return the tokens as a reader should see them: an unknown one as it stands in the text."""
    shown = [
        trace.text[start:end] + f" {UNKNOWN}" if token == UNKNOWN and end > start else token
        for token, (start, end) in zip(trace.tokens, trace.spans.tolist(), strict=True)
    ]
    return TokenRows(shown, cut_after=trace.read.head_tokens, cut=trace.read.truncated_tokens)


def running_text(
    words: Words,
    values: NDArray[np.floating],
    page: Page,
    *,
    mark: int | None = None,
    cut_after: int = 0,
    cut: int = 0,
) -> str:
    """Return the text itself with each word coloured by its value, wrapped to the page.

    Args:
        words: of the text.
        values: (words,) from −1 to 1.
        page: width, and whether colour may be used.
        mark: the word to mark with `▸`, and to underline where there is colour.
        cut_after: how many words stand before the tokens that truncation took out.
        cut: how many tokens it took out.
    """
    pieces = _pieces(words, values, page, mark=mark, cut_after=cut_after, cut=cut)
    lines, line, used = [], _INDENT, len(_INDENT)
    for plain, styled in pieces:
        width = columns_of(plain)
        if used + width > page.columns and used > len(_INDENT):
            lines.append(line.rstrip())
            line, used = _INDENT, len(_INDENT)
        if used == len(_INDENT) and not plain.strip():
            continue
        line, used = line + styled, used + width
    return "\n".join([*lines, line.rstrip()])


def _pieces(
    words: Words,
    values: NDArray[np.floating],
    page: Page,
    *,
    mark: int | None,
    cut_after: int,
    cut: int,
) -> Iterator[tuple[str, str]]:
    """Yield the text piece by piece, without and with its colours."""
    at = 0
    for word, ((start, end), value) in enumerate(
        zip(words.spans.tolist(), values.tolist(), strict=True)
    ):
        if cut and word == cut_after:
            yield from _notice(cut)
        elif start > at:
            between = " ".join(printable(" ".join(words.text[at:start].split(" "))).split())
            spaced = words.text[at : at + 1].isspace() or words.text[start - 1].isspace()
            if between and spaced:
                between = f" {between} "
            between = between or " "
            yield between, between
        shown = printable(words.text[start:end])
        plain = f"▸{shown}" if word == mark else shown
        yield plain, _styled(plain, value, page, marked=word == mark)
        at = max(at, end)
    if cut and cut_after == len(words.spans):
        yield from _notice(cut)


def _notice(cut: int) -> Iterator[tuple[str, str]]:
    for piece in ("  ", f"… {cut} tokens not read …", "  "):
        yield piece, piece


def _styled(text: str, value: float, page: Page, *, marked: bool) -> str:
    if not page.colour:
        return text
    style = _UNDERLINED if marked else ""
    if abs(value) >= _PLAIN_BELOW:
        shades = _NEGATIVE if value < 0 else _POSITIVE
        shade = shades[min(int(abs(value) * len(shades)), len(shades) - 1)]
        style += f"\x1b[38;5;16;48;5;{shade}m"
    return f"{style}{text}{_RESET}" if style else text


def _turning(trace: Trace) -> str:
    word = trace.turning_word
    if word is None:
        return f"{trace.labels[-1]} from the first word on"
    shown = printable(trace.words.shown[word])
    return f"turns {trace.labels[-1]} for good at ▸{shown}, word {word + 1} of {len(trace.words)}"
