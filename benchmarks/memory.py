"""Measure the peak memory of `sentiment predict --input --output` against the number of rows.

    python benchmarks/memory.py [--rows 100000 1000000] [--json FILE]

The rows are the bundled reviews cut at 20 words, repeated; each file is predicted by a process of
its own with the bundled int8 model. Another process writes the files: what this one had held would
count as its children's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from side_by_side import write_figures
from start_up import SENTIMENT, peak_megabytes

MOST_MEGABYTES = 500
WORDS = 20


def main() -> None:
    """Print the peak for every number of rows; write everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    points = []
    for rows in options.rows:
        points.append(point := measure(rows))
        print(
            f"{rows:>10,} rows{point['peak_megabytes']:>7.0f} MB{point['seconds']:>8.1f} s",
            flush=True,
        )
    peaks = [point["peak_megabytes"] for point in points]
    print(
        f"the last takes {peaks[-1] / peaks[0]:.2f} times the first's memory; "
        f"the most {max(peaks):.0f} MB, target under {MOST_MEGABYTES} MB"
    )
    figures = {
        "command": shlex.join(sys.argv),
        "words": WORDS,
        "points": points,
        "last_to_first": peaks[-1] / peaks[0],
        "target_megabytes": MOST_MEGABYTES,
        "own_peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }
    write_figures(options.json, figures)


def measure(rows: int) -> dict[str, Any]:
    """Predict so many rows; return the peak in megabytes and the seconds, loading included."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "x.parquet", Path(folder) / "y.parquet"
        writer = multiprocessing.get_context("spawn").Process(
            target=write_texts, args=(source, rows)
        )
        writer.start()
        writer.join()
        if writer.exitcode:
            raise SystemExit(f"the file of {rows:,} texts could not be written")
        command = [SENTIMENT, "predict", "--model", "general", "--engine", "int8", "--quiet"]
        started = time.perf_counter()
        peak = peak_megabytes([*command, "--input", str(source), "--output", str(target)])
        return {
            "rows": rows,
            "peak_megabytes": peak,
            "seconds": time.perf_counter() - started,
            "input_bytes": source.stat().st_size,
        }


def write_texts(path: Path, rows: int) -> None:
    """Write so many short texts as parquet, some thousand at a time."""
    from file_to_file import ROWS_AT_A_TIME, short_texts

    from sentiment.files import write_tables

    texts = short_texts("bundled", words=WORDS, rows=rows)  # each text once, held many times
    parts = (
        {"text": texts[start : start + ROWS_AT_A_TIME]} for start in range(0, rows, ROWS_AT_A_TIME)
    )
    write_tables(path, parts, columns=["text"])


if __name__ == "__main__":
    main()
