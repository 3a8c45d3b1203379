"""What every training here has in common: the optimizer, and the variables a step depends on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray


def make_optimizer(
    *,
    steps: int,
    learning_rate: float,
    warmup_fraction: float,
    clip_norm: float,
    weight_decay: float = 0.0,
    ema_momentum: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Return AdamW (Loshchilov & Hutter 2019) with warm-up and cosine decay over `steps`.

    Args:
        steps: optimizer steps of the whole training.
        learning_rate: at the end of the warm-up; the cosine ends at 1 % of it.
        warmup_fraction: share of the steps, 0–1; with 0 the first step is at the full rate.
        clip_norm: the longest gradient (L2, all variables together).
        weight_decay: AdamW's.
        ema_momentum: of the moving average of the weights; 0 for none.
    """
    warmup = max(1, round(steps * warmup_fraction)) if warmup_fraction else 0
    rate = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else learning_rate,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    return keras.optimizers.AdamW(
        rate,
        weight_decay=weight_decay,
        global_clipnorm=clip_norm,
        use_ema=ema_momentum > 0,
        ema_momentum=ema_momentum or 0.99,
    )


def training_tensors(model: keras.Model) -> dict[str, NDArray[Any]]:
    """Return a copy of everything the next step depends on: weights, states, optimizer."""
    return {name: np.array(variable.numpy()) for name, variable in _variables(model).items()}


def restore_tensors(model: keras.Model, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Put the tensors of `training_tensors` back."""
    for name, variable in _variables(model).items():
        variable.assign(tensors[name])


def _variables(model: keras.Model) -> dict[str, Any]:
    groups = {"model": model.variables, "optimizer": model.optimizer.variables}
    return {
        f"{group}/{index}": variable
        for group, variables in groups.items()
        for index, variable in enumerate(variables)
    }
