"""The data check: every fault is found, counted and named by its row, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment.config import DataSettings
from sentiment.data.audit import Audit, audit_config, audit_paths
from sentiment.data.audit_text import audit_lines
from sentiment.data.findings import Finding
from sentiment.errors import DataError
from sentiment.files import write_rows

ADJECTIVES = ["slow", "warm", "dull", "loud", "kind", "rare", "thin", "odd", "vast", "calm"]


def text(number: int) -> str:
    """Texts with no two words in a row in common."""
    return " ".join(f"{ADJECTIVES[number % 10]}{number}x{i}" for i in range(6))


def rows_of(start: int, count: int, labels: tuple[object, ...] = ("negative", "positive")):
    return [
        {"text": text(i), "label": labels[i % len(labels)]} for i in range(start, start + count)
    ]


def save(path: Path, rows: list[dict[str, object]]) -> str:
    write_rows(path, rows, columns=list(rows[0]))
    return str(path)


def found(audit: Audit, kind: str) -> list[Finding]:
    return [finding for finding in audit.findings if finding.kind == kind]


def one(audit: Audit, kind: str) -> Finding:
    [finding] = found(audit, kind)
    return finding


def rows_named(finding: Finding) -> list[list[tuple[str, int]]]:
    return [[(place.split, place.row) for place in e.places] for e in finding.examples]


def report(audit: Audit, examples: int = 5) -> str:
    return "\n".join(audit_lines(audit, most_examples=examples))


@pytest.fixture
def clean(tmp_path: Path) -> dict[str, list[dict[str, object]]]:
    return {"train": rows_of(0, 40), "validation": rows_of(40, 10), "test": rows_of(50, 10)}


def check(tmp_path: Path, splits: dict[str, list[dict[str, object]]], kind: str = "jsonl") -> Audit:
    return audit_paths([save(tmp_path / f"{name}.{kind}", rows) for name, rows in splits.items()])


def test_clean_data_has_no_findings(clean: dict, tmp_path: Path) -> None:
    audit = check(tmp_path, clean)
    assert audit.findings == ()
    assert audit.complete and not audit.serious
    assert [(split.name, split.rows) for split in audit.splits] == [
        ("train", 40),
        ("validation", 10),
        ("test", 10),
    ]
    assert audit.splits[0].classes == {"negative": 20, "positive": 20}
    assert "not found: unreadable rows" in report(audit)


def test_the_bundled_corpus_has_no_leak_and_no_conflict() -> None:
    audit = audit_config(DataSettings())
    assert not audit.serious, report(audit)
    assert not found(audit, "training_stops")


def test_exact_duplicates(clean: dict, tmp_path: Path) -> None:
    clean["train"] += [clean["train"][4], clean["train"][4], clean["train"][7]]
    audit = check(tmp_path, clean)
    finding = one(audit, "duplicate")
    assert finding.counts == {"repeated_rows": 3, "texts": 2}
    assert rows_named(finding) == [
        [("train", 5), ("train", 41), ("train", 42)],
        [("train", 8), ("train", 43)],
    ]
    assert not audit.serious
    assert "train.jsonl rows 5, 41, 42" in report(audit)


def test_leaks_between_any_two_splits(clean: dict, tmp_path: Path) -> None:
    clean["validation"][2]["text"] = text(8)
    clean["validation"][2]["label"] = clean["train"][8]["label"]
    clean["test"][5]["text"] = text(43)
    clean["test"][5]["label"] = clean["validation"][3]["label"]
    audit = check(tmp_path, clean)
    assert audit.serious
    first, second = found(audit, "leak")
    assert first.counts == {"texts": 1, "rows_first": 1, "rows_second": 1}
    assert rows_named(first) == [[("train", 9), ("validation", 3)]]
    assert rows_named(second) == [[("validation", 4), ("test", 6)]]
    assert "! 1 text stands in both train and validation" in report(audit)
    assert "train.jsonl row 9 = validation.jsonl row 3" in report(audit)


def test_near_leaks_and_near_duplicates(clean: dict, tmp_path: Path) -> None:
    clean["train"][3]["text"] = "a b c d e f g h i j k l m n"
    clean["train"][5]["text"] = "A b c d e f g h i j k l m n!"
    clean["test"][0]["text"] = "a b c d e f g h i j k l m, and more"
    audit = check(tmp_path, clean)
    assert rows_named(one(audit, "near_duplicate")) == [[("train", 4), ("train", 6)]]
    leak = one(audit, "near_leak")
    assert leak.counts == {"pairs": 2, "rows_first": 2, "rows_second": 1}
    assert rows_named(leak) == [[("train", 4), ("test", 1)], [("train", 6), ("test", 1)]]
    # Shared: 12 word pairs of 13 + 14 - 12.
    assert leak.examples[0].detail == "80% alike"
    assert audit.serious


def test_a_near_copy_of_a_repeated_text_names_every_row(clean: dict, tmp_path: Path) -> None:
    for row in (1, 3, 5):
        clean["train"][row]["text"] = "one two three four five six seven"
    clean["test"][0]["text"] = "ONE two three four five six seven"
    leak = one(check(tmp_path, clean), "near_leak")
    assert leak.counts == {"pairs": 1, "rows_first": 3, "rows_second": 1}


def test_one_text_with_two_labels(clean: dict, tmp_path: Path) -> None:
    clean["train"][6] = {"text": text(9), "label": "negative"}
    audit = check(tmp_path, clean)
    finding = one(audit, "conflict")
    assert finding.counts == {"texts": 1, "rows": 2}
    assert rows_named(finding) == [[("train", 7), ("train", 10)]]
    assert finding.examples[0].detail == "labels negative and positive"
    assert audit.serious


def test_train_and_unsupervised_may_share_texts(clean: dict, tmp_path: Path) -> None:
    secret = [{"text": text(i), "label": -1} for i in (1, 2, 100)]
    audit = check(tmp_path, {"train": clean["train"], "unsupervised": secret})
    assert one(audit, "overlap").counts["texts"] == 2
    assert not found(audit, "leak") and not audit.serious
    assert audit.splits[1].labelled == 0
    assert "unsupervised" in report(audit) and "no labels" in report(audit)


def test_unsupervised_and_test_may_not(clean: dict, tmp_path: Path) -> None:
    audit = check(tmp_path, {"test": clean["test"], "unsupervised": [{"text": text(50)}]})
    assert one(audit, "leak").counts["texts"] == 1


DAMAGED = [
    ("", "empty", None),
    (" \n\t", "empty", None),
    ("word " * 5000, "huge", "25,000 characters"),
    ("lost \ufffd sign", "replacement_character", "at character 6"),
    ("cafÃ© noir", "mojibake", "at character 4"),
    ("donâ€™t", "mojibake", "at character 4"),
    ("ðŸ˜€ fun", "mojibake", "at character 1"),
    ("Â£5 well spent", "mojibake", "at character 1"),
    ("bell \x07 rings", "control_character", "U+0007 at character 6"),
    ("dash \x96 here", "control_character", "U+0096 at character 6"),
]


@pytest.mark.parametrize(("damaged", "kind", "detail"), DAMAGED)
def test_damaged_texts(
    damaged: str, kind: str, detail: str | None, clean: dict, tmp_path: Path
) -> None:
    clean["validation"][4]["text"] = damaged
    audit = check(tmp_path, clean)
    assert [finding.kind for finding in audit.findings] == [kind]
    finding = one(audit, kind)
    assert finding.counts == {"rows": 1}
    assert rows_named(finding) == [[("validation", 5)]]
    assert finding.examples[0].detail == detail
    assert finding.message.startswith("validation: 1 ")
    assert damaged.strip() == "" or report(audit).isprintable() or "\x07" not in report(audit)


WHOLE = [
    "Ein schöner Film, größer als gedacht – „toll“",
    "NÃO gostei… AMANHÃ vejo outro",
    "CAFÉ… “fine”—really",
    "tabs\tand\nlines\r\nare text",
    "😀👍🏽 很好 とても 좋다 отлично Ñandú",
    "the â in château and the Â in Âge",
]


@pytest.mark.parametrize("whole", WHOLE)
def test_whole_texts_are_left_alone(whole: str, clean: dict, tmp_path: Path) -> None:
    clean["validation"][4]["text"] = whole
    assert check(tmp_path, clean).findings == ()


def test_unreadable_rows_are_named_and_the_rest_is_checked(clean: dict, tmp_path: Path) -> None:
    train = Path(save(tmp_path / "train.csv", clean["train"]))
    train.write_bytes(train.read_bytes() + b"caf\xe9,negative\na\0b,negative\ntoo,many,cells\n")
    audit = audit_paths([str(train)])
    finding = one(audit, "unreadable_row")
    assert finding.counts == {"rows": 3}
    assert [example.places[0].row for example in finding.examples] == [41, 42, 43]
    assert "not UTF-8" in str(finding.examples[0].detail)
    assert "NUL" in str(finding.examples[1].detail)
    assert audit.splits[0].rows == 40
    assert "train.csv row 42 (line 43: a NUL character" in report(audit)


def test_cells_without_text_and_missing_labels(clean: dict, tmp_path: Path) -> None:
    clean["train"][2]["text"] = None
    clean["train"][3]["text"] = 7
    clean["train"][5]["label"] = None
    audit = check(tmp_path, clean)
    finding = one(audit, "no_text")
    assert rows_named(finding) == [[("train", 3)], [("train", 4)]]
    assert [example.detail for example in finding.examples] == ["holds nothing", "holds int 7"]
    assert rows_named(one(audit, "no_label")) == [[("train", 6)]]


def test_class_imbalance_absence_and_shift(tmp_path: Path) -> None:
    train = rows_of(0, 40, ("a", "a", "a", "a", "b"))
    train[0]["label"] = "c"
    test = rows_of(40, 10, ("a", "b"))
    audit = check(tmp_path, {"train": train, "test": test})
    assert "train has 31.0 times as many rows of class a (31) as of c (1)" in report(audit)
    assert one(audit, "imbalance").counts == {"a": 31, "b": 8, "c": 1}
    assert one(audit, "absent_class").message == "test has no row of class c"
    assert "class b is 50% against 20%" in one(audit, "label_shift").message


def test_labels_are_not_needed(tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_text(f"{text(1)}\n{text(2)}\n{text(1)}\n", encoding="utf-8")
    audit = audit_paths([str(path)])
    assert one(audit, "duplicate").counts["repeated_rows"] == 1
    assert not found(audit, "no_label")


def test_minus_one_is_a_class_beside_one(tmp_path: Path) -> None:
    audit = check(tmp_path, {"train": rows_of(0, 20, (-1, 1))})
    assert audit.splits[0].classes == {"-1": 10, "1": 10}


def test_a_class_spelled_in_two_ways_is_one_class_and_a_finding(
    clean: dict, tmp_path: Path
) -> None:
    clean["train"][2]["label"] = "NEGATIVE"
    clean["test"][1] = {"text": text(3), "label": "Positive "}
    audit = check(tmp_path, clean)
    finding = one(audit, "label_spelling")
    assert finding.message.startswith("2 rows spell their label otherwise than the rest")
    assert rows_named(finding) == [[("train", 3)], [("test", 2)]]
    assert [example.detail for example in finding.examples] == ["'NEGATIVE'", "'Positive'"]
    assert audit.splits[0].classes == {"negative": 20, "positive": 20}
    assert not found(audit, "conflict")
    as_trained = audit_config(DataSettings(source=str(tmp_path)))
    assert one(as_trained, "label_spelling").counts == {"rows": 2}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (rows_of(0, 30, ("good",)), "has only the label 'good'"),
        ([{"text": text(i), "label": i} for i in range(60)], "has 60 different labels"),
        (rows_of(0, 2), "2 rows cannot be split"),
        ([], "has no rows"),
        ([*rows_of(0, 30), {"text": text(40), "label": None}], "row 31 has no label"),
        (rows_of(0, 30, ("good", ["bad"])), "row 2: column 'label' holds list"),
    ],
)
def test_what_stops_training_on_a_file_is_found_without_a_config(
    rows: list[dict[str, object]], said: str, tmp_path: Path
) -> None:
    kind = "jsonl" if rows else "csv"
    path = save(tmp_path / f"mine.{kind}", rows) if rows else str(tmp_path / "mine.csv")
    if not rows:
        Path(path).write_text("text,label\n", encoding="utf-8")
    audit = audit_paths([path])
    assert said in one(audit, "training_stops").message
    assert audit.serious


def test_files_of_a_test_need_not_be_fit_for_training(clean: dict, tmp_path: Path) -> None:
    few = [row for row in clean["test"] if row["label"] == "positive"][:1]
    assert not check(tmp_path, {"test": few}).serious
    assert not check(tmp_path, {"train": clean["train"], "test": few}).serious
    both = {"one": rows_of(0, 9, ("good",)), "other": rows_of(20, 9, ("good",))}
    assert "only the label 'good'" in one(check(tmp_path, both), "training_stops").message


def test_names_beside_numbers_stop_training(clean: dict, tmp_path: Path) -> None:
    clean["train"][0]["label"] = "neutral"
    for row in clean["test"]:
        row["label"] = int(row["label"] == "positive")
    audit = check(tmp_path, clean)
    assert "are the numbers 0, 1, and the classes are" in one(audit, "training_stops").message


def test_rows_joined_by_a_stray_quote_are_found(clean: dict, tmp_path: Path) -> None:
    clean["train"][3]["text"] = "well, this\nis, positive\nand fine"
    path = Path(save(tmp_path / "train.csv", clean["train"]))
    assert not found(audit_paths([str(path)]), "joined_rows")
    with path.open("a", encoding="utf-8") as file:
        file.write('"hello there,positive\nsay bye",negative\n')
    finding = one(audit_paths([str(path)]), "joined_rows")
    assert rows_named(finding) == [[("train", 41)]]
    assert finding.examples[0].detail == "',positive'"


def test_a_folder_is_checked_split_by_split(clean: dict, tmp_path: Path) -> None:
    for name, rows in clean.items():
        save(tmp_path / f"{name}.csv", rows)
    audit = audit_paths([str(tmp_path)])
    assert [split.name for split in audit.splits] == ["train", "validation", "test"]


def test_files_of_one_name_are_told_apart(clean: dict, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    paths = [save(tmp_path / part / "reviews.csv", clean["train"]) for part in ("a", "b")]
    audit = audit_paths(paths)
    assert [split.name for split in audit.splits] == ["reviews", paths[1]]
    assert one(audit, "leak").counts["texts"] == 40


def test_what_cannot_be_checked_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "train.csv", [{"review": "a"}])
    with pytest.raises(DataError, match=r"one of its columns: 'review'.*--text-column NAME"):
        audit_paths([path])
    with pytest.raises(DataError, match="no data at"):
        audit_paths([str(tmp_path / "absent.csv")])
    with pytest.raises(DataError, match=r"data\.text_column=NAME"):
        audit_config(DataSettings(source=path))


# --- a config is checked as training would see it


def test_a_config_is_checked_in_the_splits_of_its_training(tmp_path: Path) -> None:
    rows = rows_of(0, 100)
    rows[17]["text"] = "bell \x07"
    path = save(tmp_path / "all.csv", rows)
    audit = audit_config(DataSettings(source=path, max_train_rows=10))
    assert [(s.name, s.rows) for s in audit.splits] == [
        ("train", 80),
        ("validation", 10),
        ("test", 10),
    ]
    [[(_, row)]] = rows_named(one(audit, "control_character"))
    assert row == 18
    assert "(all.csv) row 18 (U+0007 at character 6)" in report(audit)
    assert any("split off" in note for note in audit.notes)
    assert audit.notes[0] in report(audit)


def test_a_config_checks_its_unsupervised_split_too(clean: dict, tmp_path: Path) -> None:
    save(tmp_path / "train.csv", clean["train"])
    save(tmp_path / "unsupervised.csv", [{"text": text(i)} for i in (3, 500)])
    audit = audit_config(DataSettings(source=str(tmp_path)))
    assert [split.name for split in audit.splits] == ["train", "validation", "unsupervised"]
    shared = found(audit, "overlap") + found(audit, "leak")
    assert sum(finding.counts["texts"] for finding in shared) == 1


def test_what_stops_training_is_a_finding(clean: dict, tmp_path: Path) -> None:
    clean["train"][4]["label"] = "mixed"
    clean["train"][6]["text"] = text(8)
    for name, rows in clean.items():
        save(tmp_path / f"{name}.csv", rows)
    audit = audit_config(DataSettings(source=str(tmp_path), classes=("negative", "positive")))
    stops = one(audit, "training_stops")
    assert "train.csv row 5: unknown label 'mixed'" in stops.message
    assert one(audit, "duplicate").counts["repeated_rows"] == 1
    assert audit.splits[0].classes == {"negative": 19, "positive": 20, "mixed": 1}


def test_an_empty_split_is_a_finding(clean: dict, tmp_path: Path) -> None:
    save(tmp_path / "train.csv", clean["train"])
    (tmp_path / "test.csv").write_text("text,label\n", encoding="utf-8")
    audit = audit_config(DataSettings(source=str(tmp_path)))
    assert "test.csv has no rows" in one(audit, "training_stops").message


# --- in words


def test_long_lists_are_cut_and_say_so(clean: dict, tmp_path: Path) -> None:
    clean["train"] += clean["train"][:20]
    clean["train"] += [clean["train"][0]] * 9
    audit = check(tmp_path, clean)
    said = report(audit, examples=3)
    assert said.count("train.jsonl rows") == 3
    assert "… and 17 more (--examples N shows N, --json all)" in said
    assert "rows 1, 41, 61, 62, 63, 64 and 5 more" in said
    assert len(found(audit, "duplicate")[0].examples) == 20


def test_texts_are_shown_on_one_line(clean: dict, tmp_path: Path) -> None:
    clean["train"][0]["text"] = clean["train"][2]["text"] = (
        "line one\nline\ttwo \x1b[31m" + "x" * 99
    )
    said = report(check(tmp_path, clean))
    assert '"line one line two \\x1b[31mxxx' in said
    assert "\x1b" not in said
    assert "…" in said
