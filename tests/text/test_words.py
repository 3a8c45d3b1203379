"""Tokens put together to words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.config import TextSettings
from sentiment.text.tokenizer import Tokenizer
from sentiment.text.words import Words, words_of

CORPUS = ["I LOVED it, don't you? see http://x.y @joe :) (GREAT) lovely lovingly", "wonderful"]
TOKENIZERS = {
    kind: Tokenizer.train(
        CORPUS, TextSettings(tokenizer=kind, vocabulary_size=400, min_frequency=1)
    )
    for kind in ("word", "bpe")
}


def words(text: str, kind: str = "word") -> Words:
    tokenizer = TOKENIZERS[kind]
    encoded = tokenizer.encode([text], offsets=True)
    return words_of(text, tokenizer.tokens(encoded.of_text(0)), encoded.offsets[0])


def test_a_word_is_shown_as_it_stands_in_the_text() -> None:
    text = "I LOVED it, don't you see http://x.y/z?a=b :) Zorpish"
    assert words(text).shown == (
        "I", "LOVED", "it", ",", "do", "n't", "you", "see", "http://x.y/z?a=b", ":)", "Zorpish"
    )  # fmt: skip


def test_a_letter_that_lowercases_to_two_does_not_cut_a_word() -> None:
    word = "\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}stanbul"
    assert words(f"{word} was great", "bpe").shown == (word, "was", "great")


def test_the_marker_of_capitals_belongs_to_its_word() -> None:
    assert words("it LOVED").tokens == ((0,), (1, 2))
    # Between the two a bracket may stand.
    found = words("it (GREAT)")
    assert found.shown == ("it", "(", "GREAT", ")")
    assert found.tokens == ((0,), (2,), (1, 3), (4,))


def test_a_handle_is_one_word_with_all_its_letters() -> None:
    assert words("see<br />@joe (@jim)").shown == ("see", "@joe", "(", "@jim", ")")


def test_pieces_of_a_subword_vocabulary_are_one_word() -> None:
    found = words("lovely wonderly it", "bpe")
    assert found.shown == ("lovely", "wonderly", "it")
    assert max(map(len, found.tokens)) > 1


def test_a_letter_that_the_vocabulary_lacks_does_not_cut_a_word() -> None:
    assert words("lov\N{LATIN SMALL LETTER O WITH STROKE}ly it", "bpe").shown[1:] == ("it",)


def test_an_empty_text_has_one_word_of_no_letters() -> None:
    found = words("")
    assert (found.tokens, found.shown) == (((0,),), ("",))


@pytest.mark.parametrize("kind", ["word", "bpe"])
@settings(max_examples=80, deadline=None)
@given(text=st.text(st.sampled_from("aB lové@:/.()!'😀\u0301<br>\n"), max_size=30))
def test_every_token_is_in_one_word_and_spans_stand_in_order(kind: str, text: str) -> None:
    found = words(text, kind)
    tokens = sorted(token for inside in found.tokens for token in inside)
    assert tokens == list(range(len(tokens)))
    assert len(tokens) >= 1
    ends = found.spans[:, 1].tolist()
    assert ends == sorted(ends)
    assert all(0 <= start <= end <= len(text) for start, end in found.spans.tolist())
    for word, inside in enumerate(found.tokens):
        assert {found.of_token(token) for token in inside} == {word}
