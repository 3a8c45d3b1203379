from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html.parser import HTMLParser

import pytest

from sentiment.errors import DataError, ModelFolderError, OutputError
from sentiment.report.evaluation_page import Choices
from sentiment.report.report import render_report, write_report
from sentiment.report.saved import confident_errors, load_evaluation

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"quoted\" 'too' & </blockquote>"
    "{{ 7 * 7 }} \u202eolleh\u202c \x00\x1b[31m\n\nmore"
)


class Page(HTMLParser):
    """What the browser would see: tags, attributes and text."""

    VOID = frozenset({"meta", "link", "br", "col", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data


def read(folder, **options) -> Page:
    page = Page(render_report([folder], **options))
    page.text = re.sub(r"\s+", " ", page.text)
    assert page.open == []
    return page


def test_one_file_without_network_and_with_no_script_but_its_own(make_model):
    html = render_report([make_model(extras=True)])
    page = Page(html)
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "points"}, {}]
    assert "http:" not in html
    assert "https:" not in html
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href", "action"):
            assert (attributes.get(name) or "#").startswith(("#", "data:"))
    (policy,) = [
        attributes["content"]
        for tag, attributes in page.tags
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    content = re.search(r"<script>(.*?)</script>", html, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}'; style-src")
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_ids_are_unique_and_links_lead_somewhere(make_model):
    page = Page(render_report([make_model()]))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        link = attributes.get("href")
        if link and link.startswith("#"):
            assert link[1:] in ids


def test_the_page_says_what_was_measured(make_model):
    folder = make_model()
    metrics = json.loads((folder / "eval" / "test" / "metrics.json").read_text())
    text = read(folder).text
    assert f"{100 * metrics['accuracy']['value']:.1f}" in text
    assert f"sentiment eval {folder} --split test" in text
    assert metrics["data"]["fingerprint"] in text
    for words in ("60 rows", "lstm_1", "(4, 5)", "macro-F1", "calibration error", "3 epochs"):
        assert words in text


def test_hostile_text_is_shown_and_never_run(make_model):
    folder = make_model(
        rows=10,
        skill=0.0,
        texts=[HOSTILE] * 10,
        columns={"<b>site": ["<i>a", "<i>b"] * 5},
        extras=True,
    )
    page = read(folder)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"img", "i", "b"}
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    assert "<b>site" in page.text
    assert not set("\u202e\x00\x1b") & set(page.text)


def test_hostile_class_names_are_escaped_in_the_figures_too(make_model):
    classes = ("<script>alert(1)</script>", '"><img src=x>', "$x^$ \\frac")
    page = read(make_model(classes=classes))
    assert "img" not in {tag for tag, _ in page.tags}
    assert [tag for tag, _ in page.tags].count("script") == 1
    assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    ("skill", "rival_skill", "words"),
    [
        (0.95, 0.3, "More accurate than the linear baseline"),
        (0.3, 0.95, "Less accurate than the linear baseline"),
        (0.7, 0.7, "Level with the linear baseline"),
    ],
)
def test_the_verdict_is_honest(make_model, skill, rival_skill, words):
    text = read(make_model(rows=300, skill=skill, rival_skill=rival_skill)).text
    assert words in text
    assert ("better and cheaper choice" in text) == (skill < rival_skill)


def test_without_a_baseline_the_page_says_so(make_model):
    text = read(make_model(baseline=False)).text
    assert "No baseline beside it" in text
    assert "Beside its baselines" not in text


def test_a_weak_slice_is_marked_in_words(make_model):
    labels = [0, 1] * 100
    folder = make_model(
        rows=200, labels=labels, skill=1.0, columns={"site": ["one"] * 100 + ["two"] * 100}
    )
    assert "On no slice" in read(folder).text
    path = folder / "eval" / "test" / "metrics.json"
    metrics = json.loads(path.read_text())
    next(p for p in metrics["slices"] if p["name"] == "two")["significantly_worse"] = True
    path.write_text(json.dumps(metrics))
    assert "two significantly worse" in read(folder).text


@pytest.mark.parametrize("rows", [1, 10])
def test_few_rows(make_model, rows):
    assert "rows" in read(make_model(rows=rows)).text


def test_one_class_only(make_model):
    page = read(make_model(rows=10, labels=[1] * 10))
    assert "one class only" in page.text
    names = [a.get("aria-label") for tag, a in page.tags if tag == "svg"]
    assert "ROC curves" not in names
    assert "Reliability diagram" in names


def test_nothing_wrong(make_model):
    assert "Not one row is wrong" in read(make_model(rows=10, skill=1.0)).text


def test_no_history(make_model):
    assert "no training history" in read(make_model(history=None)).text


def test_a_model_trained_again_is_called_stale(make_model):
    folder = make_model()
    assert "trained again" not in read(folder).text
    info = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**info, "trained_at": "later"}))
    assert "trained again" in read(folder).text


def test_the_same_files_give_the_same_page(make_model):
    folder = make_model()
    assert render_report([folder]) == render_report([folder])


def test_the_newest_split_or_the_named_one(make_model):
    folder = make_model(split="validation")
    make_model(split="test")
    os.utime(folder / "eval" / "validation" / "metrics.json", ns=(1, 1))
    assert write_report([folder]) == folder / "eval" / "test" / "report.html"
    named = write_report([folder], split="validation")
    assert named == folder / "eval" / "validation" / "report.html"
    with pytest.raises(ModelFolderError, match=r"'dev'.*test.*--split dev"):
        write_report([folder], split="dev")


