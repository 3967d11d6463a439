"""The form of a comparison: changes, each with whom it affects and which way."""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from wsla.explaining.written import Written
from wsla.plan.model import Plan


class Direction(Enum):
    """What a change means for a party.

    A promise becomes stricter or looser for who is obliged by it; amounts become dearer or cheaper for who owes them;
    who is owed, told or given something gains or loses. CHANGED is neither, or both.
    """

    STRICTER = "stricter"
    LOOSER = "looser"
    DEARER = "dearer"
    CHEAPER = "cheaper"
    GAINS = "gains"
    LOSES = "loses"
    CHANGED = "changed"


@frozen(kw_only=True)
class Effect:
    """What a change means for one party, by its name in the newer version where it is there."""

    party: str
    direction: Direction


@frozen(kw_only=True)
class Change:
    """One difference in meaning.

    ``kind`` is a stable word (``goal``, ``credit``, ``schedule`` …), ``name`` what it is about; ``before`` and
    ``after`` are as written, None where there is nothing. Places are ``FILE:LINE``.
    """

    kind: str
    name: str
    text: str
    before: str | None = None
    after: str | None = None
    place_before: str | None = None
    place_after: str | None = None
    effects: tuple[Effect, ...] = ()


@frozen(kw_only=True)
class Version:
    """One of the two agreements: its plan, its text, and how many tests come with it."""

    plan: Plan
    written: Written
    tests: int = 0


@frozen(kw_only=True)
class Renamed:
    """Old names and their new ones, of declarations that are otherwise the same."""

    parties: dict[str, str]
    sources: dict[str, str]
    schedules: dict[str, str]
    metrics: dict[str, str]
    goals: dict[str, str]


def effects(parties: tuple[str, ...] | list[str], direction: Direction) -> tuple[Effect, ...]:
    """The same for each of some parties."""
    return tuple(Effect(party=party, direction=direction) for party in dict.fromkeys(parties))
