"""Operations built by hand: each method adds one and gives its position; shapes and types follow by themselves."""

from __future__ import annotations

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
from wsla.plan.model import Source
from wsla.values.calendars import CalendarWindow, ExactWindow
from wsla.values.quantities import DIMENSIONLESS, TIME, Dimension

NUMBER = NumberType()
SHARE = NumberType(share=True)
DURATION = NumberType(TIME)
BOOLEAN = BooleanType()
TEXT = TextType()
INSTANT = InstantType()
ALL_TIME = TimeFilter()


class OperationBuilder:
    """Collects operations; the sources that they read are added before them."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.operations: list[Operation] = []

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
        within: Fraction | None = None,
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
                within=within,
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
