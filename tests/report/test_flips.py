from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from test_comparison import text_of

from sentiment.errors import DataError
from sentiment.report.flips import flips
from sentiment.report.report import render_report, write_report
from sentiment.report.saved import load_evaluation


@pytest.fixture
def pair(make_model):
    return [
        load_evaluation(make_model(name, rows=400, skill=skill, seed=seed))
        for name, skill, seed in (("weak", 0.3, 1), ("strong", 0.9, 2))
    ]


def test_flips_are_the_rows_that_one_alone_has_right(pair):
    found = flips(*pair, most=5)
    tables = [pq.read_table(each.predictions).to_pydict() for each in pair]
    labels = np.array(tables[0]["label"])
    right = [np.array(table["predicted"]) == labels for table in tables]
    assert found["gained"]["rows"] == (right[1] & ~right[0]).sum()
    assert found["lost"]["rows"] == (right[0] & ~right[1]).sum()
    sure = [entry["other_probability"] for entry in found["gained"]["examples"]]
    assert len(sure) == 5
    assert sure == sorted(sure, reverse=True)
    for entry in found["gained"]["examples"]:
        assert entry["label"] == entry["other"] != entry["first"]
        assert entry["text"] == f"text {entry['row'] - 1}"
    everything = flips(*pair, most=1_000)["lost"]["examples"]
    rows = np.flatnonzero(right[0] & ~right[1]) + 1
    assert {entry["row"] for entry in everything} == set(rows.tolist())


def test_differences_of_losses_are_means_over_the_same_rows(pair):
    found = flips(*pair)
    losses = [each.metrics["log_loss"]["value"] for each in pair]
    assert found["log_loss"]["value"] == pytest.approx(losses[1] - losses[0], abs=1e-5)
    assert found["log_loss"]["low"] < found["log_loss"]["value"] < found["log_loss"]["high"] < 0
    brier = [each.metrics["brier"]["value"] for each in pair]
    assert found["brier"]["value"] == pytest.approx(brier[1] - brier[0], abs=1e-5)


def test_the_page_shows_them_and_is_self_contained(make_model):
    hostile = "<script>alert(1)</script> \u202eolleh"
    texts = [f"{hostile} {row}" for row in range(400)]
    models = [
        make_model("weak", rows=400, skill=0.3, texts=texts, seed=1),
        make_model("strong", rows=400, skill=0.9, texts=texts, seed=2),
    ]
    html = render_report(models)
    text = text_of(html)
    assert "strong alone is right" in text
    assert "weak alone is right" in text
    assert html.count("<script") == 1
    assert "\u202e" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_three_models_have_their_p_values_corrected(make_model):
    models = [make_model(f"m{seed}", rows=200, skill=0.5, seed=seed) for seed in (1, 2, 3)]
    text = text_of(render_report(models))
    assert "corrected for 2 comparisons (Holm)" in text


def test_predictions_that_do_not_fit_are_one_line(make_model):
    models = [make_model("one", rows=50), make_model("two", rows=50, seed=3)]
    longer = make_model("three", rows=60)
    name = "eval/test/predictions.parquet"
    (models[1] / name).write_bytes((longer / name).read_bytes())
    with pytest.raises(DataError, match=r"holds|rows"):
        write_report(models)


def test_the_short_form_says_the_same(make_model, tmp_path):
    models = [make_model("weak", rows=400, skill=0.3), make_model("strong", rows=400, skill=0.9)]
    write_report(models, output=tmp_path / "both.html")
    short = (tmp_path / "both.md").read_text(encoding="utf-8")
    assert short.startswith("# weak beside strong\n")
    assert "strong against weak: accuracy +" in short
    assert "McNemar p < 0.001" in short


def test_the_short_form_of_one_model(make_model):
    classes = ("<b>no</b>", "yes|no")
    folder = make_model(rows=100, classes=classes)
    write_report([folder])
    short = (folder / "eval" / "test" / "report.md").read_text(encoding="utf-8")
    metrics = json.loads((folder / "eval" / "test" / "metrics.json").read_text())
    assert f"{100 * metrics['accuracy']['value']:.1f} %" in short
    assert "| yes\\|no |" in short
    assert "<b>" not in short
    assert f"`{metrics['command']}`" in short
    lines = [line for line in short.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in (6, 7) for line in lines)
