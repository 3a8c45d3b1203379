"""Text to token ids: what carries sentiment is kept, and nothing a user types breaks it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentiment.config import TextSettings
from sentiment.errors import DataError, ModelFolderError
from sentiment.text.tokenizer import PADDING_ID, UNKNOWN_ID, Tokenizer

CORPUS = [
    "I don't like this film, it isn't GOOD at all :(",
    "Loved it!!! 10/10 ... \U0001f44d\U0001f3fd would watch again :-) <3",
    "a good film and a bad film",
    "@someone see https://example.org/x?y=1 or www.example.org",
]


def make(texts=CORPUS, **options) -> Tokenizer:
    chosen = {"vocabulary_size": 300, "min_frequency": 1, "max_tokens": 50, "head_tokens": 20}
    return Tokenizer.train(texts, TextSettings(**{**chosen, **options}))


def split(text: str) -> list[str]:
    """Return the words a text is cut into, whatever the vocabulary."""
    tokenizer = make([text])
    return tokenizer.tokens(tokenizer.encode([text]).token_ids)


@pytest.fixture(scope="module", params=["word", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return make(tokenizer=request.param)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # Negation is a token of its own, whatever the apostrophe and the case.
        ("don't", ["do", "n't"]),
        ("Don’t", ["do", "n't"]),
        ("can't won't", ["ca", "n't", "wo", "n't"]),
        ("isn't.", ["is", "n't", "."]),
        ("it's they're I've we'll", ["it", "'s", "they", "'re", "i", "'ve", "we", "'ll"]),
        ("not bad", ["not", "bad"]),
        # Emoticons and emoji are words.
        ("sad :( or :-( here", ["sad", ":(", "or", ":-(", "here"]),
        ("fine:) ;-) =/ :p <3 </3", ["fine", ":)", ";-)", "=/", ":p", "<3", "</3"]),
        ("so good😀😀", ["so", "good", "😀", "😀"]),
        ("👍🏽 ❤️ 👩‍🚀", ["👍🏽", "❤️", "👩‍🚀"]),
        # Emphasis stays, in one token.
        ("wow!!! what??? well...", ["wow", "!!!", "what", "???", "well", "..."]),
        # Numbers, ratings, accents, other scripts.
        ("10/10, 3.5 stars", ["10", "/", "10", ",", "3.5", "stars"]),
        ("cafe\u0301 na\u00efve", ["caf\u00e9", "na\u00efve"]),
        ("очень плохо", ["очень", "плохо"]),
        # Markup, addresses and handles are folded.
        ("one<br />two<BR>three< br/>four", ["one", "two", "three", "four"]),
        ("see https://example.org/a?b=1!", ["see", "🔗"]),
        ("at www.example.org now", ["at", "🔗", "now"]),
        ("hello @some_one42 there", ["hello", "@", "there"]),
        ("mail me@example.org", ["mail", "me", "@", "example", ".", "org"]),
        # So are the remains of scraping.
        ("don&#39;t isn&rsquo;t don\\u2019t", ["do", "n't", "is", "n't", "do", "n't"]),
        ("this &amp; that&quot;", ["this", "that"]),
        ("one\\u002c two&nbsp;three &gt;&gt;", ["one", "two", "three"]),
        ("at http://example.org/?a=1&amp;b=2 now", ["at", "🔗", "now"]),
        ("R&D; a\\users", ["r", "&", "d", ";", "a", "\\", "users"]),
        ("tabs\tand\nlines\u00a0too", ["tabs", "and", "lines", "too"]),
    ],
)
def test_what_a_text_is_cut_into(text: str, tokens: list[str]):
    assert split(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("GREAT film", ["⇧", "great", "film"]),
        ("a GREAT film", ["a", "⇧", "great", "film"]),
        ('he said "GREAT" twice', ["he", "said", "⇧", '"', "great", '"', "twice"]),
        ("so (REALLY) bad", ["so", "⇧", "(", "really", ")", "bad"]),
        ("“REALLY” bad", ["⇧", "“", "really", "”", "bad"]),
        ("*NOT* good", ["⇧", "*", "not", "*", "good"]),
        ("DON'T go", ["⇧", "do", "n't", "go"]),
        ("Great I A Film", ["great", "i", "a", "film"]),
        ("McDonald", ["mcdonald"]),
        ("one<br />BAD", ["one", "⇧", "bad"]),
    ],
)
def test_a_word_in_capitals_is_lowercased_and_marked(text: str, tokens: list[str]):
    assert split(text) == tokens


def test_padding_typed_by_a_user_is_not_padding(tokenizer: Tokenizer):
    encoded = tokenizer.encode(["a [PAD] film", "[PAD]", "[UNK] [PAD][PAD]", "[pad]"])
    assert (encoded.token_ids != PADDING_ID).all()
    assert encoded.lengths[1] >= 1


def test_an_empty_text_is_one_unknown_token(tokenizer: Tokenizer):
    encoded = tokenizer.encode(["", "   \n", "\u200b\ufeff", "good"])
    for row in range(3):
        assert encoded.of_text(row).tolist() == [UNKNOWN_ID]
        assert encoded.unknown_fraction[row] == 1
    assert encoded.unknown_fraction[3] == 0


def test_no_texts_are_no_tokens(tokenizer: Tokenizer):
    encoded = tokenizer.encode([])
    assert len(encoded) == 0
    assert encoded.lengths.shape == encoded.truncated_tokens.shape == (0,)


def test_unknown_words_are_counted():
    encoded = make().encode(["a good zebra film", "zebra quagga", "a film"])
    np.testing.assert_allclose(encoded.unknown_fraction, [0.25, 1, 0])


WORDS = " ".join(f"w{chr(97 + i)}" for i in range(20))  # 20 different words


@pytest.mark.parametrize(
    ("max_tokens", "head_tokens", "kept"),
    [
        (8, 3, [0, 1, 2, 15, 16, 17, 18, 19]),
        (4, 0, [16, 17, 18, 19]),
        (4, 4, [0, 1, 2, 3]),
        (1, 1, [0]),
        (1, 0, [19]),
        (19, 9, [*range(9), *range(10, 20)]),
        (20, 9, list(range(20))),
        (50, 9, list(range(20))),
    ],
)
def test_a_long_text_keeps_its_beginning_and_its_end(max_tokens, head_tokens, kept):
    tokenizer = make([WORDS], max_tokens=max_tokens, head_tokens=head_tokens)
    encoded = tokenizer.encode(["wa wb", WORDS], offsets=True)
    words = WORDS.split()
    assert tokenizer.tokens(encoded.of_text(1)) == [words[i] for i in kept]
    assert encoded.truncated_tokens.tolist() == [max(0, 2 - max_tokens), 20 - len(kept)]
    assert encoded.lengths[1] == len(kept)
    assert encoded.offsets is not None
    assert [WORDS[start:end] for start, end in encoded.offsets[1]] == [words[i] for i in kept]


def test_offsets_point_into_the_text_as_it_came(tokenizer: Tokenizer):
    text = "I DON’T like <br />this 😀 film :("
    encoded = tokenizer.encode([text, ""], offsets=True)
    assert encoded.offsets is not None
    places = encoded.offsets[0]
    assert len(places) == encoded.lengths[0]
    for word in ("I", "DO", "N’T", "like", "this", "😀", "film", ":("):
        # Subwords are parts of a word: together they cover it and nothing else.
        start = text.index(word)
        parts = [(a, b) for a, b in places.tolist() if a >= start and b <= start + len(word)]
        assert "".join(text[a:b] for a, b in parts if b > a) == word
    assert encoded.offsets[1].tolist() == [[0, 0]]


def test_offsets_change_no_token_ids(tokenizer: Tokenizer):
    plain, placed = tokenizer.encode(CORPUS), tokenizer.encode(CORPUS, offsets=True)
    np.testing.assert_array_equal(plain.token_ids, placed.token_ids)
    assert plain.offsets is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bad \ud83d end", "text 2 holds a lone surrogate at position 4"),
        (None, "text 2 holds NoneType instead of text"),
        (3.5, "text 2 holds float instead of text"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(tokenizer: Tokenizer, text, words: str):
    with pytest.raises(DataError) as caught:
        tokenizer.encode(["fine", text])
    assert words in str(caught.value)


def test_the_vocabulary_is_that_of_the_training_texts():
    tokenizer = make(["good film", "good story"], min_frequency=1)
    assert sorted(tokenizer.tokens(range(tokenizer.vocabulary_size))) == [
        "[PAD]",
        "[UNK]",
        "film",
        "good",
        "story",
    ]
    tokenizer.encode(["other words do not enter it"])
    assert tokenizer.vocabulary_size == 5


def test_rare_words_and_words_past_the_size_are_unknown():
    texts = ["good good film film rare", "good"]
    assert make(texts, min_frequency=2).encode(["good film rare"]).unknown_fraction[0] > 0.3
    many = [f"word{chr(97 + i)}{chr(97 + j)}" for i in range(5) for j in range(5)]
    assert make(many, vocabulary_size=16).vocabulary_size == 16


def test_what_was_saved_makes_the_same_token_ids(tokenizer: Tokenizer, tmp_path: Path):
    path = tmp_path / "tokenizer.json"
    path.write_text(tokenizer.to_json(), encoding="utf-8")
    same = Tokenizer.load(path, max_tokens=50, head_tokens=20)
    texts = [*CORPUS, "", "[PAD] unseen Wörter 🦓"]
    np.testing.assert_array_equal(same.encode(texts).token_ids, tokenizer.encode(texts).token_ids)
    assert same.vocabulary_size == tokenizer.vocabulary_size
    assert same.to_json() == tokenizer.to_json() == path.read_text(encoding="utf-8")


def test_training_twice_gives_the_same_vocabulary():
    # Ties between equally frequent words must not be broken by chance.
    texts = [" ".join(f"{a}{b}" for a in "abcdefgh" for b in "xyzuvw")]
    first = make(texts, vocabulary_size=30).to_json()
    assert all(make(texts, vocabulary_size=30).to_json() == first for _ in range(5))


@pytest.mark.parametrize("content", ["", "{}", "not json", '{"model": 3}'])
def test_a_file_that_is_no_tokenizer_is_refused(content: str):
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json cannot be read"):
        Tokenizer.from_json(content, max_tokens=5, head_tokens=2)


def test_a_tokenizer_with_other_special_tokens_is_refused():
    content = make().to_json().replace('"[PAD]"', '"[NOTHING]"')
    with pytest.raises(ModelFolderError, match=r"tokenizer\.json has ids \[None, 1\]"):
        Tokenizer.from_json(content, max_tokens=5, head_tokens=2)


PIECES = [
    "DON'T",
    "n’t",
    " ",
    "<br />",
    "⇧",
    "🔗",
    "@",
    "'",
    '"',
    "[PAD]",
    ":(",
    "\u200d",
    "\ufe0f",
]
any_text = st.text(max_size=60) | st.lists(
    st.sampled_from(PIECES) | st.text(max_size=3), max_size=12
).map("".join)


@settings(deadline=None, max_examples=300)
@given(texts=st.lists(any_text, max_size=4))
@example(texts=["İSTANBUL", "ǅ ﬁ ẞ SS", "\u0301\u0301A\u0301B", "\U000e0001", "a\0b", "''''AB"])
def test_no_text_whatsoever_breaks_it(tokenizer: Tokenizer, texts: list[str]):
    encoded = tokenizer.encode(texts, offsets=True)
    assert len(encoded) == len(texts)
    assert (encoded.lengths >= 1).all()
    assert (encoded.lengths <= tokenizer.max_tokens).all()
    assert (encoded.token_ids > PADDING_ID).all()
    assert (encoded.token_ids < tokenizer.vocabulary_size).all()
    assert ((encoded.unknown_fraction >= 0) & (encoded.unknown_fraction <= 1)).all()
    assert encoded.offsets is not None
    for text, places in zip(texts, encoded.offsets, strict=True):
        assert ((places >= 0) & (places <= len(text))).all()
        assert (places[:, 0] <= places[:, 1]).all()
    # The faster path, and each text alone, give the same.
    np.testing.assert_array_equal(tokenizer.encode(texts).token_ids, encoded.token_ids)
    for row, text in enumerate(texts):
        np.testing.assert_array_equal(tokenizer.encode([text]).token_ids, encoded.of_text(row))


@settings(deadline=None, max_examples=60)
@given(texts=st.lists(any_text, min_size=1, max_size=5), kind=st.sampled_from(["word", "bpe"]))
def test_no_training_text_whatsoever_breaks_it(texts: list[str], kind: str):
    tokenizer = make(texts, tokenizer=kind)
    encoded = tokenizer.encode(texts)
    assert (encoded.token_ids > PADDING_ID).all()
    same = Tokenizer.from_json(tokenizer.to_json(), max_tokens=50, head_tokens=20)
    np.testing.assert_array_equal(same.encode(texts).token_ids, encoded.token_ids)
