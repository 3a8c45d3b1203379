"""Faults of single rows and of class counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sentiment.data.findings import (
    CheckedSplit,
    Example,
    Finding,
    Place,
    SplitSummary,
    counted,
    opening,
)
from sentiment.data.text_faults import TEXT_FAULTS, text_faults
from sentiment.files import RowFault

# The largest class against the smallest; below this, accuracy still says something.
_IMBALANCE = 3.0
# The share of rows that would have to change class for two splits to be alike.
_LABEL_SHIFT = 0.1


def fault_findings(faults: Sequence[RowFault]) -> Iterator[Finding]:
    """Report the rows that could not be read."""
    if faults:
        examples = tuple(
            Example((Place("", fault.file, fault.row),), "", fault.reason) for fault in faults
        )
        verb = "row cannot", "rows cannot"
        message = f"{counted(len(faults), *verb)} be read; training would stop there"
        yield Finding("unreadable_row", message, {"rows": len(faults)}, examples)


def text_findings(splits: Sequence[CheckedSplit]) -> Iterator[Finding]:
    """Report empty, huge and damaged texts, and labels missing among labels, split by split."""
    for split in splits:
        found: dict[str, list[Example]] = {}
        labelled = any(label is not None for label in split.labels)
        for position, text in enumerate(split.texts):
            faults = text_faults(text)
            if labelled and split.labels[position] is None:
                faults["no_label"] = None
            for kind, detail in faults.items():
                example = Example((split.place(position),), opening(text), detail)
                found.setdefault(kind, []).append(example)
        for kind, examples in found.items():
            message = f"{split.name}: {counted(len(examples), *TEXT_FAULTS[kind])}"
            yield Finding(kind, message, {"rows": len(examples)}, tuple(examples))


def balance_findings(splits: Sequence[SplitSummary]) -> Iterator[Finding]:
    """Report classes that are rare or absent, and splits whose class shares differ from train's."""
    labelled = [split for split in splits if split.labelled]
    for split in labelled:
        present = {name: rows for name, rows in split.classes.items() if rows}
        for name in (name for name, rows in split.classes.items() if not rows):
            message = f"{split.name} has no row of class {name}"
            yield Finding("absent_class", message, {"rows": 0})
        largest, smallest = (
            max(present, key=present.__getitem__),
            min(present, key=present.__getitem__),
        )
        ratio = present[largest] / present[smallest]
        if ratio >= _IMBALANCE:
            message = (
                f"{split.name} has {ratio:.1f} times as many rows of class {largest} "
                f"({present[largest]:,}) as of {smallest} ({present[smallest]:,})"
            )
            yield Finding("imbalance", message, dict(present))
    for split in labelled[1:]:
        yield from _shift(labelled[0], split)


def _shift(first: SplitSummary, split: SplitSummary) -> Iterator[Finding]:
    gaps = {
        name: split.classes[name] / split.labelled - rows / first.labelled
        for name, rows in first.classes.items()
    }
    if sum(map(abs, gaps.values())) / 2 >= _LABEL_SHIFT:
        name = max(gaps, key=lambda key: abs(gaps[key]))
        message = (
            f"{split.name} and {first.name} differ in class shares: class {name} is "
            f"{split.classes[name] / split.labelled:.0%} against "
            f"{first.classes[name] / first.labelled:.0%}"
        )
        yield Finding("label_shift", message, {"rows": split.classes[name]})
