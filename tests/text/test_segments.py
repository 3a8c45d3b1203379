"""Segments: every token once an epoch and in order, and what is carried from where to where."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.config import TextSettings
from sentiment.text import segments as module
from sentiment.text.segments import count_segments, encode_uncut, text_segments
from sentiment.text.tokenizer import EncodedTexts, Tokenizer

some_lengths = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def encoded_texts(lengths: list[int]) -> EncodedTexts:
    """Make texts of these lengths whose tokens tell the text and the place they are from."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return EncodedTexts(
        token_ids=np.arange(1, starts[-1] + 1, dtype=np.int32),
        starts=starts,
        truncated_tokens=np.zeros(len(lengths), np.int32),
        unknown_fraction=np.zeros(len(lengths), np.float32),
    )


@settings(deadline=None)
@given(some_lengths, st.integers(1, 7), st.integers(1, 9), st.integers(0, 3))
def test_every_token_is_read_once_and_each_text_in_order_in_one_row(lengths, rows, time, epoch):
    encoded = encoded_texts(lengths)
    read: list[list[int]] = [[] for _ in range(rows)]
    for segment in text_segments(encoded, rows=rows, segment_tokens=time, seed=1, epoch=epoch):
        assert segment.token_ids.shape == (rows, time)
        for row in range(rows):
            tokens = segment.token_ids[row][segment.inside[row]].tolist()
            assert not segment.token_ids[row][len(tokens) :].any()  # padding, on the right alone
            read[row] += tokens
    assert sorted(token for row in read for token in row) == encoded.token_ids.tolist()
    firsts = set(encoded.starts[:-1] + 1)
    for row in read:
        for before, token in zip([None, *row], row, strict=False):
            assert token in firsts or token == before + 1


@settings(deadline=None)
@given(some_lengths, st.integers(1, 7), st.integers(1, 9))
def test_a_text_begins_at_a_segments_start_and_only_there(lengths, rows, time):
    encoded = encoded_texts(lengths)
    begun = []
    for segment in text_segments(encoded, rows=rows, segment_tokens=time, seed=1, epoch=0):
        first = segment.positions[:, 0]
        reading = first < segment.ends
        np.testing.assert_array_equal(segment.begins & reading, reading & (first == segment.starts))
        np.testing.assert_array_equal(segment.token_ids[reading, 0], first[reading] + 1)
        begun += segment.starts[segment.begins].tolist()
    assert sorted(begun) == encoded.starts[:-1].tolist()


def test_the_order_depends_on_seed_and_epoch_alone():
    encoded = encoded_texts(np.random.default_rng(0).integers(1, 40, 100).tolist())

    def order(seed: int, epoch: int) -> list[int]:
        read = text_segments(encoded, rows=4, segment_tokens=8, seed=seed, epoch=epoch)
        return [int(start) for segment in read for start in segment.starts[segment.begins]]

    assert order(1, 0) == order(1, 0)
    assert order(1, 0) != order(1, 1)
    assert order(1, 0) != order(2, 0)


@settings(deadline=None)
@given(some_lengths, st.integers(1, 7), st.integers(1, 9))
def test_the_segments_of_the_first_epoch_are_counted_exactly(lengths, rows, time):
    encoded = encoded_texts(lengths)
    options = {"rows": rows, "segment_tokens": time, "seed": 5}
    assert count_segments(encoded, **options) == sum(
        1 for _ in text_segments(encoded, epoch=0, **options)
    )


@pytest.mark.parametrize("portion", [2, 10_000])
def test_whole_texts_are_not_cut_however_the_tokenizer_cuts(monkeypatch, portion: int):
    monkeypatch.setattr(module, "_TEXTS_AT_ONCE", portion)
    texts = ["a b c d e f g", "", "a a", "b", "g f e d c"]
    options = TextSettings(max_tokens=2, head_tokens=1, min_frequency=1, vocabulary_size=16)
    tokenizer = Tokenizer.train(texts, options)
    encoded = encode_uncut(tokenizer, texts)
    assert encoded.lengths.tolist() == [7, 1, 2, 1, 5]
    assert not encoded.truncated_tokens.any()
    assert tokenizer.tokens(encoded.of_text(4)) == ["g", "f", "e", "d", "c"]
    assert encoded.unknown_fraction.tolist() == [0, 1, 0, 0, 0]
    assert tokenizer.encode(texts).lengths.max() == 2  # the tokenizer itself is as it was
