"""Labelled texts from `data.source`: loaded, labelled, split, and fingerprinted.

    source → tables (one a split, or one in all) → labelled texts → train, validation, test

A source that has its own validation split keeps it. Otherwise one is split off: no group on both
sides where `data.group_column` names a column, else stratified with equal texts kept together.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sentiment.config import DataSettings
from sentiment.data.class_order import MOST_PROPOSED, classes_option, order_is_known, ordered
from sentiment.data.labelled import (
    LabelledTexts,
    label_texts,
    need_columns,
    numbers_left_out,
    table_texts,
)
from sentiment.data.labels import (
    UNLABELLED,
    UnknownLabel,
    class_indices,
    commonest_spellings,
    infer_classes,
    label_counts,
    other_spellings,
    spelling_line,
)
from sentiment.data.split import group_keys, linked_by_text, split_off, stratified_subset
from sentiment.data.tables import WHOLE, Table, read_tables
from sentiment.errors import DataError

__all__ = [
    "LabelledTexts",
    "Splits",
    "load_labelled",
    "load_split",
    "load_splits",
    "load_unlabelled",
    "splits_of",
]

_LABELLED_SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, eq=False)
class Splits:
    """What a training sees.

    Attributes:
        test: None where the source has none.
        notes: lines for the log: where each split came from and how.
    """

    train: LabelledTexts
    validation: LabelledTexts
    test: LabelledTexts | None
    classes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def by_name(self) -> dict[str, LabelledTexts]:
        """The splits there are: train, validation and perhaps test, in this order."""
        there = {"train": self.train, "validation": self.validation}
        return there if self.test is None else {**there, "test": self.test}

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over texts, labels, classes and the split each row is in."""
        return _fingerprint(self.by_name)


def load_splits(settings: DataSettings) -> Splits:
    """Load train and validation, and test where the source has one or is a single file.

    Raises:
        DataError: the source cannot be read, or a column, text or label is not what was expected.
    """
    tables = read_tables(
        settings.source, splits=_LABELLED_SPLITS, label_column=settings.label_column
    )
    return splits_of(tables, settings)


def splits_of(tables: Mapping[str, Table], settings: DataSettings) -> Splits:
    """Make the splits of a training from tables that were read before.

    Raises:
        DataError: as `load_splits`.
    """
    first = tables.get(WHOLE, tables.get("train"))
    if first is None:
        there = ", ".join(tables) or "no labelled split"
        raise DataError(
            f"{settings.source} has nothing to train on (it has {there})",
            expected="a train split, as in train.csv",
        )
    need_columns(first, settings.text_column, settings.label_column)
    classes = settings.classes or infer_classes(first, settings.label_column)
    notes: list[str] = []
    if not (settings.classes or first.class_names or order_is_known(classes)):
        notes.append(
            f"classes by alphabet: score runs from {classes[0]} (-1) to {classes[-1]} (+1); for "
            f"another order: {classes_option(reversed(classes))}, most negative first"
        )
    try:
        parts = {
            name: part
            for name, table in tables.items()
            if (part := _labelled_or_none(table, name, settings, classes, notes)) is not None
        }
    except UnknownLabel as error:
        raise _with_all_labels(error, tables, settings.label_column) from None
    _refuse_guesses(parts.values(), classes)
    counts = _counts_of_all(tables, settings.label_column)
    if others := other_spellings(counts, classes):
        notes.append(spelling_line(counts, others))
    return _completed(parts, settings, classes, notes)


def load_split(settings: DataSettings, split: str) -> LabelledTexts:
    """Load one split, exactly as `load_splits` makes it.

    Raises:
        DataError: as `load_splits`, or there is no such split; the message names those there are.
    """
    there = load_splits(settings).by_name
    if split not in there:
        raise DataError(
            f"{settings.source} has no split {split!r}", expected=f"one of {', '.join(there)}"
        )
    return there[split]


