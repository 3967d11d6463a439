"""C3: days on which clocks change, in four zones: by an hour, by half an hour, and for Ramadan.

Every figure here was counted by hand from what the zones announced.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest

from wsla.api import judge, loads
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    find_zone,
    window_containing,
    windows_overlapping,
)
from wsla.values.instants import DAY, HOUR, MINUTE, parse_instant
from wsla.values.observations import Observation
from wsla.values.schedules import Schedule, WeeklyHours, intervals

# The day, the length of that day, and how long 02:30 to 03:30 lasts on it. Each bound is read on the wall clock: one
# that is skipped lies where clocks go on, one that comes twice is the first.
CHANGES = [
    # 02:00 becomes 03:00, so that 02:30 lies at 03:30; 03:00 becomes 02:00, so that from 02:30 it is two hours.
    ("Europe/Berlin", "2026-03-29", 23 * HOUR, 0),
    ("Europe/Berlin", "2026-10-25", 25 * HOUR, 2 * HOUR),
    # 02:00 becomes 03:00; 02:00 becomes 01:00, before the hour.
    ("America/New_York", "2026-03-08", 23 * HOUR, 0),
    ("America/New_York", "2026-11-01", 25 * HOUR, HOUR),
    # 02:00 becomes 02:30, where the hour begins; 02:00 becomes 01:30, before it.
    ("Australia/Lord_Howe", "2026-10-04", 23 * HOUR + 30 * MINUTE, HOUR),
    ("Australia/Lord_Howe", "2026-04-05", 24 * HOUR + 30 * MINUTE, HOUR),
    # Ramadan: 03:00 becomes 02:00, and five weeks later 02:00 becomes 03:00.
    ("Africa/Casablanca", "2026-02-15", 25 * HOUR, 2 * HOUR),
    ("Africa/Casablanca", "2026-03-22", 23 * HOUR, 0),
]
MONTHS = [
    ("Europe/Berlin", "2026-03", 743 * HOUR),
    ("Europe/Berlin", "2026-10", 745 * HOUR),
    ("America/New_York", "2026-03", 743 * HOUR),
    ("America/New_York", "2026-11", 721 * HOUR),
    ("Australia/Lord_Howe", "2026-10", 743 * HOUR + 30 * MINUTE),
    ("Australia/Lord_Howe", "2026-04", 720 * HOUR + 30 * MINUTE),
    ("Africa/Casablanca", "2026-02", 673 * HOUR),
    ("Africa/Casablanca", "2026-03", 743 * HOUR),
]
TEXT = """agreement "Clocks" version 1 {{
  effective 2026-01-01 in "{zone}"
  party host "Host" provider
  party shop "Shop" consumer
  source probe = http "https://host.example/" every 1h timeout 5s
  metric monthly = availability(probe.ok) each month
  goal available: host guarantees monthly >= 99.9%
}}
"""


@pytest.mark.parametrize(("zone", "day", "length", "maintenance"), CHANGES)
def test_maintenance_from_half_past_two_is_read_on_the_wall_clock(
    zone: str, day: str, length: int, maintenance: int
) -> None:
    """C3."""
    local = date.fromisoformat(day)
    first = parse_instant(day, find_zone(zone))
    window = window_containing(CalendarWindow(CalendarUnit.DAY, zone=zone), first)
    assert (window.start, window.length) == (first, length)
    every_day = WeeklyHours(tuple(range(7)), 2 * HOUR + 30 * MINUTE, 3 * HOUR + 30 * MINUTE)
    schedule = Schedule(name="maintenance", zone=zone, include=(every_day,))
    assert sum(part.length for part in intervals(schedule, window.start, window.end)) == maintenance
    # On the days beside it, it is an hour.
    for other in (local - timedelta(1), local + timedelta(1)):
        start = parse_instant(other.isoformat(), find_zone(zone))
        assert sum(part.length for part in intervals(schedule, start, start + 12 * HOUR)) == HOUR


@pytest.mark.parametrize(("zone", "day", "length", "maintenance"), CHANGES)
@pytest.mark.parametrize("minutes", [1 * 60 + 45, 2 * 60 + 15, 2 * 60 + 45])
def test_what_begins_every_day_at_a_quarter_past_two_begins_once(
    zone: str, day: str, length: int, maintenance: int, minutes: int
) -> None:
    """C3."""
    local = datetime.fromisoformat(day)
    anchor = local - timedelta(10) + timedelta(minutes=minutes)
    spec = CalendarWindow(CalendarUnit.DAY, anchor=anchor, zone=zone)
    start, end = (
        parse_instant((local + timedelta(days)).date().isoformat(), find_zone(zone)) for days in (-3, 4)
    )
    begun = [window.start for window in windows_overlapping(spec, start, end) if window.start >= start]
    assert len(begun) == len(set(begun)) == 7
    assert all(DAY - 2 * HOUR < late - early < DAY + 2 * HOUR for early, late in pairwise(begun))


@pytest.mark.parametrize(("zone", "month", "length"), MONTHS)
def test_a_month_has_the_hours_that_it_has(zone: str, month: str, length: int) -> None:
    """C3: an hour down in March is one of 743 in Berlin."""
    agreement = loads(TEXT.format(zone=zone), "clocks.sla")
    start = agreement.instant(f"{month}-01")
    looks = [
        Observation(source="probe", at=at, fields={"ok": at != start + 30 * HOUR, "elapsed": 1})
        for at in range(start, start + length, HOUR)
    ]
    report = judge(agreement, looks, start, start + length)
    [judgement] = [one for one in report.judgements if one.final]
    assert judgement.window.length == length
    assert judgement.value is not None
    assert (1 - judgement.value) * length == HOUR
