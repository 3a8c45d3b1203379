"""Texts encoded by remembered pieces: the same token ids as from the text as a whole."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment.config import TextSettings
from sentiment.text import pieces
from sentiment.text.pieces import Pieces, TokenRows, encode_whole
from sentiment.text.tokenizer import Tokenizer

CORPUS = [
    "I don't like this film, it isn't GOOD at all :( <br /> <3",
    "Loved it!!! 10/10 ... would watch again @me https://example.org/x :-) 👍🏽",
]
SIGNS = [
    *(" ", "  ", "\n", "\t", "\u00a0", "\u2003", "\x1c", "\x85", "\u200b"),
    *("<br />", "< br>", "<BR/ >", "<\nbr />", "<br", "/>", "<", ">", "<3", "</3", "\u0338"),
    *("GOOD", '"GOOD"', "don't", "n’t", "'", "@me", "me@", "www.x", "http://", ":(", ": (", "!!"),
    *("&amp;", "&#39;", "&nbsp;", "&", "\\u2019", "\\u002c", "\\u", "a=1"),
    *("film", "Film", "A", "aBc", "N't", "n", "t", "s", "www", "Www.", "d", "p", "o"),
    *("(", '"', "*", "-", ",", ".", "...", "!", ":", ";", ":-", "7", "3.5", ".com"),
    *("\u0301", "\u0316", "\u200d", "\ufe0f", "👍", "🏽", "İ", "ΣΑΣ", "ß", "10.5", "1 0", "[PAD]"),
]


def rows(encoded: TokenRows) -> list[list[int]]:
    parts = np.split(encoded.token_ids, np.cumsum(encoded.sizes)[:-1]) if len(encoded.sizes) else []
    return [part.tolist() for part in parts]


any_text = st.lists(st.sampled_from(SIGNS) | st.text(max_size=4), max_size=14).map("".join)


def make(kind: str = "word", **options: int) -> Tokenizer:
    chosen = {"vocabulary_size": 300, "min_frequency": 1, "max_tokens": 50, "head_tokens": 20}
    return Tokenizer.train(CORPUS, TextSettings(tokenizer=kind, **{**chosen, **options}))


@pytest.fixture(scope="module", params=["word", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return make(request.param)


@settings(deadline=None, max_examples=500)
@given(texts=st.lists(any_text, max_size=4))
@example(texts=["a<br />b <br>\u0338 c", "<br />\u0316\u0338", "<\u00a0br />", "a < br / > b"])
@example(texts=["<br<br />/>", "a <b<br>r> c", "<<br>br />"])
@example(
    texts=["(well-made,", "A-B C.D. (I)", "film:d :-o x:)) ;", "www.film wWw.a www .a", '"(GOod"']
)
@example(
    texts=["1,000.5a 10/10 a3b <3 a...b!!?? a*b*", "it's its' n't on't d'o", "film\nfilm,film"]
)
@example(texts=["so  GOOD", "( GOOD", " \u0301a", "x \u200d y", "<3 and > 2", "<br /><br\t/>"])
def test_pieces_give_the_ids_of_the_whole_text(tokenizer: Tokenizer, texts: list[str]) -> None:
    backend = tokenizer._backend
    expected = rows(encode_whole(backend, texts))
    assert rows(Pieces(backend).encode(texts)) == expected
    if texts:
        many = Pieces(backend)
        for _ in range(2):  # when all is new, and when all is known
            assert rows(many._encode_many(texts)) == expected


def test_a_word_met_within_a_piece_is_known_from_then_on(tokenizer: Tokenizer) -> None:
    found = Pieces(tokenizer._backend)
    found.encode(["(well-made,"])
    assert {"(well-made,", "(", "well", "-", "made", ","} == set(found._known)
    found._backend = None  # type: ignore[assignment]
    assert rows(found.encode(["well made , ("])) == rows(
        encode_whole(tokenizer._backend, ["well made , ("])
    )


def test_texts_of_new_words_and_of_known_ones_are_encoded_alike(tokenizer: Tokenizer) -> None:
    chance = np.random.default_rng(0)
    words = ["".join(chance.choice(list("abcdefgh"), 6)) for _ in range(3_000)]
    texts = [" ".join(words[start : start + 20]) for start in range(0, 3_000, 20)]
    found = Pieces(tokenizer._backend)
    for some in (texts, texts[:30], texts, [texts[0] + " good film"] * 100, texts * 60, texts):
        assert rows(found.encode(some)) == rows(encode_whole(tokenizer._backend, some))


def test_what_is_remembered_is_bounded(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MOST_BYTES", 20_000)
    found = Pieces(tokenizer._backend)
    for number in range(0, 2_000, 10):
        texts = [f"good film number w{word}" for word in range(number, number + 10)]
        assert rows(found.encode(texts)) == rows(encode_whole(tokenizer._backend, texts))
        assert len(found._known) < 200


def test_threads_share_what_is_remembered(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "MOST_BYTES", 5_000)
    found = Pieces(tokenizer._backend)
    texts = [[f"a film w{n % 70} of w{n}" for n in range(start, start + 5)] for start in range(400)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(found.encode, texts))
    assert [rows(answer) for answer in answers] == [
        rows(encode_whole(tokenizer._backend, some)) for some in texts
    ]


@pytest.mark.parametrize("part", ["normalizer", "pre_tokenizer", "added_tokens"])
def test_a_tokenizer_of_another_kind_reads_whole_texts(part: str) -> None:
    content = json.loads(make().to_json())
    other = {
        "normalizer": {"type": "Replace", "pattern": {"String": "a f"}, "content": "x"},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"},
        "added_tokens": [
            {
                "id": 2,
                "content": "good film",
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
        ],
    }
    content[part] = other[part]
    tokenizer = Tokenizer.from_json(json.dumps(content), max_tokens=50, head_tokens=20)
    assert tokenizer._pieces is None
    texts = ["a good film", "not a film"]
    plain, placed = tokenizer.encode(texts), tokenizer.encode(texts, offsets=True)
    np.testing.assert_array_equal(plain.token_ids, placed.token_ids)


@pytest.mark.parametrize("offsets", [False, True])
def test_many_texts_are_encoded_a_group_at_a_time(
    monkeypatch: pytest.MonkeyPatch, *, offsets: bool
) -> None:
    tokenizer = make(max_tokens=4, head_tokens=1)
    texts = [
        "film",
        "",
        "I don't like this film at all",
        "so good",
        "loved it",
        "<br />",
        "a b c d e",
    ]
    whole = tokenizer.encode(texts, offsets=offsets)
    monkeypatch.setattr("sentiment.text.tokenizer.TEXTS_AT_A_TIME", 2)
    grouped = tokenizer.encode(texts, offsets=offsets)
    for name in ("token_ids", "starts", "truncated_tokens", "unknown_fraction"):
        np.testing.assert_array_equal(getattr(grouped, name), getattr(whole, name))
    assert grouped.truncated_tokens.tolist() == [0, 0, 4, 0, 0, 0, 1]
    if whole.offsets and grouped.offsets:
        for one, other in zip(grouped.offsets, whole.offsets, strict=True):
            np.testing.assert_array_equal(one, other)
    assert (grouped.offsets is None) == (not offsets)
