"""`sentiment train` as a user runs it: what it shows and writes, what it refuses, Ctrl-C."""

from __future__ import annotations

import csv
import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment.cli.terminal import Terminal
from sentiment.model_folder import open_model_folder
from sentiment.nn.training import StepReport

FILES = {
    "MODEL_CARD.md",
    "config.yaml",
    "history.csv",
    "manifest.json",
    "model.int8.onnx",
    "model.json",
    "model.onnx",
    "tokenizer.json",
    "weights.safetensors",
}
# Short texts make few batch shapes, and each shape costs a second of graph building.
SHORT = ("text.max_tokens=4", "text.head_tokens=2")


def sets(settings: list[str], *more: str) -> list[str]:
    """Return settings as options."""
    return [word for setting in (*settings, *more) for word in ("--set", setting)]


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, made the current one."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def trained(cli, tiny_settings: list[str], tmp_path_factory: pytest.TempPathFactory):
    """A training by a relative config, in a folder far from the package: (answer, folder)."""
    folder = tmp_path_factory.mktemp("work")
    source = tiny_settings[0].partition("=")[2]
    (folder / "reviews.csv").write_bytes(Path(source).read_bytes())
    (folder / "mine.yaml").write_text("data: {source: reviews.csv}\ntraining: {seed: 3}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        others = [setting for setting in tiny_settings[1:] if not setting.startswith("name=")]
        options = sets(others, *SHORT, "training.epochs=2")
        answer = cli("train", "mine.yaml", *options, "--seed", "5", "--json").done()
    return answer, folder / "runs" / "mine"


# A training that ends well


def test_a_config_by_relative_path_makes_a_verified_model_under_runs(trained, cli) -> None:
    _, folder = trained
    assert set(os.listdir(folder)) == FILES
    assert open_model_folder(folder).classes == ("negative", "neutral", "positive")
    assert cli("predict", "superb", "--model", folder).done().out.count("\n") == 1


def test_json_prints_the_model_json(trained) -> None:
    answer, folder = trained
    assert answer.out.count("\n") == 1
    info = json.loads(answer.out)
    assert info == json.loads((folder / "model.json").read_text())
    assert info["name"] == "mine"
    assert info["seed"] == 5
    assert info["epochs"] == 2
    assert info["command"].startswith("sentiment train mine.yaml --set ")
    assert info["data"]["rows"] == {"train": 144, "validation": 18}
    assert info["metrics"]["validation"]["n"] == 18


def test_the_shapes_are_shown_for_the_first_batch_and_at_the_end(trained) -> None:
    answer, folder = trained
    lines = answer.err.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("layer ")]
    assert len(starts) == 2
    assert lines[starts[0] - 1] == "first batch, before training:"
    info = json.loads((folder / "model.json").read_text())
    embedding, (first, second) = info["encoder"]["embedding_units"], info["encoder"]["units"]
    for start, texts in zip(starts, (8, 18), strict=True):
        time = int(lines[start + 1].partition(", ")[2].partition(")")[0])
        assert 2 <= time <= 4
        rows = [
            ("layer", "output shape", "holds"),
            ("token_ids", f"({texts}, {time})", "right-padded token ids"),
            ("embedding", f"({texts}, {time}, {embedding})", "one vector per token"),
            ("lstm_1", f"({texts}, {time}, {first})", "every hidden state h_1 … h_T"),
            ("lstm_2", f"({texts}, {second})", "the final hidden state h_T"),
            ("dense", f"({texts}, {info['classifier']['units']})", ""),
            ("probabilities", f"({texts}, 3)", ""),
        ]
        width = max(len(row[1]) for row in rows) + 4
        assert lines[start : start + 7] == [
            f"{layer:<15}{shape:<{width}}{holds}".rstrip() for layer, shape, holds in rows
        ]
        probe = lines[start + 7]
        assert probe.startswith("final hidden state h_T: norm ")
        words = [part.split()[0] for part in probe.partition(": ")[2].split(" · ")]
        assert words == ["norm", "mean", "sd", "saturated", "dead", "strongest"]
    assert len(lines) == starts[1] + 8


