"""The sections that are made of what stands beside the figures."""

from __future__ import annotations

import json
import re

import pytest
from test_report import Page, read

from sentiment.errors import DataError
from sentiment.report.evaluation_page import Choices
from sentiment.report.report import render_report, write_report
from sentiment.report.saved import load_evaluation, read_texts

ORDER = [
    *("verdict", "model", "confusion", "ranking", "calibration", "thresholds", "training"),
    *("slices", "errors", "suspects", "states", "data", "behaviour", "origin"),
]


def sections(html: str) -> list[str]:
    return re.findall(r'<section id="([^"]*)"', html)


def change(path, **values):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **values}))


def test_sections_stand_in_the_order_that_was_asked_for(make_model):
    html = render_report([make_model(extras=True)])
    assert sections(html) == ORDER
    assert re.findall(r'<li><a href="#([^"]*)">', html) == ORDER


def test_states_are_shown_with_the_size_of_their_sample(make_model):
    page = read(make_model(extras=True, rows=40))
    assert "What 40 of the 120 texts, drawn at random (seed 13)" in page.text
    assert "No probe of domain: no column" in page.text
    assert "the 5 of 5 units" in page.text.lower()
    labels = {a.get("aria-label") for tag, a in page.tags if tag == "svg"}
    assert {"Final hidden states, errors marked", "Forgetting curve: state"} <= labels
    circles = [a for tag, a in page.tags if tag == "circle" and "data-i" in a]
    assert len(circles) >= 40


def test_what_was_not_saved_is_said_with_the_command(make_model):
    folder = make_model()
    text = read(folder).text
    assert "saved without its states" in text
    assert f"sentiment eval {folder} --behaviour general" in text
    assert "saved without one" in text


def test_an_evaluation_of_an_earlier_version_is_still_shown(make_model):
    folder = make_model()
    path = folder / "eval" / "test" / "metrics.json"
    metrics = json.loads(path.read_text())
    for key in ("thresholds", "label_noise", "calibration_before"):
        del metrics[key]
    path.write_text(json.dumps(metrics))
    page = read(folder)
    assert "saved without them" in page.text
    assert "thresholds" not in [a.get("id") for tag, a in page.tags if tag == "section"]


@pytest.mark.parametrize("key", ["fingerprint", "trained_at"])
def test_states_of_another_evaluation_are_not_shown(make_model, key):
    folder = make_model(extras=True)
    change(folder / "eval" / "test" / "hidden_states.json", **{key: "another"})
    assert "saved without its states" in read(folder).text


@pytest.mark.parametrize("name", ["hidden_states.json", "traces.json", "data_check.json"])
@pytest.mark.parametrize("content", ["{", "[1]", None])
def test_a_damaged_file_is_one_line(make_model, name, content):
    folder = make_model(extras=True)
    path = folder / "eval" / "test" / name
    if content is None:
        kept = ("schema_version", "fingerprint", "trained_at")
        whole = json.loads(path.read_text())
        content = json.dumps({key: whole[key] for key in kept})
    path.write_text(content)
    with pytest.raises(DataError) as error:
        write_report([folder])
    assert "\n" not in str(error.value)


def test_words_carry_the_shade_and_the_score_after_them(make_model):
    folder = make_model(rows=30, skill=0.0, texts=["one two three four five"] * 30, extras=True)
    path = folder / "eval" / "test" / "traces.json"
    traces = json.loads(path.read_text())["rows"]
    for trace in traces.values():
        trace |= {"scores": [-1.0, -0.3, 0.0, 0.3, 1.0], "turning": 3, "cut_after": 4}
    change(path, rows=traces)
    html = render_report([folder])
    words = re.search(r'<blockquote dir="auto" class="traced">(.*?)</blockquote>', html)[1]
    assert words == (
        '<span class="n4" data-note="one · score \N{MINUS SIGN}1.00">one</span> '
        '<span class="n1" data-note="two · score \N{MINUS SIGN}0.30">two</span> '
        '<span class="z" data-note="three · score +0.00">three</span> '
        '<span class="p1 turn" data-note="four · score +0.30">four</span>'
        '<span class="unread"> … 1 characters that were not read … </span>'
        '<span class="p4" data-note="five · score +1.00">five</span>'
    )
    assert html.count('class="spark"') >= 20


def test_a_very_long_traced_text_is_cut(make_model):
    folder = make_model(rows=30, skill=0.0, texts=["word " * 50_000] * 30, extras=True)
    html = render_report([folder])
    assert len(html) < 2_500_000
    words = re.search(r'<blockquote dir="auto" class="traced">(.*?)</blockquote>', html)[1]
    assert 200 < words.count("<span") < 500


