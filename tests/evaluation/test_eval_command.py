from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from sentiment.cli.evaluate import evaluate
from sentiment.data.load import load_splits
from sentiment.errors import DataError, ModelFolderError
from sentiment.evaluation.rows import other_rows, own_rows

CLASSES = ("negative", "neutral", "positive")


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that evaluations may be written into."""
    return Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("evaluated") / "tiny"))


def run(*arguments: object, code: int = 0):
    """Run `sentiment eval`; known errors, which main prints in one line, come up as they are."""
    app = typer.Typer()
    app.command()(evaluate)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def write_csv(path: Path, rows: list[tuple[str, str]], header: str = "text,label") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(header + "\n")
        csv.writer(file).writerows(rows)
    return path


def saved(folder: Path) -> dict:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def test_the_table_on_stdout_and_the_files_in_the_model(model):
    result = run(model)
    metrics = saved(model / "eval" / "test")
    assert metrics["data"]["split"] == "test"
    assert metrics["data"]["rows"] == sum(metrics["data"]["labels"].values())
    assert set(metrics["baselines"]) == {"tfidf", "majority"}
    for word in ("accuracy", "macro-F1", "TF-IDF + logistic regression", "majority", *CLASSES):
        assert word in result.stdout
    assert "lstm_2" in result.stderr
    assert "final hidden state h_T" in result.stderr
    assert "lstm_2" not in result.stdout
    assert not {"\u00a0", "\u202f"} & set(result.stdout)
    assert [layer["layer"] for layer in metrics["layers"]][1:3] == ["embedding", "lstm_1"]
    rows = pq.read_table(model / "eval" / "test" / "predictions.parquet")
    assert rows.num_rows == metrics["data"]["rows"]
    right = np.array(rows.column("label").to_pylist()) == rows.column("predicted").to_pylist()
    assert metrics["accuracy"]["value"] == pytest.approx(right.mean())


def test_validation_is_the_split_that_training_made(model, tmp_path, tiny_settings):
    from sentiment.config import load_config

    run(model, "--split", "validation", "--output", tmp_path, "--no-baseline")
    expected = load_splits(load_config(None, tiny_settings).data).validation
    texts = pq.read_table(tmp_path / "predictions.parquet").column("text").to_pylist()
    assert texts == expected.texts
    assert saved(tmp_path)["notes"] == []


def test_json_is_what_the_file_holds(model, tmp_path):
    result = run(model, "--json", "--no-baseline", "--output", tmp_path)
    assert json.loads(result.stdout) == saved(tmp_path)
    assert saved(tmp_path)["baselines"] == {}


def test_a_file_is_evaluated_whole(model, tmp_path):
    rows = [("loved it", "positive"), ("awful", "negative"), ("", "neutral"), ("superb", "2")]
    path = write_csv(tmp_path / "mine.csv", rows)
    run(model, "--data", path, "--output", tmp_path / "out")
    metrics = saved(tmp_path / "out")
    assert metrics["data"]["rows"] == 4
    assert metrics["data"]["labels"] == {"negative": 1, "neutral": 1, "positive": 2}
    assert set(metrics["baselines"]) == {"tfidf", "majority"}


def test_a_split_of_a_file_only_names_the_results_and_that_is_said(model, tmp_path):
    path = write_csv(tmp_path / "mine.csv", [("loved it", "positive"), ("awful", "negative")])
    arguments = ("--data", path, "--split", "validation", "--no-baseline")
    result = run(model, *arguments, "--output", tmp_path / "out")
    assert f"{path} is one file, read whole: --split validation only names the" in result.stderr
    assert saved(tmp_path / "out")["data"]["rows"] == 2
    assert "only names" not in run(model, *arguments[:2], *arguments[4:]).stderr


def test_texts_the_model_was_trained_on_are_counted_on_stderr_and_in_the_report(
    model, tmp_path, tiny_settings
):
    from sentiment.config import load_config

    train = load_splits(load_config(None, tiny_settings).data).train
    known = [(train.texts[row], train.classes[train.labels[row]]) for row in range(3)]
    path = write_csv(tmp_path / "mine.csv", [*known, ("never seen before", "neutral")])
    result = run(model, "--data", path, "--output", tmp_path / "out", "--no-baseline")
    note = "3 of 4 texts stand in the train rows of this model"
    assert f"note: {note}" in result.stderr
    assert note in saved(tmp_path / "out")["notes"][0]
    fresh = write_csv(tmp_path / "fresh.csv", [("never seen before", "neutral")])
    result = run(model, "--data", fresh, "--output", tmp_path / "fresh", "--no-baseline")
    assert "train rows" not in result.stderr


def test_other_columns_become_slices_and_parquet_columns(model, tmp_path):
    rows = [("loved it", "positive", "shop"), ("awful", "negative", "film")] * 3
    path = write_csv(tmp_path / "mine.csv", rows, "review,verdict,site")
    columns = ("--text-column", "review", "--label-column", "verdict")
    run(model, "--data", path, *columns, "--output", tmp_path / "out", "--no-baseline")
    names = {(p["family"], p["name"]) for p in saved(tmp_path / "out")["slices"]}
    assert {("site", "shop"), ("site", "film")} <= names
    assert "site" in pq.read_schema(tmp_path / "out" / "predictions.parquet").names


def test_one_class_only_works(model, tmp_path):
    path = write_csv(tmp_path / "mine.csv", [("loved it", "positive")] * 3)
    result = run(model, "--data", path, "--output", tmp_path / "out", "--no-baseline")
    assert saved(tmp_path / "out")["roc"]["positive"]["reason"] == "one class only"
    assert "no row of the data is labelled 'negative', 'neutral'" in result.stdout


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        ([("fine", "mixed")], "text,label", "unknown label 'mixed'"),
        ([("fine", "")], "text,label", "has no label"),
        ([("fine", "positive")], "text,verdict", "label"),
    ],
)
def test_unusable_labels_are_named(model, tmp_path, rows, header, words):
    path = write_csv(tmp_path / "mine.csv", rows, header)
    with pytest.raises(DataError, match=words):
        run(model, "--data", path, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_proposed_is_this_command(model, tmp_path):
    with pytest.raises(DataError) as caught:
        run(model, "--data", tmp_path / "gone.csv")
    assert caught.value.run == "sentiment eval MODEL --data PATH"
    with pytest.raises(DataError) as caught:
        run(model, "--text-column", "review")
    assert caught.value.run == "the command with --text-column NAME"


def test_a_split_that_is_not_there_names_those_that_are(model):
    with pytest.raises(DataError, match=r"no split 'dev'.*validation"):
        run(model, "--split", "dev")


@pytest.mark.parametrize("split", ["../elsewhere", "", ".hidden", "a/b"])
def test_a_split_is_a_name_and_not_a_path(model, split):
    assert "--split" in run(model, "--split", split, code=2).stderr


def test_no_model(tmp_path):
    with pytest.raises(ModelFolderError, match="nowhere"):
        run(tmp_path / "nowhere")


def test_train_rows_that_are_gone_cost_the_baseline_only(model, tmp_path, tiny_settings):
    from sentiment.config import load_config

    settings = load_config(None, tiny_settings).data
    info = json.loads((model / "model.json").read_text(encoding="utf-8"))
    gone = settings.model_copy(update={"source": str(tmp_path / "gone.csv")})
    path = write_csv(tmp_path / "mine.csv", [("loved it", "positive")])
    rows = other_rows(gone, settings.model_copy(update={"source": str(path)}), "test", info)
    assert len(rows.data) == 1
    assert rows.train is None
    assert "no baseline" in rows.notes[0]


def test_data_that_changed_since_training_is_noted(model, tiny_settings):
    from sentiment.config import load_config

    settings = load_config(None, tiny_settings).data
    info = json.loads((model / "model.json").read_text(encoding="utf-8"))
    assert own_rows(settings, "test", info).notes == ()
    other = {**info, "data": {"fingerprint": "0" * 64}}
    assert "changed" in own_rows(settings, "test", other).notes[0]
    assert "train rows" in own_rows(settings, "train", info).notes[0]


def test_faithfulness_is_saved_beside_the_metrics_and_never_of_an_older_model(model, tmp_path):
    rows = [("it was superb and blue", "positive"), ("awful and boring it was", "negative")] * 3
    path = write_csv(tmp_path / "mine.csv", rows)
    options = ("--data", path, "--output", tmp_path / "out", "--no-baseline")
    result = run(model, *options, "--faithfulness", 4)
    kept = json.loads((tmp_path / "out" / "faithfulness.json").read_text(encoding="utf-8"))
    assert list(kept["deletion"]) == ["occlusion", "gradients", "decomposition", "random"]
    assert kept["n"] == 4
    assert "faithfulness of explanations on 4 of 6 texts" in result.stdout
    assert "accuracy" in result.stdout
    run(model, *options)
    assert not (tmp_path / "out" / "faithfulness.json").exists()


def test_faithfulness_and_behaviour_exclude_each_other(model):
    assert "--faithfulness" in run(model, "--behaviour", "x", "--faithfulness", 3, code=2).stderr
