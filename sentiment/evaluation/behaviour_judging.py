"""What counts as right: the answers of a model against what the cases of a suite ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.evaluation.behaviour_cases import Case

if TYPE_CHECKING:
    from sentiment.runtime.answers import Prediction


@dataclass(frozen=True)
class Outcome:
    """What the model made of a case.

    Attributes:
        case: the case.
        answers: one prediction a text.
        right: the classes that would be right (minimum functionality); else empty.
        skipped: why the case says nothing about this model, or None.
        failure: what went wrong, in words, or None.
    """

    case: Case
    answers: tuple[Prediction, ...]
    right: frozenset[str]
    skipped: str | None
    failure: str | None


def judge(
    cases: Sequence[Case],
    answers: Mapping[str, Prediction],
    classes: Sequence[str],
    labels: Mapping[str, Sequence[str]],
) -> list[Outcome]:
    """Compare answers with what the cases ask for.

    Args:
        cases: of any kinds.
        answers: by text.
        classes: the model's, in its order.
        labels: from most negative to most positive, and which other class names count as each.
    """
    own = _Classes(classes, labels)
    outcomes = []
    for case in cases:
        found = tuple(answers[text] for text in case.texts)
        skipped = own.why_skipped(case)
        failure = None if skipped else _failure(case, found, own)
        outcomes.append(Outcome(case, found, own.right(case.expect), skipped, failure))
    return outcomes


class _Classes:
    """The model's classes, as the labels of a suite see them."""

    def __init__(self, classes: Sequence[str], labels: Mapping[str, Sequence[str]]) -> None:
        self.classes = tuple(classes)
        self._folded = Counter(name.casefold() for name in classes)
        self._label_of = {
            name: label
            for label, others in labels.items()
            for other in (label, *others)
            for name in self._named(other)
        }
        self._labels = labels
        self._score_is_polarity = not labels or self._run_along(list(labels))

    def _run_along(self, labels: list[str]) -> bool:
        """Return whether the score's two ends are labels, and what lies between is in order."""
        ranks = [
            labels.index(self._label_of[name]) for name in self.classes if name in self._label_of
        ]
        ends = {self.classes[0], self.classes[-1]} <= self._label_of.keys()
        return ends and ranks == sorted(ranks) and ranks[0] < ranks[-1]

    def _named(self, label: str) -> tuple[str, ...]:
        """Return the class of that name; case is ignored where that is unambiguous."""
        if label in self.classes:
            return (label,)
        folded = label.casefold()
        return tuple(
            name for name in self.classes if name.casefold() == folded and self._folded[folded] == 1
        )

    def right(self, expect: Sequence[str]) -> frozenset[str]:
        """Return the classes that count as one of the labels."""
        names = [other for label in expect for other in (label, *self._labels.get(label, ()))]
        return frozenset(name for other in names for name in self._named(other))

    def label(self, name: str) -> str:
        """Return the label that a class counts as: itself, if the suite says nothing else."""
        return self._label_of.get(name, name)

    def why_skipped(self, case: Case) -> str | None:
        """Return why a case says nothing about a model with these classes, or None."""
        if case.expect:
            right = self.right(case.expect)
            if not right:
                return f"the model has no class {' or '.join(map(repr, case.expect))}"
            if len(right) == len(self.classes):
                return f"every class of the model counts as {' or '.join(map(repr, case.expect))}"
        if case.tolerance is not None and not self._score_is_polarity:
            return (
                f"the score from {self.classes[0]} to {self.classes[-1]} is not that of the suite"
            )
        return None


def _failure(case: Case, answers: Sequence[Prediction], own: _Classes) -> str | None:
    if case.kind == "minimum functionality":
        [answer] = answers
        return None if answer.label in own.right(case.expect) else f"got {answer.label}"
    scores = [answer.score for answer in answers]
    if case.kind == "invariance":
        labels = list(dict.fromkeys(own.label(answer.label) for answer in answers))
        if len(labels) > 1:
            return f"got {' and '.join(labels)}"
        spread = round(max(scores) - min(scores), 4)
        if case.tolerance is not None and spread > case.tolerance:
            return f"the scores lie {spread:.2f} apart, over the tolerance of {case.tolerance:g}"
        return None
    move = round(scores[1] - scores[0], 4)
    # A tie is no failure: two texts may both stand at the end of the scale.
    if (move if case.score == "up" else -move) >= -(case.tolerance or 0):
        return None
    return f"the score moved {move:+.2f}"
