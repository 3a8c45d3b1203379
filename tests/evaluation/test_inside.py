"""What `sentiment eval` saves beside the figures, of a model that was really trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import sentiment
from sentiment.data.labelled import LabelledTexts
from sentiment.data.load import load_labelled
from sentiment.evaluation.evaluate import evaluate
from sentiment.evaluation.inside import DATA_CHECK, STATES, TRACES
from sentiment.runtime.replay import replay


@pytest.fixture(scope="module")
def made(tiny_model: Path, tiny_corpus: Path, tmp_path_factory: pytest.TempPathFactory):
    """The model, its corpus with some labels turned round, and the folder of its evaluation."""
    model = sentiment.load(tiny_model)
    data = load_labelled(str(tiny_corpus), classes=model.classes)
    wrong = np.arange(len(data)) % 12 == 5
    labels = np.where(wrong, (data.labels + 1) % 3, data.labels).astype(np.int32)
    data = LabelledTexts(data.texts, labels, data.classes, {"domain": ["a", "b"] * 90})
    folder = tmp_path_factory.mktemp("evaluated")
    run(model, data, folder)
    return model, data, folder, wrong


def run(model, data, folder, **options):
    return evaluate(
        model,
        data,
        split="test",
        command="sentiment eval",
        output=folder,
        baseline=False,
        **options,
    )


def read(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def test_every_file_says_which_evaluation_it_belongs_to(made):
    _, _, folder, _ = made
    metrics = read(folder, "metrics.json")
    for name in (STATES, TRACES, DATA_CHECK):
        content = read(folder, name)
        assert content["fingerprint"] == metrics["data"]["fingerprint"]
        assert content["trained_at"] == metrics["model"]["trained_at"]


def test_a_trace_ends_in_the_score_and_lies_on_the_words(made):
    model, _, folder, _ = made
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    traces = read(folder, TRACES)["rows"]
    weights = model.folder.load_weights()
    wrong = [label != said for label, said in zip(table["label"], table["predicted"], strict=True)]
    assert len(traces) >= min(20, sum(wrong))
    for number, trace in traces.items():
        row = int(number) - 1
        text = table["text"][row]
        assert trace["scores"][-1] == pytest.approx(table["score"][row], abs=2e-3)
        encoded = model.tokenizer.encode([text])
        steps = replay(weights, encoded.of_text(0), model.folder.encoder).step_probabilities
        np.testing.assert_allclose(trace["scores"], steps @ [-1, 0, 1], atol=2e-3)
        words = [text[start:end] for start, end in trace["spans"]]
        assert words == model.tokenizer.tokens(encoded.of_text(0))
        labels = steps.argmax(axis=1)
        if trace["turning"] is None:
            assert len(set(labels)) == 1
        else:
            assert len(set(labels[trace["turning"] :])) == 1
            assert labels[trace["turning"] - 1] != labels[-1]


def test_labels_that_were_turned_round_are_suspected(made):
    _, _, folder, wrong = made
    noise = read(folder, "metrics.json")["label_noise"]
    named = [entry["row"] - 1 for entry in noise["suspects"]]
    assert len(named) > 5
    assert np.mean(wrong[named]) > 0.8


def test_the_states_are_those_of_the_model(made):
    model, data, folder, _ = made
    states = read(folder, STATES)
    assert (states["n"], states["of"], states["width"]) == (180, 180, 12)
    points = states["projection"]
    assert len(points["x"]) == len(points["text"]) == 180
    assert points["text"][0] == data.texts[points["row"][0] - 1]
    table = pq.read_table(folder / "predictions.parquet").to_pydict()
    predicted = [model.classes[code] for code in points["predicted"]]
    assert predicted == [table["predicted"][row - 1] for row in points["row"]]
    probes = {entry["property"]: entry for entry in states["probes"]["properties"]}
    top = {(p["layer"], p["state"]): p for p in probes["sentiment"]["probes"]}["lstm_2", "h"]
    assert top["accuracy"]["value"] > top["control"]["value"] + 0.2
    for way in states["trajectories"]:
        assert len(way["x"]) == len(way["tokens"]) == len(way["score"])


def test_without_states_none_of_an_earlier_evaluation_are_left(made, tmp_path):
    model, data, _, _ = made
    some = data.take(range(20))
    run(model, some, tmp_path)
    assert (tmp_path / STATES).is_file()
    run(model, some, tmp_path, states=False)
    assert not (tmp_path / STATES).exists()
    assert (tmp_path / TRACES).is_file()


def test_a_text_of_the_train_rows_is_found_by_the_data_check(made, tmp_path):
    model, data, _, _ = made
    run(model, data.take(range(30)), tmp_path, train=data.take(range(25, 180)), states=False)
    check = read(tmp_path, DATA_CHECK)
    (leak,) = [finding for finding in check["findings"] if finding["kind"] == "leak"]
    assert leak["serious"]
    assert len(leak["examples"]) == 3
    assert [split["name"] for split in check["splits"]] == ["train", "test"]
    assert "mojibake" in check["none"]
    assert "leaks" not in check["none"]


@pytest.mark.parametrize("rows", [1, 2, 10])
def test_few_rows_are_enough(made, tmp_path, rows):
    model, data, _, _ = made
    run(model, data.take(range(rows)), tmp_path)
    states = read(tmp_path, STATES)
    assert states["n"] == rows
    assert states["forgetting"]["curves"] == []
    assert states["probes"]["properties"][0]["reason"]


def test_texts_without_a_token_have_a_trace_too(made, tmp_path):
    model, _, _, _ = made
    data = LabelledTexts(["", " ", "superb"], np.array([0, 2, 0], np.int32), model.classes)
    run(model, data, tmp_path)
    traces = read(tmp_path, TRACES)["rows"]
    assert all(trace["spans"][0][1] <= 6 for trace in traces.values())