def test_suspects_are_shown_with_their_texts(make_model):
    folder = make_model(rows=200, skill=0.8)
    path = folder / "eval" / "test" / "metrics.json"
    noise = json.loads(path.read_text())["label_noise"]
    assert noise["suspects"]
    page = read(folder)
    place = page.text.index("Labels that may be wrong")
    for entry in noise["suspects"]:
        assert f"text {entry['row'] - 1}" in page.text[place:]


def test_texts_are_read_by_row_number(make_model):
    evaluation = load_evaluation(make_model(rows=30))
    assert read_texts(evaluation, [30, 1, 30]) == {1: "text 0", 30: "text 29"}
    with pytest.raises(DataError, match="no row 31"):
        read_texts(evaluation, [31])


def test_more_errors_are_shown_where_they_are_asked_for(make_model):
    folder = make_model(rows=200, skill=0.0)
    html = render_report([folder], choices=Choices(num_errors=37))
    listed = html[html.index('id="error-list"') : html.index('id="suspects"')]
    assert listed.count("<li data-item") == 37


def test_the_explorer_holds_the_counts_of_every_threshold(make_model):
    folder = make_model(rows=60)
    page = Page(render_report([folder]))
    metrics = json.loads((folder / "eval" / "test" / "metrics.json").read_text())
    first, second = [json.loads(a["data-counts"]) for _, a in page.tags if "data-counts" in a]
    assert set(first) == {"negative", "positive"}
    assert first["positive"]["hits"] == metrics["thresholds"]["classes"]["positive"]["hits"]
    assert second["hits"][0] / second["n"] == pytest.approx(metrics["accuracy"]["value"])


def test_one_class_only_has_nothing_to_trade(make_model):
    text = read(make_model(rows=10, labels=[1] * 10, extras=True)).text
    assert "The rows are of one class only" in text


def test_behaviour_suites_are_shown_with_a_failure_of_each_capability(make_model):
    folder = make_model()
    share = {"value": 0.5, "low": 0.1, "high": 0.9, "n": 2, "method": "Wilson"}
    figures = {"tested": 2, "failures": 1, "failure_rate": share, "skipped": 0}
    suite = {
        "suite": {"name": "mine", "about": "Small <b>texts</b>."},
        "model": {"trained_at": "2026-01-02T03:04:05+00:00"},
        "total": figures,
        "kinds": {"minimum functionality": figures},
        "baseline": {"answer": "negative", "failure_rate": share},
        "capabilities": [{"name": "negation", "hard": False, **figures}],
        "cases": [
            {"capability": "negation", "result": "failed", "why": "got <i>positive</i>",
             "got": [{"text": "not <b>good</b>"}]},
        ],
    }  # fmt: skip
    path = folder / "eval" / "behaviour-mine" / "behaviour.json"
    path.parent.mkdir()
    path.write_text(json.dumps(suite))
    page = read(folder)
    assert "mine: 1 of 2 cases failed, 50.0" in page.text.replace("\u202f", " ")
    assert "not <b>good</b> got <i>positive</i>" in page.text
    assert "None are saved" not in page.text


def test_faithfulness_is_shown_where_it_was_saved(make_model):
    folder = make_model()
    assert "faithfulness" not in sections(render_report([folder]))
    curves = {"occlusion": [0.9, 0.6, 0.3], "gradients": [0.9, 0.4, 0.3], "random": [0.9, 0.7, 0.3]}
    area = {"low": 0.4, "high": 0.6, "n": 20, "method": "normal"}
    areas = {
        name: {**area, "value": line[1], "against_random": {**area, "value": line[1] - 0.7}}
        for name, line in curves.items()
    }
    del areas["random"]["against_random"]
    content = {
        "command": "sentiment eval tiny --faithfulness 20",
        "seed": 13,
        "n": 20,
        "of": 60,
        "fractions": [0.0, 0.5, 1.0],
        "random_orders": 10,
        "deletion": curves,
        "insertion": curves,
        "areas": {"deletion": areas, "insertion": areas},
        "seconds_per_text": {"occlusion": 0.01, "gradients": 0.02},
    }
    (folder / "eval" / "test" / "faithfulness.json").write_text(json.dumps(content))
    html = render_report([folder])
    assert "faithfulness" in sections(html)
    assert 'aria-label="deletion curves"' in html
    section = html[html.index('id="faithfulness"') : html.index('id="data"')]
    names = re.findall(r'<th scope="row">([^<]*)</th>', section)
    assert names == ["integrated gradients", "occlusion", "random order"]
