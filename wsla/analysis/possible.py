"""Which values a formula can take at all: exact intervals, from what the functions can give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from attrs import field, frozen

from wsla.analysis import operations as op
from wsla.analysis.rows import TESTS
from wsla.analysis.types import BooleanType, NumberType
from wsla.values.buckets import Buckets
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, HOUR
from wsla.values.records import Record

_LONGEST_DAYS: Final = {
    CalendarUnit.DAY: 1,
    CalendarUnit.WEEK: 7,
    CalendarUnit.MONTH: 31,
    CalendarUnit.QUARTER: 92,
    CalendarUnit.YEAR: 366,
}
_CLOCK_CHANGES: Final = 24 * HOUR
_SHARES: Final = frozenset({"availability", "share"})
_LENGTHS: Final = frozenset({"duration", "downtime", "longest"})
_COUNTS: Final = frozenset({"count", "outages"})
_NEVER_NEGATIVE: Final = frozenset({"increase", "rate", "span", "stddev", "streak", "variance"})
_WITHIN_ARGUMENT: Final = frozenset(
    {"mean", "median", "min", "max", "first", "last", "mode", "percentile", "time_mean"}
)


@frozen(eq=False, repr=False)
class Between(Record):
    """All numbers from ``low`` to ``high``, both included; None is without end. ``whole``: whole numbers only."""

    low: Fraction | None = None
    high: Fraction | None = None
    whole: bool = False

    @property
    def only(self) -> Fraction | None:
        """The number, where there is one alone."""
        return self.low if self.low is not None and self.low == self.high else None


ANYTHING: Final = Between()
NOTHING_BELOW_ZERO: Final = Between(Fraction(0))
EITHER: Final = frozenset({True, False})


def longest_window(window: op.Window) -> int:
    """The most nanoseconds that a window may last, clock changes included."""
    match window:
        case CalendarWindow(unit=unit, count=count):
            return _LONGEST_DAYS[unit] * count * DAY + _CLOCK_CHANGES
        case OverlappingWindow(period=period, count=count):
            return longest_window(period) * count
        case ExactWindow(length_ns=length) | RollingWindow(length_ns=length):
            return length
        case op.OutageWindow():
            return op.LONGEST_OUTAGE


@frozen(eq=False, repr=False)
class Possible(Record):
    """Possible values of the operations of one agreement; ``given`` fixes some of them to a number."""

    operations: Sequence[op.Operation]
    given: Mapping[int, Fraction]
    # A formula that stands in many others is looked at once: chains of metrics would take twice as long with each.
    _numbers: dict[int, Between | None] = field(init=False, factory=dict, eq=False)
    _truths: dict[int, frozenset[bool]] = field(init=False, factory=dict, eq=False)

    def numbers(self, position: int) -> Between | None:
        """The numbers that a formula can give; None where it is always unknown, or never a number."""
        if position not in self._numbers:
            self._numbers[position] = self._numbers_of(position)
        return self._numbers[position]

    def truths(self, position: int) -> frozenset[bool]:
        """The truths that a condition can have."""
        if position not in self._truths:
            self._truths[position] = self._truths_of(position)
        return self._truths[position]

    def _numbers_of(self, position: int) -> Between | None:
        if position in self.given:
            known = self.given[position]
            return Between(known, known)
        operation = self.operations[position]
        match operation:
            case op.Constant(value=bool() | str() | None):
                return None
            case op.Constant(value=int() | Fraction() as number):
                return Between(Fraction(number), Fraction(number))
            case op.Arithmetic():
                return self._arithmetic(operation)
            case op.Choice():
                return _hull(self.numbers(value) for value in self.chosen(operation))
            case op.Aggregate():
                return self._aggregate(operation)
            case op.Idle(operand=operand, value=value):
                return _hull((self.numbers(operand), self.numbers(value)))
            case op.Latest(operand=operand):
                return self.numbers(operand)
            case op.Elapsed():
                return NOTHING_BELOW_ZERO
            case _:
                return ANYTHING if isinstance(operation.type, NumberType) else None

    def _truths_of(self, position: int) -> frozenset[bool]:
        operation = self.operations[position]
        match operation:
            case op.Constant(value=bool() as value):
                return frozenset({value})
            case op.Compare():
                return self._compare(operation)
            case op.Negation(operand=operand):
                return frozenset(not one for one in self.truths(operand))
            case op.Logical(operator=word, left=left, right=right):
                first, second = self.truths(left), self.truths(right)
                return frozenset(_logical(word, one, other) for one in first for other in second)
            case op.Latest(operand=operand):
                return self.truths(operand)
            case op.Choice() if isinstance(operation.type, BooleanType):
                found = [self.truths(value) for value in self.chosen(operation)]
                return frozenset().union(*found)
            case _:
                return EITHER

    def chosen(self, table: op.Choice) -> tuple[int, ...]:
        """The values that a table can give."""
        subject = self.numbers(table.subject)
        if subject is None and isinstance(self.operations[table.subject].type, NumberType):
            return ()
        found: list[int] = []
        for arm in table.arms:
            truths = EITHER if subject is None else _compared(subject, arm.operator, self.numbers(arm.bound))
            if True in truths:
                found.append(arm.value)
            if False not in truths:
                return tuple(found)
        return tuple(found) if table.otherwise is None else (*found, table.otherwise)

    def _compare(self, compare: op.Compare) -> frozenset[bool]:
        left, right = self.numbers(compare.left), self.numbers(compare.right)
        if left is None or right is None:
            return EITHER
        return _compared(left, compare.operator, right)

    def _aggregate(self, aggregate: op.Aggregate) -> Between | None:
        name = aggregate.function
        if name in _SHARES:
            found: Between | None = Between(Fraction(0), Fraction(1))
        elif name in _LENGTHS:
            found = Between(Fraction(0), Fraction(longest_window(aggregate.window)))
        elif name in _COUNTS:
            found = Between(Fraction(0), None, whole=True)
        elif name in _NEVER_NEGATIVE:
            found = NOTHING_BELOW_ZERO
        elif aggregate.argument is None:
            found = ANYTHING
        else:
            argument = self.numbers(aggregate.argument)
            if name == "sum" and argument is not None and argument.low is not None and argument.low >= 0:
                found = NOTHING_BELOW_ZERO
            else:
                found = argument if name in _WITHIN_ARGUMENT and argument is not None else ANYTHING
                found = Between(found.low, found.high)
                if aggregate.within is not None:
                    found = _told(found, Buckets(aggregate.within))
        return found if aggregate.idle is None else _hull((found, self.numbers(aggregate.idle)))

    def _arithmetic(self, node: op.Arithmetic) -> Between | None:
        left, right = self.numbers(node.left), self.numbers(node.right)
        if left is None or right is None:
            return None
        match node.operator:
            case "+":
                return Between(_plus(left.low, right.low), _plus(left.high, right.high))
            case "-":
                return Between(_minus(left.low, right.high), _minus(left.high, right.low))
            case "*":
                return _times(left, right)
            case "/":
                return _divided(left, right)
            case "started" | "completed" if right.only is not None and right.only > 0:
                blocks = _divided(left, right)
                up = node.operator == "started"
                return Between(_whole(blocks.low, up), _whole(blocks.high, up), whole=True)
            case _:
                return ANYTHING


def _told(found: Between, buckets: Buckets) -> Between:
    """What is told of numbers between these, approximately (M101)."""
    low = None if found.low is None else buckets.told(found.low)
    return Between(low, None if found.high is None else buckets.told(found.high))


def _whole(value: Fraction | None, up: bool) -> Fraction | None:
    return None if value is None else Fraction(-(-value // 1) if up else value // 1)


def _plus(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one + other


def _minus(one: Fraction | None, other: Fraction | None) -> Fraction | None:
    return None if one is None or other is None else one - other


def _times(left: Between, right: Between) -> Between:
    ends = [left.low, left.high, right.low, right.high]
    if left.only == 0 or right.only == 0:
        return Between(Fraction(0), Fraction(0))
    if all(end is not None for end in ends):
        products = [
            one * other for one in ends[:2] for other in ends[2:] if one is not None and other is not None
        ]
        return Between(min(products), max(products))
    if left.low is not None and right.low is not None and left.low >= 0 and right.low >= 0:
        high = None if left.high is None or right.high is None else left.high * right.high
        return Between(left.low * right.low, high)
    return ANYTHING


def _divided(left: Between, right: Between) -> Between:
    if right.only is not None and right.only > 0:
        low, high = left.low, left.high
        return Between(None if low is None else low / right.only, None if high is None else high / right.only)
    if left.low is not None and left.low >= 0 and right.low is not None and right.low >= 0:
        return NOTHING_BELOW_ZERO
    return ANYTHING


def _logical(word: str, one: bool, other: bool) -> bool:
    match word:
        case "and":
            return one and other
        case "or":
            return one or other
        case _:
            return not one or other


def _hull(found: Iterable[Between | None]) -> Between | None:
    known = [one for one in found if one is not None]
    if not known:
        return None
    lows, highs = [one.low for one in known], [one.high for one in known]
    return Between(
        None if None in lows else min(low for low in lows if low is not None),
        None if None in highs else max(high for high in highs if high is not None),
        whole=all(one.whole for one in known),
    )


def _compared(left: Between, sign: str, right: Between | None) -> frozenset[bool]:
    """The truths that a comparison can have."""
    if right is None:
        return EITHER
    if sign in (">", ">="):
        left, right, sign = right, left, "<" if sign == ">" else "<="
    if sign in ("==", "!="):
        apart = _below(left, right) or _below(right, left)
        if apart:
            return frozenset({sign == "!="})
        same = left.only is not None and left.only == right.only
        return frozenset({sign == "=="}) if same else EITHER
    found: set[bool] = set()
    # The smallest of the left against the greatest of the right is the best case for "less".
    if left.low is None or right.high is None or TESTS[sign](left.low, right.high):
        found.add(True)
    if left.high is None or right.low is None or not TESTS[sign](left.high, right.low):
        found.add(False)
    return frozenset(found)


def _below(left: Between, right: Between) -> bool:
    return left.high is not None and right.low is not None and left.high < right.low
