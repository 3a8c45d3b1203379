"""Prediction from a model folder: ONNX Runtime, NumPy and `tokenizers`, nothing else.

    model = sentiment.load("runs/imdb")
    model.predict(["A quiet triumph."])[0].label

Texts are sorted by length inside a call, so that batches hold little padding; answers come back in
the order of the texts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError, DataError
from sentiment.model_folder import ModelFolder, open_model_folder
from sentiment.runtime.engines import (
    Differentiable,
    Engine,
    Network,
    import_engine,
    open_network,
)
from sentiment.runtime.shapes import LayerRow, encoder_width, observed_rows, shape_rows
from sentiment.runtime.workers import beside, in_order
from sentiment.text.batches import Batch, prediction_batches
from sentiment.text.tokenizer import EncodedTexts, Tokenizer, check_text

if TYPE_CHECKING:
    from sentiment.runtime.attribution import Attribution, Gradients, Method
    from sentiment.runtime.replay import Replay
    from sentiment.runtime.text_states import TextStates
    from sentiment.runtime.trace import Trace

# Wide enough for the matrix products; small enough for the caches (4,096 were a tenth slower on a
# CPU with AVX-512), for little padding among texts of unlike length, and for every core to get its
# share of a few hundred texts.
TOKENS_PER_BATCH = 2_048
TEXTS_PER_BATCH = 128
MOSTLY_UNKNOWN = 0.5


@dataclass(frozen=True)
class Prediction:
    """One answer.

    Attributes:
        text: as it came.
        label: the most probable class.
        score: expected polarity from −1 (first class) to 1 (last class); not a confidence.
        probabilities: by class, summing to 1.
        tokens: tokens that were read.
        truncated_tokens: tokens that were left out of the middle.
        unknown_fraction: share of the tokens read that are not in the vocabulary, 0–1.
        warning: why the answer is shaky, or None.

    `trace`, worked out when it is first asked for, is the answer after each token.
    """

    text: str
    label: str
    score: float
    probabilities: Mapping[str, float]
    tokens: int
    truncated_tokens: int
    unknown_fraction: float
    warning: str | None
    tracer: InitVar[Callable[[str], Trace] | None] = None

    def __post_init__(self, tracer: Callable[[str], Trace] | None) -> None:
        """Keep the way to the model out of the fields: it is no part of the answer."""
        object.__setattr__(self, "_tracer", tracer)

    def __getstate__(self) -> dict[str, object]:
        """Leave the model behind when sent to another process."""
        return {**self.__dict__, "_tracer": None}

    @cached_property
    def trace(self) -> Trace:
        """The classifier applied to the text up to each token: a probe.

        Raises:
            ConfigError: this answer has no model at hand, as after a trip through `pickle`.
        """
        tracer: Callable[[str], Trace] | None = self.__dict__["_tracer"]
        if tracer is None:
            raise ConfigError(
                "this prediction has no model at hand",
                expected="one from SentimentModel.predict",
                run="model.trace(text)",
            )
        return tracer(self.text)

    def to_dict(self) -> dict[str, object]:
        """Return the record that `--json` prints."""
        return {
            "text": self.text,
            "label": self.label,
            "score": self.score,
            "probabilities": dict(self.probabilities),
            "tokens": self.tokens,
            "truncated_tokens": self.truncated_tokens,
            "unknown_fraction": self.unknown_fraction,
            "warning": self.warning,
        }


# The record's fields in order: the columns that predictions add to a file.
FIELDS = tuple(field.name for field in fields(Prediction))


@dataclass(frozen=True)
class Arrays:
    """The answers to many texts as arrays, row-aligned with them.

    Attributes:
        probabilities: (texts, classes) float32.
        final_state: (texts, width) float32, the vector the classifier read.
        tokens: (texts,) int32, tokens read.
        truncated_tokens: (texts,) int32.
        unknown_fraction: (texts,) float32, 0–1.
        layers: the shape table of the first batch, from the tensors that came out, if asked for.
    """

    probabilities: NDArray[np.float32]
    final_state: NDArray[np.float32]
    tokens: NDArray[np.int32]
    truncated_tokens: NDArray[np.int32]
    unknown_fraction: NDArray[np.float32]
    layers: tuple[LayerRow, ...]


class SentimentModel:
    """A trained model, ready to predict. Make one with `SentimentModel.load`."""

    def __init__(self, folder: ModelFolder, network: Network, tokenizer: Tokenizer) -> None:
        self.folder = folder
        self.classes = folder.classes
        self.tokenizer = tokenizer
        self._network = network
        self._polarity = np.linspace(-1.0, 1.0, len(self.classes))

    @classmethod
    def load(
        cls, path: str | Path, *, engine: Engine = "onnx", threads: int | None = None
    ) -> SentimentModel:
        """Verify and open a model folder.

        Args:
            path: what `sentiment train` wrote, or the name of a bundled model.
            engine: `onnx` (float32), `int8` (smaller and faster, if the model has it), or `keras`.
            threads: CPU threads of ONNX Runtime; None: one a core.

        Raises:
            ModelFolderError: the folder is missing, damaged, or lacks what the engine needs.
        """
        # Half of a start is spent here: hashing goes on while libraries load, and ONNX Runtime
        # lets go of Python while it loads the network.
        verified = beside(partial(open_model_folder, path))
        import_engine(engine)
        folder = verified()
        tokenizer = beside(folder.tokenizer)
        network = open_network(folder, engine, threads)
        return cls(folder, network, tokenizer())

    def predict(self, texts: str | Sequence[str]) -> list[Prediction]:
        """Predict each text, in order; a single string is one text.

        Raises:
            DataError: a text is not text, or holds a NUL or a lone surrogate.
        """
        many = [texts] if isinstance(texts, str) else list(texts)
        return self.to_predictions(many, self.predict_arrays(many, layers=False))

    def predict_arrays(self, texts: Sequence[str], *, layers: bool = True) -> Arrays:
        """Predict each text; see `Arrays` for shapes."""
        for number, text in enumerate(texts, start=1):
            fault = check_text(text)
            if fault:
                raise DataError(f"text {number} holds {fault}", expected="Unicode text without NUL")
        return self.run(self.tokenizer.encode(texts), layers=layers)

    def run(
        self,
        encoded: EncodedTexts,
        *,
        layers: bool = True,
        on_batch: Callable[[int], None] | None = None,
    ) -> Arrays:
        """Predict encoded texts.

        Args:
            encoded: what the model's tokenizer made of them.
            layers: whether to look at the shapes of every layer, in the first batch.
            on_batch: is told how many texts each finished batch had.
        """
        probabilities = np.zeros((len(encoded), len(self.classes)), np.float32)
        final_state = np.zeros((len(encoded), encoder_width(self.folder.encoder)), np.float32)

        def answer(item: tuple[int, Batch]) -> tuple[Batch, dict[str, tuple[int, ...]]]:
            number, batch = item
            names = ["probabilities", "final_state"]
            if layers and number == 0:
                names += [row.layer for row in self._expected(batch)[1:-1]]
            outputs = self._network.run(batch, names)
            probabilities[batch.rows] = outputs["probabilities"]
            final_state[batch.rows] = outputs["final_state"]
            return batch, {name: value.shape for name, value in outputs.items()}

        batches = prediction_batches(
            encoded, tokens_per_batch=TOKENS_PER_BATCH, max_texts=TEXTS_PER_BATCH
        )
        seen: tuple[LayerRow, ...] = ()
        for batch, shapes in in_order(answer, enumerate(batches), workers=self._network.workers):
            if layers and not seen:
                shapes["token_ids"] = batch.token_ids.shape
                seen = observed_rows(self._expected(batch), shapes)
            if on_batch:
                on_batch(len(batch.rows))
        return Arrays(
            probabilities=probabilities,
            final_state=final_state,
            tokens=encoded.lengths,
            truncated_tokens=encoded.truncated_tokens,
            unknown_fraction=encoded.unknown_fraction,
            layers=seen,
        )

    def to_predictions(self, texts: Sequence[str], arrays: Arrays) -> list[Prediction]:
        """Put the arrays into words."""
        columns = self.to_columns(texts, arrays)
        shares = np.stack(list(columns["probabilities"].values()), axis=1).tolist()
        columns["probabilities"] = [dict(zip(self.classes, row, strict=True)) for row in shares]
        values = [
            column.tolist() if isinstance(column, np.ndarray) else column
            for column in columns.values()
        ]
        rows = (dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True))
        return [Prediction(**row, tracer=self.trace) for row in rows]

    def states(self, text: str) -> TextStates:
        """Replay the network on one text: every state, gate and score.

        Raises:
            DataError: the text holds a NUL or a lone surrogate.
            MissingPackageError: safetensors, which reads the weights, is not installed.
        """
        from sentiment.runtime.text_states import text_states

        return text_states(
            text,
            tokenizer=self.tokenizer,
            weights=self.weights,
            encoder=self.folder.encoder,
            classes=self.classes,
            trained_trace=self.folder.trained_trace,
        )

    def trace(self, text: str) -> Trace:
        """Return what the model would answer after each token of one text: a probe.

        Raises:
            DataError, MissingPackageError: as `states`.
        """
        return self.states(text).trace

    def explain(
        self,
        text: str,
        method: Method = "occlusion",
        *,
        phrases: Sequence[str] = (),
        skip_missing: bool = False,
    ) -> Attribution:
        """Say how much each word of a text puts into each class's logit.

        Args:
            text: the text.
            method: `occlusion`, `gradients` (engine `keras` alone) or `decomposition`.
            phrases: phrases of the text to look at as one.
            skip_missing: whether to leave out a phrase that the text does not have.

        Raises:
            ConfigError: no such method, or gradients without the Keras engine.
            DataError: the text holds a NUL or a lone surrogate, or no such phrase.
        """
        from sentiment.runtime.explanation import explain

        return explain(self, text, method, phrases=phrases, skip_missing=skip_missing)

    def replay(self, token_ids: NDArray[np.integer]) -> Replay:
        """Run the network once more in NumPy on (time,) token ids, and keep everything."""
        from sentiment.runtime.replay import replay

        return replay(self.weights, token_ids, self.folder.encoder)

    def integrated_gradients(self, token_ids: NDArray[np.integer]) -> Gradients:
        """Return what each of (time,) tokens adds to each class's logit.

        Raises:
            ConfigError: the engine is not Keras.
        """
        if not isinstance(self._network, Differentiable):
            raise ConfigError(
                "gradients with an engine that has none",
                expected="engine keras",
                run="sentiment predict --explain-by gradients --engine keras",
            )
        return self._network.integrated_gradients(token_ids)

    @cached_property
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """The tensors of `weights.safetensors` by name; read when first asked for."""
        return self.folder.load_weights()

    def to_columns(self, texts: Sequence[str], arrays: Arrays) -> dict[str, Any]:
        """Put the arrays into words, a column a field of `Prediction`, for files of many rows.

        Returns:
            By field: a list or an array, row-aligned; `probabilities` is a column a class.
        """
        probabilities = arrays.probabilities.astype(np.float64).round(4)
        # Adding zero turns a rounded −0.0 into 0.0.
        scores = (arrays.probabilities @ self._polarity).round(4) + 0.0
        unknown = arrays.unknown_fraction.astype(np.float64).round(4)
        cut = arrays.truncated_tokens
        warnings: list[str | None] = [None] * len(texts)
        # An empty text is one unknown token, so it is among these.
        for row in np.flatnonzero((unknown >= MOSTLY_UNKNOWN) | (cut > 0)).tolist():
            warnings[row] = _warning(texts[row], float(unknown[row]), int(cut[row]))
        best = arrays.probabilities.argmax(axis=1).tolist()
        return {
            "text": texts,
            "label": [self.classes[index] for index in best],
            "score": scores,
            "probabilities": dict(zip(self.classes, probabilities.T, strict=True)),
            "tokens": arrays.tokens,
            "truncated_tokens": cut,
            "unknown_fraction": unknown,
            "warning": warnings,
        }

    def _expected(self, batch: Batch) -> list[LayerRow]:
        texts, time = batch.token_ids.shape
        return shape_rows(
            self.folder.encoder,
            classifier_units=self.folder.info["classifier"]["units"],
            num_classes=len(self.classes),
            vocabulary_size=self.folder.info["vocabulary_size"],
            batch=texts,
            time=time,
        )


def _warning(text: str, unknown: float, cut: int) -> str | None:
    if not text.strip():
        return "empty text"
    if unknown >= 1:
        return "no known word"
    if unknown >= MOSTLY_UNKNOWN:
        return f"{unknown:.0%} of the tokens are unknown"
    if cut:
        return f"{cut} tokens in the middle were not read"
    return None
