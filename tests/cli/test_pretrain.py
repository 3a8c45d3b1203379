"""`sentiment pretrain` as a user runs it: what it shows and writes, what it refuses, Ctrl-C."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sentiment.cli import terminal
from sentiment.cli.pretrain import _Display, _result_line
from sentiment.nn.training import StepReport

SETTINGS = (
    "text.vocabulary_size=64",
    "text.min_frequency=1",
    "text.max_tokens=12",
    "text.head_tokens=4",
    "encoder.init=null",
    "encoder.embedding_units=6",
    "encoder.units=[5]",
    "encoder.pooling=mean",
    "classifier.units=3",
    "pretraining.epochs=2",
    "pretraining.segment_tokens=4",
    "pretraining.negatives=8",
    "training.epochs=1",
)


def sets(settings: list[str], *more: str) -> list[str]:
    """Return settings as options."""
    return [word for setting in (*settings, *more) for word in ("--set", setting)]


@pytest.fixture(scope="module")
def work(tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled reviews and a config for them."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "reviews.csv").write_bytes(tiny_corpus.read_bytes())
    (folder / "mine.yaml").write_text("data: {source: reviews.csv}\n")
    return folder


@pytest.fixture(scope="module")
def pretrained(cli, work: Path):
    """A pretraining by a relative config, with a line at every step: (answer, folder)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(work)
        patch.setattr(terminal, "SECONDS_BETWEEN_LINES", 0.0)
        answer = cli("pretrain", "mine.yaml", *sets([*SETTINGS]), "--seed", "5").done()
    return answer, work / "runs" / "mine-encoder"


def test_it_ends_with_the_result_and_the_command_that_comes_next(pretrained) -> None:
    answer, folder = pretrained
    info = json.loads((folder / "model.json").read_text())
    result, following = answer.lines
    assert result.startswith(
        f"runs/mine-encoder: perplexity {info['perplexity']:.1f} on 14 held-out texts "
        f"({info['unigram_perplexity']:.1f} by frequency alone) · 130 texts, 958 tokens, "
    )
    assert following == "next: sentiment train mine.yaml --set encoder.init=runs/mine-encoder"
    assert info["seed"] == 5
    assert info["command"].startswith("sentiment pretrain mine.yaml --set ")


def test_the_command_that_comes_next_works(pretrained, work: Path, cli, monkeypatch) -> None:
    monkeypatch.chdir(work)
    command = pretrained[0].lines[-1].removeprefix("next: sentiment ").split()
    others = [setting for setting in SETTINGS if not setting.startswith("encoder.init")]
    answer = cli(*command, *sets(others, "encoder.units=[9]")).done()
    assert "encoder: from runs/mine-encoder" in answer.err
    info = json.loads((work / "runs" / "mine" / "model.json").read_text())
    assert info["encoder"]["units"] == [5]


def test_the_log_shows_texts_shapes_progress_and_epochs(pretrained) -> None:
    lines = pretrained[0].err.splitlines()
    assert "144 texts of reviews.csv, without their labels" in lines
    assert "held-out texts, before pretraining:" in lines
    assert "held-out texts, pretrained:" in lines
    table = lines[lines.index("held-out texts, pretrained:") + 1 :][:4]
    assert [line.split("  ")[0].strip() for line in table] == [
        "layer",
        "token_ids",
        "embedding",
        "lstm_1",
    ]
    assert any(line.startswith("pretraining.rows: ") for line in lines)
    epochs = [line for line in lines if re.match(r"epoch  \d", line)]
    assert len(epochs) == 2
    for line in epochs:
        assert re.fullmatch(
            r"epoch  \d  loss next \d\.\d{3} elsewhere \d\.\d{3}  "
            r"held-out perplexity [\d.]+  \d+ s",
            line,
        )
    progress = [line for line in lines if re.match(r"epoch 2/2 ", line)]
    assert re.fullmatch(
        r"epoch 2/2 loss \d\.\d{3} perplexity [\d.]+ [\d,]+ tokens/s  \d+/\d+ batches  \d+ s left",
        progress[0],
    )


def test_json_prints_the_model_json_and_resume_says_it_is_done(pretrained, cli) -> None:
    _, folder = pretrained
    answer = cli("pretrain", "--resume", "--output", folder, "--json").done()
    assert answer.err == f"{folder} is already finished\n"
    assert json.loads(answer.out) == json.loads((folder / "model.json").read_text())
    answer = cli("pretrain", "--resume", "--output", folder).done()
    assert answer.lines[-1] == f"next: sentiment train CONFIG --set encoder.init={folder}"


