"""Teachers: whose classes fit, what they answer, and what a pupil makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from watchers import Recorder

import sentiment
from sentiment.data.labelled import LabelledTexts
from sentiment.data.labels import UNLABELLED
from sentiment.errors import ConfigError, DataError, TrainingError
from sentiment.nn.saving import TrainingInterrupted
from sentiment.nn.teaching import NBSVM, WRITTEN, Teachers

CLASSES = ("negative", "neutral", "positive")
TEXTS = ["the film was superb and loved", "a boring dreadful story", "delivered on tuesday"]
TRAIN = LabelledTexts(TEXTS, np.array([2, 0, 1], np.int32), CLASSES)
NOBODY = TRAIN.take([])


def unlabelled(*texts: str) -> LabelledTexts:
    return LabelledTexts(list(texts), np.full(len(texts), UNLABELLED, np.int32), CLASSES)


def test_one_teacher_answers_as_its_model_does(tiny_model: Path):
    expected = sentiment.load(tiny_model).predict_arrays(TEXTS).probabilities
    np.testing.assert_allclose(
        Teachers([str(tiny_model)], CLASSES).answer(TRAIN, NOBODY), expected, 1e-5
    )


def test_two_teachers_answer_by_their_mean(tiny_model: Path):
    one = Teachers([str(tiny_model)], CLASSES).answer(TRAIN, NOBODY)
    two = Teachers([str(tiny_model)] * 2, CLASSES).answer(TRAIN, NOBODY)
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_what_a_teacher_says_of_other_classes_is_left_out(tiny_model: Path):
    every = Teachers([str(tiny_model)], CLASSES).answer(TRAIN, NOBODY)
    some = Teachers([str(tiny_model)], ("positive", "negative")).answer(TRAIN, NOBODY)
    expected = every[:, [2, 0]] / every[:, [2, 0]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(some, expected, rtol=1e-5)


def test_a_teacher_without_one_of_the_classes_is_refused(tiny_model: Path):
    with pytest.raises(ConfigError, match=r"has no class 'angry'.*data\.classes=\[negative"):
        Teachers([str(tiny_model)], ("angry", "positive"))


def test_the_others_come_after_the_labelled_texts(tiny_model: Path):
    expected = sentiment.load(tiny_model).predict_arrays([*TEXTS, "superb"]).probabilities
    found = Teachers([str(tiny_model)], CLASSES).answer(TRAIN, unlabelled("superb"))
    np.testing.assert_allclose(found, expected, 1e-5)


@pytest.fixture
def folder(tmp_path: Path, tiny_corpus: Path) -> Path:
    """A data folder with labelled texts and some without labels."""
    path = tmp_path / "data"
    path.mkdir()
    (path / "train.csv").write_text(tiny_corpus.read_text())
    texts = tiny_corpus.read_text().splitlines()[1:]
    lines = ["text", *(f"{text.rsplit(',', 1)[0]} again" for text in texts)]
    (path / "unsupervised.csv").write_text("\n".join(lines) + "\n")
    return path


def pupil(folder: Path, tiny_settings: list[str], **options: str) -> tuple[Path, list[str]]:
    watcher = Recorder()
    settings = [*tiny_settings, f"data.source={folder}", "training.epochs=8"]
    settings += [f"training.{key.replace('__', '.')}={value}" for key, value in options.items()]
    output = folder.parent / "pupil"
    sentiment.train(output=output, overrides=settings, watcher=watcher)
    return output, watcher.lines


def test_a_pupil_learns_from_its_teacher_and_from_texts_without_labels(
    folder: Path, tiny_settings: list[str], tiny_model: Path
):
    made, lines = pupil(
        folder, tiny_settings, teacher=str(tiny_model), teacher_share="1.0", unlabelled_texts="100"
    )
    assert any(line.startswith("unlabelled: 100 of 1") for line in lines)
    assert any(f"teacher: {tiny_model} on " in line for line in lines)
    teacher = sentiment.load(tiny_model).predict_arrays(TEXTS).probabilities
    taught = sentiment.load(made).predict_arrays(TEXTS).probabilities
    np.testing.assert_array_equal(taught.argmax(axis=1), teacher.argmax(axis=1))


def test_a_training_under_perturbation_takes_unlabelled_texts(
    folder: Path, tiny_settings: list[str]
):
    made, lines = pupil(
        folder,
        tiny_settings,
        perturbation__virtual="1.0",
        perturbation__adversarial="1.0",
        perturbation__size="0.5",
        perturbation__unlabelled_batch_size="16",
        unlabelled_texts="100",
    )
    assert any(line.startswith("unlabelled: 100 of 1") for line in lines)
    answers = sentiment.load(made).predict(TEXTS)
    assert [answer.label for answer in answers] == ["positive", "negative", "neutral"]


def test_classes_may_be_balanced_beside_texts_that_only_a_teacher_knows(
    folder: Path, tiny_settings: list[str], tiny_model: Path
):
    made, _ = pupil(
        folder,
        tiny_settings,
        teacher=str(tiny_model),
        unlabelled_texts="100",
        class_weights="balanced",
    )
    answers = sentiment.load(made).predict(TEXTS)
    assert [answer.label for answer in answers] == ["positive", "negative", "neutral"]


@pytest.mark.parametrize("changed", ["texts", "answers", "nothing"])
def test_a_training_is_not_resumed_with_other_lessons(
    changed: str, folder: Path, tiny_settings: list[str], tmp_path: Path
):
    for name in ("train", "unsupervised"):
        table = pd.read_csv(folder / f"{name}.csv")
        (folder / f"{name}.csv").unlink()
        answers = [dict(zip(CLASSES, (0.2, 0.3, 0.5), strict=True))] * len(table)
        table.assign(probabilities=answers).to_parquet(folder / f"{name}.parquet")
    settings = [*tiny_settings, f"data.source={folder}", "training.teacher=probabilities"]
    settings += ["training.unlabelled_texts=100", "training.epochs=2"]
    with pytest.raises(TrainingInterrupted):
        sentiment.train(output=tmp_path / "run", overrides=settings, watcher=Recorder(stop_after=3))
    table = pd.read_parquet(folder / "unsupervised.parquet")
    if changed == "texts":
        table = table.iloc[:90]
    elif changed == "answers":
        answers = [dict(zip(CLASSES, (0.1, 0.4, 0.5), strict=True))] * len(table)
        table = table.assign(probabilities=answers)
    table.to_parquet(folder / "unsupervised.parquet")
    if changed == "nothing":
        sentiment.train(output=tmp_path / "run", resume=True)
        return
    with pytest.raises(TrainingError, match="the unlabelled texts or the teachers changed since"):
        sentiment.train(output=tmp_path / "run", resume=True)


def test_a_source_without_unlabelled_texts_is_said(
    tiny_corpus: Path, tiny_settings: list[str], tiny_model: Path, tmp_path: Path
):
    settings = [*tiny_settings, f"training.teacher={tiny_model}", "training.unlabelled_texts=9"]
    with pytest.raises(DataError, match=r"has no unsupervised split, and .* is 9"):
        sentiment.train(output=tmp_path / "pupil", overrides=settings)


def test_unlabelled_texts_for_nothing_are_refused(tiny_settings: list[str], tmp_path: Path):
    with pytest.raises(ConfigError, match="for a teacher or a perturbation, and neither is set"):
        sentiment.train(
            output=tmp_path / "pupil", overrides=[*tiny_settings, "training.unlabelled_texts=9"]
        )


def praise_and_blame(rows: int) -> LabelledTexts:
    random = np.random.default_rng(3)
    words = [["not bad", "superb"], ["not good", "dull"]]
    labels = random.integers(0, 2, rows).astype(np.int32)
    texts = [
        f"{random.integers(1_000)} film {words[1 - label][random.integers(2)]}" for label in labels
    ]
    return LabelledTexts(texts, labels, ("negative", "positive"))


def test_nbsvm_knows_phrases_and_answers_in_the_order_of_the_texts():
    answers = Teachers([NBSVM], ("negative", "positive")).answer(
        praise_and_blame(200), unlabelled("not good", "a film, not bad", "superb")
    )
    assert answers.shape == (203, 2)
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert answers[-3:].argmax(axis=1).tolist() == [0, 1, 1]


def test_nbsvm_has_not_learned_the_texts_it_speaks_of():
    rows = praise_and_blame(100)
    wrong = rows.labels.copy()
    wrong[::7] = 1 - wrong[::7]
    [known] = [Teachers([NBSVM], rows.classes).answer(replace(rows, labels=wrong), NOBODY)]
    np.testing.assert_array_equal(known.argmax(axis=1), rows.labels)  # not the wrong labels


@pytest.mark.parametrize(
    ("texts", "labels"),
    [(["a", "b", "c"], [0, 0, 0]), (["a", "b", "c"], [0, 0, 1]), ([" "] * 4, [0, 1, 0, 1])],
)
def test_nbsvm_of_too_little_is_refused_in_one_line(texts: list[str], labels: list[int]):
    rows = LabelledTexts(texts, np.array(labels, np.int32), ("no", "yes"), origin="x.csv")
    with pytest.raises(DataError, match=r"training.teacher nbsvm cannot learn from x\.csv"):
        Teachers([NBSVM], rows.classes).answer(rows, NOBODY)


def test_three_classes_of_which_one_has_a_single_text():
    texts = ["good", "good one", "bad", "bad one", "what"]
    rows = LabelledTexts(texts, np.array([2, 2, 0, 0, 1], np.int32), CLASSES)
    answers = Teachers([NBSVM], CLASSES).answer(rows, unlabelled("bad"))
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert answers[-1].argmax() == 0


def test_nbsvm_teaches_beside_a_model(folder: Path, tiny_settings: list[str], tiny_model: Path):
    made, lines = pupil(
        folder, tiny_settings, teacher=f"[{tiny_model}, nbsvm]", unlabelled_texts="100"
    )
    assert any(f"teacher: {tiny_model} and nbsvm on " in line for line in lines)
    answers = sentiment.load(made).predict(TEXTS)
    assert [answer.label for answer in answers] == ["positive", "negative", "neutral"]


def test_answers_that_stand_in_the_data():
    said = [{"positive": 3, "neutral": 0, "negative": 1, "other": 9}, '{"positive": 0.5}', None]
    known = LabelledTexts(["a"], np.zeros(1, np.int32), CLASSES, {WRITTEN: said[:1]})
    answers = Teachers([WRITTEN], CLASSES).answer(known, NOBODY)
    np.testing.assert_allclose(answers, [[0.25, 0, 0.75]])
    others = LabelledTexts(
        ["b"], np.full(1, UNLABELLED, np.int32), ("negative", "positive"), {WRITTEN: said[1:2]}
    )
    with pytest.raises(DataError, match=r"row 1: .*has no number for class 'negative'.*0\.5"):
        Teachers([WRITTEN], CLASSES).answer(known, others)
    with pytest.raises(DataError, match=r"has no column .probabilities., which training\.teacher"):
        Teachers([WRITTEN], CLASSES).answer(known, unlabelled("c"))


def test_a_pupil_learns_answers_that_stand_in_csv(
    folder: Path, tiny_settings: list[str], tiny_model: Path
):
    for name in ("train.csv", "unsupervised.csv"):
        table = pd.read_csv(folder / name)
        answers = sentiment.load(tiny_model).predict(table.text)
        shares = [json.dumps(dict(answer.probabilities)) for answer in answers]
        table.assign(probabilities=shares).to_csv(folder / name, index=False)
    made, lines = pupil(
        folder, tiny_settings, teacher=WRITTEN, teacher_share="1.0", unlabelled_texts="100"
    )
    assert any("teacher: probabilities on " in line for line in lines)
    teacher = sentiment.load(tiny_model).predict_arrays(TEXTS).probabilities
    taught = sentiment.load(made).predict_arrays(TEXTS).probabilities
    np.testing.assert_array_equal(taught.argmax(axis=1), teacher.argmax(axis=1))
