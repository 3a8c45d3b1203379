"""Several trainings of one config in one model: the mean of their weights.

    python models/average.py runs/general-1? --data general-answers --output runs/general

Trainings that began with the same weights end near enough to one another for their mean to be a
network that errs less than each ("model soups", Wortsman et al. 2022,
https://arxiv.org/abs/2203.05482). The result is calibrated and exported as `sentiment train` does
it, with the figures of the data's validation split.
"""

from __future__ import annotations

import argparse
import csv
import shlex
import sys
from pathlib import Path

import numpy as np

from sentiment.backend import load_keras
from sentiment.config import load_config
from sentiment.data.load import load_splits
from sentiment.model_folder import TOKENIZER, open_model_folder
from sentiment.text.tokenizer import Tokenizer
from sentiment.training_plan import make_plan
from sentiment.training_run import finish


def main() -> None:
    """Read, average, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folders", nargs="+", help="of `sentiment train`, from the same start")
    parser.add_argument("--data", required=True, help="whose validation split judges")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    parser.add_argument("--set", action="append", default=[], help="a setting, as in `train`")
    arguments = parser.parse_args()
    folders = [open_model_folder(path) for path in arguments.folders]
    plan = make_plan(
        load_config(
            folders[0].path / "config.yaml", [f"data.source={arguments.data}", *arguments.set]
        ),
        output=arguments.output,
        overrides=(),
        resume=False,
        command=shlex.join(["python", *sys.argv]),
    )
    load_keras()
    from sentiment.nn.classifier import assign_weights
    from sentiment.nn.keras_network import rebuild
    from sentiment.nn.lessons import Examples
    from sentiment.nn.training import EpochRecord

    weights = [folder.load_weights() for folder in folders]
    network = rebuild(folders[0])
    assign_weights(
        network,
        {
            name: np.mean([w[name].astype(np.float32) for w in weights], axis=0)
            for name in weights[0]
        },
    )
    with (folders[0].path / "history.csv").open(encoding="utf-8", newline="") as lines:
        history = [
            EpochRecord(int(row.pop("epoch")), int(row.pop("step")), *map(float, row.values()))
            for row in csv.DictReader(lines)
        ]
    text = plan.config.text
    tokenizer = Tokenizer.load(
        folders[0].file(TOKENIZER), max_tokens=text.max_tokens, head_tokens=text.head_tokens
    )
    splits = load_splits(plan.config.data)
    validation = Examples(tokenizer.encode(splits.validation.texts), splits.validation.labels)
    finish(network, plan, splits, tokenizer, validation, history)
    print(f"{arguments.output}: written")


if __name__ == "__main__":
    main()
