"""``wsla calendar``: what is in it, when, and that a program which reads it again finds the same entries."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

pytest.importorskip("icalendar", reason="what writes calendars is not installed")

import icalendar
from dateutil.rrule import rrulestr

from wsla.interop.icalendar.meetings import uid_of

Run = Callable[..., Any]

BERLIN = ZoneInfo("Europe/Berlin")
TEXT = """\
agreement "Search" version 1 {
  effective 2026-03-01 until 2026-06-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  service search "Search" { fee 2000 EUR per month }
  schedule nights { Sunday 01:00-04:00 except 2026-03-15  Friday 22:00-02:00 }
  source probe = push every 5m
  source notices = records push { at announced  key id }
  metric planned = active(notices.starts, notices.ends where notices.cause == "Maintenance")
  metric uptime = availability(probe.ok or planned) each month excluding nights
  metric weekly = availability(probe.ok) each week
  metric slice = share(probe.ok) each 5m
  goal available: acme guarantees uptime >= 99.9% {
    otherwise credit globex 10% of search.fee claimed within 30 days of window end
  }
  goal same: acme guarantees uptime >= 99%
  goal weeks: acme guarantees weekly >= 99%
  goal slices: acme guarantees slice >= 50%
  publish report to globex each month after 2d at 9:00
  call review with globex each quarter after 10d at 10:00 for 90m "Service review"
}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "search.sla"
    path.write_text(TEXT, "utf-8")
    return path


def entries(run_wsla: Run, file: Path, *options: str) -> list[tuple[str, str, str, str]]:
    value = json.loads(run_wsla("calendar", file, "--format", "json", *options).out)
    return [(one["kind"], one["start"][:16], one["end"][:16], one["title"]) for one in value["entries"]]


