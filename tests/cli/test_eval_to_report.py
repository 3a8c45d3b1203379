"""`sentiment eval`, then `sentiment report`, as a user would: a model that was really trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def evaluated(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory, cli) -> Path:
    folder = Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("evaluated") / "tiny"))
    data = folder.parent / "mine.csv"
    lines = [
        f"{'superb' if row % 2 else 'awful :('} film number {row},"
        f"{'positive' if row % 2 else 'negative'},{'a' if row % 3 else 'b'},{row}"
        for row in range(60)
    ]
    data.write_text("text,label,site,number\n" + "\n".join(lines) + "\n", encoding="utf-8")
    cli("eval", folder, "--data", data, "--no-baseline").done()
    return folder


def test_a_report_has_every_section_of_what_was_saved(evaluated, cli):
    answer = cli("report", evaluated).done()
    path = evaluated / "eval" / "test" / "report.html"
    assert answer.out == f"{path}\n"
    assert str(path.with_suffix(".md")) in answer.err
    page = path.read_text(encoding="utf-8")
    for words in ("h_T, the last LSTM", "Unit atlas", "h_t after every token", "Data check"):
        assert words in page
    assert "saved without" not in page
    assert len(page.encode()) < 5_000_000
    assert path.with_suffix(".md").read_text(encoding="utf-8").startswith("# tiny on test\n")


def test_slices_by_a_column_of_the_data(evaluated, cli, tmp_path):
    output = tmp_path / "sliced.html"
    cli("report", evaluated, "--slice", "number", "-o", output).done()
    page = output.read_text(encoding="utf-8")
    assert "0 to under 11.8" in page
    refused = cli("report", evaluated, "--slice", "nowhere").refused()
    assert "no column 'nowhere'" in refused
    assert "site, number" in refused


def test_a_model_that_was_not_evaluated_is_one_line(tiny_model, cli, tmp_path):
    folder = Path(shutil.copytree(tiny_model, tmp_path / "bare"))
    assert f"run: sentiment eval {folder}" in cli("report", folder).refused()


def test_what_is_no_model_is_not_to_be_evaluated(cli, tmp_path):
    (tmp_path / "bare").mkdir()
    line = cli("report", tmp_path / "bare").refused()
    assert f"{tmp_path / 'bare'} is no model folder: it has no manifest.json" in line
    assert line.endswith("run: sentiment train")
    (tmp_path / "half done" / "checkpoints").mkdir(parents=True)
    line = cli("report", tmp_path / "half done").refused()
    assert line.endswith(f"run: sentiment train --resume --output '{tmp_path / 'half done'}'")


def test_saved_figures_without_their_predictions_name_the_folder_they_are_in(
    evaluated, cli, tmp_path
):
    apart = Path(shutil.copytree(evaluated / "eval" / "test", tmp_path / "apart"))
    (apart / "predictions.parquet").unlink()
    line = cli("report", apart).refused()
    assert line.endswith(f"run: sentiment eval MODEL --output {apart}")


def test_a_place_for_results_that_cannot_be_is_said_before_the_work(evaluated, cli, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for how in (["--data", evaluated.parent / "mine.csv"], ["--behaviour", "general"]):
        answer = cli("eval", evaluated, *how, "--output", tmp_path / "file" / "results")
        assert f"{tmp_path / 'file'}: Not a directory" in answer.refused()
        assert answer.err.count("\n") == 1


@pytest.mark.parametrize("option", ["--data", "--output"])
def test_an_option_that_a_shell_left_empty(evaluated, cli, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test.csv").write_text("text,label\nsuperb,positive\n")
    line = cli("eval", evaluated, option, "").refused()
    assert f"{option} is empty, as of a shell variable that is not set" in line
    assert [path.name for path in tmp_path.iterdir()] == ["test.csv"]


@pytest.mark.parametrize(
    "command", [["train"], ["pretrain"], ["report", "MODEL"], ["export", "MODEL", "-f", "onnx"]]
)
def test_an_output_that_a_shell_left_empty(evaluated, cli, command):
    words = [evaluated if word == "MODEL" else word for word in command]
    assert "--output is empty" in cli(*words, "--output", "").refused()


def test_folders_without_permission_are_said_to_be_so(evaluated, powerless, tmp_path):
    (tmp_path / "locked" / "inner").mkdir(parents=True)
    (tmp_path / "locked").chmod(0)
    try:
        for command in (
            ["predict", "fine", "--model", tmp_path / "locked"],
            ["predict", "fine", "--model", tmp_path / "locked" / "inner"],
            ["report", tmp_path / "locked" / "inner"],
            ["eval", tmp_path / "locked" / "inner"],
        ):
            line = powerless(*command).refused()
            assert line.startswith(f"error: cannot read {tmp_path / 'locked'}"), line
            assert "Permission denied; expected a model folder you may read" in line
        data = ["--data", evaluated.parent / "mine.csv"]
        answer = powerless("eval", evaluated, *data, "--output", tmp_path / "locked" / "new")
        assert "Permission denied; expected a folder you may write to" in answer.refused()
        assert answer.err.count("\n") == 1
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_without_states_the_page_says_how_to_get_them(evaluated, cli, tmp_path):
    data = evaluated.parent / "mine.csv"
    output = tmp_path / "apart"
    cli("eval", evaluated, "--data", data, "--no-baseline", "--no-states", "-o", output).done()
    assert not (output / "hidden_states.json").exists()
    cli("report", output).done()
    assert "saved without its states" in (output / "report.html").read_text(encoding="utf-8")


def test_a_class_the_test_rows_lack_has_no_curve_and_one_class_only_none(evaluated, cli, tmp_path):
    data = tmp_path / "one.csv"
    data.write_text("text,label\n" + "superb film,positive\n" * 10, encoding="utf-8")
    cli("eval", evaluated, "--data", data, "--no-baseline", "-o", tmp_path / "one").done()
    cli("report", tmp_path / "one").done()
    page = (tmp_path / "one" / "report.html").read_text(encoding="utf-8")
    assert page.count("one class only in the data") == 3
    assert 'aria-label="ROC curves"' not in page
    metrics = json.loads((tmp_path / "one" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["data"]["rows"] == 10
