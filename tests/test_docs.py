"""The docs say what is so."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from sentiment.config import bundled_configs, load_config

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md"])


def test_the_command_line_page_is_the_commands_own_help() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))["page"]()
    kept = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert kept == page, "run: python docs/make_cli.py"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("name", bundled_configs())
def test_every_bundled_config_is_valid_and_says_what_it_reaches(name: str) -> None:
    assert load_config(name).name == name
    head = (ROOT / "configs" / f"{name}.yaml").read_text(encoding="utf-8").split("\nname:")[0]
    assert re.search(r"# Reaches .*\d", head)


def test_the_default_config_explains_every_key() -> None:
    lines = (ROOT / "configs" / "default.yaml").read_text(encoding="utf-8")
    keys = {
        key
        for block in load_config("default").model_dump().values()
        if isinstance(block, dict)
        for key in block
    }
    assert not {key for key in keys if not re.search(rf"^  {key}:", lines, re.MULTILINE)}


def test_the_readme_names_the_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in readme
    assert "make demo" in readme
