"""Accuracy against the number of labelled examples: pretrained, general, from nothing, linear.

    python benchmarks/learning_curve.py --data ../shared/data/imdb --init runs/general-encoder \
        --rows 100 500 --draws 5 --output curve.json

Each draw takes as many reviews of either class from train; validation is by film (no film on both
sides) and only scores. The LSTMs are trained with the settings of the default config; the weights
kept are those of the epoch that fits the draw itself best, or the last one's of draws too small to
choose. TF-IDF 1–2-grams + logistic regression gets the best of C = 1, 3, 10 on the scored reviews,
which flatters it. `general` has learned from the labels of all these films. Where train has fewer
rows than are asked for, all are used and their number is saved. Points already in the output are
not measured again.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.backend import load_keras, versions
from sentiment.config import Config, DataSettings, load_config
from sentiment.data.labelled import LabelledTexts
from sentiment.data.load import load_splits
from sentiment.few_texts import fit_to
from sentiment.starting_point import find_starting_point
from sentiment.text.tokenizer import Tokenizer

SYSTEMS = ("pretrained", "general", "scratch", "tfidf")


def main() -> None:
    """Measure every point that is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", required=True, help="a folder like the hub's imdb, with films")
    parser.add_argument("--init", required=True, help="a pretrained encoder")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--output", type=Path, required=True, help="JSON, added to")
    parser.add_argument("--set", dest="settings", nargs="*", default=[], help="block.key=value")
    arguments = parser.parse_args()
    splits = load_splits(DataSettings(source=arguments.data, group_column="film"))
    record = {"points": [], "settings": arguments.settings, "cpu": platform.processor()}
    if arguments.output.exists():
        record = json.loads(arguments.output.read_text())
    record["versions"] = versions()
    done = {(point["system"], point["rows"], point["draw"]) for point in record["points"]}
    for rows in dict.fromkeys(min(asked, len(splits.train)) for asked in arguments.rows):
        for draw in range(1, arguments.draws + 1):
            train = draw_rows(splits.train, rows, draw)
            for system in arguments.systems:
                if (system, rows, draw) in done:
                    continue
                started = time.perf_counter()
                if system == "tfidf":
                    accuracy = linear(train, splits.validation)
                else:
                    init = {"pretrained": arguments.init, "general": "general"}.get(system)
                    chosen = [f"encoder.init={init or 'null'}", f"training.seed={draw}"]
                    config = load_config("default", [*chosen, *arguments.settings])
                    accuracy = lstm(config, train, splits.validation)
                point = {
                    "system": system,
                    "rows": rows,
                    "draw": draw,
                    "accuracy": accuracy,
                    "n": len(splits.validation),
                    "seconds": round(time.perf_counter() - started, 1),
                }
                record["points"].append(point)
                arguments.output.write_text(json.dumps(record, indent=1))
                print(point, flush=True)
    print(summary(record["points"]))


def draw_rows(train: LabelledTexts, rows: int, draw: int) -> LabelledTexts:
    """Take as many rows of either class, at random; all of them where there are no more."""
    if rows >= len(train):
        return train
    random = np.random.default_rng(draw)
    classes = range(len(train.classes))
    chosen = [
        random.permutation(np.flatnonzero(train.labels == label))[: rows // len(classes)]
        for label in classes
    ]
    return train.take(np.concatenate(chosen))


def lstm(config: Config, train: LabelledTexts, validation: LabelledTexts) -> float:
    """Train a classifier as `sentiment train` does it, and return its accuracy, 0–1."""
    load_keras()
    from sentiment.nn.classifier import assign_weights, build_classifier, named_weights
    from sentiment.nn.lessons import Examples
    from sentiment.nn.scoring import predict, score
    from sentiment.nn.training import Trainer, make_deterministic

    start = find_starting_point(config, train.texts, train.classes)
    tokenizer = start.tokenizer or Tokenizer.train(train.texts, config.text)
    make_deterministic(config.training.seed)
    model = build_classifier(
        vocabulary_size=tokenizer.vocabulary_size,
        num_classes=len(train.classes),
        encoder=start.config.encoder,
        classifier=start.config.classifier,
    )
    assign_weights(model, {**named_weights(model), **start.weights})
    examples = Examples(tokenizer.encode(train.texts), train.labels)
    own = Examples(tokenizer.encode(train.texts[:500]), train.labels[:500])
    settings, _ = fit_to(config.training, len(examples), len(own))
    Trainer(model, examples, own, settings, num_classes=len(train.classes)).run()
    scored = predict(model, tokenizer.encode(validation.texts))
    return score(scored, validation.labels)[1]


def linear(train: LabelledTexts, validation: LabelledTexts) -> float:
    """Return the accuracy of TF-IDF 1–2-grams + logistic regression, 0–1, at its best C."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), min_df=1 if len(train) < 5_000 else 2, sublinear_tf=True
    )
    features, scored = vectorizer.fit_transform(train.texts), None
    scored = vectorizer.transform(validation.texts)
    return max(
        float(
            LogisticRegression(C=strength, max_iter=1_000)
            .fit(features, train.labels)
            .score(scored, validation.labels)
        )
        for strength in (1, 3, 10)
    )


def summary(points: list[dict[str, Any]]) -> str:
    """Return a table: mean and spread of the draws, in %."""
    lines = [f"{'rows':>7} {'system':<12} {'mean':>6} {'sd':>5}  draws"]
    for rows in sorted({point["rows"] for point in points}):
        for system in SYSTEMS:
            values = [
                100 * point["accuracy"]
                for point in points
                if (point["system"], point["rows"]) == (system, rows)
            ]
            if values:
                draws = " ".join(f"{value:.1f}" for value in values)
                lines.append(
                    f"{rows:>7} {system:<12} {np.mean(values):6.1f} {np.std(values):5.1f}  {draws}"
                )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
