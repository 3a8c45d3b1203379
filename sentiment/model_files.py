"""What a model folder of `sentiment train` holds, as bytes; `encoder_files` is its twin."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.backend import versions
from sentiment.data.load import Splits
from sentiment.model_card import model_card
from sentiment.model_folder import MODEL, SCHEMA_VERSION, TOKENIZER
from sentiment.text.tokenizer import Tokenizer
from sentiment.training_plan import Plan

if TYPE_CHECKING:
    from sentiment.nn.look import Look
    from sentiment.nn.packaging import Package
    from sentiment.nn.pretraining import PretrainingRecord
    from sentiment.nn.training import EpochRecord


@dataclass(frozen=True)
class Outcome:
    """What a training ended with; probabilities are the validation texts' (texts, classes)."""

    package: Package
    temperature: float
    history: list[EpochRecord]
    probabilities: NDArray[np.float32]
    look: Look


def model_files(
    plan: Plan, splits: Splits, tokenizer: Tokenizer, outcome: Outcome
) -> dict[str, bytes]:
    """Return the files of a model folder by name."""
    info = _model_info(plan, splits, tokenizer, outcome)
    texts = {
        MODEL: json.dumps(info, indent=2, ensure_ascii=False) + "\n",
        TOKENIZER: tokenizer.to_json(),
        "config.yaml": plan.config.to_yaml(),
        "history.csv": history_csv(outcome.history),
        "MODEL_CARD.md": model_card(info),
    }
    return {name: text.encode("utf-8") for name, text in texts.items()} | outcome.package.files


def _model_info(
    plan: Plan, splits: Splits, tokenizer: Tokenizer, outcome: Outcome
) -> dict[str, Any]:
    from sentiment.nn.scoring import score
    from sentiment.runtime.shapes import shape_rows

    config = plan.config
    layers = shape_rows(
        config.encoder,
        classifier_units=config.classifier.units,
        num_classes=len(splits.classes),
        vocabulary_size=tokenizer.vocabulary_size,
    )
    loss, accuracy, macro_f1 = score(outcome.probabilities, splits.validation.labels)
    return {
        "schema_version": SCHEMA_VERSION,
        "name": plan.output.name,
        "classes": list(splits.classes),
        "encoder": config.encoder.model_dump(mode="json"),
        "classifier": config.classifier.model_dump(mode="json"),
        "training": config.training.model_dump(mode="json"),
        "text": config.text.model_dump(mode="json"),
        "vocabulary_size": tokenizer.vocabulary_size,
        "max_tokens": config.text.max_tokens,
        "head_tokens": config.text.head_tokens,
        "temperature": outcome.temperature,
        "layers": [row.to_dict() for row in layers],
        "parameters": sum(row.parameters for row in layers),
        "weights": config.export.weights,
        "observed_shapes": {row.layer: list(row.shape) for row in outcome.look.layers},
        "probe": outcome.look.probe.to_dict(),
        "metrics": {
            "validation": {
                "n": len(splits.validation),
                "accuracy": accuracy,
                "macro_f1": macro_f1,
                "loss": loss,
            }
        },
        "onnx_largest_difference": outcome.package.parity,
        "int8": outcome.package.int8,
        "data": {
            "source": config.data.source,
            "fingerprint": splits.fingerprint,
            "rows": {"train": len(splits.train), "validation": len(splits.validation)},
            "splits": ["train", "validation", *(["test"] if splits.test else [])],
            "notes": list(splits.notes),
        },
        "versions": versions(),
        "command": plan.command,
        "seed": config.training.seed,
        "epochs": len(outcome.history),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "training_seconds": round(sum(record.seconds for record in outcome.history), 1),
    }


def history_csv(history: Sequence[EpochRecord] | Sequence[PretrainingRecord]) -> str:
    """Return `history.csv`: a line an epoch, a column a field of its record."""
    content = io.StringIO()
    names = [field.name for field in fields(history[0])]
    writer = csv.DictWriter(content, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(record) for record in history)
    return content.getvalue()
