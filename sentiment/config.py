"""All settings of a training: YAML plus `--set a.b=c`, checked and frozen.

`configs/default.yaml` explains every key once. Unknown keys are refused with the nearest known one.
"""

from __future__ import annotations

import copy
import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from sentiment.bundled import bundled_path
from sentiment.errors import ConfigError
from sentiment.yaml_mapping import refuse_repeated_keys


def _as_tuple(value: object) -> object:
    """Read one name, or none, as a list of names."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else value


Fraction = Annotated[float, Field(ge=0, lt=1)]
PositiveInt = Annotated[int, Field(gt=0)]
Names = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
Pooling = Literal["last", "max", "mean", "max_last", "attention"]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DataSettings(_Settings):
    """Where the labelled text is, and how it is split."""

    source: Annotated[str, Field(min_length=1)] = "bundled"
    text_column: str = "text"
    label_column: str = "label"
    classes: tuple[str, ...] | None = None
    group_column: str | None = None
    validation_fraction: Annotated[float, Field(gt=0, lt=0.9)] = 0.1
    test_fraction: Fraction = 0.1
    split_seed: int = 13
    max_train_rows: PositiveInt | None = None

    @model_validator(mode="after")
    def _classes_make_sense(self) -> DataSettings:
        if self.classes is not None and (
            len(self.classes) < 2 or len(set(self.classes)) < len(self.classes)
        ):
            raise ValueError("classes must be two or more different names")
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction and test_fraction leave nothing to train on")
        return self


class TextSettings(_Settings):
    """How text becomes token ids."""

    tokenizer: Literal["word", "bpe"] = "word"
    vocabulary_size: Annotated[int, Field(ge=16)] = 20_000
    min_frequency: PositiveInt = 2
    max_tokens: PositiveInt = 400
    head_tokens: Annotated[int, Field(ge=0)] = 100

    @model_validator(mode="after")
    def _head_fits(self) -> TextSettings:
        if self.head_tokens > self.max_tokens:
            raise ValueError("head_tokens is larger than max_tokens")
        return self


class EncoderSettings(_Settings):
    """The stacked LSTM encoder: `len(units)` layers, the first nearest to the text."""

    init: Annotated[str, Field(min_length=1)] | None = None
    embedding_units: PositiveInt = 128
    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (128, 64)
    bidirectional: bool = False
    pooling: Pooling = "last"
    embedding_dropout: Fraction = 0.4
    dropout: Fraction = 0.3


class ClassifierSettings(_Settings):
    """The dense classifier that reads the encoder's output."""

    units: PositiveInt = 32
    dropout: Fraction = 0.3


class PerturbationSettings(_Settings):
    """Losses on texts whose words are moved a little; all zero: none."""

    adversarial: Annotated[float, Field(ge=0)] = 0.0
    virtual: Annotated[float, Field(ge=0)] = 0.0
    entropy: Annotated[float, Field(ge=0)] = 0.0
    size: Annotated[float, Field(gt=0)] = 5.0
    unlabelled_batch_size: PositiveInt = 128

    @property
    def wanted(self) -> bool:
        """Whether there is any such loss."""
        return bool(self.adversarial or self.virtual or self.entropy)


