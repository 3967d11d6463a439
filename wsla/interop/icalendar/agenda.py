"""What an agreement has in the calendar as a calendar: its entries, and its schedules as rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from wsla.interop.icalendar.meetings import uid_of
from wsla.interop.icalendar.schedules import Term, entries_of, term_of
from wsla.interop.icalendar.writing import Entry, calendar_text
from wsla.plan.model import Plan
from wsla.remedies.agenda import AgendaEntry, in_term
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, from_local, to_datetime
from wsla.values.schedules import Schedule


def agenda_text(
    plan: Plan,
    entries: Iterable[AgendaEntry],
    schedules: Iterable[Schedule],
    start: int,
    until: int,
    stamped: int,
) -> tuple[str, tuple[str, ...]]:
    """The calendar of ``[start, until)``, and what it cannot say. ``stamped`` is when it was made, in nanoseconds.

    Raises ImportError where the library `icalendar` is missing.
    """
    unsaid: dict[str, None] = {}

    def cannot_say(what: str) -> None:
        unsaid[what] = None

    schedules = tuple(schedules)
    open_from, open_until = in_term(plan, start, until)
    whole = term_of(schedules, plan.zone, open_from, max(open_until, open_from + 1))
    term = Term(begin=whole.begin, end=whole.end, cut=True)
    made = [
        entry
        for one in schedules
        if open_from < open_until
        for entry in entries_of(one, plan.title, term, cannot_say)
    ]
    made += [_entry(plan, one) for one in entries]
    text = calendar_text(tuple(made), name=plan.title, zone=plan.zone, stamped=stamped)
    return text, tuple(unsaid)


def _entry(plan: Plan, one: AgendaEntry) -> Entry:
    start, end, zone = _placed(one.start, one.end, plan.zone)
    return Entry(
        uid=uid_of(plan.title, *one.key),
        summary=one.title,
        start=start,
        end=end,
        zone=zone,
        description=f"{one.text}\n{plan.title}, version {plan.version}",
        categories=(one.kind.value,),
    )


def _placed(start: int, end: int, zone: str) -> tuple[datetime, datetime, str]:
    """Local times of the zone, or UTC for an hour that clocks show twice; calendars know whole seconds."""
    start, end = start // SECOND * SECOND, -(-end // SECOND) * SECOND
    there = find_zone(zone)
    local = [to_datetime(at, there).replace(tzinfo=None) for at in (start, end)]
    if [from_local(at, there) for at in local] == [start, end]:
        return local[0], max(local), zone
    plain = [to_datetime(at).replace(tzinfo=None) for at in (start, end)]
    return plain[0], max(plain[1], plain[0] + timedelta()), "UTC"
