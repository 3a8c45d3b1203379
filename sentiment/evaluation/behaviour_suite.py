"""Behaviour suites: YAML files of small texts that say what a model must do with them.

Three kinds of case, after CheckList (Ribeiro et al. 2020, https://aclanthology.org/2020.acl-main.442):

    - {text: "It was not good.", expect: negative}                  minimum functionality
    - {same: ["Great film", "GREAT FILM"], tolerance: 0.3}          invariance
    - {from: "It was good.", to: "It was very good.", score: up}    directional

`docs/behaviour.md` explains every key. Everything in a file is read as text, so that `no` and `10`
are words and not a truth and a number; numbers are numbers only where one is expected.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

# Small differences of scores near their ends are not findings.
DEFAULT_TOLERANCE = 0.05
MOST_WORDS = 20_000
SHOWN = 60


def shown(value: object) -> str:
    """Return what came, short enough for a message."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, str):
        return repr(value if len(value) <= SHOWN else value[:SHOWN] + "…")
    if isinstance(value, dict):
        return "a block of keys"
    return "a list" if isinstance(value, list) else type(value).__name__


def _listed(value: object) -> object:
    """One value is a list of one."""
    return value if isinstance(value, list) else [value]


def _with_content(text: str) -> str:
    if not text.strip():
        raise ValueError("the text is empty")
    return text


def _different(values: tuple[str, ...]) -> tuple[str, ...]:
    twice = next((value for i, value in enumerate(values) if value in values[:i]), None)
    if twice is not None:
        raise ValueError(f"{shown(twice)} stands twice")
    return values


def _once(labels: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    names = [name for label, others in labels.items() for name in (label, *others)]
    _different(tuple(name.casefold() for name in names))
    return labels


Text = Annotated[str, AfterValidator(_with_content)]
Texts = Annotated[tuple[Text, ...], Field(min_length=1), AfterValidator(_different)]
# Names are printed: no line breaks, nothing that moves a terminal's cursor.
Name = Annotated[str, Field(pattern=r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*)$")]
Slot = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
Tolerance = Annotated[float, Field(ge=0, le=2)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Repeat(_Block):
    """Filler sentences around a text: up to how many words, and where the text stands in them."""

    words: Annotated[
        tuple[Annotated[int, Field(ge=1, le=MOST_WORDS)], ...],
        BeforeValidator(_listed),
        Field(min_length=1),
    ]
    at: Annotated[
        tuple[Literal["start", "middle", "end"], ...], BeforeValidator(_listed), Field(min_length=1)
    ]


class Minimum(_Block):
    """A text and the labels that are right for it."""

    text: Text
    expect: Annotated[tuple[Name, ...], BeforeValidator(_listed), Field(min_length=1)]
    repeat: Repeat | None = None

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts as written."""
        return (self.text,)


class Invariance(_Block):
    """Texts that must all get one label, and scores within the tolerance if one is given."""

    same: Annotated[Texts, BeforeValidator(_listed)]
    vary: Annotated[tuple[Slot, ...], BeforeValidator(_listed), AfterValidator(_different)] = ()
    tolerance: Tolerance | None = None
    repeat: Repeat | None = None

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts as written."""
        return self.same


class Directional(_Block):
    """Two texts, of which the second must not move the score the wrong way."""

    from_: Annotated[Text, Field(alias="from")]
    to: Text
    score: Literal["up", "down"]
    tolerance: Tolerance = DEFAULT_TOLERANCE
    repeat: Repeat | None = None

    @property
    def templates(self) -> tuple[str, ...]:
        """The texts as written."""
        return (self.from_, self.to)


def _kind(value: object) -> str | None:
    keys = value if isinstance(value, dict) else {}
    named = {"text": "text", "same": "same", "from": "from", "to": "from"}
    return next((kind for key, kind in named.items() if key in keys), None)


Written = Annotated[
    Annotated[Minimum, Tag("text")]
    | Annotated[Invariance, Tag("same")]
    | Annotated[Directional, Tag("from")],
    Discriminator(_kind),
]


class Capability(_Block):
    """What is tested, the cases, and what their slots and fillers are made of."""

    about: str = ""
    hard: bool = False
    fill: dict[Slot, Texts] = {}
    filler: Texts | None = None
    cases: Annotated[tuple[Written, ...], Field(min_length=1)]


class SuiteContent(_Block):
    """The whole file."""

    about: str = ""
    labels: (
        Annotated[
            dict[Name, Annotated[tuple[Name, ...], BeforeValidator(_listed)]], AfterValidator(_once)
        ]
        | None
    ) = None
    capabilities: Annotated[dict[Name, Capability], Field(min_length=1)]


@dataclass(frozen=True)
class Suite:
    """A suite that was read.

    Attributes:
        name: the file's stem; names the folder of the results.
        file: the file's name, for messages.
        sha256: of the file's bytes.
        content: what it holds.
    """

    name: str
    file: str
    sha256: str
    content: SuiteContent
