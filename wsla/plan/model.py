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
    PartOfFee,
    Party,
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
    "PartOfFee",
    "Party",
    "Plan",
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
    """A checked agreement, ready to run. ``effective_end`` is None for an open term; ``grace`` is nanoseconds."""

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
