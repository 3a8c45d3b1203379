"""Texts of users as a page may show them: cut to size, what cannot be seen made visible."""

from __future__ import annotations

MAX_TEXT = 700  # characters
# Control characters, and the marks that make a page's text run backwards.
_UNSEEN = {
    code: "\N{REPLACEMENT CHARACTER}"
    for code in (*range(32), *range(127, 160), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}


def visible(text: str, most: int = MAX_TEXT) -> str:
    """Return a text cut to size, its control characters made visible."""
    shown = text if len(text) <= most else text[:most].rstrip() + " …"
    return shown.translate(_UNSEEN)
