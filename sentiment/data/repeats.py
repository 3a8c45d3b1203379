"""Texts that stand twice: in one split, in two, under two labels, or nearly the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from sentiment.data.findings import NEAR, CheckedSplit, Example, Finding, counted, opening
from sentiment.data.near import near_pairs

# Where a text stands: (split, position) for each time, in order.
_Places = list[tuple[int, int]]


def repeat_findings(
    splits: Sequence[CheckedSplit],
    *,
    near: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[list[Finding], bool]:
    """Find duplicates, leaks and conflicts; empty texts are left aside.

    Args:
        splits: what to look through.
        near: whether to look for near ones too, which takes most of the time.
        progress: is told what is being done.

    Returns:
        The findings, and whether the search for near duplicates was complete.
    """
    progress("looking for equal texts")
    places: dict[str, _Places] = {}
    for number, split in enumerate(splits):
        for position, text in enumerate(split.texts):
            if text.strip():
                places.setdefault(text, []).append((number, position))
    findings = [*_conflicts(splits, places), *_duplicates(splits, places)]
    for one, other in combinations(range(len(splits)), 2):
        findings.extend(_shared(splits, places, one, other))
    if not near:
        return findings, False
    nearly, complete = _near(splits, places, progress)
    return findings + nearly, complete


def between(one: CheckedSplit, other: CheckedSplit) -> str:
    """Return `overlap` for train and unsupervised, whose overlap is harmless, else `leak`."""
    return "overlap" if {one.name, other.name} == {"train", "unsupervised"} else "leak"


def _conflicts(splits: Sequence[CheckedSplit], places: dict[str, _Places]) -> Iterator[Finding]:
    examples = []
    for text, stands in places.items():
        if len(stands) > 1:
            labels = {splits[split].labels[position] for split, position in stands} - {None}
            if len(labels) > 1:
                detail = "labels " + " and ".join(sorted(map(str, labels)))
                examples.append(_example(splits, stands, text, detail))
    if examples:
        rows = sum(len(example.places) for example in examples)
        message = (
            f"{counted(len(examples), 'text carries', 'texts carry')} more than one label "
            f"({counted(rows, 'row')})"
        )
        yield Finding("conflict", message, {"texts": len(examples), "rows": rows}, tuple(examples))


def _duplicates(splits: Sequence[CheckedSplit], places: dict[str, _Places]) -> Iterator[Finding]:
    for number, split in enumerate(splits):
        examples = []
        repeated = 0
        for text, stands in places.items():
            here = [place for place in stands if place[0] == number]
            if len(here) > 1:
                repeated += len(here) - 1
                examples.append(_example(splits, here, text))
        if examples:
            message = (
                f"{counted(repeated, 'row')} of {split.name} "
                f"{'repeats' if repeated == 1 else 'repeat'} an earlier one "
                f"({counted(len(examples), 'text')})"
            )
            counts = {"repeated_rows": repeated, "texts": len(examples)}
            examples.sort(key=lambda example: example.places[0].row)
            yield Finding("duplicate", message, counts, tuple(examples))


def _shared(
    splits: Sequence[CheckedSplit], places: dict[str, _Places], one: int, other: int
) -> Iterator[Finding]:
    examples = []
    for text, stands in places.items():
        here = [place for place in stands if place[0] in (one, other)]
        if len({split for split, _ in here}) == 2:
            examples.append(_example(splits, here, text))
    if examples:
        first, second = splits[one], splits[other]
        rows = [
            sum(place.split == split.name for example in examples for place in example.places)
            for split in (first, second)
        ]
        message = (
            f"{counted(len(examples), 'text stands', 'texts stand')} in both {first.name} and "
            f"{second.name} ({rows[0]:,} and {counted(rows[1], 'row')})"
        )
        counts = {"texts": len(examples), "rows_first": rows[0], "rows_second": rows[1]}
        yield Finding(between(first, second), message, counts, tuple(examples))


def _near(
    splits: Sequence[CheckedSplit],
    places: dict[str, _Places],
    progress: Callable[[str], None],
) -> tuple[list[Finding], bool]:
    texts = list(places)
    found = near_pairs(texts, threshold=NEAR, progress=progress)
    examples: dict[tuple[int, int], list[Example]] = {}
    rows: dict[tuple[int, int], tuple[set[int], set[int]]] = {}
    for pair in found.pairs:
        first, second = _by_split(places[texts[pair.first]]), _by_split(places[texts[pair.second]])
        seen = set()
        for one, here in first.items():
            for other, there in second.items():
                (low, lows), (high, highs) = sorted(((one, here), (other, there)))
                sides = rows.setdefault((low, high), (set(), set()))
                sides[0].update(lows)
                sides[1].update(highs)
                # Two splits that hold both texts meet once each way: one pair all the same.
                if (low, high) not in seen:
                    seen.add((low, high))
                    stands = [(low, lows[0]), (high, highs[0])]
                    text, detail = splits[low].texts[lows[0]], f"{pair.similarity:.0%} alike"
                    cases = examples.setdefault((low, high), [])
                    cases.append(_example(splits, stands, text, detail))
    findings = [_near_finding(splits, key, examples[key], rows[key]) for key in sorted(examples)]
    return findings, found.complete


def _by_split(stands: _Places) -> dict[int, list[int]]:
    positions: dict[int, list[int]] = {}
    for split, position in stands:
        positions.setdefault(split, []).append(position)
    return positions


def _near_finding(
    splits: Sequence[CheckedSplit],
    key: tuple[int, int],
    examples: list[Example],
    sides: tuple[set[int], set[int]],
) -> Finding:
    first, second = splits[key[0]], splits[key[1]]
    pairs = counted(len(examples), "pair")
    cases = tuple(examples)
    if key[0] == key[1]:
        rows = len(sides[0] | sides[1])
        message = f"{pairs} of near duplicates in {first.name} ({counted(rows, 'row')})"
        return Finding("near_duplicate", message, {"pairs": len(cases), "rows": rows}, cases)
    message = (
        f"{pairs} of near duplicates between {first.name} and {second.name} "
        f"({len(sides[0]):,} and {counted(len(sides[1]), 'row')})"
    )
    counts = {"pairs": len(cases), "rows_first": len(sides[0]), "rows_second": len(sides[1])}
    return Finding(f"near_{between(first, second)}", message, counts, cases)


def _example(
    splits: Sequence[CheckedSplit], stands: _Places, text: str, detail: str | None = None
) -> Example:
    places = tuple(splits[split].place(position) for split, position in stands)
    return Example(places, opening(text), detail)
