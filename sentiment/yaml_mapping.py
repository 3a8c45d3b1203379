"""Refuse a YAML mapping that gives a key twice: YAML would silently take the last."""

from __future__ import annotations

import yaml


def refuse_repeated_keys(node: yaml.MappingNode) -> None:
    """Check the keys of one mapping.

    Raises:
        yaml.constructor.ConstructorError: a key stands twice; with its line.
    """
    seen = set()
    for key, _ in node.value:
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
