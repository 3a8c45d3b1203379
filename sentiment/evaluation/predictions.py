"""`predictions.parquet`: every evaluated row, what was predicted, and the state it ended in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.durable import output_errors, replacing
from sentiment.errors import DataError
from sentiment.evaluation.metrics import Labels, Probabilities, predict_classes
from sentiment.runtime.arithmetic import polarity

FILE_NAME = "predictions.parquet"
PROBABILITY = "probability_"
ROWS_PER_GROUP = 65_536


@dataclass(frozen=True)
class Predictions:
    """Labelled rows and what was predicted for them; every array has one entry a row.

    Attributes:
        texts: the texts as they came.
        labels: (rows,), indices into `classes`.
        classes: the label names, in the model's order.
        probabilities: (rows, classes).
        tokens: (rows,), tokens that were read.
        truncated_tokens: (rows,), tokens that were left out.
        unknown_fraction: (rows,), share (0–1) of tokens outside the vocabulary.
        final_state: (rows, units), what the classifier read; None where it is not known.
        columns: metadata columns of the data.
        baselines: (rows, classes) probabilities by baseline name.
        seen_in_train: (rows,), True where the very text is a train row; None where not known.
    """

    texts: Sequence[str]
    labels: Labels
    classes: tuple[str, ...]
    probabilities: Probabilities
    tokens: NDArray[np.int64]
    truncated_tokens: NDArray[np.int64]
    unknown_fraction: NDArray[np.float64]
    final_state: NDArray[np.float32] | None = None
    columns: Mapping[str, Sequence[object]] = field(default_factory=dict)
    baselines: Mapping[str, Probabilities] = field(default_factory=dict)
    seen_in_train: NDArray[np.bool_] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def predicted(self) -> Labels:
        """The most probable class of each row, (rows,)."""
        return predict_classes(self.probabilities)

    @property
    def scores(self) -> NDArray[np.float64]:
        """The expected polarity of each row, −1 (first class) to 1 (last class), (rows,)."""
        return polarity(self.probabilities)


def write_predictions(path: Path, rows: Predictions) -> None:
    """Write the rows as parquet; `path` is replaced whole or not at all.

    Raises:
        OutputError: the file cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(_columns(rows))
    with output_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, row_group_size=ROWS_PER_GROUP, compression="zstd")


def _columns(rows: Predictions) -> dict[str, Any]:
    import pyarrow as pa

    names = np.array(rows.classes, dtype=object)
    columns: dict[str, Any] = {
        "text": pa.array(rows.texts, type=pa.string()),
        "label": pa.array(names[rows.labels], type=pa.string()),
        "predicted": pa.array(names[rows.predicted], type=pa.string()),
        "score": rows.scores.astype(np.float32),
    }
    for index, name in enumerate(rows.classes):
        columns[PROBABILITY + name] = rows.probabilities[:, index].astype(np.float32)
    columns["tokens"] = np.asarray(rows.tokens, dtype=np.int32)
    columns["truncated_tokens"] = np.asarray(rows.truncated_tokens, dtype=np.int32)
    columns["unknown_fraction"] = np.asarray(rows.unknown_fraction, dtype=np.float32)
    if rows.final_state is not None:
        columns["final_state"] = _lists(rows.final_state)
    for baseline, probabilities in rows.baselines.items():
        for index, name in enumerate(rows.classes):
            column = f"baseline_{baseline}_{PROBABILITY}{name}"
            columns[column] = probabilities[:, index].astype(np.float32)
    for name, values in rows.columns.items():
        # A column of the data never hides one of ours.
        while name in columns:
            name = f"data_{name}"
        columns[name] = _metadata(values)
    return columns


def _lists(states: NDArray[np.float32]) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """(rows, units) → one list of float32 a row."""
    import pyarrow as pa

    num_rows, num_units = states.shape
    offsets = np.arange(num_rows + 1, dtype=np.int64) * num_units
    values = np.ascontiguousarray(states, dtype=np.float32).ravel()
    return pa.LargeListArray.from_arrays(offsets, values)


def _metadata(values: Sequence[object]) -> Any:  # noqa: ANN401 - pyarrow is untyped
    """Keep numbers, texts and dates as they are; a column of mixed kinds becomes text."""
    import pyarrow as pa

    try:
        return pa.array(values)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        plain = [
            None if value is None else str(value).encode("utf-8", "replace").decode()
            for value in values
        ]
        return pa.array(plain, type=pa.string())


def read_batches(path: Path, columns: Sequence[str]) -> Iterator[Any]:
    """Yield the named columns as pyarrow record batches: memory does not grow with the file.

    Raises:
        DataError: the file is missing, damaged or lacks a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    expected = "the predictions that sentiment eval wrote"
    try:
        with pq.ParquetFile(path) as file:
            missing = [name for name in columns if name not in file.schema_arrow.names]
            if missing:
                raise DataError(f"{path} has no column {missing[0]!r}", expected=expected)
            yield from file.iter_batches(batch_size=ROWS_PER_GROUP, columns=list(columns))
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"cannot read {path}: {reason}", expected=expected) from None


def read_classes(path: Path, column: str, classes: Sequence[str]) -> Labels:
    """Return a column of class names as indices into `classes`, (rows,).

    Raises:
        DataError: the file is missing, damaged, or holds another class.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array(classes, type=pa.string())
    parts = [
        pc.fill_null(pc.index_in(batch.column(0), value_set=known), -1).to_numpy()
        for batch in read_batches(path, [column])
    ]
    indices = np.concatenate([np.zeros(0), *parts]).astype(np.int64)
    if (indices < 0).any():
        raise DataError(
            f"{path}: column {column!r} holds another class",
            expected=f"one of {', '.join(classes)}",
        )
    return indices
