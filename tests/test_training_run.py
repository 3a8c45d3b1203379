"""A whole training: where it writes, what it refuses, and that killing it changes nothing."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from watchers import Recorder

import sentiment
from sentiment.config import load_config
from sentiment.errors import ConfigError, DataError, ModelFolderError, OutputError, TrainingError
from sentiment.model_folder import is_model_folder, is_unfinished
from sentiment.nn.saving import TrainingInterrupted
from sentiment.runtime.replay import replay
from sentiment.training_run import Plan, make_plan


def plan(config=None, *, output=None, overrides=(), resume=False) -> Plan:
    return make_plan(config, output=output, overrides=overrides, resume=resume, command="test")


# --- killed and resumed ---

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import sentiment
from sentiment.training_run import Nobody

class Killer(Nobody):
    steps = 0
    def step(self, report):
        self.steps += 1
        if self.steps == 58:
            os.kill(os.getpid(), signal.SIGKILL)

overrides = [*sys.argv[3:], "training.checkpoint_seconds=0"]
sentiment.train(output=sys.argv[2], overrides=overrides, watcher=Killer())
"""


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory, tiny_settings):
    """A training whose process was killed in its fourth epoch, and which this process finished."""
    folder = tmp_path_factory.mktemp("killed") / "tiny"
    root = str(Path(sentiment.__file__).parent.parent)
    command = [sys.executable, "-W", "ignore", "-c", KILLED, root, str(folder), *tiny_settings]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert is_unfinished(folder)
    with pytest.raises(ModelFolderError, match=f"run: sentiment train --resume --output {folder}"):
        sentiment.load(folder)
    watcher = Recorder()
    assert sentiment.train(output=folder, resume=True, watcher=watcher) == folder
    return folder, watcher


def test_a_killed_training_goes_on_where_it_was(killed_and_resumed):
    folder, watcher = killed_and_resumed
    assert "resumed in epoch 4 after 57 steps" in watcher.lines
    assert watcher.epochs[0] == 4
    assert is_model_folder(folder)
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "model.onnx", "model.int8.onnx", "tokenizer.json"]
)
def test_a_killed_and_resumed_training_ends_with_the_same_bits(
    killed_and_resumed, tiny_model: Path, name: str
):
    folder, _ = killed_and_resumed
    assert (folder / name).read_bytes() == (tiny_model / name).read_bytes()


def test_a_killed_and_resumed_training_ends_with_the_same_history_and_metrics(
    killed_and_resumed, tiny_model: Path
):
    folder, _ = killed_and_resumed
    first, second = (
        [line.rpartition(",")[0] for line in (path / "history.csv").read_text().splitlines()]
        for path in (folder, tiny_model)
    )
    assert first == second  # but for the seconds, the last column
    first, second = (json.loads((path / "model.json").read_text()) for path in (folder, tiny_model))
    for key in ("metrics", "temperature", "data", "classes", "layers", "epochs"):
        assert first[key] == second[key], key


def test_resuming_what_is_finished_changes_nothing(killed_and_resumed, tiny_settings):
    folder, _ = killed_and_resumed
    before = (folder / "manifest.json").stat().st_mtime_ns
    watcher = Recorder()
    assert sentiment.train(output=folder, resume=True, watcher=watcher) == folder
    assert watcher.lines == [f"{folder} is already finished"]
    assert (folder / "manifest.json").stat().st_mtime_ns == before


# --- stopped, then what is refused ---