def test_the_log_says_what_is_learned_from_what(trained) -> None:
    answer, folder = trained
    assert "train 144 · validation 18 texts · classes negative, neutral, positive" in answer.err
    assert "test: 18 of 180 rows split off reviews.csv, stratified" in answer.err
    epochs = [line for line in answer.err.splitlines() if line.startswith("epoch ")]
    with (folder / "history.csv").open() as stream:
        history = list(csv.DictReader(stream))
    assert [row["epoch"] for row in history] == ["1", "2"]
    for line, row in zip(epochs, history, strict=True):
        assert f"validation loss {float(row['validation_loss']):.3f}" in line
        assert f"macro-F1 {float(row['validation_macro_f1']):.3f}" in line


def test_a_finished_training_has_nothing_to_resume(trained, cli) -> None:
    _, folder = trained
    before = (folder / "manifest.json").read_bytes()
    answer = cli("train", "--resume", "--output", folder).done()
    assert answer.err == f"{folder} is already finished\n"
    assert answer.out.startswith(f"{folder}: validation accuracy ")
    assert (folder / "manifest.json").read_bytes() == before


# What is there is not touched


def test_a_model_is_never_overwritten(cli, tiny_model: Path) -> None:
    before = (tiny_model / "manifest.json").read_bytes()
    line = cli("train", "--output", tiny_model).refused()
    assert f"{tiny_model} already holds a model; expected a new folder" in line
    assert line.endswith(f"run: sentiment train … --output {tiny_model}-2")
    assert (tiny_model / "manifest.json").read_bytes() == before


def test_a_name_that_is_taken_too_is_not_proposed(cli, elsewhere: Path) -> None:
    for name in ("new", "new-2", "new-3"):
        (elsewhere / name).mkdir()
    (elsewhere / "new" / "notes.txt").write_text("mine")
    line = cli("train", "--output", "new").refused()
    assert "new already exists and is not empty" in line
    assert line.endswith("--output new-4")
    assert os.listdir(elsewhere / "new") == ["notes.txt"]


def test_a_file_where_the_folder_would_be(cli, elsewhere: Path) -> None:
    (elsewhere / "model").write_text("a file")
    assert "model already exists" in cli("train", "--output", "model").refused()
    line = cli("train", "--output", "model/deeper").refused()
    assert "model/deeper" in line
    assert (elsewhere / "model").read_text() == "a file"


def test_an_unfinished_training_is_offered_to_resume(cli, elsewhere: Path) -> None:
    (elsewhere / "runs" / "default" / "checkpoints" / "step-00000001").mkdir(parents=True)
    line = cli("train").refused()
    assert "runs/default holds an unfinished training; expected --resume to continue it" in line
    assert line.endswith("run: sentiment train --resume --output runs/default")


def test_without_a_test_split_the_commands_name_another(
    cli, elsewhere: Path, tiny_settings: list[str]
) -> None:
    small = (*SHORT, "encoder.units=[4]", "training.epochs=1", "export.int8=false")
    options = sets(tiny_settings, *small, "data.test_fraction=0")
    answer = cli("train", *options, "--output", "my model").done()
    proposed, use = answer.lines[-1].removeprefix("next: ").split(" · ")
    assert proposed == "sentiment eval 'my model' --split validation"
    assert f"run: {proposed}\n" in f"{cli('report', 'my model').refused()}\n"
    cli(*shlex.split(use)[1:]).done()
    cli(*shlex.split(proposed)[1:], "--no-baseline", "--no-states").done()


def test_nothing_to_resume(cli, elsewhere: Path) -> None:
    line = cli("train", "--resume").refused()
    assert "nothing to resume: no unfinished training under runs/" in line
    line = cli("train", "--resume", "--output", "nowhere").refused()
    assert "nothing to resume in nowhere" in line
    assert not os.listdir(elsewhere)


def test_resume_does_not_write_into_a_folder_of_something_else(cli, elsewhere: Path) -> None:
    (elsewhere / "photos").mkdir()
    (elsewhere / "photos" / "cat.jpg").write_text("a cat")
    assert "nothing to resume in photos" in cli("train", "--resume", "-o", "photos").refused()
    line = cli("train", "default", "--resume", "-o", "photos").refused()
    assert "photos already exists and is not empty" in line
    assert os.listdir(elsewhere / "photos") == ["cat.jpg"]


