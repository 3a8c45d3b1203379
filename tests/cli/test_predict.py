"""`sentiment predict` as a user runs it: answers, files of every kind, and what goes wrong."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import pytest

import sentiment
from sentiment.files import read_columns, read_rows, write_rows

FIELDS = [
    "text",
    "label",
    "score",
    "probabilities",
    "tokens",
    "truncated_tokens",
    "unknown_fraction",
    "warning",
]
TABLES = ["csv", "tsv", "jsonl", "parquet"]
# What a serving image does without (DESIGN.md).
HEAVY = [
    "datasets",
    "jinja2",
    "keras",
    "matplotlib",
    "onnx",
    "pandas",
    "pyarrow",
    "safetensors",
    "scipy",
    "sklearn",
    "tensorflow",
    "torch",
]
RESULT = """
import json, sys
from sentiment.cli.main import run
code = 0
try:
    run()
except SystemExit as stopped:
    code = stopped.code
print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)
"""


@pytest.fixture
def predict(cli, tiny_model):
    """Run `sentiment predict --model <the small model> …`."""
    return lambda *arguments, **streams: cli(
        "predict", "--model", tiny_model, *arguments, **streams
    )


def file(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def values(path: Path) -> list[dict[str, object]]:
    return [row.values for row in read_rows(path)]


def records(answer) -> list[dict[str, object]]:
    return [json.loads(line) for line in answer.done().lines]


def with_files(model: Path, copy: Path, **changes: bytes | None) -> Path:
    """Copy a model with files changed or left out, and a manifest that vouches for the result."""
    shutil.copytree(model, copy)
    listing = json.loads((copy / "manifest.json").read_text())
    for stem, content in changes.items():
        name = stem.replace("__", ".")
        if content is None:
            (copy / name).unlink()
            del listing["files"][name]
        else:
            (copy / name).write_bytes(content)
            digest = sha256(content).hexdigest()
            listing["files"][name] = {"size": len(content), "sha256": digest}
    (copy / "manifest.json").write_text(json.dumps(listing))
    return copy


# Answers


def test_a_text_is_answered_in_one_line_with_the_layers_beside_it(
    predict, tiny_model: Path
) -> None:
    answer = predict("it was superb and charming").done()
    [line] = answer.lines
    label, score, confidence, text = line.split("  ")
    assert (label, text) == ("positive", "it was superb and charming")
    assert 0 < float(score) <= 1
    assert confidence.endswith("%")
    info = json.loads((tiny_model / "model.json").read_text())
    size, units = info["encoder"]["embedding_units"], info["encoder"]["units"]
    *table, probe = answer.err.splitlines()
    assert table == [
        "layer          output shape    holds",
        "token_ids      (1, 5)          right-padded token ids",
        f"embedding      {f'(1, 5, {size})':<16}one vector per token",
        f"lstm_1         {f'(1, 5, {units[0]})':<16}every hidden state h_1 … h_T",
        f"lstm_2         {f'(1, {units[1]})':<16}the final hidden state h_T",
        f"dense          (1, {info['classifier']['units']})",
        "probabilities  (1, 3)",
    ]
    assert probe.startswith("final hidden state h_T: norm ")
    assert f" · dead 0/{units[1]} · strongest units " in probe


def test_several_texts_keep_their_order(predict) -> None:
    answer = predict("awful and boring", "superb", "a brilliant delight", "it broke").done()
    assert [line.split()[0] for line in answer.lines] == [
        "negative",
        "positive",
        "positive",
        "negative",
    ]


def test_json_has_the_fields_of_a_prediction_in_their_order(predict) -> None:
    [record] = records(predict("the film was superb zorp", "--json"))
    assert list(record) == FIELDS
    assert record["text"] == "the film was superb zorp"
    assert record["label"] == "positive"
    shares = record["probabilities"]
    assert list(shares) == ["negative", "neutral", "positive"]
    assert sum(shares.values()) == pytest.approx(1, abs=2e-4)
    assert record["score"] == pytest.approx(shares["positive"] - shares["negative"], abs=2e-4)
    assert (record["tokens"], record["truncated_tokens"]) == (5, 0)
    assert record["unknown_fraction"] == 0.2
    assert record["warning"] is None


def test_quiet_says_nothing_but_the_answer(predict) -> None:
    assert predict("superb", "--quiet").done().err == ""


def test_lines_of_standard_input(predict) -> None:
    answer = predict("--input", "-", "--json", stdin="superb\r\n\nşahane ☕\n".encode())
    found = records(answer)
    assert [record["text"] for record in found] == ["superb", "", "şahane ☕"]
    assert [record["warning"] for record in found] == [None, "empty text", "no known word"]


def test_nothing_on_standard_input_is_no_answer(predict) -> None:
    assert predict("--input", "-").done().out == ""


def test_a_file_and_its_texts_alone_get_the_same_answers(
    predict, tiny_model: Path, tiny_corpus: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    answer = predict("--input", tiny_corpus, "--output", output).done()
    assert answer.out == f"{output}: 180 rows\n"
    model = sentiment.load(tiny_model)
    for number, (record, row) in enumerate(
        zip(values(output), values(tiny_corpus), strict=True), start=1
    ):
        assert (record["text"], record["input_label"]) == (row["text"], row["label"])
        if number % 20 == 0:
            [alone] = model.predict(str(row["text"]))
            assert record["label"] == alone.label
            assert record["probabilities"] == pytest.approx(alone.probabilities, abs=1e-4)


def test_nothing_that_json_does_not_know_is_printed_or_written(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.jsonl", '{"text": "superb", "stars": NaN, "x": {"y": Infinity}}\n')
    output = tmp_path / "out.jsonl"
    predict("--input", source, "--output", output).done()
    for line in (predict("--input", source, "--json").done().out, output.read_text()):
        assert '"stars": null, "x": {"y": null}' in line
        assert json.loads(line, parse_constant=pytest.fail)["label"] == "positive"


def test_json_is_json_where_the_terminal_knows_few_characters(tiny_model: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sentiment", "predict", "café 😀", "--json", "-m", str(tiny_model)],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        timeout=60,
    )
    assert json.loads(done.stdout)["text"] == "café 😀"


def test_what_was_written_is_said_in_json_too(predict, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    answer = predict("superb", "--json", "--output", output).done()
    assert json.loads(answer.out) == {"output": str(output), "rows": 1}
    assert output.read_text().startswith("text,label,score")


# Files of every kind


@pytest.mark.parametrize("kind", TABLES)
def test_input_columns_and_row_order_are_kept(kind: str, predict, tmp_path: Path) -> None:
    source, output = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    texts = ["superb", "it was awful, really\n", '"seven" blue story was', "", "loved it " * 9]
    rows = [{"id": f"{n}", "text": text, "note": "x"} for n, text in enumerate(texts)]
    write_rows(source, rows, columns=["id", "text", "note"])
    predict("--input", source, "--output", output).done()
    assert read_columns(output) == ["id", "text", "note", *FIELDS[1:]]
    found = values(output)
    assert [{key: row[key] for key in ("id", "text", "note")} for row in found] == rows
    assert [row["label"] for row in found[:2]] == ["positive", "negative"]
    plain = kind in ("csv", "tsv")
    shares = json.loads(found[0]["probabilities"]) if plain else found[0]["probabilities"]
    assert list(shares) == ["negative", "neutral", "positive"]
    assert found[0]["tokens"] == ("1" if plain else 1)
    assert [row["warning"] or None for row in found] == [
        None,
        None,
        None,
        "empty text",
        "6 tokens in the middle were not read",
    ]


def test_rows_of_a_file_on_standard_output_keep_their_columns(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.jsonl", '{"id": 7, "text": "awful"}\n\n{"text": "superb"}\n')
    found = records(predict("--input", source, "--json"))
    assert list(found[0]) == ["id", *FIELDS]
    assert [(row.get("id"), row["label"]) for row in found] == [(7, "negative"), (None, "positive")]


def test_a_late_key_is_never_written_over_on_standard_output(predict, tmp_path: Path) -> None:
    rows = '{"review": "superb", "label": "good"}\n' * 1_200
    rows += '{"review": "superb", "label": "good", "input_label": "older", "text": "mine"}\n'
    source = file(tmp_path / "in.jsonl", rows)
    found = records(predict("--input", source, "--text-column", "review", "--json", "--quiet"))
    assert found[0]["input_input_label"] == "good"
    last = found[-1]
    assert (last["input_label"], last["input_input_label"], last["input_text"]) == (
        "older",
        "good",
        "mine",
    )
    late = file(tmp_path / "late.jsonl", '{"id": 1}\n' * 1_200 + '{"text": "superb"}\n')
    answer = predict("--input", late, "--on-error", "skip", "--quiet").done()
    assert answer.out.startswith("positive")


def test_a_column_that_a_prediction_has_too_is_renamed(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "label,score,text,input_label\ngood,5,superb,older\n")
    output = tmp_path / "out.jsonl"
    predict("--input", source, "--output", output).done()
    [row] = values(output)
    assert list(row) == ["input_input_label", "input_score", "text", "input_label", *FIELDS[1:]]
    assert (row["input_input_label"], row["input_score"], row["input_label"]) == (
        "good",
        "5",
        "older",
    )
    assert row["label"] == "positive"


def test_another_text_column_beside_one_called_text(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "text,review\nboring title,superb\n")
    output = tmp_path / "out.csv"
    predict("--input", source, "--text-column", "review", "--output", output).done()
    [row] = values(output)
    assert list(row) == ["input_text", "review", *FIELDS]
    assert (row["input_text"], row["review"], row["text"]) == ("boring title", "superb", "superb")
    assert row["label"] == "positive"


def test_a_key_that_shows_late_in_a_jsonl_is_kept(predict, tmp_path: Path) -> None:
    lines = [json.dumps({"text": "superb"})] * 1_200 + [json.dumps({"text": "a", "late": 1})]
    source, output = file(tmp_path / "in.jsonl", "\n".join(lines)), tmp_path / "out.csv"
    predict("--input", source, "--output", output, "--quiet").done()
    assert read_columns(output) == ["text", "late", *FIELDS[1:]]
    assert values(output)[-1]["late"] == "1"


def test_a_file_may_be_replaced_by_its_own_predictions(predict, tmp_path: Path) -> None:
    path = file(tmp_path / "texts.csv", "text\nsuperb\nawful\n")
    predict("--input", path, "--output", path).done()
    assert [row["label"] for row in values(path)] == ["positive", "negative"]
    assert os.listdir(tmp_path) == ["texts.csv"]


def test_parquet_to_parquet_keeps_types_and_agrees_with_every_other_format(
    predict, tmp_path: Path
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    words = ["superb", "it was awful", "", "seven blue", "loved it " * 9, "zorp quux"]
    source = tmp_path / "in.parquet"
    count = 9_001  # more than two parts
    table = pa.table(
        {
            "score": pa.array(range(count), pa.int16()),
            "text": [f"{words[row % 6]} {'film ' * (row % 4)}".strip() for row in range(count)],
            "kind": pa.array(["x", "y", None] * 3_001)[:count].dictionary_encode(),
        }
    )
    pq.write_table(table, source, row_group_size=2_500)
    for kind in TABLES:
        predict("--input", source, "--output", tmp_path / f"out.{kind}").done()
    answers = pq.read_table(tmp_path / "out.parquet")
    assert answers.column_names == [
        "input_score",
        "text",
        "kind",
        "label",
        "score",
        "probabilities",
        "tokens",
        "truncated_tokens",
        "unknown_fraction",
        "warning",
    ]
    assert answers.schema.field("input_score").type == pa.int16()
    assert answers.column("kind").to_pylist() == table.column("kind").to_pylist()
    assert answers.column("text").equals(table.column("text"))
    rows = values(tmp_path / "out.jsonl")
    assert answers.to_pylist() == rows
    plain = values(tmp_path / "out.csv")
    assert plain == values(tmp_path / "out.tsv")
    for row, cells in list(zip(rows, plain, strict=True))[::500]:
        assert json.loads(cells["probabilities"]) == row["probabilities"]
        assert float(cells["score"]) == row["score"]
        assert (cells["warning"] or None) == row["warning"]


def test_long_and_short_texts_of_a_parquet_keep_their_rows(predict, tmp_path: Path) -> None:
    """Of texts of a million characters in all, or one larger than a whole part, none gets lost."""
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    texts = [("superb " if row % 3 else "awful ") * (row % 40 * 300) for row in range(400)]
    texts[7] = "loved " * 2_000_000
    rows = [{"text": text, "number": row} for row, text in enumerate(texts)]
    write_rows(source, rows, columns=["text", "number"])
    predict("--input", source, "--output", output, "--quiet").done()
    answers = values(output)
    assert [row["number"] for row in answers] == list(range(400))
    assert all(row["text"] == text for row, text in zip(answers, texts, strict=True))
    found = [row["label"] for row in answers if row["text"]]
    expected = ["positive" if "superb" in t or "loved" in t else "negative" for t in texts if t]
    assert found == expected


def test_rows_of_a_parquet_without_a_text(predict, tmp_path: Path) -> None:
    source, output = tmp_path / "in.parquet", tmp_path / "out.parquet"
    texts = ["superb"] * 5_000 + [None, "awful", "superb"]
    notes = ["x"] * 5_002 + ["a\0b"]
    rows = [{"text": text, "note": note} for text, note in zip(texts, notes, strict=True)]
    write_rows(source, rows, columns=["text", "note"])
    line = predict("--input", source, "--output", output).refused()
    assert f"{source} row 5001: column 'text' holds nothing" in line
    assert not output.exists()
    skipping = ("--input", source, "--output", output, "--on-error", "skip", "--quiet")
    answer = predict(*skipping).done()
    assert answer.out == f"{output}: 5,001 rows\n"
    assert answer.err.splitlines() == [
        "skipped 2 rows that could not be read:",
        f"  {source} row 5001: column 'text' holds nothing",
        f"  {source} row 5003: a NUL character",
    ]
    assert values(output)[-1]["label"] == "negative"
    numbers = tmp_path / "numbers.parquet"
    write_rows(numbers, [{"text": 7}], columns=["text"])
    line = predict("--input", numbers, "--output", output).refused()
    assert "row 1: column 'text' holds int instead of text" in line


# Strange texts simply work


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "empty text"),
        (" \t ", "empty text"),
        ("🎉🎉🚀", "no known word"),
        ("هذا الفيلم رائع جدا", "no known word"),
        ("\x01\x07\x1b[31m\x7f", "no known word"),
        ("zorp quux", "no known word"),
        ("zorp quux it", "67% of the tokens are unknown"),
        ("[PAD] [UNK]", "no known word"),
        ("the superb film", None),
    ],
)
def test_strange_texts_are_answered_with_a_warning(predict, text: str, warning: str | None) -> None:
    [record] = records(predict("--json", "--", text))
    assert record["text"] == text
    assert record["warning"] == warning
    assert record["tokens"] >= 1
    assert sum(record["probabilities"].values()) == pytest.approx(1, abs=2e-4)
    shown = predict("--", text).done().out
    assert shown.count("\n") == 1
    assert "\x1b" not in shown
    assert (f"({warning})" in shown) == (warning is not None)


def test_a_byte_order_mark_and_windows_line_ends(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", b"\xef\xbb\xbftext,id\r\nsuperb,1\r\n\r\nawful,2\r\n")
    found = records(predict("--input", source, "--json"))
    assert [(row["text"], row["id"], row["label"]) for row in found] == [
        ("superb", "1", "positive"),
        ("awful", "2", "negative"),
    ]


def test_a_text_of_a_megabyte_says_how_much_was_not_read(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "text\n" + "film " * 200_000 + "\nsuperb\n")
    long, short = records(predict("--input", source, "--json"))
    assert (long["tokens"], long["truncated_tokens"]) == (12, 199_988)
    assert long["warning"] == "199988 tokens in the middle were not read"
    assert (short["label"], short["warning"]) == ("positive", None)
    assert len(predict("--input", source).done().lines[0]) < 250


# Rows that cannot be read

MIXED_CSV = (
    b"id,text\n1,superb\n2,caf\xe9\n3,one,too many\n4,awful\n5,a\0b\n6,it was \xf0\x9f\x8e\x89\n"
)
MIXED_JSONL = b"""{"id": 1, "text": "superb"}
{"id": 2, "text":
["no", "object"]
{"id": 4, "text": "a lone \\ud800 surrogate"}
{"id": 5, "text": 7}
{"id": 6, "text": null}
{"id": 7}
{"id": 8, "text": "a \\u0000 b"}

{"id": 9, "text": "awful"}
"""


def test_skipped_rows_are_counted_and_listed(predict, tmp_path: Path) -> None:
    source, output = file(tmp_path / "in.csv", MIXED_CSV), tmp_path / "out.csv"
    answer = predict("--input", source, "--on-error", "skip", "--output", output, "--quiet").done()
    assert answer.out == f"{output}: 3 rows\n"
    assert answer.err.splitlines() == [
        "skipped 3 rows that could not be read:",
        f"  {source} row 2: line 3: byte 22 (0xe9) is not UTF-8",
        f"  {source} row 3: line 4: 3 fields where the header has 2",
        f"  {source} row 5: line 6: a NUL character at byte 50",
    ]
    found = values(output)
    assert [(row["id"], row["label"]) for row in found[:2]] == [
        ("1", "positive"),
        ("4", "negative"),
    ]
    assert [row["id"] for row in found] == ["1", "4", "6"]


@pytest.mark.parametrize("how", ["itself", "link"])
def test_skipped_rows_are_not_deleted_from_the_only_copy(predict, tmp_path: Path, how: str) -> None:
    source = output = file(tmp_path / "in.csv", MIXED_CSV)
    if how == "link":
        output = tmp_path / "other.csv"
        output.symlink_to(source)
    line = predict("--input", source, "--on-error", "skip", "--output", output).refused()
    assert f"{output} is also the --input" in line
    assert line.endswith(f"--output {tmp_path / output.stem}-predicted.csv")
    assert source.read_bytes() == MIXED_CSV


def test_a_file_without_faults_may_take_its_own_answers(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "text\nsuperb\n")
    predict("--input", source, "--output", source).done()
    assert values(source)[0]["label"] == "positive"


@pytest.mark.parametrize("option", ["--input", "--output"])
def test_an_option_that_a_shell_left_empty(predict, option: str) -> None:
    texts = ["superb"] if option == "--output" else []
    assert f"{option} is empty, as of a shell variable" in predict(*texts, option, "").refused()


def test_skipped_rows_of_a_jsonl_are_named_each(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.jsonl", MIXED_JSONL)
    answer = predict("--input", source, "--on-error", "skip", "--json", "--quiet")
    assert [(row["id"], row["label"]) for row in records(answer)] == [
        (1, "positive"),
        (9, "negative"),
    ]
    heading, *faults = answer.err.splitlines()
    assert heading == "skipped 7 rows that could not be read:"
    for number, (line, words) in enumerate(
        zip(
            faults,
            [
                "not JSON",
                "a JSON array, not an object",
                "a lone surrogate U+D800",
                "column 'text' holds int instead of text",
                "column 'text' holds nothing",
                "column 'text' holds nothing",
                "a NUL character",
            ],
            strict=True,
        ),
        start=2,
    ):
        assert f"{source} row {number}: " in line
        assert words in line


def test_many_skipped_rows_are_cut_short(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.jsonl", "{\n" * 2_000 + '{"text": "superb"}\n')
    answer = predict("--input", source, "--on-error", "skip", "--quiet").done()
    assert answer.out.startswith("positive")
    assert answer.err.splitlines()[-1] == "  and 1,990 more"


def test_a_file_without_any_good_row_can_be_skipped_whole(predict, tmp_path: Path) -> None:
    source = file(tmp_path / "in.jsonl", "{\n[\n")
    answer = predict("--input", source, "--on-error", "skip").done()
    assert answer.out == ""
    assert "skipped 2 rows" in answer.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("in.csv", MIXED_CSV, ["in.csv row 2: line 3: byte 22 (0xe9) is not UTF-8"]),
        ("in.csv", b"text\na\nb\0\n", ["in.csv row 2", "a NUL character at byte 8"]),
        ("in.csv", b"text,n\na\n", ["in.csv row 1", "1 fields where the header has 2"]),
        ("in.csv", b'text\n"open\nand on\n', ["in.csv row 1", "never closed"]),
        ("in.csv", b"text,text\na,b\n", ["names 'text' more than once"]),
        ("in.csv", b"", ["in.csv is empty", "at least one row"]),
        ("in.csv", "text\nx\n".encode("utf-16"), ["UTF-16", "UTF-8"]),
        ("in.jsonl", MIXED_JSONL, ["in.jsonl row 2: line 2: not JSON"]),
        ("in.jsonl", b"broken\n", ["in.jsonl row 1: line 1: not JSON"]),
        ("in.jsonl", b'{"text": "\\udfff"}', ["in.jsonl row 1", "a lone surrogate U+DFFF"]),
        ("in.jsonl", b'{"text": ["a"]}', ["row 1: column 'text' holds list instead of text"]),
        ("in.jsonl", b"{}\n", ["row 1: column 'text' holds nothing", "--on-error skip"]),
        ("in.jsonl", b"\n\n", ["in.jsonl is empty"]),
        ("in.txt", b"fine\n\xff\n", ["in.txt row 2: byte 5 (0xff) is not UTF-8"]),
        (
            "in.tsv",
            b"id\treview\n1\ta\n",
            ["no column 'text'", "one of id, review", "--text-column"],
        ),
        ("in.jsonl", b'{"review": "a"}', ["no column 'text'", "one of review", "--text-column"]),
        ("in.parquet", b"PAR1 and no more", ["in.parquet is no readable parquet file"]),
        ("in.xlsx", b"text", ["the extension '.xlsx'", ".csv .tsv .jsonl .ndjson .parquet"]),
        ("in", b"text", ["the extension ''", ".csv"]),
    ],
)
def test_a_bad_input_is_one_line_and_no_output(
    predict, tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    source = file(tmp_path / name, content)
    output = file(tmp_path / "out.csv", "what was there before")
    answer = predict("--input", source, "--output", output)
    line = answer.refused()
    for word in [str(source), *words]:
        assert word in line
    assert answer.out == ""
    assert output.read_text() == "what was there before"
    assert sorted(os.listdir(tmp_path)) == sorted([name, "out.csv"])


def test_a_parquet_cut_short_is_refused(predict, tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    write_rows(source, [{"text": "superb"}] * 50, columns=["text"])
    file(source, source.read_bytes()[:-40])
    assert "in.parquet is no readable parquet file" in predict("--input", source).refused()


def test_files_that_cannot_be_opened(predict, tmp_path: Path) -> None:
    assert "no file" in predict("--input", tmp_path / "none.csv").refused()
    assert "is a folder" in predict("--input", tmp_path).refused()
    assert "cannot read" in predict("--input", tmp_path / ("x" * 300 + ".csv")).refused()
    beyond = file(tmp_path / "a.csv", "text\nx\n") / "b.csv"
    assert str(beyond) in predict("--input", beyond).refused()
    if os.geteuid():
        (tmp_path / "a.csv").chmod(0)
        assert "Permission denied" in predict("--input", tmp_path / "a.csv").refused()


def test_a_text_that_is_no_unicode_text(predict) -> None:
    # What the shell hands over when an argument holds bytes that are no UTF-8.
    assert "a lone surrogate" in predict("caf\udce9").refused()


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("out.xlsx", ["out.xlsx", "'.xlsx'", "csv, jsonl, parquet, tsv"]),
        ("out", ["its extension is ''", "csv, jsonl, parquet, tsv"]),
        ("none/out.csv", ["none/out.csv", "No such file or directory"]),
        ("in.csv/out.csv", ["in.csv/out.csv", "Not a directory"]),
        ("folder.csv", ["folder.csv", "it is a folder"]),
        ("full.csv", ["full.csv", "no space left"]),
        ("full.parquet", ["full.parquet", "no space left"]),
    ],
)
def test_an_output_that_cannot_be_written(
    predict, tmp_path: Path, output: str, words: list[str]
) -> None:
    source = file(tmp_path / "in.csv", "text\n" + "superb\n" * 5_000)
    (tmp_path / "folder.csv").mkdir()
    for name in ("full.csv", "full.parquet"):
        (tmp_path / name).symlink_to("/dev/full")
    before = sorted(os.listdir(tmp_path))
    answer = predict("--input", source, "--output", tmp_path / output)
    line = answer.refused()
    assert all(word in line for word in words)
    assert answer.out == ""
    assert sorted(os.listdir(tmp_path)) == before


# Models


def damaged(model: Path, copy: Path, fault: str) -> Path:
    shutil.copytree(model, copy)
    weights = copy / "weights.safetensors"
    if fault == "no manifest":
        (copy / "manifest.json").unlink()
    elif fault == "missing file":
        (copy / "tokenizer.json").unlink()
    elif fault == "truncated file":
        (copy / "model.onnx").write_bytes((copy / "model.onnx").read_bytes()[:-1])
    elif fault == "changed byte":
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    elif fault == "broken manifest":
        (copy / "manifest.json").write_text('{"files": {')
    elif fault == "manifest of something else":
        listing = json.loads((copy / "manifest.json").read_text())
        listing["files"]["../../secret"] = listing["files"]["model.json"]
        (copy / "manifest.json").write_text(json.dumps(listing))
    elif fault == "unfinished":
        (copy / "manifest.json").unlink()
        (copy / "checkpoints").mkdir()
    return copy


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no manifest", ["is no model folder", "no manifest.json", "sentiment train"]),
        ("missing file", ["tokenizer.json: No such file", "train again"]),
        ("truncated file", ["model.onnx has ", "expected ", "bytes"]),
        ("changed byte", ["weights.safetensors was changed after training", "SHA-256"]),
        ("broken manifest", ["manifest.json is not JSON"]),
        ("manifest of something else", ["manifest.json is damaged", "'../../secret'"]),
        ("unfinished", ["holds an unfinished training", "sentiment train --resume --output"]),
    ],
)
def test_a_damaged_model_is_refused_by_the_name_of_the_file(
    cli, tiny_model: Path, tmp_path: Path, fault: str, words: list[str]
) -> None:
    model = damaged(tiny_model, tmp_path / "damaged", fault)
    line = cli("predict", "superb", "--model", model).refused()
    for word in [str(model), *words]:
        assert word in line


def test_a_model_whose_files_do_not_fit_each_other(cli, tiny_model: Path, tmp_path: Path) -> None:
    info = json.loads((tiny_model / "model.json").read_text())
    first, second = info["encoder"]["units"]
    wider = json.dumps({**info, "encoder": {**info["encoder"], "units": [first, 99]}}).encode()
    later = json.dumps({**info, "schema_version": 99}).encode()
    less = json.dumps({key: info[key] for key in info if key != "encoder"}).encode()
    cases = {
        f"lstm_2/kernel has shape ({first}, {4 * second}); expected ({first}, 396)": {
            "model__json": wider
        },
        "schema version 99; expected 1": {"model__json": later},
        "lacks or garbles the entry 'encoder'": {"model__json": less},
        "tokenizer.json cannot be read": {"tokenizer__json": b"{}"},
        "model.onnx cannot be loaded": {"model__onnx": b"no graph"},
    }
    for number, (words, changes) in enumerate(cases.items()):
        model = with_files(tiny_model, tmp_path / f"{number}", **changes)
        assert words in cli("predict", "superb", "--model", model).refused()


@pytest.mark.parametrize("name", ["nowhere", "no/where/at/all", "general"])
def test_no_such_model(cli, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    line = cli("predict", "superb", "--model", name).refused()
    assert f"'{name}'" in line
    assert "sentiment train" in line


def test_a_file_is_no_model(cli, tmp_path: Path) -> None:
    path = file(tmp_path / "model.keras", "x")
    assert str(path) in cli("predict", "superb", "--model", path).refused()


def test_no_model_at_all_names_the_command_that_makes_one(
    cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli("predict", "superb").refused().endswith("run: sentiment train")
    (tmp_path / "runs" / "half" / "checkpoints").mkdir(parents=True)
    assert "no model yet" in cli("predict", "superb").refused()


def test_the_newest_model_under_runs_is_used_and_named(
    cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, seconds in (("newer", 2_000), ("older", 1_000)):
        shutil.copytree(tiny_model, tmp_path / "runs" / name)
        os.utime(tmp_path / "runs" / name / "manifest.json", (seconds, seconds))
    answer = cli("predict", "superb").done()
    assert answer.err.splitlines()[0].startswith("model runs/newer (the newest under runs/")
    assert answer.out.startswith("positive")
    assert cli("predict", "superb", "--quiet").done().err == ""


def test_the_environment_names_a_model(
    cli, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTIMENT_MODEL", str(tiny_model))
    answer = cli("predict", "superb").done()
    assert answer.err.splitlines()[0] == f"model {tiny_model} (from $SENTIMENT_MODEL)"
    monkeypatch.setenv("SENTIMENT_MODEL", "elsewhere")
    assert "'elsewhere'" in cli("predict", "superb").refused()
    assert cli("predict", "superb", "--model", tiny_model).done().out.startswith("positive")


# Engines


def test_every_engine_gives_the_same_answer(predict, tiny_corpus: Path) -> None:
    found = {
        engine: records(predict("--input", tiny_corpus, "--json", "--engine", engine))
        for engine in ("onnx", "keras", "int8")
    }
    assert len(found["onnx"]) == 180
    for engine, tolerance in (("keras", 1e-4), ("int8", 0.1)):
        for one, other in zip(found["onnx"], found[engine], strict=True):
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=tolerance)
            assert {key: one[key] for key in ("text", "tokens", "warning")} == {
                key: other[key] for key in ("text", "tokens", "warning")
            }
    assert [row["label"] for row in found["onnx"]] == [row["label"] for row in found["keras"]]


def test_a_model_without_int8_says_why(cli, tiny_model: Path, tmp_path: Path) -> None:
    info = json.loads((tiny_model / "model.json").read_text())
    model = with_files(
        tiny_model,
        tmp_path / "model",
        model__int8__onnx=None,
        model__json=json.dumps({**info, "int8": "not written: it lost too much"}).encode(),
    )
    line = cli("predict", "superb", "--model", model, "--engine", "int8").refused()
    assert "has no int8 model: not written: it lost too much" in line
    assert "--engine onnx" in line


# In a process of its own


def test_predicting_imports_nothing_heavy(shell, tiny_model: Path) -> None:
    answer = shell("-c", RESULT, "predict", "superb", "--model", tiny_model).done()
    code, modules = json.loads(answer.err.splitlines()[-1])
    assert code == 0
    assert answer.out.startswith("positive")
    assert "onnxruntime" in modules
    # pydantic is not in the list: typer 0.29 brings it. Our own use of it is in sentiment.config.
    unwanted = [*HEAVY, "rich", "yaml", "sentiment.config", "sentiment.data", "sentiment.nn"]
    assert sorted(set(unwanted) & set(modules)) == []


SLIM = """
import json, sys
heavy = json.loads(sys.argv[1])
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in heavy:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
from sentiment.cli.main import run
for command in json.loads(sys.argv[2]):
    sys.argv = ["sentiment", *command]
    try:
        run()
    except SystemExit as stopped:
        print("exit", stopped.code, flush=True)
"""


def test_a_slim_serving_image_predicts(shell, tiny_model: Path, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "text,id\nawful,1\nsuperb,2\n")
    lines = file(tmp_path / "in.jsonl", '{"text": "superb"}\n')
    parquet = file(tmp_path / "in.parquet", "any")
    output = tmp_path / "out.jsonl"
    model = ["--model", str(tiny_model), "--quiet"]
    commands = [
        ["predict", "superb", *model],
        ["predict", "awful", *model, "--engine", "int8"],
        ["predict", "--input", str(source), "--output", str(output), *model],
        ["predict", "--input", str(lines), "--json", *model],
        ["predict", "--input", str(parquet), *model],
        ["predict", "superb", *model, "--engine", "keras"],
        ["train", "--output", str(tmp_path / "new")],
        ["--help"],
    ]
    answer = shell("-c", SLIM, json.dumps(HEAVY), json.dumps(commands)).done()
    codes = [line for line in answer.lines if line.startswith("exit ")]
    assert codes == [f"exit {code}" for code in (0, 0, 0, 0, 1, 1, 1, 0)]
    assert answer.out.startswith("positive")
    assert [row["label"] for row in values(output)] == ["negative", "positive"]
    no_parquet, no_keras, *_, no_training = answer.err.splitlines()
    assert "needs pyarrow; run: python -m pip install pyarrow" in no_parquet
    assert no_keras.startswith("error: the package keras is not installed")
    assert re.match(r"error: .* is not installed; run: ", no_training)


PEAK = """
import sys
from sentiment.cli.main import run
try:
    run()
except SystemExit as stopped:
    assert not stopped.code
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
def test_memory_does_not_grow_with_the_file(shell, tiny_model: Path, tmp_path: Path) -> None:
    peaks = []
    for rows in (3_000, 30_000):
        source, output = tmp_path / f"{rows}.csv", tmp_path / f"{rows}.jsonl"
        with source.open("w", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["text", "id"])
            writer.writerows(("it was a superb film " * 4, number) for number in range(rows))
        arguments = ["--input", source, "--output", output, "--model", tiny_model, "--quiet"]
        answer = shell("-c", PEAK, "predict", *arguments).done()
        assert answer.lines[0] == f"{output}: {rows:,} rows"
        peaks.append(int(answer.lines[-1]) / 1024)
    assert peaks[1] - peaks[0] < 60, f"peak memory in MiB: {peaks}"


def test_a_reader_that_stops_early_is_no_error(tiny_model: Path, tmp_path: Path) -> None:
    source = file(tmp_path / "in.csv", "text\n" + "it was superb\n" * 20_000)
    command = ["predict", "--input", str(source), "--model", str(tiny_model), "--quiet"]
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline().startswith(b"positive")
        process.stdout.close()
        assert process.stderr.read() == b""


def test_a_progress_bar_gives_the_cursor_back_after_an_error(
    tiny_model: Path, tmp_path: Path
) -> None:
    source = file(tmp_path / "in.csv", b"text\n" + b"superb\n" * 9_000 + b"\xff\n")
    command = ["predict", "--input", str(source), "--model", str(tiny_model)]
    terminal, inner = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", *command, "--output", str(tmp_path / "out.csv")],
        env={**os.environ, "TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=inner,
    ) as process:
        os.close(inner)
        content = b""
        # Linux answers with an error once nobody holds the other end.
        with suppress(OSError):
            while part := os.read(terminal, 4_096):
                content += part
    os.close(terminal)
    shown = content.decode()
    assert process.returncode == 1
    assert "predicting" in shown
    assert shown.rfind("\x1b[?25h") > shown.rfind("\x1b[?25l") > 0
    assert f"error: {source} row 9001: " in shown.splitlines()[-1]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_no_half_written_file(
    tiny_model: Path, tmp_path: Path, sent: signal.Signals, code: int
) -> None:
    output = file(tmp_path / "out.csv", "what was there before")
    command = ["predict", "--input", "-", "--model", str(tiny_model), "--output", str(output)]
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in the background has SIGINT ignored, and passes that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        process.stdin.write(b"superb\n" * 4_096)
        process.stdin.flush()
        process.stderr.readline()  # the first rows are done
        process.send_signal(sent)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert b"Traceback" not in errors
    assert output.read_text() == "what was there before"
    assert os.listdir(tmp_path) == ["out.csv"]


def test_explain_shows_the_score_after_every_token(predict):
    record = json.loads(predict("--explain", "--json", "awful but I LOVED it :)").done().out)
    assert [step["token"] for step in record["trace"]][-2:] == ["it", ":)"]
    assert record["trace"][-1]["end"] == len(record["text"])
    assert record["trace"][-1]["score"] == pytest.approx(record["score"], abs=2e-4)
    turning = record["turning_word"]
    assert turning["label"] == record["label"] == "positive"
    assert turning["word"] == record["text"][turning["start"] : turning["end"]]
    assert "every hidden state" in record["trace_shows"]
    answer = predict("--explain", "loved it").done()
    assert "A probe, not a prediction" in answer.out
    assert "\x1b" not in answer.out


@pytest.mark.parametrize("no_color", ["", "1"])
def test_explain_colours_words_on_a_terminal_alone(tiny_model: Path, no_color: str) -> None:
    terminal, inner = os.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "NO_COLOR": no_color}
    command = ["predict", "--explain", "superb", "--quiet", "--model", str(tiny_model)]
    subprocess.run(
        [sys.executable, "-m", "sentiment", *command], env=environment, stdout=inner, check=True
    )
    os.close(inner)
    shown = os.read(terminal, 65_536).decode()
    os.close(terminal)
    assert "superb" in shown
    assert ("\x1b[38;5;16;48;5;" in shown) == (no_color == "")


