"""Short outages that do not count: over time (rule M52) and over the windows of a series (rule M53)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

from attrs import frozen

from wsla.analysis.operations import Forgiving, Value
from wsla.evaluation.reference.aggregates import (
    Segment,
    covered,
    known_time,
    time_in,
    time_where,
)
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, intersect, length, normalise, subtract


@frozen(kw_only=True)
class Item:
    """An inner window with its value."""

    window: Interval
    value: SeriesValue


def split(runs: Intervals, forgiving: Forgiving) -> tuple[Intervals, Intervals]:
    """The runs that count, and those that are forgiven."""
    counted = tuple(run for run in runs if forgiving.counts(run.length))
    return counted, tuple(run for run in runs if run not in counted)


def runs_of_time(
    segments: Sequence[Segment], kept: Intervals, forgiving: Forgiving
) -> tuple[Intervals, Intervals, Intervals]:
    """The outages that count; and, with unknown time as false, those that count and those that are forgiven."""
    counted, _ = split(time_where(segments, False), forgiving)
    # What touches is one run; what a cut parts does not touch.
    not_true = normalise(subtract(kept, time_where(segments, True)))
    return counted, *split(not_true, forgiving)


def time_forgiving(
    function: str, segments: Sequence[Segment], kept: Intervals, forgiving: Forgiving
) -> SeriesValue:
    """M52: ``kept`` is W."""
    counted, perhaps, forgiven = runs_of_time(segments, kept, forgiving)
    known, whole = known_time(segments), length(kept)
    coverage = covered(known, whole)
    if function == "outages":
        number = Fraction(len(counted))
        # Unknown time may join several outages into one.
        least = Fraction(sum(bool(intersect((run,), counted)) for run in perhaps))
        upper = number if coverage == 1 else None
        return SeriesValue(value=number if known else None, lower=least, upper=upper, coverage=coverage)
    bad, worst = length(counted), length(perhaps)
    if function == "downtime":
        return SeriesValue(
            value=Fraction(bad) if known else None,
            lower=Fraction(bad),
            upper=Fraction(worst),
            coverage=coverage,
        )
    # Unknown time in a forgiven run is left out: it may be good, but also cut.
    known_inside = length(
        intersect(forgiven, normalise(time for time, found in segments if found is not None))
    )
    certain = whole - (length(forgiven) - known_inside)
    if function == "duration":
        return SeriesValue(
            value=Fraction(known - bad) if known else None,
            lower=Fraction(certain - worst),
            upper=Fraction(whole - bad),
            coverage=coverage,
        )
    return SeriesValue(
        value=Fraction(known - bad, known) if known else None,
        lower=1 - Fraction(worst, certain) if certain else Fraction(0),
        upper=1 - Fraction(bad, whole) if whole else Fraction(1),
        coverage=coverage,
    )


def time_spent(
    segments: Sequence[Segment], before: Intervals, forgiving: Forgiving | None, *, missed: bool
) -> int:
    """M23, M52: the part of a budget that is spent in the time before the instant asked about; unknown time is spent
    where it counts as ``missed``.
    """
    if forgiving is None:
        return time_in(segments, False) + (length(before) - known_time(segments) if missed else 0)
    counted, perhaps, _ = runs_of_time(segments, before, forgiving)
    return length(perhaps if missed else counted)


def bad_items(items: Iterable[tuple[Interval, Value]], forgiving: Forgiving) -> tuple[int, list[int]]:
    """How many of these windows are in runs of false that count, and the positions of those in runs that do not."""
    runs: list[tuple[Interval, list[int]]] = []
    for position, (window, value) in enumerate(items):
        if value is not False:
            continue
        if runs and runs[-1][0].end == window.start and runs[-1][1][-1] == position - 1:
            run, positions = runs[-1]
            runs[-1] = (Interval(run.start, window.end), [*positions, position])
        else:
            runs.append((window, [position]))
    counted = sum(len(positions) for run, positions in runs if forgiving.counts(run.length))
    return counted, [x for run, positions in runs if not forgiving.counts(run.length) for x in positions]


def share_forgiving(items: Sequence[Item], forgiving: Forgiving) -> SeriesValue:
    """M53: ``items`` are the inner windows, in order."""
    n = len(items)
    known = [item.value for item in items if item.value.value is not None]
    coverage = sum((value.coverage for value in known), Fraction(0)) / n if n else Fraction(1)
    bad, _ = bad_items([(item.window, item.value.value) for item in items], forgiving)
    worst, forgiven = bad_items([(item.window, item.value.lower) for item in items], forgiving)
    best, _ = bad_items([(item.window, item.value.upper) for item in items], forgiving)
    certain = n - sum(items[position].value.value is None for position in forgiven)
    if not n:
        return SeriesValue(value=None, lower=None, upper=None, coverage=coverage)
    return SeriesValue(
        value=1 - Fraction(bad, len(known)) if known else None,
        lower=1 - Fraction(worst, certain) if certain else Fraction(0),
        upper=1 - Fraction(best, n),
        coverage=coverage,
    )
