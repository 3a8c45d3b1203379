"""Compare whole classifiers, file to file, on the same reviews: accuracy, training, texts/s.

    python benchmarks/classifiers.py --texts ../shared/data/imdb --models runs/imdb-fast runs/imdb

Every peer learns from the train split; validation is by film (no film on both sides). Each system
reads a parquet file of the validation reviews, and of train's after them, and writes it back with
labels and probabilities, round by round; accuracy is that of the validation reviews. The models
must have learned from the same split; how long that took is read from them. Three things flatter
the peers: their models are in memory while each round of ours loads its own, they get C and epochs
that do well on these very reviews, and the epoch of ours was chosen on them too. One flatters ours:
it uses every core, as its command does, where the peers predict on one, as theirs do.
"""

from __future__ import annotations

import argparse
import gc
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from side_by_side import interleaved, ratio, spread, write_figures

from sentiment.cli.main import app
from sentiment.config import DataSettings
from sentiment.data.labelled import LabelledTexts
from sentiment.data.load import Splits, load_splits
from sentiment.evaluation import intervals
from sentiment.model_folder import ModelFolder, open_model_folder
from sentiment.nn.nbsvm import NbSvm
from sentiment.runtime.workers import usable_cores

ENGINES = {"fp32": "onnx", "int8": "int8"}
TFIDF = "TF-IDF + logistic regression"
SEED = 13
WORD_OR_MARK = re.compile(r"[\w']+|[^\w\s]")

Classify = Callable[[list[str]], NDArray[np.floating]]  # probabilities (texts, classes)


def main() -> None:
    """Print a table of all systems and our ratios to TF-IDF; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", required=True, help="a folder like the hub's imdb, with films")
    parser.add_argument("--models", nargs="+", required=True, help="trained on the same split")
    parser.add_argument("--reviews", type=int, help="train the peers on so many (default: all)")
    parser.add_argument("--rows", type=int, default=10_000, help="reviews of the file")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    models = [open_model_folder(model) for model in options.models]
    splits = same_splits(options.texts, models)
    train, validation = drawn(splits.train, options.reviews), splits.validation
    read = [*validation.texts, *splits.train.texts][: max(options.rows, len(validation))]
    accuracy, training, seconds = measure(models, train, validation, read, options.rounds)
    ours = [system for system in seconds if system not in PEERS]
    ratios = {system: ratio(seconds[TFIDF], seconds[system]) for system in ours}
    speed = {name: len(read) / float(np.median(each)) for name, each in seconds.items()}
    print(
        f"train {len(train):,} · validation {len(validation):,} · read {len(read):,} reviews · "
        f"{usable_cores()} cores"
    )
    for system, figure in accuracy.items():
        print(
            f"{system:<30}{figure['value']:>7.2%} [{figure['low']:.2%}, {figure['high']:.2%}]"
            f"{speed[system]:>9,.0f} texts/s"
            + (f"{training[system]:>8.1f} s to train" if system in training else "")
        )
    for system, times in ratios.items():
        print(f"{system} is {spread(times)} times as fast as {TFIDF}")
    figures = {
        "command": shlex.join(sys.argv),
        "seed": SEED,
        "fingerprint": splits.fingerprint,
        "train": len(train),
        "validation": len(validation),
        "read": len(read),
        "parameters": {model.info["name"]: model.info["parameters"] for model in models},
        "accuracy": accuracy,
        "training_seconds": training,
        "seconds": seconds,
        "texts_per_second": speed,
        "speed_to_tfidf": ratios,
    }
    write_figures(options.json, figures)


def measure(
    models: Sequence[ModelFolder],
    train: LabelledTexts,
    validation: LabelledTexts,
    read: list[str],
    rounds: int,
) -> tuple[dict[str, intervals.Figure], dict[str, float], dict[str, list[float]]]:
    """Return every system's accuracy, its seconds to train, and those a round."""
    training: dict[str, float] = {}
    systems: dict[str, Callable[[], object]] = {}
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "reviews.parquet"
        pd.DataFrame({"text": read}).to_parquet(source)
        targets: dict[str, Path] = {}
        for model, (kind, engine) in product(models, ENGINES.items()):
            system = f"{model.info['name']} {kind}"
            targets[system] = Path(name) / f"{system}.parquet"
            command = ["predict", "--model", str(model.path), "--engine", engine, "--quiet"]
            command += ["--input", str(source), "--output", str(targets[system])]
            systems[system] = partial(app, command, standalone_mode=False)
            training[system] = model.info["training_seconds"]
        for system, learn in PEERS.items():
            started = time.perf_counter()
            classify = learn(train)
            training[system] = time.perf_counter() - started
            targets[system] = Path(name) / f"{system}.parquet"
            systems[system] = partial(
                file_to_file, classify, source, targets[system], validation.classes
            )
        # What one system keeps in memory must not cost the others: Python would look through all of
        # it again and again for garbage.
        gc.collect()
        gc.freeze()
        seconds = interleaved(systems, rounds=rounds)
        accuracy = {system: score(targets[system], validation) for system in systems}
    return accuracy, training, seconds


