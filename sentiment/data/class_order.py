"""What the names of classes say by themselves: which is the most negative, and which mean the same.

ordered(["pos", "neg"])                          → ("neg", "pos")
likely_meaning(["1", "2"], (negative, positive)) → "1=negative,2=positive"
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Sequence

# What a line proposes names at most so many labels.
MOST_PROPOSED = 12
_Order = Callable[[str], tuple[float, str]]
_POLARITY = {
    name: rank
    for rank, names in enumerate(
        (
            ("very negative", "very bad", "terrible"),
            ("negative", "neg", "bad", "poor"),
            ("neutral", "neu", "ok", "okay"),
            ("mixed",),
            ("positive", "pos", "good"),
            ("very positive", "very good", "excellent"),
        )
    )
    for name in names
}
# Where a model has no class of that very rank, the one beside it on the same side.
_BESIDE = {0: 1, 1: 0, 4: 5, 5: 4}
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_NEEDS_NO_QUOTES = re.compile(r"-?\w([\w ./+-]*\w)?")
# Stands in a proposal where the names do not tell.
_UNKNOWN = "CLASS"


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return class names in an order that means something.

    Known polarities run from negative to positive, numbers by value, anything else by alphabet.
    """
    names = list(names)
    return tuple(sorted(names, key=_order_among(names)))


def order_is_known(names: Iterable[str]) -> bool:
    """Return whether the order of these classes follows from their names, not from the alphabet."""
    names = list(names)
    return _all_polarities(names) or all_numbers(names)


def is_number(name: str) -> bool:
    """Return whether a class is called by a number."""
    return _NUMBER.fullmatch(name) is not None


def all_numbers(names: Iterable[str]) -> bool:
    """Return whether all classes are called by numbers."""
    return all(map(is_number, names))


def likely_meaning(names: Iterable[str], classes: Sequence[str]) -> str:
    """Return what `--classes` would have to say for these labels, as far as they tell.

    Numbers are spread over the classes by value; 0, 1, … need no names. `CLASS` stands for what
    the reader has to fill in.
    """
    labels = ordered(names)
    if not all_numbers(labels):
        return ",".join(f"{label}={_of_its_rank(label, classes)}" for label in labels)
    if len(labels) == 1 and labels[0].isdecimal():
        # Its neighbour does not stand in the data, and is needed to say which end it is.
        lower = max(int(labels[0]) - 1, 0)
        labels = (str(lower), str(lower + 1))
    means = [_by_value(float(label), labels, classes) for label in labels]
    if labels == tuple(map(str, range(len(labels)))) and len(set(means)) == len(means):
        return ",".join(means)
    return ",".join(f"{label}={name}" for label, name in zip(labels, means, strict=True))


def classes_option(names: Iterable[str]) -> str:
    """Return the option that gives a config these classes, ready to be pasted into a shell."""
    listed = ", ".join(
        name if _NEEDS_NO_QUOTES.fullmatch(name) else json.dumps(name, ensure_ascii=False)
        for name in names
    )
    return f"--set {shlex.quote(f'data.classes=[{listed}]')}"


def _by_value(value: float, labels: Sequence[str], classes: Sequence[str]) -> str:
    lowest, highest = float(labels[0]), float(labels[-1])
    if lowest == highest:
        return _UNKNOWN
    last = len(classes) - 1
    place = (value - lowest) / (highest - lowest) * last
    if place % 1 == 0.5:
        if 2 * place == last:  # between the two classes in the middle
            return _UNKNOWN
        place += 0.5 if 2 * place > last else -0.5
    return classes[round(place)]


def _of_its_rank(label: str, classes: Sequence[str]) -> str:
    ranks = {_POLARITY[_plain(name)]: name for name in classes if _plain(name) in _POLARITY}
    rank = _POLARITY.get(_plain(label), -1)
    return ranks.get(rank) or ranks.get(_BESIDE.get(rank, -1)) or _UNKNOWN


def _order_among(names: Sequence[str]) -> _Order:
    if _all_polarities(names):
        return lambda name: (_POLARITY[_plain(name)], name)
    if all_numbers(names):
        return lambda name: (float(name), name)
    return lambda name: (0.0, name)


def _all_polarities(names: Iterable[str]) -> bool:
    return all(_plain(name) in _POLARITY for name in names)


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")
