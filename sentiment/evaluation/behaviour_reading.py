"""Behaviour suites read from YAML; every fault in one line that names file, capability and case."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from sentiment.bundled import bundled_path
from sentiment.errors import DataError
from sentiment.evaluation.behaviour_suite import (
    SHOWN,
    Capability,
    Directional,
    Invariance,
    Minimum,
    Repeat,
    Suite,
    SuiteContent,
    shown,
)
from sentiment.text.tokenizer import check_text
from sentiment.yaml_mapping import refuse_repeated_keys


def bundled_suites() -> list[str]:
    """Return the stems of the suites that came with the package."""
    return sorted(path.stem for path in (bundled_path("data") / "behaviour").glob("*.yaml"))


def read_suite(name: str) -> Suite:
    """Read and check a suite: a YAML file, or the name of a bundled one such as `general`.

    Raises:
        DataError: the file cannot be read, or is no suite; capability and case are named.
    """
    path = _find(name)
    try:
        data = path.read_bytes()
        raw = yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 - a BaseLoader
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 at byte {error.start}", expected="UTF-8") from None
    except RecursionError:
        raise DataError(f"{path} is nested too deeply", expected="a suite") from None
    except (yaml.YAMLError, ValueError) as error:
        raise DataError(f"{path} is not YAML: {error}", expected="a suite") from None
    for location, text in _strings(raw):
        fault = check_text(text)
        if fault:
            place = _place(path.name, location)
            raise DataError(f"{place} holds {fault}", expected="Unicode text without NUL")
    try:
        content = SuiteContent.model_validate(raw)
    except ValidationError as error:
        raise _in_words(error, path.name) from None
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", path.stem).strip("._-") or "suite"
    return Suite(stem, path.name, hashlib.sha256(data).hexdigest(), content)


def _find(name: str) -> Path:
    if os.path.isfile(name):  # unlike Path.is_file, False for a name that is too long
        return Path(name)
    bundled = bundled_suites()
    if name in bundled:
        return bundled_path("data") / "behaviour" / f"{name}.yaml"
    near = difflib.get_close_matches(name, bundled, n=1)
    raise DataError(
        f"no behaviour suite {name!r}",
        expected=f"a YAML file or {' or '.join(bundled)}",
        run=f"sentiment eval MODEL --behaviour {near[0] if near else 'general'}",
    )


class _Loader(yaml.BaseLoader):
    """Reads every scalar as text, and refuses a key that stands twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        refuse_repeated_keys(node)
        return super().construct_mapping(node, deep)


def _strings(
    value: object, location: tuple[str | int, ...] = (), seen: set[int] | None = None
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Walk every text of the file once, keys included, however often an anchor is used."""
    seen = set() if seen is None else seen
    if isinstance(value, str):
        yield location, value
    elif id(value) not in seen:
        seen.add(id(value))
        inner: Sequence[tuple[Any, Any]] = []
        if isinstance(value, dict):
            inner = list(value.items())
            yield from ((location, key) for key in value if isinstance(key, str))
        elif isinstance(value, list):
            inner = list(enumerate(value))
        for key, part in inner:
            yield from _strings(part, (*location, key), seen)


def _place(file: str, location: Sequence[str | int]) -> str:
    """Return `general.yaml: negation, case 3` as far as the location goes."""
    if len(location) < 2 or location[0] != "capabilities":
        return file
    place = f"{file}: {_plain(location[1])}"
    if len(location) > 3 and location[2] == "cases":
        place += f", case {int(location[3]) + 1}"
    return place


def _key(location: Sequence[str | int]) -> str:
    """Return the key within the place: `repeat.words`, `fill.thing`, `labels`."""
    if location[:1] != ("capabilities",) or len(location) < 2:
        parts = location
    elif location[2:3] == ("cases",) and len(location) > 3:
        parts = location[5:]  # after the number stands the kind of case
    else:
        parts = location[2:]
    names = [_plain(part) for part in parts if isinstance(part, str)]
    return ".".join(name for name in names if name != "[key]")


def _in_words(error: ValidationError, file: str) -> DataError:
    errors = error.errors()
    # A misspelt key is both one that is missing and one that is unknown: the second says more.
    beside = [one for one in errors if one["loc"][:-1] == errors[0]["loc"][:-1]]
    first = next((one for one in beside if one["type"] == "extra_forbidden"), errors[0])
    location = tuple(part for part in first["loc"] if isinstance(part, str | int))
    place, key = _place(file, location), _key(location)
    match first["type"]:
        case "extra_forbidden":
            return DataError(f"{place}: unknown key {key!r}", expected=_known(location))
        case "missing":
            return DataError(f"{place}: no key {key!r}", expected=f"{key}: …")
        case "union_tag_not_found":
            return DataError(
                f"{place} is {shown(first['input'])}",
                expected="text and expect, or same, or from, to and score",
            )
        case "too_short":
            return DataError(f"{place}: {key} is empty", expected="one or more")
        case "value_error":
            return DataError(f"{place}: {key}: {first['msg'].removeprefix('Value error, ')}")
        case "string_pattern_mismatch":
            expected = "a name of letters, digits and '_'" if "fill" in key or "vary" in key else ""
            return DataError(
                f"{place}: {shown(first['input'])} is no name",
                expected=expected or "visible characters on one line",
            )
    expected = re.sub(r"^\w+ should (be|have) ", "", first["msg"])
    if first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        expected = "a block of keys"
    if first["type"] in ("tuple_type", "list_type"):
        expected = "a list"
    subject = f"{place}: {key}" if key else place
    return DataError(f"{subject} is {shown(first['input'])}", expected=expected)


def _known(location: Sequence[str | int]) -> str:
    """Return the key that was perhaps meant, or all that are known there."""
    blocks: dict[str, type[BaseModel]] = {
        "text": Minimum, "same": Invariance, "from": Directional, "repeat": Repeat
    }  # fmt: skip
    default = SuiteContent if len(location) == 1 else Capability
    block = blocks.get(str(location[-2]), default) if len(location) > 3 else default
    keys = [field.alias or name for name, field in block.model_fields.items()]
    near = difflib.get_close_matches(str(location[-1]), keys, n=1)
    return near[0] if near else f"one of {', '.join(keys)}"


def _plain(name: str | int) -> str:
    """Return a name short enough for a message, with what cannot be printed escaped."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name))
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
