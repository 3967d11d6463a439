"""How many columns of a terminal a text takes, and how a text is shown that must not steer the terminal."""

from __future__ import annotations

import unicodedata


def display_width(text: str) -> int:
    """Columns that a text takes: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(_width(character) for character in text)


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def visible(text: str, tab: str = "    ") -> str:
    """A text with its control, surrogate and direction characters written out, so that it cannot steer a terminal."""
    if text.isprintable():
        return text
    return "".join(tab if character == "\t" else _visible(character) for character in text)


def _visible(character: str) -> str:
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"
