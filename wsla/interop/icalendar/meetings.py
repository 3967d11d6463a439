"""Calendar entries as iCalendar (RFC 5545, RFC 5546): invitations, changes and cancellations of meetings."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Final

from attrs import frozen

from wsla.interop.icalendar.clocks import clocks_of
from wsla.interop.icalendar.writing import PRODUCT
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, to_datetime

if TYPE_CHECKING:
    from icalendar import Event

MEDIA_TYPE: Final = "text/calendar"


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
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", method.value)
    # Clocks of the reader's programs may know other rules: the entry brings those that it was meant by.
    for zone in dict.fromkeys(meeting.zone for meeting in meetings if meeting.zone != "UTC"):
        times = [at for meeting in meetings if meeting.zone == zone for at in (meeting.start, meeting.end)]
        years = [to_datetime(at, find_zone(zone)).year for at in (min(times), max(times))]
        calendar.add_component(clocks_of(zone, years[0], years[1]))
    for meeting in meetings:
        calendar.add_component(_event(meeting, method))
    return bytes(calendar.to_ical())


def _shown(instant: int, zone: str) -> datetime:
    if zone == "UTC":
        return to_datetime(instant)
    shown = to_datetime(instant, find_zone(zone))
    # What clocks show twice means the first time (RFC 5545, section 3.3.5), so that the second can only be said in UTC.
    return to_datetime(instant) if shown.fold else shown


def _event(meeting: Meeting, method: Method) -> Event:
    from icalendar import Event, vCalAddress, vText

    event = Event()
    event.add("uid", meeting.uid)
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", to_datetime(meeting.said_at // SECOND * SECOND))
    event.add("dtstart", _shown(meeting.start, meeting.zone))
    event.add("dtend", _shown(meeting.end, meeting.zone))
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