def same_splits(source: str, models: Sequence[ModelFolder]) -> Splits:
    """Load the splits that the models were trained on.

    Raises:
        SystemExit: one learned from others, or tells more than two classes apart.
    """
    settings = DataSettings(source=source, group_column="film", classes=models[0].classes)
    splits = load_splits(settings)
    for model in models:
        if len(model.classes) != 2:
            raise SystemExit(f"{model.path} has {len(model.classes)} classes; expected 2, as VADER")
        if (learned := model.info["data"]["fingerprint"]) != splits.fingerprint:
            raise SystemExit(
                f"{model.path} learned from split {learned[:12]}, expected "
                f"{splits.fingerprint[:12]}; run: sentiment train --set data.source={source} "
                "--set data.group_column=film"
            )
    return splits


def drawn(train: LabelledTexts, reviews: int | None) -> LabelledTexts:
    """Shuffle the rows, as fastText needs, and take so many; all where no number is given."""
    order = np.random.default_rng(SEED).permutation(len(train))
    return train.take(order[:reviews])


def file_to_file(classify: Classify, source: Path, target: Path, classes: tuple[str, ...]) -> None:
    """Read texts, classify them, and write them with a label and a column for each class."""
    table = pd.read_parquet(source)
    probabilities = classify(table["text"].tolist())
    table["label"] = np.array(classes)[probabilities.argmax(axis=1)]
    for column, name in enumerate(classes):
        table[name] = probabilities[:, column]
    table.to_parquet(target)


def score(path: Path, validation: LabelledTexts) -> intervals.Figure:
    """Return the accuracy (0–1) of a file's first labels, with Wilson's 95 % interval."""
    labels = pd.read_parquet(path, columns=["label"])["label"].to_numpy()[: len(validation)]
    right = labels == np.array(validation.classes)[validation.labels]
    return intervals.share(int(right.sum()), len(validation))


def learn_tfidf(train: LabelledTexts) -> Classify:
    """Fit TF-IDF of 1–2-grams and logistic regression, as `sentiment eval`'s baseline."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from sentiment.evaluation.baselines import CHOICES_OF_C, MAX_ITERATIONS

    pipeline = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32),
        LogisticRegression(C=max(CHOICES_OF_C), max_iter=MAX_ITERATIONS),
    )
    return pipeline.fit(train.texts, train.labels).predict_proba


def learn_nbsvm(train: LabelledTexts) -> Classify:
    """Fit the NB-SVM of 1–3-grams that teaches `imdb`."""
    return NbSvm(train.texts, train.labels, len(train.classes)).probabilities


def learn_fasttext(train: LabelledTexts) -> Classify:
    """Train fastText on words, marks and their pairs, in lower case as its tutorial prepares them.

    On one thread: more of them race for the weights, and two trainings differ by up to a point.
    """
    import fasttext

    def line(text: str) -> str:
        return " ".join(WORD_OR_MARK.findall(text.lower()))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "train.txt"
        with path.open("w", encoding="utf-8") as file:
            for text, label in zip(train.texts, train.labels, strict=True):
                file.write(f"__label__{label} {line(text)}\n")
        model = fasttext.train_supervised(
            str(path),
            wordNgrams=2,
            epoch=5,
            lr=0.5,
            dim=100,
            thread=1,
            seed=SEED,
            verbose=0,
        )

    def classify(texts: list[str]) -> NDArray[np.floating]:
        labels, likely = model.predict([line(text) for text in texts], k=2)  # likeliest first
        first = np.array([names[0] == "__label__0" for names in labels])
        likely = np.array(likely)  # (texts, classes)
        return np.where(first[:, None], likely, likely[:, ::-1])

    return classify


def learn_spacy(train: LabelledTexts, *, epochs: int = 5, batch_size: int = 128) -> Classify:
    """Train spaCy's bag of words and word pairs behind its English tokenizer."""
    import spacy
    from spacy.training import Example

    spacy.util.fix_random_seed(SEED)
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy.TextCatBOW.v3",
        "exclusive_classes": True,
        "length": 262_144,
        "ngram_size": 2,
        "no_output_layer": False,
    }
    nlp.add_pipe("textcat", config={"model": model})
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {"0": 1.0 - label, "1": float(label)}})
        for text, label in zip(train.texts, train.labels, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples[:1_000])
    random = np.random.default_rng(SEED)
    for _ in range(epochs):
        order = random.permutation(len(examples))
        for start in range(0, len(order), batch_size):
            batch = [examples[index] for index in order[start : start + batch_size]]
            nlp.update(batch, sgd=optimizer)

    def classify(texts: list[str]) -> NDArray[np.floating]:
        documents = nlp.pipe(texts, batch_size=256)
        return np.array([[document.cats["0"], document.cats["1"]] for document in documents])

    return classify


def learn_nothing(_train: LabelledTexts) -> Classify:
    """Load VADER's lexicon: the sign of its compound score is the label, 0 counts as positive."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    analyzer = SentimentIntensityAnalyzer()

    def classify(texts: list[str]) -> NDArray[np.floating]:
        compound = np.array([analyzer.polarity_scores(text)["compound"] for text in texts])
        # By a hair, so that argmax takes the last class of a tie.
        positive = np.where(compound == 0, 0.5 + 1e-9, (1 + compound) / 2)
        return np.stack([1 - positive, positive], axis=1)

    return classify


PEERS: dict[str, Callable[[LabelledTexts], Classify]] = {
    TFIDF: learn_tfidf,
    "NB-SVM": learn_nbsvm,
    "fastText": learn_fasttext,
    "spaCy bag of words": learn_spacy,
    "VADER": learn_nothing,
}


if __name__ == "__main__":
    main()
