"""Where figures come from: the rows by fingerprint, the command, the versions, the machine."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sentiment.backend import versions
from sentiment.evaluation.predictions import Predictions

SCHEMA_VERSION = 1  # of metrics.json
PACKAGES = ("sentiment", "numpy", "onnxruntime", "tokenizers", "scikit-learn", "scipy", "pyarrow")


def fingerprint(rows: Predictions) -> str:
    """Return a SHA-256 over the classes and every label and text, in order."""
    digest = hashlib.sha256(json.dumps(rows.classes).encode())
    for label, text in zip(rows.labels.tolist(), rows.texts, strict=True):
        content = text.encode("utf-8", "surrogatepass")
        digest.update(f"{label} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def json_lines(content: Mapping[str, Any]) -> str:
    """Return JSON with one key a line: short enough to read, small enough to keep."""
    lines = [
        f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False, allow_nan=False)}"
        for key, value in content.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def provenance(command: str, seed: int) -> dict[str, Any]:
    """Return the command, date, seed, versions and machine that figures were made with."""
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "versions": versions(PACKAGES),
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": platform.machine(),
            "cores": os.cpu_count(),
        },
    }
