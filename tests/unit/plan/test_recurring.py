"""When reports are due and reviews take place (rules M104, M105): lengths of months, clocks that change, versions."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.api import loads
from wsla.plan.model import Plan
from wsla.plan.recurring import appointed, appointed_at, belongs_to, invited, next_due
from wsla.values.calendars import window_containing
from wsla.values.instants import DAY, HOUR, MINUTE, parse_instant

TEXT = """\
agreement "Web shop" version 1 {
  effective START in "ZONE"
  grace 10m
  party host "Host" provider
  party shop "Shop" consumer
  source probe = http "https://shop.example/health" every 30s
  metric uptime = availability(probe.ok) each month
  goal available: host guarantees uptime >= 99.9% { otherwise notify shop }
  LINE
}
"""


def plan(line: str, zone: str = "Europe/Berlin", start: str = "2026-01-01") -> Plan:
    return loads(TEXT.replace("LINE", line).replace("ZONE", zone).replace("START", start)).plan


def at(text: str) -> int:
    return parse_instant(text)


def due(of: Plan, since: str, until: str) -> list[int]:
    (one,) = of.recurring
    return [found.at for found in appointed(of, one, at(since), at(until))]


def test_a_report_is_due_when_the_verdicts_of_its_period_are_final() -> None:
    """M104: without `at` at the start of the day; never before the end plus grace."""
    monthly = plan("publish report to shop each month")
    assert due(monthly, "2026-02-28T00:00Z", "2026-05-01T12:00Z") == [
        at("2026-03-01T00:10+01:00"),
        at("2026-04-01T00:10+02:00"),
        at("2026-05-01T00:10+02:00"),
    ]
    later = plan("publish report to shop each month after 2d")
    assert due(later, "2026-02-28T00:00Z", "2026-03-31T00:00Z") == [at("2026-03-03T00:00+01:00")]
    early = plan("publish report to shop each month at 0:05")
    assert due(early, "2026-02-28T00:00Z", "2026-03-31T00:00Z") == [at("2026-03-01T00:10+01:00")]


@pytest.mark.parametrize(
    ("zone", "line", "expected"),
    [
        # Clocks go forward on 29 March 2026 at 02:00, and back on 25 October at 03:00.
        ("Europe/Berlin", "each week at 2:30", "2026-03-30T02:30+02:00"),
        ("Europe/Berlin", "each week after 6d at 2:30", "2026-03-29T03:30+02:00"),
        ("America/New_York", "each week after 6d at 2:30", "2026-03-08T03:30-04:00"),
        ("Australia/Lord_Howe", "each week after 6d at 2:15", "2026-04-05T02:15+10:30"),
    ],
)
def test_clocks_that_change(zone: str, line: str, expected: str) -> None:
    found = plan(f"publish report to shop {line}", zone)
    (one,) = found.recurring
    instants = [each.at for each in appointed(found, one, at(expected) - 3 * DAY, at(expected) + 3 * DAY)]
    assert instants == [at(expected)]


def test_a_time_that_clocks_show_twice_comes_once() -> None:
    found = plan("publish report to shop each day at 2:30")
    assert due(found, "2026-10-24T12:00Z", "2026-10-25T12:00Z") == [at("2026-10-25T02:30+02:00")]


lines = st.sampled_from(
    [
        "publish report to shop each day at 2:30",
        "publish report to shop each week after 6d",
        "publish report to shop each month after 27d at 23:59:59",
        "publish report to shop each month starting 31st",
        "publish report to shop each quarter starting 15th at 9:00",
        "publish report to shop each year after 364d",
    ]
)
zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC"]
)
hours = st.integers(0, 24 * 800)


@given(lines, zones, hours, hours, hours)
def test_every_period_has_one_report_however_time_is_cut(
    line: str, zone: str, one: int, two: int, three: int
) -> None:
    """M104: looked at in two stretches it is the same as in one, and no period is left out or comes twice."""
    found = plan(line, zone)
    (report,) = found.recurring
    since, middle, until = (found.effective_start + number * HOUR for number in sorted((one, two, three)))
    whole = list(appointed(found, report, since, until))
    assert whole == [*appointed(found, report, since, middle), *appointed(found, report, middle, until)]
    assert all(before.period.end == after.period.start for before, after in pairwise(whole))
    assert all(since < each.at <= until and each.at >= each.period.end + found.grace for each in whole)
    following = next_due(found, report, since)
    assert following is not None
    assert (following <= until) == bool(whole)
    assert not whole or following == whole[0].at


def test_a_term_ends_in_the_middle_of_a_period() -> None:
    """M104: what is left of it is told of with the period."""
    ended = plan("publish report to shop each month", start="2026-01-15 until 2026-03-10")
    assert due(ended, "2026-01-01T00:00Z", "2027-01-01T00:00Z") == [
        at("2026-02-01T00:10+01:00"),
        at("2026-03-01T00:10+01:00"),
        at("2026-04-01T00:10+02:00"),
    ]
    (one,) = ended.recurring
    assert next_due(ended, one, at("2026-04-01T00:10+02:00")) is None


@pytest.mark.parametrize("month", range(1, 13))
def test_of_two_versions_one_answers_for_each_period(month: int) -> None:
    """M104: the one in force at its end."""
    start = f"2026-{month:02}-10"
    first = plan("publish report to shop each month")
    second = plan("publish report to shop each month", start=start)
    first = evolve(first, judges_until=second.effective_start)
    (one,) = first.recurring
    instant = first.effective_start
    for _ in range(14):
        period = window_containing(one.window, instant)
        assert belongs_to(first, period) != belongs_to(second, period)
        assert belongs_to(second, period) == (period.end > second.effective_start)
        instant = period.end


def test_people_are_invited_from_the_start_of_the_period_to_that_of_the_meeting() -> None:
    """M105."""
    found = plan("call review with shop each quarter after 10d at 10:00 for 90m")
    (review,) = found.recurring

    def meetings(now: int) -> list[int]:
        return [one.at for one in invited(found, review, now)]

    first, second = at("2026-04-11T10:00+02:00"), at("2026-07-11T10:00+02:00")
    start = at("2026-04-01T00:00+02:00")
    assert meetings(found.effective_start) == [first]
    assert meetings(start - 1) == [first]
    assert meetings(start) == [first, second]
    assert meetings(first - 1) == [first, second]
    assert meetings(first) == [second]
    (one, *_) = invited(found, review, start)
    assert appointed_at(found, review, one.period) == first
    assert review.length == 90 * MINUTE


def test_reports_are_not_recurring_where_nothing_is_said() -> None:
    found: Any = plan("")
    assert found.recurring == ()