@pytest.fixture(scope="module")
def small_settings(tiny_settings: list[str]) -> list[str]:
    return [*tiny_settings, "encoder.units=[2]", "classifier.units=2", "training.epochs=2"]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, small_settings: list[str]):
    """An unfinished training, stopped by its user in its first step."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    watcher = Recorder(stop_after=1)
    with pytest.raises(TrainingInterrupted) as caught:
        sentiment.train(output=folder, overrides=small_settings, watcher=watcher)
    return folder, watcher, str(caught.value)


@pytest.fixture
def unfinished(stopped, tmp_path: Path) -> Path:
    """A copy of the unfinished training that a test may change."""
    return Path(shutil.copytree(stopped[0], tmp_path / "run"))


def test_a_stopped_training_says_how_to_go_on(stopped):
    folder, watcher, message = stopped
    assert message == (
        "stopped in epoch 1 after 1 steps; everything is saved; "
        f"run: sentiment train --resume --output {folder}"
    )
    assert watcher.steps == 1
    assert is_unfinished(folder)
    assert [path.name for path in folder.iterdir()] == ["checkpoints"]


def test_a_training_shows_its_data_and_the_shapes_of_its_first_batch(stopped):
    notes = "\n".join(stopped[1].lines)
    assert "train 144 · validation 18 texts · classes negative, neutral, positive" in notes
    assert "vocabulary 30 tokens" in notes
    assert "first batch, before training:" in notes
    for words in ("token_ids      (8, ", "lstm_1         (8, 2)", "the final hidden state h_T"):
        assert words in notes
    assert "final hidden state h_T: norm" in notes


def test_what_a_stopped_training_was_started_with_is_what_it_is_resumed_with(
    unfinished: Path, small_settings: list[str]
):
    resumed = plan(output=unfinished, resume=True)
    assert resumed.config == load_config(overrides=small_settings)
    assert (resumed.output, resumed.resuming) == (unfinished, True)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.learning_rate=0.5", "training.learning_rate=0.02, and now it is 0.5"),
        ("encoder.units=[3]", r"encoder.units=(2,), and now it is (3,)"),
        ("training.seed=14", "training.seed=13, and now it is 14"),
    ],
)
def test_other_settings_are_refused_with_both_values(unfinished: Path, override: str, words: str):
    with pytest.raises(TrainingError) as caught:
        sentiment.train(output=unfinished, resume=True, overrides=[override])
    assert f"was started with {words}; expected the same settings" in str(caught.value)


def test_how_often_to_save_may_change(unfinished: Path):
    resumed = plan(output=unfinished, resume=True, overrides=["training.checkpoint_seconds=5"])
    assert resumed.config.training.checkpoint_seconds == 5


def test_other_data_are_refused(unfinished: Path, tmp_path: Path, small_settings: list[str]):
    source = Path(small_settings[0].removeprefix("data.source="))
    moved = tmp_path / source.name
    rows = source.read_text().splitlines()
    moved.write_text("\n".join([*rows[:-1], rows[-1].replace(",", " indeed,")]) + "\n")
    config = unfinished / "checkpoints" / "config.yaml"
    config.write_text(config.read_text().replace(str(source), str(moved)))
    with pytest.raises(TrainingError, match=r"the data of .*tiny\.csv changed since .*run was"):
        sentiment.train(output=unfinished, resume=True)


def test_an_unfinished_training_is_never_started_over(unfinished: Path):
    with pytest.raises(OutputError) as caught:
        sentiment.train(output=unfinished)
    assert "run holds an unfinished training; expected --resume to continue it" in str(caught.value)
    assert str(caught.value).endswith(f"run: sentiment train --resume --output {unfinished}")


# --- begun, with nothing saved ---


@pytest.fixture
def begun(tmp_path: Path, small_settings: list[str]) -> Path:
    """The folder of a training that ended before anything was saved: its teacher was wrong."""
    folder = tmp_path / "my run"
    with pytest.raises(ModelFolderError, match="no model folder at 'nobody'"):
        sentiment.train(output=folder, overrides=[*small_settings, "training.teacher=[nobody]"])
    assert is_unfinished(folder)
    return folder


@pytest.mark.parametrize("resume", [False, True])
def test_what_saved_nothing_is_started_anew_with_other_settings(
    begun: Path, small_settings: list[str], resume: bool
):
    watcher = Recorder(stop_after=1)
    overrides = ["training.teacher=[]"] if resume else small_settings
    with pytest.raises(TrainingInterrupted, match="stopped in epoch 1 after 1 steps"):
        sentiment.train(output=begun, overrides=overrides, resume=resume, watcher=watcher)
    said = "no checkpoint yet: starting from the beginning"
    assert (said if resume else f"{begun} was begun before and nothing was saved yet: starting anew"
            ) in watcher.lines  # fmt: skip
    assert load_config(begun / "checkpoints" / "config.yaml") == load_config(
        overrides=small_settings
    )
    # From here on there is something to lose.
    with pytest.raises(OutputError, match="holds an unfinished training") as caught:
        sentiment.train(output=begun, overrides=small_settings)
    assert str(caught.value).endswith(f"run: sentiment train --resume --output '{begun}'")


@pytest.mark.parametrize("place", ["beside", "inside"])
def test_files_of_the_users_own_are_more_than_nothing(begun: Path, place: str):
    (begun / ("mine.pt" if place == "beside" else "checkpoints/mine.pt")).write_text("precious")
    with pytest.raises(OutputError, match="holds an unfinished training"):
        plan(output=begun)


def test_a_training_that_never_reached_its_folder_leaves_none(tmp_path: Path, monkeypatch):
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sentiment.training_run.Tokenizer.train", fail)
    with pytest.raises(KeyboardInterrupt):
        sentiment.train(output=tmp_path / "run", overrides=["encoder.init=null"])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("saved", [False, True])
def test_a_training_that_ran_away_names_a_command_that_works(
    tmp_path: Path, small_settings: list[str], saved: bool
):
    folder, watcher = tmp_path / "run", Recorder(stop_after=1)
    wild = [*small_settings, "training.learning_rate=1e30", "training.clip_norm=1e30"]
    if saved:
        with pytest.raises(TrainingInterrupted):
            sentiment.train(output=folder, overrides=small_settings, watcher=watcher)
        (folder / "checkpoints" / "config.yaml").write_text(load_config(overrides=wild).to_yaml())
        for state in folder.glob("checkpoints/step-*/state.json"):
            state.unlink()  # so that it begins at the beginning, and runs away at once
    with pytest.raises(TrainingError, match="became") as caught:
        sentiment.train(output=folder, overrides=wild, resume=saved)
    change = "training.learning_rate=2.5e+29"
    if saved:
        assert "; expected a number; the last state saved before it is kept; " in str(caught.value)
        config = folder / "checkpoints" / "config.yaml"
        command = f"sentiment train {config} --set {change} --output {folder}-2"
    else:
        assert "; expected a number; nothing was saved before it; " in str(caught.value)
        command = f"sentiment train --resume --output {folder} --set {change}"
    assert str(caught.value).endswith(f"run: {command}")
    if saved:
        again = plan(folder / "checkpoints" / "config.yaml", output=f"{folder}-2")
        assert (again.config.name, again.config.training.clip_norm) == ("tiny", 1e30)
    else:
        assert plan(output=folder, overrides=[change], resume=True).resuming


class Impatient(Recorder):
    """Presses Ctrl-C at a line of the log."""

    def __init__(self, when: str) -> None:
        super().__init__()
        self.when = when

    def note(self, line: str) -> None:
        super().note(line)
        if line.startswith(self.when):
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("when", "words"),
    [
        ("first batch", "stopped before anything was saved"),
        ("resumed in epoch", "stopped at once; the last saved state is kept"),
    ],
)
def test_control_c_before_the_first_step_names_the_way_on(
    stopped, tmp_path: Path, small_settings: list[str], when: str, words: str
):
    folder, watcher = tmp_path / "run", Impatient(when)
    resume = when.startswith("resumed")
    if resume:
        shutil.copytree(stopped[0], folder)
    with pytest.raises(KeyboardInterrupt):
        sentiment.train(output=folder, overrides=small_settings, resume=resume, watcher=watcher)
    assert watcher.lines[-1] == f"{words}; run: sentiment train --resume --output {folder}"


# --- two at a time ---

WAITING = """
import sys
sys.path.insert(0, sys.argv[1])
import sentiment
from sentiment.training_run import Nobody

