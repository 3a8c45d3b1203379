from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from sentiment.errors import DataError, ModelFolderError, OutputError
from sentiment.evaluation.evaluate import measure, save
from sentiment.evaluation.predictions import (
    Predictions,
    read_batches,
    read_classes,
    write_predictions,
)
from sentiment.evaluation.provenance import fingerprint

CLASSES = ("negative", "positive")


def make_predictions(rows=12, *, labels=None, seed=0, **changes):
    """Rows of a classifier that is right about four times in five."""
    random = np.random.default_rng(seed)
    labels = np.asarray(random.integers(0, 2, rows) if labels is None else labels)
    positive = np.clip(random.normal(0.3 + 0.4 * labels, 0.25), 0.01, 0.99)
    values = {
        "texts": [f"text number {row}, not bad" for row in range(rows)],
        "labels": labels,
        "classes": CLASSES,
        "probabilities": np.stack([1 - positive, positive], axis=1),
        "tokens": random.integers(1, 60, rows),
        "truncated_tokens": np.zeros(rows, int),
        "unknown_fraction": np.zeros(rows),
        "final_state": random.normal(size=(rows, 3)).astype(np.float32),
        "columns": {},
        "baselines": {"tfidf": np.tile([0.4, 0.6], (rows, 1))},
    }
    return Predictions(**{**values, **changes})


@pytest.mark.parametrize("rows", [1, 2, 10, 500])
def test_every_size_gives_json_without_nan(rows):
    metrics = measure(make_predictions(rows))
    text = json.dumps(metrics, allow_nan=False)
    assert json.loads(text) == metrics
    assert metrics["accuracy"]["n"] == rows


def test_the_baseline_stands_beside_with_a_paired_test():
    rows = make_predictions(300)
    metrics = measure(rows)
    rival = metrics["baselines"]["tfidf"]
    assert rival["accuracy"]["value"] == pytest.approx((rows.labels == 1).mean())
    difference = metrics["accuracy"]["value"] - rival["accuracy"]["value"]
    assert rival["comparison"]["difference"]["value"] == pytest.approx(difference)
    assert rival["comparison"]["p_value"] < 0.05


def test_one_class_only_works_and_says_so():
    metrics = measure(make_predictions(10, labels=[1] * 10))
    assert metrics["roc"]["positive"]["reason"] == "one class only"
    assert metrics["roc"]["negative"]["auc"] is None
    assert metrics["confusion"]["counts"][0] == [0, 0]
    json.dumps(metrics, allow_nan=False)


def test_texts_of_the_train_rows_become_a_slice():
    seen = np.array([True] * 3 + [False] * 9)
    metrics = measure(make_predictions(12, seen_in_train=seen))
    (leak,) = [piece for piece in metrics["slices"] if piece["family"] == "leak"]
    assert leak["n"] == 3


def test_length_counts_what_was_cut_away():
    cut = np.full(12, 450)
    names = {piece["name"] for piece in measure(make_predictions(truncated_tokens=cut))["slices"]}
    assert {"over 400 tokens", "truncated"} <= names


def test_no_rows_and_broken_probabilities_are_errors():
    with pytest.raises(DataError, match="no rows"):
        measure(make_predictions(0))
    broken = np.full((12, 2), np.nan)
    with pytest.raises(ModelFolderError, match="not numbers"):
        measure(make_predictions(probabilities=broken))


def test_parquet_holds_everything_under_its_documented_names(tmp_path):
    rows = make_predictions(
        columns={"site": ["a", None] * 6, "mixed": [1, "x"] * 6, "score": list(range(12))}
    )
    write_predictions(tmp_path / "predictions.parquet", rows)
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.column_names == [
        "text",
        "label",
        "predicted",
        "score",
        "probability_negative",
        "probability_positive",
        "tokens",
        "truncated_tokens",
        "unknown_fraction",
        "final_state",
        "baseline_tfidf_probability_negative",
        "baseline_tfidf_probability_positive",
        "site",
        "mixed",
        "data_score",
    ]
    first = table.slice(0, 1).to_pylist()[0]
    assert first["label"] == CLASSES[rows.labels[0]]
    assert first["predicted"] == CLASSES[rows.predicted[0]]
    # Two classes: the expected polarity is the difference of their probabilities.
    assert first["score"] == pytest.approx(
        first["probability_positive"] - first["probability_negative"], abs=1e-6
    )
    np.testing.assert_allclose(first["final_state"], rows.final_state[0])
    assert table.column("mixed").to_pylist()[:2] == ["1", "x"]
    assert table.column("site").to_pylist()[:2] == ["a", None]


def test_a_state_that_is_not_known_is_left_out(tmp_path):
    write_predictions(tmp_path / "p.parquet", make_predictions(final_state=None))
    assert "final_state" not in pq.read_schema(tmp_path / "p.parquet").names


def test_hostile_texts_come_back_unchanged(tmp_path):
    texts = ["", "<script>", "a\nb\r\n\tc", "\u202e", "😀" * 50, "x" * 100_000]
    write_predictions(tmp_path / "p.parquet", make_predictions(6, texts=texts))
    assert pq.read_table(tmp_path / "p.parquet").column("text").to_pylist() == texts


def test_saving_replaces_both_files_and_leaves_nothing_else(tmp_path):
    rows = make_predictions()
    metrics = measure(rows)
    for _ in range(2):
        save(tmp_path / "new" / "test", metrics, rows)
    folder = tmp_path / "new" / "test"
    assert sorted(path.name for path in folder.iterdir()) == ["metrics.json", "predictions.parquet"]
    assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == metrics
    np.testing.assert_array_equal(
        read_classes(folder / "predictions.parquet", "label", CLASSES), rows.labels
    )


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    rows = make_predictions()
    with pytest.raises(OutputError, match="file"):
        save(tmp_path / "file" / "test", measure(rows), rows)


def test_damaged_or_foreign_predictions_are_named(tmp_path):
    path = tmp_path / "p.parquet"
    with pytest.raises(DataError, match=r"p\.parquet"):
        list(read_batches(path, ["text"]))
    path.write_bytes(b"PAR1 this is not parquet")
    with pytest.raises(DataError, match=r"p\.parquet"):
        list(read_batches(path, ["text"]))
    write_predictions(path, make_predictions())
    with pytest.raises(DataError, match="no column 'nothing'"):
        list(read_batches(path, ["nothing"]))
    with pytest.raises(DataError, match="another class"):
        read_classes(path, "label", ["up", "down"])


def test_fingerprint_tells_rows_apart():
    rows = make_predictions()
    assert fingerprint(rows) == fingerprint(make_predictions())
    assert fingerprint(rows) != fingerprint(make_predictions(labels=1 - rows.labels))
    # Moving a character from one text to the next is another set of rows.
    shifted = make_predictions(2, texts=["ab", "c"]), make_predictions(2, texts=["a", "bc"])
    assert fingerprint(shifted[0]) != fingerprint(shifted[1])
