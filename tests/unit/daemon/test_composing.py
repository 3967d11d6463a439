"""What is written when a message is sent: reports as the command prints them, invitations as calendars read them."""

from __future__ import annotations

from typing import Any

import pytest

from wsla.api import loads
from wsla.daemon.appointments import words_about_meetings
from wsla.daemon.bindings import ChannelPlan
from wsla.daemon.composing import Composer, cause_of
from wsla.remedies.decisions import Intent, Words
from wsla.values.instants import Interval, from_datetime, parse_instant

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

import icalendar

TEXT = """\
agreement "Web shop" version 1 {
  effective 2026-01-01 in "Europe/Berlin"
  party host "Host" provider { desk email "desk@host.example" }
  party shop "Shop" consumer { email "it@shop.example" }
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
  call review with shop each quarter after 10d at HOUR for 90m "Review"
}
"""
PLAN = loads(TEXT.replace("HOUR", "10:00")).plan
MAIL = ChannelPlan(
    kind="email",
    address="IT <it@shop.example>",
    options=(("sender", "SLA desk <sla@example.com>"), ("host", "m")),
)
HOOK = ChannelPlan(kind="webhook", address="https://shop.example/hook")
NOW = parse_instant("2026-01-20T00:00Z")


def events(*plans: Any) -> list[Any]:
    """The calendar entries in the mails that follow from one text after the other."""
    meetings: dict[Any, Any] = {}
    found = []
    for days, plan in enumerate(plans):
        for intent in words_about_meetings(plan, meetings, NOW + days * 86_400 * 10**9):
            composed = Composer(store_url="").compose(intent, plan, plan.title, MAIL, "https://sla.example/x")
            (file,) = composed.attachments
            calendar: Any = icalendar.Calendar.from_ical(file.content)
            assert file.media_type == f"text/calendar; method={calendar['method']}"
            found.append((str(calendar["method"]), calendar.walk("VEVENT")[0]))
    return found


def test_an_invitation_a_change_and_a_cancellation_are_of_one_entry() -> None:
    """M105: the same UID, and each SEQUENCE higher than the one before."""
    moved, gone = (
        loads(TEXT.replace("HOUR", "11:00")).plan,
        loads(TEXT.split("  call", maxsplit=1)[0] + "}").plan,
    )
    (one, first), (two, second), (three, third) = events(PLAN, moved, gone)
    assert (one, two, three) == ("REQUEST", "REQUEST", "CANCEL")
    assert first["uid"] == second["uid"] == third["uid"]
    assert [each["sequence"] for each in (first, second, third)] == [0, 1, 2]
    assert [from_datetime(each.decoded("dtstart")) for each in (first, second, third)] == [
        parse_instant("2026-04-11T10:00+02:00"),
        parse_instant("2026-04-11T11:00+02:00"),
        parse_instant("2026-04-11T11:00+02:00"),
    ]
    assert str(first["organizer"]) == "mailto:sla@example.com"
    assert str(first["attendee"]) == "mailto:it@shop.example"
    assert str(first["summary"]) == "Web shop: Review, 2026-Q1"
    assert third["status"] == "CANCELLED"


def test_a_program_is_told_the_same() -> None:
    (intent,) = words_about_meetings(PLAN, {}, NOW)
    composer = Composer(store_url="")
    assert composer.needed_for(intent)
    assert cause_of(intent, PLAN) == "review"
    composed = composer.compose(intent, PLAN, "Web shop", HOOK, None)
    assert composed.attachments == ()
    assert composed.documents["meeting"] == {
        "uid": str(events(PLAN)[0][1]["uid"]),
        "method": "REQUEST",
        "sequence": 0,
        "start": "2026-04-11T10:00:00+02:00",
        "end": "2026-04-11T11:30:00+02:00",
        "title": "Web shop: Review, 2026-Q1",
    }


def test_a_report_is_written_when_it_is_sent() -> None:
    asked: list[tuple[object, ...]] = []

    def report(*of: Any) -> tuple[str, dict[str, Any]]:
        asked.append(of)
        return "All was well.", {"agreement": "Web shop", "goals": []}

    period = Interval(parse_instant("2026-03-01T00:00+01:00"), parse_instant("2026-04-01T00:00+02:00"))
    intent = Intent(
        id="Web shop|v1|report report 1|publish|2026-03-01T00:00:00+01:00||0",
        verb="publish",
        targets=(),
        at=NOW,
        cause="report 1",
        labels=(),
        window=period,
        words=Words.of("s", "t"),
    )
    composer = Composer(store_url="there", report=report)
    assert composer.needed_for(intent)
    assert cause_of(intent, PLAN) == "report"
    composed = composer.compose(intent, PLAN, "Web shop", MAIL, None)
    assert asked == [("there", "Web shop", period, NOW)]
    assert (composed.text, composed.documents) == (
        "All was well.",
        {"report": {"agreement": "Web shop", "goals": []}},
    )
    (file,) = composed.attachments
    assert (file.name, file.media_type) == ("report-2026-03-01.json", "application/json")
    assert b'"Web shop"' in file.content


def test_what_rules_and_goals_say_is_sent_as_it_was_decided() -> None:
    for identity in (
        "Web shop|v1|rule when 1|fired 1|x||0",
        "Web shop|v1|goal available|otherwise 1|x||0",
        "none",
    ):
        one = Intent(
            id=identity,
            verb="notify",
            targets=(),
            at=0,
            cause="when 1",
            labels=(),
            window=None,
            words=Words.of("", ""),
        )
        assert not Composer(store_url="").needed_for(one)
