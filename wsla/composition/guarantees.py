"""Who guarantees what of which service, over all the agreements that are given together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from attrs import define, field, frozen

from wsla.analysis.operations import Aggregate, Compare
from wsla.analysis.services import Need, NeededService
from wsla.composition.structure import Leaf, Some, Structure
from wsla.plan.model import Goal, Plan, Service
from wsla.values.calendars import CalendarWindow, ExactWindow, TumblingWindow


class Unprovable(ValueError):
    """Why nothing can be said of a promise, in plain words."""


@frozen
class ServiceKey:
    """A service of an agreement."""

    agreement: str
    service: str


@frozen(kw_only=True)
class Guarantee:
    """At least this share of every window. ``goal`` is None where it is an assumption.

    ``strict`` where the share itself would miss it. ``remarks`` say what the goal leaves out.
    """

    share: Fraction
    window: TumblingWindow
    plan: Plan
    goal: Goal | None = None
    strict: bool = False
    remarks: tuple[str, ...] = ()


@define
class Book:
    """The agreements, the newest version of each title, and what follows from one for another."""

    plans: Mapping[str, Plan] = field(init=False)
    given: Iterable[Plan]

    def __attrs_post_init__(self) -> None:
        newest: dict[str, Plan] = {}
        for plan in self.given:
            known = newest.get(plan.title)
            if known is None or known.version <= plan.version:
                newest[plan.title] = plan
        self.plans = newest

    def service(self, key: ServiceKey) -> Service:
        """The service of that key, of an agreement that is there. Raises Unprovable where it has no such service."""
        plan = self.plans[key.agreement]
        for service in plan.services:
            if service.name == key.service:
                return service
        known = ", ".join(one.name for one in plan.services) or "none"
        raise Unprovable(f"“{key.agreement}” has no service {key.service} (it has: {known})")

    def about(self, plan: Plan, goal: Goal) -> str | None:
        """M81: the service that a goal is about, the one it names, or the only one that the agreement delivers."""
        if goal.service is not None:
            return goal.service
        own = [one.name for one in plan.services if one.origin is None and one.assumed is None]
        return own[0] if len(own) == 1 else None

    def guarantees(self, key: ServiceKey) -> tuple[Guarantee, ...]:
        """What the goals of its agreement, or an assumption, guarantee of a service."""
        service, plan = self.service(key), self.plans[key.agreement]
        if service.assumed is not None:
            return (Guarantee(share=service.assumed.share, window=service.assumed.window, plan=plan),)
        found = (guarantee_of(plan, goal) for goal in plan.goals if self.about(plan, goal) == key.service)
        return tuple(one for one in found if one is not None and one.goal and one.goal.provided is None)

    def follow(self, key: ServiceKey) -> ServiceKey:
        """The agreement's own service behind those that come from other agreements. Raises Unprovable."""
        seen = [key]
        while (origin := self.service(key).origin) is not None:
            key = ServiceKey(origin.title, origin.service)
            if key in seen:
                raise Unprovable(f"{named(key)} comes from itself")
            seen.append(key)
            self._known(seen[-2], key)
        return key

    def structure(self, key: ServiceKey) -> Structure:
        """What a service needs, down to services that something is guaranteed of. Raises Unprovable."""
        need = self.service(key).needs
        assert need is not None
        self._circles(key)
        return self._structure(key.agreement, need)

    def _structure(self, agreement: str, need: Need) -> Structure:
        if not isinstance(need, NeededService):
            members = tuple(self._structure(agreement, member) for member in need.members)
            return Some(need.least, members)
        key = self.follow(ServiceKey(agreement, need.service))
        own = self.service(key)
        guaranteed = self.guarantees(key)
        # Within an agreement what a service needs says more than what is promised of it.
        if own.needs is not None and (key.agreement == agreement or not guaranteed):
            return self._structure(key.agreement, own.needs)
        if not guaranteed:
            raise Unprovable(f"nothing is guaranteed of {named(key)}: no share of every month, say")
        return Leaf(key)

    def _known(self, by: ServiceKey, key: ServiceKey) -> None:
        if key.agreement not in self.plans:
            raise Unprovable(
                f"{named(by)} comes from “{key.agreement}”, which is not among the agreements given"
            )
        self.service(key)

    def _circles(self, start: ServiceKey) -> None:
        waiting: list[tuple[ServiceKey, tuple[ServiceKey, ...]]] = [(start, (start,))]
        seen: set[ServiceKey] = set()
        while waiting:
            key, path = waiting.pop()
            for following in self._needed(key):
                if following == start:
                    chain = ", which needs ".join(named(one) for one in (*path[1:], start))
                    raise Unprovable(f"{named(start)} needs {chain}")
                if following not in seen:
                    seen.add(following)
                    waiting.append((following, (*path, following)))

    def _needed(self, key: ServiceKey) -> Iterator[ServiceKey]:
        need = self.service(key).needs
        waiting = [] if need is None else [need]
        while waiting:
            found = waiting.pop(0)
            if isinstance(found, NeededService):
                yield self.follow(ServiceKey(key.agreement, found.service))
            else:
                waiting = [*found.members, *waiting]


def named(key: ServiceKey) -> str:
    """A service with its agreement, for messages."""
    return f"{key.service} of “{key.agreement}”"


def guarantee_of(plan: Plan, goal: Goal) -> Guarantee | None:
    """What a goal guarantees, where it promises at least a fixed share of every window."""
    budget = goal.budget
    if budget is None or not isinstance(goal.window, CalendarWindow | ExactWindow):
        return None
    aggregate, compare = plan.operations[budget.aggregate], plan.operations[goal.condition]
    assert isinstance(aggregate, Aggregate)
    assert isinstance(compare, Compare)
    remarks = []
    if not budget.time:
        remarks.append("it is a share of cases, taken here as if it were one of time")
    cut = (*aggregate.filter.during, *aggregate.filter.excluding)
    if cut or aggregate.where is not None:
        within = [f"within {name}" for name in aggregate.filter.during]
        within += [f"outside of {name}" for name in aggregate.filter.excluding]
        within += ["while a condition is true"] if aggregate.where is not None else []
        remarks.append(f"it counts time {' and '.join(within)} alone")
    if aggregate.forgiving is not None:
        remarks.append("it forgives short outages")
    return Guarantee(
        share=budget.target,
        window=goal.window,
        plan=plan,
        goal=goal,
        strict=compare.operator in (">", "<"),
        remarks=tuple(remarks),
    )
