"""Texts to pretrain on: all that a source has, without what a model will be judged on.

A source needs no labels for this. Where it has some, the texts of its validation and test splits
are found as in training and left out, wherever else they stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sentiment.config import DataSettings
from sentiment.data.labelled import need_columns, table_texts
from sentiment.data.labels import UNLABELLED, infer_classes, label_name
from sentiment.data.load import splits_of
from sentiment.data.tables import WHOLE, Table, read_tables
from sentiment.errors import DataError

# With fewer there is nothing to learn from.
FEWEST_TEXTS = 100
LARGEST_HELD_OUT_SHARE = 0.1
_JUDGED = ("validation", "test")


@dataclass(frozen=True, eq=False)
class UnlabelledTexts:
    """Texts without labels, different from one another, none of them blank.

    Attributes:
        texts: to learn from.
        held_out: to measure on.
        fingerprint: SHA-256 over all of them in the source's order.
        notes: lines for the log: how many came from where, and what was left out.
    """

    texts: list[str]
    held_out: list[str]
    fingerprint: str
    notes: tuple[str, ...]


def load_unlabelled_texts(
    settings: DataSettings, *, held_out_texts: int, seed: int
) -> UnlabelledTexts:
    """Load the unlabelled texts of a source, and those of its train split without their labels.

    `data.max_train_rows` does not apply: it limits labels, and none is read here.

    Args:
        settings: where the texts are.
        held_out_texts: how many to hold out, chosen at random; at most a tenth of all.
        seed: of that choice.

    Raises:
        DataError: the source cannot be read, a cell holds no text, or there are too few texts.
    """
    tables = read_tables(settings.source, label_column=settings.label_column)
    learned, judged = _sorted_out(tables, settings.model_copy(update={"max_train_rows": None}))
    if not learned:
        raise DataError(
            f"{settings.source} has nothing to pretrain on (it has {', '.join(tables)})",
            expected="an unsupervised or a train split, or a file of texts",
        )
    notes = [f"{len(texts):,} texts of {origin}" for origin, texts in learned.items()]
    left_out = frozenset(text for texts in judged for text in texts)
    texts = [text for texts in learned.values() for text in texts]
    kept = list(dict.fromkeys(text for text in texts if text.strip() and text not in left_out))
    if left_out:
        notes.append(f"{len(left_out):,} texts of validation and test are left out")
    if len(kept) < len(texts):
        notes.append(f"{len(texts) - len(kept):,} blank, repeated or left-out texts are not read")
    if len(kept) < FEWEST_TEXTS:
        raise DataError(
            f"{settings.source} has {len(kept)} different texts to pretrain on",
            expected=f"at least {FEWEST_TEXTS}; each line of a .txt file is a text",
            run="sentiment pretrain … --set data.source=PATH",
        )
    count = min(held_out_texts, int(len(kept) * LARGEST_HELD_OUT_SHARE))
    chosen = set(np.random.default_rng(seed).permutation(len(kept))[:count].tolist())
    parts: tuple[list[str], list[str]] = ([], [])
    for number, text in enumerate(kept):
        parts[number in chosen].append(text)
    return UnlabelledTexts(*parts, _fingerprint(kept), tuple(notes))


def _sorted_out(
    tables: Mapping[str, Table], settings: DataSettings
) -> tuple[dict[str, list[str]], list[list[str]]]:
    """Return the texts to learn from by their origin, and those that are judged on."""
    for table in tables.values():
        need_columns(table, settings.text_column)
    learned, judged = {}, []
    train = tables.get(WHOLE, tables.get("train"))
    labelled = {name: table for name, table in tables.items() if name != "unsupervised"}
    if train is not None and _has_labels(train, settings):
        splits = splits_of(labelled, settings)
        learned[f"{train.origin}, without their labels"] = splits.train.texts
        judged = [part.texts for part in (splits.validation, splits.test) if part is not None]
    elif train is not None:
        learned[train.origin] = table_texts(train, settings.text_column)
    # Also splits that training would not read, such as a test split without labels.
    judged += [
        table_texts(tables[name], settings.text_column) for name in _JUDGED if name in tables
    ]
    if "unsupervised" in tables:
        unsupervised = tables["unsupervised"]
        learned[unsupervised.origin] = table_texts(unsupervised, settings.text_column)
    return learned, judged


def _has_labels(table: Table, settings: DataSettings) -> bool:
    """Return whether training could use the labels, and so would split by them."""
    names = {label_name(value) for value in table.columns.get(settings.label_column, [])}
    if not names - {None, str(UNLABELLED)}:
        return False
    try:
        return bool(settings.classes or infer_classes(table, settings.label_column))
    except DataError:  # one label only, or a column of something else
        return False


def _fingerprint(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(b"%d " % len(content))  # keeps two texts from running into one another
        digest.update(content)
    return digest.hexdigest()
