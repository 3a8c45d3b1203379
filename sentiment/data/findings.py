"""The shape of a data check: what was checked, what was found, and where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

# Every kind of finding, in the order of the report: what it is called when there is none.
KINDS = {
    "training_stops": "nothing that stops training",
    "unreadable_row": "unreadable rows",
    "joined_rows": "rows joined by a stray quote",
    "no_text": "cells without text",
    "no_label": "missing labels",
    "label_spelling": "labels spelled in two ways",
    "leak": "leaks",
    "near_leak": "near leaks",
    "conflict": "conflicting labels",
    "overlap": "texts in both train and unsupervised",
    "near_overlap": "near duplicates between train and unsupervised",
    "duplicate": "exact duplicates",
    "near_duplicate": "near duplicates",
    "empty": "empty texts",
    "huge": "huge texts",
    "replacement_character": "lost characters (U+FFFD)",
    "mojibake": "mojibake",
    "control_character": "control characters",
    "imbalance": "class imbalance",
    "absent_class": "absent classes",
    "label_shift": "difference in class shares",
}
# `--strict` fails on them: training would stop, or an evaluation say more than it knows.
SERIOUS = frozenset(
    {"training_stops", "unreadable_row", "no_text", "leak", "near_leak", "conflict"}
)
# The least similarity of near duplicates, 0 to 1.
NEAR = 0.8
_OPENING_CHARACTERS = 240


@dataclass(frozen=True, eq=False)
class CheckedSplit:
    """The rows of one split; a label is None where there is none."""

    name: str
    origin: str
    texts: list[str]
    labels: list[str | None]
    rows: list[int]

    def place(self, position: int) -> Place:
        """Return where the row at a position stands."""
        return Place(self.name, self.origin, self.rows[position])


@dataclass(frozen=True, slots=True)
class Place:
    """A row: its split, its file (or hub split), its number in that file, from 1."""

    split: str
    file: str
    row: int


@dataclass(frozen=True, slots=True)
class Example:
    """One case of a finding: where it stands, how its text begins, what is particular to it."""

    places: tuple[Place, ...]
    text: str
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of fault in one split, or between two.

    Attributes:
        kind: a key of KINDS.
        message: one line for people.
        counts: the numbers in the message, by name.
        examples: every case, in the order of the rows.
    """

    kind: str
    message: str
    counts: dict[str, int]
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitSummary:
    """What a split holds: rows by class, and lengths in characters."""

    name: str
    origin: str
    rows: int
    labelled: int
    classes: dict[str, int]
    median_characters: int
    most_characters: int


@dataclass(frozen=True, slots=True)
class Audit:
    """A whole data check.

    Attributes:
        source: what was asked for.
        splits: what was checked, split by split.
        notes: how training makes these splits.
        findings: ordered as KINDS.
        complete: False if there were too many near duplicates to compare them all.
        seconds: how long it took.
        near_threshold: the least similarity of near duplicates, 0 to 1.
    """

    source: str
    splits: tuple[SplitSummary, ...]
    notes: tuple[str, ...]
    findings: tuple[Finding, ...]
    complete: bool
    seconds: float
    near_threshold: float = NEAR

    @property
    def serious(self) -> bool:
        """Whether there is a leak or a conflict, or training would stop."""
        return any(finding.kind in SERIOUS for finding in self.findings)


def summary_of(split: CheckedSplit, classes: tuple[str, ...]) -> SplitSummary:
    """Count a split's rows by class, in the order of `classes`."""
    counts = Counter(label for label in split.labels if label is not None)
    lengths = sorted(map(len, split.texts)) or [0]
    return SplitSummary(
        name=split.name,
        origin=split.origin,
        rows=len(split.texts),
        labelled=counts.total(),
        classes={name: counts[name] for name in classes} if counts else {},
        median_characters=lengths[len(lengths) // 2],
        most_characters=lengths[-1],
    )


def opening(text: str) -> str:
    """Return as much of a text as a finding keeps."""
    return text[:_OPENING_CHARACTERS]


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return `1 row`, `2,000 rows`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
