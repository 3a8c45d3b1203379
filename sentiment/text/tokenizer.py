"""Text to token ids, by Hugging Face `tokenizers`: one code path for training and for prediction.

What is kept on purpose, because it carries sentiment:

- negations: `n't` is a token of its own (`don't` → `do` `n't`), whatever the apostrophe;
- emoticons and emoji: `:(`, `:-)`, `<3` and each emoji are tokens, not dropped as punctuation;
- case: text is lowercased, and a word in capitals is preceded by the token `⇧`;
- emphasis: runs such as `!!!` and `...` are tokens.

What is folded, because it does not: `<br />` is a space, a web address is `🔗`, a handle is `@`.
What scraping leaves behind is read as it was meant: an apostrophe escaped for HTML or JSON is one
(`don&#39;t` is `don't`), and `&amp;`, `&quot;` and their like are spaces.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tokenizers
from numpy.typing import NDArray
from tokenizers import Regex, models, normalizers, pre_tokenizers, trainers

from sentiment.errors import DataError, ModelFolderError
from sentiment.text.pieces import Pieces, TokenRows, encode_whole, joined

if TYPE_CHECKING:
    from sentiment.config import TextSettings

PADDING_ID = 0
UNKNOWN_ID = 1
SPECIAL_TOKENS = ("[PAD]", "[UNK]")
# Markers are single characters, so that word and subword vocabularies both keep them whole.
CAPITALS, WEB_ADDRESS, HANDLE = "⇧", "🔗", "@"
# For the memory that encoding needs beside its result.
TEXTS_AT_A_TIME = 4_096
# Always in a subword vocabulary: the emoji people judge with, however rare in the training texts.
COMMON_EMOJI = (
    "😀😃😄😁😆😅🤣😂🙂🙃😉😊😇🥰😍🤩😘😗😚😙🥲😋😛😜🤪😝🤑🤗🤭🤫🤔🤐🤨😐😑😶😏😒🙄😬🤥😌😔😪🤤😴😷🤒🤕🤢🤮🤧"
    "🥵🥶🥴😵🤯🤠🥳😎🤓🧐😕😟🙁☹😮😯😲😳🥺🥹😦😧😨😰😥😢😭😱😖😣😞😓😩😫🥱😤😡😠🤬😈👿💀💩🤡👻🙈🙉🙊💋💔❣💕💞💓"
    "💗💖💘💝❤🧡💛💚💙💜🖤🤍💯💢💥💫💦💨🔥✨⭐🌟🎉🎊🎁🏆👍👎👊✊🤞✌🤘👌🤌👏🙌👐🤝🙏💪🤦🤷✅❌❗❓⚠🚫🆗👀🚮🗑♥☺"
)

# As HTML and JSON escape them, too.
_APOSTROPHE = r"’|&(?:#0?39|#x27|apos|[lr]squo);|\\u201[89]"
_BLANK = (
    r"<\s*/?\s*[bB][rR]\s*/?\s*>"
    r"|&(?:amp(?!;[\w%.-]+=)|lt|gt|quot|nbsp|hellip|[mn]dash|[lr]dquo|#0?34|#160);"  # no query's
    r"|\\u(?:002[26c]|20[12][0-9a-f])"
)

_TOKEN_PATTERN = "|".join(
    (
        r"\p{L}[\p{L}\p{M}]*(?=n't(?!\p{L}))",  # the `do` of `don't`
        r"n't(?!\p{L})",
        r"'(?:s|re|ve|ll|d|m)(?!\p{L})",
        r"[:;=]['^o-]?(?:[)(\[\]/\\|*@3]+|[dpo](?!\p{L}))",  # :) ;-( =/ :p
        r"</?3+",
        r"\p{L}[\p{L}\p{M}]*",
        r"\p{N}+(?:[.,]\p{N}+)*",
        r"!+|\?+|\.{2,}",
        # Anything else that shows, an emoji with its skin tone and joiners as one token.
        r"[^\s\p{C}](?:[\p{M}\x{FE0F}\x{1F3FB}-\x{1F3FF}]|\x{200D}[^\s\p{C}])*",
    )
)


@dataclass(frozen=True)
class EncodedTexts:
    """Token ids of many texts in one flat array; text i is `token_ids[starts[i]:starts[i + 1]]`.

    Attributes:
        token_ids: (tokens of all texts,) int32; no text is empty, none holds the padding id.
        starts: (texts + 1,) int64.
        truncated_tokens: (texts,) int32, tokens cut from the middle of each text.
        unknown_fraction: (texts,) float32, share of unknown tokens among those kept, 0–1.
        offsets: per text (tokens, 2) int32 character positions in the original text, if asked for.
    """

    token_ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    truncated_tokens: NDArray[np.int32]
    unknown_fraction: NDArray[np.float32]
    offsets: tuple[NDArray[np.int32], ...] | None = None

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """Tokens kept of each text, at least 1: (texts,)."""
        return (self.starts[1:] - self.starts[:-1]).astype(np.int32)

    def of_text(self, index: int) -> NDArray[np.int32]:
        """Return the token ids of one text: (tokens,)."""
        return self.token_ids[self.starts[index] : self.starts[index + 1]]


class Tokenizer:
    """A trained tokenizer with head + tail truncation.

    Args:
        backend: the Hugging Face tokenizer.
        max_tokens: the most tokens kept of a text.
        head_tokens: how many of them come from its beginning; the rest come from its end.
    """

    def __init__(self, backend: tokenizers.Tokenizer, *, max_tokens: int, head_tokens: int) -> None:
        # Hugging Face warns and turns threads off after a fork unless the choice is explicit.
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
        self._backend = backend
        self._pieces = Pieces(backend) if _is_of_this_package(backend) else None
        self.max_tokens = max_tokens
        self.head_tokens = head_tokens

    @classmethod
    def train(cls, texts: Iterable[str], settings: TextSettings) -> Tokenizer:
        """Find the vocabulary of the texts: the train split's alone, never validation or test."""
        backend = _untrained(settings.tokenizer)
        backend.train_from_iterator(texts, trainer=_trainer(settings))
        content = json.loads(backend.to_str())
        # As added tokens, a text that contains "[PAD]" literally would become padding.
        content["added_tokens"] = []
        backend = tokenizers.Tokenizer.from_str(json.dumps(content, ensure_ascii=False))
        return cls(backend, max_tokens=settings.max_tokens, head_tokens=settings.head_tokens)

    @classmethod
    def from_json(cls, content: str, *, max_tokens: int, head_tokens: int) -> Tokenizer:
        """Read what `to_json` wrote.

        Raises:
            ModelFolderError: the content is no tokenizer of this kind.
        """
        try:
            backend = tokenizers.Tokenizer.from_str(content)
        except Exception as error:  # the library raises bare Exception
            raise ModelFolderError(f"tokenizer.json cannot be read: {error}") from None
        ids = [backend.token_to_id(token) for token in SPECIAL_TOKENS[:2]]
        if ids != [PADDING_ID, UNKNOWN_ID]:
            raise ModelFolderError(
                f"tokenizer.json has ids {ids} for {SPECIAL_TOKENS[:2]}",
                expected=f"{[PADDING_ID, UNKNOWN_ID]}",
            )
        return cls(backend, max_tokens=max_tokens, head_tokens=head_tokens)

    @classmethod
    def load(cls, path: Path, *, max_tokens: int, head_tokens: int) -> Tokenizer:
        """Read a tokenizer.json file."""
        content = path.read_text(encoding="utf-8")
        return cls.from_json(content, max_tokens=max_tokens, head_tokens=head_tokens)

    def to_json(self) -> str:
        """Return the tokenizer as the JSON text of Hugging Face `tokenizers`.

        Pairs of BPE are written as `"a b"`, the format's older way, which is read in two thirds of
        the time: what a start waits for. No token of this package holds a space.
        """
        content = json.loads(self._backend.to_str())
        if self._pieces is not None and "merges" in content["model"]:
            content["model"]["merges"] = [" ".join(pair) for pair in content["model"]["merges"]]
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    @property
    def vocabulary_size(self) -> int:
        """Number of token ids, padding and unknown included."""
        return int(self._backend.get_vocab_size())

    def tokens(self, token_ids: Iterable[int]) -> list[str]:
        """Return the token of each id."""
        return [str(self._backend.id_to_token(int(token_id))) for token_id in token_ids]

    @property
    def splits_at_spaces(self) -> bool:
        """Whether no token depends on what stands beyond a space, HTML line breaks aside."""
        return self._pieces is not None

    def every_token(self, text: str) -> NDArray[np.int32]:
        """Return all token ids of a text, none cut; of a text without tokens, none: (tokens,)."""
        return np.array(self._backend.encode(text).ids, np.int32)

    def encode(self, texts: Sequence[str], *, offsets: bool = False) -> EncodedTexts:
        """Turn texts into token ids; an empty text becomes one unknown token.

        Raises:
            DataError: a text holds a lone surrogate; the message gives its position.
        """
        parts, places = [], []
        try:
            for start in range(0, len(texts) or 1, TEXTS_AT_A_TIME):
                some = texts[start : start + TEXTS_AT_A_TIME]
                if offsets:
                    encodings = self._backend.encode_batch(list(some))
                    found = joined(array("i", encoding.ids).tobytes() for encoding in encodings)
                    places += self._offsets(encodings)
                elif self._pieces is not None:
                    found = self._pieces.encode(some)
                else:
                    found = encode_whole(self._backend, some)
                parts.append((*self._kept(found), found.sizes))
        except (UnicodeEncodeError, TypeError, AttributeError):
            raise _unencodable(texts) from None
        token_ids, kept, sizes = map(np.concatenate, zip(*parts, strict=True))
        starts = np.zeros(len(kept) + 1, np.int64)
        np.cumsum(kept, out=starts[1:])
        unknown = (
            np.add.reduceat(token_ids == UNKNOWN_ID, starts[:-1]) if len(kept) else np.zeros(0)
        )
        return EncodedTexts(
            token_ids=token_ids,
            starts=starts,
            truncated_tokens=np.maximum(sizes - self.max_tokens, 0).astype(np.int32),
            unknown_fraction=(unknown / kept).astype(np.float32),
            offsets=tuple(places) if offsets else None,
        )

    def _kept(self, found: TokenRows) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the token ids that are read, and how many of each text: its head and its tail.

        Of a text without any token it is the unknown one.
        """
        token_ids, sizes = found
        kept = np.clip(sizes, 1, self.max_tokens)
        if np.array_equal(kept, sizes):
            return token_ids, sizes
        ends = np.cumsum(kept)
        place = np.arange(ends[-1]) - np.repeat(ends - kept, kept)  # of a token in its text
        skipped = np.where(place < self.head_tokens, 0, np.repeat(sizes - kept, kept))
        source = np.repeat(np.cumsum(sizes) - sizes, kept) + place + skipped
        source[ends[sizes == 0] - 1] = len(token_ids)
        return np.append(token_ids, np.int32(UNKNOWN_ID))[source], kept

    def _offsets(self, encodings: list[tokenizers.Encoding]) -> list[NDArray[np.int32]]:
        every = [
            np.asarray(encoding.offsets or [(0, 0)], np.int32).reshape(-1, 2)
            for encoding in encodings
        ]
        tail = self.max_tokens - self.head_tokens
        return [
            places
            if len(places) <= self.max_tokens
            else np.concatenate([places[: self.head_tokens], places[len(places) - tail :]])
            for places in every
        ]


def check_text(text: object) -> str | None:
    """Return what makes a value unusable as text, in words, or None if it is usable."""
    if not isinstance(text, str):
        return f"{type(text).__name__} instead of text"
    if "\0" in text:
        return f"a NUL character at position {text.index(chr(0))}"
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        return f"a lone surrogate at position {error.start}"
    return None


def _unencodable(texts: Sequence[object]) -> DataError:
    for number, text in enumerate(texts, start=1):
        fault = check_text(text)
        if fault:
            return DataError(f"text {number} holds {fault}", expected="Unicode text")
    return DataError("the texts cannot be tokenized", expected="a list of Unicode texts")


def _is_of_this_package(backend: tokenizers.Tokenizer) -> bool:
    """Return whether a tokenizer normalizes and splits as those that are trained here."""
    own = _untrained("word")
    return (
        backend.normalizer is not None
        and backend.pre_tokenizer is not None
        and backend.normalizer.__getstate__() == own.normalizer.__getstate__()
        and backend.pre_tokenizer.__getstate__() == own.pre_tokenizer.__getstate__()
        and not backend.get_added_tokens_decoder()
        and backend.post_processor is None
        and backend.truncation is None
        and backend.padding is None
    )


def _untrained(kind: str) -> tokenizers.Tokenizer:
    unknown = SPECIAL_TOKENS[UNKNOWN_ID]
    model = (
        models.WordLevel({}, unk_token=unknown)
        if kind == "word"
        else models.BPE(unk_token=unknown, continuing_subword_prefix="##")
    )
    backend = tokenizers.Tokenizer(model)
    backend.normalizer = normalizers.Sequence(
        [
            normalizers.NFC(),
            normalizers.Prepend(" "),
            normalizers.Replace(Regex(_APOSTROPHE), "'"),
            normalizers.Replace(Regex(_BLANK), " "),
            normalizers.Replace(Regex(r"(?i:https?://|www\.)\S+"), f" {WEB_ADDRESS} "),
            normalizers.Replace(Regex(r"(?<![\w@])@\w+"), f" {HANDLE} "),
            # A match of width zero before the word would be simpler; it corrupts the library's
            # alignment and panics later. So a space is always there, and is what gets replaced.
            normalizers.Replace(
                Regex(r"\s(?=[\p{Ps}\p{Pi}\"'*_]*\p{Lu}{2,}(?![\p{Ll}\p{N}]))"), f" {CAPITALS} "
            ),
            normalizers.Lowercase(),
        ]
    )
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(_TOKEN_PATTERN), "removed", invert=True)
    return backend


def _trainer(settings: TextSettings) -> trainers.Trainer:
    if settings.tokenizer == "word":
        return trainers.WordLevelTrainer(
            vocab_size=settings.vocabulary_size,
            min_frequency=settings.min_frequency,
            special_tokens=list(SPECIAL_TOKENS),
            show_progress=False,
        )
    return trainers.BpeTrainer(
        vocab_size=settings.vocabulary_size,
        min_frequency=settings.min_frequency,
        special_tokens=list(SPECIAL_TOKENS),
        continuing_subword_prefix="##",
        limit_alphabet=1000,
        initial_alphabet=[CAPITALS, WEB_ADDRESS, HANDLE, *COMMON_EMOJI],
        show_progress=False,
    )
