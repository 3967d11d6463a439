"""Plans built by hand: sources, schedules, goals and rules around the operations that they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from wsla.analysis.operations import (
    TimeFilter,
    Window,
)
from wsla.analysis.types import NumberType, ValueType
from wsla.plan.model import (
    Action,
    Budget,
    Cap,
    Credit,
    Field,
    Goal,
    Notify,
    Often,
    Party,
    Plan,
    Refund,
    Rule,
    Source,
    Step,
    Target,
    UnknownTime,
)
from wsla.testing.operations import (
    ALL_TIME,
    BOOLEAN,
    DURATION,
    INSTANT,
    NUMBER,
    SHARE,
    TEXT,
    OperationBuilder,
)
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation, Raw
from wsla.values.quantities import TIME, money
from wsla.values.schedules import Schedule

__all__ = [
    "ALL_TIME",
    "BOOLEAN",
    "CONSUMER",
    "DURATION",
    "INSTANT",
    "NUMBER",
    "PROVIDER",
    "SHARE",
    "TELL_PROVIDER",
    "TEXT",
    "PlanBuilder",
    "euros",
    "observe",
]

PROVIDER = Party(name="provider", title="Provider", roles=("provider",), channels=())
CONSUMER = Party(name="consumer", title="Consumer", roles=("consumer",), channels=())
TELL_PROVIDER = Notify(verb="notify", targets=(Target(party="provider"),))


class PlanBuilder(OperationBuilder):
    """Collects the parts of a plan.

    ``start`` and ``end`` are the term; ``grace`` is nanoseconds. Sources and schedules are added before what uses them.
    """

    def __init__(
        self,
        *,
        start: int = 0,
        end: int | None = None,
        grace: int = 10 * MINUTE,
        zone: str = "UTC",
        currency: str | None = "EUR",
    ) -> None:
        super().__init__()
        self.start = start
        self.end = end
        self.judges_from: int | None = None
        self.judges_until: int | None = None
        self.grace = grace
        self.zone = zone
        self.currency = currency
        self.schedules: list[Schedule] = []
        self.metrics: dict[str, int] = {}
        self.goals: list[Goal] = []
        self.rules: list[Rule] = []
        self.caps: list[Cap] = []

    def build(self) -> Plan:
        """The plan of everything added so far."""
        return Plan(
            title="Agreement",
            version=1,
            kind="customer",
            zone=self.zone,
            currency=self.currency,
            effective_start=self.start,
            effective_end=self.end,
            grace=self.grace,
            parties=(PROVIDER, CONSUMER),
            services=(),
            schedules=tuple(self.schedules),
            sources=tuple(self.sources.values()),
            operations=tuple(self.operations),
            metrics=dict(self.metrics),
            goals=tuple(self.goals),
            rules=tuple(self.rules),
            caps=tuple(self.caps),
            judges_from=self.judges_from,
            judges_until=self.judges_until,
        )

    # Sources and schedules

    def samples(
        self,
        name: str,
        fields: Mapping[str, ValueType],
        *,
        staleness: int | None = None,
        labels: tuple[str, ...] = (),
        every: int | None = None,
    ) -> None:
        """A source of samples; its labels are text fields beside the others."""
        every_field = {**dict.fromkeys(labels, TEXT), **fields}
        self.sources[name] = Source(
            name=name,
            records=False,
            kind="push",
            options={},
            fields=tuple(_field(field, type_) for field, type_ in every_field.items()),
            every=every,
            staleness=staleness,
            labels=labels,
        )

    def records(
        self,
        name: str,
        fields: Mapping[str, ValueType],
        *,
        key: str | None = None,
        at: str = "at",
        labels: tuple[str, ...] = (),
        every: int | None = None,
    ) -> None:
        """A source of records; ``key`` and labels are text fields beside the others."""
        every_field = {**dict.fromkeys([*([key] if key else []), *labels], TEXT), **fields}
        self.sources[name] = Source(
            name=name,
            records=True,
            kind="push",
            options={},
            fields=tuple(_field(field, type_) for field, type_ in every_field.items()),
            every=every,
            labels=labels,
            at=at,
            key=key,
        )

    def schedule(self, schedule: Schedule) -> str:
        """Adds a schedule; gives its name."""
        self.schedules.append(schedule)
        return schedule.name

    # Obligations and reactions

    def goal(
        self,
        name: str,
        condition: int,
        window: Window,
        *,
        value: int | None = None,
        provided: int | None = None,
        by: tuple[str, ...] = (),
        unknown_time: UnknownTime = UnknownTime.EXCLUDED,
        minimum_coverage: Fraction = Fraction(9, 10),
        budget: Budget | None = None,
        otherwise: tuple[Action, ...] = (),
        rewarding: tuple[Action, ...] = (),
        refunds: tuple[Refund, ...] = (),
    ) -> str:
        """An obligation of the provider; the condition is its own measured value unless one is given."""
        self.goals.append(
            Goal(
                name=name,
                party="provider",
                condition=condition,
                value=condition if value is None else value,
                provided=provided,
                window=window,
                by=by,
                unknown_time=unknown_time,
                minimum_coverage=minimum_coverage,
                budget=budget,
                otherwise=otherwise,
                rewarding=rewarding,
                refunds=refunds,
            )
        )
        return name

    def available(
        self,
        name: str,
        condition: int,
        target: Fraction,
        window: Window,
        *,
        filter: TimeFilter = ALL_TIME,
        unknown_time: UnknownTime = UnknownTime.EXCLUDED,
        by: tuple[str, ...] = (),
    ) -> str:
        """The commonest goal: ``availability(condition) >= target``, with its budget of time."""
        aggregate = self.aggregate("availability", condition, window, filter=filter, by=by)
        return self.goal(
            name,
            self.compare(aggregate, ">=", self.constant(target, SHARE)),
            window,
            value=aggregate,
            by=by,
            unknown_time=unknown_time,
            budget=Budget(aggregate=aggregate, target=target, time=True),
        )

    def credit(self, amount: int) -> Credit:
        """A credit of the provider to the consumer."""
        return Credit(creditor="consumer", debtor="provider", amount=amount)

    def rule(
        self,
        name: str,
        trigger: int,
        *,
        by: tuple[str, ...] = (),
        holding_for: int = 0,
        repeat_every: int | None = None,
        steps: tuple[Step, ...] = (),
        actions: tuple[Action, ...] = (TELL_PROVIDER,),
        on_recovery: tuple[Action, ...] = (),
        often: Often | None = None,
    ) -> str:
        """``when trigger for holding_for``; the provider is told unless other actions are given."""
        self.rules.append(
            Rule(
                name=name,
                trigger=trigger,
                by=by,
                holding_for=holding_for,
                actions=actions,
                repeat_every=repeat_every,
                steps=steps,
                on_recovery=on_recovery,
                often=often,
            )
        )
        return name


def euros() -> NumberType:
    """The type of amounts in EUR."""
    return NumberType(money("EUR"))


def observe(source: str, at: int, **fields: Raw) -> Observation:
    """One observation; values are as they are stored (a fixed-point integer for a number)."""
    return Observation(source=source, at=at, fields=fields)


def _field(name: str, type_: ValueType) -> Field:
    # Lengths and instants are stored in nanoseconds, other numbers in millionths.
    nanoseconds = type_ == INSTANT or (isinstance(type_, NumberType) and type_.dimension == TIME)
    resolution = Fraction(1) if nanoseconds else Fraction(1, 1_000_000)
    return Field(name=name, column=name, type=type_, resolution=resolution)