def load_labelled(
    source: str,
    *,
    classes: tuple[str, ...],
    split: str = "test",
    text_column: str = "text",
    label_column: str = "label",
) -> LabelledTexts:
    """Load data to evaluate on, labelled with a model's classes.

    Args:
        source: a file (all its rows), or a folder or hub id (its split).
        classes: the model's classes, in order.
        split: which split of a folder or hub id; a file has none.
        text_column: where the texts are.
        label_column: where the labels are.

    Raises:
        DataError: as `load_splits`, or the source has no such split.
    """
    tables = read_tables(source, splits=(split,), label_column=label_column)
    table = tables.get(WHOLE, tables.get(split))
    if table is None:
        there = list(read_tables(source, splits=_LABELLED_SPLITS))
        if "train" in there and "validation" not in there:
            there.append("validation (split off train)")
        raise DataError(
            f"{source} has no split {split!r}",
            expected=f"--split {' or '.join(there)}" if there else "a labelled split",
        )
    need_columns(table, text_column, label_column, as_options=True)
    return label_texts(table, text_column, label_column, classes)


def load_unlabelled(
    settings: DataSettings, classes: tuple[str, ...] = (), *, without: Collection[str] = ()
) -> LabelledTexts:
    """Return the texts of the `unsupervised` split, unlabelled; none where the source has none.

    Args:
        settings: where the data is.
        classes: what the texts may be said to be.
        without: texts to leave out, such as those of validation and test, which some sources
            repeat among their unlabelled ones.

    Raises:
        DataError: the source cannot be read, or a cell holds no text.
    """
    table = read_tables(settings.source, splits=("unsupervised",)).get("unsupervised")
    if table is None:
        return LabelledTexts([], np.zeros(0, np.int32), classes)
    need_columns(table, settings.text_column)
    texts, left_out = table_texts(table, settings.text_column), frozenset(without)
    others = {name: cells for name, cells in table.columns.items() if name != settings.text_column}
    nobody = np.full(len(texts), UNLABELLED, np.int32)
    data = LabelledTexts(
        texts, nobody, classes, others, table.origin, np.asarray(table.rows, np.int64)
    )
    return data.take([index for index, text in enumerate(texts) if text not in left_out])


def _labelled_or_none(
    table: Table, name: str, settings: DataSettings, classes: tuple[str, ...], notes: list[str]
) -> LabelledTexts | None:
    """Label a table. A test split without any label (glue keeps its own secret) is left out."""
    need_columns(table, settings.text_column)
    if name == "test" and not _has_labels(table, settings.label_column, classes):
        notes.append(f"test: {table.origin} has no labels; left out")
        return None
    need_columns(table, settings.text_column, settings.label_column)
    return label_texts(table, settings.text_column, settings.label_column, classes)


def _counts_of_all(tables: Mapping[str, Table], label_column: str) -> Counter[str]:
    return sum((label_counts(table, label_column) for table in tables.values()), Counter())


def _with_all_labels(
    error: UnknownLabel, tables: Mapping[str, Table], label_column: str
) -> UnknownLabel:
    """Add the setting that would make classes of all labels there are, if that may be meant."""
    names = set(commonest_spellings(_counts_of_all(tables, label_column)).values())
    if len(names) > MOST_PROPOSED or any(table.class_names for table in tables.values()):
        return error
    run = f"the command with {classes_option(ordered(names))}"
    return UnknownLabel(error.what, expected=error.expected, names=error.names, run=run)


def _refuse_guesses(parts: Iterable[LabelledTexts], classes: tuple[str, ...]) -> None:
    if left_out := numbers_left_out(parts):
        part, numbers = left_out
        raise UnknownLabel(
            f"the labels of {part.origin} are the numbers {', '.join(map(str, numbers))}, and the "
            f"classes are {', '.join(classes)}",
            expected=f"these names in every file, or every number from 0 to {len(classes) - 1}",
            names=list(map(str, numbers)),
        )


def _has_labels(table: Table, label_column: str, classes: tuple[str, ...]) -> bool:
    if label_column not in table.columns:
        return False
    labels = class_indices(table, label_column, classes)
    return not len(labels) or bool(np.any(labels != UNLABELLED))


