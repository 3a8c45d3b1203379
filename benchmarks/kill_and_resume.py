"""Kill a training at random moments, resume it, and compare the weights bit by bit.

    python benchmarks/kill_and_resume.py [--kills 20] [--seed 1] [--config default]

One training runs to its end. Then the same training is started and killed with SIGKILL after a
random time, resumed, killed again, and so on until it ends by itself; then another. Each finished
training's weights must be the very bytes of the first. Checkpoints are written after every step, so
that kills also hit the writing.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SETTINGS = (
    "training.epochs=3",
    "training.checkpoint_seconds=0",
    "encoder.units=[16,8]",
    "encoder.embedding_units=16",
    "data.max_train_rows=600",
    "export.int8=false",
)


def command(config: str, output: Path, *, resume: bool) -> list[str]:
    """Return the training command."""
    words = [sys.executable, "-m", "sentiment", "train", config, "--output", str(output)]
    for setting in SETTINGS:
        words += ["--set", setting]
    return [*words, "--resume"] if resume else words


def digest(folder: Path) -> str:
    """Return the SHA-256 of the trained weights."""
    return hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


def run_whole(config: str, output: Path) -> float:
    """Train without interruption; return the seconds it took."""
    started = time.monotonic()
    subprocess.run(command(config, output, resume=False), check=True, capture_output=True)
    return time.monotonic() - started


def run_until_killed(words: list[str], output: Path, seconds: float, *, from_start: bool) -> bool:
    """Train, then SIGKILL some seconds after the start, or after the first new checkpoint.

    Returns whether it was killed before its end.
    """
    before = steps_saved(output)
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not from_start and process.poll() is None and steps_saved(output) == before:
        time.sleep(0.01)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"training failed: {errors.decode()}")
    return False


def steps_saved(output: Path) -> str:
    """Return the newest checkpoint's name."""
    found = sorted(path.name for path in (output / "checkpoints").glob("step-*"))
    return found[-1] if found else "no checkpoint yet"


def main() -> None:
    """Run the comparison; exit with 1 if any resumed training ends with other weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--config", default="default")
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311 (moments to kill at, no secret)
    folder = Path(tempfile.mkdtemp(prefix="kill_and_resume_"))
    whole = run_whole(options.config, folder / "whole")
    expected = digest(folder / "whole")
    print(f"uninterrupted: {whole:.1f} s, weights {expected[:16]}", flush=True)
    kills, endings = 0, []
    while kills < options.kills:
        output = folder / f"resumed-{len(endings) + 1}"
        # Each training is killed a few times before it may end: mostly while it learns, now and
        # then at any moment, start-up and the writing of the model included.
        for number in range(min(5, options.kills - kills)):
            words = command(options.config, output, resume=(output / "checkpoints").exists())
            from_start = number == 0
            seconds = chance.uniform(0, whole if from_start else whole / 2)
            if not run_until_killed(words, output, seconds, from_start=from_start):
                break
            kills += 1
            print(f"kill {kills:>2}: {steps_saved(output)}", flush=True)
            if (output / "manifest.json").exists():  # killed after the model was whole
                break
        words = command(options.config, output, resume=(output / "checkpoints").exists())
        if not (output / "manifest.json").exists():
            subprocess.run(words, check=True, capture_output=True)
        endings.append(digest(output))
        verdict = "identical" if endings[-1] == expected else "DIFFERENT"
        print(f"resumed to the end: weights {endings[-1][:16]} {verdict}", flush=True)
    shutil.rmtree(folder)
    same = sum(ending == expected for ending in endings)
    print(f"{kills} kills, {len(endings)} trainings ended, {same} with identical weights")
    sys.exit(same != len(endings))


if __name__ == "__main__":
    main()
