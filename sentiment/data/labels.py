"""From the labels a file holds to class indices: names, numbers, booleans, in an explicit order."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.data.tables import Table
from sentiment.errors import DataError

UNLABELLED = -1
_Order = Callable[[str], tuple[float, str]]
# More is a column of numbers or texts that was taken for the label.
_MAX_CLASSES = 50
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
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?")
_WHOLE_NUMBER = re.compile(r"([-+]?\d+)\.0+")


def label_name(value: object) -> str | None:
    """Return a label as text: 1, 1.0 and "1" are all "1"; None, NaN and empty text are None."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return str(bool(value)).lower()
    text = str(value).strip()
    whole = _WHOLE_NUMBER.fullmatch(text)
    return (whole[1] if whole else text) or None


def infer_classes(table: Table, label_column: str) -> tuple[str, ...]:
    """Return the classes of a table in an order that means something.

    Known polarities run from negative to positive, numbers by value, anything else by alphabet. The
    names a hub dataset declares keep their own order.

    Raises:
        DataError: fewer than two classes, or so many that the column cannot be the label.
    """
    if table.class_names:
        return table.class_names
    names = {name for name in map(label_name, table.columns[label_column]) if name is not None}
    if len(names) > _MAX_CLASSES:
        raise DataError(
            f"{table.origin}: column {label_column!r} has {len(names)} different labels",
            expected=f"at most {_MAX_CLASSES} classes",
            run="sentiment train CONFIG --set data.label_column=NAME",
        )
    if len(names) < 2:
        found = f"only the label {names.pop()!r}" if names else "no labels"
        raise DataError(
            f"{table.origin} has {found} in column {label_column!r}",
            expected="two classes or more",
        )
    return ordered(names)


def ordered(names: Iterable[str]) -> tuple[str, ...]:
    """Return class names in an order that means something; see `infer_classes`."""
    names = list(names)
    return tuple(sorted(names, key=_order_among(names)))


def order_is_known(names: Iterable[str]) -> bool:
    """Return whether the order of these classes follows from their names, not from the alphabet."""
    names = list(names)
    return _all_polarities(names) or _all_numbers(names)


def declared_names(values: Sequence[object], names: Sequence[str]) -> list[object]:
    """Return the labels, numbers turned into the names that the source declares for them."""
    return [
        names[value] if isinstance(value, int) and 0 <= value < len(names) else value
        for value in values
    ]


def class_indices(table: Table, label_column: str, classes: Sequence[str]) -> NDArray[np.int32]:
    """Return each row's index into `classes`; UNLABELLED where the label is missing or -1.

    A label is matched as a name first (case is ignored where that is unambiguous). A number that is
    no name is an index; a boolean that is no name is an index into two classes.

    Raises:
        DataError: a label is none of these, with its row; or a column is missing.
    """
    finder = _Finder(classes)
    known: dict[str | None, int | None] = {None: UNLABELLED}
    indices = np.empty(len(table), np.int32)  # (rows,)
    for position, value in enumerate(_declared(table, label_column, classes)):
        name = label_name(value)
        if name not in known:
            known[name] = finder.find(str(name))
        index = known[name]
        if index is None:
            raise DataError(
                f"{table.origin} row {table.rows[position]}: unknown label {name!r}",
                expected=f"one of {', '.join(classes)}",
            )
        indices[position] = index
    return indices


def count_through(table: Table, label_column: str, classes: Sequence[str]) -> bool:
    """Return whether the labels are bare numbers that no one has given names to."""
    found = {label_name(value) for value in table.columns[label_column]}
    names = {name for name in found if name not in (None, str(UNLABELLED))}
    return (
        table.class_names is None
        and bool(names)
        and all(name.isdecimal() and name not in classes for name in names if name)
    )


def _order_among(names: Sequence[str]) -> _Order:
    if _all_polarities(names):
        return lambda name: (_POLARITY[_plain(name)], name)
    if _all_numbers(names):
        return lambda name: (float(name), name)
    return lambda name: (0.0, name)


def _all_polarities(names: Sequence[str]) -> bool:
    return all(_plain(name) in _POLARITY for name in names)


def _all_numbers(names: Sequence[str]) -> bool:
    return all(_NUMBER.fullmatch(name) for name in names)


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ")


def _declared(table: Table, label_column: str, classes: Sequence[str]) -> list[object]:
    """Return the labels, numbers turned into the names the source declares for them.

    A dataset that calls its two classes neg and pos still fits (negative, positive), by position.
    """
    values = table.columns[label_column]
    names = table.class_names
    if names is None or (len(names) == len(classes) and set(names) != set(classes)):
        return values
    return declared_names(values, names)


class _Finder:
    """Finds the index of a label name among the classes."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._exact = {name: index for index, name in enumerate(classes)}
        folded = [name.casefold() for name in classes]
        self._folded = {name: index for index, name in enumerate(folded) if folded.count(name) == 1}
        # Classes 1 to 5 are names: there, a 0 is a fault and not an index.
        self._numbers_are_names = any(_NUMBER.fullmatch(name) for name in classes)
        self._count = len(classes)

    def find(self, name: str) -> int | None:
        for lookup, key in ((self._exact, name), (self._folded, name.casefold())):
            if key in lookup:
                return lookup[key]
        if name == str(UNLABELLED):
            return UNLABELLED
        if name.isdecimal() and int(name) < self._count and not self._numbers_are_names:
            return int(name)
        if name.casefold() in ("false", "true") and self._count == 2:
            return int(name.casefold() == "true")
        return None
