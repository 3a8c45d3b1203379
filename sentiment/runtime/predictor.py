"""Prediction from a model folder: ONNX Runtime, NumPy and `tokenizers`, nothing else.

    model = sentiment.load("runs/imdb")
    model.predict(["A quiet triumph."])[0].label

Texts are sorted by length inside a call, so that batches hold little padding; answers come back in
the order of the texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError, DataError
from sentiment.model_folder import ModelFolder, open_model_folder
from sentiment.runtime.answers import Arrays, Prediction, to_columns
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


class SentimentModel:
    """A trained model, ready to predict. Make one with `SentimentModel.load`."""

    def __init__(self, folder: ModelFolder, network: Network, tokenizer: Tokenizer) -> None:
        self.folder = folder
        self.classes = folder.classes
        self.tokenizer = tokenizer
        self._network = network

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

    def run(self, encoded: EncodedTexts, *, layers: bool = True) -> Arrays:
        """Predict encoded texts.

        Args:
            encoded: what the model's tokenizer made of them.
            layers: whether to look at the shapes of every layer, in the first batch.
        """
        [arrays] = self.run_parts([encoded], layers=layers)
        return arrays

    def run_parts(self, parts: Iterable[EncodedTexts], *, layers: bool = True) -> Iterator[Arrays]:
        """Predict encoded texts part by part; while a part is finished, the next has begun.

        Args:
            parts: what the model's tokenizer made of each; few are taken before they are needed.
            layers: whether to look at the shapes of every layer, in the first batch of all.
        """

        def tasks() -> Iterator[tuple[Arrays, Batch | None, bool]]:
            for encoded in parts:
                arrays, begun = self._blank(encoded), 0
                if not len(encoded):
                    yield arrays, None, True
                for batch in prediction_batches(
                    encoded, tokens_per_batch=TOKENS_PER_BATCH, max_texts=TEXTS_PER_BATCH
                ):
                    begun += len(batch.rows)
                    yield arrays, batch, begun == len(encoded)

        def answer(
            task: tuple[int, tuple[Arrays, Batch | None, bool]],
        ) -> tuple[Arrays, tuple[LayerRow, ...], bool]:
            number, (arrays, batch, last) = task
            if batch is None:
                return arrays, (), last
            expected = self._expected(batch) if layers and number == 0 else []
            names = ["probabilities", "final_state", *(row.layer for row in expected[1:-1])]
            outputs = self._network.run(batch, names)
            arrays.probabilities[batch.rows] = outputs["probabilities"]
            arrays.final_state[batch.rows] = outputs["final_state"]
            if not expected:
                return arrays, (), last
            shapes = {name: value.shape for name, value in outputs.items()}
            shapes["token_ids"] = batch.token_ids.shape
            return arrays, observed_rows(expected, shapes), last

        seen: tuple[LayerRow, ...] = ()
        for arrays, rows, last in in_order(
            answer, enumerate(tasks()), workers=self._network.workers
        ):
            seen = seen or rows
            if last:
                yield replace(arrays, layers=seen)
                seen = ()

    def _blank(self, encoded: EncodedTexts) -> Arrays:
        """Return arrays for the answers to these texts, zeros as yet."""
        width = encoder_width(self.folder.encoder)
        return Arrays(
            probabilities=np.zeros((len(encoded), len(self.classes)), np.float32),
            final_state=np.zeros((len(encoded), width), np.float32),
            tokens=encoded.lengths,
            truncated_tokens=encoded.truncated_tokens,
            unknown_fraction=encoded.unknown_fraction,
            layers=(),
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
        """Put the arrays into words, a column a field of `Prediction`, for files of many rows."""
        return to_columns(texts, arrays, self.classes)

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
