"""Announced times in calendars: since when they count, what moving and cancelling does, and what recurs."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("icalendar", reason="what reads calendars is not installed")

from wsla.analysis.checked import Source
from wsla.api import judge, loads
from wsla.evaluation.encoding import DataError
from wsla.sources.files import History, read_history
from wsla.sources.files.following_calendars import CalendarFollower
from wsla.sources.following import NotFollowed
from wsla.values.instants import HOUR, SECOND, format_instant, parse_instant

CREATED = "CREATED:20260301T100000Z"
CHANGED = "LAST-MODIFIED:20260309T100000Z"
AGREEMENT = """
agreement "Search" version 1 {
  effective 2026-03-01 in "Europe/Berlin"
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = csv "probe.csv" { at time holds until next }
  source notices = records csv "notices.ics" {
    key    number
    at     announced_at
    starts starts_at
    ends   ends_at
  }
  metric planned = active(notices.starts, notices.ends
    where notices.starts - notices.at >= 24h and notices.cause == "Maintenance")
  metric uptime = availability(probe.ok or planned) each month
  goal available: acme guarantees uptime >= 99.9%
}
"""


def source(name: str = "notices") -> Source:
    return loads(AGREEMENT).plan.source(name)


def event(uid: str, *lines: str, start: str = "20260310T220000", end: str = "20260311T020000") -> str:
    times = [f"DTSTART;TZID=Europe/Berlin:{start}", f"DTEND;TZID=Europe/Berlin:{end}"]
    return "\n".join(["BEGIN:VEVENT", f"UID:{uid}", *times, "CATEGORIES:Maintenance", *lines, "END:VEVENT"])


def calendar(*events: str) -> str:
    return "\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""])


def read(folder: Path, text: str, name: str = "notices") -> History:
    path = folder / "notices.ics"
    path.write_text(text, "utf-8")
    return read_history(source(name), str(path))


def rows(history: History) -> list[tuple[str, str, str | None]]:
    """Since when it counts, the key, and when it starts."""
    return [
        (
            format_instant(one.at),
            str(one.fields["number" if "number" in one.fields else "key"]),
            None if one.fields["starts"] is None else format_instant(int(str(one.fields["starts"]))),
        )
        for one in history.observations
    ]


@pytest.mark.parametrize(
    ("lines", "announced"),
    [
        (
            [CREATED, CHANGED, "DTSTAMP:20260401T000000Z"],
            "2026-03-01T10:00:00Z",
        ),
        (
            [
                CREATED,
                CHANGED,
                "DTSTAMP:20260401T000000Z",
                "SEQUENCE:1",
            ],
            "2026-03-09T10:00:00Z",
        ),
        ([CHANGED, "DTSTAMP:20260401T000000Z"], "2026-03-09T10:00:00Z"),
        (["DTSTAMP:20260302T000000Z"], "2026-03-02T00:00:00Z"),
        ([CREATED, "DTSTAMP:20260302T000000Z", "SEQUENCE:2"], "2026-03-02T00:00:00Z"),
        (["CREATED:20260303T100000Z", "DTSTAMP:20260302T000000Z", "SEQUENCE:2"], "2026-03-03T10:00:00Z"),
    ],
)
def test_a_time_is_announced_when_it_was_entered_or_moved(
    tmp_path: Path, lines: list[str], announced: str
) -> None:
    assert rows(read(tmp_path, calendar(event("a", *lines)))) == [(announced, "a", "2026-03-10T21:00:00Z")]


def test_versions_in_one_file_are_versions_of_one_record(tmp_path: Path) -> None:
    text = calendar(
        event("a", CREATED),
        event(
            "a",
            CREATED,
            "LAST-MODIFIED:20260308T100000Z",
            "SEQUENCE:1",
            start="20260310T230000",
        ),
        event(
            "a",
            CREATED,
            CHANGED,
            "SEQUENCE:2",
            "STATUS:CANCELLED",
        ),
    )
    assert rows(read(tmp_path, text)) == [
        ("2026-03-01T10:00:00Z", "a", "2026-03-10T21:00:00Z"),
        ("2026-03-08T10:00:00Z", "a", "2026-03-10T22:00:00Z"),
        ("2026-03-09T10:00:00Z", "a", None),
    ]


def test_a_rule_makes_a_record_of_each_occurrence_and_one_that_was_moved_a_version(tmp_path: Path) -> None:
    text = calendar(
        event(
            "a",
            CREATED,
            "RRULE:FREQ=WEEKLY;COUNT=3",
            "EXDATE;TZID=Europe/Berlin:20260324T220000",
        ),
        event(
            "a",
            CREATED,
            "LAST-MODIFIED:20260316T100000Z",
            "SEQUENCE:1",
            "RECURRENCE-ID;TZID=Europe/Berlin:20260317T220000",
            start="20260318T220000",
            end="20260319T020000",
        ),
    )
    assert rows(read(tmp_path, text)) == [
        ("2026-03-01T10:00:00Z", "a 2026-03-10T21:00:00Z", "2026-03-10T21:00:00Z"),
        ("2026-03-01T10:00:00Z", "a 2026-03-17T21:00:00Z", "2026-03-17T21:00:00Z"),
        ("2026-03-16T10:00:00Z", "a 2026-03-17T21:00:00Z", "2026-03-18T21:00:00Z"),
    ]


def test_a_rule_without_an_end_is_followed_for_ten_years(tmp_path: Path) -> None:
    text = calendar(event("a", CREATED, "RRULE:FREQ=YEARLY"))
    assert [one[2] for one in rows(read(tmp_path, text))][-1] == "2035-03-10T21:00:00Z"


def test_times_without_a_zone_are_local_where_somebody_says_so(tmp_path: Path) -> None:
    text = calendar(event("a", CREATED).replace(";TZID=Europe/Berlin", ""))
    history = read(tmp_path, text)
    assert [one.reason for one in history.rejects.examples] == [
        "its times have no zone, and the calendar names none (X-WR-TIMEZONE)"
    ]
    local = read_history(source(), str(tmp_path / "notices.ics"), zone=ZoneInfo("Europe/Berlin"))
    assert rows(local) == [("2026-03-01T10:00:00Z", "a", "2026-03-10T21:00:00Z")]
    stated = text.replace("VERSION:2.0", "VERSION:2.0\nX-WR-TIMEZONE:America/New_York")
    assert rows(read(tmp_path, stated)) == [("2026-03-01T10:00:00Z", "a", "2026-03-11T02:00:00Z")]


def test_an_event_that_cannot_be_read_is_a_row_that_cannot_be_used(tmp_path: Path) -> None:
    text = calendar(event("a", CREATED), event("b", start="20260230T220000"))
    history = read(tmp_path, text)
    assert len(history.observations) == 1
    assert [(one.line, one.reason) for one in history.rejects.examples] == [
        (12, "`20260230T220000` is not a time such as 20260304T100000")
    ]


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCALENDAR\n", "time,ok\n1,2\n"])
def test_what_is_no_calendar_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match=r"line 1, column 1: the file is not well-formed"):
        read(tmp_path, text)


def test_a_calendar_holds_no_samples(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="which holds records"):
        read(tmp_path, calendar(event("a")), "probe")


def test_times_announced_in_time_are_planned_and_others_are_not(tmp_path: Path) -> None:
    agreement = loads(AGREEMENT)
    probe = tmp_path / "probe.csv"
    probe.write_text(
        "time,ok\n2026-03-01T00:00:00+01:00,true\n2026-03-10T22:00:00+01:00,false\n"
        "2026-03-11T02:00:00+01:00,true\n2026-04-02T00:00:00+02:00,true\n"
    )
    samples = list(read_history(agreement.plan.source("probe"), str(probe)).observations)
    verdicts = []
    for created in ("20260309T210000Z", "20260309T210001Z"):
        history = read(tmp_path, calendar(event("a", f"CREATED:{created}")))
        observations = sorted([*samples, *history.observations], key=lambda one: one.at)
        start, until = agreement.instant("2026-03-01"), agreement.instant("2026-04-02")
        report = judge(agreement, observations, start, until)
        verdicts.append(report.judgements[0].verdict.value)
    # A day before is just enough, and a second less is not.
    assert verdicts == ["met", "violated"]


def test_a_calendar_that_is_kept_is_read_again_when_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "notices.ics"
    follower = CalendarFollower(source(), str(path))
    follower.begin(None, parse_instant("2026-01-01T00:00:00Z"))
    now = parse_instant("2026-03-10T00:00:00Z")
    with pytest.raises(NotFollowed, match="there is no file"):
        follower.look(now)
    first = event("a", CREATED)
    path.write_text(calendar(first))
    found = follower.look(now)
    assert len(found.rows) == 1
    assert follower.look(now).rows == ()
    path.write_text(calendar(first, event("b", "CREATED:20260302T100000Z")))
    again = follower.look(now)
    # What was read before has the same identity again.
    assert next(row[:2] for row in again.rows) == found.rows[0][:2]
    assert len(again.rows) == 2
    later = CalendarFollower(source(), str(path))
    later.begin(again.place, parse_instant("2026-01-01T00:00:00Z"))
    assert later.look(now).rows == ()
    later.close()


def test_a_calendar_that_is_half_written_is_waited_for_and_then_told(tmp_path: Path) -> None:
    path = tmp_path / "notices.ics"
    path.write_text("BEGIN:VCALENDAR\n")
    written = path.stat().st_mtime_ns
    follower = CalendarFollower(source(), str(path), wall=lambda: written + 60 * SECOND)
    follower.begin(None, 0)
    assert follower.look(0).rows == ()
    follower.wall = lambda: written + 60 * SECOND + 1
    with pytest.raises(NotFollowed, match="END:VCALENDAR is missing"):
        follower.look(0)


def test_what_is_announced_ahead_of_the_clock_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notices.ics"
    path.write_text(calendar(event("a", CREATED)))
    follower = CalendarFollower(source(), str(path))
    follower.begin(None, 0)
    found = follower.look(parse_instant("2026-03-01T10:00:00Z") - HOUR)
    assert (found.rows, found.refused) == ((), 1)
