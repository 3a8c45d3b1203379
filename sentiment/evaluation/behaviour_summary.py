"""What `sentiment eval --behaviour` prints: a line for each capability, then what went wrong."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from sentiment.evaluation import wording
from sentiment.evaluation.summary import align

MAX_TEXT = 88
# Of a long text, what is shown of its beginning; the rest is its end.
HEAD = 54


def format_behaviour(results: dict[str, Any], *, examples: int = 3) -> str:
    """Return the table by capability, what was skipped, and up to so many failures of each."""
    total, suite = results["total"], results["suite"]
    head = (
        f"{results['model']['name']} on {suite['name']}: {wording.count(total['cases'])} cases "
        f"of {wording.count(total['written'])} written, {wording.count(total['tested'])} tested"
    )
    blocks = [head, _table(results), _notes(results), *_examples(results, examples)]
    text = "\n\n".join(block for block in blocks if block)
    return text.replace(wording.NARROW, " ").replace(wording.WIDE, " ")


def _table(results: dict[str, Any]) -> str:
    rows = [
        ["capability", "written", "cases", "skipped", "failures", "rate", "95 % interval"],
        *[
            _row(printable(entry["name"]) + (" (hard)" if entry["hard"] else ""), entry)
            for entry in results["capabilities"]
        ],
        _row("all", results["total"]),
    ]
    return align(rows)


def _row(name: str, figures: dict[str, Any]) -> list[str]:
    counts = [figures[key] for key in ("written", "cases", "skipped", "failures")]
    rate = figures["failure_rate"]
    return [
        name,
        *[wording.count(count) for count in counts],
        wording.percent(rate["value"]),
        wording.percent_interval(rate),
    ]


def _notes(results: dict[str, Any]) -> str:
    total, labelled = results["total"], results["kinds"]["minimum functionality"]
    lines = [_compared(labelled, results["baseline"])] if labelled["tested"] else []
    lines += [
        f"skipped, neither passed nor failed: {_cases(count)}: {printable(reason)}"
        for reason, count in total["why_skipped"].items()
    ]
    if total["truncated"]:
        lines.append(f"in {_cases(total['truncated'])} the model did not read all of a text")
    return "\n".join(lines)


def _compared(labelled: dict[str, Any], baseline: dict[str, Any]) -> str:
    """Set the model beside a constant answer, which passes any invariance and any direction."""
    model, constant = (
        f"{wording.count(figures['failures'])}, {wording.percent(figures['failure_rate']['value'])}"
        for figures in (labelled, baseline)
    )
    return (
        f"of the {_cases(labelled['tested'])} that expect a label the model fails {model}; always "
        f"answering {printable(baseline['answer'])} would fail {constant}"
    )


def _cases(count: int) -> str:
    return f"{wording.count(count)} case{'s' if count != 1 else ''}"


def _examples(results: dict[str, Any], most: int) -> Iterator[str]:
    for entry in results["capabilities"]:
        if not entry["failures"] or not most:
            continue
        failed = [
            case
            for case in results["cases"]
            if case["result"] == "failed" and case["capability"] == entry["name"]
        ]
        shown = _varied(failed)[:most]
        lines = [f"{printable(entry['name'])}: {len(shown)} of {_failures(len(failed))}"]
        for case in shown:
            lines += [f"  {line}" for line in _case_lines(case)]
        yield "\n".join(lines)


def _failures(count: int) -> str:
    return f"{wording.count(count)} failure{'s' if count != 1 else ''}"


def _varied(failed: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put one failure of each written case first: fills of one template tell the same story."""
    turns: list[tuple[int, dict[str, Any]]] = []
    for _, group in itertools.groupby(failed, key=lambda case: int(case["case"])):
        turns += enumerate(group)
    return [case for _, case in sorted(turns, key=lambda turn: turn[0])]


def _case_lines(case: dict[str, Any]) -> list[str]:
    got = case["got"]
    if case["kind"] == "minimum functionality":
        expected = " or ".join(map(printable, case["expected"]))
        return [f"expected {expected}, got {_answer(got[0])}: {_quoted(got[0])}"]
    if case["kind"] == "directional":
        wanted = "no lower" if case["expected"] == "up" else "no higher"
        change = f"{_score(got[0])} → {_score(got[1])}"
        return [
            f"expected a score {wanted}, got {change}",
            *(
                f"  {name} {_quoted(answer)}"
                for name, answer in zip(("from", "to  "), got, strict=True)
            ),
        ]
    pair = _contrary(got)
    return [
        f"expected one label, {printable(case['why'])}",
        *(f"  {_answer(answer)}: {_quoted(answer)}" for answer in pair),
    ]


def _contrary(got: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the two answers that disagree most: of other labels if there are any."""
    scored = sorted(got, key=lambda answer: float(answer["score"]))
    lowest, highest = scored[0], scored[-1]
    if lowest["label"] == highest["label"]:
        others = [answer for answer in scored if answer["label"] != lowest["label"]]
        highest = others[-1] if others else highest
    return [lowest, highest]


def _answer(answer: dict[str, Any]) -> str:
    doubt = f" ({answer['warning']})" if answer["warning"] else ""
    return f"{printable(answer['label'])} {_score(answer)}{doubt}"


def _score(answer: dict[str, Any]) -> str:
    return wording.signed(answer["score"], 2)


def _quoted(answer: dict[str, Any]) -> str:
    text = printable(" ".join(str(answer["text"]).split()))
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:HEAD].rstrip()} … {text[HEAD - MAX_TEXT + 3 :].lstrip()}"


def printable(text: str) -> str:
    """Return a text with everything escaped that could move a terminal's cursor."""
    return "".join(c if c.isprintable() or c in _JOINERS else ascii(c)[1:-1] for c in text)


# Not printable by Unicode, but what holds an emoji together.
_JOINERS = "\N{ZERO WIDTH JOINER}"
