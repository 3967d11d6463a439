"""Entries as the text of a calendar, written by the library, with the rules of the zones that they are in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from wsla.interop.icalendar.clocks import clocks_of
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, to_datetime
from wsla.values.records import Record

if TYPE_CHECKING:
    from icalendar import Event

PRODUCT: Final = "-//wsla//wsla//EN"


@frozen(kw_only=True, eq=False, repr=False)
class Entry(Record):
    """An event to be written: local times of ``zone``, its rule as iCalendar has it, dates less and dates more.

    ``until`` is the start of the last occurrence of the rule. One of no length is a moment.
    """

    uid: str
    summary: str
    start: datetime
    end: datetime
    zone: str
    rule: str = ""
    until: datetime | None = None
    left_out: tuple[datetime, ...] = ()
    extra: tuple[datetime, ...] = ()
    description: str = ""
    location: str = ""
    categories: tuple[str, ...] = ()

    @property
    def times(self) -> tuple[datetime, ...]:
        """The local times that it names."""
        return (
            self.start,
            self.end,
            *self.left_out,
            *self.extra,
            *(() if self.until is None else (self.until,)),
        )


def calendar_text(entries: tuple[Entry, ...], *, name: str, zone: str, stamped: int) -> str:
    """The calendar; ``stamped`` is the instant that it was made at, in nanoseconds.

    Raises ImportError where the library `icalendar` is missing.
    """
    from icalendar import Calendar

    made = Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("x-wr-calname", name)
    made.add("x-wr-timezone", zone)
    # Clocks of the reader's programs may know other rules: the calendar brings those that it was meant by.
    for used in dict.fromkeys(one.zone for one in entries if one.zone != "UTC"):
        times = [at for one in entries if one.zone == used for at in one.times]
        made.add_component(clocks_of(used, min(times).year, max(times).year))
    for one in entries:
        made.add_component(_event(one, to_datetime(stamped // SECOND * SECOND)))
    return str(made.to_ical(), "utf-8")


def _event(entry: Entry, stamped: datetime) -> Event:
    from icalendar import Event, vRecur

    zone = find_zone(entry.zone)

    def placed(local: datetime) -> datetime:
        return local.replace(tzinfo=UTC if entry.zone == "UTC" else zone)

    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", stamped)
    event.add("summary", entry.summary)
    event.add("dtstart", placed(entry.start))
    if entry.end > entry.start:
        event.add("dtend", placed(entry.end))
    if entry.rule:
        rule: Any = vRecur.from_ical(entry.rule)
        if entry.until is not None:
            rule["UNTIL"] = [placed(entry.until).astimezone(UTC)]
        event.add("rrule", rule)
    if entry.left_out:
        event.add("exdate", [placed(one) for one in entry.left_out])
    if entry.extra:
        event.add("rdate", [placed(one) for one in entry.extra])
    if entry.description:
        event.add("description", entry.description)
    if entry.location:
        event.add("location", entry.location)
    if entry.categories:
        event.add("categories", list(entry.categories))
    event.add("transp", "TRANSPARENT")
    return event
