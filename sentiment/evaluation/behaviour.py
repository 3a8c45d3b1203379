"""Run a behaviour suite: predict its texts in one call, and count what the model gets wrong.

A failure is a finding about the model, not an error. A case that the model's classes cannot answer
is skipped and counted as skipped, never as passed.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiment.durable import output_errors, write_file
from sentiment.errors import ModelFolderError
from sentiment.evaluation.baselines import Log, silent
from sentiment.evaluation.behaviour_cases import KINDS, expand
from sentiment.evaluation.behaviour_judging import Outcome, judge
from sentiment.evaluation.behaviour_suite import Capability, Suite
from sentiment.evaluation.evaluate import MODEL_KEYS
from sentiment.evaluation.intervals import LEVEL, SEED, share
from sentiment.evaluation.provenance import provenance
from sentiment.runtime.inspection import format_probe, format_shape_table, probe

if TYPE_CHECKING:
    from sentiment.runtime.predictor import SentimentModel

BEHAVIOUR_NAME = "behaviour.json"
SCHEMA_VERSION = 1  # of behaviour.json


def run_suite(
    model: SentimentModel, suite: Suite, *, command: str, output: Path, log: Log = silent
) -> dict[str, Any]:
    """Test a model's behaviour and write `behaviour.json`.

    Args:
        model: the model to test.
        suite: what `read_suite` gave.
        command: the exact command, kept in the file.
        output: the folder to write to; made if it is missing.
        log: is given progress, a line at a time.

    Returns:
        What `behaviour.json` holds.

    Raises:
        DataError: a case is not usable.
        OutputError: the file cannot be written.
    """
    cases = expand(suite)
    # Each text once, all in one call: neither the order nor the neighbours matter to an answer.
    texts = list(dict.fromkeys(text for case in cases for text in case.texts))
    log(f"testing {len(cases):,} cases of {suite.file}: {len(texts):,} different texts")
    started = time.perf_counter()
    arrays = model.predict_arrays(texts)
    seconds = time.perf_counter() - started
    if not np.isfinite(arrays.probabilities).all():
        raise ModelFolderError(
            "the model gives probabilities that are not numbers", run="sentiment train again"
        )
    seen = probe(arrays.final_state, pooling=model.folder.info["encoder"]["pooling"])
    log(format_shape_table(arrays.layers))
    log(format_probe(seen))
    answers = dict(zip(texts, model.to_predictions(texts, arrays), strict=True))
    outcomes = judge(cases, answers, model.classes, suite.content.labels or {})
    made = provenance(command, SEED)
    del made["seed"]  # nothing here is drawn at random
    results = {
        **made,
        "schema_version": SCHEMA_VERSION,
        "suite": {
            "name": suite.name,
            "file": suite.file,
            "sha256": suite.sha256,
            "about": suite.content.about,
            "texts": len(texts),
        },
        "model": {
            "folder": model.folder.shown,
            "classes": list(model.classes),
            **{key: model.folder.info[key] for key in MODEL_KEYS if key in model.folder.info},
        },
        "layers": [row.to_dict() for row in arrays.layers],
        "probe": seen.to_dict(),
        "seconds": {"predict": seconds, "texts_per_second": len(texts) / max(seconds, 1e-9)},
        "interval": {"level": LEVEL, "method": "Wilson"},
        "total": _figures(outcomes),
        "baseline": _constant(outcomes, model.classes),
        "kinds": {
            kind: _figures([outcome for outcome in outcomes if outcome.case.kind == kind])
            for kind in KINDS
        },
        "capabilities": [
            _capability(name, capability, outcomes)
            for name, capability in suite.content.capabilities.items()
        ],
        "cases": [_record(outcome) for outcome in outcomes],
    }
    _save(output, results)
    return results


def _capability(name: str, capability: Capability, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    own = [outcome for outcome in outcomes if outcome.case.capability == name]
    became = Counter(outcome.case.number for outcome in own)
    return {
        "name": name,
        "about": capability.about,
        "hard": capability.hard,
        **_figures(own),
        # How many cases each one became that was written, in their order.
        "became": [became[number] for number in sorted(became)],
    }


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    tested = [outcome for outcome in outcomes if not outcome.skipped]
    failures = sum(outcome.failure is not None for outcome in tested)
    written = {(outcome.case.capability, outcome.case.number) for outcome in outcomes}
    reasons = Counter(outcome.skipped for outcome in outcomes if outcome.skipped)
    return {
        "written": len(written),
        "cases": len(outcomes),
        "skipped": len(outcomes) - len(tested),
        "tested": len(tested),
        "failures": failures,
        "failure_rate": share(failures, len(tested)),
        "why_skipped": dict(reasons),
        # Texts the model could not read whole; what it did not read may have been the opinion.
        "truncated": sum(any(a.truncated_tokens for a in outcome.answers) for outcome in tested),
    }


def _constant(outcomes: Sequence[Outcome], classes: Sequence[str]) -> dict[str, Any]:
    """Return what the best constant answer would fail of the cases that expect a label."""
    labelled = [outcome for outcome in outcomes if outcome.right and not outcome.skipped]
    failures = {name: sum(name not in outcome.right for outcome in labelled) for name in classes}
    answer = min(classes, key=lambda name: failures[name])
    fewest = failures[answer]
    return {"answer": answer, "failures": fewest, "failure_rate": share(fewest, len(labelled))}


def _record(outcome: Outcome) -> dict[str, Any]:
    case = outcome.case
    record: dict[str, Any] = {
        "capability": case.capability,
        "case": case.number,
        "variant": case.variant,
        "kind": case.kind,
        "expected": list(case.expect) or case.score or "one label",
        "tolerance": case.tolerance,
        "result": "skipped" if outcome.skipped else "failed" if outcome.failure else "passed",
        "why": outcome.skipped or outcome.failure,
    }
    return {**record, "got": [answer.to_dict() for answer in outcome.answers]}


def _save(output: Path, results: Mapping[str, Any]) -> None:
    """Write the results, a line for each key and each case."""
    dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    lines = [f" {dump(key)}: {dump(value)}" for key, value in results.items() if key != "cases"]
    cases = ",\n".join(f"  {dump(case)}" for case in results["cases"])
    text = "{\n" + ",\n".join(lines) + ',\n "cases": [\n' + cases + "\n ]\n}\n"
    with output_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    write_file(output / BEHAVIOUR_NAME, text)
