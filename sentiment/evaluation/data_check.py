"""`data_check.json`: the data check of the evaluated rows and the train rows, short enough to show.

`sentiment data check` says the same of a whole source, with every row named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sentiment.data.findings import KINDS, SERIOUS, CheckedSplit, Finding, summary_of
from sentiment.data.repeats import repeat_findings
from sentiment.data.row_findings import balance_findings, text_findings

if TYPE_CHECKING:
    from sentiment.data.load import LabelledTexts

EXAMPLES = 3
# Comparing all texts for near duplicates takes about 15 s for so many IMDb reviews on two cores.
MOST_CHARACTERS = 80_000_000
# Rows that could not be read never come here, and unlabelled ones are not evaluated.
_NOT_LOOKED_FOR = frozenset(
    {
        "training_stops",
        "unreadable_row",
        "joined_rows",
        "no_text",
        "no_label",
        "label_spelling",
        "overlap",
        "near_overlap",
    }
)


def check_data(data: LabelledTexts, train: LabelledTexts | None, split: str) -> dict[str, Any]:
    """Return what was checked and found, as plain JSON data.

    Args:
        data: the evaluated rows.
        train: the train rows, where they are known.
        split: the name of the evaluated rows.
    """
    parts = [(split, data)]
    if train is not None and split != "train":
        parts.insert(0, ("train", train))
    splits = [_checked(name, part) for name, part in parts]
    near = sum(len(text) for _, part in parts for text in part.texts) <= MOST_CHARACTERS
    repeats, complete = repeat_findings(splits, near=near)
    classes = tuple(dict.fromkeys(name for _, part in parts for name in part.classes))
    summaries = [summary_of(part, classes) for part in splits]
    findings = [*repeats, *text_findings(splits), *balance_findings(summaries)]
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    found = {finding.kind for finding in findings}
    return {
        "splits": [
            {
                "name": summary.name,
                "rows": summary.rows,
                "classes": summary.classes,
                "median_characters": summary.median_characters,
                "most_characters": summary.most_characters,
            }
            for summary in summaries
        ],
        "near": near and complete,
        "findings": [_entry(finding) for finding in findings],
        "none": [
            title
            for kind, title in KINDS.items()
            if kind not in found | _NOT_LOOKED_FOR and (near or not kind.startswith("near_"))
        ],
    }


def _checked(name: str, part: LabelledTexts) -> CheckedSplit:
    labels: list[str | None] = [part.classes[label] for label in part.labels]
    return CheckedSplit(name, part.origin, list(part.texts), labels, part.rows.tolist())


def _entry(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "message": finding.message,
        "serious": finding.kind in SERIOUS,
        "counts": finding.counts,
        "examples": [
            {
                "text": example.text,
                "detail": example.detail,
                "places": [f"{place.split} row {place.row}" for place in example.places[:4]],
            }
            for example in finding.examples[:EXAMPLES]
        ],
    }
