"""From the labels a file holds to class indices: names, numbers, booleans, in an explicit order."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.data.class_order import is_number, ordered
from sentiment.data.tables import Table
from sentiment.errors import DataError

UNLABELLED = -1
_NO_LABELS = (list, tuple, set, dict, bytes, np.ndarray)
# More is a column of numbers or texts that was taken for the label.
MOST_CLASSES = 50
_WHOLE_NUMBER = re.compile(r"([-+]?\d+)\.0+")


class UnknownLabel(DataError):
    """What a label means among the classes is not known.

    Args:
        what: as for any error.
        expected: as for any error.
        run: as for any error.
        names: every label that stands in the data, from which a caller may propose what to run.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: str | None = None,
        run: str | None = None,
        names: Collection[str] = (),
    ) -> None:
        super().__init__(what, expected=expected, run=run)
        self.names = ordered(names)


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
    names a hub dataset declares keep their own order. Names that differ in case alone are one
    class, called as most rows call it.

    Raises:
        DataError: fewer than two classes, so many that the column cannot be the label, or a cell
            that holds no label.
    """
    if table.class_names:
        return table.class_names
    names = set(commonest_spellings(label_counts(table, label_column)).values())
    if len(names) > MOST_CLASSES:
        raise DataError(
            f"{table.origin}: column {label_column!r} has {len(names)} different labels",
            expected=f"at most {MOST_CLASSES} classes",
            run="sentiment train CONFIG --set data.label_column=NAME",
        )
    if len(names) < 2:
        found = f"only the label {names.pop()!r}" if names else "no labels"
        raise DataError(
            f"{table.origin} has {found} in column {label_column!r}",
            expected="two classes or more",
        )
    return ordered(names)


def label_counts(table: Table, label_column: str) -> Counter[str]:
    """Return how many rows carry each label, as it is spelled there.

    Raises:
        DataError: a cell holds no label.
    """
    names = _names(table, table.columns.get(label_column, []), label_column)
    return Counter(name for name in names if name is not None)


def commonest_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Return for every label the commonest spelling of its class, whatever its case."""
    spelling: dict[str, str] = {}
    for name in sorted(counts, key=lambda name: (-counts[name], name.swapcase())):
        spelling.setdefault(_folded(name), name)
    return {name: spelling[_folded(name)] for name in counts}


def other_spellings(counts: Mapping[str, int], classes: Collection[str] = ()) -> dict[str, str]:
    """Return the labels that spell a class otherwise than other rows do, each with its class.

    A class that all rows spell alike is none of these, even if `classes` spells it otherwise.
    """
    called = commonest_spellings(counts) | {
        name: own for own in classes for name in counts if _folded(name) == _folded(own)
    }
    several = Counter(map(_folded, counts))
    return {
        name: own
        for name, own in called.items()
        if name != own and name not in classes and several[_folded(name)] > 1
    }


def spelling_line(counts: Mapping[str, int], others: Mapping[str, str]) -> str:
    """Say how many rows spell their class otherwise, and how."""
    rows = sum(counts[name] for name in others)
    spelled = ", ".join(f"{name!r} for {own!r}" for name, own in list(others.items())[:3])
    more = ", …" if len(others) > 3 else ""
    spells = "1 row spells its label" if rows == 1 else f"{rows:,} rows spell their label"
    return f"{spells} otherwise than the rest ({spelled}{more}); case makes no class of its own"


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
        UnknownLabel: a label is none of these, with its row.
        DataError: a cell holds no label, with its row.
    """
    finder = _Finder(classes)
    known: dict[str | None, int | None] = {None: UNLABELLED}
    indices = np.empty(len(table), np.int32)  # (rows,)
    names = _names(table, _declared(table, label_column, classes), label_column)
    for position, name in enumerate(names):
        if name not in known:
            known[name] = finder.find(str(name))
        index = known[name]
        if index is None:
            raise UnknownLabel(
                f"{table.origin} row {table.rows[position]}: unknown label {name!r}",
                expected=f"one of {', '.join(classes)}",
                names={name for name in names if name is not None},
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


def _declared(table: Table, label_column: str, classes: Sequence[str]) -> list[object]:
    """Return the labels, numbers turned into the names the source declares for them.

    A dataset that calls its two classes neg and pos still fits (negative, positive), by position.
    """
    values = table.columns[label_column]
    names = table.class_names
    if names is None or (len(names) == len(classes) and set(names) != set(classes)):
        return values
    return declared_names(values, names)


def _names(table: Table, values: Sequence[object], column: str) -> list[str | None]:
    for row, value in zip(table.rows, values, strict=False):
        if isinstance(value, _NO_LABELS):
            raise DataError(
                f"{table.origin} row {row}: column {column!r} holds {type(value).__name__} "
                f"{value!r:.40}",
                expected="one label: text, a number or true and false",
            )
    return [label_name(value) for value in values]


def _folded(name: str) -> str:
    """Return what all spellings of a class have in common."""
    return (label_name(name) or "").casefold()


class _Finder:
    """Finds the index of a label name among the classes."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._exact = {name: index for index, name in enumerate(classes)}
        folded = [_folded(name) for name in classes]
        self._folded = {name: index for index, name in enumerate(folded) if folded.count(name) == 1}
        # Classes 1 to 5 are names: there, a 0 is a fault and not an index.
        self._numbers_are_names = any(map(is_number, classes))
        self._count = len(classes)

    def find(self, name: str) -> int | None:
        for lookup, key in ((self._exact, name), (self._folded, _folded(name))):
            if key in lookup:
                return lookup[key]
        if name == str(UNLABELLED):
            return UNLABELLED
        if name.isdecimal() and int(name) < self._count and not self._numbers_are_names:
            return int(name)
        if name.casefold() in ("false", "true") and self._count == 2:
            return int(name.casefold() == "true")
        return None
