"""The data that the bundled model `general` learns from: real reviews, and what they lack.

    python models/make_general_data.py --data ../shared/data --output DATA

reads the folders imdb, sst2 and sst5 under `--data` and the bundled reviews, and writes
`train.parquet`, `validation.parquet` (columns text, label, source) and `unsupervised.parquet`
(text, source: reviews without labels, and short pieces of them) into DATA, for the stages that
end in `configs/general.yaml`.

Films of IMDb's validation reviews are in neither train nor, as labelled texts, anywhere else.
SST-5 is read as three classes. What no review corpus has enough of is made from the bundled
training texts: other cases, missing punctuation, typing errors, addresses, handles and hashtags,
emoji, other numbers, and opinions inside long neutral surroundings. No rule is applied when the
model predicts.
"""

from __future__ import annotations

import argparse
import random
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
from compositions import composed

from sentiment.config import DataSettings
from sentiment.data.load import load_splits, load_unlabelled
from sentiment.evaluation.behaviour_cases import expand
from sentiment.evaluation.behaviour_reading import read_suite

CLASSES = ("negative", "neutral", "positive")
SEED = 13
ROUNDS = 3  # how often each bundled text is seen, each time changed in another way
COMPOSED = 5_000  # sentences of either polarity composed from lists
SURROUNDED = 10_000  # opinions put into long neutral surroundings
PIECES = 5  # spans of one to three sentences cut out of each unlabelled review
LIKED = [*"😍🥰😊😀👍🎉🤩👏💯😁🔥🙌✨", "❤️", ":)", ":-)", ":D", "<3"]
DISLIKED = [*"😡😠🤬👎😞😒🙄😤🤮💔😩😢😭🤢😑", ":(", ":-(", ":/"]
PLAIN = [*"📅📦🕖📍🚆📷📄", "➡️", "🗓️"]
TAGS = [
    f"#{tag}" for tag in ("monday", "fridaynight", "review", "update", "travel", "home", "news")
]
NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj",
    "i": "uo", "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "r": "et",
    "s": "ad", "t": "ry", "u": "yi", "v": "cb", "w": "qe", "y": "tu",
}  # fmt: skip


