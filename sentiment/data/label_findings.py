"""What labels say before training: one class is spelled in two ways, or nothing can be learned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sentiment.config import DataSettings
from sentiment.data.findings import Example, Finding, Place, opening
from sentiment.data.labelled import need_columns
from sentiment.data.labels import (
    MOST_CLASSES,
    UNLABELLED,
    commonest_spellings,
    declared_names,
    infer_classes,
    label_name,
    other_spellings,
    spelling_line,
)
from sentiment.data.load import splits_of
from sentiment.data.tables import WHOLE, Table
from sentiment.errors import DataError

# Splits that no training learns the labels of.
NOT_LEARNED = frozenset({"validation", "test", "unsupervised"})


def label_names(table: Table, label_column: str) -> list[str | None]:
    """Return every row's label as it is spelled, None where there is none."""
    values: Sequence[object] = table.columns.get(label_column, [None] * len(table))
    if table.class_names is not None:
        values = declared_names(values, table.class_names)
    names = [label_name(value) for value in values]
    # -1 alone says "no label"; beside 1 it may be a class.
    return [None] * len(names) if set(names) <= {str(UNLABELLED), None} else names


def spelling_findings(
    tables: Mapping[str, Table], label_column: str, classes: Collection[str] = ()
) -> tuple[list[Finding], dict[str, str]]:
    """Report labels that differ from others in case alone.

    Returns:
        The finding, if any, and every label with the spelling that stands for its class.
    """
    names = {split: label_names(table, label_column) for split, table in tables.items()}
    counts = Counter(name for labels in names.values() for name in labels if name is not None)
    spelled = commonest_spellings(counts)
    others = other_spellings(counts, classes)
    if not others:
        return [], spelled
    examples = tuple(
        Example((Place(split, tables[split].origin, row),), "", repr(name))
        for split, labels in names.items()
        for row, name in zip(tables[split].rows, labels, strict=True)
        if name in others
    )
    message = spelling_line(counts, others)
    return [Finding("label_spelling", message, {"rows": len(examples)}, examples)], spelled


def joined_findings(
    tables: Mapping[str, Table], text_column: str, label_column: str
) -> list[Finding]:
    """Report texts that hold the end of another row: a delimiter, a label and a line break."""
    names = {name for table in tables.values() for name in label_names(table, label_column) if name}
    if not names or len(names) > MOST_CLASSES:
        return []
    ending = re.compile(f"[,;\\t](?:{'|'.join(map(re.escape, names))})[\r\n]")
    examples = tuple(
        Example((Place(split, table.origin, row),), opening(text), repr(match[0].strip()))
        for split, table in tables.items()
        if table.origin.lower().endswith((".csv", ".tsv"))
        for row, text in zip(table.rows, table.columns.get(text_column, []), strict=False)
        if isinstance(text, str) and (match := ending.search(text))
    )
    if not examples:
        return []
    hold = "text holds" if len(examples) == 1 else "texts hold"
    message = (
        f"{len(examples):,} {hold} what looks like the end of a row: a stray quote may join rows"
    )
    return [Finding("joined_rows", message, {"rows": len(examples)}, examples)]


def stop_finding(error: DataError) -> Finding:
    """Report what a training would stop with."""
    return Finding("training_stops", f"training would stop: {error}", {"faults": 1})


def stops_of_one(tables: Mapping[str, Table], settings: DataSettings) -> list[Finding]:
    """Report what stops a training on a source whose labels are meant to be learned, if anything.

    Args:
        tables: the source's, as `read_tables` gives them.
        settings: where the columns are.
    """
    labelled = {name: table for name, table in tables.items() if name != "unsupervised"}
    first = labelled.get(WHOLE, labelled.get("train"))
    if first is None or (len(first) and not any(label_names(first, settings.label_column))):
        return []
    try:
        splits_of(labelled, settings)
    except DataError as error:
        return [stop_finding(error)]
    return []


def stops_of_several(tables: Mapping[str, Table], settings: DataSettings) -> list[Finding]:
    """Report what stops a training on files that are checked together, by split name, if anything.

    Where none of them is called train, it is not known which is to be trained on: then it is only
    whether they have rows and, without validation and test, classes.
    """
    if "train" in tables:
        known = ("train", "validation", "test")
        return stops_of_one({name: tables[name] for name in known if name in tables}, settings)
    column = settings.label_column
    learned = [table for name, table in tables.items() if name not in NOT_LEARNED]
    labelled = [table for table in learned if any(label_names(table, column))]
    names: list[object] = [name for table in labelled for name in label_names(table, column)]
    origin = " and ".join(table.origin for table in labelled)
    try:
        for table in tables.values():
            if not len(table):
                need_columns(table)
        if labelled:
            infer_classes(Table(origin, {column: names}, list(range(len(names)))), column)
    except DataError as error:
        return [stop_finding(error)]
    return []
