"""Texts to pretrain on: everything but what a model is judged on, from any kind of source."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from sentiment.config import DataSettings
from sentiment.data.load import load_splits
from sentiment.data.unlabelled import UnlabelledTexts, load_unlabelled_texts
from sentiment.errors import DataError


def save(
    path: Path, texts: list[str], labels: list[str] | None = None, column: str = "text"
) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column] if labels is None else [column, "label"])
        columns = [texts] if labels is None else [texts, labels]
        writer.writerows(zip(*columns, strict=True))
    return path


def some(name: str, count: int) -> list[str]:
    return [f"{name} text {number}" for number in range(count)]


def labels(count: int) -> list[str]:
    return ["negative" if number % 2 else "positive" for number in range(count)]


def load(source: Path, **options) -> UnlabelledTexts:
    return load_unlabelled_texts(
        DataSettings(source=str(source), **options), held_out_texts=30, seed=1
    )


def everything(found: UnlabelledTexts) -> set[str]:
    assert not set(found.texts) & set(found.held_out)
    both = [*found.texts, *found.held_out]
    assert len(set(both)) == len(both)
    return set(both)


def test_unsupervised_and_train_without_what_is_judged_on(tmp_path: Path):
    test, validation = some("test", 20), some("validation", 20)
    save(tmp_path / "train.csv", [*some("train", 60), test[3]], labels(61))
    save(tmp_path / "validation.csv", validation, labels(20))
    save(tmp_path / "test.csv", test, labels(20))
    save(
        tmp_path / "unsupervised.csv",
        [*some("own", 60), test[0], validation[1], "train text 5", ""],
    )
    found = load(tmp_path)
    assert everything(found) == {*some("train", 60), *some("own", 60)}
    assert len(found.held_out) == 12  # a tenth, though 30 were asked for
    notes = "\n".join(found.notes)
    assert "61 texts of" in notes
    assert "train.csv, without their labels" in notes
    assert "40 texts of validation and test are left out" in notes
    assert "5 blank, repeated or left-out texts are not read" in notes


def test_what_training_would_split_off_is_left_out_of_the_unsupervised_texts_too(tmp_path: Path):
    texts = some("train", 200)
    save(tmp_path / "train.csv", texts, labels(200))
    save(tmp_path / "unsupervised.csv", texts)
    splits = load_splits(DataSettings(source=str(tmp_path)))
    assert everything(load(tmp_path)) == set(splits.train.texts)
    assert len(splits.validation) == 20


def test_a_labelled_file_gives_its_train_texts_all_of_them(tmp_path: Path):
    path = save(tmp_path / "reviews.csv", some("a", 200), labels(200))
    splits = load_splits(DataSettings(source=str(path)))
    assert everything(load(path)) == set(splits.train.texts)
    assert everything(load(path, max_train_rows=20)) == set(splits.train.texts)


@pytest.mark.parametrize("kind", ["txt", "csv", "jsonl", "no label", "one label", "many labels"])
def test_a_file_without_labels_to_train_on_is_read_whole(tmp_path: Path, kind: str):
    texts = some("a", 120)
    if kind == "txt":
        path = tmp_path / "own.txt"
        path.write_text("\n".join([*texts, "", texts[0]]) + "\n")
    elif kind == "jsonl":
        path = tmp_path / "own.jsonl"
        path.write_text("".join(json.dumps({"text": text, "id": 7}) + "\n" for text in texts))
    else:
        values = {"csv": None, "no label": [""] * 120, "one label": ["1"] * 120}
        path = save(tmp_path / "own.csv", texts, values.get(kind, [f"n{n}" for n in range(120)]))
    assert everything(load(path)) == set(texts)


def test_splits_without_labels_are_enough_and_a_test_split_is_left_out(tmp_path: Path):
    save(tmp_path / "unsupervised.csv", [*some("own", 120), "test text 1"])
    assert everything(load(tmp_path)) == {*some("own", 120), "test text 1"}
    save(tmp_path / "test.csv", some("test", 5))
    save(tmp_path / "train.csv", some("train", 10))
    assert everything(load(tmp_path)) == {*some("own", 120), *some("train", 10)}


def test_the_choice_and_the_fingerprint_depend_on_the_texts_and_the_seed(tmp_path: Path):
    path = save(tmp_path / "a.csv", some("a", 120))
    first, again = load(path), load(path)
    assert (first.held_out, first.fingerprint) == (again.held_out, again.fingerprint)
    settings = DataSettings(source=str(path))
    other = load_unlabelled_texts(settings, held_out_texts=5, seed=2)
    assert len(other.held_out) == 5
    assert other.fingerprint == first.fingerprint
    save(path, [*some("a", 119), "changed"])
    assert load(path).fingerprint != first.fingerprint


def test_too_little_and_nothing_are_said_so(tmp_path: Path):
    path = tmp_path / "few.txt"
    path.write_text("\n".join(some("a", 99)))
    with pytest.raises(DataError) as caught:
        load(path)
    assert "few.txt has 99 different texts to pretrain on; expected at least 100" in str(
        caught.value
    )
    save(tmp_path / "test.csv", some("a", 200), labels(200))
    with pytest.raises(DataError, match=r"nothing to pretrain on \(it has test\)"):
        load(tmp_path)
    wrong = save(tmp_path / "wrong.csv", some("a", 200), column="review")
    with pytest.raises(DataError, match=r"has no column 'text'.*data\.text_column=NAME"):
        load(wrong)
    assert len(everything(load(wrong, text_column="review"))) == 200