def test_inspect_shows_its_layers_and_every_other_command_needs_a_classifier(
    pretrained, cli, tmp_path: Path
) -> None:
    _, folder = pretrained
    answer = cli("inspect", folder).done()
    assert answer.lines[0] == f"pretrained encoder {folder} · no classifier yet"
    layers = [line.split()[0] for line in answer.lines[1:6]]
    assert layers == ["layer", "token_ids", "embedding", "lstm_1", "total"]
    assert "the final hidden state h_T" in answer.out
    parameters = json.loads(cli("inspect", folder, "--json").done().out)["parameters"]
    assert parameters == json.loads((folder / "model.json").read_text())["parameters"]
    for command in (
        ("predict", "superb", "--model", folder),
        ("eval", folder),
        ("eval", folder, "--behaviour", "general"),
        ("inspect", folder, "superb"),
        ("export", folder, "--format", "onnx", "--output", tmp_path / "x.onnx"),
        ("report", folder),
    ):
        answer = cli(*command)
        line = answer.refused()
        assert f"{folder} is a pretrained encoder, not a classifier" in line, command
        assert line.endswith(f"run: sentiment train --set encoder.init={folder}")
        assert answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["defualt"], ["no config 'defualt'", "run: sentiment pretrain default"]),
        (
            ["--set", "pretraining.epocs=3"],
            ["unknown key 'pretraining.epocs'", "pretraining.epochs"],
        ),
        (["--set", "pretraining.segment_tokens=1"], ["pretraining.segment_tokens is 1"]),
        (["--set", "encoder.bidirectional=true"], ["must not see what comes next"]),
        (
            ["--set", "data.source=no/such.txt"],
            ["no data at 'no/such.txt'", "run: sentiment pretrain CONFIG"],
        ),
        (["--seed", "-1"], ["pretraining.seed is -1"]),
        (["--resume"], ["no unfinished pretraining under runs/", "run: sentiment pretrain"]),
        (
            ["--resume", "-o", "nowhere"],
            ["nothing to resume in nowhere", "sentiment pretrain CONFIG"],
        ),
    ],
)
def test_what_cannot_be_is_one_line(
    cli, tmp_path: Path, monkeypatch, arguments: list[str], words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = cli("pretrain", *sets(["encoder.init=null"]), *arguments)
    line = answer.refused()
    for word in words:
        assert word in line
    assert answer.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_control_c_saves_everything_and_resume_finishes(cli, work: Path, tmp_path: Path) -> None:
    folder = tmp_path / "stopped"
    options = sets([*SETTINGS], "pretraining.epochs=40", f"data.source={work / 'reviews.csv'}")
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", "pretrain", *options, "--output", str(folder)],
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
    command = f"sentiment pretrain --resume --output {folder}"
    assert seen[-1].startswith("error: stopped in epoch ")
    assert seen[-1].endswith(f"everything is saved; run: {command}\n")
    for words in (("pretrain", *options, "--output", folder), ("predict", "x", "--model", folder)):
        assert cli(*words).refused().endswith(f"run: {command}")
    answer = cli(*command.split()[1:]).done()
    assert "resumed in epoch " in answer.err
    assert json.loads((folder / "model.json").read_text())["epochs"] == 40


def test_speed_is_that_of_the_steps_and_the_perplexity_that_of_the_last_epoch(monkeypatch) -> None:
    now = [0.0]
    monkeypatch.setattr("sentiment.cli.pretrain.time.monotonic", lambda: now[0])
    display = _Display()

    def words(seconds: float, loss: float) -> str:
        now[0] += seconds
        return display.step_words(StepReport(1, 2, 1, 9, loss, tokens=500))

    assert words(30.0, 4.0) == "loss 4.000 … tokens/s"  # the first builds the graph
    assert words(0.5, 4.0) == "loss 4.000 1,000 tokens/s"
    assert words(0.5, 3.0) == "loss 3.980 1,000 tokens/s"


def test_a_perplexity_that_is_not_known_is_said_so() -> None:
    info = {"perplexity": None, "unigram_perplexity": 1234.5, "held_out_texts": 9, "texts": 90}
    line = _result_line(Path("x"), {**info, "tokens": 90, "pretraining_seconds": 4000})
    assert line.startswith("x: perplexity unknown on 9 held-out texts (1,234 by frequency alone)")
    assert line.endswith("1 h 07 min")
