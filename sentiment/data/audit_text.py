"""A data check in words: short, with rows named and long lists cut where it says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sentiment.data.findings import KINDS, SERIOUS, Audit, Example, Finding, Place, SplitSummary

_EXCERPT_CHARACTERS = 60
_MOST_PLACES = 6


def audit_lines(audit: Audit, *, most_examples: int) -> Iterator[str]:
    """Yield the lines of a report: the splits, each finding with examples, what was not found."""
    rows = sum(split.rows for split in audit.splits)
    yield f"checked {audit.source}: {rows:,} rows in {audit.seconds:.1f} s"
    yield ""
    yield from _table(audit.splits)
    if audit.notes:
        yield ""
        yield from (f"  {note}" for note in audit.notes)
    for finding in audit.findings:
        yield ""
        yield from _finding_lines(finding, most_examples)
    if not audit.complete:
        yield ""
        yield "  too many texts resemble one another to compare all: there are more near duplicates"
    if none := _not_found(audit):
        yield ""
        yield f"not found: {', '.join(none)}"


def _not_found(audit: Audit) -> list[str]:
    """Return the names of what was looked for in vain; between splits only if there are two."""
    skipped = {"training_stops", "overlap", "near_overlap"}
    if len(audit.splits) < 2:
        skipped |= {"leak", "near_leak", "label_shift"}
    found = {finding.kind for finding in audit.findings}
    return [name for kind, name in KINDS.items() if kind not in found | skipped]


def _table(splits: tuple[SplitSummary, ...]) -> Iterator[str]:
    names = max([len("split"), *(len(split.name) for split in splits)])
    rows = max([len("rows"), *(len(f"{split.rows:,}") for split in splits)])
    yield f"  {'split':<{names}}  {'rows':>{rows}}  characters       classes"
    for split in splits:
        length = f"{split.median_characters:,} to {split.most_characters:,}"
        classes = " · ".join(
            f"{name} {count:,} ({count / split.labelled:.0%})"
            for name, count in split.classes.items()
        )
        yield (
            f"  {split.name:<{names}}  {split.rows:>{rows},}  {length:<15}  "
            f"{classes or 'no labels'}"
        )


def _finding_lines(finding: Finding, most_examples: int) -> Iterator[str]:
    mark = "!" if finding.kind in SERIOUS else "-"
    yield f"{mark} {finding.message}"
    for example in finding.examples[:most_examples]:
        yield f"    {_example_line(example)}"
    if (more := len(finding.examples) - most_examples) > 0:
        cases = f"and {more:,} more" if most_examples else f"{more:,} cases"
        yield f"    … {cases} (--examples N shows N, --json all)"


def _example_line(example: Example) -> str:
    parts = [_places(example.places)]
    if example.detail:
        parts.append(f"({example.detail})")
    if example.text:
        parts.append(excerpt(example.text))
    return " ".join(parts)


def _places(places: tuple[Place, ...]) -> str:
    named: dict[str, list[int]] = {}
    for place in places[:_MOST_PLACES]:
        named.setdefault(_file(place), []).append(place.row)
    text = " = ".join(
        f"{file} row{'s' if len(rows) > 1 else ''} {', '.join(map(str, rows))}"
        for file, rows in named.items()
    )
    more = len(places) - _MOST_PLACES
    return f"{text} and {more:,} more" if more > 0 else text


def _file(place: Place) -> str:
    file = Path(place.file).name
    return f"{place.split} ({file})" if place.split and Path(file).stem != place.split else file


def excerpt(text: str) -> str:
    """Return how a text begins, on one line in quotes, control characters written out."""
    line = " ".join(text.split())
    shown = "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode()
        for sign in line[:_EXCERPT_CHARACTERS]
    )
    return f'"{shown}{"…" if len(line) > _EXCERPT_CHARACTERS else ""}"'
