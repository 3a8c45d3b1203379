from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from safetensors.numpy import save
from typer.testing import CliRunner

from sentiment.cli.inspect import inspect
from sentiment.config import EncoderSettings, TextSettings
from sentiment.errors import ConfigError, DataError, ModelFolderError, OutputError
from sentiment.model_folder import write_model_folder
from sentiment.runtime.inspection import expected_weight_shapes, shape_rows
from sentiment.runtime.replay import replay
from sentiment.text.tokenizer import Tokenizer

CLASSES = ("negative", "neutral", "positive")
TEXTS = ["a good film", "a bad film", "not good , not bad", "the end of the film :("]


def write_model(path: Path, **settings) -> Path:
    """Write a toy model with random weights, as `train` would."""
    encoder = EncoderSettings(embedding_units=4, units=(5, 3), **settings)
    text = TextSettings(vocabulary_size=40, min_frequency=1, max_tokens=6, head_tokens=2)
    tokenizer = Tokenizer.train(TEXTS, text)
    sizes = {
        "classifier_units": 4,
        "num_classes": len(CLASSES),
        "vocabulary_size": tokenizer.vocabulary_size,
    }
    random = np.random.default_rng(0)
    weights = {
        name: random.normal(size=shape).astype(np.float32)
        for name, shape in expected_weight_shapes(encoder, **sizes).items()
    }
    info = {
        "schema_version": 1,
        "classes": list(CLASSES),
        "encoder": encoder.model_dump(mode="json"),
        "classifier": {"units": 4},
        "vocabulary_size": tokenizer.vocabulary_size,
        "max_tokens": text.max_tokens,
        "head_tokens": text.head_tokens,
        "layers": [row.to_dict() for row in shape_rows(encoder, **sizes)],
    }
    write_model_folder(
        path,
        {
            "model.json": json.dumps(info).encode(),
            "tokenizer.json": tokenizer.to_json().encode(),
            "weights.safetensors": save(weights),
            "model.onnx": b"not read by inspect",
        },
    )
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "toy")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text("encoder: {units: [7, 5], embedding_units: 3}\ntext: {vocabulary_size: 100}\n")
    return path


def run(*arguments: object, code: int = 0):
    """Run `sentiment inspect`; known errors, which main prints in one line, come up as they are."""
    app = typer.Typer()
    app.command()(inspect)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def test_a_config_shows_its_layers_before_anything_is_trained(config: Path):
    lines = run(config).stdout.splitlines()
    table = {line.split()[0]: line for line in lines}
    assert "(batch, time, 7)" in table["lstm_1"]
    assert "every hidden state h_1 … h_T" in table["lstm_1"]
    assert "(batch, 5)" in table["lstm_2"]
    assert "the final hidden state h_T" in table["lstm_2"]
    assert "300" in table["embedding"]
    assert "2 assumed" in table["classes:"]


@pytest.mark.parametrize(
    ("init", "line"),
    [
        ("null", None),
        ("my model", "start: from my model, whose sizes it takes: sentiment inspect 'my model'"),
        (
            "auto",
            "start: from general, whose sizes it takes, with at most 50,000 texts in its language: "
            "sentiment inspect general",
        ),
    ],
)
def test_a_config_that_starts_from_an_encoder_says_whose_sizes_there_will_be(
    config: Path, init: str, line: str | None
):
    lines = run(config, "--set", f"encoder.init={init}").stdout.splitlines()
    assert [said for said in lines if said.startswith("start:")] == ([line] if line else [])


def test_set_changes_the_config_that_is_inspected(config: Path):
    result = run(config, "--set", "encoder.bidirectional=true", "--set", "data.classes=[a, b, c]")
    assert "(batch, 10)" in result.stdout
    assert "(batch, 3)" in result.stdout
    assert "assumed" not in result.stdout


def test_a_config_as_json(config: Path):
    content = json.loads(run(config, "--json").stdout)
    layers = {entry["layer"]: entry for entry in content["layers"]}
    assert layers["lstm_1"]["shape"] == [None, None, 7]
    assert layers["lstm_1"]["parameters"] == 4 * ((3 + 7) * 7 + 7)
    assert content["parameters"] == sum(entry["parameters"] for entry in content["layers"])


def test_a_config_cannot_read_a_text(config: Path):
    with pytest.raises(ConfigError, match="sentiment train"):
        run(config, "a good film")


def test_a_model_shows_its_layers(model: Path):
    output = run(model).stdout
    assert "classes negative, neutral, positive" in output
    assert "(batch, time, 5)" in output
    assert "weights.safetensors: every tensor" in output


