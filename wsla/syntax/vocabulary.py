"""The words of the language, those that other languages use instead, and which one was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SPELLED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "VERB": ("notify", "escalate", "call", "ticket", "publish"),
        "VERDICT": ("met", "violated", "lost", "secured"),
        "WEEKDAY": WEEKDAYS,
        "SETTING": ("kind", "currency", "grace"),
        "LAST": ("last",),
        "NO": ("no",),
        "UNKNOWN": ("unknown",),
    }
)
SYNONYMS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "sla": ("agreement",),
        "contract": ("agreement",),
        "slo": ("goal",),
        "objective": ("goal",),
        "target": ("goal",),
        "sli": ("metric",),
        "indicator": ("metric",),
        "kpi": ("metric",),
        "calendar": ("schedule",),
        "limit": ("cap",),
        "if": ("when", "where", "provided"),
        "unless": ("provided",),
        "promises": ("guarantees",),
        "ensures": ("guarantees",),
        "guarantee": ("guarantees",),
        "warrants": ("guarantees",),
        "is": ("==",),
        "equals": ("==",),
        "else": ("otherwise",),
        "inform": ("notify",),
        "alert": ("notify",),
        "tell": ("notify",),
        "mail": ("notify",),
        "pay": ("credit",),
        "per": ("each",),
        "every": ("each",),
        "monthly": ("each month",),
        "weekly": ("each week",),
        "daily": ("each day",),
        "hourly": ("each hour",),
        "quarterly": ("each quarter",),
        "yearly": ("each year",),
        "default": ("else",),
        "within": ("during",),
        "except": ("excluding",),
        "less": ("<",),
        "below": ("<",),
        "under": ("<",),
        "more": (">",),
        "greater": (">",),
        "above": (">",),
        "exceeds": (">",),
        "without": ("excluding",),
        "breached": ("violated",),
        "missed": ("violated",),
        "failed": ("violated",),
        "fulfilled": ("met",),
    }
)


def words_of(kinds: frozenset[str]) -> list[str]:
    """The words that kinds of token stand for, without names, numbers and signs."""
    words: list[str] = []
    for kind in sorted(kinds):
        if kind in _SPELLED:
            words += _SPELLED[kind]
        elif kind.isalpha() and kind not in NOT_WORDS:
            words.append(kind.lower())
    return words


NOT_WORDS: Final = frozenset(
    {
        "CLOCK",
        "COLON",
        "COMMA",
        "COMMENT",
        "COMPARISON",
        "DATE",
        "DATETIME",
        "DOT",
        "EQUAL",
        "LBRACE",
        "LPAR",
        "MINUS",
        "NAME",
        "NUMBER",
        "ORDINAL",
        "PERIOD",
        "PLUS",
        "QUANTITY",
        "RBRACE",
        "RPAR",
        "SLASH",
        "STAR",
        "STRING",
        "TIES",
    }
)


def nearest_word(lowered: str, words: list[str]) -> str:
    """The word that was probably meant by a text in small letters, or an empty text."""
    by_lowered = {word.casefold(): word for word in words}
    if lowered in by_lowered:
        return by_lowered[lowered]
    if len(lowered) >= 2:
        for word in words:
            if word in WEEKDAYS and word.casefold().startswith(lowered):
                return word
    near = difflib.get_close_matches(lowered, by_lowered, n=1, cutoff=0.7)
    near = near or [word for word in by_lowered if len(word) > 2 and sorted(word) == sorted(lowered)][:1]
    return by_lowered[near[0]] if near else ""
