"""Reading and writing rows: what works, what is refused, and in which words."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.errors import DataError, MissingPackageError, OutputError
from sentiment.files import (
    Row,
    RowFault,
    read_batches,
    read_columns,
    read_rows,
    write_rows,
    write_tables,
)

TABLES = ("csv", "tsv", "jsonl", "parquet")
# Anything people write: line breaks, quotes, emoji, combining marks; no NUL and no lone surrogate.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from('"\r\n\t,😀'),
    max_size=40,
)


def values(path: Path | str) -> list[dict[str, object]]:
    return [row.values for row in read_rows(path)]


def texts(path: Path | str) -> list[object]:
    return [row["text"] for row in values(path)]


def file(tmp_path: Path, name: str, content: bytes | str) -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("kind", TABLES)
@settings(max_examples=60, deadline=None)
@given(cells=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5))
def test_what_is_written_is_read_back(
    kind: str, cells: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("round") / f"rows.{kind}"
    rows = [{"text": text, "label": label} for text, label in cells]

    assert write_rows(path, rows, columns=["text", "label"]) == len(rows)

    assert values(path) == rows
    assert [row.number for row in read_rows(path)] == list(range(1, len(rows) + 1))
    assert read_columns(path) == ["text", "label"]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_typed_formats_keep_types(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{kind}"
    rows = [
        {"text": "a", "n": 3, "x": 0.5, "ok": True, "probabilities": {"neg": 0.25, "pos": 0.75}},
        {"text": "b", "n": None, "x": None, "ok": False, "probabilities": None},
    ]
    write_rows(path, rows, columns=list(rows[0]))
    assert values(path) == rows


@pytest.mark.parametrize("kind", ["csv", "tsv"])
def test_cells_hold_json_for_nested_values_and_nothing_for_none(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"rows.{kind}"
    write_rows(
        path,
        [{"text": "é", "probabilities": {"neg": 0.5}, "warning": None, "ok": True, "extra": 1}],
        columns=["text", "probabilities", "warning", "ok", "absent"],
    )
    [row] = values(path)
    assert row == {
        "text": "é",
        "probabilities": '{"neg": 0.5}',
        "warning": "",
        "ok": "true",
        "absent": "",
    }


def test_parquet_column_whose_type_shows_late(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"

    def rows() -> Iterator[dict[str, object]]:
        for number in range(25_000):
            late = number >= 20_000
            yield {
                "none_then_int": number if late else None,
                "int_then_float": 0.5 if late else 1,
                "int_then_text": "x" if late else 1,
            }

    write_rows(path, rows(), columns=["none_then_int", "int_then_float", "int_then_text"])

    read = values(path)
    assert len(read) == 25_000
    assert read[0] == {"none_then_int": None, "int_then_float": 1.0, "int_then_text": "1"}
    assert read[-1] == {"none_then_int": 24_999, "int_then_float": 0.5, "int_then_text": "x"}
    assert [path.name for path in tmp_path.iterdir()] == ["rows.parquet"]


def test_parquet_mixed_types_in_one_column_become_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_rows(path, [{"id": 1}, {"id": "a"}, {"id": [2]}, {"id": None}], columns=["id"])
    assert [row["id"] for row in values(path)] == ["1", "a", "[2]", None]


def test_no_rows_still_make_a_file_with_columns(tmp_path: Path) -> None:
    for kind in ("csv", "tsv", "parquet"):
        path = tmp_path / f"none.{kind}"
        assert write_rows(path, [], columns=["text"]) == 0
        assert values(path) == []
        assert read_columns(path) == ["text"]


def test_lines_of_text_keep_empty_ones(tmp_path: Path) -> None:
    path = file(tmp_path, "lines.txt", 'one\n\nthree, "3"\r\nfour\u2028still four')
    assert texts(path) == ["one", "", 'three, "3"', "four\u2028still four"]
    assert read_columns(path) == ["text"]


def test_stdin_is_lines_of_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("schön\nbad\n".encode())))
    assert texts("-") == ["schön", "bad"]
    assert read_columns("-") == ["text"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert texts("-") == []


def test_bom_crlf_and_blank_lines_simply_work(tmp_path: Path) -> None:
    bom = b"\xef\xbb\xbf"
    csv_file = file(tmp_path, "a.csv", bom + b'text,label\r\n"a\r\nb",1\r\n\r\nc,0\r\n')
    assert values(csv_file) == [{"text": "a\r\nb", "label": "1"}, {"text": "c", "label": "0"}]
    json_file = file(tmp_path, "a.jsonl", bom + b'\r\n{"text": "a"}\r\n\r\n  \r\n{"text": "b"}')
    assert list(read_rows(json_file)) == [Row(1, {"text": "a"}), Row(2, {"text": "b"})]
    assert texts(file(tmp_path, "a.txt", bom + b"a\r\nb\r\n")) == ["a", "b"]


def test_a_stray_quote_in_a_tsv_does_not_join_rows(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", 'text\tlabel\n"hello\tpos\nbye"\tneg\nfine\tpos\n')
    with pytest.raises(DataError, match="row 1: line 2: a quote joins lines that are whole rows"):
        values(path)
    faults: list[RowFault] = []
    assert [row.number for row in read_rows(path, on_error="skip", faults=faults)] == [2]
    assert [fault.row for fault in faults] == [1]


def test_a_cell_of_a_tsv_may_hold_line_breaks(tmp_path: Path) -> None:
    path = file(tmp_path, "a.tsv", 'text\tlabel\n"one\ntwo\n\nthree"\tpos\n')
    assert values(path) == [{"text": "one\ntwo\n\nthree", "label": "pos"}]
    assert texts(file(tmp_path, "b.tsv", 'text\n"one\ntwo"\n')) == ["one\ntwo"]


def test_a_blank_line_is_an_empty_cell_in_a_file_of_one_column(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", "text\r\none\r\n\r\n\r\ntwo\r\n\r\n\r\n")
    assert [(row.number, row.values["text"]) for row in read_rows(path)] == [
        (1, "one"),
        (2, ""),
        (3, ""),
        (4, "two"),
    ]


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_what_spreadsheets_put_into_a_csv_for_a_comma_is_read(
    delimiter: str, tmp_path: Path
) -> None:
    content = f'\ntext{delimiter}label\n"a{delimiter}b"{delimiter}1\nc, d{delimiter}0\n'
    path = file(tmp_path, "a.csv", content)
    assert values(path) == [
        {"text": f"a{delimiter}b", "label": "1"},
        {"text": "c, d", "label": "0"},
    ]
    assert read_columns(path) == ["text", "label"]
    assert read_columns(file(tmp_path, "b.csv", "text,a;b\nx,1\n")) == ["text", "a;b"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "txt"])
def test_a_packed_file_is_called_one(kind: str, tmp_path: Path) -> None:
    import gzip

    path = file(tmp_path, f"a.{kind}", gzip.compress(b"text,label\nfine,1\n"))
    with pytest.raises(DataError, match=r"a\.\w+ is packed with gzip; expected the file"):
        values(path)


def test_a_key_that_stands_twice_is_a_fault_of_its_row(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", '{"text": "a"}\n{"text": "b", "text": "c"}\n')
    with pytest.raises(DataError, match="row 2: line 2: the key 'text' stands twice"):
        values(path)


@pytest.mark.parametrize("kind", TABLES)
def test_a_cell_of_a_megabyte(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"huge.{kind}"
    huge = "word " * 250_000
    write_rows(path, [{"text": huge}], columns=["text"])
    assert texts(path) == [huge]


def test_pandas_index_column_is_read(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", ",text\n0,fine\n")
    assert values(path) == [{"": "0", "text": "fine"}]


def test_ndjson_and_capital_extensions(tmp_path: Path) -> None:
    assert texts(file(tmp_path, "a.ndjson", '{"text": "a"}\n')) == ["a"]
    assert texts(file(tmp_path, "A.CSV", "text\na\n")) == ["a"]


def test_jsonl_columns_are_the_union(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", '{"text": "a"}\n{"label": 1, "text": "b"}\n')
    assert read_columns(path) == ["text", "label"]


def test_reading_is_lazy(tmp_path: Path) -> None:
    path = file(tmp_path, "a.jsonl", '{"text": "a"}\nbroken\n')
    assert next(read_rows(path)).values == {"text": "a"}


# What is wrong with a file stops at once, whatever on_error says.
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", ["a.csv is empty", "at least one row"]),
        ("a.jsonl", b" \n\n", ["a.jsonl is empty"]),
        ("a.csv", b"\n\n", ["a.csv is empty", "header"]),
        ("a.csv", b",,\n1,2,3\n", ["no name", "names every column"]),
        ("a.csv", b"text,\n1,2\n", ["no name"]),
        ("a.csv", b"text,label,text\n", ["'text' more than once"]),
        ("a.csv", "text\nfein\n".encode("utf-16"), ["UTF-16", "UTF-8"]),
        ("a.csv", "größe\n".encode("latin-1"), ["header", "not UTF-8"]),
        ("a.csv", b"te\0xt\n1\n", ["header", "NUL"]),
        ("a.parquet", b"PAR1 and then nothing", ["no readable parquet file"]),
        ("a.xlsx", b"PK", ["'.xlsx'", ".csv", ".parquet"]),
        ("noextension", b"text\n", ["''", ".csv"]),
    ],
)
@pytest.mark.parametrize("on_error", ["stop", "skip"])
def test_unusable_files(
    name: str, content: bytes, words: list[str], on_error: str, tmp_path: Path
) -> None:
    path = file(tmp_path, name, content)
    with pytest.raises(DataError) as error:
        list(read_rows(path, on_error=on_error))
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_missing_files_and_folders_are_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*absent\.csv"):
        read_rows(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="is a folder"):
        read_rows(tmp_path)
    with pytest.raises(DataError, match="no file"):
        read_rows("nul\0.csv")
    with pytest.raises(DataError, match="cannot read"):
        read_rows("long" * 1000 + ".csv")
    with pytest.raises(DataError, match="no file"):
        read_columns(tmp_path / "absent.parquet")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_file(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", "text\na\n")
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        list(read_rows(path))


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_rows(path, [{"text": "a" * 1000}], columns=["text"])
    path.write_bytes(path.read_bytes()[:-40])
    for reading in (lambda: list(read_rows(path)), lambda: read_columns(path)):
        with pytest.raises(DataError, match="a whole parquet file"):
            reading()


# What is wrong with a row stops with its number, or is skipped and recorded.
FAULTY_ROWS = [
    ("a.csv", b"text,label\nok,1\ncaf\xe9,0\nok,1\n", "byte 19 (0xe9) is not UTF-8"),
    ("a.csv", b"text,label\nok,1\na\0b,0\nok,1\n", "NUL character at byte 17"),
    ("a.csv", b"text,label\nok,1\none\nok,1\n", "line 3: 1 fields where the header has 2"),
    ("a.csv", b"text,label\nok,1\na,b,c\nok,1\n", "line 3: 3 fields where the header has 2"),
    ("a.csv", b'text,label\nok,1\n"a"b,1\nok,1\n', "line 3: "),
    ("a.tsv", b"text\tlabel\nok\t1\na,b\nok\t1\n", "1 fields where the header has 2"),
    ("a.txt", b"ok\n\xff\xfe\nok\n", "byte 3 (0xff) is not UTF-8"),
    ("a.txt", b"ok\n\0\nok\n", "NUL"),
    ("a.jsonl", b'{"text": "ok"}\n{"text": \n{"text": "ok"}\n', "line 2: not JSON"),
    ("a.jsonl", b'{"text": "ok"}\n["a"]\n{"text": "ok"}\n', "a JSON array, not an object"),
    ("a.jsonl", b'{"text": "ok"}\nnull\n{"text": "ok"}\n', "a JSON null, not an object"),
    ("a.jsonl", b'{"text": "ok"}\n{"text": "\\ud83d"}\n{"text": "ok"}\n', "surrogate U+D83D"),
    ("a.jsonl", b'{"text": "ok"}\n{"a": {"b": ["\\u0000"]}}\n{"text": "ok"}\n', "NUL"),
    ("a.jsonl", b'{"text": "ok"}\n{"text": "caf\xe9"}\n{"text": "ok"}\n', "byte 28 (0xe9)"),
    ("a.jsonl", b'{"text": "ok"}\n{"text": 1' + b"0" * 5000 + b'}\n{"text": "ok"}\n', "not JSON"),
    ("a.jsonl", b'{"text": "ok"}\n' + b'{"a":' * 10**5 + b'\n{"text": "ok"}\n', "JSON"),
]


@pytest.mark.parametrize(("name", "content", "words"), FAULTY_ROWS)
def test_faulty_row_stops_or_is_skipped(
    name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    path = file(tmp_path, name, content)
    with pytest.raises(DataError) as error:
        list(read_rows(path))
    assert f"{path} row 2: " in str(error.value)
    assert words in str(error.value)
    assert "\n" not in str(error.value)

    faults: list[RowFault] = []
    rows = list(read_rows(path, on_error="skip", faults=faults))
    assert [row.number for row in rows] == [1, 3]
    assert {row.values["text"] for row in rows} == {"ok"}
    [fault] = faults
    assert (fault.file, fault.row) == (str(path), 2)
    assert words in fault.reason


def test_parquet_rows_that_are_no_text(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Bytes that claim to be UTF-8, as a careless writer leaves them.
    raw = pa.array([b"ok", b"caf\xe9", b"a\0b", b"ok"], pa.binary())
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": raw.view(pa.string())}), path)
    faults: list[RowFault] = []
    assert [row.number for row in read_rows(path, on_error="skip", faults=faults)] == [1, 4]
    assert [(fault.row, fault.reason.split()[0]) for fault in faults] == [(2, "byte"), (3, "a")]
    with pytest.raises(DataError, match=r"row 2: byte 0xe9 in a text is not UTF-8"):
        list(read_rows(path))


def test_parquet_without_pyarrow_names_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    write_rows(path, [{"text": "a"}], columns=["text"])
    # What import does where the package is not installed.
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match="pip install pyarrow"):
        list(read_rows(path))
    with pytest.raises(MissingPackageError, match="pip install pyarrow"):
        write_rows(path, [{"text": "b"}], columns=["text"])
    monkeypatch.undo()
    assert texts(path) == ["a"]


def test_quote_that_is_never_closed(tmp_path: Path) -> None:
    path = file(tmp_path, "a.csv", 'text,label\nfine,1\n"open,0\nfine,1\n')
    with pytest.raises(DataError, match=r"row 2: line 3: a quoted cell that is never closed"):
        list(read_rows(path))


def test_unwritable_targets(tmp_path: Path) -> None:
    rows = [{"text": "a"}]
    plain = file(tmp_path, "plain", "")
    for path, words in [
        (tmp_path / "a.txt", "'.txt'"),
        (tmp_path / "a.xlsx", "csv, jsonl, parquet, tsv"),
        (tmp_path / "absent" / "a.csv", "No such file"),
        (tmp_path / "absent" / "a.parquet", "cannot write"),
        (plain / "a.jsonl", "Not a directory"),
    ]:
        with pytest.raises(OutputError, match="cannot write") as error:
            write_rows(path, rows, columns=["text"])
        assert words in str(error.value)
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(OutputError, match="it is a folder"):
        write_rows(folder, rows, columns=["text"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_disk_full(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"full.{kind}"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputError, match="no space left"):
        write_rows(path, [{"text": "a" * 100_000}], columns=["text"])
    assert Path("/dev/full").is_char_device()


@pytest.mark.parametrize("kind", TABLES)
def test_a_file_is_replaced_whole_or_not_at_all(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    write_rows(path, [{"text": "before"}], columns=["text"])

    def failing() -> Iterator[dict[str, object]]:
        yield {"text": "after"}
        raise DataError("row 2 is broken")

    with pytest.raises(DataError, match="row 2 is broken"):
        write_rows(path, failing(), columns=["text"])
    assert texts(path) == ["before"]
    assert [left.name for left in tmp_path.iterdir()] == [path.name]

    write_rows(path, [{"text": "after"}], columns=["text"])
    assert texts(path) == ["after"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target = file(tmp_path, "target.csv", "text\nbefore\n")
    link = tmp_path / "link.csv"
    link.symlink_to(target)
    write_rows(link, [{"text": "after"}], columns=["text"])
    assert link.is_symlink()
    assert texts(target) == ["after"]


@pytest.mark.parametrize("kind", TABLES)
def test_lone_surrogates_can_be_written(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    write_rows(path, [{"text": "x\udcff"}], columns=["text"])
    assert b"\\udcff" in path.read_bytes()


def test_jsonl_is_one_plain_object_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_rows(path, [{"text": "é\n", "n": None}], columns=["text", "n"])
    assert path.read_text(encoding="utf-8") == '{"text": "é\\n", "n": null}\n'
    assert json.loads(path.read_text(encoding="utf-8")) == {"text": "é\n", "n": None}


# By column


@pytest.mark.parametrize("kind", TABLES)
def test_columns_of_any_kind_are_written_like_rows(kind: str, tmp_path: Path) -> None:
    import numpy as np
    import pyarrow as pa

    shares = {"neg": np.array([0.25, 1.0]), "pos": np.array([0.75, 0.0])}
    table = {
        "text": pa.array(["é", None]),
        "n": np.array([3, -1], np.int32),
        "note": ["x", None],
        "probabilities": shares,
        "unused": [1, 2],
    }
    rows = [
        {"text": "é", "n": 3, "note": "x", "probabilities": {"neg": 0.25, "pos": 0.75}},
        {"text": None, "n": -1, "note": None, "probabilities": {"neg": 1.0, "pos": 0.0}},
    ]
    names = ["n", "text", "probabilities", "note"]
    one, other = tmp_path / f"one.{kind}", tmp_path / f"other.{kind}"
    assert write_tables(one, [table, table], columns=names) == 4
    assert write_rows(other, [*rows, *rows], columns=names) == 4
    assert values(one) == values(other)
    if kind != "parquet":
        assert one.read_bytes() == other.read_bytes()


def test_parquet_keeps_the_types_of_its_columns(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, copy = tmp_path / "a.parquet", tmp_path / "b.parquet"
    table = pa.table(
        {
            "text": pa.array(["a", "b", "c"], pa.large_string()),
            "small": pa.array([1, 2, None], pa.int8()),
            "kind": pa.array(["x", "y", "x"]).dictionary_encode(),
            "when": pa.array([0, 1, 2], pa.timestamp("ms", "UTC")),
            "nested": pa.array([[1], None, [2, 3]]),
        }
    )
    pq.write_table(table, path)
    batches = read_batches(path, rows=2)
    assert batches is not None
    count = write_tables(copy, (batch.columns for batch in batches), columns=table.column_names)
    assert count == 3
    assert pq.read_table(copy).equals(table)


def test_batches_know_their_rows_and_their_faults(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    raw = pa.array([b"ok", b"fine", b"ok", b"caf\xe9", b"ok"], pa.binary()).view(pa.string())
    kind = pa.array(["x", "y", "x", "x", "a\0b"])
    pq.write_table(pa.table({"text": raw, "kind": kind}), path)
    faults: list[RowFault] = []
    batches = read_batches(path, rows=2, on_error="skip", faults=faults)
    assert batches is not None
    found = [(b.first, len(b), b.has_no_fault(), [r.number for r in b.rows()]) for b in batches]
    assert found == [(1, 2, True, [1, 2]), (3, 2, False, [3]), (5, 1, False, [])]
    assert [fault.row for fault in faults] == [4, 5]


def test_only_parquet_lies_in_columns(tmp_path: Path) -> None:
    assert read_batches(file(tmp_path, "a.csv", "text\na\n"), rows=10) is None
    assert read_batches("-", rows=10) is None
    with pytest.raises(DataError, match="no file"):
        read_batches(tmp_path / "none.parquet", rows=10)


def test_a_parquet_file_has_few_row_groups(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "a.parquet"
    tables = ({"n": list(range(start, start + 4_000))} for start in range(0, 120_000, 4_000))
    assert write_tables(path, tables, columns=["n"]) == 120_000
    written = pq.ParquetFile(path)
    assert written.num_row_groups == 6
    assert written.read().column("n").to_pylist() == list(range(120_000))
