"""A rule's trigger, and what it was when (rules M25 and M26)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.layout import in_order
from wsla.evaluation.stream.pointwise import Reader, unknown
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Rule

NOTHING: Final = "nothing"
"""What was told of a trigger of which nothing was told yet."""


class Trigger:
    """A rule's trigger for one label combination, recorded from ``begin`` on."""

    __slots__ = ("begin", "changed", "combination", "emitted", "history", "labels", "number", "read", "rule")

    def __init__(
        self, number: int, rule: Rule, labels: Labels, begin: int, changed: Callable[[Trigger], None]
    ) -> None:
        self.number: Final = number
        self.rule: Final = rule
        self.combination: Final = labels
        self.labels: Final = in_order(labels, rule.by)
        self.begin = begin
        self.read: Reader = unknown
        self.changed: Final = changed
        # What is recorded: [instant, value]; the last one alone where history is not kept.
        self.history: list[tuple[int, Value]] = []
        self.emitted: Value = NOTHING

    @property
    def truth(self) -> bool | None:
        """The value that was recorded last."""
        value = self.history[-1][1]
        return None if value is None else bool(value)

    def refresh(self, at: int) -> None:
        """Looks again; a second look at one instant replaces the first."""
        value = self.read()
        history = self.history
        if history and history[-1][1] is value and history[-1][0] < at and value == self.emitted:
            return
        if at < self.begin:
            return
        if history and history[-1][0] == at:
            history.pop()
        if not history or history[-1][1] is not value:
            history.append((at, value))
        if value != self.emitted:
            self.changed(self)