def test_an_evaluation_saved_elsewhere_can_be_read_alone(make_model, tmp_path):
    folder = make_model()
    (folder / "eval" / "test").rename(tmp_path / "apart")
    assert write_report([tmp_path / "apart"]) == tmp_path / "apart" / "report.html"


def test_no_saved_predictions_names_the_command(make_model, tmp_path):
    with pytest.raises(ModelFolderError, match="no model folder"):
        write_report([tmp_path / "nowhere"])
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "model.json").write_text("{}")
    with pytest.raises(ModelFolderError, match=r"run: sentiment eval .*bare"):
        write_report([tmp_path / "bare"])
    # Without a test split, its validation split it is.
    (tmp_path / "bare" / "model.json").write_text('{"data": {"splits": ["train", "validation"]}}')
    with pytest.raises(ModelFolderError, match=r"run: sentiment eval .*bare --split validation"):
        write_report([tmp_path / "bare"])
    folder = make_model(split="validation")
    (folder / "eval" / "validation" / "predictions.parquet").unlink()
    with pytest.raises(ModelFolderError, match=r"sentiment eval .*tiny --split validation"):
        write_report([folder])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("eval/test/metrics.json", b"{"),
        ("eval/test/metrics.json", b"[]"),
        ("eval/test/metrics.json", b'{"schema_version": 99}'),
        ("eval/test/metrics.json", b'{"schema_version": 1}'),
        ("eval/test/predictions.parquet", b"PAR1"),
        ("history.csv", b"epoch,train_loss\n1,much\n"),
        ("history.csv", b"\xff\xfe"),
        ("model.json", b"\x00"),
    ],
)
def test_damaged_files_are_named_in_one_line(make_model, name, content):
    folder = make_model()
    (folder / name).write_bytes(content)
    with pytest.raises(DataError) as error:
        write_report([folder])
    assert "\n" not in str(error.value)
    assert str(folder) in str(error.value)


def test_predictions_of_another_evaluation_are_refused(make_model):
    folder, other = make_model(), make_model("other", rows=20)
    name = "eval/test/predictions.parquet"
    (folder / name).write_bytes((other / name).read_bytes())
    with pytest.raises(DataError, match="20 rows"):
        write_report([folder])


def test_a_place_that_cannot_be_written(make_model, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError):
        write_report([make_model()], output=tmp_path / "file" / "report.html")


@pytest.mark.parametrize("name", ["d.csv", "README", "short.md", "", "page.txt"])
def test_only_a_page_may_be_named(make_model, tmp_path, name):
    (tmp_path / "d.csv").write_text("a,b\n")
    with pytest.raises(OutputError, match=r"does not end in \.html; .*run: sentiment report"):
        write_report([make_model()], output=tmp_path / name)
    assert (tmp_path / "d.csv").read_text() == "a,b\n"
    assert not (tmp_path / "README").exists()
    assert not (tmp_path / "README.md").exists()


def test_a_markdown_file_of_the_users_own_is_not_replaced(make_model, tmp_path):
    (tmp_path / "README.md").write_text("# My project\n")
    with pytest.raises(OutputError, match=r"README\.md was not written by `sentiment report`"):
        write_report([make_model()], output=tmp_path / "README.html")
    assert (tmp_path / "README.md").read_text() == "# My project\n"
    assert not (tmp_path / "README.html").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_a_report_replaces_an_older_one(make_model, tmp_path, count):
    output = tmp_path / "r.html"
    write_report([make_model(f"first{number}") for number in range(count)], output=output)
    write_report([make_model(f"second{number}") for number in range(count)], output=output)
    assert "second0" in output.with_suffix(".md").read_text(encoding="utf-8")


def test_the_most_confident_errors_come_first(make_model):
    evaluation = load_evaluation(make_model(rows=400, skill=0.2))
    errors, num_wrong = confident_errors(evaluation, 7)
    shown = [error["probability"] for error in errors]
    assert len(errors) == 7
    assert shown == sorted(shown, reverse=True)
    assert all(error["label"] != error["predicted"] for error in errors)
    assert errors[0]["text"] == f"text {errors[0]['row'] - 1}"
    everything, _ = confident_errors(evaluation, 10_000)
    assert len(everything) == num_wrong
    assert [error["row"] for error in everything[:7]] == [error["row"] for error in errors]


def test_a_huge_text_does_not_make_a_huge_page(make_model):
    page = render_report([make_model(rows=30, skill=0.0, texts=["word " * 100_000] * 30)])
    assert len(page) < 500_000


def test_a_million_rows_make_a_small_page_that_states_its_sample(make_model):
    texts = [f"row {row} is <b>not</b> bad" for row in range(1_000_000)]
    folder = make_model(
        rows=1_000_000, texts=texts, columns={"site": ["a", "b"] * 500_000}, extras=True
    )
    html = render_report([folder], choices=Choices(slice_columns=("tokens",)))
    assert len(html.encode()) < 2_000_000
    text = re.sub(r"\s+", " ", Page(html).text)
    assert "1,000,000 rows of split test" in text
    assert "What 800 of the 1,000,000 texts, drawn at random" in text
    assert "800 texts shown" in text
