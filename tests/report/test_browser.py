"""The page in a real browser: it sorts, filters, slides and hovers, and hostile texts stay texts.

Skipped where there is no Chromium: `apt-get install chromium`, or put one on the PATH.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from hostile import hostile_texts
from playwright.sync_api import sync_playwright

from sentiment.report.evaluation_page import Choices
from sentiment.report.report import write_report

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
]
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
# Every event that a text could have hung something on.
STIR = """() => document.querySelectorAll('*').forEach((element) =>
    ['pointerover', 'mouseover', 'focus', 'click', 'toggle', 'error', 'load', 'input'].forEach(
        (name) => element.dispatchEvent(new Event(name, {bubbles: true}))))"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser):
    """Open a file and watch what it does: dialogs, requests, messages on the console."""
    contexts = []

    def go(path: Path, *, width=1200, javascript=True):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=javascript
        )
        contexts.append(context)
        page = context.new_page()
        page.seen = []  # type: ignore[attr-defined]
        page.on("dialog", lambda dialog: (page.seen.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: page.seen.append(message.text))
        page.on("pageerror", lambda error: page.seen.append(str(error)))
        page.on("request", lambda request: page.seen.append(request.url))
        page.goto(path.resolve().as_uri())
        assert page.seen.pop(0) == path.resolve().as_uri()
        return page

    yield go
    for context in contexts:
        context.close()


@pytest.fixture
def report(make_model):
    """A report with every section, of 80 rows in two kinds."""
    texts = [f"{'alpha' if row % 4 else 'omega'} text {row}" for row in range(80)]
    kinds = ["short", "long", "odd", "even"] * 20
    return write_report(
        [make_model(rows=80, skill=0.2, texts=texts, columns={"kind": kinds}, extras=True)]
    )


def values(page, table, column):
    rows = page.locator(f"#{table} tbody tr:not(.family)")
    cells = rows.locator(f"css=:nth-child({column})[data-v]")
    return [float(value) for value in cells.evaluate_all("all => all.map(x => x.dataset.v)")]


def test_a_table_is_sorted_by_a_click_and_turned_round_by_another(visit, report):
    page = visit(report)
    before = values(page, "slice-rows", 3)
    assert before != sorted(before)
    page.click("#slice-rows thead button:text('accuracy')")
    assert values(page, "slice-rows", 3) == sorted(before)
    header = page.locator("#slice-rows thead th", has_text="accuracy").first
    assert header.get_attribute("aria-sort") == "ascending"
    assert page.locator("#slice-rows tr.family").first.is_hidden()
    assert page.locator("#slice-rows .of-family").first.is_visible()
    page.click("#slice-rows thead button:text('accuracy')")
    assert values(page, "slice-rows", 3) == sorted(before, reverse=True)
    # Where much is what one looks for, the first click puts the most on top.
    page.click("#slice-rows thead button:text-is('n')")
    counts = values(page, "slice-rows", 2)
    assert counts == sorted(counts, reverse=True)
    assert page.seen == []


def test_a_list_is_filtered_by_words_and_by_choice(visit, report):
    page = visit(report)
    items = page.locator("#error-list > li")
    assert items.count() == 20
    page.fill("form[data-for=error-list] input", "OMEGA")
    shown = items.locator("visible=true")
    assert 0 < shown.count() < 20
    assert all("omega" in text for text in shown.all_text_contents())
    assert page.inner_text("form[data-for=error-list] output") == f"{shown.count()} of 20"
    page.fill("form[data-for=error-list] input", "")
    page.select_option("form[data-for=error-list] select[name=label]", "negative")
    assert 0 < shown.count() < 20
    labels = shown.evaluate_all("all => all.map(x => x.dataset.label)")
    assert set(labels) == {"negative"}
    page.fill("form[data-for=error-list] input", "no such word")
    assert shown.count() == 0


def test_a_point_and_a_word_tell_what_they_are(visit, report):
    page = visit(report)
    point = page.locator("svg.scatter circle[data-i='7']").first
    point.hover(force=True)
    note = page.inner_text("#note")
    row = int(re.match(r"row (\d+)", note)[1])
    assert f"text {row - 1}" in note
    word = page.locator("#error-list blockquote.traced span[data-note]").nth(1)
    word.hover()
    assert page.inner_text("#note") == word.get_attribute("data-note")
    page.hover("h1")
    assert page.locator("#note").is_hidden()


def test_the_slider_reads_off_the_saved_counts(visit, report):
    page = visit(report)
    metrics = json.loads((report.parent / "metrics.json").read_text())
    table = metrics["thresholds"]["classes"]["negative"]
    box = page.locator(".explorer").first
    box.locator("select").select_option("negative")
    box.locator("input[type=range]").fill("70")
    said = box.locator("[data-out=precision]").inner_text()
    assert said == f"{100 * table['hits'][70] / table['chosen'][70]:.1f} %"
    said = box.locator("[data-out=recall]").inner_text()
    assert said == f"{100 * table['hits'][70] / table['positives']:.1f} %"
    assert box.locator("output[data-out=threshold]").inner_text() == "0.70"
    # Wilson's interval as Python has it.
    from sentiment.evaluation.intervals import wilson

    low, high = wilson(table["hits"][70], table["chosen"][70])
    interval = box.locator("[data-out=precision-interval]").inner_text()
    assert interval == f"{100 * low:.1f}–{100 * high:.1f} %"
    assert box.locator(".curve:visible").count() == 1


@pytest.mark.parametrize("width", [360, 390, 1200])
def test_nothing_sticks_out_at_the_side(visit, report, width):
    page = visit(report, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_javascript_everything_is_there_and_no_dead_control(visit, report):
    page = visit(report, javascript=False)
    assert page.locator("form.filter").first.is_hidden()
    assert page.locator(".controls").first.is_hidden()
    assert page.locator("#error-list > li:visible").count() == 20
    assert page.locator("#slice-rows tbody tr:visible").count() > 5


def test_on_paper_there_is_no_control(visit, report):
    page = visit(report)
    page.emulate_media(media="print")
    assert page.locator("form.filter").first.is_hidden()
    assert page.locator(".controls").first.is_hidden()
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_five_hundred_hostile_texts_run_no_script(visit, make_model):
    texts = hostile_texts()
    assert len(set(texts)) == len(texts) == 500
    folder = make_model(
        rows=500,
        skill=0.0,
        texts=texts,
        labels=[0, 1] * 250,
        classes=('<img src=x onerror="window.owned=1">', '" onmouseover="window.owned=1'),
        columns={"<svg onload=window.owned=1>": ["<script>window.owned=1</script>", "b"] * 250},
        extras=True,
    )
    page = visit(write_report([folder], choices=Choices(num_errors=500)))
    page.evaluate(STIR)
    page.wait_for_timeout(300)
    assert page.evaluate("window.owned") is None
    assert page.seen == []  # no dialog, no request, nothing that the policy had to stop
    wrong = page.locator("#error-list > li").count()
    assert wrong > 200
    assert page.evaluate("document.querySelectorAll('script').length") == 2
    assert page.evaluate("document.querySelectorAll('img, iframe, object, embed').length") == 0
    shown = page.locator("#error-list").text_content()
    assert "<img src=x onerror=alert(1)>" in shown
    assert not set("\u202e\x1b\x07") & set(shown)


def test_hostile_texts_run_no_script_in_a_comparison(visit, make_model, tmp_path):
    texts = hostile_texts()
    models = [
        make_model(name, rows=500, skill=skill, texts=texts, seed=seed)
        for seed, (name, skill) in enumerate((("<b>one", 0.2), ("two", 0.8)))
    ]
    page = visit(write_report(models, output=tmp_path / "both.html"))
    page.evaluate(STIR)
    page.wait_for_timeout(300)
    assert page.evaluate("window.owned") is None
    assert page.seen == []
    assert page.locator("ol.errors > li").count() == 24


def test_the_same_texts_do_run_on_a_page_that_trusts_them(visit, tmp_path):
    """Without this, the tests above could pass because nothing was ever dangerous."""
    path = tmp_path / "trusting.html"
    path.write_text("<!doctype html><meta charset=utf-8>" + "\n".join(hostile_texts()[60:70]))
    page = visit(path)
    page.wait_for_timeout(300)
    assert page.evaluate("window.owned") == 1


def test_the_policy_stops_what_might_slip_through(visit, report):
    """Even markup that came into the page unescaped would run nothing."""
    html = report.read_text(encoding="utf-8")
    bad = "<main id=content><img src=x onerror='window.owned=1'><script>window.owned=1</script>"
    path = report.with_name("slipped.html")
    path.write_text(html.replace('<main id="content">', bad, 1), encoding="utf-8")
    assert bad in path.read_text(encoding="utf-8")
    page = visit(path)
    page.wait_for_timeout(300)
    assert page.evaluate("window.owned") is None
    assert any("Content Security Policy" in message for message in page.seen)
