"""One value from many: the functions of a window with bounds and coverage (rules M12 to M18)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise, takewhile
from math import ceil
from typing import Any, cast

from wsla.analysis.operations import Value
from wsla.evaluation.reference.bounds import with_bounds
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, contains, intersect, length, normalise, subtract
from wsla.values.roots import square_root

Segment = tuple[Interval, Value]
"""A stretch of a signal with the value that it has there."""

OVER_TIME = frozenset({"availability", "duration", "downtime", "time_mean", "longest", "outages"})


UNORDERED = frozenset({"mode", "span", "streak", "variance", "stddev"})
"""Functions that greater values do not make greater: bounds of the parts do not bound the whole (M33)."""


def steps(values: Sequence[Fraction]) -> list[Fraction]:
    """M34: how much a counter grew from each known value to the next; one that fell began anew at zero."""
    return [max(new - old if new >= old else new, Fraction(0)) for old, new in pairwise(values)]


def apply(function: str, parameter: Fraction | None, values: Sequence[Any]) -> Any:
    """A function's value over known values in order (M17); unknown over none, but ``count`` is 0 (M16)."""
    if function == "count":
        return Fraction(len(values))
    if not values:
        return None
    match function:
        case "sum" | "increase" | "rate":
            return Fraction(sum(values))
        case "mean":
            return Fraction(sum(values)) / len(values)
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "share":
            return Fraction(sum(value is True for value in values), len(values))
        case "median":
            return apply("percentile", Fraction(1, 2), values)
        case "percentile":
            assert parameter is not None
            # M17: of n values in ascending order the one at position ceil(p·n), at least 1.
            return sorted(values)[max(1, ceil(parameter * len(values))) - 1]
        case "last":
            return values[-1]
        case "first":
            return values[0]
        case "streak":
            # M56: the latest items, in a row, that are true.
            return Fraction(sum(1 for _ in takewhile(lambda value: value is True, reversed(values))))
        case "mode":
            # M33: the commonest value, the least of several.
            return min(values, key=lambda value: (-values.count(value), value))
        case "span":
            return max(values) - min(values)
        case "variance":
            average = Fraction(sum(values)) / len(values)
            return sum(((value - average) ** 2 for value in values), Fraction(0)) / len(values)
        case "stddev":
            assert parameter is not None
            return square_root(apply("variance", None, values), parameter)
        case _:
            raise ValueError(f"there is no function {function!r} over values")


def time_in(segments: Sequence[Segment], value: Value) -> int:
    """The length of the segments that have a value, in nanoseconds."""
    return sum(interval.length for interval, found in segments if found is value)


def known_time(segments: Sequence[Segment]) -> int:
    """The length of the segments whose value is known, in nanoseconds."""
    return sum(interval.length for interval, found in segments if found is not None)


def time_where(segments: Sequence[Segment], value: Value) -> Intervals:
    """The time in which a signal has a value."""
    return normalise(time for time, found in segments if found is value)


def cut_by(condition: Sequence[Segment], segments: Sequence[Segment]) -> list[Segment]:
    """M50: a signal where a condition is not false; it is unknown where the condition is."""
    cut, unknown = time_where(condition, False), time_where(condition, None)
    found: list[Segment] = []
    for time, value in segments:
        left = subtract((time,), cut)
        found += [(part, value) for part in subtract(left, unknown)]
        found += [(part, None) for part in intersect(left, unknown)]
    return sorted(found, key=lambda segment: segment[0].start)


def covered(known: int, kept: int) -> Fraction:
    """M12, M50: the known share of the kept time; where nothing is left of that, nothing is missing either."""
    return Fraction(known, kept) if kept else Fraction(1)


def over_time(function: str, segments: Sequence[Segment], kept: int) -> SeriesValue:
    """M12: ``segments`` are the signal in the kept time up to the instant asked about; ``kept`` is |K|."""
    known = known_time(segments)
    coverage = covered(known, kept)
    if function == "time_mean":
        parts = [cast(Fraction, found) * time.length for time, found in segments if found is not None]
        mean = Fraction(sum(parts)) / known if known else None
        bound = mean if coverage == 1 else None
        return SeriesValue(value=mean, lower=bound, upper=bound, coverage=coverage)
    # downtime(c) is duration(not c).
    true = time_in(segments, function != "downtime")
    unknown = kept - known
    if function == "availability":
        return SeriesValue(
            value=Fraction(true, known) if known else None,
            lower=Fraction(true, kept) if kept else Fraction(0),
            upper=Fraction(true + unknown, kept) if kept else Fraction(1),
            coverage=coverage,
        )
    return SeriesValue(
        value=Fraction(true) if known else None,
        lower=Fraction(true),
        upper=Fraction(true + unknown),
        coverage=coverage,
    )


def longest(segments: Sequence[Segment], kept: Intervals) -> SeriesValue:
    """M31: the longest run of true in the kept time; a cut or anything but true ends it."""
    known = known_time(segments)
    true = normalise(time for time, found in segments if found is True)
    not_false = subtract(kept, normalise(time for time, found in segments if found is False))
    lower = Fraction(max((run.length for run in true), default=0))
    return SeriesValue(
        value=lower if known else None,
        lower=lower,
        upper=Fraction(max((run.length for run in not_false), default=0)),
        coverage=covered(known, length(kept)),
    )


