"""How well the next token is foreseen, on texts the language model did not learn from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentiment.config import PretrainingSettings
from sentiment.nn.language_model import LanguageModel
from sentiment.text.segments import text_segments
from sentiment.text.tokenizer import EncodedTexts

# Positions scored at once: with a vocabulary of 20,000 that is 80 MB.
_POSITIONS_AT_ONCE = 1024


def perplexity(
    network: LanguageModel, held_out: EncodedTexts, settings: PretrainingSettings
) -> float:
    """Return the perplexity of the next token, over all tokens but each text's first.

    The whole vocabulary's softmax, exact: exp of the mean cross-entropy in nats. The states that
    the network carries are left as they were. nan if no text has a second token.
    """
    head = network.heads["next"]
    table = np.array(network.embedding.embeddings.numpy())  # (vocabulary, embedding_units)
    answers = table @ np.array(head.project.kernel.numpy())  # (vocabulary, units)
    bias = np.array(head.token_bias.numpy())  # (vocabulary,)
    carried = network.carried()
    total, tokens = 0.0, 0
    for segment in text_segments(
        held_out,
        rows=settings.rows,
        segment_tokens=settings.segment_tokens,
        seed=settings.seed,
        epoch=0,
    ):
        network.forget(segment.begins)
        states = np.asarray(network.grammar.predict_on_batch(segment.token_ids))
        asked = segment.positions + 1 < segment.ends[:, None]  # (rows, time)
        targets = held_out.token_ids[segment.positions[asked] + 1]  # (asked,)
        total += _cross_entropy(states[asked], targets, answers, bias)
        tokens += len(targets)
    network.carry(carried)
    with np.errstate(over="ignore"):
        return float(np.exp(total / tokens)) if tokens else float("nan")


def unigram_perplexity(
    encoded: EncodedTexts, held_out: EncodedTexts, *, vocabulary_size: int
) -> float:
    """Return what guessing by frequency alone gives on the same tokens: the figure to beat.

    Counts are those of the texts learned from, plus one a token.
    """
    counts = np.bincount(encoded.token_ids, minlength=vocabulary_size) + 1.0
    asked = np.ones(len(held_out.token_ids), bool)
    asked[held_out.starts[:-1]] = False
    shares = counts[held_out.token_ids[asked]] / counts.sum()
    return float(np.exp(-np.log(shares).mean())) if len(shares) else float("nan")


def _cross_entropy(
    states: NDArray[np.float32],
    targets: NDArray[np.int32],
    answers: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> float:
    """Return the sum over positions, in nats.

    Args:
        states: (positions, units).
        targets: (positions,) token ids.
        answers: (vocabulary, units).
        bias: (vocabulary,).
    """
    total = 0.0
    for first in range(0, len(targets), _POSITIONS_AT_ONCE):
        some = slice(first, first + _POSITIONS_AT_ONCE)
        logits = states[some] @ answers.T + bias  # (positions, vocabulary)
        right = logits[np.arange(len(logits)), targets[some]]
        logits -= (peak := logits.max(axis=1, keepdims=True))
        logits = np.exp(logits, out=logits)
        total += float((np.log(logits.sum(axis=1)) + peak[:, 0] - right).sum(dtype=np.float64))
    return total