def test_explain_and_output_exclude_each_other(predict, tmp_path):
    answer = predict("--explain", "--input", "-", "--output", tmp_path / "y.csv")
    assert answer.code == 2
    assert "--explain" in answer.err


@pytest.mark.parametrize("method", ["occlusion", "decomposition", "gradients"])
def test_explain_by_says_what_each_word_puts_in(predict, method: str) -> None:
    [record] = records(
        predict("it was superb and awful", "--explain-by", method, "--phrase", "superb", "--json")
    )
    found = record["attribution"]
    assert found["method"] == method
    assert [each["word"] for each in found["words"]] == ["it", "was", "superb", "and", "awful"]
    by_word = {each["word"]: each["leaning"] for each in found["words"]}
    assert by_word["superb"] > 0 > by_word["awful"]
    assert found["phrases"][0]["leaning"] == pytest.approx(by_word["superb"], abs=1e-4)
    assert (found["gap"] is None) == (method == "occlusion")
    shown = predict("it was superb", "--explain-by", method, "--quiet").done().out
    assert shown.splitlines()[1] == "  it was superb"
    assert "log-odds of positive against negative" in shown


def test_a_phrase_need_not_be_in_each_of_many_texts(predict) -> None:
    method = ["--explain-by", "occlusion", "--phrase", "was superb", "--json"]
    first, second = records(predict("it was superb", "it was awful", *method))
    assert len(first["attribution"]["phrases"]) == 1
    assert second["attribution"]["phrases"] == []
    assert "no phrase 'was superb' in the text" in predict("it was awful", *method).refused()


