"""Identities of decisions: readable, the same on every recomputation, different for different decisions (rule M30)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from attrs import frozen

from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant

_BETWEEN_PARTS: Final = frozenset("%|")
_BETWEEN_LABELS: Final = frozenset("%|=,")
_PARTS: Final = 7


@frozen(kw_only=True)
class Occasion:
    """What decisions have in common that follow from one verdict or one episode.

    ``kind`` is ``goal`` or ``rule``, ``cause`` its name; ``start`` the start of the window or episode.
    """

    plan: Plan
    kind: str
    cause: str
    start: int
    labels: Labels

    def identity(self, step: str, part: str = "0") -> str:
        """The identity of one decision: ``step`` is the action, ``part`` tells what belongs to one action apart."""
        plan = self.plan
        beginning = _beginning(
            plan.title, plan.version, plan.zone, f"{self.kind} {self.cause}", step, self.start
        )
        labels = ",".join(
            f"{_escape(name, _BETWEEN_LABELS)}={_escape(value, _BETWEEN_LABELS)}"
            for name, value in self.labels
        )
        return f"{beginning}|{labels}|{part}"


@lru_cache(maxsize=256)
def _beginning(title: str, version: int, zone: str, cause: str, step: str, start: int) -> str:
    """What the identities of many label combinations have in common."""
    texts = (title, f"v{version}", cause, step, format_instant(start, find_zone(zone)))
    return "|".join(_escape(text, _BETWEEN_PARTS) for text in texts)


def _escape(text: str, reserved: frozenset[str]) -> str:
    """The text with reserved and unprintable characters as ``%`` and two hexadecimal digits."""
    if text.isprintable() and reserved.isdisjoint(text):
        return text
    return "".join(
        f"%{ord(character):02X}"
        if character in reserved or ord(character) < 32 or ord(character) == 127
        else character
        for character in text
    )


@frozen
class Said:
    """What an identity tells: ``kind`` is ``goal``, ``rule``, ``report`` or ``review``, ``cause`` its name."""

    title: str
    version: int
    kind: str
    cause: str
    step: str
    start: str


def said_of(identity: str) -> Said | None:
    """What an identity tells; None for a text that is no identity of a decision."""
    parts = identity.split("|")
    if len(parts) != _PARTS or parts[1][:1] != "v" or not parts[1][1:].isdecimal():
        return None
    title, version, whole, step, start, _, _ = (_unescape(part) for part in parts)
    kind, _, cause = whole.partition(" ")
    return Said(title, int(version[1:]), kind, cause, step, start)


def _unescape(text: str) -> str:
    return re.sub("%([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), text)


def episode_of(identity: str) -> str | None:
    """What the identities of all decisions have in common that follow from one verdict or one episode, for one
    combination of labels; None for a text that is no identity of a decision."""
    parts = identity.split("|")
    if len(parts) != _PARTS:
        return None
    title, version, cause, _, start, labels, _ = parts
    return "|".join((title, version, cause, start, labels))


def is_rules(identity: str) -> bool:
    """True for a decision of a rule; false for one of a goal, and for a text that is no identity."""
    parts = identity.split("|")
    return len(parts) == _PARTS and parts[2].startswith("rule ")


def is_recovery(identity: str) -> bool:
    """True for a decision at the end of an episode."""
    parts = identity.split("|")
    return len(parts) == _PARTS and parts[3].startswith("recovery ")