# Settings


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["defualt"], ["no config 'defualt'", "perhaps 'default'", "run: sentiment train default"]),
        (["nowhere/mine.yaml"], ["no config 'nowhere/mine.yaml'", "a YAML file"]),
        (["--set", "training.epocs=3"], ["unknown key 'training.epocs'", "training.epochs"]),
        (["--set", "trainig.epochs=3"], ["unknown key 'trainig'", "expected training"]),
        (["--set", "training.epochs=soon"], ["training.epochs is 'soon'", "a valid integer"]),
        (["--set", "training.epochs=0"], ["training.epochs is 0", "greater than 0"]),
        (["--set", "encoder.units=[]"], ["encoder.units is []", "at least 1 item"]),
        (["--set", "encoder.units=[64, -1]"], ["encoder.units.1 is -1", "greater than 0"]),
        (["--set", "encoder.dropout=1.0"], ["encoder.dropout is 1.0", "less than 1"]),
        (["--set", "encoder.pooling=median"], ["encoder.pooling is 'median'", "'attention'"]),
        (["--set", "training.learning_rate=nan"], ["training.learning_rate is", "number"]),
        (["--set", "text.max_tokens=9"], ["text: head_tokens is larger than max_tokens"]),
        (["--set", "data.classes=[one]"], ["data: classes must be two or more"]),
        (["--set", "training.epochs"], ["'training.epochs' has no key and value", "epochs=3"]),
        (["--set", "name.first=x"], ["name is a single value, not a block"]),
        (["--set", "name=../up"], ["name is '../up'"]),
        (["--seed", "-1"], ["training.seed is -1", "greater than or equal to 0"]),
    ],
)
def test_a_setting_that_cannot_be(
    cli, elsewhere: Path, arguments: list[str], words: list[str]
) -> None:
    answer = cli("train", *arguments)
    line = answer.refused()
    for word in words:
        assert word in line
    assert answer.err.count("\n") == 1
    assert not os.listdir(elsewhere)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"training: {epochs: 3\n", ["mine.yaml is not YAML"]),
        (b"- training\n", ["mine.yaml holds a list", "keys such as data"]),
        (b"training: {epochs: 3}\nencodr: {}\n", ["mine.yaml: unknown key 'encodr'", "encoder"]),
        (b"name: caf\xe9\n", ["mine.yaml is not YAML"]),
        (b"training: 3\n", ["mine.yaml: training is 3"]),
    ],
)
def test_a_config_file_that_cannot_be_used(
    cli, elsewhere: Path, content: bytes, words: list[str]
) -> None:
    (elsewhere / "mine.yaml").write_bytes(content)
    line = cli("train", "mine.yaml").refused()
    for word in words:
        assert word in line
    assert os.listdir(elsewhere) == ["mine.yaml"]


# Data

GOOD = b"text,label\n" + b"fine film,pos\nbad film,neg\n" * 20


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", ["a.csv is empty"]),
        ("a.csv", b"text,label\n", ["a.csv has no rows"]),
        ("a.csv", GOOD.replace(b"text,", b"review,"), ["no column 'text'", "'review', 'label'"]),
        ("a.csv", GOOD.replace(b",label", b",stars"), ["no column 'label'", "'text', 'stars'"]),
        ("a.csv", GOOD + b"caf\xe9,pos\n", ["a.csv row 41: line 42: byte", "0xe9", "UTF-8"]),
        ("a.csv", GOOD + b"a\0b,pos\n", ["a.csv row 41", "NUL"]),
        ("a.csv", GOOD + b"so so,meh\n", ["a.csv row 41: unknown label 'meh'", "one of neg, pos"]),
        ("a.csv", GOOD + b"so so,\n", ["a.csv row 41 has no label", "one of neg, pos"]),
        ("a.csv", GOOD + b"so so\n", ["a.csv row 41", "1 fields where the header has 2"]),
        ("a.jsonl", b'{"text": "a", "label": \n', ["a.jsonl row 1: line 1: not JSON"]),
        ("a.jsonl", b'{"text": "\\ud800", "label": "pos"}\n', ["a.jsonl row 1", "lone surrogate"]),
        ("a.jsonl", b'{"text": 5, "label": "pos"}\n', ["a.jsonl row 1: column 'text' holds int 5"]),
        ("a.parquet", b"PAR1", ["a.parquet is no readable parquet file"]),
        ("a.xlsx", b"x", ["a.xlsx has the extension '.xlsx'"]),
    ],
)
def test_data_that_cannot_be_learned_from(
    cli, elsewhere: Path, name: str, content: bytes, words: list[str]
) -> None:
    (elsewhere / name).write_bytes(content)
    line = cli("train", *sets([f"data.source={name}", "data.classes=[neg, pos]"])).refused()
    for word in words:
        assert word in line
    assert os.listdir(elsewhere) == [name]


