"""Time: schedules without hours, filters that leave nothing, local times that a clock change removes or repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.syntax import surface
from wsla.values.calendars import find_zone
from wsla.values.instants import (
    DAY,
    Interval,
    local_time_is_repeated,
    local_time_is_skipped,
    to_datetime,
)
from wsla.values.intervals import Intervals, intersect, normalise, subtract, union
from wsla.values.schedules import (
    DatedHours,
    Hours,
    Schedule,
    intervals,
    nearby_intervals,
)

_STEP: Final = 366 * DAY
_FEW_DAYS: Final = 8 * DAY
_MOST_STEPS: Final = 3
_MOST_YEARS: Final = 5
_MOMENT: Final = timedelta(microseconds=1)


def check_times(scope: Scope, agreement: CheckedAgreement, written: surface.Agreement) -> None:
    """All checks of this file."""
    empty = _empty_schedules(scope, agreement)
    _swallowed(scope.reporter, agreement, empty)
    _clock_changes(scope, agreement, written)


# --- schedules and filters


_Hours = Callable[[Schedule, int, int], Intervals]


def _years(agreement: CheckedAgreement, steps: int) -> Iterator[tuple[int, int, _Hours]]:
    """Stretches of the term, about a year each, and what tells the hours of a schedule in them.

    The first few days come first, by themselves: where there is time at all, there mostly is some in every week.
    """
    start = agreement.effective_start
    end = start + _FEW_DAYS
    yield (
        start,
        end if agreement.effective_end is None else min(end, agreement.effective_end),
        nearby_intervals,
    )
    for _ in range(steps):
        end = start + _STEP
        if agreement.effective_end is not None:
            end = min(end, agreement.effective_end)
        if start >= end:
            return
        yield start, end, intervals
        start = end


def _empty_schedules(scope: Scope, agreement: CheckedAgreement) -> frozenset[str]:
    """Schedules without any time in the term, each with a warning."""
    found: set[str] = set()
    for schedule in agreement.schedules:
        if any(hours(schedule, start, end) for start, end, hours in _years(agreement, _steps(schedule))):
            continue
        found.add(schedule.name)
        scope.reporter.warning(
            "W0613",
            f"the schedule `{schedule.name}` has no time in the term of the agreement",
            scope.declared[schedule.name][1].span,
            notes=("look at its dates and exceptions",),
        )
    return frozenset(found)


def _steps(schedule: Schedule) -> int:
    """Recurring hours show within three years; dates may lie further off."""
    dated = any(isinstance(hours, DatedHours) for hours in _all_hours(schedule))
    return 4 * _MOST_STEPS if dated else _MOST_STEPS


def _all_hours(schedule: Schedule) -> Iterator[Hours]:
    yield from schedule.include
    for part in schedule.parts:
        yield from _all_hours(part)


def _swallowed(reporter: Reporter, agreement: CheckedAgreement, empty: frozenset[str]) -> None:
    schedules = {schedule.name: schedule for schedule in agreement.schedules}
    looked_at: set[op.TimeFilter] = set()
    for operation in agreement.operations:
        if not isinstance(operation, op.Aggregate):
            continue
        filters = operation.filter
        named = (*filters.during, *filters.excluding)
        if not named or filters in looked_at:
            continue
        looked_at.add(filters)
        if any(_kept(schedules, filters, *stretch) for stretch in _years(agreement, _MOST_STEPS)):
            continue
        without = [name for name in filters.during if name in empty]
        reporter.error(
            "E0610",
            "no time is left here: "
            + (f"`{without[0]}` has none in the term" if without else _who_swallows(filters)),
            operation.span,
            notes=("no window ever has a verdict",),
        )


def _who_swallows(filters: op.TimeFilter) -> str:
    during = " and ".join(f"`{name}`" for name in filters.during)
    excluding = " and ".join(f"`{name}`" for name in filters.excluding)
    if not filters.during:
        return f"{excluding} {'covers' if len(filters.excluding) == 1 else 'cover'} all hours"
    if not filters.excluding:
        return f"{during} have no common hours"
    return f"{excluding} {'takes' if len(filters.excluding) == 1 else 'take'} all hours of {during}"


def _kept(
    schedules: dict[str, Schedule], filters: op.TimeFilter, start: int, end: int, hours: _Hours
) -> Intervals:
    kept: Intervals = normalise((Interval(start, end),))
    for name in filters.during:
        kept = intersect(kept, hours(schedules[name], start, end))
    cut: Intervals = ()
    for name in filters.excluding:
        cut = union(cut, hours(schedules[name], start, end))
    return subtract(kept, cut)


# --- clock changes


def _clock_changes(scope: Scope, agreement: CheckedAgreement, written: surface.Agreement) -> None:
    zone = find_zone(agreement.zone)
    for declared in written.declarations:
        if isinstance(declared, surface.Effective):
            for word in (declared.start, declared.until):
                if word is not None:
                    _one_moment(scope.reporter, word, zone, agreement.zone)
    changes: Sequence[date] | None = None
    for declared in written.declarations:
        if not isinstance(declared, surface.Schedule):
            continue
        if changes is None:
            changes = _changes(agreement, zone)
        for line in declared.hours:
            for clock in line.clock_ranges:
                _hours(scope.reporter, line, clock, changes, zone, agreement.zone)


def _one_moment(reporter: Reporter, word: surface.Word, zone: ZoneInfo, name: str) -> None:
    try:
        moment = datetime.fromisoformat(word.text)
    except ValueError:
        return
    if moment.tzinfo is not None or "T" not in word.text:
        return
    if local_time_is_skipped(moment, zone):
        problem = f"clocks in {name} never show this time: they go forward"
    elif local_time_is_repeated(moment, zone):
        problem = f"clocks in {name} show this time twice: they go back"
    else:
        return
    reporter.warning(
        "W0612", problem, word.span, notes=("say which is meant with an offset, such as `+01:00`",)
    )


def _changes(agreement: CheckedAgreement, zone: ZoneInfo) -> list[date]:
    """The local days of the term, of its first years at most, on which clocks change."""
    day = to_datetime(agreement.effective_start, zone).date()
    last = day.replace(year=min(day.year + _MOST_YEARS, 9000), day=min(day.day, 28))
    if agreement.effective_end is not None:
        last = min(last, to_datetime(agreement.effective_end - 1, zone).date())
    return _changes_between(zone, day, last)


@lru_cache(maxsize=64)
def _changes_between(zone: ZoneInfo, day: date, last: date) -> list[date]:
    found = []
    before = datetime.combine(day, time(), zone).utcoffset()
    while day <= last:
        day += timedelta(days=1)
        offset = datetime.combine(day, time(), zone).utcoffset()
        if offset != before:
            found.append(day - timedelta(days=1))
        before = offset
    return found


def _hours(
    reporter: Reporter,
    line: surface.Hours,
    clock: surface.ClockRange,
    changes: Sequence[date],
    zone: ZoneInfo,
    name: str,
) -> None:
    start, end = _of_day(clock.start), _of_day(clock.end)
    if start is None or end is None:
        return
    for word, of_day, later in ((clock.start, start, 0), (clock.end, end, int(end <= start))):
        for change in changes:
            begun = change - timedelta(days=later)
            if not any(_holds_on(day, begun) for day in line.days):
                continue
            moment = datetime.combine(change, time()) + of_day
            problem = _trouble(moment, zone)
            if problem:
                reporter.warning(
                    "W0612",
                    f"on {change.isoformat()} clocks in {name} {problem}",
                    word.span,
                    notes=(
                        "what is skipped counts as the time after it, of a repeated hour the first counts",
                    ),
                )
                return


def _of_day(word: surface.Word) -> timedelta | None:
    parts = [int(part) for part in word.text.split(":")]
    seconds = parts[2] if len(parts) > 2 else 0
    found = timedelta(hours=parts[0], minutes=parts[1], seconds=seconds)
    return None if found >= timedelta(days=1) else found


def _trouble(moment: datetime, zone: ZoneInfo) -> str:
    """What a clock change does to a time. At the very start of what is removed or repeated nothing is in doubt."""
    if local_time_is_skipped(moment, zone) and local_time_is_skipped(moment - _MOMENT, zone):
        return "never show this time"
    if local_time_is_repeated(moment, zone) and local_time_is_repeated(moment - _MOMENT, zone):
        return "show this time twice"
    return ""


_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _holds_on(day: surface.Day, when: date) -> bool:
    match day:
        case surface.Weekdays(first=first, last=last):
            start = _WEEKDAYS.index(first.text)
            end = start if last is None else _WEEKDAYS.index(last.text)
            return (when.weekday() - start) % 7 <= (end - start) % 7
        case surface.EveryDay():
            return True
        case surface.Dates(first=first, last=last):
            return first.text <= when.isoformat() <= (last or first).text
        case surface.Holidays():
            return False
