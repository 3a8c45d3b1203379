"""Take the pictures of docs/report.md: python docs/make_screenshots.py REPORT.html.

Needs Chromium and pdftoppm (`apt-get install chromium poppler-utils fonts-noto-color-emoji`). The
report must be one of the bundled reviews: other people's texts do not belong into these pictures.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Browser

FOLDER = Path(__file__).parent / "screenshots"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
MOST_BYTES = 250_000
# Name, width, height, colour scheme, what stands at the top.
SHOTS = (
    ("report-light", 1180, 900, "light", None),
    ("report-dark", 1180, 900, "dark", "#states"),
    ("report-phone", 390, 844, "light", "#errors"),
)
PAGE_ON_PAPER = 1


def main(report: Path) -> None:
    """Take every picture."""
    from playwright.sync_api import sync_playwright

    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        chromium = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        for name, width, height, scheme, place in SHOTS:
            _save(name, _shoot(browser, report, (width, height), scheme, place))
        _save("report-paper", _paper(browser, report))
        browser.close()


def _shoot(
    browser: Browser, report: Path, size: tuple[int, int], scheme: str, place: str | None
) -> bytes:
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(report.resolve().as_uri())
    page.add_style_tag(content="html { scroll-behavior: auto !important; }")
    if place is not None:
        page.locator(place).evaluate("element => element.scrollIntoView()")
    return page.screenshot()


def _paper(browser: Browser, report: Path) -> bytes:
    page = browser.new_page()
    page.goto(report.resolve().as_uri())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.pdf"
        page.pdf(path=path, format="A4", print_background=True)
        number = str(PAGE_ON_PAPER)
        command = ["pdftoppm", "-f", number, "-l", number, "-r", "80", "-png", "-singlefile"]
        subprocess.run([*command, str(path), str(path.with_suffix(""))], check=True)  # noqa: S603
        return path.with_suffix(".png").read_bytes()


def _save(name: str, png: bytes) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(128)
    path = FOLDER / f"{name}.png"
    picture.save(path, optimize=True)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size:,} bytes; expected {MOST_BYTES:,}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
