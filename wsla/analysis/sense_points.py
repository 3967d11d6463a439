"""The values of one metric at which anything can change: every threshold, between two of them, and beyond them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement, Goal
from wsla.analysis.possible import ANYTHING, Between, Possible
from wsla.analysis.rows import TESTS, fixed
from wsla.analysis.sense import inputs
from wsla.analysis.types import NumberType, ValueType
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.quantities import format_percentage, format_quantity
from wsla.values.records import Record

ORDERED = frozenset({">=", ">", "<=", "<"})
_TURNED = {">=": "<=", ">": "<", "<=": ">=", "<": ">", "==": "==", "!=": "!="}


@frozen(eq=False, repr=False)
class Point(Record):
    """A value that stands for all from ``low`` to ``high``: itself alone, or those between two thresholds.

    Both are None at an end without a threshold.
    """

    value: Fraction
    low: Fraction | None
    high: Fraction | None

    @property
    def exact(self) -> bool:
        """True where it stands for itself alone."""
        return self.low == self.high == self.value


def points(thresholds: Iterable[Fraction], domain: Between) -> tuple[Point, ...]:
    """The points of a metric, in ascending order."""
    ends = {end for end in (domain.low, domain.high) if end is not None}
    wanted = sorted({value for value in thresholds if _inside(value, domain)} | ends)
    if not wanted:
        return (Point(Fraction(0), None, None),)
    found: list[Point] = []
    if domain.low is None:
        found.append(Point(wanted[0] - 1, None, wanted[0]))
    for low, high in pairwise(wanted):
        found.append(Point(low, low, low))
        found.append(Point((low + high) / 2, low, high))
    found.append(Point(wanted[-1], wanted[-1], wanted[-1]))
    if domain.high is None:
        found.append(Point(wanted[-1] + 1, wanted[-1], None))
    return tuple(_whole_numbers(found) if domain.whole else found)


def _inside(value: Fraction, domain: Between) -> bool:
    return (domain.low is None or value >= domain.low) and (domain.high is None or value <= domain.high)


def _whole_numbers(found: Iterable[Point]) -> Iterator[Point]:
    """Of counts, only whole numbers count: between 3 and 4 there is none."""
    for point in found:
        if point.exact:
            if point.value.denominator == 1:
                yield point
            continue
        low = None if point.low is None else floor(point.low) + 1
        high = None if point.high is None else ceil(point.high) - 1
        if low is not None and high is not None and low > high:
            continue
        value = Fraction(low if low is not None else high if high is not None else 0)
        yield Point(value, point.low, point.high)


@frozen(kw_only=True, eq=False, repr=False)
class Promise(Record):
    """A goal that compares one series with a fixed number: ``subject operator target``."""

    goal: Goal
    subject: int
    operator: str
    target: Fraction
    span: Span

    @property
    def upwards(self) -> bool:
        """True where greater values are better."""
        return self.operator in (">=", ">")

    def kept(self, value: Fraction) -> bool:
        """True where the goal is met at a value."""
        return TESTS[self.operator](value, self.target)


def promise_of(agreement: CheckedAgreement, goal: Goal, written: surface.Goal) -> Promise | None:
    """A goal as a promise about one metric; None where it is more than that."""
    compare = agreement.operations[goal.condition]
    if not isinstance(compare, op.Compare) or compare.operator not in ORDERED:
        return None
    sides = (
        (compare.left, compare.operator, compare.right),
        (compare.right, _TURNED[compare.operator], compare.left),
    )
    for subject, sign, other in sides:
        target = fixed(agreement.operations, other)
        if target is not None and isinstance(agreement.operations[subject].type, NumberType):
            return Promise(
                goal=goal, subject=subject, operator=sign, target=target, span=written.condition.span
            )
    return None


def reachable(operations: Sequence[op.Operation], root: int) -> frozenset[int]:
    """An operation and all that it rests on."""
    found: set[int] = set()
    waiting = [root]
    while waiting:
        position = waiting.pop()
        if position not in found:
            found.add(position)
            waiting.extend(inputs(operations[position]))
    return frozenset(found)


def thresholds(
    operations: Sequence[op.Operation], positions: Iterable[int], subject: int
) -> Iterator[Fraction]:
    """The fixed numbers with which these operations compare a metric."""
    for position in positions:
        match operations[position]:
            case op.Choice(subject=looked_at, arms=arms) if looked_at == subject:
                bounds = [arm.bound for arm in arms]
            case op.Compare(left=left, right=right) if subject in (left, right):
                bounds = [right if left == subject else left]
            case _:
                continue
        for bound in bounds:
            value = fixed(operations, bound)
            if value is not None:
                yield value


def domain_of(operations: Sequence[op.Operation], subject: int) -> Between:
    """All values that a metric can have."""
    return Possible(operations, {}).numbers(subject) or ANYTHING


def shown(value: Fraction, kind: ValueType) -> str:
    """A value as the agreement writes it."""
    if not isinstance(kind, NumberType):
        return str(value)
    return format_percentage(value) if kind.share else format_quantity(value, kind.dimension)


def shown_points(found: Sequence[Point], kind: ValueType) -> str:
    """Neighbouring points in words: `exactly 99%`, `from 99% up to 99.9%`, `below 95%`."""
    first, last = found[0], found[-1]
    if first.exact and last == first:
        return f"exactly {shown(first.value, kind)}"
    low = None if first.low is None else shown(first.low, kind)
    high = None if last.high is None else shown(last.high, kind)
    if low is None and high is None:
        return "all values"
    if low is None:
        return f"{'up to' if last.exact else 'below'} {high}"
    if high is None:
        return f"{'from' if first.exact else 'above'} {low}{' on' if first.exact else ''}"
    above = "from" if first.exact else "above"
    return f"{above} {low} {'up to' if last.exact else 'and below'} {high}"


def runs(found: Iterable[tuple[Point, bool]]) -> list[list[Point]]:
    """Neighbouring points that are marked, together."""
    together: list[list[Point]] = []
    open_run = False
    for point, marked in found:
        if marked and open_run:
            together[-1].append(point)
        elif marked:
            together.append([point])
        open_run = marked
    return together
