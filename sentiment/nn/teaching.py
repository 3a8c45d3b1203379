"""Teachers: trained models whose answers a smaller one learns (Hinton, Vinyals & Dean 2015).

A teacher's probabilities say more than a label, and it can be asked about texts that have none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.model_folder import ModelFolder, open_model_folder
from sentiment.nn.keras_network import rebuild
from sentiment.nn.scoring import predict
from sentiment.runtime.predictor import SentimentModel


class Teachers:
    """One or several models that answer as one: by the mean of their probabilities.

    Args:
        names: model folders or bundled models.
        classes: the pupil's, each of which every teacher must know. What a teacher says of other
            classes is left out.

    Raises:
        ModelFolderError: a folder is missing or damaged.
        ConfigError: a teacher lacks a class.
    """

    def __init__(self, names: Sequence[str], classes: Sequence[str]) -> None:
        self.ask = []
        for name in names:
            folder = open_model_folder(name)
            for label in classes:
                if label not in folder.classes:
                    raise ConfigError(
                        f"training.teacher {name} has no class {label!r}",
                        expected=f"a model of the classes {', '.join(classes)}",
                        run=f"sentiment train … --set data.classes=[{', '.join(folder.classes)}]",
                    )
            columns = [folder.classes.index(label) for label in classes]
            self.ask.append(_about(folder, columns))

    def answer(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities of the pupil's classes, summing to 1: (texts, classes)."""
        answers = [ask(texts) for ask in self.ask]
        return np.mean(answers, axis=0, dtype=np.float64).astype(np.float32)


def _about(
    folder: ModelFolder, columns: Sequence[int]
) -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Return what answers texts with probabilities (texts, columns) that sum to 1."""
    if keras.backend.backend() == "tensorflow":  # on the CPU: ONNX Runtime is faster there
        model = SentimentModel.load(folder.path)

        def probabilities(texts: Sequence[str]) -> NDArray[np.float32]:
            return model.run(model.tokenizer.encode(texts), layers=False).probabilities
    else:
        network, tokenizer = rebuild(folder), folder.tokenizer()

        def probabilities(texts: Sequence[str]) -> NDArray[np.float32]:
            return predict(network, tokenizer.encode(texts))

    def answer(texts: Sequence[str]) -> NDArray[np.float64]:
        asked = probabilities(texts)[:, columns].astype(np.float64)
        return asked / np.maximum(asked.sum(axis=1, keepdims=True), 1e-12)

    return answer
