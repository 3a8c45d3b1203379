"""Behaviour suites as files: what is read, what is refused in which words, what cases become."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from sentiment.errors import DataError
from sentiment.evaluation.behaviour_cases import MOST_TEXTS, Case, expand
from sentiment.evaluation.behaviour_reading import bundled_suites, read_suite
from sentiment.evaluation.behaviour_suite import (
    Capability,
    Directional,
    Invariance,
    Minimum,
    Repeat,
    SuiteContent,
)
from sentiment.text.tokenizer import check_text

ROOT = Path(__file__).parent.parent.parent

ONE = "capabilities: {plain: {cases: [{text: superb, expect: positive}]}}"


def write(folder: Path, content: str | bytes, name: str = "mine.yaml") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def cases(folder: Path, content: str) -> list[Case]:
    return expand(read_suite(write(folder, content)))


def capability(cases: str, **keys: str) -> str:
    """A suite of one capability, `talk`; every argument is YAML in flow style."""
    others = "".join(f"{key}: {value}, " for key, value in keys.items())
    return f"capabilities: {{talk: {{{others}cases: {cases}}}}}"


def refused(folder: Path, content: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        expand(read_suite(write(folder, content)))
    message = str(caught.value)
    assert "mine.yaml" in message
    assert len(message.splitlines()) == 1
    return message


# What is read


def test_one_case_is_a_suite(tmp_path):
    [case] = cases(tmp_path, ONE)
    assert case == Case("plain", 1, 1, "minimum functionality", ("superb",), expect=("positive",))


def test_the_three_kinds_and_their_tolerances(tmp_path):
    minimum, invariance, up, down = cases(
        tmp_path,
        capability(
            "[{text: fine, expect: [neutral, positive]}, {same: [a film, A FILM]},"
            " {from: good, to: very good, score: up},"
            " {from: bad, to: very bad, score: down, tolerance: 0}]"
        ),
    )
    assert minimum.expect == ("neutral", "positive")
    assert (invariance.texts, invariance.tolerance) == (("a film", "A FILM"), None)
    assert (up.texts, up.score, up.tolerance) == (("good", "very good"), "up", 0.05)
    assert (down.score, down.tolerance) == ("down", 0)


@pytest.mark.parametrize("word", ["no", "Yes", "off", "10", "1e3", "null", "~", "2024-01-01"])
def test_words_that_yaml_takes_for_something_else_are_texts(tmp_path, word):
    [case] = cases(tmp_path, capability(f"[{{text: {word}, expect: {word}}}]"))
    assert case.texts == case.expect == (word,)


def test_a_suite_takes_its_name_from_its_file(tmp_path):
    assert read_suite(write(tmp_path, ONE, "My suite (2).yml")).name == "My-suite-2"


def test_an_anchor_may_be_used_again(tmp_path):
    suite = (
        "capabilities:\n"
        "  one: {fill: {it: &things [film, app]}, cases: [{text: 'A {it}', expect: neutral}]}\n"
        "  two: {fill: {it: *things}, cases: [{text: 'The {it}', expect: neutral}]}\n"
    )
    assert [case.texts[0] for case in cases(tmp_path, suite)] == [
        "A film", "A app", "The film", "The app",
    ]  # fmt: skip


# What cases become


def test_slots_become_the_product_of_their_lists(tmp_path):
    made = cases(
        tmp_path,
        capability(
            "[{text: 'The {thing} was {good}, {good}!', expect: positive}, {text: ok, expect: x}]",
            fill="{thing: [film, app], good: [fine, nice, great]}",
        ),
    )
    assert [case.texts[0] for case in made] == [
        "The film was fine, fine!",
        "The film was nice, nice!",
        "The film was great, great!",
        "The app was fine, fine!",
        "The app was nice, nice!",
        "The app was great, great!",
        "ok",
    ]
    assert [(case.number, case.variant) for case in made] == [
        *((1, variant) for variant in range(1, 7)),
        (2, 1),
    ]


def test_a_slot_has_one_value_throughout_a_case(tmp_path):
    made = cases(
        tmp_path,
        capability(
            "[{from: 'A {thing}.', to: 'A good {thing}.', score: up}]", fill="{thing: [film, app]}"
        ),
    )
    assert [case.texts for case in made] == [("A film.", "A good film."), ("A app.", "A good app.")]


def test_a_varied_slot_makes_texts_of_one_case(tmp_path):
    made = cases(
        tmp_path,
        capability(
            "[{same: '{name} liked the {thing}', vary: name, tolerance: 0.1}]",
            fill="{name: [Ada, Bo, Cy], thing: [film, app]}",
        ),
    )
    assert [case.texts for case in made] == [
        ("Ada liked the film", "Bo liked the film", "Cy liked the film"),
        ("Ada liked the app", "Bo liked the app", "Cy liked the app"),
    ]


def test_braces_that_are_no_slot_stay(tmp_path):
    made = cases(tmp_path, capability("[{text: 'a {{thing}} :} { } {1}', expect: neutral}]"))
    assert made[0].texts == ("a {thing} :} { } {1}",)


def test_repeat_puts_fillers_around_the_text(tmp_path):
    made = cases(
        tmp_path,
        capability(
            "[{text: I loved it., expect: x, repeat: {words: [9, 60], at: [start, middle, end]}}]",
            filler="[One two three., Four five.]",
        ),
    )
    assert [case.texts[0] for case in made[:3]] == [
        "I loved it. One two three. Four five. One two three.",
        "One two three. I loved it. Four five. One two three.",
        "One two three. Four five. One two three. I loved it.",
    ]
    assert all(60 <= len(case.texts[0].split()) < 63 for case in made[3:])


# What is refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["mine.yaml is empty", "a block of keys"]),
        ("[]", ["a list", "a block of keys"]),
        ("capabilities: {}", ["capabilities is empty"]),
        ("about: nothing", ["no key 'capabilities'"]),
        (capability("[]"), ["talk: cases is empty"]),
        ("capabilities: {talk: [a]}", ["talk", "a list", "a block of keys"]),
        ("a: [", ["is not YAML"]),
        ("a: 1\na: 2", ["the key 'a' stands twice"]),
        (b"\xff\xfe\x00", ["is not UTF-8"]),
        (b"about: a\0b", ["is not YAML"]),
        ("[" * 5000, ["nested too deeply"]),
        ("&a [*a]", ["is not YAML"]),
        ("{[1]: 2}", ["is not YAML"]),
        (ONE + "\ncapability: {}", ["unknown key 'capability'", "expected capabilities"]),
        (capability("[{text: a, expect: b}]", fil="{}"), ["talk: unknown key 'fil'", "fill"]),
    ],
)
def test_a_file_that_is_no_suite_is_refused(tmp_path, content, words):
    message = refused(tmp_path, content)
    assert not [word for word in words if word not in message], message


GOOD = "{text: a, expect: b}"


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("{}", ["expected text and expect, or same, or from, to and score"]),
        ("fine", ["is 'fine'", "expected text and expect"]),
        ("[text, expect]", ["is a list"]),
        ("{text: a}", ["no key 'expect'"]),
        ("{text: a, expects: b}", ["unknown key 'expects'", "expected expect"]),
        ("{text: a, expect: b, labels: c}", ["unknown key 'labels'", "one of text, expect,"]),
        ("{text: a, expect: b, tolerance: 1}", ["unknown key 'tolerance'"]),
        ("{text: a, expect: b, from: c}", ["unknown key 'from'"]),
        ("{text: a, expect: []}", ["expect is empty"]),
        ("{text: a, expect: ''}", ["empty is no name"]),
        ('{text: a, expect: "b\\ec"}', ["no name"]),
        ("{text: '', expect: b}", ["text: the text is empty"]),
        ("{text: ' ', expect: b}", ["text: the text is empty"]),
        ("{text: , expect: b}", ["text: the text is empty"]),
        ("{text: [a], expect: b}", ["text is a list"]),
        ("{same: [a]}", ["fewer than two different texts"]),
        ("{same: []}", ["same is empty"]),
        ("{same: [a, b, a]}", ["same: 'a' stands twice"]),
        ("{same: [a, b], tolerance: 3}", ["tolerance is '3'", "less than or equal to 2"]),
        ("{same: [a, b], tolerance: -0.1}", ["tolerance", "greater than or equal to 0"]),
        ("{same: [a, b], tolerance: .nan}", ["tolerance is '.nan'"]),
        ("{same: [a, b], tolerance: nan}", ["tolerance is 'nan'"]),
        ("{same: [a, b], vary: name}", ["vary names 'name'"]),
        ("{same: [a, b], vary: 'no name'}", ["'no name' is no name"]),
        ("{from: a, score: up}", ["no key 'to'"]),
        ("{to: a, score: up}", ["no key 'from'"]),
        ("{from: a, to: b}", ["no key 'score'"]),
        ("{from: a, to: b, score: left}", ["score is 'left'", "'up' or 'down'"]),
        ("{from: a, to: a, score: up}", ["the same text"]),
        ("{text: 'a {thing}', expect: b}", ["nothing fills {thing}", "{{thing}}"]),
        ("{text: a b, expect: c, repeat: {words: 9, at: end}}", ["nothing to repeat", "filler"]),
        ("{text: a b, expect: c, repeat: {words: 9}}", ["no key 'repeat.at'"]),
        ("{text: a b, expect: c, repeat: {words: 9, at: top}}", ["'start', 'middle' or 'end'"]),
        ("{text: a b, expect: c, repeat: {words: many, at: end}}", ["repeat.words is 'many'"]),
        ("{text: a b, expect: c, repeat: {words: 999999, at: end}}", ["20000"]),
        ("{text: a b, expect: c, repeat: {word: 9, at: end}}", ["repeat.word"]),
        (GOOD, ["repeats case 1"]),
    ],
)  # fmt: skip
def test_a_bad_case_is_named_with_its_capability_and_number(tmp_path, case, words):
    message = refused(tmp_path, capability(f"[{GOOD}, {case}]"))
    assert message.startswith("mine.yaml: talk, case 2"), message
    assert not [word for word in words if word not in message], message


@pytest.mark.parametrize(
    ("escape", "words"),
    [("\\0", "a NUL character at position 2"), ("\\ud83d", "a lone surrogate at position 2")],
)
@pytest.mark.parametrize(
    "case", ['{text: "ab%s", expect: c}', '{same: [x, "ab%s"]}', '{from: a, to: "ab%s", score: up}']
)
def test_a_hostile_text_is_named_with_its_case(tmp_path, escape, words, case):
    message = refused(tmp_path, capability(f"[{GOOD}, {case % escape}]"))
    assert message.startswith(f"mine.yaml: talk, case 2 holds {words}")


def test_hostile_texts_in_lists_and_keys_are_named_too(tmp_path):
    message = refused(tmp_path, capability(f"[{GOOD}]", fill='{it: ["\\ud83d"]}'))
    assert message.startswith("mine.yaml: talk holds a lone surrogate")
    assert "lone surrogate" in refused(tmp_path, capability('[{"\\ud83d": a}]'))


@pytest.mark.parametrize(
    ("keys", "cases", "words"),
    [
        ({"fill": "{thing: [a]}"}, GOOD, "no case has the slot {thing}"),
        ({"fill": "{thing: []}"}, GOOD, "fill.thing is empty"),
        ({"fill": "{thing: [a, a]}"}, GOOD, "fill.thing: 'a' stands twice"),
        ({"fill": "{a thing: [a]}"}, GOOD, "'a thing' is no name"),
        ({"filler": "[a b.]"}, GOOD, "filler is used by no case"),
        ({"hard": "perhaps"}, GOOD, "hard is 'perhaps'"),
    ],
)
def test_lists_that_do_nothing_are_refused(tmp_path, keys, cases, words):
    message = refused(tmp_path, capability(f"[{cases}]", **keys))
    assert message.startswith("mine.yaml: talk: ")
    assert words in message


def test_a_text_longer_than_what_it_is_to_be_padded_to(tmp_path):
    padded = "{text: a b c, expect: d, repeat: {words: 3, at: end}}"
    message = refused(tmp_path, capability(f"[{padded}]", filler="[e f.]"))
    assert "talk, case 1: repeat.words is 3, but the text alone has 3" in message


def test_declared_labels_are_the_only_ones(tmp_path):
    labels = "labels: {good: [great], bad: []}\n"
    [case] = cases(tmp_path, labels + capability("[{text: a, expect: good}]"))
    assert case.expect == ("good",)
    message = refused(tmp_path, labels + capability("[{text: a, expect: god}]"))
    assert "talk, case 1: the label 'god' is not declared; expected one of good, bad" in message
    twice = "labels: {good: [fine], bad: [Fine]}\n"
    assert "'fine' stands twice" in refused(tmp_path, twice + capability(f"[{GOOD}]"))


def test_too_much_is_refused_and_never_cut(tmp_path):
    words = ", ".join(f"w{i}" for i in range(60))
    fill = f"{{a: [{words}], b: [{words}], c: [{words}]}}"
    message = refused(tmp_path, capability("[{text: '{a} {b} {c}', expect: x}]", fill=fill))
    assert "talk, case 1 brings the suite to 216,000 texts" in message
    assert f"at most {MOST_TEXTS:,}" in message
    long = "{text: '{a}', expect: x, repeat: {words: 19999, at: [start, middle, end]}}"
    message = refused(
        tmp_path,
        capability(f"[{long}]", fill=f"{{a: [{words}]}}", filler=f"[{'abcdefghij' * 20}]"),
    )
    assert "characters; expected at most 20,000,000" in message


def test_aliases_of_aliases_are_not_unrolled(tmp_path):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    content = "\n".join([*levels, capability("[{same: *a11}]")])
    assert "talk, case 1: same is a list" in refused(tmp_path, content)


def test_no_such_suite(tmp_path):
    with pytest.raises(DataError, match=r"no behaviour suite 'genral'.*--behaviour general"):
        read_suite("genral")
    with pytest.raises(DataError, match="no behaviour suite"):
        read_suite(str(tmp_path))
    with pytest.raises(DataError, match="no behaviour suite"):
        read_suite("x" * 5000)


# The page about it


def test_the_suite_on_the_page_is_one(tmp_path):
    page = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
    [suite] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    made = cases(tmp_path, suite)
    assert f"tweets on shop: {len(made)} cases of" in page
    message = refused(tmp_path, suite.replace("expect: negative}", "expct: negative}", 1))
    assert f"error: {message.replace('mine', 'shop', 1)}" in page


def test_the_page_explains_every_key():
    page = (ROOT / "docs" / "behaviour.md").read_text(encoding="utf-8")
    keys = {
        field.alias or name
        for block in (SuiteContent, Capability, Minimum, Invariance, Directional, Repeat)
        for name, field in block.model_fields.items()
    }
    assert not {key for key in keys if f"`{key}`" not in page}


# The bundled suite

WANTED = {
    "vocabulary", "short texts", "length", "case", "punctuation", "typos", "emoji and emoticons",
    "web addresses, handles and hashtags", "negation of praise", "negation of blame",
    "negated neutral", "negation at the end", "expectation", "contrast", "temporal",
    "others' opinions", "questions and answers", "intensifiers", "weakeners", "swapped names",
    "swapped places", "swapped numbers", "neutral facts", "sarcasm",
}  # fmt: skip


def test_the_bundled_suite_is_as_large_and_as_broad_as_its_card_says():
    assert bundled_suites() == ["general"]
    suite = read_suite("general")
    made = expand(suite)
    assert set(suite.content.capabilities) >= WANTED
    assert len(made) >= 400
    became = Counter((case.capability, case.number) for case in made)
    assert sum(count == 1 for count in became.values()) >= 250
    assert min(Counter(case.capability for case in made).values()) >= 8
    assert {case.kind for case in made} == {
        "minimum functionality", "invariance", "directional",
    }  # fmt: skip
    assert [name for name, one in suite.content.capabilities.items() if one.hard] == ["sarcasm"]
    assert not [text for case in made for text in case.texts if check_text(text)]
    card = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    written = sum(len(one.cases) for one in suite.content.capabilities.values())
    assert f"{len(made)} cases of {written} written" in card
    for kind, count in Counter(case.kind for case in made).items():
        assert f"| {kind} | {count} |" in card
    for labels, count in Counter(case.expect for case in made if case.expect).items():
        assert f"{' or '.join(labels)} {count}" in card


def test_the_bundled_suite_has_texts_of_one_word_to_a_thousand():
    made = expand(read_suite("general"))
    lengths = [len(case.texts[0].split()) for case in made if case.capability == "length"]
    assert min(lengths) == 1
    assert 1000 <= max(lengths) < 1020


def test_one_text_is_expected_to_be_one_label_throughout_the_bundled_suite():
    expected: dict[str, set[tuple[str, ...]]] = {}
    for case in expand(read_suite("general")):
        if case.expect:
            expected.setdefault(case.texts[0], set()).add(case.expect)
    assert not {text for text, labels in expected.items() if len(labels) > 1}
