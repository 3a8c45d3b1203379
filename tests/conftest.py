"""What every test shares: a quiet backend, and one small trained model."""

from __future__ import annotations

import os

# Before anything imports TensorFlow, which reads them once.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
