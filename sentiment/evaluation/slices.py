"""Where a classifier is weak: accuracy on kinds of text, and on the values of metadata columns.

The word lists are English; on other languages those slices are small or empty and are left out.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.evaluation.intervals import SIGNIFICANCE, holm, share, worse_than_rest

Mask = NDArray[np.bool_]

LENGTH_EDGES = (10, 30, 100, 200, 400)  # tokens, each the last of its slice
MANY_UNKNOWN = 0.1
MAX_VALUES = 50
MAX_VALUE_LENGTH = 60
# One slice a tag: a row may show several phenomena, separated by spaces.
TAG_COLUMN = "phenomena"

NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|nowhere|neither|nor|cannot|without|hardly|barely"
    r"|scarcely|(?:do|does|did|is|was|are|were|would|could|should|wo|ca)nt)\b|n['’]t\b"
)
CONTRAST = re.compile(
    r"\b(?:but|although|though|however|despite|whereas|yet|nevertheless|nonetheless"
    r"|in spite of|on the other hand|even so)\b"
)
CAPITALS = re.compile(r"\b[A-ZÀ-ÖØ-Þ]{4,}\b")
EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b50\u2b55\u203c\u2049\u3030]"
)
EMOTICON = re.compile(r"(?<!\w)(?:[:;=]['’]?[-^o]?[)(\]\[DPpOo3/\\|*]+|<3|[)(]+-?[:;])(?!\w)")


@dataclass(frozen=True)
class TextSlice:
    """Some of the rows, under a name.

    Attributes:
        family: what the rows were told apart by, such as `length` or a column's name.
        name: which of them these are.
        rows: (rows,), True for a row of the slice.
    """

    family: str
    name: str
    rows: Mask


def find_slices(
    texts: Sequence[str],
    tokens: NDArray[np.integer],
    truncated_tokens: NDArray[np.integer],
    unknown_fraction: NDArray[np.floating],
    columns: Mapping[str, Sequence[object]],
) -> list[TextSlice]:
    """Return every slice that has a row.

    Args:
        texts: the texts.
        tokens: (rows,), how long each text is, with what was cut away.
        truncated_tokens: (rows,), how many of them were cut away.
        unknown_fraction: (rows,), share (0–1) of tokens outside the vocabulary.
        columns: metadata columns, a value a row.
    """
    found = [
        *_length_slices(np.asarray(tokens)),
        *_phrase_slices(texts),
        TextSlice("length", "truncated", np.asarray(truncated_tokens) > 0),
        *_unknown_slices(np.asarray(unknown_fraction)),
        *_column_slices(columns),
    ]
    return [piece for piece in found if piece.rows.any()]


def measure_slices(right: Mask, slices: Sequence[TextSlice]) -> list[dict[str, Any]]:
    """Return n, accuracy and interval of every slice, and whether it is significantly worse.

    Worse is tested against the rows outside the slice (Fisher, one-sided), and Holm's correction
    keeps the chance of any false mark among all slices under 5 %.

    Args:
        right: (rows,), True where the prediction is right.
        slices: the slices, of the same rows.
    """
    total, total_right = len(right), int(right.sum())
    counts = [(int(piece.rows.sum()), int(right[piece.rows].sum())) for piece in slices]
    p_values = [worse_than_rest(hits, n, total_right - hits, total - n) for n, hits in counts]
    rows = []
    for piece, (n, hits), p, adjusted in zip(slices, counts, p_values, holm(p_values), strict=True):
        rest = total - n
        rows.append(
            {
                "family": piece.family,
                "name": piece.name,
                "n": n,
                "accuracy": share(hits, n),
                "rest_accuracy": share(total_right - hits, rest),
                "p_value": p,
                "p_holm": adjusted,
                "significantly_worse": adjusted is not None and adjusted < SIGNIFICANCE,
            }
        )
    return rows


def _length_slices(tokens: NDArray[np.integer]) -> Iterator[TextSlice]:
    edges = (0, *LENGTH_EDGES)
    for low, high in itertools.pairwise(edges):
        rows = (tokens > low) & (tokens <= high)
        # A text without a word still counts as one token; an older count of 0 belongs here too.
        yield TextSlice("length", f"{low + 1}–{high} tokens", rows | (tokens == 0) & (low == 0))
    yield TextSlice("length", f"over {edges[-1]} tokens", tokens > edges[-1])


def _phrase_slices(texts: Sequence[str]) -> Iterator[TextSlice]:
    lowered = [text.lower() for text in texts]
    yield _matching("negation", NEGATION.search, lowered)
    yield _matching("contrast (but, although …)", CONTRAST.search, lowered)
    yield _matching("question mark", _contains("?"), texts)
    yield _matching("exclamation mark", _contains("!"), texts)
    yield _matching("a word in CAPITALS", CAPITALS.search, texts)
    yield _matching("emoji or emoticon", _has_emoji, texts)


def _matching(name: str, test: Callable[[str], object], texts: Sequence[str]) -> TextSlice:
    hits = np.fromiter((bool(test(text)) for text in texts), dtype=np.bool_, count=len(texts))
    return TextSlice("wording", name, hits)


def _contains(mark: str) -> Callable[[str], bool]:
    return lambda text: mark in text


def _has_emoji(text: str) -> bool:
    return EMOTICON.search(text) is not None or (
        not text.isascii() and EMOJI.search(text) is not None
    )


def _unknown_slices(unknown: NDArray[np.floating]) -> Iterator[TextSlice]:
    family = "unknown words"
    percent = f"{MANY_UNKNOWN:.0%}".replace("%", " %")
    yield TextSlice(family, "none", unknown == 0)
    yield TextSlice(family, f"up to {percent}", (unknown > 0) & (unknown <= MANY_UNKNOWN))
    yield TextSlice(family, f"over {percent}", unknown > MANY_UNKNOWN)


def _column_slices(columns: Mapping[str, Sequence[object]]) -> Iterator[TextSlice]:
    for name, values in columns.items():
        if name == TAG_COLUMN:
            yield from tag_slices(name, values)
        else:
            yield from _value_slices(name, values)


def tag_slices(column: str, values: Sequence[object]) -> Iterator[TextSlice]:
    """Yield one slice a tag of a column whose values are tags with spaces between."""
    tags = [frozenset(str(value).split()) if _present(value) else frozenset() for value in values]
    for tag in sorted(set().union(*tags)):
        hits = (tag in row for row in tags)
        yield TextSlice(column, tag, np.fromiter(hits, dtype=np.bool_, count=len(tags)))


def _value_slices(column: str, values: Sequence[object]) -> Iterator[TextSlice]:
    names = [str(value)[:MAX_VALUE_LENGTH] if _present(value) else None for value in values]
    counted = Counter(name for name in names if name is not None)
    # One value tells nothing apart; nearly as many values as rows are names, not kinds.
    if not 2 <= len(counted) <= min(MAX_VALUES, len(values) // 2):
        return
    order = _ordered(counted)
    places: dict[str | None, int] = {name: place for place, name in enumerate(order)}
    codes = np.fromiter((places.get(name, -1) for name in names), dtype=np.int64, count=len(names))
    for place, name in enumerate(order):
        yield TextSlice(column, name, codes == place)


def _ordered(counted: Counter[str]) -> list[str]:
    """Return numbers by value, anything else by how many rows have it."""
    try:
        return sorted(counted, key=float)
    except ValueError:
        return sorted(counted, key=lambda name: (-counted[name], name))


def _present(value: object) -> bool:
    # NaN, which pandas puts for a missing cell, is the one value unequal to itself.
    return value is not None and value != "" and value == value
