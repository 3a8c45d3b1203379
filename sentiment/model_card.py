"""`MODEL_CARD.md`: what a model is, in the words of its own `model.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEMPLATE = """\
# Model card: {name}

A sentiment classifier with the classes {classes} (most negative first), made by
`{command}` on {trained_at}.

## What it is

A stacked LSTM encoder ({layers}) under a dense classifier; {parameters:,} parameters. The
classifier reads {reading}. Text is cut to {max_tokens} tokens: the first {head_tokens} and the
last {tail_tokens}; every prediction says how many were left out.

## What it was trained on

`{source}`: {train:,} texts to learn from, {validation:,} to validate on. Fingerprint of the data:
`{fingerprint}`.
{notes}
## How good it is

On the {validation:,} validation texts: accuracy {accuracy:.1%} (95 % interval {low:.1%} to
{high:.1%}), macro-F1 {macro_f1:.3f}, loss {loss:.3f}. Validation chose {chosen} ({temperature:.2f},
already built into the weights), so expect a little less elsewhere.
For figures beside a baseline, and on a test split, run `sentiment eval`.

The weights are stored as {weights}, and figures are those of the stored ones. Float32 ONNX differs
from Keras by at most {parity:.1e}. Int8: {int8}.

## What it is not for

It has seen texts like those above and no others: on another kind of text, another language or much
longer texts it can be wrong without being unsure. It judges the words, not the people who wrote
them; do not decide about a person by it.
"""

_ENCODER_TEMPLATE = """\
# Model card: {name}

A pretrained encoder without a classifier, made by `{command}` on {pretrained_at}. Give it one:

    sentiment train CONFIG --set encoder.init={name}

## What it is

An embedding of {vocabulary_size:,} tokens and stacked LSTMs ({layers}); {parameters:,} parameters.
It started from {started_from} and learned, on text without labels, to foresee the next token and
other tokens of the same text.

## What it was trained on

`{source}`: {learned:,} texts, {tokens:,} tokens, {epochs} epochs. Fingerprint of the texts:
`{fingerprint}`.
{notes}
## How good it is

Perplexity of the next token on {held_out:,} held-out texts: {perplexity}; guessing by frequency
alone: {unigram}. That says how well it foresees text, not how well a classifier on top of it
judges: train one, and compare it with `--set encoder.init=null` on your validation texts.

## What it is not for

It has read texts like those above and no others, and it has picked up how they are written, with
whatever they assume about people. It is no text generator.
"""


def encoder_card(info: Mapping[str, Any]) -> str:
    """Return the card of a pretrained encoder from the content of its `model.json`."""
    data = info["data"]
    return _ENCODER_TEMPLATE.format(
        name=info["name"],
        command=info["command"],
        pretrained_at=info["pretrained_at"],
        vocabulary_size=info["vocabulary_size"],
        layers=" → ".join(str(units) for units in info["encoder"]["units"]) + " units",
        parameters=info["parameters"],
        started_from=info["started_from"],
        source=data["source"],
        learned=info["texts"],
        tokens=info["tokens"],
        epochs=info["epochs"],
        fingerprint=data["fingerprint"][:16],
        notes="".join(f"\n- {note}" for note in data["notes"]) + "\n",
        held_out=info["held_out_texts"],
        perplexity=_one_decimal(info["perplexity"]),
        unigram=_one_decimal(info["unigram_perplexity"]),
    )


def _one_decimal(value: float | None) -> str:
    return "none (no text has a second token)" if value is None else f"{value:,.1f}"


def model_card(info: Mapping[str, Any]) -> str:
    """Return the card of a model from the content of its `model.json`."""
    from sentiment.evaluation.intervals import wilson

    metrics, encoder = info["metrics"]["validation"], info["encoder"]
    low, high = wilson(round(metrics["accuracy"] * metrics["n"]), metrics["n"])
    pooling = encoder["pooling"]
    reading = (
        "the last layer's final hidden state"
        if pooling == "last"
        else f"the last layer's hidden states, pooled over time by `{pooling}`"
    )
    both = ", both directions" if encoder["bidirectional"] else ""
    return _TEMPLATE.format(
        name=info["name"],
        classes=", ".join(info["classes"]),
        command=info["command"],
        trained_at=info["trained_at"],
        layers=" → ".join(str(units) for units in encoder["units"]) + " units" + both,
        parameters=info["parameters"],
        reading=reading,
        max_tokens=info["max_tokens"],
        head_tokens=info["head_tokens"],
        tail_tokens=info["max_tokens"] - info["head_tokens"],
        source=info["data"]["source"],
        train=info["data"]["rows"]["train"],
        validation=info["data"]["rows"]["validation"],
        fingerprint=info["data"]["fingerprint"][:16],
        notes="".join(f"\n- {note}" for note in info["data"]["notes"]) + "\n",
        accuracy=metrics["accuracy"],
        low=low,
        high=high,
        macro_f1=metrics["macro_f1"],
        loss=metrics["loss"],
        chosen=("" if info["training"]["keep"] == "last" else "the epoch and ") + "the temperature",
        temperature=info["temperature"],
        weights=info["weights"],
        parity=info["onnx_largest_difference"],
        int8=info["int8"],
    )
