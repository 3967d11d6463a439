"""Monitorability: the smallest violation that the sources of a goal can show, against what the goal allows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement, Goal, Source
from wsla.analysis.reporter import Reporter
from wsla.analysis.sense_points import Promise, reachable
from wsla.analysis.types import Shape
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, SECOND, format_length
from wsla.values.quantities import format_percentage

_DAYS: Final = {
    CalendarUnit.DAY: 1,
    CalendarUnit.WEEK: 7,
    CalendarUnit.MONTH: 30,
    CalendarUnit.QUARTER: 91,
    CalendarUnit.YEAR: 365,
}


def check_sight(
    reporter: Reporter,
    agreement: CheckedAgreement,
    goals: Sequence[tuple[Goal, surface.Goal]],
    promises: Sequence[Promise],
) -> None:
    """Goals that allow less than one look of their slowest source, or one sample of all that there are."""
    by_name = {promise.goal.name: promise for promise in promises}
    for goal, written in goals:
        promise = by_name.get(goal.name)
        if promise is None:
            continue
        aggregate = agreement.operations[promise.subject]
        if not isinstance(aggregate, op.Aggregate) or isinstance(aggregate.window, op.OutageWindow):
            # How long an outage lasts is not known beforehand.
            continue
        if aggregate.function == "availability" and promise.upwards and 0 < promise.target < 1:
            _time(reporter, agreement, promise, aggregate, written)
        elif aggregate.function == "share" and promise.upwards and 0 < promise.target < 1:
            _items(reporter, agreement, promise, aggregate, written)
        elif aggregate.function == "percentile" and aggregate.parameter is not None:
            _rank(reporter, agreement, promise, aggregate, written)


def _time(
    reporter: Reporter,
    agreement: CheckedAgreement,
    promise: Promise,
    aggregate: op.Aggregate,
    written: surface.Goal,
) -> None:
    slowest = _slowest(agreement, promise.subject)
    budget = (1 - promise.target) * window_length(aggregate.window)
    if slowest is None or slowest.every is None or slowest.every <= budget:
        return
    smallest = 1 - Fraction(slowest.every) / window_length(aggregate.window)
    reporter.warning(
        "W0509",
        f"`{promise.goal.name}` cannot be seen to be missed: its sources look every "
        f"{format_length(slowest.every)}",
        written.span,
        notes=(
            f"{format_percentage(promise.target)} leaves {_seconds(budget)} {_in(aggregate.window)}; "
            "one failed look already spends more",
            f"the smallest violation that `{slowest.name}` can show is one look: {format_percentage(smallest)}",
        ),
    )


def _items(
    reporter: Reporter,
    agreement: CheckedAgreement,
    promise: Promise,
    aggregate: op.Aggregate,
    written: surface.Goal,
) -> None:
    number, what = _how_many(agreement, aggregate)
    if what != "sample" or number is None or number < 1 or (1 - promise.target) * number >= 1:
        return
    best = 1 - Fraction(1, number)
    reporter.warning(
        "W0509",
        f"`{promise.goal.name}` allows not one bad {what}: there are {number} {_in(aggregate.window)}",
        written.span,
        notes=(
            f"the smallest violation that can be seen is one of {number}: {format_percentage(best)}, "
            f"and {format_percentage(promise.target)} is promised",
        ),
    )


def _rank(
    reporter: Reporter,
    agreement: CheckedAgreement,
    promise: Promise,
    aggregate: op.Aggregate,
    written: surface.Goal,
) -> None:
    number, what = _how_many(agreement, aggregate)
    rank = aggregate.parameter
    if number is None or number < 1 or rank is None or rank in (0, 1) or (1 - rank) * number >= 1:
        return
    reporter.warning(
        "W0509",
        f"`{promise.goal.name}` looks at a percentile that is the greatest of all values",
        written.span,
        notes=(
            f"there are {number} {what}s {_in(aggregate.window)}; "
            f"the percentile {format_percentage(rank).removesuffix('%')} needs "
            f"{-(-1 // (1 - rank))} for one to lie above it",
        ),
    )


def _how_many(agreement: CheckedAgreement, aggregate: op.Aggregate) -> tuple[int | None, str]:
    """How many items a window holds, and what they are; None where nothing tells."""
    if aggregate.where is not None:
        return None, ""
    length = window_length(aggregate.window)
    if aggregate.filter != op.TimeFilter():
        return None, ""
    if aggregate.source is not None:
        source = next(one for one in agreement.sources if one.name == aggregate.source)
        if source.records or source.every is None or (source.labels and not aggregate.by):
            return None, ""
        return floor(Fraction(length, source.every)), "sample"
    if aggregate.argument is None:
        return None, ""
    if agreement.operations[aggregate.argument].shape is Shape.SIGNAL:
        sampled = _sources(agreement, aggregate.argument)
        if len(sampled) != 1 or sampled[0].every is None or (sampled[0].labels and not aggregate.by):
            return None, ""
        return floor(Fraction(length, sampled[0].every)), "sample"
    inner = {
        found.window
        for position in reachable(agreement.operations, aggregate.argument)
        if isinstance(found := agreement.operations[position], op.Aggregate)
    }
    if not inner or any(isinstance(window, op.OutageWindow) for window in inner):
        return None, ""
    longest = max(inner, key=window_length)
    step = longest.every_ns if isinstance(longest, RollingWindow) else window_length(longest)
    return floor(Fraction(length, step)), "window"


def _slowest(agreement: CheckedAgreement, subject: int) -> Source | None:
    looking = [source for source in _sources(agreement, subject) if source.every]
    return max(looking, key=lambda source: source.every or 0, default=None)


def _sources(agreement: CheckedAgreement, subject: int) -> list[Source]:
    names: set[str] = set()
    for position in reachable(agreement.operations, subject):
        match agreement.operations[position]:
            case op.SourceField(source=source):
                names.add(source)
            case op.Aggregate(source=str() as source):
                names.add(source)
            case _:
                pass
    return [source for source in agreement.sources if source.name in names]


def window_length(window: op.Window) -> int:
    """The length of a window in nanoseconds, a month taken as 30 days."""
    match window:
        case CalendarWindow(unit=unit, count=count):
            return _DAYS[unit] * count * DAY
        case OverlappingWindow(period=period, count=count):
            return window_length(period) * count
        case ExactWindow(length_ns=length) | RollingWindow(length_ns=length):
            return length
        case op.OutageWindow():
            return op.LONGEST_OUTAGE


def _seconds(length: Fraction) -> str:
    return format_length(max(1, round(length / SECOND)) * SECOND)


def _in(window: op.Window) -> str:
    match window:
        case CalendarWindow(unit=unit, count=1):
            return f"a {unit.value}"
        case CalendarWindow(unit=unit, count=count):
            return f"in {count} {unit.value}s"
        case OverlappingWindow(period=period, count=count):
            return f"in {count} {period.unit.value}s"
        case ExactWindow(length_ns=length) | RollingWindow(length_ns=length):
            return f"in {format_length(length)}"
        case op.OutageWindow():
            return "in an outage"
