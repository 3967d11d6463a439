"""What an explanation consists of: statements, each with its place in the text, exact facts, and what it rests on."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from wsla.analysis.operations import Value
from wsla.testing.findings import State


class Tone(Enum):
    """Whether a statement is good news for those who rely on the promise."""

    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    NEUTRAL = "neutral"


@frozen(kw_only=True)
class Statement:
    """One thing that is said.

    ``kind`` is a stable word for machines, ``place`` is ``FILE:LINE`` or None. ``facts`` are named and exact: lengths
    in nanoseconds, instants in RFC 3339, fractions as they are. ``timeline`` pictures the window where there is one.
    """

    kind: str
    text: str
    place: str | None = None
    facts: tuple[tuple[str, Value], ...] = ()
    tone: Tone = Tone.NEUTRAL
    timeline: tuple[State, ...] = ()
    because: tuple[Statement, ...] = ()
