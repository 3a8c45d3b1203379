"""Loading: every kind of source, every kind of label, and what is said when one is wrong."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from sentiment.config import DataSettings, load_config
from sentiment.data.load import (
    LabelledTexts,
    load_labelled,
    load_split,
    load_splits,
    load_unlabelled,
)
from sentiment.errors import DataError
from sentiment.files import write_rows


def rows_of(count: int, *, labels: tuple[object, ...] = ("negative", "positive"), **more: object):
    return [
        {"text": f"text {i} of the file", "label": labels[i % len(labels)], **more}
        for i in range(count)
    ]


def save(path: Path, rows: list[dict[str, object]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, rows, columns=list(rows[0]) if rows else ["text", "label"])
    return path


def settings(source: Path | str, **more: object) -> DataSettings:
    return DataSettings.model_validate({"source": str(source), **more})


def message(run: object, *arguments: object, **options: object) -> str:
    with pytest.raises(DataError) as error:
        run(*arguments, **options)  # type: ignore[operator]
    assert "\n" not in str(error.value)
    return str(error.value)


# --- sources


def test_bundled_reviews_load() -> None:
    splits = load_splits(DataSettings())
    assert splits.test is not None
    assert len(splits.train) > len(splits.validation) > 0
    assert len(splits.classes) >= 2


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_folder_with_its_own_splits(kind: str, tmp_path: Path) -> None:
    for name, count in (("train", 20), ("validation", 6), ("test", 4)):
        save(tmp_path / f"{name}.{kind}", rows_of(count))
    splits = load_splits(settings(tmp_path))
    assert [len(splits.train), len(splits.validation)] == [20, 6]
    assert splits.test is not None and len(splits.test) == 4
    assert splits.classes == ("negative", "positive")
    assert splits.train.texts[:2] == ["text 0 of the file", "text 1 of the file"]
    assert splits.train.labels.tolist() == [0, 1] * 10
    assert splits.train.labels.dtype == np.int32
    assert any(f"train.{kind}" in note for note in splits.notes)


def test_every_format_gives_the_same_fingerprint(tmp_path: Path) -> None:
    marks = set()
    for kind in ("csv", "jsonl", "parquet"):
        save(tmp_path / kind / f"train.{kind}", rows_of(40, labels=(0, 1)))
        marks.add(load_splits(settings(tmp_path / kind)).fingerprint)
    assert len(marks) == 1


def test_fingerprint_tells_texts_labels_classes_and_membership_apart(tmp_path: Path) -> None:
    rows = rows_of(40)
    train = save(tmp_path / "train.csv", rows).parent
    first = load_splits(settings(train)).fingerprint
    assert load_splits(settings(train)).fingerprint == first
    assert load_splits(settings(train, split_seed=14)).fingerprint != first
    assert load_splits(settings(train, classes=["positive", "negative"])).fingerprint != first
    save(tmp_path / "train.csv", [*rows[:-1], {"text": "other", "label": "positive"}])
    assert load_splits(settings(train)).fingerprint != first


def test_validation_is_split_off_train_when_there_is_none(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(100))
    save(tmp_path / "test.csv", rows_of(10))
    splits = load_splits(settings(tmp_path, validation_fraction=0.2))
    assert [len(splits.train), len(splits.validation)] == [80, 20]
    assert np.bincount(splits.validation.labels).tolist() == [10, 10]
    assert splits.test is not None and len(splits.test) == 10
    assert not set(splits.train.texts) & set(splits.validation.texts)
    assert any("20 of 100 rows split off" in n and "stratified" in n for n in splits.notes)


def test_a_folder_never_has_test_carved_out(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(100))
    assert load_splits(settings(tmp_path)).test is None


def test_a_single_file_is_split_in_three(tmp_path: Path) -> None:
    path = save(tmp_path / "all.jsonl", rows_of(100))
    splits = load_splits(settings(path, validation_fraction=0.1, test_fraction=0.2))
    assert splits.test is not None
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [70, 10, 20]
    parts = [splits.train.texts, splits.validation.texts, splits.test.texts]
    assert sorted(text for part in parts for text in part) == sorted(
        row["text"] for row in rows_of(100)
    )
    assert load_splits(settings(path, test_fraction=0)).test is None


def test_equal_texts_stay_on_one_side(tmp_path: Path) -> None:
    rows = [{"text": f"text {i // 2}", "label": ["a", "b"][i // 2 % 2]} for i in range(200)]
    splits = load_splits(settings(save(tmp_path / "all.csv", rows)))
    assert splits.test is not None
    train, validation, test = (
        set(part.texts) for part in (splits.train, splits.validation, splits.test)
    )
    assert not train & validation and not train & test and not validation & test


def test_groups_stand_on_one_side(tmp_path: Path) -> None:
    rows = [{**row, "film": f"film {i // 4}"} for i, row in enumerate(rows_of(400))]
    save(tmp_path / "train.parquet", rows)
    splits = load_splits(settings(tmp_path, group_column="film"))
    assert not set(splits.train.columns["film"]) & set(splits.validation.columns["film"])
    assert len(splits.validation) == 40
    assert np.bincount(splits.validation.labels).tolist() == [20, 20]
    assert any("by film" in note for note in splits.notes)


def test_absent_group_column_is_noted(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(100))
    notes = load_splits(settings(tmp_path, group_column="film")).notes
    assert any("stratified" in note and "'film'" in note for note in notes)


def test_max_train_rows_leaves_validation_alone(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(100))
    whole = load_splits(settings(tmp_path))
    small = load_splits(settings(tmp_path, max_train_rows=20))
    assert small.validation.texts == whole.validation.texts
    assert len(small.train) == 20
    assert set(small.train.texts) < set(whole.train.texts)
    assert np.bincount(small.train.labels).tolist() == [10, 10]
    assert any("20 of 90" in note for note in small.notes)


def test_other_columns_stay_beside_their_rows(tmp_path: Path) -> None:
    rows = [{**row, "id": i} for i, row in enumerate(rows_of(50))]
    save(tmp_path / "train.jsonl", rows)
    train = load_splits(settings(tmp_path)).train
    assert list(train.columns) == ["id"]
    assert [f"text {i} of the file" for i in train.columns["id"]] == train.texts
    assert (train.rows - 1).tolist() == train.columns["id"]
    assert train.origin.endswith("train.jsonl")


def test_saved_dataset_folder(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["neg", "pos"])}
    )
    rows = {"text": [f"text {i}" for i in range(20)], "label": [0, 1] * 10}
    part = datasets.Dataset.from_dict(rows, features=features)
    secret = datasets.Dataset.from_dict({**rows, "label": [-1] * 20}, features=features)
    saved = datasets.DatasetDict({"train": part, "validation": part, "test": secret})
    saved.save_to_disk(str(tmp_path / "saved"))

    splits = load_splits(settings(tmp_path / "saved"))
    assert splits.classes == ("neg", "pos")
    assert splits.train.labels.tolist() == [0, 1] * 10
    assert splits.test is None
    assert any("test" in note and "no labels" in note for note in splits.notes)
    renamed = load_splits(settings(tmp_path / "saved", classes=["negative", "positive"]))
    assert renamed.train.labels.tolist() == [0, 1] * 10
    swapped = load_splits(settings(tmp_path / "saved", classes=["pos", "neg"]))
    assert swapped.train.labels.tolist() == [1, 0] * 10


def test_a_nul_in_a_saved_dataset_is_refused_with_its_row(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"text": [f"text {i}" for i in range(20)], "label": [0, 1] * 10}
    rows["text"][7] = "a good\0film"
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "saved"))
    found = message(load_splits, settings(tmp_path / "saved"))
    assert "row 8: column 'text' holds a NUL character at position 6" in found


def test_saved_dataset_of_one_split_with_sentences(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = {"sentence": [f"text {i}" for i in range(40)], "label": [0, 1] * 20}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "saved"))
    splits = load_splits(settings(tmp_path / "saved"))
    assert splits.test is not None
    assert [len(splits.train), len(splits.validation), len(splits.test)] == [32, 4, 4]
    (tmp_path / "saved" / "state.json").write_text("{}")
    assert "cannot load the saved dataset" in message(load_splits, settings(tmp_path / "saved"))


def test_test_file_without_a_label_column_is_left_out(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(40))
    save(tmp_path / "test.csv", [{"text": "a secret"}])
    splits = load_splits(settings(tmp_path))
    assert splits.test is None
    assert any("test.csv has no labels" in note for note in splits.notes)


def test_unreachable_hub_names_the_local_way(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    # The network's edge, as a machine without one sees it.
    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    said = message(load_splits, settings("nobody/no-such-data"))
    assert "'nobody/no-such-data'" in said
    assert "no route to host" in said
    assert "--set data.source=FOLDER" in said


# --- labels


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (("positive", "neutral", "negative"), ("negative", "neutral", "positive")),
        (("pos", "neg"), ("neg", "pos")),
        (("Positive", "Negative"), ("Negative", "Positive")),
        (
            ("very positive", "neutral", "very negative", "positive", "negative"),
            ("very negative", "negative", "neutral", "positive", "very positive"),
        ),
        ((10, 9, 1), ("1", "9", "10")),
        ((1, -1), ("-1", "1")),
        (("2", "10"), ("2", "10")),
        ((True, False), ("false", "true")),
        (("sad", "glad", "positive"), ("glad", "positive", "sad")),
        ((1.0, 0.0), ("0", "1")),
        (("good", "ok", "bad"), ("bad", "ok", "good")),
    ],
)
def test_classes_are_ordered_by_what_they_mean(
    labels: tuple[object, ...], classes: tuple[str, ...], tmp_path: Path
) -> None:
    save(tmp_path / "train.jsonl", rows_of(30, labels=labels))
    splits = load_splits(settings(tmp_path))
    assert splits.classes == classes
    named = [classes[label] for label in splits.train.labels]
    for text, name in zip(splits.train.texts, named, strict=True):
        value = labels[int(text.split()[1]) % len(labels)]
        assert name == str(value).lower().removesuffix(".0") or name == value


def test_names_that_differ_in_case_are_one_class_called_as_most_rows_call_it(
    tmp_path: Path,
) -> None:
    labels = ("positive", "Negative", "positive", "negative", "POSITIVE ", "Negative")
    save(tmp_path / "train.csv", rows_of(60, labels=labels))
    splits = load_splits(settings(tmp_path))
    assert splits.classes == ("Negative", "positive")
    assert np.bincount(splits.train.labels).tolist() == [27, 27]
    [note] = [note for note in splits.notes if "spell" in note]
    assert note.startswith("20 rows spell their label otherwise than the rest")
    assert "'POSITIVE' for 'positive'" in note and "'negative' for 'Negative'" in note
    given = load_splits(settings(tmp_path, classes=["Positive", "NEGATIVE"]))
    assert np.bincount(given.train.labels).tolist() == [27, 27]
    assert any("spell" in note for note in given.notes)


def test_one_spelling_throughout_is_no_matter(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(60))
    notes = load_splits(settings(tmp_path, classes=["Negative", "Positive"])).notes
    assert not [note for note in notes if "spell their" in note]


@pytest.mark.parametrize("numbers", [(0, 1), (1, 2), (0, 2)])
def test_numbers_beside_names_are_not_guessed_at(numbers: tuple[int, ...], tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(30, labels=("negative", "neutral", "positive")))
    save(tmp_path / "test.csv", rows_of(10, labels=numbers))
    said = message(load_splits, settings(tmp_path))
    assert f"test.csv are the numbers {numbers[0]}, {numbers[1]}, and the classes are" in said
    assert "expected these names in every file, or every number from 0 to 2" in said
    save(tmp_path / "test.csv", rows_of(10, labels=(0, 1, 2)))
    assert len(load_splits(settings(tmp_path)).test or ()) == 10


def test_a_split_may_lack_a_number_that_another_one_has(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(30, labels=(0, 1, 2)))
    save(tmp_path / "test.csv", rows_of(10, labels=(0, 1)))
    splits = load_splits(settings(tmp_path, classes=["negative", "neutral", "positive"]))
    assert splits.test is not None
    assert np.bincount(splits.test.labels, minlength=3).tolist() == [5, 5, 0]


@pytest.mark.parametrize("value", [["positive"], {"is": "positive"}])
def test_a_list_or_an_object_is_no_label(value: object, tmp_path: Path) -> None:
    rows = rows_of(20)
    rows[4]["label"] = value
    save(tmp_path / "train.jsonl", rows)
    for more in ({}, {"classes": ["negative", "positive"]}):
        said = message(load_splits, settings(tmp_path, **more))
        assert f"train.jsonl row 5: column 'label' holds {type(value).__name__}" in said


def test_one_column_is_not_both_text_and_label(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20))
    said = message(load_splits, settings(tmp_path, text_column="label"))
    assert "column 'label' is named for both texts and labels" in said


def test_labels_that_are_no_class_are_proposed_as_classes(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20, labels=("neg", "pos")))
    said = message(load_splits, settings(tmp_path, classes=["negative", "positive"]))
    assert said.endswith("run: the command with --set 'data.classes=[neg, pos]'")


def test_minus_one_beside_other_numbers_is_a_class(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(21, labels=(-1, 0, 1)))
    said = message(load_splits, settings(tmp_path, classes=["negative", "neutral", "positive"]))
    assert "row 1 has the label -1 (7 of 21 rows), which alone means no label" in said
    assert said.endswith("run: the command with --set 'data.classes=[-1, 0, 1]'")


def test_an_order_by_alphabet_alone_is_said(tmp_path: Path) -> None:
    save(tmp_path / "train.jsonl", rows_of(30, labels=("sad", "happy")))
    first, *_ = load_splits(settings(tmp_path)).notes
    assert first == (
        "classes by alphabet: score runs from happy (-1) to sad (+1); for another order: "
        "--set 'data.classes=[sad, happy]', most negative first"
    )


@pytest.mark.parametrize(
    "labels", [("yes", "no"), ("True", "maybe"), ("it's, good", "a: b"), ("null", "x y")]
)
def test_the_order_that_is_proposed_can_be_pasted(labels: tuple[str, ...], tmp_path: Path) -> None:
    path = save(tmp_path / "train.csv", rows_of(30, labels=labels))
    first, *_ = load_splits(settings(tmp_path)).notes
    option, override = shlex.split(first[first.index("--set") : first.rindex(", most")])
    assert option == "--set"
    pasted = load_config(overrides=[override, f"data.source={path}"])
    assert load_splits(pasted.data).classes == tuple(reversed(sorted(labels)))


@pytest.mark.parametrize(
    ("labels", "more"),
    [
        (("pos", "neg"), {}),
        ((2, 1), {}),
        (("sad", "happy"), {"classes": ["happy", "sad"]}),
    ],
)
def test_an_order_that_means_something_is_not(
    labels: tuple[object, ...], more: dict[str, object], tmp_path: Path
) -> None:
    save(tmp_path / "train.jsonl", rows_of(30, labels=labels))
    assert not [
        note for note in load_splits(settings(tmp_path, **more)).notes if "alphabet" in note
    ]


@pytest.mark.parametrize(
    ("labels", "indices"),
    [
        ((0, 1), [0, 1]),
        (("0", "1"), [0, 1]),
        (("1.0", "0.0"), [1, 0]),
        ((True, False), [1, 0]),
        ((" negative ", "POSITIVE"), [0, 1]),
        (("positive", "negative"), [1, 0]),
    ],
)
def test_given_classes_take_names_numbers_and_booleans(
    labels: tuple[object, ...], indices: list[int], tmp_path: Path
) -> None:
    save(tmp_path / "train.jsonl", rows_of(20, labels=labels))
    save(tmp_path / "validation.jsonl", rows_of(4, labels=labels))
    splits = load_splits(settings(tmp_path, classes=["negative", "positive"]))
    assert splits.train.labels.tolist() == indices * 10


def test_numbers_that_are_class_names_are_no_indices(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20, labels=(1, 2)))
    save(tmp_path / "validation.csv", rows_of(4, labels=(1, 0)))
    said = message(load_splits, settings(tmp_path, classes=["1", "2", "3"]))
    assert "validation.csv row 2: unknown label '0'; expected one of 1, 2, 3" in said


def test_a_class_without_rows_is_noted(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(40))
    wanted = ["negative", "neutral", "positive"]
    notes = load_splits(settings(tmp_path, classes=wanted)).notes
    assert any("no row of class 'neutral'" in note for note in notes)


# --- what is wrong, and in which words


def test_unknown_label(tmp_path: Path) -> None:
    rows = rows_of(20)
    rows[16]["label"] = "mixed"
    path = save(tmp_path / "train.csv", rows)
    said = message(load_splits, settings(tmp_path, classes=["negative", "positive"]))
    assert f"{path} row 17: unknown label 'mixed'; expected one of negative, positive" in said
    assert message(
        load_splits,
        settings(save(tmp_path / "n.csv", rows_of(9, labels=(0, 1, 2))), classes=["a", "b"]),
    ).count("row 3: unknown label '2'")


@pytest.mark.parametrize("missing", [None, "", float("nan"), -1, "-1"])
def test_missing_label(missing: object, tmp_path: Path) -> None:
    rows = rows_of(20)
    rows[4]["label"] = missing
    save(tmp_path / "train.jsonl", rows)
    said = message(load_splits, settings(tmp_path, classes=["negative", "positive"]))
    assert "row 5 has no label" in said
    assert "unsupervised" in said


@pytest.mark.parametrize("value", ["same", None])
def test_one_class_only(value: str | None, tmp_path: Path) -> None:
    save(tmp_path / "train.jsonl", rows_of(20, labels=(value,)))
    said = message(load_splits, settings(tmp_path))
    assert "two classes or more" in said
    assert ("'same'" in said) == (value is not None)


def test_one_class_of_those_given(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20, labels=("negative",)))
    said = message(load_splits, settings(tmp_path, classes=["negative", "positive"]))
    assert "every training row is 'negative'" in said


def test_a_column_of_numbers_is_no_label(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": i} for i in range(100)]
    said = message(load_splits, settings(save(tmp_path / "all.csv", rows)))
    assert "100 different labels" in said
    assert "data.label_column" in said


@pytest.mark.parametrize("option", ["text_column", "label_column"])
def test_missing_column_names_those_there_are(option: str, tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20))
    said = message(load_splits, settings(tmp_path, **{option: "review"}))
    assert "no column 'review'; expected one of its columns: 'text', 'label'" in said
    assert f"--set data.{option}=NAME" in said


@pytest.mark.parametrize(
    ("value", "words"), [(7, "holds int 7"), (None, "holds nothing"), (["a"], "holds list")]
)
def test_cell_without_text(value: object, words: str, tmp_path: Path) -> None:
    rows = rows_of(20)
    rows[2]["text"] = value
    path = save(tmp_path / "train.jsonl", rows)
    said = message(load_splits, settings(tmp_path))
    assert f"{path} row 3: column 'text' {words}" in said


def test_empty_texts_are_allowed(tmp_path: Path) -> None:
    rows = rows_of(20)
    rows[2]["text"] = ""
    save(tmp_path / "train.csv", rows)
    splits = load_splits(settings(tmp_path))
    assert "" in splits.train.texts + splits.validation.texts


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_empty_split(name: str, tmp_path: Path) -> None:
    for each in ("train", "validation", "test"):
        save(tmp_path / f"{each}.csv", rows_of(10))
    path = save(tmp_path / f"{name}.csv", [])
    said = message(load_splits, settings(tmp_path, classes=["negative", "positive"]))
    assert f"{path} has no rows" in said


def test_faulty_row_is_named(tmp_path: Path) -> None:
    path = save(tmp_path / "train.csv", rows_of(3))
    path.write_bytes(path.read_bytes() + b"caf\xe9,positive\n")
    assert f"{path} row 4: " in message(load_splits, settings(tmp_path))


def test_too_few_rows_to_split(tmp_path: Path) -> None:
    path = save(tmp_path / "all.csv", [{"text": "a", "label": i} for i in range(2)])
    said = message(load_splits, settings(path))
    assert "cannot be split" in said
    assert "its 2 rows" in said and "train, validation and test" in said
    assert "a folder that holds train and validation files" in said
    folder = save(tmp_path / "set" / "train.csv", [{"text": "a", "label": i} for i in range(2)])
    assert "into train and validation (" in message(load_splits, settings(folder.parent))


def test_a_row_of_each_class_is_too_few(tmp_path: Path) -> None:
    path = save(tmp_path / "all.csv", rows_of(3, labels=("neg", "neu", "pos")))
    said = message(load_splits, settings(path))
    assert "all.csv has 3 rows, and the 1 left to train on is all '" in said
    assert "expected more rows of each of neg, neu, pos" in said


def test_sources_that_are_none(tmp_path: Path) -> None:
    assert "no data at" in message(load_splits, settings(tmp_path / "absent"))
    assert "no data at 'reviews.csv'" in message(load_splits, settings("reviews.csv"))
    assert "holds no split (it holds nothing)" in message(load_splits, settings(tmp_path))
    save(tmp_path / "reviews.csv", rows_of(3))
    said = message(load_splits, settings(tmp_path))
    assert "holds no split (it holds reviews.csv)" in said
    assert "train.csv" in said
    save(tmp_path / "test.csv", rows_of(3))
    assert "nothing to train on (it has test)" in message(load_splits, settings(tmp_path))
    save(tmp_path / "train.csv", rows_of(3))
    save(tmp_path / "train.jsonl", rows_of(3))
    said = message(load_splits, settings(tmp_path))
    assert "both train.csv and train.jsonl" in said


# --- one split, evaluation data, unlabelled texts


def test_load_split_is_what_load_splits_makes(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(100))
    wanted = settings(tmp_path)
    assert load_split(wanted, "validation").texts == load_splits(wanted).validation.texts
    assert load_split(wanted, "train").texts == load_splits(wanted).train.texts
    said = message(load_split, wanted, "test")
    assert re.search("no split 'test'; expected one of train, validation$", said)


def test_evaluation_data_is_labelled_with_the_models_classes(tmp_path: Path) -> None:
    classes = ("negative", "neutral", "positive")
    rows = [{"review": "good", "stars": "positive"}, {"review": "bad", "stars": "negative"}]
    path = save(tmp_path / "any name.csv", rows)
    data = load_labelled(str(path), classes=classes, text_column="review", label_column="stars")
    assert data.labels.tolist() == [2, 0]
    assert data.classes == classes
    with pytest.raises(DataError, match="unknown label 'negative'"):
        load_labelled(
            str(path), classes=("bad", "positive"), text_column="review", label_column="stars"
        )


def test_evaluation_split_of_a_folder(tmp_path: Path) -> None:
    save(tmp_path / "test.csv", rows_of(4))
    classes = ("negative", "positive")
    assert len(load_labelled(str(tmp_path), classes=classes)) == 4
    said = message(load_labelled, str(tmp_path), classes=classes, split="validation")
    assert said.endswith("no split 'validation'; expected --split test")


def test_unlabelled_texts(tmp_path: Path) -> None:
    save(tmp_path / "train.csv", rows_of(20))
    assert load_unlabelled(settings(tmp_path)).texts == []
    save(tmp_path / "unsupervised.jsonl", [{"text": "a", "from": 1}, {"text": "", "from": 2}])
    assert load_unlabelled(settings(tmp_path)).texts == ["a", ""]
    rest = load_unlabelled(settings(tmp_path), ("no", "yes"), without=["a"])
    assert (rest.texts, rest.labels.tolist(), rest.classes) == ([""], [-1], ("no", "yes"))
    assert (rest.columns, rest.rows.tolist()) == ({"from": [2]}, [2])
    assert rest.origin.endswith("unsupervised.jsonl")
    assert len(load_splits(settings(tmp_path)).train) == 18


def test_take_keeps_rows_together() -> None:
    data = LabelledTexts(
        ["a", "b", "c"], np.array([0, 1, 0], np.int32), ("x", "y"), {"id": [1, 2, 3]}
    )
    part = data.take([2, 0])
    assert (part.texts, part.labels.tolist(), part.columns) == (["c", "a"], [0, 0], {"id": [3, 1]})
    assert part.rows.tolist() == [3, 1]
    assert len(data.take(np.array([], np.int64))) == 0
