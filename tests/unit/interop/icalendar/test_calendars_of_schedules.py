"""Schedules become events that say the same; what calendars are to say is written by hand."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

import icalendar
from dateutil.rrule import rruleset, rrulestr

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, Exported, exporter, import_text
from wsla.interop.icalendar.clocks import clocks_of

NEW_YORK = "America/New_York"


def exported(lines: str, zone: str = "Europe/Berlin", term: str = "2026-01-05") -> Exported:
    text = (
        f'agreement "Hours" version 1 {{\n effective {term} in "{zone}"\n schedule office {{ {lines} }}\n}}\n'
    )
    source = SourceText(name="hours.sla", text=text)
    (agreement,), problems = check_text(source)
    assert agreement, problems
    return exporter(FORMATS["icalendar"]).export_agreement(agreement, source)


def events(lines: str, zone: str = "Europe/Berlin", term: str = "2026-01-05") -> list[list[str]]:
    (file,) = exported(lines, zone, term).files
    unfolded = file.text.replace("\r\n ", "")
    found = [part.split("END:VEVENT")[0] for part in unfolded.split("BEGIN:VEVENT")[1:]]
    wanted = ("DTSTART", "DTEND", "RRULE", "EXDATE", "RDATE")
    return [[line for line in one.split("\r\n") if line.startswith(wanted)] for one in found]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            "Monday-Friday 08:00-18:00",
            [
                "DTSTART;TZID=Europe/Berlin:20260105T080000",
                "DTEND;TZID=Europe/Berlin:20260105T180000",
                "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            ],
        ),
        (
            "Saturday except 2026-01-10, 2026-02-14",
            [
                "DTSTART;TZID=Europe/Berlin:20260117T000000",
                "DTEND;TZID=Europe/Berlin:20260118T000000",
                "RRULE:FREQ=WEEKLY;BYDAY=SA",
                "EXDATE;TZID=Europe/Berlin:20260214T000000",
            ],
        ),
        (
            # The night before the first day goes on into it.
            "every day 22:00-06:00",
            [
                "DTSTART;TZID=Europe/Berlin:20260104T220000",
                "DTEND;TZID=Europe/Berlin:20260105T060000",
                "RRULE:FREQ=DAILY",
            ],
        ),
        (
            "2026-11-20 until 2026-11-30",
            ["DTSTART;TZID=Europe/Berlin:20261120T000000", "DTEND;TZID=Europe/Berlin:20261201T000000"],
        ),
        (
            # The last of them begins at 8:00 of 2026-03-31, which is 6:00 in UTC.
            "2026-03-27 until 2026-03-31 08:00-24:00",
            [
                "DTSTART;TZID=Europe/Berlin:20260327T080000",
                "DTEND;TZID=Europe/Berlin:20260328T000000",
                "RRULE:FREQ=DAILY;UNTIL=20260331T060000Z",
            ],
        ),
        (
            "Monday 08:00-18:00 except 2026-02-01 until 9998-12-31",
            [
                "DTSTART;TZID=Europe/Berlin:20260105T080000",
                "DTEND;TZID=Europe/Berlin:20260105T180000",
                "RRULE:FREQ=WEEKLY;UNTIL=20260126T070000Z;BYDAY=MO",
            ],
        ),
        (
            "every day 08:00-18:00 except Saturday, Sunday",
            [
                "DTSTART;TZID=Europe/Berlin:20260105T080000",
                "DTEND;TZID=Europe/Berlin:20260105T180000",
                "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
            ],
        ),
    ],
)
def test_hours_are_said_as_rules(lines: str, said: list[str]) -> None:
    assert events(lines) == [said]


def test_nights_before_a_day_that_is_taken_out_end_at_midnight() -> None:
    assert (
        events("Friday, Monday 22:00-06:00 except Saturday")
        == [
            [
                "DTSTART;TZID=Europe/Berlin:20260109T220000",
                "DTEND;TZID=Europe/Berlin:20260110T000000",
                "RRULE:FREQ=WEEKLY;BYDAY=FR",
            ],
            [
                "DTSTART;TZID=Europe/Berlin:20260105T220000",
                "DTEND;TZID=Europe/Berlin:20260106T060000",
                "RRULE:FREQ=WEEKLY;BYDAY=MO",
            ],
        ]
        or events("Friday, Monday 22:00-06:00 except Saturday")[::-1]
    )


def test_holidays_are_dates_until_the_term_ends_or_for_five_years_and_this_is_told() -> None:
    (with_end,) = events('holidays "DE"', term="2026-01-01 until 2027-01-01")
    assert with_end[0] == "DTSTART;TZID=Europe/Berlin:20260101T000000"
    assert "20261226T000000" in with_end[2]
    assert "2027" not in with_end[2]
    found = exported('Monday 08:00-18:00 except holidays "DE"')
    assert [(one.code, one.message) for one in found.diagnostics] == [
        ("W1020", 'iCalendar cannot say holidays "DE" from 2031-01-01 on')
    ]
    assert found.diagnostics[0].position == (3, 11)


def test_a_schedule_without_time_is_told() -> None:
    found = exported("2025-01-01")
    assert found.files == ()
    assert [one.message for one in found.diagnostics] == [
        "iCalendar cannot say the schedule `office`, which has no time from 2026-01-05 on"
    ]


def test_another_program_finds_the_occurrences_that_the_schedule_has() -> None:
    (file,) = exported("Sunday 02:00-04:00 except 2026-03-29", term="2026-03-20").files
    (event,) = icalendar.Calendar.from_ical(file.text).walk("VEVENT")
    start = event.decoded("DTSTART")
    rules = rruleset()
    rules.rrule(rrulestr(event["RRULE"].to_ical().decode(), dtstart=start))
    for one in event["EXDATE"].dts:
        rules.exdate(one.dt)
    berlin = ZoneInfo("Europe/Berlin")
    assert rules.between(datetime(2026, 3, 1, tzinfo=berlin), datetime(2026, 4, 15, tzinfo=berlin)) == [
        datetime(2026, 3, 22, 2, tzinfo=berlin),
        datetime(2026, 4, 5, 2, tzinfo=berlin),
        datetime(2026, 4, 12, 2, tzinfo=berlin),
    ]


def test_clocks_are_dated_by_the_clock_before_the_change() -> None:
    lines = clocks_of(NEW_YORK, 2026, 2026).to_ical().decode().split("\r\n")
    summer = lines[lines.index("BEGIN:DAYLIGHT") : lines.index("END:DAYLIGHT")]
    assert summer == [
        "BEGIN:DAYLIGHT",
        "DTSTART:20260308T020000",
        "RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3",
        "TZNAME:EDT",
        "TZOFFSETFROM:-0500",
        "TZOFFSETTO:-0400",
    ]
    assert "DTSTART:20261101T020000" in lines
    assert "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11" in lines


def test_clocks_that_change_by_another_calendar_are_dates() -> None:
    lines = clocks_of("Africa/Casablanca", 2026, 2027).to_ical().decode().split("\r\n")
    # Summer time is left for the month of Ramadan.
    assert "DTSTART:20260215T030000" in lines
    assert not [line for line in lines if line.startswith("RRULE")]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata"])
def test_zones_without_changes(zone: str) -> None:
    text = exported("Monday 08:00-18:00", zone).files[0].text
    assert text.count("BEGIN:STANDARD") == (zone != "UTC")
    assert "DAYLIGHT" not in text


def test_titles_and_what_was_kept_come_back() -> None:
    text = (
        'agreement "Hours" version 1 {\n  effective 2026-01-05 in "Europe/Berlin"\n\n'
        "  # kept from icalendar: DESCRIPTION: by phone, and by mail\n"
        "  # kept from icalendar: LOCATION: Köln\n"
        "  # Öffnung (Desk)\n"
        "  schedule Öffnung_Desk {\n    Monday 08:00-18:00\n  }\n}\n"
    )
    source = SourceText(name="hours.sla", text=text)
    (agreement,), _ = check_text(source)
    (file,) = exporter(FORMATS["icalendar"]).export_agreement(agreement, source).files
    _, found = import_text(SourceText(name="hours.ics", text=file.text.replace("\r\n", "\n")))
    assert found.text == text
