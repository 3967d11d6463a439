"""Versions of one agreement that run side by side (rules M69 to M71): what each judges, and what it looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, TypeVar

from attrs import evolve, field, frozen

from wsla.api import Agreement
from wsla.daemon.retention import longest, settling
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Goal, Plan, Source
from wsla.plan.rests import sources_of_goals
from wsla.sources.heartbeat import KIND as HEARTBEAT
from wsla.values.calendars import CalendarWindow, window_containing
from wsla.values.instants import DAY

_SENT: Final = ("push", HEARTBEAT)
"""Kinds of sources whose observations come by the source's name, whatever an agreement says of them otherwise."""

RestsOn = Callable[[Judgement, int | None], tuple[str, ...] | None]
"""The sources that a judgement rests on, by the names under which they are stored; None: all of them. The number is the
place of the version that has judged, where the window does not tell."""


@frozen(kw_only=True)
class Lineage:
    """``agreements`` are versions that follow each other, the oldest first, each bounded by the next one.

    ``names`` says for each of them what its sources are called in the store: a source that another version declares
    otherwise than the one before it is another source there. ``sources`` are all of them, under these names.
    """

    agreements: tuple[Agreement, ...]
    names: tuple[Mapping[str, str], ...] = field(init=False)
    sources: Mapping[str, Source] = field(init=False)

    @names.default
    def _name(self) -> tuple[Mapping[str, str], ...]:
        return tuple(stored_names([one.plan for one in self.agreements]))

    @sources.default
    def _gather(self) -> Mapping[str, Source]:
        found: dict[str, Source] = {}
        for agreement, names in zip(self.agreements, self.names, strict=True):
            for source in agreement.plan.sources:
                stored = names[source.name]
                found[stored] = source if stored == source.name else evolve(source, name=stored)
        return found

    @property
    def newest(self) -> Agreement:
        """The latest version, which may not have come into force yet."""
        return self.agreements[-1]

    def place_of(self, at: int) -> int:
        """Which of the versions is in force at an instant; the oldest before all of them."""
        places = [place for place, one in enumerate(self.agreements) if one.plan.effective_start <= at]
        return places[-1] if places else 0

    def at(self, at: int) -> Agreement:
        """The version in force at an instant."""
        return self.agreements[self.place_of(at)]

    def shown(self, at: int) -> Plan:
        """The plan of the version in force at an instant, and with it what is known of the others alone: their goals,
        rules, parties, services and metrics, and the sources of all."""
        if len(self.agreements) == 1:
            return self.newest.plan
        plan = self.at(at).plan
        others = [one.plan for one in reversed(self.agreements) if one.plan is not plan]
        return evolve(with_others(plan, others), sources=tuple(self.sources.values()))

    def rests_on(self) -> RestsOn:
        """What judgements of any of the versions rest on."""
        by_goal = [
            {goal: tuple(sorted(names[one] for one in sources)) for goal, sources in resting.items()}
            for names, resting in zip(
                self.names, (sources_of_goals(one.plan) for one in self.agreements), strict=True
            )
        ]

        def found(judgement: Judgement, place: int | None) -> tuple[str, ...] | None:
            known = by_goal[self.place_of(judgement.window.start) if place is None else place]
            return known.get(judgement.goal)

        return found

    def saying(self, now: int) -> list[Plan]:
        """The plans of the versions that may still have something to say at an instant; the latest always may."""
        return [
            one.plan
            for one in self.agreements
            if one is self.newest or (end := over_at(one.plan)) is None or now <= end
        ]

    def next_end(self, now: int) -> int | None:
        """The next instant after one at which some source need not be looked at any more."""
        ends = (
            self._looked_at_to(agreement, stored)
            for agreement, names in zip(self.agreements[:-1], self.names, strict=False)
            for stored in names.values()
        )
        return min((end for end in ends if end is not None and end >= now), default=None)

    def looked_at(self, now: int) -> frozenset[str]:
        """The stored names of the sources that some version still judges by at an instant."""
        return frozenset(
            stored
            for agreement, names in zip(self.agreements, self.names, strict=True)
            for stored in names.values()
            if agreement is self.newest
            or (end := self._looked_at_to(agreement, stored)) is None
            or now <= end
        )

    def _looked_at_to(self, agreement: Agreement, stored: str) -> int | None:
        end = judged_to(agreement.plan)
        # What a window ends with may be known by the look after it alone.
        return None if end is None else end + 2 * (self.sources[stored].every or 0)


def with_others(plan: Plan, others: Sequence[Plan]) -> Plan:
    """A plan to show by what others say too: with the goals, rules, parties and services that they alone have."""
    if not others:
        return plan
    return evolve(
        plan,
        goals=_with_others(plan.goals, [one.goals for one in others]),
        rules=_with_others(plan.rules, [one.rules for one in others]),
        parties=_with_others(plan.parties, [one.parties for one in others]),
        services=_with_others(plan.services, [one.services for one in others]),
    )


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=_Named)


def _with_others(own: Sequence[Thing], others: Sequence[Sequence[Thing]]) -> tuple[Thing, ...]:
    """Things by name, the own ones first; of several of one name the first counts."""
    found = {one.name: one for one in own}
    for one in (one for several in others for one in several):
        found.setdefault(one.name, one)
    return tuple(found.values())


def stored_names(plans: Sequence[Plan]) -> list[dict[str, str]]:
    """For versions that follow each other what the sources of each are called in the store.

    A source keeps its name as long as it is declared in the same way; where a version declares it anew, its name there
    says so: ``probe@4``. What others send is sent by name, and is one source through all versions.
    """
    found: list[dict[str, str]] = []
    before: dict[str, Source] = {}
    for plan in plans:
        names = {}
        for source in plan.sources:
            known = before.get(source.name)
            sent = known is not None and known.kind == source.kind and source.kind in _SENT
            if known is None and any(source.name in earlier for earlier in found):
                names[source.name] = f"{source.name}@{plan.version}"
            elif known is None or known == source or sent:
                names[source.name] = found[-1][source.name] if known is not None else source.name
            else:
                names[source.name] = f"{source.name}@{plan.version}"
        found.append(names)
        before = {source.name: source for source in plan.sources}
    return found


def judged_to(plan: Plan) -> int | None:
    """The end of the last window that a version judges which another one follows; None where none does."""
    if plan.judges_until is None:
        return None if plan.effective_end is None else plan.effective_end
    last = plan.judges_until - 1
    end = max((_end_of(goal, last) for goal in plan.goals), default=plan.judges_until)
    return end if plan.effective_end is None else min(end, plan.effective_end)


def _end_of(goal: Goal, start: int) -> int:
    """The latest end of a goal's windows that have begun by an instant."""
    if isinstance(goal.window, CalendarWindow):
        return window_containing(goal.window, start).end
    return start + longest(goal.window)


def over_at(plan: Plan) -> int | None:
    """When everything that a version has to say is said, with all that follows; None where its term has no end."""
    end = judged_to(plan)
    return None if end is None else end + plan.grace + settling(plan) + DAY
