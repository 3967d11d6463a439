"""Which aggregates can be computed from panes, and what a pane must hold for them.

A measure is a number for each stream and pane: how many samples, a sum, the least, the greatest, or for how long
something was true. All but extremes add up, so windows whose edges are edges of panes lose nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from fractions import Fraction
from math import gcd
from typing import Final

from attrs import frozen

from wsla.analysis.operations import (
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Compare,
    Constant,
    Logical,
    Negation,
    SourceField,
    Window,
)
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType
from wsla.evaluation.reference.pointwise import operands, value_of
from wsla.evaluation.scalars import scalar_value
from wsla.plan.model import Plan, Source
from wsla.values.calendars import CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import MINUTE
from wsla.values.schedules import DatedHours, Schedule, WeeklyHours

OVER_TIME: Final = frozenset({"availability", "duration", "downtime"})
OVER_SAMPLES: Final = frozenset({"count", "sum", "mean", "min", "max", "span", "share"})

SHORTEST: Final = 1_000_000
"""Nanoseconds that a pane lasts at least: shorter ones are no smaller than what was observed."""


class PanesError(ValueError):
    """What is asked for cannot be had from panes, or not from these; the message says why."""


class Kind(Enum):
    """What a measure is. The last four are nanoseconds, the sum and the extremes steps of ``Measure.scale``."""

    SAMPLES = "samples"
    COUNT = "count"
    TRUE = "true"
    SUM = "sum"
    LEAST = "least"
    GREATEST = "greatest"
    HELD = "held for"
    KNOWN = "known for"
    UP = "true for"
    DOWN = "false for"
    CUT = "cut for"

    @property
    def is_time(self) -> bool:
        """True for lengths of time, which one pane inherits from the one before it."""
        return self in (Kind.HELD, Kind.KNOWN, Kind.UP, Kind.DOWN, Kind.CUT)


EXTREMES: Final = frozenset({Kind.LEAST, Kind.GREATEST})
"""What does not add up."""


@frozen
class Measure:
    """One number a stream and pane. ``argument`` and ``where`` are operations of the plan."""

    kind: Kind
    source: str
    argument: int | None = None
    where: int | None = None


def measures_of(plan: Plan, index: int) -> tuple[Measure, ...]:
    """What an aggregate needs of each pane. Raises PanesError, with the reason, where panes do not give it."""
    node = plan.operations[index]
    if not isinstance(node, Aggregate):
        raise PanesError("only functions over a window are computed from partial results")
    _check_window(node.window)
    if node.forgiving is not None:
        raise PanesError("outages that are forgiven must be seen as a whole")
    source = source_of(plan, node)
    argument, where = node.argument, node.where
    for position in (argument, where):
        if position is not None:
            _check_formula(plan, position, source)

    def measure(kind: Kind, about: int | None = None, only: int | None = None) -> Measure:
        return Measure(kind, source.name, about, only)

    common = (measure(Kind.SAMPLES),)
    if node.function in OVER_TIME:
        if set(node.by) != set(source.labels):
            raise PanesError("it joins several streams")
        cut = () if where is None else (measure(Kind.CUT, where),)
        return (*common, measure(Kind.UP, argument, where), measure(Kind.DOWN, argument, where), *cut)
    if node.function not in OVER_SAMPLES:
        raise PanesError(f"`{node.function}` needs all samples of a window at once")
    covered = measure(Kind.HELD) if argument is None else measure(Kind.KNOWN, argument)
    count = measure(Kind.COUNT, argument, where)
    match node.function:
        case "count":
            return (*common, covered, count)
        case "share":
            return (*common, covered, count, measure(Kind.TRUE, argument, where))
        case "sum" | "mean":
            return (*common, covered, count, measure(Kind.SUM, argument, where))
        case "min":
            return (*common, covered, count, measure(Kind.LEAST, argument, where))
        case "max":
            return (*common, covered, count, measure(Kind.GREATEST, argument, where))
        case _:
            least, greatest = measure(Kind.LEAST, argument, where), measure(Kind.GREATEST, argument, where)
            return (*common, covered, count, least, greatest)


def supported(plan: Plan) -> dict[int, tuple[Measure, ...]]:
    """The aggregates of a plan that panes give, by position, with their measures."""
    found = {}
    for index, node in enumerate(plan.operations):
        if isinstance(node, Aggregate):
            try:
                found[index] = measures_of(plan, index)
            except PanesError:
                continue
    return found


def source_of(plan: Plan, node: Aggregate) -> Source:
    """The one source of samples that an aggregate looks at. Raises PanesError where there is no such one."""
    names = {node.source} - {None}
    for position in (node.argument, node.where):
        if position is not None:
            if plan.operations[position].shape is Shape.SERIES:
                raise PanesError("it looks at windows, not at samples")
            names.update(x.source for x in _leaves(plan, position) if isinstance(x, SourceField))
    if len(names) != 1:
        raise PanesError("it combines several sources" if names else "it looks at no source")
    source = plan.source(str(names.pop()))
    if source.records:
        raise PanesError("it looks at records")
    return source


# --- formulas over the fields of one sample


def _leaves(plan: Plan, index: int) -> Iterator[object]:
    node = plan.operations[index]
    inputs = operands(node)
    if not inputs or not isinstance(node, Compare | Logical | Negation | Arithmetic | AtLeastDown):
        yield node
        return
    for position in inputs:
        yield from _leaves(plan, position)


def _check_formula(plan: Plan, index: int, source: Source) -> None:
    node = plan.operations[index]
    for leaf in _leaves(plan, index):
        if not isinstance(leaf, SourceField | Constant) and getattr(leaf, "shape", None) is not Shape.SCALAR:
            raise PanesError("it rests on more than the fields of one sample")
    if isinstance(node.type, NumberType | InstantType):
        scale_of(plan, index)
    else:
        _check_truth(plan, index)
    # What is true without any sample cannot be told from panes, which exist where there are samples.
    if value_of(plan.operations, index, lambda _index, _leaf: None) is not None:
        raise PanesError("it is known where nothing was observed")


def _check_truth(plan: Plan, index: int) -> None:
    node = plan.operations[index]
    if node.shape is Shape.SCALAR:
        return
    match node:
        case SourceField():
            return
        case Compare(left=left, right=right):
            for position in (left, right):
                if isinstance(plan.operations[position].type, NumberType | InstantType):
                    scale_of(plan, position)
                else:
                    _check_truth(plan, position)
        case Logical() | Negation() | AtLeastDown():
            for position in operands(node):
                _check_truth(plan, position)
        case _:
            raise PanesError("it rests on more than the fields of one sample")


def scale_of(plan: Plan, index: int) -> Fraction:
    """What one step of a number is worth that is kept as a whole number. Raises PanesError where none fits."""
    node = plan.operations[index]
    if node.shape is Shape.SCALAR:
        value = scalar_value(plan.operations, index)
        if value is None or isinstance(value, bool | str):
            raise PanesError("a part of it is unknown for ever")
        return Fraction(1, Fraction(value).denominator)
    match node:
        case SourceField(source=name, field=field):
            kind = next(x for x in plan.source(name).fields if x.name == field)
            return kind.resolution if isinstance(kind.type, NumberType) else Fraction(1)
        case Arithmetic(operator="+" | "-", left=left, right=right):
            return common_scale(scale_of(plan, left), scale_of(plan, right))
        case Arithmetic(operator="*", left=left, right=right):
            return scale_of(plan, left) * scale_of(plan, right)
        case Arithmetic(operator="/", left=left, right=right) if plan.operations[right].shape is Shape.SCALAR:
            divisor = scalar_value(plan.operations, right)
            if not divisor or isinstance(divisor, bool | str):
                raise PanesError("a part of it is unknown for ever")
            return scale_of(plan, left) / abs(Fraction(divisor))
        case _:
            raise PanesError("its numbers have no common step")


def common_scale(a: Fraction, b: Fraction) -> Fraction:
    """The greatest step of which both are whole multiples."""
    bottom = a.denominator * b.denominator // gcd(a.denominator, b.denominator)
    top = gcd(a.numerator * (bottom // a.denominator), b.numerator * (bottom // b.denominator))
    return Fraction(top, bottom)


# --- names, by which stored panes are found again


def name_of(plan: Plan, measure: Measure) -> str:
    """A measure as text that says all that it rests on; it does not change with the rest of the agreement."""
    parts = [measure.kind.value]
    if measure.argument is not None:
        parts.append(written(plan, measure.argument))
    if measure.where is not None:
        parts.append(f"where {written(plan, measure.where)}")
    return " ".join(parts)


def written(plan: Plan, index: int) -> str:
    """A formula over the fields of a sample, each with its step, with all numbers in base units."""
    node = plan.operations[index]
    if node.shape is Shape.SCALAR:
        value = scalar_value(plan.operations, index)
        return repr(value) if isinstance(value, str) else str(value).lower()
    match node:
        case SourceField(field=name):
            return name
        case Compare() | Logical() | Arithmetic():
            return f"({written(plan, node.left)} {node.operator} {written(plan, node.right)})"
        case Negation():
            return f"(not {written(plan, node.operand)})"
        case AtLeastDown():
            conditions = ", ".join(written(plan, position) for position in node.conditions)
            return f"(down_count({conditions}) >= {node.count})"
        case _:
            raise PanesError("it rests on more than the fields of one sample")


def signature(source: Source) -> str:
    """What panes of a source rest on beside the formulas: how long samples hold, labels, the steps of numbers."""
    fields = ", ".join(f"{x.name} {_kind(x.type)} {x.resolution}" for x in source.fields)
    return f"labels {', '.join(source.labels)}; staleness {source.staleness}; {fields}"


def _kind(kind: object) -> str:
    match kind:
        case BooleanType():
            return "truth"
        case TextType():
            return "text"
        case InstantType():
            return "instant"
        case _:
            return "number"


# --- the length of panes


def pane_length(plan: Plan, aggregates: Iterable[int], longest: int = MINUTE) -> int:
    """The longest panes, at most ``longest`` nanoseconds, that divide all windows of these aggregates.

    Raises PanesError where they would be shorter than a millisecond.
    """
    lengths = [longest, plan.effective_start, plan.effective_end or 0]
    for index in aggregates:
        node = plan.operations[index]
        assert isinstance(node, Aggregate)
        lengths += _lengths_of_window(node.window)
        for name in (*node.filter.during, *node.filter.excluding):
            lengths += _lengths_of_schedule(plan.schedule(name))
    found = gcd(*lengths)
    if found < SHORTEST:
        raise PanesError(f"its windows begin and end at instants that have only {found} ns in common")
    return found


def _check_window(window: Window) -> None:
    if not isinstance(window, CalendarWindow | ExactWindow | OverlappingWindow | RollingWindow):
        raise PanesError("its windows are outages")


def _lengths_of_window(window: Window) -> list[int]:
    match window:
        case ExactWindow(length_ns=length, origin_ns=origin):
            return [length, origin]
        case RollingWindow(length_ns=length, every_ns=every):
            return [length, every]
        case _:
            # Calendars turn on whole minutes in every zone since 1972; what is older is checked where it is used.
            return []


def _lengths_of_schedule(schedule: Schedule) -> list[int]:
    found: list[int] = []
    for hours in (*schedule.include, *schedule.exclude):
        if isinstance(hours, WeeklyHours | DatedHours):
            found += [hours.start or 0, hours.end or 0]
    for part in schedule.parts:
        found += _lengths_of_schedule(part)
    return found
