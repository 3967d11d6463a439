"""Plans built by hand: each method adds an operation and gives its position; shapes and types follow by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    Arm,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Debounced,
    Due,
    Elapsed,
    Forgiving,
    Idle,
    Label,
    Latest,
    Limited,
    Logical,
    Negation,
    Operation,
    Previous,
    SourceField,
    Sustained,
    TimeFilter,
    Value,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType, ValueType
from wsla.plan.model import (
    Action,
    Budget,
    Cap,
    Credit,
    Field,
    Goal,
    Notify,
    Party,
    Plan,
    Rule,
    Source,
    Step,
    Target,
    UnknownTime,
)
from wsla.values.calendars import CalendarWindow, ExactWindow
from wsla.values.instants import MINUTE
from wsla.values.observations import Observation, Raw
from wsla.values.quantities import DIMENSIONLESS, TIME, Dimension, money
from wsla.values.schedules import Schedule

NUMBER = NumberType()
SHARE = NumberType(share=True)
DURATION = NumberType(TIME)
BOOLEAN = BooleanType()
TEXT = TextType()
INSTANT = InstantType()
ALL_TIME = TimeFilter()

PROVIDER = Party(name="provider", title="Provider", roles=("provider",), channels=())
CONSUMER = Party(name="consumer", title="Consumer", roles=("consumer",), channels=())
TELL_PROVIDER = Notify(verb="notify", targets=(Target(party="provider"),))


class PlanBuilder:
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
        self.start = start
        self.end = end
        self.judges_from: int | None = None
        self.judges_until: int | None = None
        self.grace = grace
        self.zone = zone
        self.currency = currency
        self.sources: dict[str, Source] = {}
        self.schedules: list[Schedule] = []
        self.operations: list[Operation] = []
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

    # Formulas

    def constant(self, value: Value, type_: ValueType | None = None) -> int:
        """A scalar; numbers are plain unless a type is given."""
        if type_ is None:
            type_ = BOOLEAN if isinstance(value, bool) else TEXT if isinstance(value, str) else NUMBER
        return self._add(Constant(shape=Shape.SCALAR, type=type_, value=value))

    def field(self, source: str, field: str) -> int:
        """``source.field``."""
        found = self.sources[source]
        type_ = next((x.type for x in found.fields if x.name == field), INSTANT)
        shape = Shape.RECORDS if found.records else Shape.SIGNAL
        return self._add(SourceField(shape=shape, type=type_, source=source, field=field))

    def compare(self, left: int, operator: str, right: int) -> int:
        """``left operator right``."""
        return self._add(
            Compare(shape=self._shape(left, right), type=BOOLEAN, operator=operator, left=left, right=right)
        )

    def logical(self, left: int, operator: str, right: int) -> int:
        """``left and right``, likewise ``or`` and ``implies``."""
        return self._add(
            Logical(shape=self._shape(left, right), type=BOOLEAN, operator=operator, left=left, right=right)
        )

    def negation(self, operand: int) -> int:
        """``not operand``."""
        return self._add(Negation(shape=self._shape(operand), type=BOOLEAN, operand=operand))

    def at_least_down(self, conditions: tuple[int, ...], count: int) -> int:
        """``down_count(conditions) >= count``."""
        return self._add(
            AtLeastDown(shape=self._shape(*conditions), type=BOOLEAN, conditions=conditions, count=count)
        )

    def arithmetic(self, left: int, operator: str, right: int) -> int:
        """``left operator right`` with one of ``+ - * /``, ``started`` or ``completed``."""
        a, b = self._dimension(left), self._dimension(right)
        dimension = {"*": a * b, "/": a / b, "started": DIMENSIONLESS, "completed": DIMENSIONLESS}.get(
            operator, a
        )
        kind: ValueType = NumberType(dimension)
        if self.operations[left].type == INSTANT:
            kind = DURATION if self.operations[right].type == INSTANT else INSTANT
        return self._add(
            Arithmetic(
                shape=self._shape(left, right),
                type=kind,
                operator=operator,
                left=left,
                right=right,
            )
        )

    def label(self, name: str, by: tuple[str, ...]) -> int:
        """The value of a label, beside a series told apart by it."""
        return self._add(Label(shape=Shape.SERIES, type=TEXT, label=name, by=by))

    def choice(self, subject: int, arms: list[tuple[str, int, int]], otherwise: int | None = None) -> int:
        """``by subject { operator bound: value … else: otherwise }``."""
        last = () if otherwise is None else (otherwise,)
        parts = [x for _, bound, value in arms for x in (bound, value)]
        return self._add(
            Choice(
                shape=self._shape(subject, *parts, *last),
                type=self.operations[arms[0][2]].type,
                subject=subject,
                arms=tuple(Arm(operator=symbol, bound=bound, value=value) for symbol, bound, value in arms),
                otherwise=otherwise,
            )
        )

    def elapsed(
        self, source: str, start: int, end: int, *, filter: TimeFilter = ALL_TIME, pausing: int | None = None
    ) -> int:
        """``elapsed(start, end)`` of the records of a source."""
        return self._add(
            Elapsed(
                shape=Shape.RECORDS,
                type=DURATION,
                source=source,
                start=start,
                end=end,
                filter=filter,
                pausing=pausing,
            )
        )

    def due(self, source: str, start: int, length: int, *, filter: TimeFilter = ALL_TIME) -> int:
        """``due(start, length)`` of the records of a source."""
        return self._add(
            Due(
                shape=Shape.RECORDS,
                type=InstantType(),
                source=source,
                start=start,
                end=length,
                filter=filter,
                pausing=None,
            )
        )

    def aggregate(
        self,
        function: str,
        argument: int | None,
        window: Window,
        *,
        source: str | None = None,
        where: int | None = None,
        parameter: Fraction | None = None,
        filter: TimeFilter = ALL_TIME,
        by: tuple[str, ...] = (),
        idle: int | None = None,
        forgiving: Forgiving | None = None,
    ) -> int:
        """``function(argument where …)`` in every window. ``source`` is needed for samples and records only."""
        type_: ValueType
        if function in ("availability", "share"):
            type_ = SHARE
        elif function in ("duration", "downtime", "longest"):
            type_ = DURATION
        elif function in ("count", "outages", "streak") or argument is None:
            type_ = NUMBER
        elif function == "variance":
            type_ = NumberType(self._dimension(argument).power(2))
        elif function == "rate":
            type_ = NumberType(self._dimension(argument) / TIME)
        else:
            type_ = self.operations[argument].type
        return self._add(
            Aggregate(
                shape=Shape.SERIES,
                type=type_,
                function=function,
                source=source,
                argument=argument,
                where=where,
                parameter=parameter,
                window=window,
                filter=filter,
                by=by,
                idle=idle,
                forgiving=forgiving,
            )
        )

    def idle(self, series: int, value: int) -> int:
        """``series, or value when idle``, for a formula of several aggregates."""
        type_ = self.operations[series].type
        return self._add(Idle(shape=Shape.SERIES, type=type_, operand=series, value=value))

    def previous(self, series: int) -> int:
        """The value of the window before."""
        return self._add(Previous(shape=Shape.SERIES, type=self.operations[series].type, operand=series))

    def latest(self, series: int) -> int:
        """A series used as a signal."""
        return self._add(Latest(shape=Shape.SIGNAL, type=self.operations[series].type, operand=series))

    def verdict_state(self, goal: str, count: int, of_last: int, verdict: str = "violated") -> int:
        """``goal violated in count of last of_last``."""
        return self._add(
            VerdictState(
                shape=Shape.SIGNAL, type=BOOLEAN, goal=goal, verdict=verdict, count=count, of_last=of_last
            )
        )

    def across(
        self,
        function: str,
        operand: int,
        *,
        where: int | None = None,
        by: tuple[str, ...] = (),
        compared: tuple[str, int] | None = None,
    ) -> int:
        """``function(operand across …)``; ``compared`` with a scalar, of a signal, by an operator."""
        type_: ValueType = self.operations[operand].type
        if function in ("count", "share"):
            type_ = NUMBER if function == "count" else SHARE
        operator, limit = (None, None) if compared is None else compared
        return self._add(
            Across(
                shape=self.operations[operand].shape,
                type=type_ if compared is None else BOOLEAN,
                function=function,
                operand=operand,
                where=where,
                by=by,
                operator=operator,
                limit=limit,
            )
        )

    def verdict_count(
        self, goal: str, of_last: int | None, *, by: tuple[str, ...] = (), series: bool = False
    ) -> int:
        """``consecutive(goal)``, or ``misses(goal, of_last)``; a series for the goal's own credits."""
        shape = Shape.SERIES if series else Shape.SIGNAL
        return self._add(VerdictCount(shape=shape, type=NUMBER, goal=goal, of_last=of_last, by=by))

    def sustained(self, condition: int, length: int) -> int:
        """``sustained(condition, length)``."""
        return self._add(Sustained(shape=Shape.SIGNAL, type=BOOLEAN, condition=condition, length=length))

    def debounced(self, condition: int, down: int, up: int) -> int:
        """``debounced(condition, down, up)``."""
        return self._add(Debounced(shape=Shape.SIGNAL, type=BOOLEAN, condition=condition, down=down, up=up))

    def limited(self, condition: int, length: int, window: CalendarWindow | ExactWindow) -> int:
        """``limited(condition, length) each window``."""
        return self._add(
            Limited(shape=Shape.SIGNAL, type=BOOLEAN, condition=condition, length=length, window=window)
        )

    def active(self, source: str, start: int, end: int, where: int | None = None) -> int:
        """``active(start, end where …)`` of the records of a source."""
        return self._add(
            Active(shape=Shape.SIGNAL, type=BOOLEAN, source=source, start=start, end=end, where=where)
        )

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
            )
        )
        return name

    def _add(self, operation: Operation) -> int:
        self.operations.append(operation)
        return len(self.operations) - 1

    def _shape(self, *inputs: int) -> Shape:
        shapes = {self.operations[index].shape for index in inputs}
        return next(
            (x for x in (Shape.SERIES, Shape.RECORDS, Shape.SIGNAL) if x in shapes),
            Shape.SCALAR,
        )

    def _dimension(self, index: int) -> Dimension:
        type_ = self.operations[index].type
        return type_.dimension if isinstance(type_, NumberType) else DIMENSIONLESS


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
