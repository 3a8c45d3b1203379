"""Split rows into parts: by group or by text, every class in the same proportion, always alike.

The order in which rows are drawn is a hash of the seed and the group, so a split depends on neither
the order of the rows, the file format, nor the version of a random generator.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

_WORDS_OF_A_COPY = 5
_MOST_PASSES = 10


def split_off(
    labels: NDArray[np.int32], groups: Sequence[str], *, fraction: float, seed: int
) -> tuple[Indices, Indices]:
    """Return the row indices that stay and those that are split off, both ascending.

    All rows of a group go to the same side. Groups are visited in hashed order; one is taken, or
    put back, where that brings the class counts nearer to `fraction` of each class (at least one
    row of a class that has two). Groups of one row therefore give an exactly stratified split.

    Args:
        labels: class indices, (rows,).
        groups: what must stay together, one key a row: a film, or the text itself.
        fraction: the part to split off, 0 to 1.
        seed: another seed gives another split.

    Returns:
        `(kept, taken)`; `taken` is empty if there is only one group.
    """
    rows_of: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        rows_of.setdefault(group, []).append(row)
    if len(rows_of) < 2:
        return np.arange(len(labels)), np.zeros(0, np.int64)
    totals = np.bincount(labels) if len(labels) else np.zeros(0, np.int64)  # (classes,)
    wanted = [_share(int(total), fraction) for total in totals]
    members = {group: _class_counts(labels, rows) for group, rows in rows_of.items()}

    taken = _chosen(members, wanted, seed)
    split = np.sort(np.array([row for group in taken for row in rows_of[group]], np.int64))
    kept = np.setdiff1d(np.arange(len(labels)), split, assume_unique=True)
    return kept, split


def stratified_subset(
    labels: NDArray[np.int32], texts: Sequence[str], *, rows: int, seed: int
) -> Indices:
    """Return `rows` row indices, ascending, with the classes in their proportions.

    With the same seed, a smaller subset holds rows of a larger one, but for a row of a class where
    rounding gives the smaller one more; so learning curves nest.
    """
    if rows >= len(labels):
        return np.arange(len(labels))
    totals = np.bincount(labels)  # (classes,)
    exact = totals * (rows / len(labels))
    counts = np.floor(exact).astype(np.int64)
    # Largest remainders get the rows that rounding down left over; ties go to the lower class.
    for label in np.argsort(counts - exact, kind="stable")[: rows - int(counts.sum())]:
        counts[label] += 1
    order = sorted(range(len(labels)), key=lambda row: (hash_order(texts[row], seed), row))
    chosen: list[int] = []
    for row in order:
        if counts[labels[row]] > 0:
            counts[labels[row]] -= 1
            chosen.append(row)
    return np.sort(np.array(chosen, np.int64))


def group_keys(groups: Sequence[object], texts: Sequence[str]) -> list[str]:
    """Return one key a row: its group, or its own text where the group is missing."""
    return [
        # NaN, which pandas puts for a missing cell, is the one value unequal to itself.
        f"text {text}" if group is None or group == "" or group != group else f"group {group}"
        for group, text in zip(groups, texts, strict=True)
    ]


def linked_by_text(keys: Sequence[str], texts: Sequence[str]) -> Sequence[str]:
    """Return keys under which groups that share a text are one group.

    A review copied from one film to another would otherwise stand on both sides. Texts of fewer
    than five words ("Great product!") are no copies and link nothing. Where linking would tie
    more than half of the rows together, the keys come back as they were.
    """
    parent = {key: key for key in keys}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    first_with: dict[str, str] = {}
    for key, text in zip(keys, texts, strict=True):
        if text.count(" ") >= _WORDS_OF_A_COPY - 1:
            one, other = sorted((root(key), root(first_with.setdefault(text, key))))
            parent[other] = one
    linked = [root(key) for key in keys]
    largest = max(Counter(linked).values(), default=0)
    return keys if 2 * largest > len(keys) else linked


def hash_order(key: Hashable, seed: int) -> bytes:
    """Return a sort key that looks random and depends on the key and the seed alone."""
    content = f"{seed} {key}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, digest_size=16).digest()


def _chosen(members: dict[str, dict[int, int]], wanted: list[float], seed: int) -> set[str]:
    """Return the groups to take: first come first served, then moved while that helps."""
    have = [0] * len(wanted)
    taken: set[str] = set()
    order = sorted(members, key=lambda key: hash_order(key, seed))
    for _ in range(_MOST_PASSES):
        moved = False
        for group in order:
            sign = -1 if group in taken else 1
            if _gain(have, wanted, members[group], sign) > 0:
                taken ^= {group}
                moved = True
                for label, count in members[group].items():
                    have[label] += sign * count
        if not moved:
            break
    # Every group may be larger than what is wanted: then the one that overshoots least.
    return taken or {max(order, key=lambda key: _gain(have, wanted, members[key], 1))}


def _share(total: int, fraction: float) -> float:
    return max(1.0, total * fraction) if total > 1 else 0.0


def _class_counts(labels: NDArray[np.int32], rows: list[int]) -> dict[int, int]:
    counts: dict[int, int] = {}
    for row in rows:
        label = int(labels[row])
        counts[label] = counts.get(label, 0) + 1
    return counts


def _gain(have: list[int], wanted: list[float], group: dict[int, int], sign: int) -> float:
    """Return by how much the squared distance to the wanted counts shrinks.

    `sign` is 1 if the group would be taken, -1 if it would be put back.
    """
    return sum(
        count * (2 * sign * (wanted[label] - have[label]) - count) for label, count in group.items()
    )