def test_a_wrong_column_names_the_option_that_mends_it(cli, elsewhere: Path) -> None:
    (elsewhere / "a.csv").write_bytes(GOOD.replace(b"text,", b"review,"))
    line = cli("train", "--set", "data.source=a.csv").refused()
    assert line.endswith("--set data.text_column=NAME")


@pytest.mark.parametrize("classes", ["null", "[neg, pos]"])
def test_one_class_only(cli, elsewhere: Path, classes: str) -> None:
    rows = "".join(f"film {number} was fine,pos\n" for number in range(40))
    (elsewhere / "a.csv").write_text(f"text,label\n{rows}")
    line = cli("train", *sets(["data.source=a.csv", f"data.classes={classes}"])).refused()
    assert "'pos'" in line
    assert "two classes or more" in line
    assert os.listdir(elsewhere) == ["a.csv"]


@pytest.mark.parametrize("source", ["none.csv", "no/such/folder", "empty"])
def test_data_that_is_not_there(cli, elsewhere: Path, source: str) -> None:
    (elsewhere / "empty").mkdir()
    line = cli("train", "--set", f"data.source={source}").refused()
    assert source in line
    assert os.listdir(elsewhere) == ["empty"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_a_hub_id_without_network_names_the_local_way(cli, elsewhere: Path) -> None:
    line = cli("train", "--set", "data.source=nobody/no-such-reviews").refused()
    assert "cannot load 'nobody/no-such-reviews' from the hub" in line
    assert "a local folder" in line
    assert line.endswith("--set data.source=FOLDER")
    assert not os.listdir(elsewhere)


# Ctrl-C


def test_control_c_after_the_last_epoch_says_what_happens(capfd) -> None:
    terminal = Terminal(step_words=lambda _: "", epoch_line=lambda _: "")
    with terminal:
        terminal.step(StepReport(epoch=1, epochs=1, batch=1, batches=1, loss=0.5, tokens=3))
        terminal.note("calibrating and exporting")
        os.kill(os.getpid(), signal.SIGTERM)
        assert capfd.readouterr().err.splitlines()[-1] == (
            "all epochs are done, and writing the model goes on; again: stop at once"
        )
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_control_c_saves_everything_and_resume_finishes(
    cli, tiny_settings: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "stopped"
    small = (*SHORT, "encoder.units=[6]", "encoder.pooling=max", "export.int8=false")
    options = sets(tiny_settings, *small, "training.epochs=12", "training.patience=12")
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", "train", *options, "--output", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=tmp_path,
    ) as process:
        seen = []
        for line in process.stderr:
            seen.append(line)
            if line.startswith("epoch  1"):
                process.send_signal(signal.SIGINT)
                break
        seen += process.stderr
        output = process.stdout.read()
    assert process.returncode == 1, seen
    assert output == ""
    assert "stopping after this batch, then saving; again: stop at once\n" in seen
    assert "Traceback" not in "".join(seen)
    command = f"sentiment train --resume --output {folder}"
    assert seen[-1].startswith("error: stopped in epoch ")
    assert seen[-1].endswith(f"everything is saved; run: {command}\n")
    # Nothing of TensorFlow's start-up reaches the user.
    assert not [line for line in seen if "cuda" in line.lower() or "oneDNN" in line]

    assert f"run: {command}" in cli("train", *options, "--output", folder).refused()
    assert f"run: {command}" in cli("predict", "superb", "--model", folder).refused()
    other = cli("train", *options, "--set", "training.epochs=9", "--output", folder, "--resume")
    assert "was started with training.epochs=12, and now it is 9" in other.refused()

    answer = cli(*command.split()[1:]).done()
    assert "resumed in epoch " in answer.err
    assert set(os.listdir(folder)) == FILES - {"model.int8.onnx"}
    info = json.loads((folder / "model.json").read_text())
    assert info["epochs"] == 12
    answer = cli("predict", "superb", "--model", folder).done()
    assert answer.out.startswith("positive")
    assert "pooled hidden states (max): norm" in answer.err
    assert "final hidden state" not in answer.err
