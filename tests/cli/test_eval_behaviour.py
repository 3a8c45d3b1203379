"""`sentiment eval --behaviour` as a user runs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

SUITE = """
capabilities:
  words:
    cases:
      - {text: "it was superb", expect: positive}
      - {text: "it was superb and brilliant", expect: negative}
      - {text: "it was in the story", expect: sideways}
"""
# What a serving image does without (DESIGN.md).
HEAVY = [
    "datasets", "jinja2", "keras", "matplotlib", "onnx", "pandas", "pyarrow", "safetensors",
    "scipy", "sklearn", "tensorflow",
]  # fmt: skip
SLIM = """
import json, sys
heavy = json.loads(sys.argv[1])
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from sentiment.cli.main import run
sys.argv = ["sentiment", *sys.argv[2:]]
run()
"""


@pytest.fixture(scope="module")
def model(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that results may be written into."""
    return Path(shutil.copytree(tiny_model, tmp_path_factory.mktemp("behaved") / "tiny"))


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE, encoding="utf-8")
    return path


def test_failures_are_findings_and_not_errors(cli, model, suite):
    answer = cli("eval", model, "--behaviour", suite).done()
    assert answer.lines[0] == "tiny on mine: 3 cases of 3 written, 2 tested"
    assert "words: 1 of 1 failure" in answer.lines
    assert "1 case: the model has no class 'sideways'" in answer.out
    assert "lstm_2" in answer.err
    assert "final hidden state h_T" in answer.err
    saved = model / "eval" / "behaviour-mine" / "behaviour.json"
    assert answer.err.splitlines()[-1] == f"wrote {saved}"
    assert json.loads(saved.read_text(encoding="utf-8"))["total"]["failures"] == 1


def test_json_is_what_the_file_holds(cli, model, suite, tmp_path):
    output = tmp_path / "here" / "deep"
    answer = cli("eval", model, "--behaviour", suite, "--json", "--output", output).done()
    results = json.loads(answer.out)
    assert results == json.loads((output / "behaviour.json").read_text(encoding="utf-8"))
    assert [case["result"] for case in results["cases"]] == ["passed", "failed", "skipped"]
    assert results["command"].startswith("sentiment eval ")


def test_the_number_of_examples(cli, model, suite):
    assert "expected negative" in cli("eval", model, "--behaviour", suite).out
    none = cli("eval", model, "--behaviour", suite, "--examples", "0").done()
    assert "expected negative" not in none.out
    assert cli("eval", model, "--behaviour", suite, "--examples", "-1").code == 2


@pytest.mark.parametrize(
    "others",
    [
        ("--data", "x.csv"),
        ("--split", "validation"),
        ("--text-column", "a"),
        ("--label-column", "b"),
    ],
)
def test_options_of_labelled_rows_do_not_go_with_it(cli, model, suite, others):
    answer = cli("eval", model, "--behaviour", suite, *others)
    assert answer.code == 2
    assert others[0] in answer.err


def test_examples_go_with_behaviour_alone(cli, model):
    answer = cli("eval", model, "--examples", "2")
    assert answer.code == 2
    assert "--behaviour" in answer.err


def test_a_bad_suite_is_one_line(cli, model, suite, tmp_path):
    suite.write_text(SUITE.replace("expect: negative", "expects: negative"), encoding="utf-8")
    line = cli("eval", model, "--behaviour", suite, "--output", tmp_path / "out").refused()
    assert "mine.yaml: words, case 2" in line
    assert not (tmp_path / "out").exists()
    suite.write_text(SUITE.replace("it was superb and", "it was \\0 and"), encoding="utf-8")
    line = cli("eval", model, "--behaviour", suite).refused()
    assert "mine.yaml: words, case 2 holds a NUL character" in line
    suite.write_text(SUITE.replace("it was superb and", "it was \\ud800"), encoding="utf-8")
    line = cli("eval", model, "--behaviour", suite).refused()
    assert "mine.yaml: words, case 2 holds a lone surrogate" in line
    assert "general" in cli("eval", model, "--behaviour", "generall").refused()


def test_a_report_is_not_led_astray_by_it(cli, model, suite):
    cli("eval", model, "--behaviour", suite).done()
    line = cli("report", model).refused()
    assert "has no saved predictions" in line


def test_the_bundled_suite_in_a_slim_image(shell, tiny_model: Path, tmp_path: Path):
    arguments = ["eval", tiny_model, "--behaviour", "general", "--output", tmp_path]
    answer = shell("-c", SLIM, json.dumps(HEAVY), *arguments).done()
    results = json.loads((tmp_path / "behaviour.json").read_text(encoding="utf-8"))
    assert results["total"]["cases"] >= 400
    assert results["total"]["skipped"] == 0
    assert answer.lines[0].startswith("tiny on general: ")
