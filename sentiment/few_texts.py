"""What a training with few texts needs: steps enough, and averaged weights that keep up with them.

A hundred texts in batches of 64 are two steps an epoch: a new classifier has hardly moved by the
end, and a moving average over a hundred steps has not moved at all (docs/experiments.md).
"""

from __future__ import annotations

import math

from sentiment.config import TrainingSettings

# Batches shrink until an epoch has as many steps, but not below the smallest.
STEPS_AN_EPOCH = 32
SMALLEST_BATCH = 8


def fit_to(settings: TrainingSettings, texts: int) -> tuple[TrainingSettings, str]:
    """Return settings that suit as many texts, and a line for the log; both as before for many.

    Args:
        settings: as given.
        texts: how many there are to learn from, at least one.

    Example:
        >>> few, note = fit_to(TrainingSettings(batch_size=64, ema_momentum=0.99), 500)
        >>> few.batch_size, round(few.ema_momentum, 3)
        (15, 0.971)
        >>> note
        'few texts: batches of 15, not 64; weights averaged over 34 steps, not 100'
    """
    batch_size = min(settings.batch_size, max(SMALLEST_BATCH, texts // STEPS_AN_EPOCH))
    steps = math.ceil(texts / batch_size)
    ema_momentum = min(settings.ema_momentum, 1 - 1 / steps)
    changes = []
    if batch_size < settings.batch_size:
        changes.append(f"batches of {batch_size}, not {settings.batch_size}")
    if ema_momentum < settings.ema_momentum:
        before = 1 / (1 - settings.ema_momentum)
        changes.append(f"weights averaged over {steps} steps, not {before:.0f}")
    fitted = settings.model_copy(update={"batch_size": batch_size, "ema_momentum": ema_momentum})
    return fitted, f"few texts: {'; '.join(changes)}" if changes else ""
