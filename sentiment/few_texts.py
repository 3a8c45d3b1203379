"""What a training with few texts needs.

Steps enough, and averaged weights that keep up with them: a hundred texts in batches of 64 are two
steps an epoch, in which a new classifier hardly moves, and an average over a hundred steps not at
all. And no choice among its epochs by a handful of validation texts, which is one by luck
(docs/experiments.md has the figures).
"""

from __future__ import annotations

import math

from sentiment.config import TrainingSettings

# Batches shrink until an epoch has as many steps, but not below the smallest; then an epoch goes
# through the texts more than once.
STEPS_AN_EPOCH = 32
SMALLEST_BATCH = 8
# Fewer validation texts do not choose an epoch: 95 % intervals of their accuracy are wider than ±5.
ENOUGH_TO_CHOOSE = 200


def fit_to(
    settings: TrainingSettings, texts: int, validation_texts: int
) -> tuple[TrainingSettings, str]:
    """Return settings that suit so few texts, and a line for the log; as given, if they are many.

    Args:
        settings: as given.
        texts: how many there are to learn from, at least one.
        validation_texts: how many there are to judge by.

    Example:
        >>> few, note = fit_to(TrainingSettings(batch_size=64, ema_momentum=0.99), 500, 1_000)
        >>> few.batch_size, round(few.ema_momentum, 3), few.keep
        (15, 0.971, 'best')
        >>> note
        'few texts: batches of 15, not 64; weights averaged over 34 steps, not 100'
    """
    batch_size = min(settings.batch_size, max(SMALLEST_BATCH, texts // STEPS_AN_EPOCH))
    steps_a_pass = math.ceil(texts / batch_size)
    passes = max(settings.passes, STEPS_AN_EPOCH // steps_a_pass)
    steps = passes * steps_a_pass
    fitted = settings.model_copy(
        update={
            "batch_size": batch_size,
            "passes": passes,
            "ema_momentum": min(settings.ema_momentum, 1 - 1 / steps),
            "keep": "last" if validation_texts < ENOUGH_TO_CHOOSE else settings.keep,
        }
    )
    changes = []
    if fitted.batch_size < settings.batch_size:
        changes.append(f"batches of {batch_size}, not {settings.batch_size}")
    if fitted.passes > settings.passes:
        changes.append(f"{passes} passes an epoch, not {settings.passes}")
    if fitted.ema_momentum < settings.ema_momentum:
        before = 1 / (1 - settings.ema_momentum)
        changes.append(f"weights averaged over {steps} steps, not {before:.0f}")
    if fitted.keep != settings.keep:
        changes.append("the last epoch is kept, not the best of so few validation texts")
    return fitted, f"few texts: {'; '.join(changes)}" if changes else ""