def events(text: str) -> dict[str, icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(text)
    return {str(one["UID"]): one for one in calendar.walk("VEVENT")}


def test_each_kind_of_entry_is_at_its_time(run_wsla: Run, file: Path) -> None:
    found = entries(run_wsla, file, "--from", "2026-03-01", "--until", "2027-01-01")
    assert [one for one in found if one[0] != "window"] == [
        ("term", "2026-03-01T00:00", "2026-03-01T00:00", "Search takes effect"),
        ("report", "2026-04-03T09:00", "2026-04-03T09:00", "Report, 2026-03"),
        ("review", "2026-04-11T10:00", "2026-04-11T11:30", "Service review, 2026-Q1"),
        ("claim", "2026-04-30T23:00", "2026-05-01T00:00", "Last day to claim: available, 2026-03"),
        ("report", "2026-05-03T09:00", "2026-05-03T09:00", "Report, 2026-04"),
        ("claim", "2026-05-30T23:00", "2026-05-31T00:00", "Last day to claim: available, 2026-04"),
        ("term", "2026-06-01T00:00", "2026-06-01T00:00", "Search ends"),
        ("report", "2026-06-03T09:00", "2026-06-03T09:00", "Report, 2026-05"),
        ("claim", "2026-06-30T23:00", "2026-07-01T00:00", "Last day to claim: available, 2026-05"),
        ("review", "2026-07-11T10:00", "2026-07-11T11:30", "Service review, 2026-Q2"),
    ]
    windows = [one for one in found if one[0] == "window"]
    # A window is told once for all goals that have it, and lasts until its verdicts are final.
    assert ("window", "2026-04-01T00:00", "2026-04-01T00:10", "End of 2026-03: available, same") in windows
    assert ("window", "2026-03-30T00:00", "2026-03-30T00:10", "End of 2026-W13: weeks") in windows
    assert len(windows) == 3 + 14  # months, and the Mondays from 2 March to 1 June


@pytest.mark.parametrize(
    ("start", "until", "count"),
    [
        ("2026-04-01T00:00", "2026-04-02", 1),
        ("2026-04-01T00:09:59", "2026-04-02", 1),
        ("2026-04-01T00:10", "2026-04-02", 0),
        ("2026-03-31", "2026-04-01T00:00", 0),
        ("2026-03-31", "2026-04-01T00:00:01", 1),
    ],
)
def test_the_time_asked_for_has_its_start_and_not_its_end(
    run_wsla: Run, file: Path, start: str, until: str, count: int
) -> None:
    assert len(entries(run_wsla, file, "--from", start, "--until", until)) == count


def test_without_a_time_it_is_the_year_from_now_or_from_the_terms_start(run_wsla: Run, file: Path) -> None:
    def stretch(now: str) -> tuple[str, str]:
        value = json.loads(run_wsla("calendar", file, "--format", "json", "--at", now).out)
        return value["start"][:10], value["end"][:10]

    assert stretch("2026-01-10") == ("2026-03-01", "2027-03-01")
    assert stretch("2026-04-10T12:00") == ("2026-04-10", "2027-04-10")


def test_only_some_kinds(run_wsla: Run, file: Path) -> None:
    found = entries(run_wsla, file, "--from", "2026-03-01", "--only", "report", "--only", "review")
    assert {one[0] for one in found} == {"report", "review"}


def test_windows_that_are_too_many_to_show_are_named(run_wsla: Run, file: Path) -> None:
    finished = run_wsla("calendar", file, "--from", "2026-03-01", "--format", "text")
    assert "note: slices is judged every 5m: not in the calendar" in finished.err


def test_as_a_calendar_it_has_the_same_entries_and_hours_as_rules(run_wsla: Run, file: Path) -> None:
    options = ("calendar", file, "--from", "2026-03-01", "--at", "2026-02-01")
    finished = run_wsla(*options)
    assert "\r\n" in finished.out
    found = events(finished.out)
    titles = [str(one["SUMMARY"]) for one in found.values()]
    assert titles.count("nights") == 2
    for one in found.values():
        assert one.decoded("DTSTAMP") == datetime(2026, 1, 31, 23, tzinfo=UTC)
    (review,) = [one for one in found.values() if str(one["SUMMARY"]) == "Service review, 2026-Q1"]
    assert review.decoded("DTSTART") == datetime(2026, 4, 11, 10, tzinfo=BERLIN)
    assert review.decoded("DTEND") == datetime(2026, 4, 11, 11, 30, tzinfo=BERLIN)
    # Again, later and for another time: the same entries have the same identities.
    again = events(run_wsla(*options[:2], "--from", "2026-04-01", "--until", "2026-05-01").out)
    assert len(again) > 5
    assert set(again) < set(found)
    assert run_wsla(*options).out == finished.out


def test_a_review_has_the_identity_of_its_invitation(run_wsla: Run, file: Path) -> None:
    found = events(run_wsla("calendar", file, "--from", "2026-03-01", "--only", "review").out)
    start = int(datetime(2026, 1, 1, tzinfo=BERLIN).timestamp()) * 10**9
    assert uid_of("Search", "review 1", str(start)) in found


def test_rules_of_hours_end_with_the_term_and_leave_dates_out(run_wsla: Run, file: Path) -> None:
    text = run_wsla("calendar", file, "--from", "2026-03-01", "--only", "hours").out
    (sunday,) = [one for one in events(text).values() if one.decoded("DTSTART").weekday() == 6]
    rule = sunday["RRULE"].to_ical().decode()
    starts = list(rrulestr(rule, dtstart=sunday.decoded("DTSTART")))
    assert (starts[0], starts[-1]) == (
        datetime(2026, 3, 1, 1, tzinfo=BERLIN),
        datetime(2026, 5, 31, 1, tzinfo=BERLIN),
    )
    assert sunday["EXDATE"].dts[0].dt == datetime(2026, 3, 15, 1, tzinfo=BERLIN)


def test_hours_before_and_after_the_term_are_not_told(run_wsla: Run, file: Path) -> None:
    options = ("calendar", file, "--from", "2026-02-01", "--until", "2026-12-01", "--only", "hours")
    (hours,) = json.loads(run_wsla(*options, "--format", "json").out)["hours"]
    assert hours["stretches"][0]["start"] == "2026-03-01T01:00:00+01:00"
    assert hours["stretches"][-1]["end"] == "2026-05-31T04:00:00+02:00"
    starts = sorted(one.decoded("DTSTART") for one in events(run_wsla(*options).out).values())
    # The Friday night before the term's first day is over before it.
    assert starts == [datetime(2026, 3, 1, 1, tzinfo=BERLIN), datetime(2026, 3, 6, 22, tzinfo=BERLIN)]
    assert json.loads(run_wsla("calendar", file, "--from", "2027-01-01", "--format", "json").out)[
        "hours"
    ] == [{"schedule": "nights", "stretches": []}]


def test_announced_times_are_shown_as_their_latest_version_says(
    run_wsla: Run, file: Path, tmp_path: Path
) -> None:
    rows = tmp_path / "notices.csv"
    rows.write_text(
        "id,announced,starts,ends,cause\n"
        "a,2026-03-01T10:00Z,2026-03-10T21:00Z,2026-03-11T01:00Z,Maintenance\n"
        "a,2026-03-02T10:00Z,2026-03-12T21:00Z,2026-03-13T01:00Z,Maintenance\n"
        "b,2026-03-01T10:00Z,2026-03-20T21:00Z,2026-03-20T22:00Z,Move\n"
        "b,2026-03-02T10:00Z,,,Move\n"
    )
    found = entries(run_wsla, file, "--from", "2026-03-01", "--only", "notice", "--data", f"notices={rows}")
    assert found == [("notice", "2026-03-12T22:00", "2026-03-13T02:00", "notices: Maintenance")]


def test_the_list_is_by_days(run_wsla: Run, file: Path) -> None:
    shown = run_wsla(
        "calendar", file, "--from", "2026-04-01", "--until", "2026-04-04", "--format", "text"
    ).out
    assert shown.splitlines() == [
        "Search, version 1: 2026-04-01 to 2026-04-03 (Europe/Berlin)",
        "",
        "hours  nights  2h, once, first 2026-04-03 22:00 to 2026-04-04 00:00",
        "",
        "2026-04-01 Wed",
        "  00:00  window  End of 2026-03: available, same (final at 00:10)",
        "",
        "2026-04-03 Fri",
        "  09:00  report  Report, 2026-03",
    ]


def test_it_goes_to_a_file_and_replaces_none_unasked(run_wsla: Run, file: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.ics"
    options = ("calendar", file, "--from", "2026-03-01", "-o", target)
    assert run_wsla(*options).code == 0
    assert events(target.read_bytes().decode())
    refused = run_wsla(*options)
    assert refused.code == 1
    assert "--force replaces it" in refused.err
    assert run_wsla(*options, "--force").code == 0


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--from", "2026-13-01"], 2, "--from"),
        (["--from", "2026-04-01", "--until", "2026-04-01"], 2, "--until is not after --from"),
        (["--from", "9998-12-31"], 2, "too late"),
        (["--from", "2026-04-01", "--until", "2126-04-03"], 2, "more than a hundred years"),
        (["--only", "party"], 2, "party"),
        (["--data", "nothing=x.csv"], 2, "no source `nothing`"),
        (["--data", "probe=x.csv"], 2, "has samples"),
        (["--store", "sqlite:///nowhere.db"], 1, "nowhere.db"),
        (["--from", "2026-03-01", "-o", "no/such/folder/out.ics"], 1, "it cannot be written"),
    ],
)
def test_what_cannot_be_is_told(
    run_wsla: Run, file: Path, options: list[str], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    finished = run_wsla("calendar", file, *options)
    assert finished.code == code
    assert said in finished.err


def test_too_many_entries_are_refused(run_wsla: Run, tmp_path: Path) -> None:
    file = tmp_path / "days.sla"
    file.write_text(TEXT.replace(" until 2026-06-01", "").replace("each week", "each day"), "utf-8")
    finished = run_wsla("calendar", file, "--from", "2026-03-01", "--until", "2090-01-01")
    assert finished.code == 1
    assert re.search(r"more than 20,000 entries", finished.err)
