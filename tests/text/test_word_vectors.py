"""Word vectors: words used alike lie close, whatever the width; the texts stay as they were."""

from __future__ import annotations

import numpy as np
import pytest

from sentiment.text import word_vectors as module
from sentiment.text.tokenizer import PADDING_ID, EncodedTexts
from sentiment.text.word_vectors import SCALE, word_vectors

VOCABULARY = 30
GROUP = 8  # tokens 2-9 stand together, 10-17, and 18-25; 26-29 anywhere; 1 nowhere


def encoded(texts) -> EncodedTexts:
    lengths = [len(text) for text in texts]
    return EncodedTexts(
        token_ids=np.concatenate(texts).astype(np.int32),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        truncated_tokens=np.zeros(len(texts), np.int32),
        unknown_fraction=np.zeros(len(texts), np.float32),
    )


def toy_texts(count: int = 300) -> EncodedTexts:
    random = np.random.default_rng(0)
    texts = []
    for number in range(count):
        own = 2 + GROUP * (number % 3) + random.integers(0, GROUP, 12)
        texts.append(np.where(random.random(12) < 0.3, random.integers(26, VOCABULARY, 12), own))
    return encoded(texts)


def vectors(texts: EncodedTexts, units: int = 8, vocabulary_size: int = VOCABULARY, **options):
    return word_vectors(
        texts, vocabulary_size=vocabulary_size, units=units, seed=0, **options
    ).vectors


def test_tokens_of_the_same_texts_lie_close_and_others_apart():
    found = vectors(toy_texts(), 6)  # three groups: three directions in either half
    unit = found[2:26] / np.linalg.norm(found[2:26], axis=1, keepdims=True)
    alike = unit @ unit.T
    same = np.equal.outer(np.arange(24) // GROUP, np.arange(24) // GROUP)
    assert alike[same].min() > alike[~same].max()
    assert alike[same].mean() - alike[~same].mean() > 0.5


@pytest.mark.parametrize("units", [1, 2, 5, 8, 64])
def test_any_width_on_a_vocabulary_that_may_be_smaller(units: int):
    found = vectors(toy_texts(), units)
    assert found.shape == (VOCABULARY, units)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    seen = np.arange(VOCABULARY) > 1
    np.testing.assert_allclose(np.sqrt((found[seen] ** 2).mean(axis=1)), SCALE, rtol=1e-5)
    assert not found[PADDING_ID].any()
    assert 0 < np.abs(found[1]).max() < SCALE  # never seen: small, but not all alike


@pytest.mark.parametrize(
    "texts", [[[2]], [[2], [2], [2]], [[2, 3]], [[2, 2, 2, 2]], [[1, 2, 3]] * 5]
)
def test_hardly_any_text_gives_vectors_all_the_same(texts):
    found = vectors(encoded([np.array(text) for text in texts]), units=4, vocabulary_size=6)
    assert found.shape == (6, 4)
    assert np.isfinite(found).all()
    assert np.abs(found[2:]).max(axis=1).all()


def test_the_texts_are_left_as_they_were():
    texts = toy_texts()
    before = texts.token_ids.copy()
    vectors(texts)
    np.testing.assert_array_equal(texts.token_ids, before)


def test_the_same_seed_gives_the_same_bits():
    np.testing.assert_array_equal(vectors(toy_texts()), vectors(toy_texts()))


def test_neighbours_are_counted_within_the_window_and_within_a_text(monkeypatch):
    monkeypatch.setattr(module, "WINDOW", 2)
    texts = encoded([np.array([2, 3, 4, 3]), np.array([5]), np.array([2, 5])])
    expected = np.zeros((6, 6))
    for first, second in [(2, 3), (3, 4), (4, 3), (2, 4), (3, 3), (2, 5)]:
        expected[first, second] += 1
        expected[second, first] += 1
    for portion in (1, 4, 1000):  # in portions that break between any two texts
        monkeypatch.setattr(module, "_TOKENS_AT_ONCE", portion)
        np.testing.assert_array_equal(module._neighbours(texts, 6).toarray(), expected)


def test_only_some_of_too_many_tokens_are_counted():
    texts = toy_texts()
    found = word_vectors(texts, vocabulary_size=VOCABULARY, units=8, seed=0, most_tokens=1200)
    assert found.tokens == 1200
    assert np.abs(found.vectors[2:26]).max(axis=1).all()
    assert word_vectors(texts, vocabulary_size=VOCABULARY, units=8, seed=0).tokens == 3600
