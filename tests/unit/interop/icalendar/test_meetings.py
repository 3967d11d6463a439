"""Invitations as iCalendar, read back by the library that calendars are built with."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

import icalendar
from attrs import evolve

from wsla.interop.icalendar.meetings import Meeting, Method, uid_of, write_calendar
from wsla.values.instants import HOUR, from_datetime, parse_instant

START = parse_instant("2026-10-25T01:30+02:00")
MEETING = Meeting(
    uid=uid_of("Web shop", "review 1", "1"),
    sequence=3,
    start=START,
    end=START + 2 * HOUR,
    zone="Europe/Berlin",
    summary="Web shop: Überprüfung; a, b\r\nATTENDEE:mailto:evil@example.com",
    description="One\nTwo \\ three",
    said_at=parse_instant("2026-07-01T00:00Z"),
    url="https://sla.example/agreements/Web%20shop",
    organizer="sla@example.com",
    attendees=("it@shop.example",),
)


def event(method: Method = Method.REQUEST) -> tuple[Any, Any]:
    calendar = icalendar.Calendar.from_ical(write_calendar((MEETING,), method))
    (found,) = calendar.walk("VEVENT")
    return calendar, found


def test_an_invitation_can_be_read_back() -> None:
    calendar, found = event()
    assert (calendar["method"], calendar["version"]) == ("REQUEST", "2.0")
    assert (found["uid"], found["sequence"], found["status"]) == (MEETING.uid, 3, "CONFIRMED")
    assert str(found["organizer"]) == "mailto:sla@example.com"
    assert str(found["attendee"]) == "mailto:it@shop.example"
    assert found["attendee"].params["RSVP"] == "TRUE"
    assert str(found["description"]) == MEETING.description
    assert str(found["url"]) == MEETING.url


def test_times_are_those_of_the_zone_which_comes_with_them() -> None:
    """Into the hour that clocks show twice: its second time can only be said in UTC."""
    calendar, found = event()
    assert found["dtstart"].params["TZID"] == "Europe/Berlin"
    assert from_datetime(found.decoded("dtstart")) == START
    assert "TZID" not in found["dtend"].params
    assert from_datetime(found.decoded("dtend")) == START + 2 * HOUR
    (clocks,) = calendar.walk("VTIMEZONE")
    zone = clocks.to_tz()
    assert from_datetime(found["dtstart"].dt.replace(tzinfo=zone)) == START
    assert [str(part["rrule"].to_ical(), "ascii") for part in clocks.subcomponents if "rrule" in part] == [
        "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
        "FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
    ]


def test_a_meeting_in_utc_needs_no_clocks() -> None:
    text = write_calendar((evolve(MEETING, zone="UTC"),), Method.REQUEST).decode()
    assert "VTIMEZONE" not in text
    assert "DTSTART:20261024T233000Z" in text


def test_a_cancellation() -> None:
    calendar, found = event(Method.CANCEL)
    assert (calendar["method"], found["status"], found["uid"]) == ("CANCEL", "CANCELLED", MEETING.uid)


def test_nothing_that_is_written_adds_a_line_of_its_own() -> None:
    lines = write_calendar((MEETING,), Method.REQUEST).decode().replace("\r\n ", "").split("\r\n")
    assert sum(line.startswith("ATTENDEE") for line in lines) == 1
    assert all(
        len(line.encode()) <= 75 for line in write_calendar((MEETING,), Method.REQUEST).decode().split("\r\n")
    )


def test_an_identity_is_made_of_its_parts() -> None:
    assert uid_of("a", "b") == uid_of("a", "b")
    assert len({uid_of("a", "b"), uid_of("ab"), uid_of("b", "a")}) == 3
