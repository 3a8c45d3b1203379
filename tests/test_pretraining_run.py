"""A whole pretraining: what it writes, what it refuses, and that killing it changes nothing."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from watchers import Recorder

import sentiment
from sentiment.config import PretrainingSettings, load_config
from sentiment.errors import (
    ConfigError,
    DataError,
    ModelFolderError,
    OutputError,
    TrainingError,
)
from sentiment.model_folder import (
    is_model_folder,
    is_unfinished,
    open_encoder_folder,
    open_model_folder,
    task_of,
)
from sentiment.model_places import default_model
from sentiment.nn.saving import TrainingInterrupted
from sentiment.pretraining_run import _fitting, _starting_point, pretrain
from sentiment.text.tokenizer import EncodedTexts
from sentiment.training_plan import PRETRAIN, make_plan

FILES = {
    "MODEL_CARD.md",
    "config.yaml",
    "history.csv",
    "manifest.json",
    "model.json",
    "tokenizer.json",
    "weights.safetensors",
}
WORDS = ("the", "film", "it", "was", "and", "a", "story", "this", "awful", "boring", "loved", ":)")
SETTINGS = (
    "name=tiny",
    "text.vocabulary_size=64",
    "text.min_frequency=1",
    "text.max_tokens=12",
    "text.head_tokens=4",
    "encoder.init=null",
    "encoder.embedding_units=6",
    "encoder.units=[5]",  # a graph of two LSTMs takes twice as long to build
    "pretraining.epochs=2",
    "pretraining.rows=8",
    "pretraining.segment_tokens=4",
    "pretraining.negatives=8",
    "pretraining.dropout=0.1",
)


def planned(settings: list[str], *more: str, output: Path | None = None, resume: bool = False):
    overrides = [*settings, *more]
    return make_plan(
        "default", output=output, overrides=overrides, resume=resume, command="test", task=PRETRAIN
    )


def write_texts(path: Path, rows: int = 160, seed: int = 0) -> Path:
    chance = random.Random(seed)
    lines = [" ".join(chance.choices(WORDS, k=8)) for _ in range(rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    source = write_texts(tmp_path_factory.mktemp("texts") / "own.txt")
    return [f"data.source={source}", *SETTINGS]


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory: pytest.TempPathFactory, settings: list[str]):
    """A pretrained encoder, from a plain file of lines, and what was noted: (folder, watcher)."""
    watcher = Recorder()
    folder = tmp_path_factory.mktemp("runs") / "tiny-encoder"
    assert pretrain(output=folder, overrides=settings, watcher=watcher) == folder
    return folder, watcher


# --- what it writes ---


def test_the_folder_is_verified_and_holds_what_a_training_starts_from(pretrained, settings):
    folder, _ = pretrained
    assert {path.name for path in folder.iterdir()} == FILES
    opened = open_encoder_folder(folder)
    assert opened.tokenizer().max_tokens == 12
    weights = opened.load_weights()
    assert weights["embedding/embeddings"].shape == (opened.info["vocabulary_size"], 6)
    assert {name.partition("/")[0] for name in weights} == {"embedding", "lstm_1"}
    assert load_config(folder / "config.yaml") == load_config(overrides=settings)


def test_model_json_says_what_it_is_and_how_well_it_foresees(pretrained):
    folder, watcher = pretrained
    info = json.loads((folder / "model.json").read_text())
    assert info["kind"] == "pretrained encoder"
    assert info["schema_version"] == 1
    assert (info["texts"], info["held_out_texts"]) == (144, 16)
    assert info["tokens"] == 144 * 8
    assert [row["layer"] for row in info["layers"]] == ["token_ids", "embedding", "lstm_1"]
    assert info["layers"][-1]["shape"] == [None, 5]
    tensors = load_file(folder / "weights.safetensors").values()
    assert info["parameters"] == sum(tensor.size for tensor in tensors)
    assert 1 < info["perplexity"] < info["vocabulary_size"] * 3
    assert 1 < info["unigram_perplexity"] < info["vocabulary_size"]
    assert [record["epoch"] for record in info["history"]] == [1, 2]
    assert info["history"][-1]["perplexity"] == info["perplexity"]
    assert info["started_from"] == "word vectors counted in the same texts"
    assert info["probe"]["texts"] == 16
    assert info["observed_shapes"]["lstm_1"] == [16, 5]
    assert (info["seed"], info["epochs"]) == (13, 2)
    assert info["pretraining"]["rows"] == 8
    assert len(info["data"]["fingerprint"]) == 64
    header, *lines = (folder / "history.csv").read_text().splitlines()
    assert header == "epoch,step,next_loss,elsewhere_loss,perplexity,learning_rate,seconds"
    assert len(lines) == 2
    assert watcher.epochs == [1, 2]


def test_the_card_says_what_it_is_for_and_not(pretrained):
    card = (pretrained[0] / "MODEL_CARD.md").read_text()
    for words in ("encoder.init=", "5 units", "own.txt", "144 texts", "held-out", "not for"):
        assert words in card
    assert "{" not in card


def test_the_log_shows_data_and_the_same_texts_before_and_after(pretrained):
    notes = "\n".join(pretrained[1].lines)
    assert "160 texts of" in notes
    assert "texts 144 · held out 16 · tokens 1," in notes
    assert "steps an epoch of 8 × 4 tokens" in notes
    assert "word vectors: counted in 1," in notes
    for moment in ("before pretraining", "pretrained"):
        assert f"held-out texts, {moment}:\nlayer " in notes
    assert len(re.findall(r"lstm_1 +\(16, 5\) +the final hidden state h_T", notes)) == 2
    assert notes.count("final hidden state h_T: norm") == 2
    assert "dense" not in notes


# --- killed and resumed ---

KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from sentiment.pretraining_run import pretrain
from sentiment.training_run import Nobody

class Killer(Nobody):
    steps = 0
    def step(self, report):
        self.steps += 1
        if self.steps == 60:
            os.kill(os.getpid(), signal.SIGKILL)

overrides = [*sys.argv[3:], "pretraining.checkpoint_seconds=0"]
pretrain(output=sys.argv[2], overrides=overrides, watcher=Killer())
"""