@pytest.mark.parametrize(
    "options",
    [["--explain", "--explain-by", "occlusion"], ["--phrase", "superb"],
     ["--explain", "--phrase", "superb"], ["--explain-by", "magic"]],
)  # fmt: skip
def test_explanations_that_make_no_sense_are_a_usage_error(predict, options: list[str]) -> None:
    answer = predict("it was superb", *options)
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_explaining_imports_nothing_heavy_either(shell, tiny_model: Path) -> None:
    for method in ("trace", "occlusion", "decomposition"):
        options = ["superb", "--explain-by", method, "--model", tiny_model]
        answer = shell("-c", RESULT, "predict", *options).done()
        code, modules = json.loads(answer.err.splitlines()[-1])
        assert code == 0
        unwanted = {*HEAVY, "sentiment.nn", "sentiment.config"} - {"safetensors"}
        assert sorted(unwanted & set(modules)) == []


def test_stream_answers_after_each_line_as_to_the_text_so_far(predict) -> None:
    lines = ["it was awful", "", "but then superb", "and charming, a delight"]
    found = records(predict("--stream", "--json", stdin="\r\n".join(lines).encode()))
    assert [record["line"] for record in found] == [1, 2, 3, 4]
    assert list(found[0]) == ["line", *FIELDS]
    for count, record in enumerate(found, start=1):
        [so_far] = records(predict("\n".join(lines[:count]), "--json"))
        assert record["text"] == lines[count - 1]
        for name in ("label", "tokens", "truncated_tokens", "unknown_fraction", "warning"):
            assert record[name] == so_far[name]
        assert record["probabilities"] == pytest.approx(so_far["probabilities"], abs=1.1e-4)
    assert (found[0]["label"], found[-1]["label"]) == ("negative", "positive")
    shown = predict("--stream", stdin=b"it was awful\n\nsuperb").done()
    assert [line.split("  ")[-1] for line in shown.lines] == ["it was awful", "", "superb"]


