"""Splitting: what belongs together stays so, classes keep their shares, nothing moves by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data.split import group_keys, linked_by_text, split_off, stratified_subset


def labels_of(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


def shares(labels: np.ndarray) -> np.ndarray:
    return np.bincount(labels) / len(labels)


def test_rows_alone_give_an_exactly_stratified_split() -> None:
    labels = labels_of(*[0] * 700, *[1] * 200, *[2] * 100)
    kept, taken = split_off(labels, [f"text {i}" for i in range(1000)], fraction=0.1, seed=13)
    assert np.bincount(labels[taken]).tolist() == [70, 20, 10]
    assert sorted([*kept, *taken]) == list(range(1000))
    assert np.all(np.diff(kept) > 0) and np.all(np.diff(taken) > 0)


def test_groups_stay_whole_and_size_and_classes_come_close() -> None:
    random = np.random.default_rng(0)
    groups = [f"film {i}" for i in random.integers(0, 400, 5000)]
    # Films are good or bad: their reviews lean one way.
    labels = np.array([(hash_of(g) + random.random() > 1) for g in groups], np.int32)
    kept, taken = split_off(labels, groups, fraction=0.1, seed=13)
    assert not {groups[i] for i in kept} & {groups[i] for i in taken}
    assert abs(len(taken) - 500) <= 5
    assert abs(shares(labels[taken])[1] - shares(labels)[1]) < 0.01


def hash_of(group: str) -> float:
    return int(group.split()[1]) % 10 / 10


def test_a_split_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    random = np.random.default_rng(1)
    texts = [f"text {i}" for i in range(300)]
    labels = random.integers(0, 2, 300).astype(np.int32)
    _, taken = split_off(labels, texts, fraction=0.2, seed=13)
    order = random.permutation(300)
    _, shuffled = split_off(labels[order], [texts[i] for i in order], fraction=0.2, seed=13)
    assert {texts[i] for i in taken} == {texts[order[i]] for i in shuffled}
    _, other = split_off(labels, texts, fraction=0.2, seed=14)
    assert set(taken) != set(other)


def test_this_split_will_never_change() -> None:
    """A model's numbers are on this validation split: another version must make it again."""
    labels = labels_of(*[0, 1] * 10)
    _, taken = split_off(labels, [f"text {i}" for i in range(20)], fraction=0.2, seed=13)
    assert taken.tolist() == [3, 14, 15, 18]


def test_few_rows_still_leave_one_of_each_class() -> None:
    kept, taken = split_off(labels_of(0, 0, 1, 1), ["a", "b", "c", "d"], fraction=0.1, seed=1)
    assert sorted([0, 0, 1, 1][i] for i in taken) == [0, 1]
    assert sorted([0, 0, 1, 1][i] for i in kept) == [0, 1]


def test_a_class_of_one_row_is_trained_on() -> None:
    labels = labels_of(0, 0, 0, 0, 1)
    kept, _ = split_off(labels, list("abcde"), fraction=0.4, seed=1)
    assert 4 in kept


def test_one_group_cannot_be_split() -> None:
    kept, taken = split_off(labels_of(0, 1, 0), ["a"] * 3, fraction=0.5, seed=1)
    assert (len(kept), len(taken)) == (3, 0)


def test_groups_too_large_for_the_fraction_give_the_smallest() -> None:
    labels = labels_of(*[0, 1] * 50)
    groups = ["large"] * 60 + ["small"] * 40
    _, taken = split_off(labels, groups, fraction=0.05, seed=1)
    assert {groups[i] for i in taken} == {"small"}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=80),
    st.floats(0.05, 0.8),
    st.integers(0, 5),
)
def test_every_row_is_on_one_side_with_its_group(
    rows: list[tuple[int, int]], fraction: float, seed: int
) -> None:
    labels = labels_of(*(label for label, _ in rows))
    groups = [str(group) for _, group in rows]
    kept, taken = split_off(labels, groups, fraction=fraction, seed=seed)
    assert sorted([*kept, *taken]) == list(range(len(rows)))
    assert not {groups[i] for i in kept} & {groups[i] for i in taken}


def test_missing_groups_are_groups_of_their_own() -> None:
    groups = ["a", None, "", "a", 7, float("nan"), float("nan")]
    keys = group_keys(groups, ["t1", "t2", "t3", "t4", "t5", "t6", "t7"])
    assert keys[0] == keys[3]
    assert len(set(keys)) == 6


def test_a_copied_text_ties_its_groups_together() -> None:
    copied = "a review that was copied word by word"
    texts = [copied, "b", copied, "d", "e", "f", "g", "h"]
    keys = linked_by_text(["1", "1", "2", "2", "3", "4", "5", "6"], texts)
    assert keys[0] == keys[1] == keys[2] == keys[3]
    assert len(set(keys)) == 5


def test_short_texts_tie_nothing() -> None:
    groups = ["1", "2", "3"]
    assert linked_by_text(groups, ["Great product!"] * 3) == groups


def test_boilerplate_that_ties_everything_is_let_be() -> None:
    groups = [str(i) for i in range(10)]
    assert linked_by_text(groups, ["this review was removed by us"] * 10) == groups


def test_subset_keeps_shares_and_nests() -> None:
    labels = labels_of(*[0] * 800, *[1] * 200)
    texts = [f"text {i}" for i in range(1000)]
    large = stratified_subset(labels, texts, rows=500, seed=13)
    small = stratified_subset(labels, texts, rows=50, seed=13)
    assert np.bincount(labels[large]).tolist() == [400, 100]
    assert np.bincount(labels[small]).tolist() == [40, 10]
    assert set(small) < set(large)


@pytest.mark.parametrize("rows", [7, 10, 11, 100])
def test_subset_has_as_many_rows_as_asked(rows: int) -> None:
    labels = labels_of(0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2)
    subset = stratified_subset(labels, ["same"] * 11, rows=rows, seed=1)
    assert len(subset) == len(set(subset)) == min(rows, 11)