def test_a_model_json_that_contradicts_the_settings_is_refused(tmp_path: Path, model: Path):
    files = {
        path.name: path.read_bytes() for path in model.iterdir() if path.name != "manifest.json"
    }
    info = json.loads(files["model.json"])
    info["layers"][2]["shape"] = [None, None, 9]
    files["model.json"] = json.dumps(info).encode()
    write_model_folder(tmp_path / "other", files)
    with pytest.raises(ModelFolderError, match=r"lstm_1 has shape .*9\).*time, 5\)"):
        run(tmp_path / "other")


def test_a_text_shows_tokens_states_gates_and_scores(model: Path):
    output = run(model, "not a good film").stdout
    assert "(1, 4, 5)" in output
    assert "final hidden state h_T: norm" in output
    for word in ("not", "good", "film", "lstm_1 · 5 units", "lstm_2 · 3 units", "forget"):
        assert word in output
    assert "A probe, not a prediction" in output
    assert "  not a good film" in output.replace("▸", "").splitlines()


def test_an_unknown_word_is_shown_as_it_stands_in_the_text(model: Path):
    assert "Zorpish [UNK]" in run(model, "a Zorpish film").stdout


def test_an_empty_text_is_one_unknown_token(model: Path):
    assert len(json.loads(run(model, "", "--json").stdout)["tokens"]) == 1


def test_a_text_too_long_says_where_tokens_were_cut(model: Path):
    output = run(model, "a good film a bad film the end").stdout
    assert "… 2 tokens cut …" in output


def test_a_text_as_json_has_every_state_and_gate_of_every_layer(model: Path):
    content = json.loads(run(model, "not a good film", "--json").stdout)
    assert set(content["states"]) == {"lstm_1", "lstm_2"}
    for layer, units in (("lstm_1", 5), ("lstm_2", 3)):
        for name in ("hidden", "cell", "input_gate", "forget_gate", "candidate", "output_gate"):
            assert np.array(content["states"][layer][name]).shape == (4, units)
    assert [token["token"] for token in content["tokens"]] == ["not", "a", "good", "film"]
    assert content["tokens"][2]["start"] == 6
    assert content["pooled"] == content["states"]["lstm_2"]["hidden"][-1]
    negative, _, positive = content["probabilities"].values()
    assert content["score"] == pytest.approx(positive - negative, abs=1e-6)
    assert content["label"] == max(content["probabilities"], key=content["probabilities"].get)


def test_npz_holds_what_the_network_computed(model: Path, tmp_path: Path):
    target = tmp_path / "states.npz"
    run(model, "not a good film", "--npz", target)
    from safetensors.numpy import load_file

    with np.load(target, allow_pickle=False) as arrays:
        seen = replay(
            load_file(model / "weights.safetensors"),
            arrays["token_ids"],
            EncoderSettings(embedding_units=4, units=(5, 3)),
        )
        assert arrays["tokens"].tolist() == ["not", "a", "good", "film"]
        np.testing.assert_array_equal(arrays["lstm_1/cell"], seen.layers[0].forward.cell)
        np.testing.assert_array_equal(arrays["probabilities"], seen.probabilities)


def test_npz_that_cannot_be_written(model: Path, tmp_path: Path):
    with pytest.raises(OutputError, match="nowhere"):
        run(model, "a film", "--npz", tmp_path / "nowhere" / "states.npz")


def test_one_layer_alone_everywhere(model: Path, tmp_path: Path):
    target = tmp_path / "states.npz"
    result = run(model, "a film", "--layer", "lstm_2", "--json", "--npz", target)
    assert set(json.loads(result.stdout)["states"]) == {"lstm_2"}
    with np.load(target) as arrays:
        assert "lstm_2/hidden" in arrays
        assert "lstm_1/hidden" not in arrays


def test_a_layer_that_is_not_there(model: Path):
    with pytest.raises(ConfigError, match="lstm_1 or lstm_2"):
        run(model, "a film", "--layer", "lstm_3")


def test_the_number_of_units_shown(model: Path):
    shown = run(model, "a film", "--layer", "lstm_1", "--units", "2").stdout
    assert len([line for line in shown.splitlines() if line.startswith("  #")]) == 2


