"""Compare prediction by the network alone: tokens/s on the same token ids with the same weights.

    python benchmarks/prediction_speed.py [--rounds 5] [--texts 1024] [--json FILE]

Random token ids, 256 a text; the network of `same_network.py`. Ours runs as `sentiment predict`
does, with its own batches and threads. Keras runs `predict` at its defaults, and once more at the
best of some settings; PyTorch at the best of some batch sizes; what is best is found first, on
some of the texts. The ceiling is as many FLOP in 2048³ float32 matrix products (NumPy).
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from same_network import (
    FILES,
    flop_a_token,
    open_ours,
    random_texts,
    random_weights,
    stock_keras,
    write_networks,
)
from side_by_side import against_targets, interleaved, matrix_products, write_figures
from torch_network import TorchNetwork

TOKENS = 256
KERAS, KERAS_BEST, TORCH, CEILING = "Keras, defaults", "Keras, best", "PyTorch", "matrix products"
KERAS_BATCHES, TORCH_BATCHES, TUNING_TEXTS = (64, 256, 512), (64, 128, 256, 512), 512
LARGEST_DIFFERENCE = 1e-4
# How many times as fast as what, and the least that is wanted.
TARGETS = (
    ("ours fp32", KERAS, 3.3),
    ("ours fp32", KERAS_BEST, 2.2),
    ("ours fp32", TORCH, 1.2),
    ("ours fp32", CEILING, 0.7),
    ("ours int8", "ours fp32", 1.4),
    ("ours int8", KERAS, 5.0),
)

Run = Callable[[], NDArray[np.float32]]  # probabilities (texts, classes)


def main() -> None:
    """Print speeds and ratios beside their targets; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=1024)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    tokens = options.texts * TOKENS
    with tempfile.TemporaryDirectory() as folder:
        systems, tuning = systems_for(Path(folder), options.texts)
        answers = {name: run() for name, run in systems.items()}  # this is the warm-up too
        ceiling = {CEILING: matrix_products(tokens * flop_a_token())}
        seconds = interleaved({**systems, **ceiling}, rounds=options.rounds, warm_up=False)
    differences = {
        name: float(np.abs(value - answers["ours fp32"]).max()) for name, value in answers.items()
    }
    speed = {name: tokens / float(np.median(values)) for name, values in seconds.items()}
    print(f"{options.texts:,} texts of {TOKENS} tokens, {options.rounds} rounds")
    for name, value in speed.items():
        setting = f"  {min(tuning[name], key=tuning[name].get)}" if name in tuning else ""
        off = f"  probabilities off by {differences[name]:.1e}" if name in differences else ""
        print(f"{name:<16}{value:>10,.0f} tokens/s{off}{setting}")
    ratios = against_targets(seconds, TARGETS)
    figures = {
        "command": shlex.join(sys.argv),
        "rounds": options.rounds,
        "texts": options.texts,
        "tokens_a_text": TOKENS,
        "flop_a_token": flop_a_token(),
        "seconds": seconds,
        "tokens_per_second": speed,
        "ratios": ratios,
        "tuning_tokens_per_second": {
            name: {setting: tuning_tokens(options.texts) / value for setting, value in each.items()}
            for name, each in tuning.items()
        },
        "largest_differences_from_fp32": differences,
        "standard_deviation_of_probability": float(answers["ours fp32"][:, 1].std()),
    }
    write_figures(options.json, figures)
    wrong = [name for name in (KERAS, KERAS_BEST, TORCH) if differences[name] > LARGEST_DIFFERENCE]
    if wrong:
        raise SystemExit(f"{', '.join(wrong)}: more than {LARGEST_DIFFERENCE:g} from ours")


def tuning_tokens(texts: int) -> int:
    """Return how many tokens the search for the best settings runs."""
    return min(texts, TUNING_TEXTS) * TOKENS


def systems_for(folder: Path, texts: int) -> tuple[dict[str, Run], dict[str, dict[str, float]]]:
    """Return what to run, by name, and the seconds of every setting that the best was chosen of."""
    weights, encoded = random_weights(), random_texts(texts, TOKENS)
    token_ids = encoded.token_ids.reshape(texts, TOKENS)
    write_networks(folder, weights)
    ours = {f"ours {kind}": open_ours(folder, kind) for kind in FILES}
    systems: dict[str, Run] = {
        name: lambda model=model: model.run(encoded, layers=False).probabilities
        for name, model in ours.items()
    }
    stock = stock_keras(weights)
    systems[KERAS] = partial(stock.predict, token_ids, verbose=0)

    keras_settings: dict[str, Callable[[NDArray[np.int32]], NDArray[np.float32]]] = {}
    for jit_compile in (True, False):
        model = stock_keras(weights)
        model.compile(jit_compile=jit_compile)
        for size in KERAS_BATCHES:
            keras_settings[f"batch {size}, jit_compile={jit_compile}"] = partial(
                model.predict, batch_size=size, verbose=0
            )
    torch = TorchNetwork(weights)
    torch_settings = {
        f"batch {size}": partial(torch.predict, batch_size=size) for size in TORCH_BATCHES
    }
    tuning = {}
    for name, settings in ((KERAS_BEST, keras_settings), (TORCH, torch_settings)):
        tuning[name] = try_out(settings, token_ids[:TUNING_TEXTS])
        best = settings[min(tuning[name], key=tuning[name].get)]
        systems[name] = partial(best, token_ids)
    return systems, tuning


def try_out(
    settings: Mapping[str, Callable[[NDArray[np.int32]], object]], token_ids: NDArray[np.int32]
) -> dict[str, float]:
    """Return the seconds of each setting's best round of three, compilation left out."""
    runs = {name: partial(predict, token_ids) for name, predict in settings.items()}
    return {name: min(each) for name, each in interleaved(runs, rounds=3).items()}


if __name__ == "__main__":
    main()
