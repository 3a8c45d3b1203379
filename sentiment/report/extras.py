"""What was saved beside an evaluation's figures: traces, states, data check, behaviour, and so on.

A file of another evaluation than the figures' is left out: every file says which rows and which
model it is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sentiment.evaluation.behaviour import BEHAVIOUR_NAME
from sentiment.evaluation.inside import DATA_CHECK, STATES, TRACES
from sentiment.report.saved import SavedEvaluation, read_json

FAITHFULNESS = "faithfulness.json"


@dataclass(frozen=True)
class Extras:
    """What there is beside the figures; None or empty where it was not saved.

    Attributes:
        traces: by row number from 1, as text.
        states: what hidden_states.json holds.
        check: what data_check.json holds.
        suites: the behaviour suites that the model was tested on, by name.
        faithfulness: what faithfulness.json holds.
        names: the files that were found.
    """

    traces: dict[str, Any]
    states: dict[str, Any] | None
    check: dict[str, Any] | None
    suites: list[dict[str, Any]]
    faithfulness: dict[str, Any] | None
    names: tuple[str, ...]


def load_extras(evaluation: SavedEvaluation) -> Extras:
    """Read every file that belongs to the evaluation.

    Raises:
        DataError: a file is damaged.
    """
    traces = _own(evaluation, TRACES)
    states = _own(evaluation, STATES)
    check = _own(evaluation, DATA_CHECK)
    suites = [
        read_json(path)
        for path in sorted(evaluation.folder.parent.glob(f"behaviour-*/{BEHAVIOUR_NAME}"))
    ]
    faithfulness = _faithfulness(evaluation)
    found = {
        TRACES: traces,
        STATES: states,
        DATA_CHECK: check,
        BEHAVIOUR_NAME: suites,
        FAITHFULNESS: faithfulness,
    }
    return Extras(
        traces=traces["rows"] if traces else {},
        states=states,
        check=check,
        suites=suites,
        faithfulness=faithfulness,
        names=tuple(name for name, content in found.items() if content),
    )


def _own(evaluation: SavedEvaluation, name: str) -> dict[str, Any] | None:
    """Return a file's content if there is one of these very rows and this very model."""
    path = evaluation.folder / name
    if not path.is_file():
        return None
    content = read_json(path)
    metrics = evaluation.metrics
    same = content.get("fingerprint") == metrics["data"]["fingerprint"] and content.get(
        "trained_at"
    ) == metrics["model"].get("trained_at")
    return content if same else None


def _faithfulness(evaluation: SavedEvaluation) -> dict[str, Any] | None:
    places = (evaluation.folder, evaluation.folder.parent)
    path = next((each / FAITHFULNESS for each in places if (each / FAITHFULNESS).is_file()), None)
    return None if path is None else read_json(path)