@pytest.mark.parametrize("pooling", ["max", "mean", "max_last", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_kind_of_encoder_can_be_looked_into(
    tmp_path: Path, pooling: str, bidirectional: bool
):
    folder = write_model(tmp_path / "toy", pooling=pooling, bidirectional=bidirectional)
    assert f"pooled hidden states ({pooling})" in run(folder, "a good film").stdout
    content = json.loads(run(folder, "a good film", "--json").stdout)
    assert ("attention" in content) == (pooling == "attention")
    assert len(content["states"]) == (4 if bidirectional else 2)


@pytest.mark.parametrize(
    "arguments", [["--npz", "states.npz"], ["--layer", "lstm_1"], ["--set", "encoder.units=[3]"]]
)
def test_options_that_make_no_sense_are_a_usage_error(model: Path, arguments: list[str]):
    run(model, *arguments, code=2)


@pytest.mark.parametrize("name", ["no_such_thing", "a text without a model " * 30])
def test_neither_a_model_nor_a_config(name: str):
    with pytest.raises(ConfigError, match="no model folder and no config"):
        run(name)


def test_a_folder_that_holds_no_model(tmp_path: Path):
    with pytest.raises(ModelFolderError, match=r"manifest\.json"):
        run(tmp_path)


@pytest.mark.parametrize(("text", "words"), [("a\0b", "NUL"), ("a \udc80 b", "lone surrogate")])
def test_a_text_that_is_no_unicode_text(model: Path, text: str, words: str):
    with pytest.raises(DataError, match=words):
        run(model, text)


def gates_of_keras(weights, prefix: str, inputs: np.ndarray) -> dict[str, np.ndarray]:
    """Step Keras's own LSTM cell through inputs (time, units), and note what its gates give."""
    import keras

    noted: list[np.ndarray] = []

    def noting(function):
        def noted_function(values):
            result = function(values)
            noted.append(np.asarray(result)[0])
            return result

        return noted_function

    units = weights[f"{prefix}/recurrent_kernel"].shape[0]
    cell = keras.layers.LSTMCell(
        units,
        activation=noting(keras.activations.tanh),
        recurrent_activation=noting(keras.activations.sigmoid),
    )
    cell.build((1, inputs.shape[1]))
    cell.set_weights(
        [weights[f"{prefix}/{name}"] for name in ("kernel", "recurrent_kernel", "bias")]
    )
    states = [np.zeros((1, units), np.float32)] * 2
    rows = []
    for vector in inputs.astype(np.float32):
        noted.clear()
        _, states = cell(vector[None], states)
        input_gate, forget_gate, candidate, output_gate, _ = noted
        hidden, carried = (np.asarray(state)[0] for state in states)
        rows.append((hidden, carried, input_gate, forget_gate, candidate, output_gate))
    names = ("hidden", "cell", "input_gate", "forget_gate", "candidate", "output_gate")
    columns = zip(*rows, strict=True)
    return {name: np.stack(column) for name, column in zip(names, columns, strict=True)}


@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_and_gates_of_json_and_npz_are_those_of_keras_own_cell(
    tmp_path: Path, tiny_model: Path, bidirectional: bool
):
    from safetensors.numpy import load_file

    folder = write_model(tmp_path / "toy", bidirectional=True) if bidirectional else tiny_model
    text = "not a good film, the film was superb :("
    target = tmp_path / "states.npz"
    content = json.loads(run(folder, text, "--json", "--npz", target).stdout)
    weights = load_file(folder / "weights.safetensors")
    with np.load(target, allow_pickle=False) as npz:
        arrays = dict(npz)
    sequence = weights["embedding/embeddings"][arrays["token_ids"]]
    for layer in ("lstm_1", "lstm_2"):
        backward = {"forward": False, "backward": True}
        directions = (
            {f"{layer}/{name}": turned for name, turned in backward.items()}
            if bidirectional
            else {layer: False}
        )
        outputs = []
        for prefix, turned in directions.items():
            order = slice(None, None, -1 if turned else 1)
            theirs = gates_of_keras(weights, prefix, sequence[order])
            assert len(content["states"][prefix]) == len(theirs) == 6
            for name, values in theirs.items():
                values = values[order]  # back in the order of the text
                np.testing.assert_allclose(arrays[f"{prefix}/{name}"], values, atol=1e-6, rtol=0)
                shown = np.array(content["states"][prefix][name])
                np.testing.assert_allclose(shown, values, atol=1e-6, rtol=0)
            outputs.append(arrays[f"{prefix}/hidden"])
        sequence = np.concatenate(outputs, axis=-1)
    assert content["trace_shows"].startswith("A probe, not a prediction")