def _completed(
    parts: dict[str, LabelledTexts],
    settings: DataSettings,
    classes: tuple[str, ...],
    notes: list[str],
) -> Splits:
    """Split off what the source does not have, cut train to size, and sum up."""
    test = parts.get("test")
    train = whole = parts[WHOLE if WHOLE in parts else "train"]
    validation = parts.get("validation")
    fraction = settings.validation_fraction
    if WHOLE in parts and settings.test_fraction > 0:
        train, test, how = _split_off(train, "test", settings.test_fraction, settings, whole)
        notes.append(how)
        fraction *= len(whole) / len(train)
    if validation is None:
        train, validation, how = _split_off(train, "validation", fraction, settings, whole)
        notes.append(how)
    else:
        notes.append(f"validation: {len(validation):,} rows of {validation.origin}")
    if settings.max_train_rows is not None and settings.max_train_rows < len(train):
        rows = stratified_subset(
            train.labels, train.texts, rows=settings.max_train_rows, seed=settings.split_seed
        )
        notes.append(f"train: {len(rows):,} of {len(train):,} rows (data.max_train_rows)")
        train = train.take(rows)
    notes.append(f"train: {len(train):,} rows of {train.origin}")
    if test is not None and WHOLE not in parts:
        notes.append(f"test: {len(test):,} rows of {test.origin}")
    notes.extend(_absent_classes(train, whole))
    return Splits(train, validation, test, classes, tuple(notes))


def _split_off(
    data: LabelledTexts, name: str, fraction: float, settings: DataSettings, whole: LabelledTexts
) -> tuple[LabelledTexts, LabelledTexts, str]:
    column = settings.group_column
    if column is not None and column in data.columns:
        keys = linked_by_text(group_keys(data.columns[column], data.texts), data.texts)
        how = f"by {column}, none of them on both sides"
    else:
        keys = data.texts
        how = "stratified, equal texts kept together"
        if column is not None:
            how += f" (there is no column {column!r} to group by)"
    kept, taken = split_off(data.labels, keys, fraction=fraction, seed=settings.split_seed)
    if not len(taken) or not len(kept):
        own = len(data) == len(whole) and name == "validation"
        parts = "train and validation" if own else "train, validation and test"
        raise DataError(
            f"{data.origin}: its {_rows(whole)} cannot be split into {parts} ({how})",
            expected="more rows or groups, or a folder that holds train and validation files",
        )
    note = (
        f"{name}: {len(taken):,} of {len(data):,} rows split off {data.origin}, {how}, "
        f"seed {settings.split_seed}"
    )
    return data.take(kept), data.take(taken), note


def _rows(data: LabelledTexts) -> str:
    return "1 row" if len(data) == 1 else f"{len(data):,} rows"


def _absent_classes(train: LabelledTexts, whole: LabelledTexts) -> list[str]:
    """Name the classes that no training row has; fewer than two are an error."""
    counts = np.bincount(train.labels, minlength=len(train.classes))  # (classes,)
    if np.count_nonzero(counts) < 2 and len(np.unique(whole.labels)) > 1:
        raise DataError(
            f"{train.origin} has {_rows(whole)}, and the {len(train):,} left to train on "
            f"{'is' if len(train) == 1 else 'are'} all {train.classes[int(counts.argmax())]!r}",
            expected=f"more rows of each of {', '.join(train.classes)}",
        )
    if np.count_nonzero(counts) < 2:
        raise DataError(
            f"{train.origin}: every training row is {train.classes[int(counts.argmax())]!r}",
            expected=f"rows of two classes or more of {', '.join(train.classes)}",
        )
    absent = [name for name, count in zip(train.classes, counts, strict=True) if not count]
    return [f"train: no row of class {name!r}; the model cannot learn it" for name in absent]


def _fingerprint(splits: dict[str, LabelledTexts]) -> str:
    digest = hashlib.sha256()
    for name, data in splits.items():
        digest.update(f"{name} {len(data)} {data.classes!r}\n".encode())
        for text, label in zip(data.texts, data.labels.tolist(), strict=True):
            content = text.encode("utf-8", "surrogatepass")
            # The length keeps two texts from running into one another.
            digest.update(b"%d %d " % (label, len(content)))
            digest.update(content)
    return digest.hexdigest()
