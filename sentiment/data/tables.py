"""Find what `data.source` names and read it into tables: one a split, or one in all for a file."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sentiment.bundled import bundled_path
from sentiment.errors import DataError
from sentiment.files import FORMATS, Row, RowFault, read_rows

SPLIT_NAMES = ("train", "validation", "test", "unsupervised")
# The split name of a single file, which is still to be split.
WHOLE = "all"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of one file or hub split.

    Attributes:
        origin: the file, or `owner/name train`, for messages.
        columns: values by column name, every list of the same length.
        rows: the number of each row in its file, from 1.
        class_names: what the label numbers mean, where the source says so.
    """

    origin: str
    columns: dict[str, list[object]]
    rows: list[int]
    class_names: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.rows)


def read_tables(
    source: str,
    *,
    splits: Collection[str] = SPLIT_NAMES,
    label_column: str = "label",
    faults: list[RowFault] | None = None,
) -> dict[str, Table]:
    """Read the wanted splits that a source has, by split name; a single file is the split `all`.

    Args:
        source: `bundled`, a folder, a file or a hub id, as in `data.source`.
        splits: the splits to read.
        label_column: the column whose class names are asked of a hub dataset.
        faults: if given, rows that cannot be read are left out and recorded here.

    Raises:
        DataError: there is no such source, it holds no split, or it cannot be read.
    """
    path = bundled_path("data") / "reviews" if source == "bundled" else Path(source).expanduser()
    if path.is_dir():
        if (path / "dataset_dict.json").is_file() or (path / "dataset_info.json").is_file():
            return _read_saved_dataset(path, splits, label_column)
        tables = {
            name: read_table(file, faults=faults)
            for name, file in split_files(path).items()
            if name in splits
        }
        if source == "bundled":  # where the package happens to be installed is nobody's business
            tables = {
                name: replace(table, origin=f"bundled {Path(table.origin).name}")
                for name, table in tables.items()
            }
        return tables
    if path.is_file():
        return {WHOLE: read_table(path, faults=faults)}
    # `data/reviews` looks like a hub id too: where its first folder exists, a local path is meant.
    meant_here = path.suffix.lower() in FORMATS or path.parent.is_dir()
    if _HUB_ID.fullmatch(source) and (not meant_here or path.parent == Path()):
        return _read_hub(source, splits, label_column)
    raise DataError(
        f"no data at {source!r}",
        expected="'bundled', a folder that holds train.csv, a file, or a hub id such as "
        "stanfordnlp/imdb",
        run="sentiment train CONFIG --set data.source=PATH",
    )


def split_files(folder: Path) -> dict[str, Path]:
    """Return the file of each split that a folder holds.

    Raises:
        DataError: there is none, or two files claim the same split.
    """
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.stem
        if name not in SPLIT_NAMES or FORMATS.get(path.suffix.lower(), "txt") == "txt":
            continue
        if name in files:
            raise DataError(
                f"{folder} holds both {files[name].name} and {path.name}",
                expected="one file a split",
            )
        files[name] = path
    if not files:
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{folder} holds no split (it holds {held})",
            expected="train.csv, and validation.csv or test.csv beside it (or parquet, jsonl, tsv)",
        )
    return {name: files[name] for name in SPLIT_NAMES if name in files}


def read_table(path: str | Path, *, faults: list[RowFault] | None = None) -> Table:
    """Read a whole file into columns; a value that a jsonl row lacks is None.

    Raises:
        DataError: as `read_rows`.
    """
    rows = read_rows(path, on_error="stop" if faults is None else "skip", faults=faults)
    columns, numbers = _columns_of(rows)
    return Table(str(path), columns, numbers)


def _columns_of(rows: Iterable[Row]) -> tuple[dict[str, list[object]], list[int]]:
    columns: dict[str, list[object]] = {}
    numbers: list[int] = []
    for row in rows:
        for name in row.values:
            if name not in columns:
                columns[name] = [None] * len(numbers)
        for name, values in columns.items():
            values.append(row.values.get(name))
        numbers.append(row.number)
    return columns, numbers


def _read_hub(source: str, splits: Collection[str], label_column: str) -> dict[str, Table]:
    import datasets
    from huggingface_hub.utils import logging

    # Without a network it warns; the error below says it better.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    name, _, subset = source.partition(":")
    try:
        loaded = datasets.load_dataset(name, subset or None)
    # Many libraries stand behind this call (HTTP, files, Arrow); the way out is always the same.
    except Exception as error:
        raise DataError(
            f"cannot load {source!r} from the hub: {type(error).__name__}: {error}",
            expected="a reachable dataset, or a local folder that holds train.parquet or train.csv",
            run="sentiment train CONFIG --set data.source=FOLDER",
        ) from None
    return _from_datasets(loaded, source, splits, label_column)


def _read_saved_dataset(path: Path, splits: Collection[str], label: str) -> dict[str, Table]:
    import datasets

    try:
        loaded = datasets.load_from_disk(str(path))
    # A damaged folder fails in many ways, KeyError among them.
    except Exception as error:
        raise DataError(
            f"cannot load the saved dataset {path}: {type(error).__name__}: {error}",
            expected="a folder that datasets.save_to_disk wrote",
        ) from None
    return _from_datasets(loaded, str(path), splits, label)


def _from_datasets(
    loaded: Any,  # noqa: ANN401 (datasets is untyped)
    source: str,
    splits: Collection[str],
    label_column: str,
) -> dict[str, Table]:
    if not isinstance(loaded, Mapping):
        return {WHOLE: _from_dataset(loaded, source, label_column)}
    return {
        name: _from_dataset(loaded[name], f"{source} {name}", label_column)
        for name in SPLIT_NAMES
        if name in loaded and name in splits
    }


def _from_dataset(dataset: Any, origin: str, label_column: str) -> Table:  # noqa: ANN401
    names = getattr(dataset.features.get(label_column), "names", None)
    columns: dict[str, list[object]] = dataset.to_dict()
    # stanfordnlp/sst2 and glue call it "sentence"; the same config then reads a local copy too.
    if "text" not in columns and "sentence" in columns:
        columns["text"] = columns["sentence"]
    rows = list(range(1, len(dataset) + 1))
    return Table(origin, columns, rows, tuple(names) if names else None)
