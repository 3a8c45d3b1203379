from __future__ import annotations

import re

from typer import Typer
from typer.testing import CliRunner

from sentiment.cli.report import report
from sentiment.report.axis import bar, find_axis
from sentiment.report.comparison import unique_names
from sentiment.report.report import render_report, write_report


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]*>", "", page, flags=re.DOTALL))


def test_models_on_the_same_rows_are_compared_in_pairs(make_model):
    models = [make_model("weak", rows=400, skill=0.3), make_model("strong", rows=400, skill=0.9)]
    text = text_of(render_report(models))
    assert "strong is better than weak by" in text
    assert "Not the same rows" not in text
    assert "weak is worse than strong by" in text_of(render_report(models[::-1]))


def test_equal_models_are_level(make_model):
    text = text_of(render_report([make_model("one"), make_model("two")]))
    assert "two is level with one" in text


def test_models_on_other_rows_are_not(make_model):
    text = text_of(render_report([make_model("one", rows=50), make_model("two", rows=60)]))
    assert "Not the same rows" in text
    assert "McNemar" not in text


def test_other_classes_and_no_baseline(make_model):
    page = render_report(
        [
            make_model("two"),
            make_model("three", classes=("negative", "neutral", "<b>"), baseline=False),
        ]
    )
    assert "F1 of &lt;b&gt;" in page
    assert "<b>" not in page


def test_models_of_one_name_are_told_apart():
    assert unique_names(["a", "b", "a"]) == ["a (1)", "b", "a (2)"]


def test_axis_holds_every_interval():
    figures = [
        {"value": 0.52, "low": 0.48, "high": 0.56},
        {"value": 0.93, "low": 0.91, "high": 0.951},
        {"value": None, "low": None, "high": None},
    ]
    low, high, ticks = find_axis(figures)
    assert (low, high) == (0.45, 1.0)
    assert all(low <= tick <= high for tick in ticks)
    assert bar(figures[0], low, high)["left"] > 0
    assert bar(figures[2], low, high)["at"] is None
    assert find_axis([{"value": 1.0, "low": 1.0, "high": 1.0}])[:2] == (0.95, 1.0)
    assert find_axis([])[:2] == (0.0, 1.0)


def run(*arguments: object):
    app = Typer()
    app.command()(report)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_prints_the_path_it_wrote(make_model, tmp_path):
    folder = make_model()
    result = run(folder)
    assert result.exit_code == 0
    assert result.stdout == f"{folder / 'eval' / 'test' / 'report.html'}\n"
    result = run(folder, make_model("other"), "--output", tmp_path / "new" / "both.html")
    assert result.stdout == f"{tmp_path / 'new' / 'both.html'}\n"
    assert (
        (tmp_path / "new" / "both.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    )


def test_a_comparison_is_written_here(make_model, tmp_path, monkeypatch):
    models = [make_model("one"), make_model("two")]
    monkeypatch.chdir(tmp_path)
    assert str(write_report(models)) == "comparison.html"
    assert (tmp_path / "comparison.html").is_file()


def test_no_model_is_a_usage_error():
    assert run().exit_code == 2
