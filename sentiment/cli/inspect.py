"""`sentiment inspect`: the layers of a config or a model, and what they do with a text."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from sentiment.bundled import DEFAULT_MODEL, bundled_models
from sentiment.cli.output import print_json
from sentiment.cli.page import stdout_page
from sentiment.config import Config, bundled_configs, load_config
from sentiment.durable import write_file
from sentiment.errors import ConfigError
from sentiment.model_folder import (
    PRETRAINED,
    ModelFolder,
    is_model_folder,
    open_encoder_folder,
    open_model_folder,
)
from sentiment.runtime.inspection import (
    Encoder,
    LayerRow,
    check_shapes,
    encoder_shape_rows,
    format_probe,
    format_shape_table,
    probe,
    shape_rows,
    shapes_of,
)
from sentiment.runtime.replay_view import format_layers
from sentiment.runtime.text_states import TextStates, check_layer, text_states
from sentiment.runtime.word_view import format_trace, token_rows
from sentiment.starting_point import FEW_TEXTS

# What a config alone does not say: the labels are read from the data when training starts.
ASSUMED_CLASSES = 2


@dataclass(frozen=True)
class _Plan:
    """What the shapes are computed from, and where it was read; no classes, no classifier."""

    title: str
    encoder: Encoder
    classifier_units: int
    num_classes: int
    vocabulary_size: int
    notes: tuple[str, ...] = ()

    def rows(self, batch: int | None = None, time: int | None = None) -> list[LayerRow]:
        if not self.num_classes:
            return encoder_shape_rows(
                self.encoder, vocabulary_size=self.vocabulary_size, batch=batch, time=time
            )
        return shape_rows(
            self.encoder,
            classifier_units=self.classifier_units,
            num_classes=self.num_classes,
            vocabulary_size=self.vocabulary_size,
            batch=batch,
            time=time,
        )

    def to_dict(self, rows: Sequence[LayerRow]) -> dict[str, object]:
        return {
            "inspected": self.title,
            "encoder": asdict(self.encoder),
            "layers": [row.to_dict() for row in rows],
            "parameters": sum(row.parameters for row in rows),
            "notes": list(self.notes),
        }


def inspect(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|CONFIG", help="A model folder, a bundled model, or a config."
        ),
    ],
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="Show every state and gate for this text.")
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    npz: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write every array to this NPZ file."),
    ] = None,
    layer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the LSTMs, show this one: lstm_2.")
    ] = None,
    units: Annotated[
        int, typer.Option(min=0, help="How many of each LSTM's strongest units to show.")
    ] = 3,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="A.B=C", help="Change a CONFIG's setting.")
    ] = None,
) -> None:
    """Show the layers and their shapes; with a TEXT, hidden states, cell states and gates."""
    if text is None and (npz is not None or layer is not None):
        raise typer.BadParameter(f"{'--npz' if npz is not None else '--layer'} needs a TEXT")
    if not _names_a_model(model, has_overrides=bool(overrides)):
        plan = _plan_of_config(load_config(model, overrides or ()), model)
        if text is not None:
            raise ConfigError(
                f"{model} is a config: it has no weights to read a text with",
                expected="a model folder",
                run=shlex.join(["sentiment", "train", model]),
            )
        _print_plan(plan, as_json=as_json)
        return
    if overrides:
        raise typer.BadParameter(f"--set needs a CONFIG; {model} is a trained model")
    # Without a classifier there is nothing that a text could be shown to: refused with a TEXT.
    folder = open_encoder_folder(model) if text is None else open_model_folder(model)
    plan = _plan_of_model(folder)
    if layer is not None:
        check_layer(layer, plan.encoder)
    if text is None:
        _print_plan(plan, as_json=as_json)
        return
    states = text_states(
        text,
        tokenizer=folder.tokenizer(),
        weights=folder.load_weights(),
        encoder=plan.encoder,
        classes=folder.classes,
        trained_trace=folder.trained_trace,
    )
    if npz is not None:
        write_file(npz, states.to_npz(layer))
        typer.echo(f"wrote {npz}", err=True)
    rows = plan.rows(batch=1, time=len(states.read.tokens))
    if as_json:
        print_json({**plan.to_dict(rows), **states.to_dict(layer)})
    else:
        _print_states(plan, rows, states, layer=layer, num_units=units)


def _print_plan(plan: _Plan, *, as_json: bool) -> None:
    rows = plan.rows()
    if as_json:
        print_json(plan.to_dict(rows))
    else:
        _print(plan.title, format_shape_table(rows, parameters=True), *plan.notes)


def _print_states(
    plan: _Plan, rows: Sequence[LayerRow], states: TextStates, *, layer: str | None, num_units: int
) -> None:
    seen, scored = states.seen, states.trace
    chances = " · ".join(
        f"{name} {chance:.2f}"
        for name, chance in zip(states.classes, seen.probabilities, strict=True)
    )
    label = states.classes[int(seen.probabilities.argmax())]
    _print(
        plan.title,
        format_shape_table(rows, parameters=True),
        format_probe(probe(seen.pooled, pooling=plan.encoder.pooling)),
        "",
        f"{label}: {chances}",
        format_trace(scored, stdout_page()),
        "",
        format_layers(token_rows(scored), seen, layer=layer, num_units=num_units),
    )


def _names_a_model(name: str, *, has_overrides: bool) -> bool:
    """Tell a model folder from a config; a folder that only shares a config's name is none.

    A bundled model goes before the config it was made with, unless settings are to be changed.
    """
    path = Path(name)
    # A text given without a model may be longer than any file name can be.
    with contextlib.suppress(OSError):
        if path.is_dir():
            return is_model_folder(path) or name not in bundled_configs()
        if path.is_file():
            return False
        if name in bundled_models() and not (has_overrides and name in bundled_configs()):
            return True
        if name in bundled_configs():
            return False
    shown = name if len(name) <= 60 else f"{name[:59]}…"
    raise ConfigError(
        f"no model folder and no config {shown!r}",
        expected=f"a folder that `sentiment train` wrote, a YAML file, or one of "
        f"{', '.join(dict.fromkeys([*bundled_models(), *bundled_configs()]))}",
    )


def _start(init: str) -> str:
    """Say where the sizes come from if training does not start from nothing."""
    name = DEFAULT_MODEL if init == "auto" else init
    few = f", with at most {FEW_TEXTS:,} texts in its language" if init == "auto" else ""
    command = shlex.join(["sentiment", "inspect", name])
    return f"start: from {name}, whose sizes it takes{few}: {command}"


def _plan_of_config(config: Config, name: str) -> _Plan:
    notes = [f"vocabulary: at most {config.text.vocabulary_size:,} tokens, fewer if texts are few"]
    if config.data.classes is None:
        notes.append(f"classes: {ASSUMED_CLASSES} assumed; training takes them from the data")
    if config.encoder.init is not None:
        notes.append(_start(config.encoder.init))
    return _Plan(
        title=f"config {name}",
        encoder=Encoder(
            embedding_units=config.encoder.embedding_units,
            units=config.encoder.units,
            bidirectional=config.encoder.bidirectional,
            pooling=config.encoder.pooling,
        ),
        classifier_units=config.classifier.units,
        num_classes=len(config.data.classes or range(ASSUMED_CLASSES)),
        vocabulary_size=config.text.vocabulary_size,
        notes=tuple(notes),
    )


def _plan_of_model(folder: ModelFolder) -> _Plan:
    info = folder.info
    if info.get("kind") == PRETRAINED:
        return _plan_of_encoder(folder)
    plan = _Plan(
        title=f"model {folder.shown} · classes {', '.join(folder.classes)}",
        encoder=folder.encoder,
        classifier_units=info["classifier"]["units"],
        num_classes=len(folder.classes),
        vocabulary_size=info["vocabulary_size"],
        notes=("weights.safetensors: every tensor has the shape that these layers call for",),
    )
    _check_layers(plan, folder)
    return plan


def _plan_of_encoder(folder: ModelFolder) -> _Plan:
    plan = _Plan(
        title=f"pretrained encoder {folder.path} · no classifier yet",
        encoder=replace(folder.encoder, pooling="last"),  # pooling is a classifier's choice
        classifier_units=0,
        num_classes=0,
        vocabulary_size=folder.info["vocabulary_size"],
        notes=("weights.safetensors: every tensor has the shape that these layers call for",),
    )
    _check_layers(plan, folder)
    return plan


def _check_layers(plan: _Plan, folder: ModelFolder) -> None:
    said = {entry["layer"]: tuple(entry["shape"]) for entry in folder.info["layers"]}
    check_shapes(shapes_of(plan.rows()), said, origin=str(folder.path / "model.json"))


def _print(*blocks: str) -> None:
    typer.echo("\n".join(blocks))
