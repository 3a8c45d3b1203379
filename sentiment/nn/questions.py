"""What a language model is asked about a segment: which tokens, and against which others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentiment.config import PretrainingSettings
from sentiment.text.segments import Segment
from sentiment.text.tokenizer import EncodedTexts

# Tokens up to this share of all are asked for at full weight as tokens elsewhere; more frequent
# ones less, by the square root (Mikolov et al. 2013): "the" says nothing of the text.
RARE_ENOUGH = 1e-4
# Negatives are drawn in proportion to count to this power (Mikolov et al. 2013).
SAMPLING_POWER = 0.75


@dataclass(frozen=True)
class Question:
    """What the states at some steps of a segment are asked; arrays are (rows, positions).

    Attributes:
        steps: (positions,) int32, which steps of the segment are asked.
        targets: int32 token ids, the right answers.
        weights: float32, 0 where there is no answer.
    """

    steps: NDArray[np.int32]
    targets: NDArray[np.int32]
    weights: NDArray[np.float32]


def asked_steps(settings: PretrainingSettings) -> dict[str, int]:
    """Return to how many steps of a segment each kind of question goes: `next` to at least one."""
    elsewhere = round(settings.segment_tokens * settings.elsewhere_share)
    elsewhere = min(elsewhere, settings.segment_tokens - 1)
    asked = {"next": settings.segment_tokens - elsewhere, "elsewhere": elsewhere}
    return {name: steps for name, steps in asked.items() if steps}


def rarity(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return each token's weight as an answer to `elsewhere`, 0–1: (vocabulary,)."""
    shares = np.maximum(counts, 1) / max(1, counts.sum())
    weights: NDArray[np.float32] = np.minimum(1.0, np.sqrt(RARE_ENOUGH / shares)).astype("f")
    return weights


def ask(
    segment: Segment,
    encoded: EncodedTexts,
    *,
    asked: Mapping[str, int],
    rarity: NDArray[np.float32],
    random: np.random.Generator,
) -> dict[str, Question]:
    """Ask some steps for the next token, the others for a token anywhere in the same text.

    Args:
        segment: where the network reads.
        encoded: the texts the segment was cut from.
        asked: how many steps each kind of question goes to, from `asked_steps`.
        rarity: (vocabulary,) weights of the answers to `elsewhere`.
        random: decides on the steps and on the places elsewhere.
    """
    order = random.permutation(segment.token_ids.shape[1])
    questions, taken = {}, 0
    for name, count in asked.items():
        steps = np.sort(order[taken : taken + count])
        taken += count
        positions = segment.positions[:, steps]  # (rows, positions)
        # A text's last token has no next one, and has read all there is elsewhere.
        inside = positions + 1 < segment.ends[:, None]
        answers = positions + 1
        if name == "elsewhere":
            lengths = np.maximum(segment.ends - segment.starts, 1)[:, None]
            answers = segment.starts[:, None] + random.integers(0, lengths, positions.shape)
        targets = np.zeros(positions.shape, np.int32)
        targets[inside] = encoded.token_ids[answers[inside]]
        weights = inside.astype(np.float32)
        if name == "elsewhere":
            weights *= rarity[targets]
        questions[name] = Question(steps.astype(np.int32), targets, weights)
    return questions


class NegativeSampler:
    """Draws different token ids, the frequent ones more often.

    Tokens arrive at exponential times whose rates are in proportion to count^power; the first
    `size` to arrive are drawn (Efraimidis & Spirakis 2006). The time of the last of them hardly
    varies, so a token's probability of being in is 1 - exp(-rate × that time).

    Args:
        counts: (vocabulary,) how often each token stands in the texts.
        size: how many to draw, fewer than there are tokens.

    Attributes:
        log_drawn: (vocabulary,) float32, log probability of being drawn.
    """

    def __init__(
        self, counts: NDArray[np.int64], size: int, *, power: float = SAMPLING_POWER
    ) -> None:
        shares = np.maximum(counts, 1).astype(np.float64) ** power
        self._shares = shares / shares.sum()
        self.size = size
        time = self._time_of_last()
        self.log_drawn = np.log(-np.expm1(-self._shares * time)).astype(np.float32)

    def _time_of_last(self) -> float:
        """Return the time by which `size` tokens are expected to have arrived, by bisection."""
        low, high = 0.0, 1.0
        while -np.expm1(-self._shares * high).sum() < self.size - 1e-6 and high < 1e15:
            high *= 2
        for _ in range(100):
            middle = (low + high) / 2
            if -np.expm1(-self._shares * middle).sum() < self.size:
                low = middle
            else:
                high = middle
        return high

    def draw(self, random: np.random.Generator) -> NDArray[np.int32]:
        """Return `size` different token ids: (size,)."""
        arrival = random.standard_exponential(len(self._shares)) / self._shares
        return np.argpartition(arrival, self.size - 1)[: self.size].astype(np.int32)
