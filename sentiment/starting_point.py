"""Where a training starts: from nothing, or from an encoder that has read before.

`encoder.init` names a folder of `sentiment pretrain` or `sentiment train`, or a bundled model. Its
embedding and LSTMs, and the tokenizer they learned with, become the new classifier's (Dai & Le
2015); and so do its dense layers, if they tell apart all that the new classifier has to. `auto`
starts from the bundled `general` where the labelled texts are few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.bundled import DEFAULT_MODEL, bundled_models
from sentiment.config import Config
from sentiment.model_folder import TOKENIZER, ModelFolder, open_encoder_folder
from sentiment.runtime.shapes import encoder_weight_shapes
from sentiment.text.tokenizer import Tokenizer

# Up to how many training texts `auto` starts from the bundled model.
FEW_TEXTS = 50_000
# The tokens that `general` makes of a word, at most, if the language is its own. Measured: English
# reviews 1.1-1.3, tweets 1.45; Spanish 2.0, French 2.2, German 2.5.
FOREIGN = 1.75
LANGUAGE_SAMPLE = 1_000  # texts
# Blocks of settings that a start decides some of.
_DECIDED = ("text", "encoder", "classifier")


@dataclass(frozen=True)
class StartingPoint:
    """What a training begins with.

    Attributes:
        config: the settings, with the sizes and the tokenizer's kind as they will be.
        tokenizer: the one to keep, or None for one to be found in the train split.
        weights: tensors by name, the encoder's or all; empty if they start at random.
        note: a line for the log, or nothing.
    """

    config: Config
    tokenizer: Tokenizer | None
    weights: Mapping[str, NDArray[np.float32]]
    note: str

    def given_way(self, asked: Config, overrides: Sequence[str]) -> list[str]:
        """Say which of the settings that were asked for by hand the start decides instead.

        Args:
            asked: the settings before.
            overrides: those written by hand, such as `encoder.units=[128, 64]`.
        """
        lines = []
        start = self.config.encoder.init
        for key in dict.fromkeys(override.partition("=")[0].strip() for override in overrides):
            block, _, name = key.partition(".")
            if block in _DECIDED and name not in ("", "init"):
                before, now = (getattr(getattr(c, block), name) for c in (asked, self.config))
                if before != now:
                    lines.append(f"{key} is not {_shown(before)} but {_shown(now)}, as in {start}")
        return lines


def find_starting_point(
    config: Config, texts: Sequence[str], classes: Sequence[str] = ()
) -> StartingPoint:
    """Decide what `encoder.init` means for this training and open it.

    Args:
        config: the settings as given.
        texts: those to train on.
        classes: what the classifier will tell apart; none if there will be no classifier.

    Raises:
        ModelFolderError: the folder is missing, damaged, or holds no encoder.
    """
    init = config.encoder.init
    if init == "auto":
        return _automatic(config, texts, classes)
    if init is None:
        return StartingPoint(config, None, {}, "")
    return _from_folder(config, init, classes)


def _automatic(config: Config, texts: Sequence[str], classes: Sequence[str]) -> StartingPoint:
    if DEFAULT_MODEL not in bundled_models():
        return StartingPoint(config, None, {}, "")
    if len(texts) > FEW_TEXTS:
        note = f"encoder: from nothing, with more than {FEW_TEXTS:,} texts to learn from"
        return StartingPoint(config, None, {}, f"{note}; or --set encoder.init={DEFAULT_MODEL}")
    start = _from_folder(config, DEFAULT_MODEL, classes)
    if start.tokenizer and _is_foreign(start.tokenizer, texts[:LANGUAGE_SAMPLE]):
        note = (
            f"encoder: from nothing: the texts are not in the language of {DEFAULT_MODEL}, English"
        )
        return StartingPoint(config, None, {}, f"{note}; or --set encoder.init={DEFAULT_MODEL}")
    return start


def _is_foreign(tokenizer: Tokenizer, texts: Sequence[str]) -> bool:
    """Return whether a tokenizer makes more tokens of the words than it would of English ones."""
    encoded = tokenizer.encode(texts)
    tokens = len(encoded.token_ids) + int(encoded.truncated_tokens.sum())  # of the whole texts
    return tokens > FOREIGN * sum(len(text.split()) for text in texts)


def _from_folder(config: Config, init: str, classes: Sequence[str]) -> StartingPoint:
    folder = open_encoder_folder(init)
    taken, tensors = _sizes(folder), folder.load_weights()
    if _tells_apart(folder, config, classes):
        columns = [folder.classes.index(label) for label in classes]
        weights = {**tensors, **_last_layer(tensors, columns)}
        taken["classifier"] = {"units": folder.info["classifier"]["units"]}
        parts = "its own tokenizer and classifier"
    else:
        size = folder.info["vocabulary_size"]
        weights = {
            name: tensors[name]
            for name in encoder_weight_shapes(folder.encoder, vocabulary_size=size)
        }
        parts = "its own tokenizer"
    note = (
        f"encoder: from {init} (embedding {taken['encoder']['embedding_units']}, LSTMs "
        f"{', '.join(map(str, taken['encoder']['units']))}, {parts}); "
        "from nothing with --set encoder.init=null"
    )
    taken["encoder"]["init"] = init
    started = config.model_copy(
        update={
            block: getattr(config, block).model_copy(update=sizes) for block, sizes in taken.items()
        }
    )
    return StartingPoint(
        config=started,
        tokenizer=Tokenizer.load(
            folder.file(TOKENIZER),
            max_tokens=config.text.max_tokens,
            head_tokens=config.text.head_tokens,
        ),
        weights=weights,
        note=note,
    )


def _tells_apart(folder: ModelFolder, config: Config, classes: Sequence[str]) -> bool:
    """Return whether a folder's classifier reads the same vector and knows every class."""
    return (
        bool(classes)
        and "classes" in folder.info
        and set(classes) <= set(folder.classes)
        and folder.encoder.pooling == config.encoder.pooling
    )


def _last_layer(
    tensors: Mapping[str, NDArray[np.float32]], columns: list[int]
) -> dict[str, NDArray[np.float32]]:
    """Return the last layer's tensors, of the classes asked for, in their order."""
    names = ("probabilities/kernel", "probabilities/bias")
    return {name: tensors[name][..., columns] for name in names}


def _sizes(folder: ModelFolder) -> dict[str, dict[str, Any]]:
    text = folder.info["text"]
    return {
        "encoder": {
            "embedding_units": folder.encoder.embedding_units,
            "units": folder.encoder.units,
            "bidirectional": folder.encoder.bidirectional,
        },
        "text": {
            "tokenizer": text["tokenizer"],
            "vocabulary_size": text["vocabulary_size"],
            "min_frequency": text["min_frequency"],
        },
    }


def _shown(value: object) -> str:
    return str(list(value) if isinstance(value, tuple) else value)
