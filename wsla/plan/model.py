"""The plan: everything that judging needs, flat, ordered and serialisable, each part with its origin in the text."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from wsla.analysis.checked import (
    Action,
    Budget,
    Cap,
    Channel,
    Claim,
    Credit,
    Field,
    Goal,
    Grant,
    Notify,
    Often,
    PartOfFee,
    Party,
    Recurring,
    RecurringKind,
    Refund,
    Rule,
    Secret,
    Service,
    Source,
    Step,
    Target,
    Text,
    UnknownTime,
)
from wsla.analysis.operations import Operation
from wsla.values.instants import Interval
from wsla.values.schedules import Schedule

__all__ = [
    "Action",
    "Budget",
    "Cap",
    "Channel",
    "Claim",
    "Credit",
    "Field",
    "Goal",
    "Grant",
    "Notify",
    "Often",
    "PartOfFee",
    "Party",
    "Plan",
    "Recurring",
    "RecurringKind",
    "Refund",
    "Rule",
    "Secret",
    "Service",
    "Source",
    "Step",
    "Target",
    "Text",
    "UnknownTime",
]


@frozen(kw_only=True)
class Plan:
    """A checked agreement, ready to run. ``effective_end`` is None for an open term; ``grace`` is nanoseconds.

    Goals are judged in windows that start at or after ``judges_from`` and before ``judges_until``, where these are not
    None: the other windows are those of another version. ``amends`` is the version that this one follows.
    ``recurring`` are reports and reviews.
    """

    title: str
    version: int
    kind: str
    zone: str
    currency: str | None
    effective_start: int
    effective_end: int | None
    grace: int
    parties: tuple[Party, ...]
    services: tuple[Service, ...]
    schedules: tuple[Schedule, ...]
    sources: tuple[Source, ...]
    operations: tuple[Operation, ...]
    metrics: Mapping[str, int]
    goals: tuple[Goal, ...]
    rules: tuple[Rule, ...]
    caps: tuple[Cap, ...]
    amends: int | None = None
    judges_from: int | None = None
    judges_until: int | None = None
    recurring: tuple[Recurring, ...] = ()

    def judges(self, window: Interval) -> bool:
        """True for a window that this version judges, and no other one."""
        if self.judges_from is not None and window.start < self.judges_from:
            return False
        return self.judges_until is None or window.start < self.judges_until

    def source(self, name: str) -> Source:
        """The source of that name. Raises KeyError where there is none."""
        for source in self.sources:
            if source.name == name:
                return source
        raise KeyError(name)

    def schedule(self, name: str) -> Schedule:
        """The schedule of that name. Raises KeyError where there is none."""
        for schedule in self.schedules:
            if schedule.name == name:
                return schedule
        raise KeyError(name)
