"""Calendar entries as iCalendar (RFC 5545, RFC 5546): invitations, changes and cancellations of meetings."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, to_datetime

if TYPE_CHECKING:
    from icalendar import Event

MEDIA_TYPE: Final = "text/calendar"
_PRODUCT: Final = "-//wsla//wsla//EN"


class Method(Enum):
    """What a calendar is to do with an entry, as iCalendar calls it."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"


@frozen(kw_only=True)
class Meeting:
    """An entry of a calendar. Instants are nanoseconds since the epoch, shown in ``zone``.

    ``uid`` is the same in all that is ever said of one entry; the word with the highest ``sequence`` counts.
    ``said_at`` is when this was decided. Without an ``organizer`` there are no attendees.
    """

    uid: str
    sequence: int
    start: int
    end: int
    zone: str
    summary: str
    description: str
    said_at: int
    url: str | None = None
    organizer: str | None = None
    attendees: tuple[str, ...] = ()


def uid_of(*parts: str) -> str:
    """An identity that is made of texts, the same wherever it is made."""
    digest = hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"{digest[:40]}@wsla"


def is_available() -> bool:
    """True where the library that writes them is installed."""
    from importlib.util import find_spec

    return find_spec("icalendar") is not None


def write_calendar(meetings: tuple[Meeting, ...], method: Method) -> bytes:
    """A calendar of some entries. Raises ImportError where the library `icalendar` is missing."""
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", _PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method.value)
    for meeting in meetings:
        calendar.add_component(_event(meeting, method))
    # Clocks of the reader's programs may know other rules: the entry brings those that it was meant by.
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def _event(meeting: Meeting, method: Method) -> Event:
    from icalendar import Event, vCalAddress, vText

    zone = find_zone(meeting.zone)
    event = Event()
    event.add("uid", meeting.uid)
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", to_datetime(meeting.said_at // SECOND * SECOND))
    event.add("dtstart", to_datetime(meeting.start, zone))
    event.add("dtend", to_datetime(meeting.end, zone))
    event.add("summary", meeting.summary)
    event.add("description", meeting.description)
    event.add("status", "CANCELLED" if method is Method.CANCEL else "CONFIRMED")
    event.add("transp", "OPAQUE")
    if meeting.url is not None:
        event.add("url", meeting.url)
    if meeting.organizer is not None:
        event.add("organizer", vCalAddress(f"mailto:{meeting.organizer}"))
        for address in meeting.attendees:
            attendee = vCalAddress(f"mailto:{address}")
            attendee.params["role"] = vText("REQ-PARTICIPANT")
            attendee.params["partstat"] = vText("NEEDS-ACTION")
            attendee.params["rsvp"] = vText("TRUE")
            event.add("attendee", attendee, encode=False)
    return event
