r"""Answers about the data of `general`, by those who know each kind of text best.

    python models/ask_specialists.py --data general-data --output general-answers \
        --general runs/general-specialists --films runs/imdb-best --phrases runs/sst2 \
        --reviews runs/default

copies the files of `make_general_data.py` and writes a column `probabilities` beside the texts to
learn from, for `training.teacher: probabilities`. One model answers about every text; those that
went on from it to one kind of text answer about texts of that kind, which, being of two classes,
they cannot call neutral: how neutral a text is, the first one says. Several folders of one kind
answer by their mean.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import sentiment
from sentiment.data.shares import COLUMN

CLASSES = ("negative", "neutral", "positive")
# What a specialist is asked about, and how much its answer counts beside that of `general`.
FILMS = ({"imdb"}, 1.0)
PHRASES = ({"sst2", "sst5", "sst5, changed", "pieces"}, 0.3)
REVIEWS = ({"bundled", "bundled, changed"}, 0.8)


def main() -> None:
    """Read, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="of make_general_data.py")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    parser.add_argument("--general", required=True, help="answers about every text")
    for option, which in (("films", "imdb"), ("phrases", "sst2"), ("reviews", "default")):
        help_ = f"folders of `sentiment train {which}`"
        parser.add_argument(f"--{option}", nargs="+", required=True, help=help_)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    shutil.copy(arguments.data / "validation.parquet", arguments.output)
    specialists = (
        (*FILMS, arguments.films),
        (*PHRASES, arguments.phrases),
        (*REVIEWS, arguments.reviews),
    )
    for name in ("train.parquet", "unsupervised.parquet"):
        table = pd.read_parquet(arguments.data / name)
        shares = asked([arguments.general], table.text)  # (texts, 3)
        for sources, weight, folders in specialists:
            rows = np.flatnonzero(table.source.isin(sources))
            if len(rows):
                known = fitted(asked(folders, table.text.iloc[rows]), shares[rows, 1])
                shares[rows] += weight * (known - shares[rows])
        table[COLUMN] = [dict(zip(CLASSES, row, strict=True)) for row in shares.tolist()]
        table.to_parquet(arguments.output / name, index=False)
        print(f"{arguments.output / name}: {len(table):,} texts")


def asked(folders: Sequence[str], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return the mean answer of some models: (texts, 3), NaN for a class that they do not know."""
    mean = np.zeros((len(texts), len(CLASSES)))
    for folder in folders:
        model = _loaded(folder)
        found = model.predict_arrays(list(texts)).probabilities
        columns = [
            found[:, model.classes.index(name)] if name in model.classes else np.nan
            for name in CLASSES
        ]
        mean += np.stack(np.broadcast_arrays(*columns), axis=1) / len(folders)
    return mean


_loaded = cache(sentiment.load)


def fitted(answers: NDArray[np.float64], neutral: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make room for neutral in the answers of those who do not know it: (texts, 3).

    Args:
        answers: (texts, 3), NaN for neutral if they do not.
        neutral: (texts,) the share to make room for.
    """
    if not np.isnan(answers).any():
        return answers
    made = answers * (1 - neutral)[:, None]
    made[:, 1] = neutral
    return made


if __name__ == "__main__":
    main()