@pytest.fixture(scope="module")
def killed_and_resumed(tmp_path_factory: pytest.TempPathFactory, settings: list[str]):
    """A pretraining whose process was killed in its second epoch, and finished by this one."""
    folder = tmp_path_factory.mktemp("killed") / "tiny-encoder"
    root = str(Path(sentiment.__file__).parent.parent)
    command = [sys.executable, "-W", "ignore", "-c", KILLED, root, str(folder), *settings]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr
    assert is_unfinished(folder)
    with pytest.raises(ModelFolderError, match=f"sentiment pretrain --resume --output {folder}"):
        open_encoder_folder(folder)
    watcher = Recorder()
    assert pretrain(output=folder, resume=True, watcher=watcher) == folder
    return folder, watcher


def test_a_killed_pretraining_goes_on_where_it_was(killed_and_resumed):
    folder, watcher = killed_and_resumed
    assert "resumed in epoch 2 after 59 steps" in watcher.lines
    assert watcher.epochs == [2]
    assert is_model_folder(folder)
    assert not (folder / "checkpoints").exists()
    assert not any(line.startswith("word vectors") for line in watcher.lines)


@pytest.mark.parametrize("name", ["weights.safetensors", "tokenizer.json"])
def test_a_killed_and_resumed_pretraining_ends_with_the_same_bits(
    killed_and_resumed, pretrained, name: str
):
    assert (killed_and_resumed[0] / name).read_bytes() == (pretrained[0] / name).read_bytes()


def test_a_killed_and_resumed_pretraining_ends_with_the_same_figures(
    killed_and_resumed, pretrained
):
    first, second = (
        json.loads((run[0] / "model.json").read_text()) for run in (killed_and_resumed, pretrained)
    )
    for key in ("history", "perplexity", "unigram_perplexity", "probe", "layers"):
        assert first[key] == second[key], key


def test_resuming_what_is_finished_changes_nothing(killed_and_resumed):
    folder, _ = killed_and_resumed
    before = (folder / "manifest.json").stat().st_mtime_ns
    watcher = Recorder()
    assert pretrain(output=folder, resume=True, watcher=watcher) == folder
    assert watcher.lines == [f"{folder} is already finished"]
    assert (folder / "manifest.json").stat().st_mtime_ns == before


