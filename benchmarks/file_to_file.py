"""Measure how much of the engine's own speed `sentiment predict --input --output` keeps.

    python benchmarks/file_to_file.py MODEL [--engine int8] [--rows 1000000] [--json FILE]

The texts are the bundled reviews cut at 20 words, repeated; `--texts` takes any labelled source, as
`data.source` does. Each round measures, one after the other: the network alone on token ids that
are ready, the tokenizer alone, and the command from parquet to parquet, model loading included.
Then one text at a time, as a server would see them.
"""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from side_by_side import write_figures

from sentiment.cli.main import app
from sentiment.config import DataSettings
from sentiment.data.load import load_splits
from sentiment.files import write_tables
from sentiment.runtime.predictor import SentimentModel
from sentiment.runtime.workers import usable_cores

ROWS_AT_A_TIME = 4_096
LATENCY_TEXTS = 500


def main() -> None:
    """Print the medians of all rounds and the ratio; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--engine", choices=("onnx", "int8"), default="int8")
    parser.add_argument("--texts", default="bundled")
    parser.add_argument("--words", type=int, default=20, help="each text is cut to so many")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    model = SentimentModel.load(options.model, engine=options.engine)
    texts = short_texts(options.texts, words=options.words, rows=options.rows)
    parts = [
        texts[start : start + ROWS_AT_A_TIME] for start in range(0, len(texts), ROWS_AT_A_TIME)
    ]
    encoded = [model.tokenizer.encode(part) for part in parts]
    num_tokens = sum(len(part.token_ids) for part in encoded)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "x.parquet", Path(folder) / "y.parquet"
        write_tables(source, [{"text": part} for part in parts], columns=["text"])
        command = ["predict", "--model", options.model, "--engine", options.engine, "--quiet"]
        command += ["--input", str(source), "--output", str(target)]
        stages: dict[str, Callable[[], object]] = {
            "engine": lambda: [model.run(part, layers=False) for part in encoded],
            "tokenizer": lambda: [model.tokenizer.encode(part) for part in parts],
            "file to file": lambda: app(command, standalone_mode=False),
        }
        seconds: dict[str, list[float]] = {name: [] for name in stages}
        processor: dict[str, list[float]] = {name: [] for name in stages}
        for _ in range(options.rounds):
            for name, stage in stages.items():
                wall, cpu = time.perf_counter(), time.process_time()
                stage()
                seconds[name].append(time.perf_counter() - wall)
                processor[name].append(time.process_time() - cpu)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    print(f"{len(texts):,} texts of {num_tokens / len(texts):.1f} tokens, {usable_cores()} cores")
    for name, value in median.items():
        print(
            f"{name:<14}{num_tokens / value:>12,.0f} tokens/s{len(texts) / value:>10,.0f} texts/s"
            f"{np.median(processor[name]):>8.1f} s of processor time"
        )
    ratio = median["engine"] / median["file to file"]
    print(f"file to file keeps {ratio:.0%} of the engine's own speed")
    latency = latencies(model, texts)
    print(f"one text: p50 {latency['p50']:.2f} ms, p95 {latency['p95']:.2f} ms")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {memory:,.0f} MiB, this benchmark's own copies included")
    figures = {
        "command": shlex.join(sys.argv),
        "engine": options.engine,
        "texts": len(texts),
        "tokens": num_tokens,
        "seconds": seconds,
        "processor_seconds": processor,
        "ratio": ratio,
        "latency_milliseconds": latency,
    }
    write_figures(options.json, figures)


def short_texts(source: str, *, words: int, rows: int) -> list[str]:
    """Return so many texts of at most so many words."""
    splits = load_splits(DataSettings(source=source))
    parts = [splits.train, splits.validation, *([splits.test] if splits.test else [])]
    cut = [" ".join(text.split()[:words]) for part in parts for text in part.texts]
    return list(islice(cycle(cut), rows))


def latencies(model: SentimentModel, texts: list[str]) -> dict[str, float]:
    """Return how long one prediction takes in a warm process, in milliseconds."""
    lengths = model.tokenizer.encode(texts[: 20 * LATENCY_TEXTS]).lengths
    typical = [text for text, length in zip(texts, lengths, strict=False) if 18 <= length <= 22]
    taken = []
    for text in islice(cycle(typical or texts), LATENCY_TEXTS):
        start = time.perf_counter()
        model.predict(text)
        taken.append(1000 * (time.perf_counter() - start))
    half = taken[len(taken) // 2 :]  # the first half warms up
    return {"p50": float(np.percentile(half, 50)), "p95": float(np.percentile(half, 95))}


if __name__ == "__main__":
    main()
