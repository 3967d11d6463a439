"""The clocks of a zone as VTIMEZONE: each change as it was, and a rule for those that come every year alike.

A change is dated by the clock before it (RFC 5545, section 3.8.2.4).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from attrs import frozen

from wsla.values.calendars import find_zone

if TYPE_CHECKING:
    from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

_YEARS: Final = 8
"""A rule must have held in so many years from the first on."""
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_STEP: Final = timedelta(hours=12)


@frozen(kw_only=True)
class Change:
    """Clocks go from one distance to UTC to another; ``local`` is what they showed just then, before it."""

    local: datetime
    before: timedelta
    after: timedelta
    name: str
    summer: bool


def clocks_of(zone: str, first: int, last: int) -> Timezone:
    """The clocks of a zone for the years from ``first`` to ``last``, and later ones where a rule tells of them.

    Raises ImportError where the library `icalendar` is missing.
    """
    from icalendar import Timezone

    made = Timezone()
    made.add("tzid", zone)
    start = datetime(first, 1, 1, tzinfo=UTC)
    changes = list(_changes(zone, start, datetime(max(last, first + _YEARS) + 1, 1, 1, tzinfo=UTC)))
    here = start.astimezone(find_zone(zone))
    offset = here.utcoffset() or timedelta()
    begin = Change(
        local=start.replace(tzinfo=None) + offset,
        before=offset,
        after=offset,
        name=here.tzname() or "",
        summer=bool(here.dst()),
    )
    made.add_component(_part(begin, ""))
    said: set[Change] = set()
    for change in changes:
        if change in said:
            continue
        alike = [one for one in changes if _kind(one) == _kind(change)]
        rule = _rule(alike, change, first) if change is alike[0] else ""
        said.update(alike if rule else (change,))
        made.add_component(_part(change, rule))
    return made


def _changes(zone: str, start: datetime, end: datetime) -> Iterator[Change]:
    there = find_zone(zone)
    at, here = start, start.astimezone(there)
    while at < end:
        ahead = at + _STEP
        then = ahead.astimezone(there)
        if then.utcoffset() != here.utcoffset():
            low, high = at, ahead
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                if middle.astimezone(there).utcoffset() == here.utcoffset():
                    low = middle
                else:
                    high = middle
            before = here.utcoffset() or timedelta()
            yield Change(
                local=high.replace(tzinfo=None) + before,
                before=before,
                after=then.utcoffset() or timedelta(),
                name=then.tzname() or "",
                summer=bool(then.dst()),
            )
        at, here = ahead, then


def _kind(change: Change) -> tuple[object, ...]:
    local = change.local
    return (change.before, change.after, change.name, local.month, local.weekday(), local.time())


def _rule(alike: list[Change], first: Change, year: int) -> str:
    """The rule of changes that come once in every year, by the same weekday of their month; empty where none holds."""
    years = [one.local.year for one in alike]
    if years != list(range(years[0], years[0] + len(years))) or years[0] > year + 1 or len(years) < _YEARS:
        return ""
    fifths = {(one.local.day - 1) // 7 + 1 for one in alike}
    lasts = all(one.local.day + 7 > monthrange(one.local.year, one.local.month)[1] for one in alike)
    if not lasts and len(fifths) > 1:
        return ""
    number = -1 if lasts else fifths.pop()
    return f"FREQ=YEARLY;BYMONTH={first.local.month};BYDAY={number}{_WEEKDAYS[first.local.weekday()]}"


def _part(change: Change, rule: str) -> TimezoneDaylight | TimezoneStandard:
    from icalendar import TimezoneDaylight, TimezoneStandard, vRecur

    part = TimezoneDaylight() if change.summer else TimezoneStandard()
    part.add("dtstart", change.local)
    part.add("tzoffsetfrom", change.before)
    part.add("tzoffsetto", change.after)
    if change.name:
        part.add("tzname", change.name)
    if rule:
        part.add("rrule", vRecur.from_ical(rule))
    return part
