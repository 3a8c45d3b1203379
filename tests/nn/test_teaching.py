"""Teachers: whose classes fit, what they answer, and what a pupil makes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sentiment
from sentiment.errors import ConfigError, DataError
from sentiment.nn.teaching import Teachers
from sentiment.training_run import Nobody

CLASSES = ("negative", "neutral", "positive")
TEXTS = ["the film was superb and loved", "a boring dreadful story", "delivered on tuesday"]


class Notes(Nobody):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def test_one_teacher_answers_as_its_model_does(tiny_model: Path):
    expected = sentiment.load(tiny_model).predict_arrays(TEXTS).probabilities
    np.testing.assert_allclose(Teachers([str(tiny_model)], CLASSES).answer(TEXTS), expected, 1e-5)


def test_two_teachers_answer_by_their_mean(tiny_model: Path):
    one = Teachers([str(tiny_model)], CLASSES).answer(TEXTS)
    two = Teachers([str(tiny_model)] * 2, CLASSES).answer(TEXTS)
    np.testing.assert_allclose(one, two, atol=1e-6)


def test_what_a_teacher_says_of_other_classes_is_left_out(tiny_model: Path):
    every = Teachers([str(tiny_model)], CLASSES).answer(TEXTS)
    some = Teachers([str(tiny_model)], ("positive", "negative")).answer(TEXTS)
    expected = every[:, [2, 0]] / every[:, [2, 0]].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(some, expected, rtol=1e-5)


def test_a_teacher_without_one_of_the_classes_is_refused(tiny_model: Path):
    with pytest.raises(ConfigError, match=r"has no class 'angry'.*data\.classes=\[negative"):
        Teachers([str(tiny_model)], ("angry", "positive"))


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
    watcher = Notes()
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
    assert any(f"teacher: {tiny_model} reads" in line for line in lines)
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
