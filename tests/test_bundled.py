"""Bundled models: found by name, never written to, and never in the way of a path."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import sentiment
from sentiment.bundled import bundled_models, bundled_name, bundled_path, find_model
from sentiment.errors import ModelFolderError, OutputError
from sentiment.model_folder import open_model_folder
from sentiment.model_places import default_model, results_folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SENTIMENT_MODEL", raising=False)


def test_configs_and_data_are_there():
    assert (bundled_path("configs") / "default.yaml").is_file()
    assert (bundled_path("data") / "reviews").is_dir()


def test_a_bundled_name_is_a_model(bundle, tiny_model: Path):
    assert bundled_models() == {}
    place = bundle(tiny_model)
    (place.parent / "unfinished").mkdir()
    assert bundled_models() == {"general": place}
    assert find_model("general") == find_model(Path("general")) == place
    assert sentiment.load("general").predict("it was superb")[0].label == "positive"
    assert open_model_folder("general").shown == "general"


def test_a_path_that_exists_goes_before_a_bundled_name(bundle, tiny_model: Path, tmp_path: Path):
    bundle(tiny_model)
    shutil.copytree(tiny_model, tmp_path / "general")
    assert find_model("general") == Path("general")
    assert open_model_folder("general").shown == "general"
    assert bundled_name(Path("general")) is None


def test_an_unknown_name_lists_the_bundled_ones_and_the_nearest(bundle, tiny_model: Path):
    with pytest.raises(ModelFolderError) as caught:
        find_model("genral")
    assert str(caught.value) == (
        "no model folder at 'genral'; expected the folder that `sentiment train` wrote; "
        "run: sentiment train"
    )
    bundle(tiny_model)
    bundle(tiny_model, "tweets")
    with pytest.raises(ModelFolderError) as caught:
        sentiment.load("genral")
    assert "or a bundled model: general, tweets, perhaps 'general'; run: " in str(caught.value)


def test_without_a_name_the_bundled_model_goes_before_those_under_runs(
    bundle, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shutil.copytree(tiny_model, tmp_path / "runs" / "mine")
    assert default_model()[0] == Path("runs/mine")
    bundle(tiny_model, "other")
    assert default_model()[0] == Path("runs/mine")
    place = bundle(tiny_model)
    path, why = default_model()
    assert (path, why) == (place, "model general (bundled; choose another with --model)")
    monkeypatch.setenv("SENTIMENT_MODEL", "runs/mine")
    assert default_model()[0] == Path("runs/mine")
    monkeypatch.setenv("SENTIMENT_MODEL", "general")
    assert find_model(default_model()[0]) == place


def test_results_of_a_bundled_model_go_under_runs(bundle, tiny_model: Path, tmp_path: Path):
    assert results_folder(tiny_model) == tiny_model
    place = bundle(tiny_model)
    # However the folder is named: what came with the package is not written to.
    os.symlink(place, tmp_path / "link")
    assert results_folder(place) == results_folder(tmp_path / "link") == Path("runs/general")
    (tmp_path / "runs" / "general" / "eval").mkdir(parents=True)
    assert results_folder(place) == Path("runs/general")
    shutil.copytree(tiny_model, tmp_path / "runs" / "general", dirs_exist_ok=True)
    with pytest.raises(OutputError, match=r"runs/general holds another model .* --output"):
        results_folder(place)