def test_stream_does_not_wait_for_the_next_line(tiny_model: Path) -> None:
    command = ["predict", "--stream", "--quiet", "--model", str(tiny_model)]
    with subprocess.Popen(
        [sys.executable, "-m", "sentiment", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        for line, label in ((b"it was awful\n", b"negative"), (b"superb superb\n", b"")):
            process.stdin.write(line)
            process.stdin.flush()
            answer = process.stdout.readline()
            assert answer.startswith(label)
            assert answer.endswith(line)
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(60) == 0


def test_a_line_that_cannot_be_read_ends_a_stream_or_is_left_out(predict) -> None:
    content = b"superb\n\xff\nawful\n"
    answer = predict("--stream", stdin=content)
    assert "row 2: " in answer.refused()
    assert len(answer.lines) == 1
    answer = predict("--stream", "--on-error", "skip", stdin=content).done()
    assert len(answer.lines) == 2
    assert "skipped 1 rows" in answer.err


@pytest.mark.parametrize(
    "options",
    [["superb"], ["--input", "-"], ["--output", "x.csv"], ["--explain"], ["--engine", "int8"],
     ["--explain-by", "occlusion"]],
)  # fmt: skip
def test_stream_goes_alone(predict, options: list[str]) -> None:
    answer = predict("--stream", *options)
    assert answer.code == 2
    assert answer.err.startswith("error: --stream goes without ")
