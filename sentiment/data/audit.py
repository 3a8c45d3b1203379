"""Check labelled data before it is trained on: leaks, conflicts, duplicates, faults, balance.

    audit_config(settings)            every split as training would see it
    audit_paths(["a.csv", "b.csv"])   files, folders and hub ids, each a split of its own

Duplicates are counted on exact text; near duplicates share at least 80 % of their word pairs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sentiment.config import DataSettings
from sentiment.data.class_order import ordered
from sentiment.data.findings import (
    KINDS,
    Audit,
    CheckedSplit,
    Example,
    Finding,
    Place,
    counted,
    summary_of,
)
from sentiment.data.label_findings import (
    NOT_LEARNED,
    joined_findings,
    label_names,
    spelling_findings,
    stop_finding,
    stops_of_one,
    stops_of_several,
)
from sentiment.data.labelled import LabelledTexts, need_columns
from sentiment.data.load import splits_of
from sentiment.data.repeats import repeat_findings
from sentiment.data.row_findings import balance_findings, fault_findings, text_findings
from sentiment.data.tables import WHOLE, Table, read_tables
from sentiment.errors import DataError
from sentiment.files import RowFault

__all__ = ["Audit", "audit_config", "audit_paths"]

Progress = Callable[[str], None]


def audit_config(settings: DataSettings, *, progress: Progress = lambda _: None) -> Audit:
    """Check the whole source of a config, split as training would split it.

    Where training would stop, the reason is a finding, and the files are checked as they are.

    Raises:
        DataError: there is no such source, or it has no text column.
    """
    begun = time.monotonic()
    progress(f"reading {settings.source}")
    faults: list[RowFault] = []
    tables = read_tables(settings.source, label_column=settings.label_column, faults=faults)
    for table in filter(len, tables.values()):
        need_columns(table, settings.text_column)
    # Every row is checked, whatever part of train the config would use.
    settings = settings.model_copy(update={"max_train_rows": None})
    splits: list[CheckedSplit] = []
    notes: tuple[str, ...] = ()
    classes = settings.classes
    findings = list(fault_findings(faults))
    labelled = {name: table for name, table in tables.items() if name != "unsupervised"}
    found, spelled = spelling_findings(tables, settings.label_column, settings.classes or ())
    findings += [*found, *joined_findings(tables, settings.text_column, settings.label_column)]
    try:
        made = splits_of(labelled, settings)
    except DataError as error:
        findings.append(stop_finding(error))
    else:
        notes, classes = made.notes, made.classes
        splits = [_checked(name, part) for name, part in made.by_name.items()]
        done = {WHOLE, *(split.name for split in splits)}
        tables = {name: table for name, table in tables.items() if name not in done}
    for name, table in tables.items():
        split, found = _as_it_is(name, table, settings, spelled)
        splits.append(split)
        findings.extend(found)
    return _audit(settings.source, splits, findings, begun, notes, classes, progress)


def audit_paths(
    paths: Sequence[str],
    *,
    text_column: str = "text",
    label_column: str = "label",
    progress: Progress = lambda _: None,
) -> Audit:
    """Check files, the splits of folders, and hub ids together; labels are not needed.

    Raises:
        DataError: one cannot be read, or has no text column.
    """
    begun = time.monotonic()
    faults: list[RowFault] = []
    tables: dict[str, Table] = {}
    sources: dict[str, dict[str, Table]] = {}
    for path in dict.fromkeys(paths):
        progress(f"reading {path}")
        for name, table in read_tables(path, label_column=label_column, faults=faults).items():
            short = Path(table.origin).stem if name == WHOLE else name
            tables[table.origin if short in tables else short] = table
            sources.setdefault(path, {})[name] = table
    splits = []
    findings = list(fault_findings(faults))
    for table in filter(len, tables.values()):
        need_columns(table, text_column, as_options=True)
    settings = DataSettings(
        source=" ".join(paths), text_column=text_column, label_column=label_column
    )
    found, spelled = spelling_findings(tables, label_column)
    findings += [*found, *joined_findings(tables, text_column, label_column)]
    if len(sources) == 1 and set(tables) - NOT_LEARNED:
        findings += stops_of_one(sources[paths[0]], settings)
    else:
        findings += stops_of_several(tables, settings)
    for name, table in tables.items():
        split, found = _as_it_is(name, table, settings, spelled)
        splits.append(split)
        findings.extend(found)
    return _audit(" ".join(paths), splits, findings, begun, (), None, progress)


def _audit(
    source: str,
    splits: list[CheckedSplit],
    findings: list[Finding],
    begun: float,
    notes: tuple[str, ...],
    classes: tuple[str, ...] | None,
    progress: Progress,
) -> Audit:
    names = {label for split in splits for label in split.labels if label is not None}
    # Files that training refuses may call the classes otherwise than the config.
    known = classes if classes and names.intersection(classes) else ()
    classes = (*known, *ordered(names.difference(known)))
    summaries = [summary_of(split, classes) for split in splits]
    repeats, complete = repeat_findings(splits, progress=progress)
    progress("looking at every text")
    findings = [*findings, *repeats, *text_findings(splits), *balance_findings(summaries)]
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    seconds = time.monotonic() - begun
    return Audit(source, tuple(summaries), notes, tuple(findings), complete, seconds)


def _checked(name: str, part: LabelledTexts) -> CheckedSplit:
    labels: list[str | None] = [part.classes[label] for label in part.labels]
    return CheckedSplit(name, part.origin, part.texts, labels, part.rows.tolist())


def _as_it_is(
    name: str, table: Table, settings: DataSettings, spelled: Mapping[str, str]
) -> tuple[CheckedSplit, list[Finding]]:
    """Take the rows of a table that hold text, with whatever labels they have."""
    values = table.columns.get(settings.text_column, [])
    labels = [
        None if label is None else spelled.get(label, label)
        for label in label_names(table, settings.label_column)
    ]
    texts, kept, rows, without = [], [], [], []
    for value, label, row in zip(values, labels, table.rows, strict=True):
        if isinstance(value, str):
            texts.append(value)
            kept.append(label)
            rows.append(row)
        else:
            held = "nothing" if value is None else f"{type(value).__name__} {value!r:.40}"
            without.append(Example((Place(name, table.origin, row),), "", f"holds {held}"))
    split = CheckedSplit(name, table.origin, texts, kept, rows)
    if not without:
        return split, []
    message = f"{counted(len(without), 'row')} of {name} without text; training would stop there"
    return split, [Finding("no_text", message, {"rows": len(without)}, tuple(without))]
