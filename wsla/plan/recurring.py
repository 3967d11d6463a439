"""When reports are due and reviews take place (rules M104, M105): arithmetic of the calendar, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from attrs import frozen

from wsla.plan.model import Plan, Recurring, RecurringKind
from wsla.values.calendars import find_zone, window_containing
from wsla.values.instants import Interval, from_local, midnight, to_datetime


@frozen(kw_only=True)
class Appointed:
    """A report or review of one period, at an instant (nanoseconds since the epoch)."""

    recurring: Recurring
    period: Interval
    at: int


def appointed_at(plan: Plan, recurring: Recurring, period: Interval) -> int:
    """When the report of a period is due, or its review begins."""
    zone = find_zone(plan.zone)
    if not recurring.days and recurring.at is None:
        at = period.end
    else:
        day = to_datetime(period.end, zone).date() + timedelta(days=recurring.days)
        if recurring.at is None:
            at = midnight(day, zone)
        else:
            clock = timedelta(microseconds=recurring.at // 1_000)
            at = from_local(datetime(day.year, day.month, day.day) + clock, zone)
    return max(at, period.end + plan.grace) if recurring.kind is RecurringKind.REPORT else at


def belongs_to(plan: Plan, period: Interval) -> bool:
    """True where this version answers for a period: it is in force when the period ends, or was to the end of the
    term."""
    if period.end <= plan.effective_start:
        return False
    if plan.effective_end is not None and period.start >= plan.effective_end:
        return False
    return plan.judges_until is None or period.end <= plan.judges_until


def appointed(plan: Plan, recurring: Recurring, since: int, until: int) -> Iterator[Appointed]:
    """What falls into ``(since, until]``, in order of time."""
    period = window_containing(recurring.window, since)
    # The appointment of a period comes within the one after it, so that of two before this one is long over.
    for _ in range(2):
        period = window_containing(recurring.window, period.start - 1)
    while (at := appointed_at(plan, recurring, period)) <= until:
        if at > since and belongs_to(plan, period):
            yield Appointed(recurring=recurring, period=period, at=at)
        period = window_containing(recurring.window, period.end)


def next_due(plan: Plan, recurring: Recurring, after: int) -> int | None:
    """The instant of the first one after an instant; None where there is none."""
    period = window_containing(recurring.window, after)
    for _ in range(2):
        period = window_containing(recurring.window, period.start - 1)
    while plan.effective_end is None or period.start < plan.effective_end:
        at = appointed_at(plan, recurring, period)
        if at > after and belongs_to(plan, period):
            return at
        if plan.judges_until is not None and period.start >= plan.judges_until:
            return None
        period = window_containing(recurring.window, period.end)
    return None


def invited(plan: Plan, recurring: Recurring, now: int) -> Iterator[Appointed]:
    """The reviews to which people are invited at an instant: their period has begun, and they have not."""
    period = window_containing(recurring.window, now)
    for one in (window_containing(recurring.window, period.start - 1), period):
        at = appointed_at(plan, recurring, one)
        if now < at and belongs_to(plan, one):
            yield Appointed(recurring=recurring, period=one, at=at)
