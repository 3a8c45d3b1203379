"""`--classes`: what the labels of other data mean among a model's classes.

negative,positive            the data's labels 0 and 1; the model's other classes are left out
bad=negative,good=positive   the data's own names, in its order, each with the model's class
"""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sentiment.data.class_order import MOST_PROPOSED, likely_meaning
from sentiment.data.labelled import LabelledTexts, numbers_left_out
from sentiment.data.labels import UnknownLabel
from sentiment.errors import DataError


@dataclass(frozen=True)
class Meaning:
    """What the data's labels mean.

    Attributes:
        labels: the data's labels by name, in the order its numbers count.
        means: the model's class of each.
        among: the model's classes that the data has, in the model's order.
    """

    labels: tuple[str, ...]
    means: tuple[str, ...]
    among: tuple[str, ...]

    def apply(self, data: LabelledTexts) -> LabelledTexts:
        """Return data that was labelled with `labels`, labelled with `among`."""
        places = np.array([self.among.index(name) for name in self.means], np.int32)
        return replace(data, labels=places[data.labels], classes=self.among)


def read_meaning(text: str, classes: Sequence[str]) -> Meaning:
    """Read what `--classes` says, for a model with these classes.

    Raises:
        DataError: a name is no class of the model, a label stands twice, or one class is left.
    """
    labels, means = [], []
    for item in text.split(","):
        label, equals, name = (part.strip() for part in item.partition("="))
        if not equals:
            name = label
        if name not in classes:
            near = difflib.get_close_matches(name, classes, n=1)
            hint = f", perhaps {near[0]!r}" if near else ""
            raise DataError(
                f"--classes names {name!r}, which is no class of the model",
                expected=f"some of {', '.join(classes)}{hint}",
            )
        if not label or label in labels:
            what = f"names {label!r} twice" if label else f"gives no label for {name!r}"
            raise DataError(f"--classes {what}", expected="LABEL=CLASS with each label once")
        labels.append(label)
        means.append(name)
    among = tuple(name for name in classes if name in means)
    if len(among) < 2:
        raise DataError(
            f"--classes leaves the model one class, {among[0]!r}", expected="two or more"
        )
    return Meaning(tuple(labels), tuple(means), among)


def check_numbers(data: LabelledTexts) -> None:
    """Refuse bare numbers that do not count through all classes of the model.

    0 and 1 may be negative and positive where the model's first two classes are negative and
    neutral, and so may 1 and 2: figures of a guess would be worse than none.

    Raises:
        DataError: the labels are such numbers.
    """
    if left_out := numbers_left_out([data]):
        numbers = left_out[1]
        raise DataError(
            f"the labels of {data.origin} are the numbers {', '.join(map(str, numbers))}, and the "
            f"model's classes are {', '.join(data.classes)}",
            expected="the meaning of each number",
            run=_with_classes(likely_meaning(map(str, numbers), data.classes)),
        )


def with_meaning(error: UnknownLabel, classes: Sequence[str], meaning: Meaning | None) -> DataError:
    """Return the error with the `--classes` that would give the labels of the data a meaning.

    Args:
        error: a label is none of the model's classes, or of those that `--classes` names.
        classes: the model's.
        meaning: what `--classes` says already.
    """
    if len(error.names) > MOST_PROPOSED:
        run = "sentiment eval … --classes LABEL=CLASS,…"
    elif meaning is None or not set(meaning.labels).intersection(error.names):
        run = _with_classes(likely_meaning(error.names, classes))
    else:
        pairs = zip(meaning.labels, meaning.means, strict=True)
        said = [f"{label}={name}" for label, name in pairs]
        said += [f"{label}=CLASS" for label in error.names if label not in meaning.labels]
        run = _with_classes(",".join(said))
    return DataError(error.what, expected=error.expected, run=run)


def _with_classes(meaning: str) -> str:
    return f"sentiment eval … --classes {shlex.quote(meaning)}"