def main() -> None:
    """Read, change, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="holds imdb, sst2, sst5")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    train, validation, unlabelled = build(arguments.data)
    arguments.output.mkdir(parents=True, exist_ok=True)
    train.to_parquet(arguments.output / "train.parquet", index=False)
    validation.to_parquet(arguments.output / "validation.parquet", index=False)
    unlabelled.to_parquet(arguments.output / "unsupervised.parquet", index=False)
    for name, frame in (("train", train), ("validation", validation)):
        print(name, frame.groupby(["source", "label"]).size().unstack(fill_value=0), sep="\n")
    print("unsupervised", len(unlabelled))


def build(data: Path) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return train, validation and unlabelled texts."""
    random_ = random.Random(SEED)  # noqa: S311 (no secret)
    imdb = DataSettings(
        source=str(data / "imdb"), group_column="film", classes=("negative", "positive")
    )
    films = load_splits(imdb)
    unlabelled = load_unlabelled(imdb, without=films.validation.texts).texts
    bundled = load_splits(DataSettings(classes=CLASSES))
    own = list(zip(bundled.train.texts, _names(bundled.train), strict=True))
    phrases = _table(data / "sst2" / "train.parquet", {0: "negative", 1: "positive"})
    five = {0: "negative", 1: "negative", 2: "neutral", 3: "positive", 4: "positive"}
    sentences = _table(data / "sst5" / "train.parquet", five)
    reviews = list(zip(films.train.texts, _names(films.train), strict=True))
    asked = {_letters(text) for case in expand(read_suite("general")) for text in case.texts}
    drills = [row for row in composed(random_, each=COMPOSED) if _letters(row[0]) not in asked]
    train = [
        _frame(reviews, "imdb"),
        _frame(phrases, "sst2"),
        _frame(sentences, "sst5"),
        _frame(_changed(random_, random_.sample(sentences, 3_000)), "sst5, changed"),
        _frame(own, "bundled"),
        *(_frame(_changed(random_, own), "bundled, changed") for _ in range(ROUNDS - 1)),
        _frame(_surrounded(random_, own), "bundled, surrounded"),
        _frame(_emoji_alone(random_), "emoji"),
        _frame(drills, "composed"),
        _frame(_changed(random_, random_.sample(drills, len(drills) // 3)), "composed, changed"),
    ]
    sst2 = _table(data / "sst2" / "validation.parquet", {0: "negative", 1: "positive"})
    held_out = [
        _frame(zip(films.validation.texts, _names(films.validation), strict=True), "imdb"),
        _frame(sst2, "sst2"),
        _frame(zip(bundled.validation.texts, _names(bundled.validation), strict=True), "bundled"),
    ]
    pieces = [piece for text in unlabelled for piece in _pieces(random_, text)]
    known = {text for frame in held_out for text in frame.text}
    nobodys = pd.concat(
        [
            pd.DataFrame({"text": unlabelled, "source": "imdb"}),
            pd.DataFrame({"text": pieces, "source": "pieces"}),
        ]
    )
    return (
        pd.concat(train, ignore_index=True).sample(frac=1, random_state=SEED),
        pd.concat(held_out, ignore_index=True),
        nobodys[~nobodys.text.isin(known)].drop_duplicates("text"),
    )


def _pieces(random_: random.Random, text: str) -> list[str]:
    """Cut short texts out of a long one, and change a third of them as `_changed` does."""
    sentences = re.split(r"(?<=[.!?])[\s\"')]+(?=[A-Z\"'(0-9])", text.replace("<br />", " "))
    pieces = []
    for _ in range(PIECES):
        first = random_.randrange(len(sentences))
        piece = " ".join(sentences[first : first + random_.choice((1, 1, 1, 2, 3))]).strip()
        if random_.random() < 1 / 3:
            piece = random_.choice(SILENT_CHANGES)(random_, piece, "")
        if 1 < len(piece.split()) <= 100:
            pieces.append(piece)
    return pieces


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.lower()).strip() or text


Rows = list[tuple[str, str]]


def _names(split: object) -> list[str]:
    return [split.classes[label] for label in split.labels]  # type: ignore[attr-defined]


def _table(path: Path, names: dict[int, str]) -> Rows:
    table = pd.read_parquet(path)
    return [(text, names[label]) for text, label in zip(table.text, table.label, strict=True)]


def _frame(rows: Iterable[tuple[str, str]], source: str) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["text", "label"]).assign(source=source)


def _changed(random_: random.Random, rows: Rows) -> Rows:
    """Return each text changed in one or two ways that leave its label as it is."""
    result = []
    for text, label in rows:
        changes = random_.sample(CHANGES, random_.choice((1, 1, 2)))
        for change in changes:
            text = change(random_, text, label)
        result.append((text, label))
    return result


def _case(random_: random.Random, text: str, label: str) -> str:
    return random_.choice((str.lower, str.lower, str.upper, str.title))(text)


def _no_punctuation(random_: random.Random, text: str, label: str) -> str:
    return re.sub(r"[.,;:!?\"]+(?=\s|$)", "", text).strip() or text


def _typos(random_: random.Random, text: str, label: str) -> str:
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    for index in random_.sample(long, min(len(long), 1 + len(words) // 10)):
        words[index] = _typo(random_, words[index])
    return " ".join(words)


def _typo(random_: random.Random, word: str) -> str:
    at = random_.randrange(1, len(word) - 1)
    kind = random_.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + random_.choice(NEIGHBOURS.get(word[at].lower(), word[at])) + word[at + 1 :]


def _addresses(random_: random.Random, text: str, label: str) -> str:
    name = "".join(random_.choices("abcdeiklmnoprstu", k=random_.randint(4, 10)))
    kind = random_.randrange(4)
    if kind == 0:
        return f"@{name} {text}"
    if kind == 1:
        return f"{text} https://example.com/{name}"
    if kind == 2:
        return f"{text} {' '.join(random_.sample(TAGS, random_.randint(1, 2)))}"
    return f"{text} @{name} https://t.example/{name[:5]}"


def _emoji(random_: random.Random, text: str, label: str) -> str:
    emoji = {"negative": DISLIKED, "positive": LIKED, "neutral": PLAIN}[label]
    return f"{text} {random_.choice(emoji) * random_.choice((1, 1, 1, 2, 3))}"


def _numbers(random_: random.Random, text: str, label: str) -> str:
    return re.sub(r"\d", lambda _: str(random_.randint(1, 9)), text)


def _stretched(random_: random.Random, text: str, label: str) -> str:
    end = random_.choice(("", "!", "!!", "!!!", "...", "."))
    return text.rstrip(".! ") + end


CHANGES: list[Callable[[random.Random, str, str], str]] = [
    _case, _case, _no_punctuation, _no_punctuation, _typos, _typos, _addresses, _emoji, _numbers,
    _stretched,
]  # fmt: skip


SILENT_CHANGES = [_case, _no_punctuation, _typos, _addresses, _numbers, _stretched]


def _surrounded(random_: random.Random, rows: Rows) -> Rows:
    """Put opinions at the start, in the middle or at the end of long neutral texts."""
    neutral = [text for text, label in rows if label == "neutral" and "?" not in text]
    result = []
    for text, label in random_.choices(rows, k=SURROUNDED):
        around = random_.sample(neutral, random_.choice((1, 1, 2, 3, 5, 8, 13, 21)))
        at = random_.choice((0, len(around) // 2, len(around)))
        result.append((" ".join([*around[:at], text, *around[at:]]), label))
    return result


def _emoji_alone(random_: random.Random) -> Rows:
    """Give every emoji its feeling, alone and repeated."""
    groups = (("positive", LIKED), ("negative", DISLIKED), ("neutral", PLAIN))
    return [
        (sign * times, label) for label, signs in groups for sign in signs for times in (1, 1, 2, 3)
    ]


if __name__ == "__main__":
    main()
