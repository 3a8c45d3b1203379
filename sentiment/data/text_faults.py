"""Faults that a single text can have: empty, huge, or damaged on its way through encodings."""

from __future__ import annotations

import re

# Nothing people write as one opinion; a model reads a few hundred words of it.
HUGE_CHARACTERS = 20_000

# UTF-8 read as Latin-1 or Windows-1252: é turns into Ã©, ’ into â€™, 😀 into ðŸ˜€. Only what no
# language writes is listed: "NÃO" and "café…" are whole.
_MOJIBAKE = re.compile(
    "Ã[\u0080-\u00bf‚ƒ„†‡ˆ‰Š‹ŒŽ•˜™š›œžŸ€]|Â[\u0080-\u00bf]|â€[\u0080-\u00bf™œ˜¦“”ž¢]"
    "|â[\u0080-\u009f˜œ]|ðŸ|ï»¿|Ð[\u0080-\u00bf]|Ñ[\u0080-\u009f‚ƒ„†‡ˆ‰Š‹Œ€]"
)
# Tabs and line breaks are text; U+0080 to U+009F are Windows-1252 read as Latin-1.
_CONTROL = re.compile("[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]")

# What one text with the fault is called, and several.
TEXT_FAULTS = {
    "empty": ("empty text", "empty texts"),
    "huge": (
        f"text over {HUGE_CHARACTERS:,} characters",
        f"texts over {HUGE_CHARACTERS:,} characters",
    ),
    "replacement_character": (
        "text with a character lost in decoding (U+FFFD)",
        "texts with a character lost in decoding (U+FFFD)",
    ),
    "mojibake": (
        "text in UTF-8 that was read as another encoding (such as Ã© for é)",
        "texts in UTF-8 that were read as another encoding (such as Ã© for é)",
    ),
    "control_character": ("text with control characters", "texts with control characters"),
    "no_label": ("row without a label", "rows without a label"),
}


def text_faults(text: str) -> dict[str, str | None]:
    """Return what is wrong with a text: keys of TEXT_FAULTS, each with a detail for people."""
    faults: dict[str, str | None] = {}
    if not text.strip():
        faults["empty"] = None
    if len(text) > HUGE_CHARACTERS:
        faults["huge"] = f"{len(text):,} characters"
    if found := _CONTROL.search(text):
        faults["control_character"] = f"U+{ord(found[0]):04X} at character {found.start() + 1:,}"
    if text.isascii():
        return faults
    if "\ufffd" in text:
        place = text.index("\ufffd")
        faults["replacement_character"] = f"at character {place + 1:,}"
    if found := _MOJIBAKE.search(text):
        faults["mojibake"] = f"at character {found.start() + 1:,}"
    return faults