# --- stopped; training and pretraining side by side ---


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, settings: list[str]):
    """An unfinished pretraining, stopped by its user in its first step."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.raises(TrainingInterrupted) as caught:
        pretrain(output=folder, overrides=settings, watcher=Recorder(stop_after=1))
    return folder, str(caught.value)


def test_a_stopped_pretraining_says_how_to_go_on(stopped):
    folder, message = stopped
    assert message == (
        "stopped in epoch 1 after 1 steps; everything is saved; "
        f"run: sentiment pretrain --resume --output {folder}"
    )
    assert is_unfinished(folder)
    assert task_of(folder) == "pretrain"


def test_what_belongs_to_the_other_command_is_not_touched(
    stopped, pretrained, tiny_model: Path, tmp_path: Path, monkeypatch
):
    folder, finished = stopped[0], pretrained[0]
    again = f"run: sentiment pretrain --resume --output {folder}"
    for refused in (sentiment.train, pretrain):
        with pytest.raises(OutputError, match="holds an unfinished pretraining") as caught:
            refused(output=folder)
        assert str(caught.value).endswith(again)
        with pytest.raises(OutputError, match="already holds a pretrained encoder"):
            refused(output=finished)
    with pytest.raises(OutputError, match="already holds a pretrained encoder"):
        sentiment.train(output=finished, resume=True)
    with pytest.raises(OutputError, match="already holds a model"):
        pretrain(output=tiny_model, resume=True)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(folder, tmp_path / "runs" / "a")
    with pytest.raises(TrainingError, match="no unfinished training under runs/"):
        sentiment.train(resume=True)
    plan = make_plan(None, output=None, overrides=(), resume=True, command="test", task=PRETRAIN)
    assert plan.output == Path("runs/a")


def test_settings_it_does_not_read_may_change_and_others_not(stopped, settings: list[str]):
    folder = stopped[0]
    saved = load_config(folder / "checkpoints" / "config.yaml")
    assert (
        make_plan(
            None, output=folder, overrides=(), resume=True, command="test", task=PRETRAIN
        ).config
        == saved
    )
    for same in ("training.epochs=3", "classifier.units=9", "pretraining.checkpoint_seconds=9"):
        assert planned(settings, same, output=folder, resume=True).resuming
    with pytest.raises(TrainingError) as caught:
        planned(settings, "pretraining.negatives=9", output=folder, resume=True)
    assert "was started with pretraining.negatives=8, and now it is 9" in str(caught.value)


def test_other_texts_are_refused(stopped, tmp_path: Path, settings: list[str]):
    folder = Path(shutil.copytree(stopped[0], tmp_path / "run"))
    moved = write_texts(tmp_path / "own.txt", seed=1)
    config = folder / "checkpoints" / "config.yaml"
    source = settings[0].removeprefix("data.source=")
    config.write_text(config.read_text().replace(source, str(moved)))
    with pytest.raises(TrainingError, match=r"own\.txt changed since .* run: sentiment pretrain"):
        pretrain(output=folder, resume=True)


def test_without_an_output_it_is_runs_and_the_configs_name(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan = make_plan("imdb", output=None, overrides=(), resume=False, command="x", task=PRETRAIN)
    assert plan.output == Path("runs/imdb-encoder")
    assert plan.again == "sentiment pretrain --resume --output runs/imdb-encoder"


def test_a_pretrained_encoder_is_no_model_to_predict_with(
    pretrained, tiny_model: Path, tmp_path: Path, monkeypatch
):
    folder, _ = pretrained
    for refused in (sentiment.load, open_model_folder):
        with pytest.raises(ModelFolderError) as caught:
            refused(folder)
        assert f"{folder} is a pretrained encoder, not a classifier" in str(caught.value)
        assert str(caught.value).endswith(f"run: sentiment train --set encoder.init={folder}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENTIMENT_MODEL", raising=False)
    shutil.copytree(tiny_model, tmp_path / "runs" / "model")
    shutil.copytree(folder, tmp_path / "runs" / "encoder")
    assert default_model()[0].name != "encoder"


# --- where it starts ---


def test_it_goes_on_from_another_encoder_with_its_tokenizer_and_sizes(
    pretrained, tmp_path: Path, settings: list[str]
):
    source, watcher = pretrained[0], Recorder()
    folder = pretrain(
        output=tmp_path / "further",
        # So slow that the weights stay what they were.
        overrides=[
            *settings,
            f"encoder.init={source}",
            "encoder.units=[3]",
            "text.vocabulary_size=32",
            "pretraining.epochs=1",
            "pretraining.learning_rate=1e-12",
        ],
        watcher=watcher,
    )
    before, after = (load_file(path / "weights.safetensors") for path in (source, folder))
    assert set(after) == set(before)
    for name, value in after.items():
        np.testing.assert_allclose(value, before[name], atol=1e-6)
    assert (folder / "tokenizer.json").read_text() == (source / "tokenizer.json").read_text()
    info = json.loads((folder / "model.json").read_text())
    assert info["started_from"] == str(source)
    assert info["encoder"]["units"] == [5]
    assert not any(line.startswith("word vectors") for line in watcher.lines)


def test_a_whole_classifiers_encoder_will_do_too(tiny_model: Path, settings: list[str]):
    start = _starting_point(planned(settings, f"encoder.init={tiny_model}"))
    assert start.config.encoder.units == (16, 12)
    assert {name.partition("/")[0] for name in start.weights} == {"embedding", "lstm_1", "lstm_2"}
    assert start.tokenizer is not None


@pytest.mark.parametrize("init", ["auto", "OUTPUT", "null"])
def test_auto_and_the_folder_to_be_written_mean_from_nothing(
    init: str, tmp_path: Path, settings: list[str], monkeypatch
):
    monkeypatch.chdir(tmp_path)
    init = "runs/own" if init == "OUTPUT" else init
    plan = planned(settings, f"encoder.init={init}", output=tmp_path / "runs" / "own")
    start = _starting_point(plan)
    assert (start.weights, start.tokenizer, start.note) == ({}, None, "")


def test_random_vectors_and_one_kind_of_question_do_too(tmp_path: Path, settings: list[str]):
    more = ["pretraining.word_vectors=false", "pretraining.elsewhere_share=0", "encoder.units=[3]"]
    folder = pretrain(
        output=tmp_path / "run",
        overrides=[*settings, *more, "pretraining.epochs=1", "encoder.pooling=attention"],
    )
    info = open_encoder_folder(folder).info
    assert info["started_from"] == "random vectors"
    assert info["history"][0]["elsewhere_loss"] is None
    assert [row["layer"] for row in info["layers"]] == ["token_ids", "embedding", "lstm_1"]


# --- what it refuses, and what it mends ---


def test_few_texts_are_read_fewer_at_a_time():
    encoded = EncodedTexts(
        token_ids=np.full(144 * 8, 2, np.int32),
        starts=np.arange(0, 145 * 8, 8),
        truncated_tokens=np.zeros(144, np.int32),
        unknown_fraction=np.zeros(144, np.float32),
    )
    watcher = Recorder()
    asked = PretrainingSettings(rows=128, segment_tokens=16)
    assert _fitting(asked, encoded, watcher).rows == 7
    (note,) = watcher.lines
    assert note.startswith("pretraining.rows: 7, not 128: the texts make 144 segments of 16")
    # In segments of four tokens there are twice as many.
    asked = PretrainingSettings(rows=14, segment_tokens=4)
    assert _fitting(asked, encoded, Recorder()) == asked


def test_what_cannot_be_pretrained_leaves_no_folder(tmp_path: Path, settings: list[str]):
    output = tmp_path / "run"
    with pytest.raises(ConfigError) as caught:
        pretrain(output=output, overrides=[*settings, "encoder.bidirectional=true"])
    assert "encoder.bidirectional is true, and a language model must not see" in str(caught.value)
    assert str(caught.value).endswith("--set encoder.bidirectional=false")
    few = write_texts(tmp_path / "few.txt", rows=40)
    with pytest.raises(DataError, match="40 different texts to pretrain on; expected at least 100"):
        pretrain(output=output, overrides=[*settings, f"data.source={few}"])
    with pytest.raises(ModelFolderError, match="nowhere"):
        pretrain(output=output, overrides=[*settings, "encoder.init=nowhere"])
    with pytest.raises(ConfigError, match=r"pretraining\.rows is 0"):
        pretrain(output=output, overrides=["pretraining.rows=0"])
    assert not output.exists()