class TrainingSettings(_Settings):
    """How the weights are found."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 13
    epochs: PositiveInt = 10
    passes: PositiveInt = 1
    batch_size: PositiveInt = 64
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    warmup_fraction: Fraction = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    label_smoothing: Fraction = 0.0
    class_weights: Literal["none", "balanced"] = "none"
    ema_momentum: Fraction = 0.998
    keep: Literal["best", "last"] = "best"
    patience: PositiveInt = 3
    teacher: Names = ()
    teacher_share: Annotated[float, Field(ge=0, le=1)] = 0.7
    unlabelled_texts: Annotated[int, Field(ge=0)] = 0
    perturbation: PerturbationSettings = PerturbationSettings()
    trace_loss: Annotated[float, Field(ge=0)] = 0.0
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 60.0

    @model_validator(mode="after")
    def _unlabelled_texts_are_for_something(self) -> TrainingSettings:
        if self.unlabelled_texts and not (self.teacher or self.perturbation.wanted):
            raise ValueError(
                "unlabelled_texts is for a teacher or a perturbation, and neither is set"
            )
        return self


class PretrainingSettings(_Settings):
    """How the encoder is pretrained on unlabelled text."""

    seed: Annotated[int, Field(ge=0, lt=2**31)] = 13
    epochs: PositiveInt = 5
    rows: PositiveInt = 128
    segment_tokens: Annotated[int, Field(ge=2)] = 64
    negatives: PositiveInt = 1024
    word_vectors: bool = True
    elsewhere_share: Fraction = 0.5
    learning_rate: Annotated[float, Field(gt=0)] = 3e-3
    warmup_fraction: Fraction = 0.02
    clip_norm: Annotated[float, Field(gt=0)] = 1.0
    dropout: Fraction = 0.0
    held_out_texts: PositiveInt = 500
    checkpoint_seconds: Annotated[float, Field(ge=0)] = 120.0


class ExportSettings(_Settings):
    """How the weights are stored, and what is written beside them."""

    weights: Literal["float32", "float16"] = "float32"
    int8: bool = True
    int8_max_accuracy_loss: Fraction = 0.002


class Config(_Settings):
    """One training, whole: saved as `config.yaml` in the model folder it made."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = "default"
    data: DataSettings = DataSettings()
    text: TextSettings = TextSettings()
    encoder: EncoderSettings = EncoderSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    training: TrainingSettings = TrainingSettings()
    pretraining: PretrainingSettings = PretrainingSettings()
    export: ExportSettings = ExportSettings()

    @model_validator(mode="after")
    def _a_trace_is_of_final_states(self) -> Config:
        encoder = self.encoder
        if self.training.trace_loss and (encoder.pooling != "last" or encoder.bidirectional):
            raise ValueError(
                "training.trace_loss asks after every token, so it is for encoder.pooling last and "
                "encoder.bidirectional false"
            )
        return self

    def to_yaml(self) -> str:
        """Return the settings as YAML that `load_config` reads back to an equal config."""
        return yaml.dump(
            self.model_dump(mode="json"), Dumper=_YamlDumper, sort_keys=False, allow_unicode=True
        )


class _YamlLoader(yaml.SafeLoader):
    """Reads `1e-3`, text in YAML 1.1, as a number, and `classes` as the names that are written."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        refuse_repeated_keys(node)
        for key, value in node.value:
            # Else yes and no would be True and False, and 1 no name.
            if key.value == "classes" and isinstance(value, yaml.SequenceNode):
                for name in value.value:
                    if isinstance(name, yaml.ScalarNode):
                        name.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


class _YamlDumper(yaml.SafeDumper):
    """Quotes the texts that `_YamlLoader` would read as numbers."""


for _kind in (_YamlLoader, _YamlDumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d[\d_]*)(\.[\d_]*)?[eE][-+]?\d+$|^[-+]?\.\d+(?:[eE][-+]?\d+)?$"),
        list("-+.0123456789"),
    )


def load_config(name: str | Path | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a config by path or bundled stem, apply `a.b=c` overrides, and check it.

    Args:
        name: a YAML path, the stem of a bundled config such as `imdb`, or None for `default`.
        overrides: settings such as `training.epochs=3`; values are read as YAML.

    Raises:
        ConfigError: the file, a key or a value is not usable; the message names it.
    """
    path = _find(str(name) if name is not None else "default")
    written = {"name": _as_name(path.stem), **_read(path)}
    settings = _changed(written, overrides)
    try:
        return make_config(settings, origin=path.name)
    except ConfigError:
        make_config(written, origin=path.name)
        # The file is well by itself.
        return make_config(settings, origin="--set")


def change_config(config: Config, overrides: Sequence[str]) -> Config:
    """Return a config with settings changed, as `load_config` changes those of a file.

    Raises:
        ConfigError: a key or a value is not usable; the message names it.
    """
    return make_config(_changed(config.model_dump(mode="json"), overrides), origin="--set")


def make_config(settings: Mapping[str, Any], *, origin: str) -> Config:
    """Check a nested mapping of settings.

    Raises:
        ConfigError: with the first fault, in words, and `origin` named.
    """
    try:
        return Config.model_validate(dict(settings))
    except ValidationError as error:
        raise _in_words(error, origin) from None