def outages(history: Sequence[Segment], segments: Sequence[Segment], kept: Intervals) -> SeriesValue:
    """M32: ``history`` is the signal in all time that the filter keeps, from the term's start on."""
    starts = []
    before: Value = None
    for time, found in history:
        if found is False and before is not False:
            starts.append(time.start)
        # Unknown neither ends an outage nor begins another.
        before = before if found is None else found
    known = known_time(segments)
    number = Fraction(sum(contains(kept, start) for start in starts))
    coverage = covered(known, length(kept))
    return SeriesValue(
        value=number if known else None,
        lower=number,
        upper=number if coverage == 1 else None,
        coverage=coverage,
    )


def over_samples(
    function: str, parameter: Fraction | None, values: Sequence[Value], coverage: Fraction, *, boolean: bool
) -> SeriesValue:
    """M13: ``values`` are the known arguments of the samples looked at, in order of ``at``."""
    value = apply(function, parameter, values)
    lower, upper = None, None
    if coverage == 1:
        lower, upper = value, value
    elif function == "share":
        lower, upper = Fraction(0), Fraction(1)
    elif function in ("count", "max", "span", "increase", "rate"):
        lower = value
    elif function == "min":
        upper = value
    return with_bounds(value, lower, upper, coverage, boolean=boolean)


def over_records(
    function: str,
    parameter: Fraction | None,
    records: Sequence[tuple[bool | None, Value]],
    *,
    still_open: bool,
    keyed: bool,
    boolean: bool,
) -> SeriesValue:
    """M14, and M18 where ``still_open``: ``records`` are (is it in, its argument), in order of their instants."""
    included = [argument for inside, argument in records if inside is True]
    perhaps = [argument for inside, argument in records if inside is None]
    known = [argument for argument in included if argument is not None]
    n = len(included) + len(perhaps)
    lower: Value = None
    upper: Value = None
    if function == "count":
        value: Value = Fraction(len(included))
        lower, upper = value, Fraction(n)
        coverage = Fraction(len(records) - len(perhaps), len(records)) if records else Fraction(1)
        if still_open:
            # Records with a key may have other versions yet.
            lower, upper = Fraction(0) if keyed else value, None
        return SeriesValue(value=value, lower=lower, upper=upper, coverage=coverage)
    coverage = Fraction(len(known), n) if n else Fraction(1)
    value = apply(function, parameter, known)
    if function == "sum" and not known:
        value = Fraction(0)  # M16
    if function == "share" and n:
        good = sum(argument is True for argument in known)
        lower, upper = Fraction(good, n), Fraction(good + n - len(known), n)
    elif len(known) == n:
        lower, upper = value, value
    if still_open:
        lower, upper = None, None
        if function == "share":
            lower, upper = Fraction(0), Fraction(1)
        elif function in ("max", "span") and not keyed:
            lower = value
        elif function == "min" and not keyed:
            upper = value
    return with_bounds(value, lower, upper, coverage, boolean=boolean)


def over_series(
    function: str,
    parameter: Fraction | None,
    items: Sequence[SeriesValue],
    *,
    still_open: bool = False,
    boolean: bool,
) -> SeriesValue:
    """M15: ``items`` are the values of the inner windows, in order; M59 where more of them may come, nobody knows
    how many.
    """
    n = len(items)
    known = [item.value for item in items if item.value is not None]
    # An item whose value is unknown has coverage 0.
    covered = sum((item.coverage for item in items if item.value is not None), Fraction(0))
    coverage = covered / n if n else Fraction(1)
    value = apply(function, parameter, known)
    if still_open:
        lower = value if function == "count" else None
        upper: Value = None
        if function == "max":
            lower = bound_of(function, parameter, [item.lower for item in items], absent=-1)
        elif function == "min":
            upper = bound_of(function, parameter, [item.upper for item in items], absent=1)
        elif function == "share":
            lower, upper = Fraction(0), Fraction(1)
        return with_bounds(value, lower, upper, coverage, boolean=boolean)
    if function == "count":
        return SeriesValue(value=value, lower=value, upper=Fraction(n), coverage=coverage)
    if function in UNORDERED:
        exact = all(item.value is not None and item.lower == item.value == item.upper for item in items)
        bound = value if exact else None
        return with_bounds(value, bound, bound, coverage, boolean=boolean)
    lower = bound_of(function, parameter, [item.lower for item in items], absent=-1)
    upper = bound_of(function, parameter, [item.upper for item in items], absent=1)
    return with_bounds(value, lower, upper, coverage, boolean=boolean)


def bound_of(function: str, parameter: Fraction | None, bounds: Sequence[Value], *, absent: int) -> Value:
    """M15: the function over bounds, where an absent one is infinite: minus (-1) or plus (1) by ``absent``.

    An infinite result is no bound.
    """
    if function in ("sum", "mean", "share"):
        # A sum with an infinite part is infinite; a truth always has bounds.
        return None if None in bounds else apply(function, parameter, bounds)
    ranked = [(absent, Fraction(0)) if bound is None else (0, bound) for bound in bounds]
    found = apply(function, parameter, ranked)
    return None if found is None or found[0] != 0 else found[1]
