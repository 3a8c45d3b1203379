"""What a report shows beside the figures: the word traces, the states, the data check.

Each is a JSON file of its own beside metrics.json, and says which rows and which model it is of, so
that a report never shows one beside the figures of another.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.durable import output_errors, write_file
from sentiment.evaluation.baselines import Log
from sentiment.evaluation.data_check import check_data
from sentiment.evaluation.hidden_states import study_states
from sentiment.evaluation.network_states import flops_per_token
from sentiment.evaluation.provenance import json_lines
from sentiment.evaluation.traces import surest_errors, trace_rows

if TYPE_CHECKING:
    from sentiment.data.load import LabelledTexts
    from sentiment.evaluation.predictions import Predictions
    from sentiment.runtime.predictor import SentimentModel

TRACES, STATES, DATA_CHECK = "traces.json", "hidden_states.json", "data_check.json"
WIDE = 4_000_000  # multiplications and additions a token: about one LSTM of 512 units
EXTRAS = (TRACES, STATES, DATA_CHECK)


def save_inside(
    output: Path,
    metrics: Mapping[str, Any],
    rows: Predictions,
    *,
    model: SentimentModel,
    data: LabelledTexts,
    train: LabelledTexts | None,
    states: bool,
    seed: int,
    log: Log,
) -> None:
    """Write the files; those of an earlier evaluation are gone, whatever is written now.

    Raises:
        OutputError: a file cannot be written.
    """
    from threadpoolctl import threadpool_limits

    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
        for name in EXTRAS:
            (output / name).unlink(missing_ok=True)
    suspects = [entry["row"] - 1 for entry in metrics["label_noise"]["suspects"]]
    contents = {DATA_CHECK: check_data(data, train, metrics["data"]["split"])}
    # Matrices of one step of a narrow LSTM are too small to share: beside another process, two
    # threads that wait for each other took four to twenty times as long as one.
    with threadpool_limits(1 if flops_per_token(model.folder.encoder) < WIDE else None):
        followed: list[int] = []
        if states:
            contents[STATES] = study_states(model, rows, seed=seed, log=log)
            followed = [way["row"] - 1 for way in contents[STATES]["trajectories"]]
        shown = [*surest_errors(rows), *suspects, *followed]
        contents[TRACES] = {"rows": trace_rows(model, rows, shown)}
    for name, content in contents.items():
        write_file(output / name, json_lines({**belongs_to(metrics), **content}))


def belongs_to(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Return what says which evaluation a file belongs to."""
    return {
        "schema_version": 1,
        "fingerprint": metrics["data"]["fingerprint"],
        "trained_at": metrics["model"].get("trained_at"),
        "date": metrics["date"],
    }
