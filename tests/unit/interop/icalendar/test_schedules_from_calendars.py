"""Events become schedules with the hours that the calendar shows; facts are written by hand."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("icalendar", reason="what reads calendars is not installed")

from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText
from wsla.interop.formats import FORMATS, Imported, import_text, recognise
from wsla.values.instants import from_datetime
from wsla.values.schedules import intervals

BERLIN = "Europe/Berlin"
NEW_YORK = "America/New_York"


def calendar(*events: str, head: str = "") -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN", *([head] if head else [])]
    for number, event in enumerate(events):
        uid = [] if "UID:" in event else [f"UID:{number}@test"]
        lines += ["BEGIN:VEVENT", *uid, "DTSTAMP:20260101T000000Z", *event.strip().splitlines(), "END:VEVENT"]
    return "\n".join([*lines, "END:VCALENDAR", ""])


def weekly(start: str, end: str, rule: str = "FREQ=WEEKLY", zone: str = BERLIN, more: str = "") -> str:
    return (
        f"DTSTART;TZID={zone}:{start}\nDTEND;TZID={zone}:{end}\n"
        f"{f'RRULE:{rule}' if rule else 'SUMMARY:hours'}\nSUMMARY:hours\n{more}"
    )


def read(text: str) -> Imported:
    return import_text(SourceText(name="test.ics", text=text))[1]


def codes(found: Imported) -> list[str]:
    return [one.code for one in found.diagnostics]


def hours(text: str, start: str, end: str, zone: str = BERLIN, name: str = "hours") -> list[str]:
    """The stretches of the schedule that a calendar makes, in UTC, as ``2026-03-29 01:00 +3:00``."""
    found = read(text)
    assert found.text is not None
    (agreement,), _ = check_text(SourceText(name="made.sla", text=found.text))
    (schedule,) = [one for one in agreement.schedules if one.name == name]
    low, high = (
        from_datetime(datetime.fromisoformat(one).replace(tzinfo=ZoneInfo(zone))) for one in (start, end)
    )
    return [
        f"{datetime.fromtimestamp(one.start // 10**9, ZoneInfo('UTC')):%m-%d %H:%M} +{one.length / 3600 / 10**9:g}"
        for one in intervals(schedule, low, high)
    ]


def schedule_lines(text: str) -> list[str]:
    found = read(text)
    assert found.text is not None
    inside = found.text.split("{", 2)[2].splitlines()
    return [" ".join(line.split()) for line in inside if line.strip(" }")]


# --- what the language says


def test_weeks_of_hours_on_some_days_become_a_line_and_dates_that_are_left_out_an_exception() -> None:
    text = calendar(
        weekly("20260105T080000", "20260105T180000", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR")
        + "EXDATE;TZID=Europe/Berlin:20260406T080000,20260407T080000"
    )
    assert schedule_lines(text) == ["Monday-Friday 08:00-18:00 except 2026-04-06 until 2026-04-07"]
    assert codes(read(text)) == []


@pytest.mark.parametrize(
    "rule", ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU", "FREQ=DAILY;INTERVAL=1"]
)
def test_every_day_is_said_as_every_day(rule: str) -> None:
    assert schedule_lines(calendar(weekly("20260105T080000", "20260105T180000", rule))) == [
        "every day 08:00-18:00"
    ]


def test_events_with_one_title_are_one_schedule() -> None:
    text = calendar(
        weekly("20260105T080000", "20260105T120000", "FREQ=WEEKLY;BYDAY=MO,TU"),
        weekly("20260105T130000", "20260105T180000", "FREQ=WEEKLY;BYDAY=MO,TU"),
        weekly("20260110T090000", "20260110T120000"),
    )
    assert schedule_lines(text) == ["Monday, Tuesday 08:00-12:00, 13:00-18:00", "Saturday 09:00-12:00"]


def test_a_rule_that_begins_later_than_the_first_event_has_no_hours_before() -> None:
    text = calendar(
        weekly("20260105T080000", "20260105T120000"),
        weekly("20260202T130000", "20260202T180000"),
    )
    assert "Monday 13:00-18:00 except 2026-01-05 until 2026-02-01" in schedule_lines(text)
    assert hours(text, "2026-01-26", "2026-02-09") == ["01-26 07:00 +4", "02-02 07:00 +4", "02-02 12:00 +5"]


def test_a_rule_that_ends_has_no_hours_behind() -> None:
    text = calendar(weekly("20260105T080000", "20260105T120000", "FREQ=WEEKLY;COUNT=20"))
    assert schedule_lines(text) == ["Monday 08:00-12:00 except 2026-05-19 until 9998-12-31"]
    assert hours(text, "2026-05-11", "2026-06-30") == ["05-11 06:00 +4", "05-18 06:00 +4"]


@pytest.mark.parametrize(
    ("until", "count"), [("20260119T070000Z", 3), ("20260119T065959Z", 2), ("20260119", 3), ("20260118", 2)]
)
def test_until_includes_an_occurrence_that_begins_just_then(until: str, count: int) -> None:
    text = calendar(weekly("20260105T080000", "20260105T120000", f"FREQ=WEEKLY;UNTIL={until}"))
    assert len(hours(text, "2026-01-01", "2026-12-31")) == count


def test_days_in_a_row_that_end_become_a_range_of_dates() -> None:
    text = calendar(weekly("20261120T220000", "20261121T060000", "FREQ=DAILY;COUNT=11"))
    assert schedule_lines(text) == ["2026-11-20 until 2026-11-30 22:00-06:00"]


def test_an_event_across_midnight_goes_on_into_the_next_day() -> None:
    text = calendar(weekly("20260102T220000", "20260103T060000"))
    assert schedule_lines(text) == ["Friday 22:00-06:00"]
    assert hours(text, "2026-01-09", "2026-01-16") == ["01-09 21:00 +8"]


def test_an_event_of_days_is_cut_at_midnights_and_is_one_stretch() -> None:
    text = calendar(weekly("20260102T180000", "20260105T060000"))
    assert hours(text, "2026-01-01", "2026-01-20") == [
        "01-02 17:00 +60",
        "01-09 17:00 +60",
        "01-16 17:00 +60",
    ]


def test_a_day_and_night_from_ten_to_ten_is_all_there() -> None:
    text = calendar(weekly("20260102T100000", "20260103T100000", ""))
    assert hours(text, "2026-01-01", "2026-01-20") == ["01-02 09:00 +24"]


def test_all_day_events_are_days_of_the_calendars_zone() -> None:
    event = "DTSTART;VALUE=DATE:20261120\nDTEND;VALUE=DATE:20261123\nSUMMARY:hours"
    text = calendar(event, head=f"X-WR-TIMEZONE:{NEW_YORK}")
    assert schedule_lines(text) == ["2026-11-20 until 2026-11-22"]
    assert hours(text, "2026-11-01", "2026-12-01", NEW_YORK) == ["11-20 05:00 +72"]


def test_an_all_day_event_without_an_end_is_one_day() -> None:
    event = "DTSTART;VALUE=DATE:20261120\nRRULE:FREQ=WEEKLY;BYDAY=FR\nSUMMARY:hours"
    assert schedule_lines(calendar(event)) == ["Friday"]


# --- clocks


def test_hours_are_those_of_the_wall_when_clocks_go_forward_in_berlin() -> None:
    text = calendar(weekly("20260104T000000", "20260104T060000"))
    assert hours(text, "2026-03-22", "2026-04-05") == ["03-21 23:00 +6", "03-28 23:00 +5"]


def test_hours_are_those_of_the_wall_when_clocks_go_back_in_new_york() -> None:
    text = calendar(weekly("20260104T000000", "20260104T060000", zone=NEW_YORK))
    assert hours(text, "2026-10-25", "2026-11-08", NEW_YORK) == ["10-25 04:00 +6", "11-01 04:00 +7"]


def test_an_exception_on_the_day_of_the_change_takes_out_that_day() -> None:
    text = calendar(
        weekly("20260104T020000", "20260104T040000", more="EXDATE;TZID=Europe/Berlin:20260329T020000")
    )
    assert hours(text, "2026-03-22", "2026-04-06") == ["03-22 01:00 +2", "04-05 00:00 +2"]


def test_an_exception_in_another_zone_is_the_same_instant() -> None:
    text = calendar(weekly("20260105T080000", "20260105T180000", more="EXDATE:20260713T060000Z"))
    assert schedule_lines(text) == ["Monday 08:00-18:00 except 2026-07-13"]


def test_an_event_of_another_zone_becomes_dates_at_its_instants() -> None:
    text = calendar(
        weekly("20260105T080000", "20260105T180000"),
        weekly("20260317T090000", "20260317T110000", "FREQ=WEEKLY;COUNT=3", zone=NEW_YORK, more="SUMMARY:us"),
    ).replace("SUMMARY:hours\nSUMMARY:us", "SUMMARY:us")
    # New York changed on 8 March, Berlin on 29 March: 9:00 there is 14:00 here, and then 15:00.
    assert hours(text, "2026-03-01", "2026-04-30", name="us") == [
        "03-17 13:00 +2",
        "03-24 13:00 +2",
        "03-31 13:00 +2",
    ]
    assert "2026-03-17, 2026-03-24 14:00-16:00" in schedule_lines(text)
    assert "2026-03-31 15:00-17:00" in schedule_lines(text)


def test_an_hour_that_clocks_show_twice_cannot_be_said_the_second_time() -> None:
    text = calendar(
        weekly("20260105T080000", "20260105T180000"),
        "DTSTART:20261025T013000Z\nDTEND:20261025T020000Z\nSUMMARY:hours",
    )
    assert codes(read(text)) == ["E1403"]


# --- what rules say beyond the week


def test_the_first_tuesday_of_every_month_becomes_dates_and_the_term_ends_with_them() -> None:
    text = calendar(weekly("20260106T220000", "20260107T020000", "FREQ=MONTHLY;BYDAY=1TU"))
    found = read(text)
    assert codes(found) == ["W1407"]
    assert found.text is not None
    assert 'effective 2026-01-06 until 2029-01-01 in "Europe/Berlin"' in found.text
    assert hours(text, "2026-02-01", "2026-05-01") == ["02-03 21:00 +4", "03-03 21:00 +4", "04-07 20:00 +4"]


def test_every_second_week_that_ends_becomes_dates() -> None:
    text = calendar(weekly("20260105T080000", "20260105T180000", "FREQ=WEEKLY;INTERVAL=2;COUNT=3"))
    assert schedule_lines(text) == ["2026-01-05, 2026-01-19, 2026-02-02 08:00-18:00"]


def test_the_twenty_ninth_of_february_comes_in_leap_years() -> None:
    event = "DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY;COUNT=3\nSUMMARY:hours"
    assert schedule_lines(calendar(event)) == ["2024-02-29, 2028-02-29, 2032-02-29"]


def test_the_last_day_of_the_month() -> None:
    text = calendar(weekly("20260131T080000", "20260131T180000", "FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3"))
    assert schedule_lines(text) == ["2026-01-31, 2026-02-28, 2026-03-31 08:00-18:00"]


def test_the_last_working_day_by_position() -> None:
    rule = "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=2"
    assert schedule_lines(calendar(weekly("20260130T080000", "20260130T180000", rule))) == [
        "2026-01-30, 2026-02-27 08:00-18:00"
    ]


def test_dates_that_are_added_count_also_with_hours_of_their_own() -> None:
    more = "RDATE;TZID=Europe/Berlin:20260110T080000\nRDATE;VALUE=PERIOD:20260111T090000Z/PT1H"
    text = calendar(weekly("20260105T080000", "20260105T180000", more=more))
    assert schedule_lines(text) == [
        "Monday 08:00-18:00",
        "2026-01-10 08:00-18:00",
        "2026-01-11 10:00-11:00",
    ]


def test_a_moved_occurrence_takes_the_place_of_the_one_that_the_rule_gives() -> None:
    text = calendar(
        "UID:a\n" + weekly("20260105T080000", "20260105T180000"),
        "UID:a\nRECURRENCE-ID;TZID=Europe/Berlin:20260112T080000\n"
        + weekly("20260113T090000", "20260113T100000", ""),
    )
    assert schedule_lines(text) == ["Monday 08:00-18:00 except 2026-01-12", "2026-01-13 09:00-10:00"]


def test_a_cancelled_occurrence_is_taken_out() -> None:
    text = calendar(
        "UID:a\n" + weekly("20260105T080000", "20260105T180000"),
        "UID:a\nSTATUS:CANCELLED\nRECURRENCE-ID:20260112T070000Z\n"
        + weekly("20260112T080000", "20260112T180000", ""),
    )
    assert schedule_lines(text) == ["Monday 08:00-18:00 except 2026-01-12"]


def test_of_two_versions_the_newer_one_counts() -> None:
    text = calendar(
        "UID:a\nSEQUENCE:1\n" + weekly("20260105T090000", "20260105T180000"),
        "UID:a\nSEQUENCE:0\n" + weekly("20260105T080000", "20260105T180000"),
    )
    assert schedule_lines(text) == ["Monday 09:00-18:00"]
    assert codes(read(text)) == ["W1406"]


# --- zones


def described(name: str) -> str:
    return (
        f"BEGIN:VTIMEZONE\nTZID:{name}\n"
        "BEGIN:STANDARD\nDTSTART:16011028T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\n"
        "TZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n"
        "BEGIN:DAYLIGHT\nDTSTART:16010325T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\n"
        "TZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\nEND:VTIMEZONE"
    )


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Europe/Berlin", []),
        ("/mozilla.org/20050126_1/Europe/Berlin", []),
        ("W. Europe Standard Time", []),
        ("Customized Time Zone", ["W1405"]),
    ],
)
def test_zones_are_found_by_their_names_or_by_their_clocks(name: str, told: list[str]) -> None:
    text = calendar(weekly("20260105T080000", "20260105T180000", zone=name), head=described(name))
    assert codes(read(text)) == told
    assert 'in "Europe/Berlin"' in (read(text).text or "")


def test_a_zone_that_nobody_knows_is_told_with_the_nearest_name() -> None:
    text = calendar(weekly("20260105T080000", "20260105T180000", zone="Europe/Berln"))
    (first, *_) = read(text).diagnostics
    assert (first.code, first.notes, first.position) == ("E1402", ("did you mean `Europe/Berlin`?",), (7, 1))


def test_times_without_any_zone_are_read_as_utc_and_told() -> None:
    text = calendar("DTSTART:20260105T080000\nDTEND:20260105T180000\nRRULE:FREQ=WEEKLY\nSUMMARY:hours")
    assert codes(read(text)) == ["W1405"]
    assert 'in "UTC"' in (read(text).text or "")


# --- what is told


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            weekly("20260105T080000", "20260105T180000", more="EXDATE;TZID=Europe/Berlin:20260112T090000"),
            "W1406",
        ),
        (weekly("20260105T080000", "20260105T180000", more="EXDATE;VALUE=DATE:20260112"), "W1405"),
        (weekly("20260104T080000", "20260104T180000", "FREQ=WEEKLY;BYDAY=MO"), "W1405"),
        (weekly("20260105T080000", "20260105T080000"), "W1406"),
        (weekly("20260105T080000", "20260105T180000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "W1406"),
        (weekly("20260105T080000", "20260105T180000", more="STATUS:CANCELLED"), "W1406"),
        (weekly("20260105T080000", "20260105T180000", more="DESCRIPTION:by phone"), "W1010"),
        (weekly("20260105T080000", "20260105T180000", more="EXRULE:FREQ=WEEKLY"), "E1403"),
        (weekly("20260105T080000", "20260105T180000", "FREQ=WEEKLY;COUNT=2;UNTIL=20270101"), "E1401"),
        (weekly("20260105T080000", "20260105T180000", "FREQ=HOURLY"), "E1404"),
        (weekly("20260105T180000", "20260105T080000"), "E1401"),
    ],
)
def test_what_is_not_taken_as_it_stands_is_told(event: str, told: str) -> None:
    other = weekly("20260105T080000", "20260105T180000").replace("hours", "other")
    assert codes(read(calendar(event, other))) == [told]


def test_tasks_are_told_and_left_out() -> None:
    text = calendar(weekly("20260105T080000", "20260105T180000"), head="BEGIN:VTODO\nUID:t\nEND:VTODO")
    assert codes(read(text)) == ["W1406"]


def test_a_calendar_is_recognised_by_its_beginning() -> None:
    source = SourceText(name="x.txt", text=calendar(weekly("20260105T080000", "20260105T180000")))
    known = recognise(source, FORMATS.values())
    assert known is not None
    assert known.name == "icalendar"


def test_what_programs_write_besides_is_passed_over() -> None:
    text = calendar(
        'DTEND;TZID="W. Europe Standard Time":20260112T170000\n'
        'DTSTART;TZID="W. Europe Standard Time":20260112T080000\n'
        "RRULE:FREQ=WEEKLY;BYDAY=MO,TU\nSUMMARY;LANGUAGE=de:Service\\, Büro\n"
        "X-ALT-DESC;FMTTYPE=text/html:<p>a: b; c</p>\n"
        'ATTENDEE;CUTYPE=INDIVIDUAL;CN="Doe, \n Jane: Ops";X-NUM-GUESTS=0:mailto:jane@example.com\n'
        "BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT30M\nDESCRIPTION:soon\nEND:VALARM",
        head="METHOD:PUBLISH",
    )
    assert codes(read(text)) == []
    assert 'in "Europe/Berlin"' in (read(text).text or "")
    assert schedule_lines(text) == ["Monday, Tuesday 08:00-17:00"]
