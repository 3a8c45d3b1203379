"""Data whose labels are numbers or other names, on a model with more or other classes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import sentiment
from sentiment.cli.main import app
from sentiment.data.load import load_labelled
from sentiment.errors import DataError
from sentiment.evaluation.classes import Meaning, check_numbers, read_meaning
from sentiment.evaluation.metrics import restrict

CLASSES = ("negative", "neutral", "positive")
PAIR = "negative,positive"
TEXTS = ("awful and boring", "superb and charming", "delivered on tuesday", "dreadful", "loved it")


class Answer:
    """What a command left behind."""

    def __init__(self, *arguments: object) -> None:
        self.result = CliRunner().invoke(app, [str(argument) for argument in arguments])

    def done(self) -> None:
        assert self.result.exit_code == 0, self.result.output + repr(self.result.exception)

    def refused(self) -> str:
        assert isinstance(self.result.exception, DataError), self.result.output
        return str(self.result.exception)


def write_rows(path: Path, labels: list[object]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(TEXTS, labels, strict=True))
    return path


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    """Five texts labelled 0 and 1, which are negative and positive."""
    return write_rows(tmp_path / "numbers.csv", [0, 1, 1, 0, 1])


@pytest.fixture
def evaluate(tiny_model: Path, tmp_path: Path):
    """Run `sentiment eval <the small model> --data … --output …`; return the metrics."""

    def run(data: Path, *options: object) -> dict:
        output = tmp_path / "out"
        Answer("eval", tiny_model, "--data", data, "--output", output, *options).done()
        return json.loads((output / "metrics.json").read_text(encoding="utf-8"))

    return run


def test_names_stand_for_the_numbers_in_their_order():
    assert read_meaning(PAIR, CLASSES) == Meaning(
        ("negative", "positive"), ("negative", "positive"), ("negative", "positive")
    )
    turned = read_meaning(" positive , negative ", CLASSES)
    assert turned.labels == ("positive", "negative")
    assert turned.among == ("negative", "positive")


def test_several_labels_may_mean_one_class(tmp_path: Path):
    said = "very negative=negative,negative,neutral,positive,very positive=positive"
    meaning = read_meaning(said, CLASSES)
    assert meaning.among == CLASSES
    for labels in ([0, 1, 2, 3, 4], meaning.labels):
        path = write_rows(tmp_path / "five.csv", list(labels))
        data = meaning.apply(load_labelled(str(path), classes=meaning.labels))
        assert data.labels.tolist() == [0, 0, 1, 2, 2]
        assert data.classes == CLASSES


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("negative,postive", "'postive', which is no class.*neutral, positive, perhaps 'positive'"),
        ("bad=negative,good=pos", "names 'pos', which is no class of the model"),
        ("negative,,positive", "names '', which is no class"),
        ("=negative,positive", "gives no label for 'negative'"),
        ("negative,negative", "names 'negative' twice"),
        ("positive", "leaves the model one class, 'positive'"),
        ("good=positive,great=positive", "leaves the model one class"),
    ],
)
def test_what_makes_no_sense_is_named(said: str, words: str):
    with pytest.raises(DataError, match=words):
        read_meaning(said, CLASSES)


def test_restricted_probabilities_sum_to_one_again():
    given = np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(restrict(given, [0, 2]), [[0.4, 0.6], [0.5, 0.5]])


def test_answers_are_restricted_and_the_note_counts_what_was_left_out(
    evaluate, numbers: Path, tiny_model: Path, tmp_path: Path
):
    metrics = evaluate(numbers, "--classes", PAIR)
    arrays = sentiment.load(tiny_model).predict_arrays(TEXTS)
    pair = arrays.probabilities[:, [0, 2]].astype(np.float64)
    pair /= pair.sum(axis=1, keepdims=True)
    right = (pair.argmax(axis=1) == [0, 1, 1, 0, 1]).mean()
    neutral = int((arrays.probabilities.argmax(axis=1) == 1).sum())
    assert neutral >= 1
    assert metrics["accuracy"]["value"] == pytest.approx(right)
    assert metrics["confusion"]["classes"] == metrics["model"]["classes"] == PAIR.split(",")
    assert metrics["restriction"] == {
        "classes": list(CLASSES),
        "rows": 5,
        "left_out": {"neutral": neutral},
    }
    [note] = [note for note in metrics["notes"] if "restricted" in note]
    assert f"'neutral' would have been the first choice of {neutral} of 5 texts" in note
    table = pq.read_table(tmp_path / "out" / "predictions.parquet")
    assert "probability_neutral" not in table.column_names
    np.testing.assert_allclose(table["probability_positive"].to_numpy(), pair[:, 1], atol=1e-6)
    np.testing.assert_allclose(table["score"].to_numpy(), pair[:, 1] - pair[:, 0], atol=1e-6)
    # The baselines choose among the same classes.
    assert set(metrics["baselines"]) == {"tfidf", "majority"}
    shares = [table[f"baseline_tfidf_probability_{name}"].to_numpy() for name in PAIR.split(",")]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1, atol=1e-6)


def test_a_report_can_be_made_of_it(evaluate, numbers: Path, tmp_path: Path):
    evaluate(numbers, "--classes", PAIR)
    Answer("report", tmp_path / "out").done()
    assert "restricted to the classes" in (tmp_path / "out" / "report.html").read_text()


def test_all_classes_named_restrict_nothing(evaluate, numbers: Path):
    metrics = evaluate(numbers, "--classes", ",".join(CLASSES), "--no-baseline")
    assert metrics["restriction"] is None
    assert metrics["data"]["labels"] == {"negative": 2, "neutral": 3, "positive": 0}


def test_other_names_are_given_a_meaning(evaluate, tiny_model: Path, tmp_path: Path):
    path = write_rows(tmp_path / "names.csv", ["bad", "good", "good", "bad", "good"])
    line = Answer("eval", tiny_model, "--data", path, "--output", tmp_path / "x").refused()
    assert "unknown label 'bad'" in line
    metrics = evaluate(path, "--classes", "bad=negative,good=positive", "--no-baseline")
    assert metrics["data"]["labels"] == {"negative": 2, "positive": 3}


def test_numbers_that_count_through_fewer_classes_are_not_guessed_at(
    tiny_model: Path, numbers: Path, tmp_path: Path
):
    line = Answer("eval", tiny_model, "--data", numbers, "--output", tmp_path / "x").refused()
    assert "are the numbers 0, 1, and the model's classes are negative, neutral, positive" in line
    assert line.endswith("run: sentiment eval … --classes negative,positive")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("labels", "refused"),
    [
        ([0, 1, 2, 0, 1], None),
        ([0, 2, 2, 0, 2], "0=negative,2=positive"),
        ([1, 2, 2, 1, 2], "1=negative,2=positive"),
        ([1, 1, 1, 1, 1], "negative,positive"),
        ([0, 0, 0, 0, 0], "negative,positive"),
        (["negative", "neutral", "neutral", "negative", "negative"], None),
        (["negative", "1", "1", "0", "0"], None),
    ],
)
def test_which_labels_are_refused(labels: list[object], refused: str | None, tmp_path: Path):
    data = load_labelled(str(write_rows(tmp_path / "x.csv", labels)), classes=CLASSES)
    if refused:
        with pytest.raises(DataError, match=f"--classes {refused}$"):
            check_numbers(data)
    else:
        check_numbers(data)


@pytest.mark.parametrize(
    ("labels", "proposed"),
    [
        (["neg", "pos", "pos", "neg", "neg"], "neg=negative,pos=positive"),
        ([1, 2, 3, 1, 3], "1=negative,2=neutral,3=positive"),
        ([1, 5, 3, 2, 4], "1=negative,2=negative,3=neutral,4=positive,5=positive"),
        ([-1, 0, 1, 1, 0], "-1=negative,0=neutral,1=positive"),
        (["very bad", "ok", "yes", "ok", "ok"], "'ok=neutral,very bad=negative,yes=CLASS'"),
    ],
)
def test_labels_that_are_not_known_come_with_a_meaning_to_paste(
    labels: list[object], proposed: str, evaluate, tiny_model: Path, tmp_path: Path
):
    path = write_rows(tmp_path / "x.csv", labels)
    line = Answer("eval", tiny_model, "--data", path, "--output", tmp_path / "x").refused()
    assert line.endswith(f"run: sentiment eval … --classes {proposed}")
    if "CLASS" not in proposed:
        evaluate(path, "--classes", proposed, "--no-baseline", "--no-states")


def test_minus_one_beside_other_numbers_is_called_by_its_name(tiny_model: Path, tmp_path: Path):
    path = write_rows(tmp_path / "x.csv", [0, -1, 1, 1, -1])
    line = Answer("eval", tiny_model, "--data", path, "--output", tmp_path / "x").refused()
    assert "row 2 has the label -1 (2 of 5 rows), which alone means no label" in line
    assert "unsupervised" not in line


def test_a_label_that_classes_leaves_out_is_added_to_them(tiny_model: Path, tmp_path: Path):
    path = write_rows(tmp_path / "x.csv", ["bad", "good", "meh", "bad", "good"])
    said = ("--classes", "bad=negative,good=positive", "--output", tmp_path / "x")
    line = Answer("eval", tiny_model, "--data", path, *said).refused()
    assert line.endswith("--classes bad=negative,good=positive,meh=CLASS")


def test_numbers_that_are_names_are_no_places(tmp_path: Path):
    path = write_rows(tmp_path / "x.csv", [1, 2, 1, 2, 1])
    check_numbers(load_labelled(str(path), classes=("1", "2", "3")))


def test_a_split_that_is_made_is_checked_too(tiny_model: Path, tmp_path: Path):
    rows = [(f"{text} {number}", number % 2) for number in range(30) for text in TEXTS]
    (tmp_path / "set").mkdir()
    with (tmp_path / "set" / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    command = ("eval", tiny_model, "--data", tmp_path / "set", "--split", "validation")
    output = ("--output", tmp_path / "out", "--no-baseline")
    assert "--classes" in Answer(*command, *output).refused()
    Answer(*command, *output, "--classes", PAIR).done()


@pytest.mark.parametrize("others", [(), ("--behaviour", "general", "--data", "x.csv")])
def test_the_option_goes_with_data_and_not_with_behaviour(tiny_model: Path, others):
    result = Answer("eval", tiny_model, "--classes", PAIR, *others).result
    assert result.exit_code == 2
