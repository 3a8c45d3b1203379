"""Word vectors from counts alone: which texts a token stands in, and beside which tokens.

Half of a vector is latent semantic analysis (Deerwester et al. 1990): what a token's texts are
about. The other half factorises the positive pointwise mutual information of tokens that stand
near one another (Levy & Goldberg 2014): how it is used. Both take seconds where a network would
take hours, and a language model that begins with them has far less to learn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.text.tokenizer import PADDING_ID, EncodedTexts

# How far apart two tokens may stand to be neighbours, on either side.
WINDOW = 10
# Levy, Goldberg & Dagan 2015: counts of the context are raised to this power.
CONTEXT_POWER = 0.75
# More are not counted: the matrix of neighbours takes up to about 2 GB for this many.
MOST_TOKENS = 30_000_000
# Root mean square over the features of a vector.
SCALE = 0.5
# The same for a feature that the counts cannot tell, and for tokens that were not seen.
SMALL_SCALE = 0.05
_TOKENS_AT_ONCE = 1_000_000
_POWER_ITERATIONS = 3


@dataclass(frozen=True)
class WordVectors:
    """Vectors of a vocabulary.

    Attributes:
        vectors: (vocabulary, units) float32; the padding's is zero.
        tokens: how many tokens were counted.
    """

    vectors: NDArray[np.float32]
    tokens: int


def word_vectors(
    encoded: EncodedTexts,
    *,
    vocabulary_size: int,
    units: int,
    seed: int,
    most_tokens: int = MOST_TOKENS,
) -> WordVectors:
    """Find a vector for every token of the vocabulary.

    Args:
        encoded: the texts to count in.
        vocabulary_size: number of token ids.
        units: width of a vector.
        seed: of the random projections, and of which texts are counted if they are too many.
        most_tokens: count in texts of about this many tokens, chosen at random.
    """
    random = np.random.default_rng(seed)
    counted = _sample(encoded, most_tokens, random)
    in_texts = -(-units // 2)
    topics = _topics(counted, vocabulary_size, in_texts, seed)
    usage = _usage(counted, vocabulary_size, units - in_texts, seed)
    vectors = np.hstack(
        [
            _widened(half, width, random)
            for half, width in zip((topics, usage), (in_texts, units - in_texts), strict=True)
        ]
    )  # (vocabulary, units)
    seen = np.bincount(counted.token_ids, minlength=vocabulary_size) > 0
    norms = np.sqrt((vectors**2).mean(axis=1, keepdims=True))
    vectors = np.where(
        seen[:, None] & (norms > 0),
        vectors * (SCALE / np.maximum(norms, 1e-12)),
        random.normal(0, SMALL_SCALE, vectors.shape),
    )
    vectors[PADDING_ID] = 0.0
    return WordVectors(vectors.astype(np.float32), len(counted.token_ids))


def _sample(encoded: EncodedTexts, most_tokens: int, random: np.random.Generator) -> EncodedTexts:
    """Return the texts, or as many of them at random as have `most_tokens` together."""
    if len(encoded.token_ids) <= most_tokens:
        return encoded
    order = random.permutation(len(encoded))
    chosen = np.sort(order[np.cumsum(encoded.lengths[order], dtype=np.int64) <= most_tokens])
    lengths = encoded.lengths[chosen]
    kept = np.zeros(len(encoded), bool)
    kept[chosen] = True
    return EncodedTexts(
        token_ids=encoded.token_ids[np.repeat(kept, encoded.lengths)],
        starts=np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]),
        truncated_tokens=encoded.truncated_tokens[chosen],
        unknown_fraction=encoded.unknown_fraction[chosen],
    )


def _topics(
    encoded: EncodedTexts, vocabulary_size: int, units: int, seed: int
) -> NDArray[np.float64]:
    """Return the right singular vectors of the log-tf·idf matrix: (vocabulary, at most units).

    Rows of the matrix are texts, brought to length 1, so that a long one does not count for more.
    """
    from scipy import sparse

    counts = sparse.csr_matrix(
        (np.ones(len(encoded.token_ids), np.float32), encoded.token_ids, encoded.starts),
        shape=(len(encoded), vocabulary_size),
        copy=True,  # the next line sorts in place, and these are the texts themselves
    )
    counts.sum_duplicates()
    texts_with = np.bincount(counts.indices, minlength=vocabulary_size)  # (vocabulary,)
    rarity = np.log((1 + len(encoded)) / (1 + texts_with)).astype(np.float32)
    counts.data = (1 + np.log(counts.data)) * rarity[counts.indices]
    norms = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())  # (texts,)
    counts.data /= np.repeat(np.maximum(norms, 1e-12), np.diff(counts.indptr))
    _, values, right = _svd(counts, units, seed)
    return _meant(right.T, values)


def _usage(
    encoded: EncodedTexts, vocabulary_size: int, units: int, seed: int
) -> NDArray[np.float64]:
    """Return the left singular vectors of the positive PMI: (vocabulary, at most units)."""
    pairs = _neighbours(encoded, vocabulary_size)
    totals = np.asarray(pairs.sum(axis=1), np.float64).ravel()  # (vocabulary,)
    contexts = totals**CONTEXT_POWER
    contexts /= max(contexts.sum(), 1.0)
    rows = np.repeat(totals, np.diff(pairs.indptr))  # (pairs,)
    information = np.log(pairs.data / (rows * contexts[pairs.indices]))
    pairs.data = np.maximum(information, 0.0).astype(np.float32)
    pairs.eliminate_zeros()
    left, values, _ = _svd(pairs, units, seed)
    return _meant(left, values)


def _neighbours(encoded: EncodedTexts, vocabulary_size: int) -> Any:  # noqa: ANN401 (scipy)
    """Count how often two tokens stand within the window of each other: (vocabulary)²."""
    from scipy import sparse

    shape = (vocabulary_size, vocabulary_size)
    total = sparse.csr_matrix(shape, dtype=np.float32)
    first = 0
    while first < len(encoded):
        end = encoded.starts[first] + _TOKENS_AT_ONCE
        last = max(first + 1, int(np.searchsorted(encoded.starts, end, side="right")) - 1)
        ids = encoded.token_ids[encoded.starts[first] : encoded.starts[last]]
        texts = np.repeat(np.arange(first, last), encoded.lengths[first:last])
        left, right = [], []
        for distance in range(1, WINDOW + 1):
            together = texts[:-distance] == texts[distance:]
            left.append(ids[:-distance][together])
            right.append(ids[distance:][together])
        found = (np.concatenate(left), np.concatenate(right))
        ones = np.ones(len(found[0]), np.float32)
        total = total + sparse.coo_matrix((ones, found), shape=shape).tocsr()
        first = last
    return (total + total.T).tocsr()


def _svd(matrix: Any, units: int, seed: int) -> Any:  # noqa: ANN401 (scikit-learn is untyped)
    from sklearn.utils.extmath import randomized_svd

    if units == 0 or matrix.nnz == 0:
        rows, columns = matrix.shape
        return np.zeros((rows, 0)), np.zeros(0), np.zeros((0, columns))
    return randomized_svd(
        matrix,
        units,
        n_oversamples=max(10, units),
        n_iter=_POWER_ITERATIONS,
        random_state=seed,
    )


def _meant(vectors: NDArray[Any], values: NDArray[Any]) -> NDArray[np.float64]:
    """Return the columns whose singular value is not a rounding error."""
    if not len(values):
        return vectors.astype(np.float64)
    return vectors[:, values > values[0] * 1e-5].astype(np.float64)


def _widened(
    half: NDArray[np.float64], width: int, random: np.random.Generator
) -> NDArray[np.float64]:
    """Bring a half to standard deviation 1, and to its width with small random columns."""
    if half.shape[1]:
        half = half / half.std()
    missing = random.normal(0, SMALL_SCALE, (half.shape[0], width - half.shape[1]))
    return np.hstack([half, missing])
