"""Windows of the calendar, by rows of facts: other people's, and what clocks have really done."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    RollingWindow,
    UnknownZone,
    add_months,
    anchor_on_day,
    anchor_on_weekday,
    find_zone,
    label_of,
    parse_period,
    period_interval,
    window_containing,
    windows_overlapping,
)
from wsla.values.instants import DAY, HOUR, MINUTE, Interval, format_instant, midnight, parse_instant

ROWS = Path(__file__).resolve().parents[3].parent / "shared" / "corpus" / "calendar" / "windows.json"


def rows(family: str) -> list[Any]:
    if not ROWS.exists():
        return [pytest.param(None, marks=pytest.mark.skip(reason="../shared is absent"))]
    return [pytest.param(row, id=row["name"]) for row in json.loads(ROWS.read_text())[family]]


@pytest.mark.parametrize("row", rows("calendar"))
def test_calendar_rows_of_others(row: dict[str, Any]) -> None:
    unit = CalendarUnit(row["unit"].lower())
    anchor = datetime.fromisoformat(row["startTime"])
    spec = CalendarWindow(unit, row["count"], anchor, row["timeZone"])
    expected = row.get("clamp_to_month_end_gives", (row["expectedBegin"], row["expectedEnd"]))
    found = window_containing(spec, parse_instant(row["timestamp"]))
    assert found == Interval(*(parse_instant(text) for text in expected))


@pytest.mark.parametrize("row", rows("rolling"))
def test_rolling_rows_of_others(row: dict[str, Any]) -> None:
    length = {"Day": DAY, "Hour": HOUR, "Minute": MINUTE}[row["unit"]] * row["count"]
    found = RollingWindow(length, MINUTE).window_at(parse_instant(row["timestamp"]))
    assert found == Interval(parse_instant(row["expectedBegin"]), parse_instant(row["expectedEnd"]))


def window_text(spec: CalendarWindow, moment: str) -> tuple[str, str]:
    zone = find_zone(spec.zone)
    window = window_containing(spec, parse_instant(moment, zone))
    return format_instant(window.start, zone), format_instant(window.end, zone)


@pytest.mark.parametrize(
    ("unit", "moment", "start", "end"),
    [
        ("day", "2026-03-29T12:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("week", "2026-03-08T23:59:59", "2026-03-02T00:00:00+01:00", "2026-03-09T00:00:00+01:00"),
        ("week", "2026-03-09", "2026-03-09T00:00:00+01:00", "2026-03-16T00:00:00+01:00"),
        ("month", "2026-03-31T23:59:59.999999999", "2026-03-01T00:00:00+01:00", "2026-04-01T00:00:00+02:00"),
        ("month", "2026-04-01", "2026-04-01T00:00:00+02:00", "2026-05-01T00:00:00+02:00"),
        ("quarter", "2026-06-30T12:00", "2026-04-01T00:00:00+02:00", "2026-07-01T00:00:00+02:00"),
        ("quarter", "2026-12-31", "2026-10-01T00:00:00+02:00", "2027-01-01T00:00:00+01:00"),
        ("year", "1969-07-20", "1969-01-01T00:00:00+01:00", "1970-01-01T00:00:00+01:00"),
    ],
)
def test_default_starts(unit: str, moment: str, start: str, end: str) -> None:
    spec = CalendarWindow(CalendarUnit(unit), zone="Europe/Berlin")
    assert window_text(spec, moment) == (start, end)


def test_several_units_are_counted_from_january_1970() -> None:
    halves = CalendarWindow(CalendarUnit.MONTH, 6)
    assert window_text(halves, "2026-06-30") == ("2026-01-01T00:00:00+00:00", "2026-07-01T00:00:00+00:00")


def test_months_from_the_15th() -> None:
    spec = CalendarWindow(CalendarUnit.MONTH, anchor=anchor_on_day(15))
    assert window_text(spec, "2026-03-14T23:59") == ("2026-02-15T00:00:00+00:00", "2026-03-15T00:00:00+00:00")
    assert window_text(spec, "2026-03-15") == ("2026-03-15T00:00:00+00:00", "2026-04-15T00:00:00+00:00")


def test_months_from_the_31st_are_computed_afresh_from_the_anchor() -> None:
    """C4."""
    spec = CalendarWindow(CalendarUnit.MONTH, anchor=anchor_on_day(31))
    found = windows_overlapping(
        spec, parse_instant("2024-01-31", UTC_ZONE), parse_instant("2024-06-01", UTC_ZONE)
    )
    starts = [format_instant(window.start)[5:10] for window in found]
    assert starts == ["01-31", "02-29", "03-31", "04-30", "05-31"]


def test_years_from_29_february() -> None:
    """C4."""
    spec = CalendarWindow(CalendarUnit.YEAR, anchor=anchor_on_day(29, 2))
    assert window_text(spec, "2027-06-01") == ("2027-02-28T00:00:00+00:00", "2028-02-29T00:00:00+00:00")
    with pytest.raises(ValueError, match="day"):
        anchor_on_day(30, 2)


def test_weeks_from_sunday() -> None:
    spec = CalendarWindow(CalendarUnit.WEEK, anchor=anchor_on_weekday(6))
    assert window_text(spec, "2026-03-08") == ("2026-03-08T00:00:00+00:00", "2026-03-15T00:00:00+00:00")
    with pytest.raises(ValueError, match="weekday"):
        anchor_on_weekday(7)


UTC_ZONE = find_zone("UTC")


@pytest.mark.parametrize(
    ("zone", "day", "first"),
    [
        ("America/Sao_Paulo", "2018-11-04", "01:00:00-02:00"),
        ("Africa/Cairo", "2023-04-28", "01:00:00+03:00"),
        ("Asia/Beirut", "2023-03-26", "01:00:00+03:00"),
        ("America/Toronto", "1919-03-31", "00:30:00-04:00"),
    ],
)
def test_a_day_whose_midnight_is_removed_starts_at_its_first_instant(zone: str, day: str, first: str) -> None:
    spec = CalendarWindow(CalendarUnit.DAY, zone=zone)
    assert window_text(spec, f"{day}T12:00")[0] == f"{day}T{first}"
    start = parse_instant(f"{day}T{first}")
    assert window_containing(spec, start - 1).end == start
    assert window_containing(spec, start).start == start


def test_a_day_whose_midnight_comes_twice_starts_at_the_first() -> None:
    zone = find_zone("America/St_Johns")
    start = parse_instant("2006-10-29T00:00:00-02:30")
    assert midnight(date(2006, 10, 29), zone) == start
    spec = CalendarWindow(CalendarUnit.DAY, zone="America/St_Johns")
    assert window_containing(spec, start + 30 * MINUTE) == Interval(start, start + 25 * HOUR)


def test_a_day_that_never_happened_has_no_window() -> None:
    """C4."""
    spec = CalendarWindow(CalendarUnit.DAY, zone="Pacific/Apia")
    zone = find_zone("Pacific/Apia")
    start, end = parse_instant("2011-12-29", zone), parse_instant("2012-01-01", zone)
    found = [format_instant(window.start, zone)[:10] for window in windows_overlapping(spec, start, end)]
    assert found == ["2011-12-29", "2011-12-31"]


def test_short_and_long_days_and_months() -> None:
    spec = CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin")
    lengths = [
        window_containing(spec, parse_instant(f"{day}T12:00Z")).length for day in ("2026-03-29", "2026-10-25")
    ]
    assert lengths == [23 * HOUR, 25 * HOUR]
    half = CalendarWindow(CalendarUnit.DAY, zone="Australia/Lord_Howe")
    assert window_containing(half, parse_instant("2026-04-04T20:00Z")).length == 24 * HOUR + 30 * MINUTE


def test_windows_overlapping_is_half_open() -> None:
    spec = CalendarWindow(CalendarUnit.DAY)
    assert list(windows_overlapping(spec, 0, DAY)) == [Interval(0, DAY)]
    assert list(windows_overlapping(spec, 0, DAY + 1)) == [Interval(0, DAY), Interval(DAY, 2 * DAY)]
    assert list(windows_overlapping(spec, -1, 1)) == [Interval(-DAY, 0), Interval(0, DAY)]
    assert list(windows_overlapping(spec, DAY, DAY)) == []
    assert list(windows_overlapping(spec, DAY, 0)) == []


def test_exact_windows_count_from_their_origin() -> None:
    spec = ExactWindow(7, origin_ns=3)
    assert window_containing(spec, 2) == Interval(-4, 3)
    assert window_containing(spec, 3) == Interval(3, 10)
    assert list(windows_overlapping(spec, 9, 11)) == [Interval(3, 10), Interval(10, 17)]


def test_ticks_are_aligned_to_the_epoch() -> None:
    spec = RollingWindow(100, 10)
    assert list(spec.ticks(-5, 20)) == [0, 10]
    assert list(spec.ticks(10, 21)) == [10, 20]
    assert list(spec.ticks(11, 20)) == []
    assert spec.window_at(20) == Interval(-80, 20)


@pytest.mark.parametrize(
    "make",
    [
        lambda: CalendarWindow(CalendarUnit.DAY, 0),
        lambda: CalendarWindow(CalendarUnit.DAY, anchor=datetime(2026, 1, 1, tzinfo=UTC)),
        lambda: ExactWindow(0),
        lambda: RollingWindow(0, 1),
        lambda: RollingWindow(1, 0),
    ],
)
def test_windows_that_cannot_be(make: Any) -> None:
    with pytest.raises(ValueError, match="window"):
        make()


@pytest.mark.parametrize(
    ("text", "unit", "first", "days"),
    [
        ("2026", CalendarUnit.YEAR, date(2026, 1, 1), 365),
        ("2024", CalendarUnit.YEAR, date(2024, 1, 1), 366),
        ("2026-Q1", CalendarUnit.QUARTER, date(2026, 1, 1), 90),
        ("2026-Q4", CalendarUnit.QUARTER, date(2026, 10, 1), 92),
        ("2026-02", CalendarUnit.MONTH, date(2026, 2, 1), 28),
        ("2026-W10", CalendarUnit.WEEK, date(2026, 3, 2), 7),
        ("2026-W53", CalendarUnit.WEEK, date(2026, 12, 28), 7),
        ("2025-W01", CalendarUnit.WEEK, date(2024, 12, 30), 7),
        ("2026-03-04", CalendarUnit.DAY, date(2026, 3, 4), 1),
    ],
)
def test_periods_by_name(text: str, unit: CalendarUnit, first: date, days: int) -> None:
    assert parse_period(text) == (unit, first)
    interval = period_interval(unit, first, "UTC")
    assert interval.length == days * DAY
    assert label_of(interval, unit, "UTC") == text


@pytest.mark.parametrize(
    "text",
    ["", "26", "2026-13", "2026-00", "2026-Q5", "2025-W53", "2026-02-29", "2026-3", "0000", "9999", "٢٠٢٦"],
)
def test_what_names_no_period(text: str) -> None:
    with pytest.raises(ValueError, match=r"names no period|the calendar has no"):
        parse_period(text)


def test_a_period_is_local_and_its_label_comes_back_where_midnight_is_removed() -> None:
    interval = period_interval(CalendarUnit.DAY, date(2018, 11, 4), "America/Sao_Paulo")
    assert interval == Interval(parse_instant("2018-11-04T03:00Z"), parse_instant("2018-11-05T02:00Z"))
    assert label_of(interval, CalendarUnit.DAY, "America/Sao_Paulo") == "2018-11-04"


def test_labels_of_windows_that_are_no_period() -> None:
    billing = window_containing(
        CalendarWindow(CalendarUnit.MONTH, anchor=anchor_on_day(15), zone="Europe/Berlin"),
        parse_instant("2026-03-20T00:00Z"),
    )
    assert label_of(billing, CalendarUnit.MONTH, "Europe/Berlin") == (
        "2026-03-15T00:00:00+01:00..2026-04-15T00:00:00+02:00"
    )
    assert (
        label_of(Interval(0, 1), None, "UTC")
        == "1970-01-01T00:00:00+00:00..1970-01-01T00:00:00.000000001+00:00"
    )


def test_add_months_stops_at_the_end_of_the_month() -> None:
    assert add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
    assert add_months(date(2026, 1, 31), -11) == date(2025, 2, 28)
    assert add_months(date(2026, 12, 1), 1) == date(2027, 1, 1)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [("Europe/Berln", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("new york", "America/New_York")],
)
def test_unknown_zones_suggest_near_ones(name: str, suggestion: str) -> None:
    with pytest.raises(UnknownZone) as caught:
        find_zone(name)
    assert suggestion in caught.value.suggestions


@pytest.mark.parametrize(
    "name", ["localtime", "right/UTC", "posix/UTC", "Europe", "", "../UTC", "/UTC", "a\0b"]
)
def test_zones_that_are_none_or_differ_between_machines(name: str) -> None:
    with pytest.raises(UnknownZone):
        find_zone(name)
