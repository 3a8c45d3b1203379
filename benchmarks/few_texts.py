"""What `sentiment train` makes of a hundred labelled texts, or five hundred, in one file.

    python benchmarks/few_texts.py ../shared/data/imdb ../shared/data/sst5 \
        ../shared/data/tweets/train.parquet [--rows 100 500] [--draws 3] --output few.json

As a user would: a csv file, the default config, nothing set. The classes are called class 0,
class 1 and so on, which the bundled `general` does not know, so the classifier starts at random.
Scored on the source's validation texts (at most 2,500; by film where it names films), beside the
linear baseline of `sentiment eval`, trained on the whole file. Points already in the output are not
measured again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from side_by_side import machine
from sklearn.metrics import f1_score

import sentiment
from sentiment.config import DataSettings
from sentiment.data.labelled import LabelledTexts
from sentiment.data.load import load_splits
from sentiment.evaluation.baselines import fit_predict
from sentiment.files import write_rows

SCORED = 2_500


def main() -> None:
    """Measure every point that is asked for and not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", nargs="+", help="labelled files or folders")
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 500])
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--output", type=Path, required=True, help="JSON, added to")
    options = parser.parse_args()
    record: dict[str, Any] = {"points": []}
    if options.output.exists():
        record = json.loads(options.output.read_text())
    record["machine"] = machine()
    done = {(point["source"], point["rows"], point["draw"]) for point in record["points"]}
    for source in options.sources:
        splits = load_splits(DataSettings(source=source, group_column="film"))
        name = Path(source).stem if Path(source).is_dir() else Path(source).parent.name
        for rows in options.rows:
            for draw in range(1, options.draws + 1):
                if (name, rows, draw) in done:
                    continue
                point = measure(splits.train, splits.validation, rows, draw)
                record["points"].append({"source": name, "rows": rows, "draw": draw, **point})
                options.output.write_text(json.dumps(record, indent=1) + "\n")
                print(record["points"][-1], flush=True)
    print(table(record["points"]))


def measure(
    train: LabelledTexts, validation: LabelledTexts, rows: int, draw: int
) -> dict[str, Any]:
    """Train on a draw of rows, and score that and the linear baseline: shares, 0-1."""
    random = np.random.default_rng(draw)
    some = train.take(random.permutation(len(train))[:rows])
    scored = validation.take(np.random.default_rng(0).permutation(len(validation))[:SCORED])
    classes = [f"class {label}" for label in range(len(train.classes))]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "few.csv"
        named = zip(some.texts, some.labels, strict=True)
        write_rows(
            file,
            [{"text": text, "label": classes[label]} for text, label in named],
            columns=["text", "label"],
        )
        model = sentiment.load(
            sentiment.train(
                output=Path(folder) / "model",
                overrides=[f"data.source={file}", f"training.seed={draw}"],
            )
        )
        answers = model.predict_arrays(scored.texts).probabilities
        # Where a class is not among the texts drawn, the model has a column less.
        columns = [classes.index(label) for label in model.folder.classes]
    linear = fit_predict(some.texts, some.labels, scored.texts, num_classes=len(classes))
    return {
        "n": len(scored),
        "model": figures(np.array(columns)[answers.argmax(axis=1)], scored.labels),
        "linear": figures(linear.argmax(axis=1), scored.labels),
    }


def figures(said: NDArray[np.int64], labels: NDArray[np.int32]) -> dict[str, float]:
    """Return accuracy and macro-F1, 0-1."""
    return {
        "accuracy": float(np.mean(said == labels)),
        "macro_f1": float(f1_score(labels, said, average="macro", zero_division=0)),
    }


def table(points: list[dict[str, Any]]) -> str:
    """Return means over the draws in %, standard deviations in brackets."""
    groups = defaultdict(list)
    for point in points:
        groups[point["source"], point["rows"]].append(point)
    lines = [
        "| texts | labelled | accuracy | macro-F1 | linear: accuracy | macro-F1 |",
        "|---|---|---|---|---|---|",
    ]
    for (source, rows), group in groups.items():
        cells = []
        for system in ("model", "linear"):
            for figure in ("accuracy", "macro_f1"):
                values = [100 * point[system][figure] for point in group]
                cells.append(f"{np.mean(values):.1f} ({np.std(values):.1f})")
        lines.append(f"| {source} | {rows} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
