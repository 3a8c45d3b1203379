"""The command line as a whole: help, usage errors, and one clear line for everything else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from sentiment.cli.main import COMMANDS

# pydantic is not among them: typer brings it. Our own use of it is in sentiment.config.
HEAVY = {"tensorflow", "keras", "pandas", "sklearn", "datasets", "rich"}
HEAVY |= {"matplotlib", "pyarrow", "torch", "onnxruntime", "numpy", "yaml", "sentiment.config"}


def test_help_names_every_command(cli) -> None:
    answer = cli("--help").done()
    for name, command in COMMANDS.items():
        assert [name, *command.summary.split()] in [line.split() for line in answer.lines]
    assert answer.err == ""
    bare = cli()
    assert bare.code == 2
    assert bare.out + bare.err == answer.out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_plain_help(cli, name: str) -> None:
    answer = cli(name, "--help").done()
    assert answer.out.startswith(f"Usage: sentiment {name} ")
    assert "completion" not in answer.out
    assert "╭" not in answer.out


def test_version(cli) -> None:
    assert cli("--version").done().out == f"sentiment {version('sentiment')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["predikt"], "predikt"),
        (["--no-such-option"], "--no-such-option"),
        (["predict"], "give TEXT or --input FILE"),
        (["predict", "a text", "--input", "in.csv"], "not both"),
        (["predict", "a text", "--engine", "abacus"], "abacus"),
        (["predict", "--input", "in.csv", "--on-error", "cry"], "cry"),
        (["predict", "a text", "--output"], "--output"),
        (["train", "default", "imdb"], "imdb"),
        (["train", "--seed", "many"], "--seed"),
        (["export", "model"], "--format"),
        (["export", "model", "--format", "pickle", "--output", "x"], "pickle"),
        (["eval"], "MODEL"),
        (["inspect"], "MODEL"),
    ],
)
def test_a_usage_error_ends_with_2(cli, arguments: list[str], words: str) -> None:
    answer = cli(*arguments)
    assert answer.code == 2
    assert words in answer.err
    assert answer.out == ""
    assert "Traceback" not in answer.err


def test_an_error_is_one_line_whatever_a_name_holds(cli, tmp_path: Path) -> None:
    line = cli("predict", "x", "--model", tmp_path / "two\nlines").refused()
    assert "lines" in line


MODULES = """
import json, sys
from sentiment.cli.main import run
try:
    run()
except SystemExit:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["predikt"]])
def test_nothing_is_imported_that_is_not_needed(shell, arguments: list[str]) -> None:
    answer = shell("-c", MODULES, *arguments)
    assert sorted(HEAVY & set(json.loads(answer.err.splitlines()[-1]))) == []


def test_python_m_is_the_command(shell, tmp_path: Path) -> None:
    answer = shell("-m", "sentiment", "--help", cwd=tmp_path).done()
    assert answer.out.startswith("Usage: sentiment [OPTIONS] COMMAND")
    assert shell("-m", "sentiment", "predict", cwd=tmp_path).code == 2
    answer = shell("-m", "sentiment", "predict", "A superb hotel.", cwd=tmp_path).done()
    assert answer.out.startswith("positive")
    assert answer.err.startswith("model general (bundled; ")


def test_a_terminal_that_cannot_show_a_character(tiny_model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sentiment", "predict", "superb 🎉", "--model", str(tiny_model)],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert b"superb \\U0001f389" in done.stdout
    assert b"every hidden state h_1 \\u2026 h_T" in done.stderr


LEAVING = """
import atexit
from sentiment.cli.main import run_and_leave
atexit.register(print, "at exit")
run_and_leave()
print("never here")
"""


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--version"], 0), (["predict"], 2), (["inspect", "no-model"], 1)]
)
def test_the_command_leaves_with_its_status_and_what_was_registered(
    shell, arguments: list[str], code: int
) -> None:
    answer = shell("-c", LEAVING, *arguments)
    assert answer.code == code
    assert answer.out.splitlines()[-1] == "at exit"
    assert "never here" not in answer.out


CLOSED = """
import os, sys
for number in map(int, sys.argv[1].split()):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-m", "sentiment", *sys.argv[2:]])
"""


def closed(numbers: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command with standard streams closed, as a shell's `>&-` does."""
    command = [sys.executable, "-c", CLOSED, numbers, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("arguments", [["--version"], ["predict", "fine"]])
def test_a_closed_standard_output_takes_nothing(arguments: list[str]) -> None:
    done = closed("1", *arguments)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


def test_a_closed_standard_input_is_said() -> None:
    done = closed("0", "predict", "--quiet", "--input", "-")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: standard input is closed; expected lines of text; run:")


@pytest.mark.parametrize("numbers", ["2", "0 1 2"])
def test_with_closed_streams_a_file_is_still_written(tmp_path: Path, numbers: str) -> None:
    (tmp_path / "in.csv").write_text("text\nfine film\n")
    output = tmp_path / "out.csv"
    done = closed(numbers, "predict", "--input", tmp_path / "in.csv", "--output", output)
    assert done.returncode == 0
    lines = output.read_text().splitlines()
    assert (len(lines), lines[0][:11]) == (2, "text,label,")


IMPORTING = """
import os, signal
from sentiment.cli import main

def importing(**_):
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        raise ImportError("initialization failed") from None

main.app = importing
signal.signal(signal.SIGINT, signal.default_int_handler)
main.run()
"""


def test_control_c_stays_one_whatever_a_library_makes_of_it(shell) -> None:
    answer = shell("-c", IMPORTING)
    assert (answer.code, answer.err) == (130, "")


def test_output_that_cannot_be_written_is_an_error(shell) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sentiment", "predict", "fine", "--quiet"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
