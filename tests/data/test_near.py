"""Near duplicates: all of them, and nothing but them."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.data import near
from sentiment.data.near import near_pairs, similarity


def pairs(texts: list[str], threshold: float = 0.8) -> set[tuple[int, int]]:
    return {(pair.first, pair.second) for pair in near_pairs(texts, threshold=threshold).pairs}


WORDS = st.lists(st.integers(0, 30).map(str), max_size=60)


@st.composite
def related_texts(draw: st.DrawFn) -> list[str]:
    """Texts of which some are others with a few words taken out or put in."""
    texts = [draw(WORDS) for _ in range(draw(st.integers(2, 6)))]
    for _ in range(draw(st.integers(0, 12))):
        words = list(draw(st.sampled_from(texts)))
        for _ in range(draw(st.integers(0, 3))):
            place = draw(st.integers(0, len(words)))
            words[place : place + draw(st.integers(0, 1))] = draw(
                st.lists(st.just("x"), max_size=1)
            )
        texts.append(words)
    return [" ".join(words) for words in texts]


@settings(max_examples=150, deadline=None)
@given(related_texts(), st.sampled_from([0.3, 0.5, 0.8, 0.9, 1.0]))
def test_finds_exactly_what_comparing_everything_finds(texts: list[str], threshold: float) -> None:
    everything = {
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if similarity(texts[i], texts[j]) >= threshold
    }
    assert pairs(texts, threshold) == everything


def test_long_texts_that_differ_in_a_few_words_are_found() -> None:
    review = " ".join(f"word{i}" for i in range(300))
    changed = review.replace("word77 ", "other ").replace("word200 ", "")
    [pair] = near_pairs([review, "something else entirely", changed]).pairs
    assert (pair.first, pair.second) == (0, 2)
    # 299 word pairs each; the changes leave 295 shared, of 299 + 298 - 295.
    assert pair.similarity == pytest.approx(295 / 302)


def test_case_punctuation_and_markup_signs_do_not_count() -> None:
    assert pairs(["It's GREAT, really!", "it s great -- really", "It is great really"]) == {(0, 1)}


def test_one_word_is_compared_as_one_word() -> None:
    assert pairs(["bad", "Bad!", "good", "bad bad"]) == {(0, 1)}


def test_texts_without_words_resemble_nothing() -> None:
    assert pairs(["", "👍", "👎", "...", "!!!"]) == set()
    assert pairs([]) == set()


def test_word_order_counts() -> None:
    assert similarity("not good but bad", "not bad but good") == 0


def test_scripts_without_spaces_are_compared_by_character() -> None:
    film = "这部电影非常好看我很喜欢里面的演员和音乐"
    assert pairs([film, film + "啊", "完全不同的一句话没有什么相似"]) == {(0, 1)}


def test_accents_and_capitals_beyond_ascii() -> None:
    assert pairs(["ÉTÉ très beau", "été TRÈS beau", "ete tres beau"]) == {(0, 1)}


def test_a_search_that_is_cut_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"one two three four five six seven eight nine ten {i}" for i in range(60)]
    whole = near_pairs(texts)
    assert whole.complete
    assert len(whole.pairs) == 60 * 59 // 2
    monkeypatch.setattr(near, "_MOST_COMPARED", 2_000)
    cut = near_pairs(texts)
    assert not cut.complete
    assert 0 < len(cut.pairs) < len(whole.pairs)
    # Every text is still in a pair.
    assert {i for pair in cut.pairs for i in (pair.first, pair.second)} == set(range(60))


def test_texts_beyond_one_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [f"a text with number {i} and some more words after {i} it" for i in range(50)]
    texts += [texts[3] + " too", texts[44] + " too"]
    expected = pairs(texts)
    assert {(3, 50), (44, 51)} <= expected
    monkeypatch.setattr(near, "_CHUNK_TEXTS", 7)
    assert pairs(texts) == expected
