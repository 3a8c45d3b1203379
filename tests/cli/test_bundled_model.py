"""A bundled model by its name, in every command that takes a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def general(bundle, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a bundled model `general`; the test runs somewhere else."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return bundle(tiny_model)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_predict_by_name_by_default_and_from_the_environment(
    cli, general: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = cli("predict", "superb", "--model", "general", "--quiet").done()
    assert named.out.startswith("positive")
    unnamed = cli("predict", "superb").done()
    assert unnamed.out == named.out
    assert unnamed.err.splitlines()[0] == "model general (bundled; choose another with --model)"
    monkeypatch.setenv("SENTIMENT_MODEL", "general")
    answer = cli("predict", "superb").done()
    assert answer.err.splitlines()[0] == "model general (from $SENTIMENT_MODEL)"


@pytest.mark.parametrize(
    "command",
    [
        ("predict", "superb", "--model", "genral"),
        ("eval", "genral"),
        ("report", "genral"),
        ("export", "genral", "--format", "onnx", "--output", "x.onnx"),
    ],
)
def test_an_unknown_name_is_one_line_with_the_nearest(cli, general: Path, command) -> None:
    line = cli(*command).refused()
    assert "'genral'" in line
    assert "a bundled model: general, perhaps 'general'" in line


def test_inspect_shows_the_model_and_not_the_config_of_its_name(cli, general: Path) -> None:
    assert cli("inspect", "general").done().out.startswith("model general · classes negative,")
    assert "superb" in cli("inspect", "general", "a superb film").done().out
    assert "general" in cli("inspect", "nothing").refused()


def test_a_setting_to_be_changed_means_the_config(
    cli, bundle, tiny_model: Path, general: Path
) -> None:
    bundle(tiny_model, "sst2")
    assert cli("inspect", "sst2").done().out.startswith("model sst2")
    changed = cli("inspect", "sst2", "--set", "encoder.units=[7, 5]").done()
    assert changed.out.startswith("config sst2")
    assert "(batch, 5)" in changed.out


@pytest.mark.parametrize("kind", ["onnx", "int8"])
def test_export(cli, general: Path, tmp_path: Path, kind: str) -> None:
    cli("export", "general", "--format", kind, "--output", tmp_path / "x.onnx").done()
    name = "model.onnx" if kind == "onnx" else "model.int8.onnx"
    assert (tmp_path / "x.onnx").read_bytes() == (general / name).read_bytes()


def test_results_go_under_runs_and_the_report_finds_them(cli, general: Path) -> None:
    before = contents(general)
    answer = cli("eval", "general", "--no-baseline").done()
    assert "wrote runs/general/eval/test/metrics.json" in answer.err
    assert answer.err.splitlines()[-1] == "next: sentiment report general"
    metrics = json.loads(Path("runs/general/eval/test/metrics.json").read_text())
    assert metrics["model"]["folder"] == "general"
    cli("eval", "general", "--behaviour", "general").done()
    assert Path("runs/general/eval/behaviour-general/behaviour.json").is_file()
    page = cli("report", "general", "--split", "test").done().out.strip()
    assert page == "runs/general/eval/test/report.html"
    # History and model.json are those of the bundled folder.
    assert "trained again" not in Path(page).read_text()
    assert contents(general) == before


def test_a_path_into_the_package_is_not_written_to_either(cli, general: Path) -> None:
    before = contents(general)
    cli("eval", general, "--no-baseline").done()
    assert contents(general) == before
    assert Path("runs/general/eval/test/metrics.json").is_file()


def test_nothing_evaluated_yet_names_the_command(cli, general: Path) -> None:
    assert cli("report", "general").refused().endswith("run: sentiment eval general")


def test_results_are_not_mixed_with_a_model_of_ones_own(
    cli, general: Path, tiny_model: Path
) -> None:
    shutil.copytree(tiny_model, "runs/general")
    before = contents(Path("runs/general"))
    line = cli("eval", "general", "--no-baseline").refused()
    assert "runs/general holds another model" in line
    assert "--output runs/general-bundled" in line
    assert contents(Path("runs/general")) == before
    cli("eval", "general", "--no-baseline", "--output", "out").done()
    assert cli("report", "out").done().out.strip() == "out/report.html"
