"""Compare Keras and ONNX Runtime on many real texts.

    python benchmarks/parity.py [MODEL] [--texts FOLDER_OR_FILE] [--count 5000]

Without MODEL, a small one is trained on the bundled reviews first.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import sentiment
from sentiment.config import DataSettings
from sentiment.data.load import load_splits
from sentiment.runtime.predictor import SentimentModel


def main() -> None:
    """Print the largest difference between the engines' probabilities and final states."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--texts", default="bundled")
    parser.add_argument("--count", type=int, default=5000)
    options = parser.parse_args()
    splits = load_splits(DataSettings(source=options.texts))
    parts = [splits.train, splits.validation, *([splits.test] if splits.test else [])]
    texts = [text for part in parts for text in part.texts][: options.count]
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or sentiment.train(
            output=Path(folder) / "parity", overrides=["training.epochs=2"]
        )
        engines = {name: SentimentModel.load(model, engine=name) for name in ("onnx", "keras")}
        answers = {name: engine.predict_arrays(texts) for name, engine in engines.items()}
    onnx, keras = answers["onnx"], answers["keras"]
    probabilities = np.abs(onnx.probabilities - keras.probabilities).max()
    states = np.abs(onnx.final_state - keras.final_state).max()
    same = int((onnx.probabilities.argmax(1) == keras.probabilities.argmax(1)).sum())
    print(f"{len(texts):,} texts, {onnx.tokens.min()} to {onnx.tokens.max()} tokens each")
    print(f"largest difference: probabilities {probabilities:.1e}, final state {states:.1e}")
    print(f"same label: {same:,} of {len(texts):,}")


if __name__ == "__main__":
    main()
