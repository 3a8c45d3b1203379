"""Files and folders are whole or not there, also on a full disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sentiment.durable import new_folder, output_errors, write_file
from sentiment.errors import OutputError


def test_a_file_is_replaced_whole(tmp_path: Path):
    path = tmp_path / "notes.txt"
    write_file(path, "old")
    write_file(path, "neu: ü")
    assert path.read_bytes() == "neu: ü".encode()
    write_file(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_link_stays_a_link_and_what_it_points_to_is_replaced(tmp_path: Path):
    (tmp_path / "far").mkdir()
    (tmp_path / "far" / "real.txt").write_text("old")
    link = tmp_path / "link.txt"
    link.symlink_to("far/real.txt")
    write_file(link, "new")
    assert link.is_symlink()
    assert (tmp_path / "far" / "real.txt").read_text() == "new"
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["real.txt"]


def test_a_device_is_written_to_and_never_replaced():
    write_file(Path("/dev/null"), "gone")
    assert not Path("/dev/null").is_file()
    assert Path("/dev/null").exists()


def test_a_folder_is_no_place_for_a_file(tmp_path: Path):
    with pytest.raises(OutputError, match=r"it is a folder; expected a file name"):
        write_file(tmp_path, "x")


def test_a_folder_appears_with_everything_in_it(tmp_path: Path):
    with new_folder(tmp_path / "deep" / "model") as temporary:
        (temporary / "a").write_text("1")
        assert not (tmp_path / "deep" / "model").exists()
    assert (tmp_path / "deep" / "model" / "a").read_text() == "1"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_a_folder_that_fails_half_way_leaves_nothing(tmp_path: Path):
    with pytest.raises(KeyError), new_folder(tmp_path / "model") as temporary:
        (temporary / "a").write_text("1")
        raise KeyError("half way")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_never_replaces_one_that_holds_something(tmp_path: Path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "precious").write_text("1")
    with pytest.raises(OutputError, match="cannot write"), new_folder(tmp_path / "model") as new:
        (new / "a").write_text("1")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "precious"]


def test_an_unwritable_place_is_named_with_its_reason(tmp_path: Path):
    with pytest.raises(OutputError, match=r"gone/notes\.txt: No such file or directory"):
        write_file(tmp_path / "gone" / "notes.txt", "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Not a directory"):
        write_file(tmp_path / "file" / "notes.txt", "x")
    with pytest.raises(OutputError, match="name too long"):
        write_file(tmp_path / ("x" * 300), "x")
    with pytest.raises(OutputError), new_folder(tmp_path / "file" / "model"):
        pass


def test_a_full_device_is_said_in_words(tmp_path: Path):
    full = Path("/dev/full")  # every write to it fails with "no space left on device"
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        pytest.raises(OutputError, match=r"no space left while writing .*model") as caught,
        output_errors(tmp_path / "model"),
        full.open("w") as file,
    ):
        file.write("x" * 100_000)
    assert "with space free" in str(caught.value)


SCRIPT = """
import resource, signal, sys
from pathlib import Path
from sentiment.durable import new_folder, write_file
from sentiment.errors import OutputError

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
folder = Path(sys.argv[1])
for attempt in (
    lambda: write_file(folder / "old.txt", "x" * 5000),
    lambda: fill(folder / "model"),
):
    def fill(path):
        with new_folder(path) as temporary:
            (temporary / "small").write_text("1")
            (temporary / "large").write_text("x" * 5000)
    try:
        attempt()
    except OutputError as error:
        sys.stdout.write(f"{error}\\n")
"""


def test_running_out_of_space_leaves_the_old_content_and_no_litter(tmp_path: Path):
    (tmp_path / "old.txt").write_text("old")
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("no space left while writing") for line in lines), result.stdout
    assert (tmp_path / "old.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["old.txt"]
