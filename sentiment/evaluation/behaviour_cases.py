"""From the cases as written to the cases that are tested: slots filled, fillers put around."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sentiment.errors import DataError
from sentiment.evaluation.behaviour_suite import (
    Capability,
    Directional,
    Invariance,
    Minimum,
    Suite,
)

# A suite over these is a slip of the templates, not a suite; it is refused, never cut.
MOST_TEXTS = 20_000
MOST_CHARACTERS = 20_000_000

Kind = Literal["minimum functionality", "invariance", "directional"]
KINDS: tuple[Kind, ...] = ("minimum functionality", "invariance", "directional")
# `{{` and `}}` are braces; `{name}` is a slot; any other brace is itself.
_SLOT = re.compile(r"\{\{|\}\}|\{([A-Za-z_][A-Za-z0-9_]*)\}")
Written = Minimum | Invariance | Directional


@dataclass(frozen=True)
class Case:
    """One case as it is tested.

    Attributes:
        capability: what it belongs to.
        number: the case as written, counted from 1 within the capability.
        variant: which of those the written case became, from 1.
        kind: what is asked.
        texts: one; two or more that must agree; or the first and the second.
        expect: the labels that are right (minimum functionality).
        score: `up` or `down` (directional).
        tolerance: of the score.
    """

    capability: str
    number: int
    variant: int
    kind: Kind
    texts: tuple[str, ...]
    expect: tuple[str, ...] = ()
    score: Literal["up", "down"] | None = None
    tolerance: float | None = None


def expand(suite: Suite) -> list[Case]:
    """Return every case of a suite, in its order.

    Raises:
        DataError: a slot that nothing fills, a list that nothing uses, an undeclared label, a
            case that cannot fail, one case twice, or too much of all; the case is named.
    """
    cases: list[Case] = []
    texts = characters = 0
    for name, capability in suite.content.capabilities.items():
        place = f"{suite.file}: {name}"
        _check_lists(place, capability)
        known: dict[tuple[Kind, tuple[str, ...]], int] = {}
        for number, written in enumerate(capability.cases, start=1):
            here = f"{place}, case {number}"
            _check_labels(here, written, suite.content.labels)
            _check_slots(here, written, capability)
            texts += _num_texts(written, capability)
            _check_most(here, texts, MOST_TEXTS, "texts")
            for variant, made in enumerate(_variants(here, written, capability), start=1):
                characters += sum(map(len, made))
                _check_most(here, characters, MOST_CHARACTERS, "characters")
                case = _case(name, number, variant, written, made)
                _check_can_fail(here, case)
                first = known.get((case.kind, made))
                if first is not None:
                    raise DataError(f"{here} repeats case {first}", expected="each case once")
                known[case.kind, made] = number
                cases.append(case)
    return cases


def _case(
    capability: str, number: int, variant: int, written: Written, texts: tuple[str, ...]
) -> Case:
    if isinstance(written, Minimum):
        return Case(capability, number, variant, KINDS[0], texts, expect=written.expect)
    if isinstance(written, Invariance):
        return Case(capability, number, variant, KINDS[1], texts, tolerance=written.tolerance)
    return Case(
        capability, number, variant, KINDS[2], texts,
        score=written.score, tolerance=written.tolerance,
    )  # fmt: skip


def _slots(templates: Sequence[str]) -> list[str]:
    """Return the slots of templates, each once, in the order they come."""
    found = (match[1] for template in templates for match in _SLOT.finditer(template))
    return list(dict.fromkeys(slot for slot in found if slot))


def _varied(written: Written) -> tuple[str, ...]:
    return written.vary if isinstance(written, Invariance) else ()


def _num_texts(written: Written, capability: Capability) -> int:
    """Return how many texts a written case makes, without making them."""
    slots = _slots(written.templates)
    many = math.prod(len(capability.fill[slot]) for slot in slots) * len(written.templates)
    repeat = written.repeat
    return many * (len(repeat.words) * len(repeat.at) if repeat else 1)


def _variants(here: str, written: Written, capability: Capability) -> Iterator[tuple[str, ...]]:
    """Make the texts of each case that a written one becomes: the product of its slots."""
    varied = _varied(written)
    slots = [slot for slot in _slots(written.templates) if slot not in varied]
    for values in itertools.product(*(capability.fill[slot] for slot in slots)):
        filled = dict(zip(slots, values, strict=True))
        texts = tuple(
            _fill(template, {**filled, **dict(zip(varied, inner, strict=True))})
            for inner in itertools.product(*(capability.fill[slot] for slot in varied))
            for template in written.templates
        )
        if written.repeat is None:
            yield texts
            continue
        for words, at in itertools.product(written.repeat.words, written.repeat.at):
            yield tuple(_surround(here, text, capability.filler or (), words, at) for text in texts)


def _fill(template: str, values: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        return values[match[1]] if match[1] else match[0][0]

    return _SLOT.sub(value, template)


def _surround(here: str, text: str, filler: Sequence[str], words: int, at: str) -> str:
    """Put sentences around a text until all has at least so many words."""
    length = len(text.split())
    if length >= words:
        raise DataError(
            f"{here}: repeat.words is {words}, but the text alone has {length}",
            expected=f"more than {length}",
        )
    around: list[str] = []
    for sentence in itertools.cycle(filler):
        if length >= words:
            break
        around.append(sentence)
        length += len(sentence.split())
    before = {"start": 0, "middle": len(around) // 2, "end": len(around)}[at]
    return " ".join([*around[:before], text, *around[before:]])


def _check_lists(place: str, capability: Capability) -> None:
    """Refuse lists that nothing uses: a slot's name may be misspelt, a `repeat` forgotten."""
    used = {slot for written in capability.cases for slot in _slots(written.templates)}
    unused = [slot for slot in capability.fill if slot not in used]
    if unused:
        raise DataError(f"{place}: no case has the slot {{{unused[0]}}} that fill names")
    repeated = [i for i, written in enumerate(capability.cases, start=1) if written.repeat]
    if repeated and capability.filler is None:
        raise DataError(
            f"{place}, case {repeated[0]}: nothing to repeat",
            expected="the capability's filler: […]",
        )
    if capability.filler is not None and not repeated:
        raise DataError(f"{place}: filler is used by no case", expected="a case with repeat: …")


