"""Batches: every text once, right padding, texts of like length together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.text.batches import (
    make_batch,
    paired_batches,
    prediction_batches,
    training_batches,
)
from sentiment.text.tokenizer import EncodedTexts

some_lengths = st.lists(st.integers(1, 40), min_size=1, max_size=120)


def encoded_texts(lengths: list[int]) -> EncodedTexts:
    """Make texts of these lengths whose tokens tell the text and the place they are from."""
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return EncodedTexts(
        token_ids=np.arange(1, starts[-1] + 1, dtype=np.int32),
        starts=starts,
        truncated_tokens=np.zeros(len(lengths), np.int32),
        unknown_fraction=np.zeros(len(lengths), np.float32),
    )


def test_a_batch_is_padded_on_the_right_to_its_longest_text():
    batch = make_batch(encoded_texts([2, 4, 1]), np.array([2, 0]))
    assert batch.token_ids.tolist() == [[7, 0], [1, 2]]
    assert batch.lengths.tolist() == [1, 2]
    assert batch.rows.tolist() == [2, 0]
    assert batch.token_ids.dtype == np.int32


@settings(deadline=None)
@given(lengths=some_lengths, batch_size=st.integers(1, 9), seed=st.integers(0, 99))
def test_an_epoch_holds_every_text_exactly_once(lengths, batch_size, seed):
    batches = training_batches(
        np.array(lengths, np.int32), batch_size=batch_size, seed=seed, epoch=0
    )
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    assert max(len(batch) for batch in batches) <= batch_size
    assert len(batches) == -(-len(lengths) // batch_size)


def test_the_order_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(1, 40, 500).astype(np.int32)

    def order(seed: int, epoch: int) -> list[list[int]]:
        batches = training_batches(lengths, batch_size=8, seed=seed, epoch=epoch)
        return [batch.tolist() for batch in batches]

    first = order(1, 0)
    np.random.default_rng(9).random(10)  # what others draw does not matter
    assert order(1, 0) == first
    assert order(1, 1) != first
    assert order(2, 0) != first


def test_texts_of_like_length_share_a_batch_and_batches_come_in_any_order():
    lengths = np.random.default_rng(0).integers(1, 200, 2000).astype(np.int32)
    batches = training_batches(lengths, batch_size=16, seed=3, epoch=0)
    padded = sum(int(lengths[rows].max()) * len(rows) for rows in batches)
    assert 1 - lengths.sum() / padded < 0.05
    longest = [int(lengths[rows].max()) for rows in batches]
    assert longest != sorted(longest)


@settings(deadline=None)
@given(lengths=some_lengths, budget=st.integers(1, 200), most=st.integers(1, 20))
def test_prediction_reads_every_text_once_within_the_budget(lengths, budget, most):
    encoded = encoded_texts(lengths)
    rows = []
    for batch in prediction_batches(encoded, tokens_per_batch=budget, max_texts=most):
        assert len(batch.rows) <= most
        assert batch.token_ids.size <= budget or len(batch.rows) == 1
        for row, tokens, length in zip(batch.rows, batch.token_ids, batch.lengths, strict=True):
            assert tokens[:length].tolist() == encoded.of_text(row).tolist()
            assert not tokens[length:].any()
        rows += batch.rows.tolist()
    assert sorted(rows) == list(range(len(lengths)))


@pytest.mark.parametrize("texts", [0, 1])
def test_no_text_and_one_text_are_fine(texts: int):
    batches = list(prediction_batches(encoded_texts([3] * texts), tokens_per_batch=8))
    assert [batch.token_ids.shape for batch in batches] == [(1, 3)] * texts


@settings(deadline=None)
@given(
    lengths=some_lengths,
    others=some_lengths,
    batch_size=st.integers(1, 9),
    other_size=st.integers(1, 9),
    seed=st.integers(0, 99),
)
def test_every_batch_gets_a_batch_of_other_texts(lengths, others, batch_size, other_size, seed):
    own, other = np.array(lengths, np.int32), np.array(others, np.int32)
    batches = training_batches(own, batch_size=batch_size, seed=seed, epoch=0)

    def paired(epoch: int):
        return paired_batches(batches, own, other, batch_size=other_size, seed=seed, epoch=epoch)

    found = paired(0)
    assert len(found) == len(batches)
    assert all(1 <= len(rows) <= other_size for rows in found)
    assert all(np.all((rows >= 0) & (rows < len(other))) for rows in found)
    assert all(map(np.array_equal, found, paired(0)))
    # The longer the batch, the longer its companion.
    order = np.argsort([own[rows].max() for rows in batches], kind="stable")
    companions = [int(other[found[place]].max()) for place in order]
    assert companions == sorted(companions)


def test_other_texts_are_gone_through_again_where_there_are_few():
    own, other = np.full(40, 3, np.int32), np.full(5, 3, np.int32)
    batches = training_batches(own, batch_size=4, seed=0, epoch=0)
    found = paired_batches(batches, own, other, batch_size=2, seed=0, epoch=1)
    counts = np.bincount(np.concatenate(found), minlength=5)
    assert len(found) == 10 and np.all(counts >= 2)
