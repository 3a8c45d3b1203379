"""The files of a pretrained encoder's folder."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sentiment.backend import versions
from sentiment.config import PretrainingSettings
from sentiment.data.unlabelled import UnlabelledTexts
from sentiment.model_card import encoder_card
from sentiment.model_files import history_csv
from sentiment.model_folder import MODEL, PRETRAINED, SCHEMA_VERSION, TOKENIZER, WEIGHTS
from sentiment.runtime.shapes import encoder_shape_rows
from sentiment.starting_point import StartingPoint
from sentiment.text.tokenizer import Tokenizer
from sentiment.training_plan import Plan

if TYPE_CHECKING:
    from sentiment.nn.look import Look
    from sentiment.nn.pretraining import Pretrainer, PretrainingRecord


@dataclass(frozen=True)
class Outcome:
    """What a pretraining began with and ended with.

    Attributes:
        start: settings and what the encoder started from.
        texts: what was read.
        tokenizer: how.
        pretrainer: holds the encoder.
        history: one record an epoch.
        unigram_perplexity: of the held-out texts, by token frequency alone.
        look: at the encoder, on held-out texts.
    """

    start: StartingPoint
    texts: UnlabelledTexts
    tokenizer: Tokenizer
    pretrainer: Pretrainer
    history: list[PretrainingRecord]
    unigram_perplexity: float
    look: Look


def encoder_files(plan: Plan, outcome: Outcome) -> dict[str, bytes]:
    """Return the content of every file, by name."""
    from safetensors.numpy import save

    info = _encoder_info(plan, outcome)
    texts = {
        MODEL: json.dumps(info, indent=2, ensure_ascii=False, allow_nan=False) + "\n",
        TOKENIZER: outcome.tokenizer.to_json(),
        "config.yaml": plan.config.to_yaml(),
        "history.csv": history_csv(outcome.history),
        "MODEL_CARD.md": encoder_card(info),
    }
    weights = {WEIGHTS: save(outcome.pretrainer.encoder_weights())}
    return {name: text.encode("utf-8") for name, text in texts.items()} | weights


def _encoder_info(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    encoder, text = outcome.start.config.encoder, outcome.start.config.text
    settings, encoded = outcome.pretrainer.settings, outcome.pretrainer.encoded
    layers = encoder_shape_rows(
        encoder.model_copy(update={"pooling": "last"}),
        vocabulary_size=outcome.tokenizer.vocabulary_size,
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": PRETRAINED,
        "name": plan.output.name,
        "encoder": encoder.model_dump(mode="json"),
        "text": text.model_dump(mode="json"),
        "pretraining": settings.model_dump(mode="json"),
        "started_from": _started_from(outcome.start, settings),
        "vocabulary_size": outcome.tokenizer.vocabulary_size,
        "max_tokens": text.max_tokens,
        "head_tokens": text.head_tokens,
        "layers": [row.to_dict() for row in layers],
        "parameters": sum(row.parameters for row in layers),
        "observed_shapes": {row.layer: list(row.shape) for row in outcome.look.layers},
        "probe": outcome.look.probe.to_dict(),
        "texts": len(outcome.texts.texts),
        "tokens": len(encoded.token_ids),
        "held_out_texts": len(outcome.texts.held_out),
        "perplexity": _number(outcome.history[-1].perplexity),
        "unigram_perplexity": _number(outcome.unigram_perplexity),
        "history": [_figures(record) for record in outcome.history],
        "data": {
            "source": plan.config.data.source,
            "fingerprint": outcome.texts.fingerprint,
            "notes": list(outcome.texts.notes),
        },
        "versions": versions(),
        "command": plan.command,
        "seed": settings.seed,
        "epochs": len(outcome.history),
        "pretrained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "pretraining_seconds": round(sum(record.seconds for record in outcome.history), 1),
    }


def _started_from(start: StartingPoint, settings: PretrainingSettings) -> str:
    if start.weights:
        return str(start.config.encoder.init)
    return "word vectors counted in the same texts" if settings.word_vectors else "random vectors"


def _figures(record: PretrainingRecord) -> dict[str, float | None]:
    return {
        "epoch": record.epoch,
        "next_loss": _number(record.next_loss),
        "elsewhere_loss": _number(record.elsewhere_loss),
        "perplexity": _number(record.perplexity),
    }


def _number(value: float) -> float | None:
    """Return what JSON can hold."""
    return value if math.isfinite(value) else None