def _check_labels(
    here: str, written: Written, labels: Mapping[str, tuple[str, ...]] | None
) -> None:
    expect = written.expect if isinstance(written, Minimum) else ()
    undeclared = [name for name in expect if labels is not None and name not in labels]
    if undeclared:
        raise DataError(
            f"{here}: the label {undeclared[0]!r} is not declared",
            expected=f"one of {', '.join(labels or ())}, or another key under labels",
        )


def _check_slots(here: str, written: Written, capability: Capability) -> None:
    slots = _slots(written.templates)
    unknown = [slot for slot in slots if slot not in capability.fill]
    if unknown:
        raise DataError(
            f"{here}: nothing fills {{{unknown[0]}}}",
            expected=f"a list {unknown[0]} under fill, or {{{{{unknown[0]}}}}} for the braces",
        )
    strange = [slot for slot in _varied(written) if slot not in slots]
    if strange:
        raise DataError(
            f"{here}: vary names {strange[0]!r}, a slot that no text has",
            expected=f"one of {', '.join(slots)}" if slots else "a text with a slot",
        )


def _check_can_fail(here: str, case: Case) -> None:
    if case.kind == "invariance" and len(set(case.texts)) < max(2, len(case.texts)):
        raise DataError(f"{here}: same has fewer than two different texts, or one twice")
    if case.kind == "directional" and case.texts[0] == case.texts[1]:
        raise DataError(f"{here}: from and to are the same text")


def _check_most(here: str, count: int, most: int, what: str) -> None:
    if count > most:
        raise DataError(
            f"{here} brings the suite to {count:,} {what}",
            expected=f"at most {most:,}; shorten the lists under fill",
        )
