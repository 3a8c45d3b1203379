"""`sentiment data check` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sentiment.cli.data import app
from sentiment.errors import ConfigError, DataError


def run(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


@pytest.fixture
def leaky(tmp_path: Path) -> list[Path]:
    train, test = tmp_path / "train.csv", tmp_path / "test.csv"
    train.write_text("text,label\nlovely film,pos\nawful film,neg\nlovely film,pos\n")
    test.write_text("text,label\nlovely film,pos\nquite all right,neg\n")
    return [train, test]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    rows = "".join(f"w{i} x{i} y{i},{'neg' if i % 2 else 'pos'}\n" for i in range(40))
    (tmp_path / "all.csv").write_text("text,label\n" + rows)
    path = tmp_path / "mine.yaml"
    path.write_text(f"data:\n  source: {tmp_path / 'all.csv'}\n")
    return path


def test_paths_are_checked_together(leaky: list[Path]) -> None:
    result = run(*leaky)
    assert result.exit_code == 0
    assert "! 1 text stands in both train and test (2 and 1 row)" in result.stdout
    assert "train.csv rows 1, 3 = test.csv row 1" in result.stdout
    assert result.stderr == ""


def test_findings_are_no_failure_unless_asked(leaky: list[Path]) -> None:
    assert run(*leaky, "--strict").exit_code == 1
    assert run(leaky[1], "--strict").exit_code == 0


def test_json_is_data_and_complete(leaky: list[Path]) -> None:
    result = run(*leaky, "--json")
    audit = json.loads(result.stdout)
    assert [split["rows"] for split in audit["splits"]] == [3, 2]
    leak = next(finding for finding in audit["findings"] if finding["kind"] == "leak")
    assert leak["counts"] == {"texts": 1, "rows_first": 2, "rows_second": 1}
    assert leak["examples"][0]["places"][2] == {"split": "test", "file": str(leaky[1]), "row": 1}
    assert run(*leaky, "--json", "--strict").exit_code == 1
    few = json.loads(run(*leaky, "--json", "--examples", "0").stdout)
    assert all(finding["examples"] == [] for finding in few["findings"])


def test_a_config_is_checked_as_training_splits_it(config: Path) -> None:
    result = run(config, "--set", "data.test_fraction=0.25")
    assert result.exit_code == 0, result.output
    assert "test: 10 of 40 rows split off" in result.stdout


def test_no_argument_checks_the_default_config() -> None:
    result = run("--strict")
    assert result.exit_code == 0, result.output
    assert "checked bundled" in result.stdout


def test_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "mine.tsv"
    path.write_text("review\tstars\nfine\t1\nbad\t0\n")
    result = run(path, "--text-column", "review", "--label-column", "stars")
    assert "0 1 (50%) · 1 1 (50%)" in result.stdout


def test_known_errors_come_as_such(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "absent.csv").exception, DataError)
    assert isinstance(run(tmp_path / "absent.yaml").exception, ConfigError)


def test_what_is_proposed_is_this_command(config: Path, tmp_path: Path) -> None:
    def proposed(*arguments: object) -> str:
        error = run(*arguments).exception
        assert isinstance(error, DataError | ConfigError)
        return str(error.run)

    assert proposed(tmp_path / "absent.csv") == "sentiment data check PATH"
    assert proposed(config, "--set", "data.source=gone.csv") == (
        "sentiment data check CONFIG --set data.source=PATH"
    )
    assert proposed(tmp_path / "absent.yaml").startswith("sentiment data check ")


def test_a_training_that_would_stop_is_a_failure_when_asked(config: Path) -> None:
    stops = ("--set", "data.classes=[neg, positive]")
    assert run(config, *stops).exit_code == 0
    assert run(config, *stops, "--strict").exit_code == 1


def test_arguments_that_do_not_fit_are_usage_errors(config: Path, leaky: list[Path]) -> None:
    for arguments in (
        [config, leaky[0]],
        [leaky[0], "--set", "data.source=x"],
        [config, "--text-column", "review"],
        [leaky[0], "--examples", "-1"],
    ):
        assert run(*arguments).exit_code == 2


def test_slow_checks_tell_on_stderr(leaky: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from sentiment.cli import data

    monkeypatch.setattr(data, "_QUIET_SECONDS", 0.0)
    result = run(*leaky)
    assert "reading the words of 3 texts" in result.stderr
    assert "reading" not in result.stdout
