"""The public face: what a user of the library may rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sentiment

HEAVY = ("tensorflow", "keras", "numpy", "pandas", "sklearn", "datasets", "onnxruntime", "pydantic")


def modules_after(code: str) -> set[str]:
    """Return the top-level names of what a fresh Python has imported after running code."""
    script = f"import sys\n{code}\nsys.stdout.write(' '.join(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in result.stdout.splitlines()[-1].split()}


def test_the_public_names_are_those_of_all():
    assert sorted(dir(sentiment)) == sentiment.__all__
    assert sentiment.__all__ == [
        "Prediction",
        "SentimentError",
        "SentimentModel",
        "evaluate",
        "load",
        "train",
    ]
    for name in sentiment.__all__:
        assert callable(getattr(sentiment, name))
        assert getattr(sentiment, name).__doc__


def test_what_is_not_public_is_not_there():
    with pytest.raises(AttributeError, match="module 'sentiment' has no attribute 'predict'"):
        sentiment.predict  # noqa: B018


def test_importing_the_package_imports_nothing_heavy():
    assert not modules_after("import sentiment") & set(HEAVY)


def test_predicting_needs_neither_keras_nor_tensorflow(tiny_model: Path):
    code = f"import sentiment; sentiment.load({str(tiny_model)!r}).predict(['a superb film'])"
    loaded = modules_after(code)
    assert "onnxruntime" in loaded
    unwanted = {"tensorflow", "keras", "datasets", "pandas", "sklearn", "onnx", "safetensors"}
    assert not loaded & unwanted


def test_the_package_says_that_it_is_typed():
    assert (Path(sentiment.__file__).parent / "py.typed").is_file()
