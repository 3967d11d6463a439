"""Outages as windows: who watches a condition, and what happens where it turns (rule M59)."""

from __future__ import annotations

from typing import Any, Final

from wsla.analysis.operations import LONGEST_OUTAGE, Value
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.pointwise import Reader, unknown
from wsla.evaluation.verdicts import Labels
from wsla.values.instants import Interval


class OutageWatch:
    """A condition for one label combination; ``labels`` is None for what is known before a combination is seen.

    ``turned`` collects the watches whose condition has another value than before.
    """

    __slots__ = ("before", "condition", "labels", "read", "since", "started", "turned", "value")

    def __init__(self, condition: int, labels: Labels | None, turned: list[OutageWatch]) -> None:
        self.condition: Final = condition
        self.labels: Final = labels
        self.turned: Final = turned
        self.read: Reader = unknown
        # False before the term begins.
        self.started = False
        self.value: Value = None
        # What was known last, and the start of the outage that is not over.
        self.before: Value = None
        self.since: int | None = None

    def start(self) -> None:
        """The term has begun: from now on the condition counts."""
        self.started = True
        self.turned.append(self)

    def refresh(self, at: int) -> None:
        """Looks again at the condition."""
        if self.started and self.read() is not self.value and self not in self.turned:
            self.turned.append(self)

    def turn(self) -> bool:
        """The condition has its value for this instant: tells whether an outage is over."""
        value = self.value = self.read()
        over = value is True and self.since is not None
        if over:
            self.since = None
        return over

    def begins(self, at: int) -> bool:
        """Tells whether an outage begins at this instant, and remembers what is known now."""
        begins = self.value is False and self.before is not False
        if begins:
            self.since = at
        if self.value is not None:
            self.before = self.value
        return begins

    def window(self, at: int, term_end: int | None) -> Interval:
        """The window of an outage that begins: until it is over, it ends as late as it can."""
        latest = at + LONGEST_OUTAGE
        return Interval(at, latest if term_end is None else min(latest, term_end))

    def copy_from(self, other: OutageWatch) -> None:
        """What was known before the combination was seen."""
        self.before = other.before

    def save(self) -> list[object]:
        return [self.started, text_of(self.value), text_of(self.before), self.since]

    def load(self, saved: list[Any]) -> None:
        self.started, value, before, self.since = saved
        self.value, self.before = value_of(value), value_of(before)