def bundled_configs() -> list[str]:
    """Return the stems of the configs that came with the package."""
    return sorted(path.stem for path in bundled_path("configs").glob("*.yaml"))


def _as_name(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-") or "default"


def _find(name: str) -> Path:
    path = Path(name)
    if os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long
        return path
    bundled = bundled_path("configs") / f"{name}.yaml"
    if "/" not in name and os.path.isfile(bundled):
        return bundled
    near = difflib.get_close_matches(name, bundled_configs(), n=1)
    hint = f", perhaps {near[0]!r}" if near else ""
    raise ConfigError(
        f"no config {name!r}",
        expected=f"a YAML file or one of {', '.join(bundled_configs())}{hint}",
        run=f"sentiment train {near[0] if near else 'default'}",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_YamlLoader)  # noqa: S506
    except (yaml.YAMLError, ValueError) as error:
        detail = str(error).replace("\n", " ")
        raise ConfigError(f"{path} is not YAML: {detail}", expected="keys and values") from None
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path} holds a {type(content).__name__}",
            expected="keys such as data, text, encoder, training",
        )
    # A block whose keys are all commented out reads as None.
    return {key: value for key, value in content.items() if value is not None}


def _changed(settings: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    changed = copy.deepcopy(dict(settings))
    for override in overrides:
        _apply(changed, override)
    return changed


def _apply(settings: dict[str, Any], override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise ConfigError(
            f"--set {override!r} has no key and value", expected="--set training.epochs=3"
        )
    *parents, last = key.strip().split(".")
    try:
        if last == "classes":
            value = yaml.load(f"{last}: {text}", Loader=_YamlLoader)[last]  # noqa: S506
        else:
            value = yaml.load(text, Loader=_YamlLoader)  # noqa: S506
    except yaml.YAMLError:
        value = text
    block = settings
    for parent in parents:
        inner = block.setdefault(parent, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {override!r}: {parent} is a single value, not a block")
        block = inner
    block[last] = value


def _known_keys(settings: type[BaseModel] = Config, name: str = "") -> dict[str, list[str]]:
    """Return the keys of every block, by its dotted name; those outside the blocks, under `""`."""
    known = {name: list(settings.model_fields)}
    for key, field in settings.model_fields.items():
        block = field.annotation
        if isinstance(block, type) and issubclass(block, BaseModel):
            known |= _known_keys(block, f"{name}.{key}" if name else key)
    return known


def _nearest_key(block: str, key: str) -> str | None:
    """Return the key that was meant: one of the block, or one that belongs into another block."""
    known = _known_keys()
    elsewhere = [f"{name}.{key}" for name, keys in known.items() if name and key in keys]
    if elsewhere:
        return elsewhere[0]
    near = difflib.get_close_matches(key, known.get(block, []), n=1, cutoff=0.5)
    return ".".join(filter(None, [block, *near])) if near else None


def _in_words(error: ValidationError, origin: str) -> ConfigError:
    first = error.errors()[0]
    location = tuple(str(part) for part in first["loc"])
    key = ".".join(location)
    if first["type"] == "extra_forbidden":
        block = ".".join(location[:-1])
        near = _nearest_key(block, location[-1])
        expected = near or f"one of {', '.join(_known_keys().get(block, []))}"
        return ConfigError(f"{origin}: unknown key {key!r}", expected=expected)
    message = re.sub(r"^(Value error, |\w+ should (be|have) )", "", first["msg"])
    if first["type"] == "string_pattern_mismatch":
        message = "letters, digits, '.', '_' and '-', the first a letter or digit"
    if first["type"] == "value_error":
        return ConfigError(f"{origin}: {key}: {message}" if key else f"{origin}: {message}")
    if first["type"] == "tuple_type":
        named = key == "data.classes"
        message = f"a list such as {'[negative, positive]' if named else [first['input']]}"
    if first["type"] in ("model_type", "model_attributes_type"):
        message = f"a block of keys such as {_known_keys()[key][0]}"
    return ConfigError(f"{origin}: {key} is {first['input']!r}", expected=message)
