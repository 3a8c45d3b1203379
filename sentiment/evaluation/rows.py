"""Which rows `sentiment eval` evaluates, and which ones its baselines are trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.config import DataSettings
from sentiment.data.labels import UnknownLabel
from sentiment.data.load import LabelledTexts, Splits, load_labelled, load_split, load_splits
from sentiment.errors import DataError
from sentiment.evaluation.classes import Meaning, check_numbers, with_meaning


@dataclass(frozen=True, eq=False)
class EvaluationRows:
    """Rows to evaluate.

    Attributes:
        data: the labelled rows.
        train: the rows the model was trained on; None where they cannot be had.
        source: where `data` came from.
        notes: what a reader of the figures must know.
    """

    data: LabelledTexts
    train: LabelledTexts | None
    source: str
    notes: tuple[str, ...] = ()


def own_rows(settings: DataSettings, split: str, info: Mapping[str, Any]) -> EvaluationRows:
    """Return a split of the data the model was trained on, split as it was for training.

    Args:
        settings: the model's own.
        split: `test`, `validation` or `train`.
        info: the content of the model's model.json.

    Raises:
        DataError: the data cannot be read, or has no such split.
    """
    splits = load_splits(settings)
    there = splits.by_name
    if split not in there:
        raise DataError(
            f"{settings.source} has no split {split!r}",
            expected=f"--split {' or '.join(there)}, or --data with other labelled texts",
        )
    notes = []
    if not _is_trained_on(splits, info):
        notes.append(
            f"{settings.source} has changed since the model was trained: "
            "rows of this split may have been train rows"
        )
    if split == "train":
        notes.append("these are the train rows: the figures say nothing about new texts")
    else:
        notes.extend(_known_texts(there[split], splits.train))
    return EvaluationRows(there[split], splits.train, settings.source, tuple(notes))


def other_rows(
    settings: DataSettings,
    there: DataSettings,
    split: str,
    info: Mapping[str, Any],
    *,
    meaning: Meaning | None = None,
) -> EvaluationRows:
    """Return rows of other data, and the rows the model was trained on if they can be had.

    Args:
        settings: the model's own.
        there: the same with the source (a file, of which all rows count, or a folder or hub id),
            the columns and the model's classes put in.
        split: which split of a folder or hub id.
        info: the content of the model's model.json.
        meaning: what the data's labels mean; None: they are the model's classes.

    Raises:
        DataError: the other data cannot be read, has no such split or an unknown label, or its
            labels are numbers that do not count through all classes of the model.
    """
    try:
        if meaning is None:
            rows = _load_other(there, split)
            check_numbers(rows)
        else:
            own = there.model_copy(update={"classes": meaning.labels})
            rows = meaning.apply(_load_other(own, split))
    except UnknownLabel as error:
        raise with_meaning(error, there.classes or (), meaning) from None
    # A local copy of the very data serves as well, and saves asking the network for it.
    elsewhere = meaning is not None or Path(there.source).is_file()
    places = [settings] if elsewhere else [there, settings]
    train, notes = _find_train(places, info)
    return EvaluationRows(rows, train, there.source, (*notes, *_known_texts(rows, train)))


def seen_in_train(rows: LabelledTexts, train: LabelledTexts | None) -> NDArray[np.bool_] | None:
    """Return of each row whether its very text is a train row (rows,); None without train rows."""
    if train is None:
        return None
    known = set(train.texts)
    return np.fromiter((text in known for text in rows.texts), dtype=np.bool_, count=len(rows))


def _known_texts(rows: LabelledTexts, train: LabelledTexts | None) -> list[str]:
    """Say how many of the texts the model has learned by heart, if any."""
    mask = seen_in_train(rows, train)
    if mask is None or not (seen := int(mask.sum())):
        return []
    stand = "stands" if seen == 1 else "stand"
    return [
        f"{seen:,} of {len(rows):,} texts {stand} in the train rows of this model: "
        "what it says of them is no measure of how it does on new texts"
    ]


def _load_other(settings: DataSettings, split: str) -> LabelledTexts:
    try:
        return load_labelled(
            settings.source,
            classes=settings.classes or (),
            split=split,
            text_column=settings.text_column,
            label_column=settings.label_column,
        )
    except UnknownLabel:
        raise
    except DataError:
        if split == "test" or Path(settings.source).is_file():
            raise
        # A validation split that is no file is split off the train rows, as for training.
        return load_split(settings, split)


def _find_train(
    places: Sequence[DataSettings], info: Mapping[str, Any]
) -> tuple[LabelledTexts | None, tuple[str, ...]]:
    """Return the train rows of the place that has the model's own data; the last place is its."""
    splits, reason = None, ""
    for settings in places:
        try:
            splits = load_splits(settings)
        except DataError as error:
            splits, reason = None, error.what
            continue
        if _is_trained_on(splits, info):
            return splits.train, ()
    if splits is None:
        return None, (f"no baseline: the train rows cannot be read ({reason})",)
    changed = f"{places[-1].source} has changed since the model was trained on it"
    return splits.train, (f"{changed}: the baselines are trained on it as it is now",)


def _is_trained_on(splits: Splits, info: Mapping[str, Any]) -> bool:
    known = info.get("data", {}).get("fingerprint")
    return known is None or known == splits.fingerprint
