"""Settings: what is read, what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.config import Config, bundled_configs, load_config, make_config
from sentiment.errors import ConfigError


def refusal(content: dict[str, object]) -> str:
    with pytest.raises(ConfigError) as caught:
        make_config(content, origin="mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize("name", bundled_configs())
def test_every_bundled_config_is_valid_and_survives_being_saved(name: str, tmp_path: Path):
    config = load_config(name)
    saved = tmp_path / "config.yaml"
    saved.write_text(config.to_yaml(), encoding="utf-8")
    assert config.name == name
    assert load_config(saved) == config


def test_the_default_config_is_used_when_none_is_named():
    assert load_config() == load_config("default")


@pytest.mark.parametrize(
    ("content", "meant"),
    [
        ({"training": {"epoch": 3}}, "training.epochs"),
        ({"encoder": {"bidirektional": True}}, "encoder.bidirectional"),
        ({"encoders": {}}, "encoder"),
        # The right key in the wrong place.
        ({"epochs": 3}, "training.epochs"),
        ({"data": {"max_tokens": 3}}, "text.max_tokens"),
    ],
)
def test_an_unknown_key_is_refused_with_the_one_that_was_meant(content, meant: str):
    message = refusal(content)
    assert message.startswith("mine.yaml: unknown key ")
    assert message.endswith(f"; expected {meant}")


def test_an_unknown_key_like_no_other_is_refused_with_all_there_are():
    assert refusal({"classifier": {"zzz": 1}}).endswith("expected one of units, dropout")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"training": {"epochs": "many"}}, "training.epochs is 'many'; expected a valid integer"),
        ({"training": {"epochs": 2.5}}, "training.epochs is 2.5; expected a valid integer"),
        ({"encoder": {"units": 64}}, "encoder.units is 64; expected a list such as [64]"),
        ({"encoder": {"units": [64, 0]}}, "encoder.units.1 is 0; expected greater than 0"),
        ({"encoder": {"units": []}}, "encoder.units is []; expected at least 1 item"),
        ({"encoder": {"pooling": "avg"}}, "expected 'last', 'max', 'mean', 'max_last' or"),
        ({"encoder": {"dropout": 1.0}}, "encoder.dropout is 1.0; expected less than 1"),
        ({"training": {"learning_rate": float("nan")}}, "expected a finite number"),
        ({"training": {"learning_rate": 0}}, "learning_rate is 0; expected greater than 0"),
        ({"training": 3}, "training is 3; expected a block of keys such as seed"),
        ({"text": {"max_tokens": 5, "head_tokens": 6}}, "head_tokens is larger than max_tokens"),
        ({"data": {"classes": ["good"]}}, "classes must be two or more different names"),
        ({"data": {"classes": ["a", "b", "a"]}}, "classes must be two or more different names"),
        ({"data": {"validation_fraction": 0.6, "test_fraction": 0.5}}, "nothing to train on"),
        ({"data": {"source": ""}}, "data.source is ''; expected at least 1 character"),
        ({"name": "../elsewhere"}, "name is '../elsewhere'; expected letters, digits"),
    ],
)
def test_an_impossible_value_is_refused_in_words(content, words: str):
    assert words in refusal(content)


def test_settings_cannot_be_changed_once_they_are_checked():
    with pytest.raises(ValueError, match="frozen"):
        load_config().training.epochs = 0


@pytest.mark.parametrize(
    ("override", "block", "key", "value"),
    [
        ("training.epochs=3", "training", "epochs", 3),
        ("encoder.units=[32, 16]", "encoder", "units", (32, 16)),
        ("encoder.bidirectional=true", "encoder", "bidirectional", True),
        ("training.learning_rate=1e-3", "training", "learning_rate", 0.001),
        ("training.learning_rate=2.5E-4", "training", "learning_rate", 0.00025),
        ("training.learning_rate=.5", "training", "learning_rate", 0.5),
        ("data.classes=[bad, good]", "data", "classes", ("bad", "good")),
        ("data.classes=null", "data", "classes", None),
        ("data.classes=[yes, no]", "data", "classes", ("yes", "no")),
        ("data.classes=[True, False]", "data", "classes", ("True", "False")),
        ("data.classes=[-1, 0, 1.0, ~]", "data", "classes", ("-1", "0", "1.0", "~")),
        ("data={classes: [on, off]}", "data", "classes", ("on", "off")),
        ("data.source=folder/a=b.csv", "data", "source", "folder/a=b.csv"),
        (" data.text_column =body", "data", "text_column", "body"),
    ],
)
def test_set_overrides_one_setting(override: str, block: str, key: str, value: object):
    assert getattr(getattr(load_config(overrides=[override]), block), key) == value


def test_the_last_of_two_overrides_wins():
    config = load_config(overrides=["training.epochs=3", "training.epochs=4"])
    assert config.training.epochs == 4


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epochs", "has no key and value; expected --set training.epochs=3"),
        ("=3", "has no key and value"),
        ("name.first=x", "name is a single value, not a block"),
        ("training.epochss=3", "unknown key 'training.epochss'; expected training.epochs"),
        ("nothing.at.all=3", "unknown key 'nothing'"),
        ("training.epochs=[", "training.epochs is '['; expected a valid integer"),
        ("data.source=a: b", "data.source is {'a': 'b'}; expected a valid string"),
        ("training.epochs=", "training.epochs is None; expected a valid integer"),
        ("training.epochs=x", "--set: training.epochs is 'x'"),
        ("data.classes=a", "data.classes is 'a'; expected a list such as [negative, positive]"),
    ],
)
def test_a_broken_override_is_refused_in_words(override: str, words: str):
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=[override])
    assert words in str(caught.value)


def test_what_is_wrong_in_a_file_is_not_the_fault_of_an_override(tmp_path: Path):
    path = write(tmp_path / "mine.yaml", "training: {epochs: 0}")
    with pytest.raises(ConfigError, match=r"^mine\.yaml: training\.epochs"):
        load_config(path, ["training.seed=1"])
    assert load_config(path, ["training.epochs=1"]).training.epochs == 1


def test_classes_of_a_file_are_named_as_they_are_written(tmp_path: Path):
    path = write(tmp_path / "mine.yaml", "data:\n  classes:\n    - no\n    - Yes\n")
    assert load_config(path).data.classes == ("no", "Yes")


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_a_file_is_read_and_names_the_run_after_itself(tmp_path: Path):
    path = write(tmp_path / "my films.yaml", "training: {learning_rate: 1e-3}\n")
    config = load_config(path)
    assert config.training.learning_rate == 0.001
    assert config.name == "my-films"


def test_a_byte_order_mark_an_empty_block_and_an_empty_file_are_fine(tmp_path: Path):
    path = write(
        tmp_path / "bom.yaml", b"\xef\xbb\xbfencoder:\n  # units: [8]\ntraining:\n  epochs: 2\n"
    )
    assert load_config(path, ["encoder.units=[4]"]).training.epochs == 2
    assert load_config(write(tmp_path / "empty.yaml", "")) == Config(name="empty")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("training: [unclosed", "is not YAML"),
        (b"name: \xff\xfe", "is not YAML"),
        ("- just\n- a list\n", "holds a list; expected keys such as data"),
        ("plain words", "holds a str"),
        ("training: {epochs: 3}\ntraining: {seed: 1}", "the key 'training' stands twice"),
        ("training:\n  epochs: 3\n  epochs: 4", "the key 'epochs' stands twice"),
        ("trainning: {epochs: 3}", "broken.yaml: unknown key 'trainning'; expected training"),
    ],
)
def test_a_broken_file_is_refused_by_name(tmp_path: Path, content: str | bytes, words: str):
    path = write(tmp_path / "broken.yaml", content)
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert words in str(caught.value)
    assert "broken.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_config_name_suggests_the_nearest():
    with pytest.raises(ConfigError, match=r"no config 'defalt'.*perhaps 'default'") as caught:
        load_config("defalt")
    assert caught.value.run == "sentiment train default"


def test_a_text_given_for_a_config_is_no_config():
    with pytest.raises(ConfigError, match="no config 'a long text"):
        load_config("a long text " * 50)


names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,8}\Z")
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    name=names,
    source=words,
    classes=st.none() | st.lists(words, min_size=2, max_size=4, unique=True),
    rate=st.floats(min_value=1e-12, max_value=1e3),
)
def test_any_settings_are_the_same_after_yaml(tmp_path_factory, name, source, classes, rate):
    config = make_config(
        {
            "name": name,
            "data": {"source": source, "classes": classes},
            "training": {"learning_rate": rate},
        },
        origin="test",
    )
    saved = tmp_path_factory.getbasetemp() / "round.yaml"
    saved.write_text(config.to_yaml(), encoding="utf-8")
    assert load_config(saved) == config
