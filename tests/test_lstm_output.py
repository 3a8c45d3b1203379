"""The tutorial `docs/lstm-output.md` says what comes out."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = runpy.run_path(str(ROOT / "docs" / "run_page.py"))


def test_every_output_of_the_page_is_what_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = TOOLS["PAGE"].read_text(encoding="utf-8")
    found = list(TOOLS["examples"](page))
    assert len(found) > 30
    names: dict[str, Any] = {}
    for example in found:
        output = TOOLS["run"](example.code, names)
        assert TOOLS["same"](example.output, output), (
            f"{example.code}\nshown: {example.output}\nfound: {output}\n"
            "run: python docs/run_page.py"
        )


@pytest.mark.parametrize(
    ("shown", "found", "equal"),
    [
        ("(3, 5)", "(3, 5)", True),
        ("(3, 5)", "(3, 4)", False),
        ("True", "False", False),
        ("the  -0.01", "the  +0.02", True),
        ("the  -0.01", "the  +0.09", False),
        ("the  0.50", "a  0.50", False),
        ("0.50 0.50", "0.50", False),
        ("[ 0.5  1.5]", "[0.5 1.5]", True),
        ("", "3", False),
    ],
)
def test_words_are_held_exactly_and_decimals_to_five_hundredths(
    shown: str, found: str, equal: bool
) -> None:
    assert TOOLS["same"](shown, found) is equal


def test_outputs_are_made_anew_and_the_rest_is_kept() -> None:
    code = "    >>> a = 2\n    >>> for i in range(a):\n    ...     print(i)\n    old\n"
    page = f"Text.\n\n{code}\nMore.\n"
    assert TOOLS["rewritten"](page) == page.replace("    old\n", "    0\n    1\n")