class Waiter(Nobody):
    def step(self, report):
        if report.batch == 1:
            print("at it", flush=True)
            sys.stdin.read()

sentiment.train(output=sys.argv[2], overrides=sys.argv[3:], watcher=Waiter())
"""


def test_one_process_a_folder(tmp_path: Path, small_settings: list[str]):
    folder, root = tmp_path / "run", str(Path(sentiment.__file__).parent.parent)
    settings = [*small_settings, "training.epochs=1"]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WAITING, root, str(folder), *settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout.readline() == "at it\n"
        for resume in (False, True):
            with pytest.raises(TrainingError) as caught:
                sentiment.train(output=folder, overrides=settings, resume=resume)
            assert str(caught.value) == (
                f"another process is training in {folder}; expected one process a folder; "
                f"run: sentiment train --resume --output {folder} when it has ended"
            )
        first.stdin.close()
        assert first.wait(timeout=120) == 0
    assert is_model_folder(folder)
    assert not (folder / "checkpoints").exists()


# --- what a resume needs, damaged ---


@pytest.mark.parametrize("name", ["run.json", "tokenizer.json"])
@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}"])
def test_what_was_written_down_is_damaged(unfinished: Path, name: str, content: str | None):
    path = unfinished / "checkpoints" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(TrainingError) as caught:
        sentiment.train(output=unfinished, resume=True)
    assert str(caught.value).startswith(f"cannot continue from {path}: ")
    assert "; expected the file as the training wrote it; " in str(caught.value)
    config = unfinished / "checkpoints" / "config.yaml"
    assert str(caught.value).endswith(f"run: sentiment train {config} --output {unfinished}-2")


def test_without_its_settings_there_is_nothing_to_resume(unfinished: Path):
    (unfinished / "checkpoints" / "config.yaml").unlink()
    with pytest.raises(TrainingError, match="nothing to resume in") as caught:
        sentiment.train(output=unfinished, resume=True)
    assert str(caught.value).endswith(f"run: sentiment train CONFIG --output {unfinished}-2")


# --- where it writes ---


def test_settings_that_a_finished_training_did_not_have_are_refused(tiny_model: Path):
    same = plan(output=tiny_model, resume=True, overrides=["training.epochs=24", "name=x"])
    assert same.output == tiny_model
    for override, values in {
        "training.epochs=50": "training.epochs=24, and now it is 50",
        "data.source=other.csv": ", and now it is 'other.csv'",
    }.items():
        with pytest.raises(TrainingError) as caught:
            plan(output=tiny_model, resume=True, overrides=[override])
        assert values in str(caught.value)
        assert str(caught.value).endswith(
            f"run: sentiment train {tiny_model}/config.yaml --set {override} "
            f"--output {tiny_model}-2"
        )


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_a_folder_without_a_name_is_refused_like_any_other(
    tmp_path: Path, monkeypatch, folder: str
):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "photo").touch()
    monkeypatch.chdir(tmp_path / "inner")
    with pytest.raises(OutputError, match="already exists and is not empty"):
        plan(output=folder)


def test_a_finished_model_is_never_written_over(tiny_model: Path):
    (tiny_model.parent / "tiny-2").mkdir(exist_ok=True)
    with pytest.raises(OutputError) as caught:
        sentiment.train(output=tiny_model)
    assert f"{tiny_model} already holds a model; expected a new folder" in str(caught.value)
    assert str(caught.value).endswith(f"--output {tiny_model}-3")  # the next that is free
    (tiny_model.parent / "tiny-2").rmdir()


@pytest.mark.parametrize("resume", [False, True])
def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path, resume: bool):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_text("x")
    with pytest.raises(OutputError, match="photos already exists and is not empty"):
        plan("default", output=tmp_path / "photos", resume=resume)
    with pytest.raises(OutputError, match="already exists"):
        plan("default", output=tmp_path / "photos" / "cat.jpg", resume=resume)


def test_a_new_folder_and_an_empty_one_are_fine(tmp_path: Path):
    assert plan(output=tmp_path / "new" / "run").output == tmp_path / "new" / "run"
    (tmp_path / "empty").mkdir()
    assert plan(output=str(tmp_path / "empty")).output == tmp_path / "empty"


def test_overrides_change_a_config_that_was_made_before(tmp_path: Path):
    made = load_config(None, ["training.epochs=3", "data.classes=[no, yes]"])
    changed = plan(made, output=tmp_path, overrides=["training.epochs=7"]).config
    assert (changed.training.epochs, changed.data.classes) == (7, ("no", "yes"))
    assert plan(made, output=tmp_path).config == made
    with pytest.raises(ConfigError, match=r"unknown key 'training\.epoch'"):
        plan(made, output=tmp_path, overrides=["training.epoch=7"])


def test_without_an_output_it_is_runs_and_the_configs_name(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert plan().output == Path("runs/default")
    assert plan(overrides=["name=mine"]).output == Path("runs/mine")
    (tmp_path / "films.yaml").write_text("training: {epochs: 1}")
    assert plan("films.yaml").output == Path("runs/films")
    assert plan(load_config("default")).output == Path("runs/default")


def test_without_a_folder_the_newest_unfinished_training_is_resumed(
    stopped, tmp_path: Path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match="nothing to resume: no unfinished training under"):
        plan(resume=True)
    for name in ("a", "b"):
        shutil.copytree(stopped[0], tmp_path / "runs" / name)
    (tmp_path / "runs" / "a" / "checkpoints" / "touched").touch()
    assert plan(resume=True).output == Path("runs/a")


def test_there_may_be_nothing_to_resume(tmp_path: Path):
    with pytest.raises(TrainingError, match=r"nothing to resume in .*/nowhere"):
        plan(output=tmp_path / "nowhere", resume=True)


def test_a_place_that_cannot_be_written_is_said_before_training(
    tmp_path: Path, small_settings: list[str]
):
    (tmp_path / "file").write_text("x")
    watcher = Recorder()
    with pytest.raises(OutputError, match=r"cannot make .*file/run/checkpoints: Not a directory"):
        sentiment.train(output=tmp_path / "file" / "run", overrides=small_settings, watcher=watcher)
    assert watcher.steps == 0


# --- what it refuses ---


def test_settings_and_data_that_are_wrong_leave_no_folder(tmp_path: Path):
    with pytest.raises(ConfigError, match="no config 'nothing'"):
        sentiment.train("nothing", output=tmp_path / "run")
    with pytest.raises(ConfigError, match=r"training\.epochs is 0"):
        sentiment.train(output=tmp_path / "run", overrides=["training.epochs=0"])
    with pytest.raises(DataError, match="nowhere"):
        sentiment.train(
            output=tmp_path / "run", overrides=[f"data.source={tmp_path / 'nowhere.csv'}"]
        )
    assert not (tmp_path / "run").exists()


def test_the_shapes_seen_and_the_probe_are_saved(tiny_model: Path) -> None:
    info = json.loads((tiny_model / "model.json").read_text())
    batch, time = info["observed_shapes"]["token_ids"]
    assert info["observed_shapes"]["lstm_1"] == [batch, time, 16]
    assert info["observed_shapes"]["lstm_2"] == [batch, 12]
    assert info["probe"]["name"] == "final hidden state h_T"
    assert info["probe"]["texts"] == batch
    assert info["probe"]["norm"] > 0


def test_weights_stored_as_float16_are_what_every_engine_runs_and_every_figure_measures(
    tiny_settings: list[str], tmp_path: Path
):
    overrides = [*tiny_settings, "training.epochs=2", "export.weights=float16"]
    folder = sentiment.train(output=tmp_path / "half", overrides=overrides)
    info = json.loads((folder / "model.json").read_text())
    assert info["weights"] == "float16"
    assert info["onnx_largest_difference"] < 1e-5
    assert "stored as float16" in (folder / "MODEL_CARD.md").read_text()
    weights = sentiment.load(folder).folder.load_weights()
    for value in weights.values():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value.astype(np.float16), value)
    texts = ["it was superb", "awful", "", "seven blue on tuesday :("]
    answers = {
        engine: sentiment.load(folder, engine=engine).predict_arrays(texts)
        for engine in ("onnx", "keras", "int8")
    }
    exact = answers["onnx"]
    np.testing.assert_allclose(answers["keras"].probabilities, exact.probabilities, atol=1e-5)
    np.testing.assert_allclose(answers["int8"].probabilities, exact.probabilities, atol=0.15)
    seen = replay(
        weights,
        sentiment.load(folder).tokenizer.encode(texts[:1]).token_ids,
        sentiment.load(folder).folder.encoder,
    )
    np.testing.assert_allclose(seen.probabilities, exact.probabilities[0], atol=1e-5)
