"""Schedules: shifts, holidays and what clock changes make of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from wsla.values.calendars import find_zone
from wsla.values.instants import DAY, HOUR, MINUTE, Interval, format_instant, parse_instant
from wsla.values.schedules import (
    ALL_WEEK,
    DatedHours,
    Holidays,
    Hours,
    Schedule,
    UnknownHolidays,
    WeeklyHours,
    check_holidays,
    holiday_dates,
    holiday_names,
    intervals,
)

BERLIN = find_zone("Europe/Berlin")
WORKDAYS = (0, 1, 2, 3, 4)


def schedule(*include: Hours, exclude: tuple[Hours, ...] = (), zone: str = "Europe/Berlin") -> Schedule:
    return Schedule("test", zone, include, exclude)


def shown(found: tuple[Interval, ...]) -> list[str]:
    return [f"{format_instant(x.start, BERLIN)[5:16]} {format_instant(x.end, BERLIN)[5:16]}" for x in found]


def between(what: Schedule, start: str, end: str) -> list[str]:
    return shown(intervals(what, parse_instant(start, BERLIN), parse_instant(end, BERLIN)))


def test_office_hours_without_holidays_and_weekends() -> None:
    office = schedule(WeeklyHours(WORKDAYS, 8 * HOUR, 18 * HOUR), exclude=(Holidays("DE-BE"),))
    # Friday 1 May is a holiday, Saturday and Sunday are no workdays.
    assert between(office, "2026-04-30", "2026-05-05") == [
        "04-30T08:00 04-30T18:00",
        "05-04T08:00 05-04T18:00",
    ]


def test_results_are_cut_at_both_ends() -> None:
    office = schedule(WeeklyHours(WORKDAYS, 8 * HOUR, 18 * HOUR))
    assert between(office, "2026-03-04T10:00", "2026-03-04T11:00") == ["03-04T10:00 03-04T11:00"]
    assert between(office, "2026-03-04T18:00", "2026-03-05T08:00") == []
    assert between(office, "2026-03-04T11:00", "2026-03-04T10:00") == []


@pytest.mark.parametrize(
    ("day", "start", "end", "hours"),
    [
        ("2026-03-22", 2 * HOUR, 4 * HOUR, 2),
        ("2026-03-29", 2 * HOUR, 4 * HOUR, 1),
        ("2026-10-25", 2 * HOUR, 4 * HOUR, 3),
        ("2026-10-25", 2 * HOUR, 3 * HOUR, 2),
        ("2026-10-25", 1 * HOUR, 2 * HOUR, 1),
        ("2026-03-29", 2 * HOUR, 2 * HOUR + 30 * MINUTE, 0.5),
        ("2026-03-29", 2 * HOUR + 30 * MINUTE, 3 * HOUR + 30 * MINUTE, 0),
        ("2026-03-29", 2 * HOUR + 45 * MINUTE, 3 * HOUR + 15 * MINUTE, 0),
        ("2026-03-29", 0, DAY, 23),
        ("2026-10-25", 0, DAY, 25),
    ],
)
def test_each_bound_is_read_on_the_wall_clock(day: str, start: int, end: int, hours: float) -> None:
    sunday = schedule(WeeklyHours((6,), start, end))
    first = parse_instant(day, BERLIN)
    assert sum(x.length for x in intervals(sunday, first, first + 2 * DAY)) == hours * HOUR


def test_a_shift_past_midnight_belongs_to_the_day_it_starts_on() -> None:
    night = schedule(WeeklyHours((4,), 22 * HOUR, 6 * HOUR))
    assert between(night, "2026-03-06", "2026-03-09") == ["03-06T22:00 03-07T06:00"]
    assert between(night, "2026-03-07T01:00", "2026-03-07T02:00") == ["03-07T01:00 03-07T02:00"]


def test_a_closed_date_removes_the_shift_that_starts_on_it_and_no_other() -> None:
    every_night = WeeklyHours(ALL_WEEK, 22 * HOUR, 6 * HOUR)
    nights = schedule(every_night, exclude=(DatedHours(date(2026, 3, 5), date(2026, 3, 5)),))
    assert between(nights, "2026-03-04T12:00", "2026-03-07T12:00") == [
        "03-04T22:00 03-05T06:00",
        "03-06T22:00 03-07T06:00",
    ]


def test_closed_hours_remove_just_those_hours() -> None:
    closed = DatedHours(date(2026, 3, 4), date(2026, 3, 4), 12 * HOUR, 13 * HOUR)
    office = schedule(WeeklyHours(WORKDAYS, 8 * HOUR, 18 * HOUR), exclude=(closed,))
    assert between(office, "2026-03-04", "2026-03-05") == [
        "03-04T08:00 03-04T12:00",
        "03-04T13:00 03-04T18:00",
    ]


def test_whole_days_join_into_one_stretch() -> None:
    always = schedule(WeeklyHours(ALL_WEEK))
    assert between(always, "2025-12-01", "2026-02-01") == ["12-01T00:00 02-01T00:00"]
    from_midnight_to_midnight = schedule(WeeklyHours(ALL_WEEK, 0, 0))
    assert between(from_midnight_to_midnight, "2025-12-01", "2026-02-01") == ["12-01T00:00 02-01T00:00"]


def test_the_turn_of_the_year_loses_nothing() -> None:
    nights = schedule(
        WeeklyHours(ALL_WEEK, 22 * HOUR, 6 * HOUR),
        exclude=(WeeklyHours(ALL_WEEK, 23 * HOUR, 1 * HOUR), WeeklyHours((3,), 2 * HOUR, 3 * HOUR)),
    )
    assert between(nights, "2025-12-31T12:00", "2026-01-01T12:00") == [
        "12-31T22:00 12-31T23:00",
        "01-01T01:00 01-01T02:00",
        "01-01T03:00 01-01T06:00",
    ]
    assert between(nights, "2026-01-01T04:00", "2026-01-01T05:00") == ["01-01T04:00 01-01T05:00"]


def test_dates_and_holidays_can_be_included() -> None:
    dated = schedule(DatedHours(date(2026, 3, 7), date(2026, 3, 8), 10 * HOUR, 12 * HOUR))
    assert between(dated, "2026-03-01", "2026-04-01") == [
        "03-07T10:00 03-07T12:00",
        "03-08T10:00 03-08T12:00",
    ]
    whole = schedule(DatedHours(date(2026, 3, 7), date(2026, 3, 8)))
    assert between(whole, "2026-03-01", "2026-04-01") == ["03-07T00:00 03-09T00:00"]
    holidays = schedule(Holidays("DE-BE"))
    assert between(holidays, "2026-05-01", "2026-05-10") == ["05-01T00:00 05-02T00:00"]


def test_what_is_excluded_stays_excluded() -> None:
    day = DatedHours(date(2026, 12, 25), date(2026, 12, 25), 10 * HOUR, 12 * HOUR)
    assert between(schedule(day, exclude=(Holidays("DE"),)), "2026-12-01", "2027-01-01") == []


def test_nothing_included_is_never_open() -> None:
    assert between(schedule(), "2026-01-01", "2027-01-01") == []


def test_a_day_that_never_happened_has_no_hours() -> None:
    apia = find_zone("Pacific/Apia")
    work = schedule(WeeklyHours(ALL_WEEK), zone="Pacific/Apia")
    start, end = parse_instant("2011-12-29", apia), parse_instant("2012-01-01", apia)
    assert intervals(work, start, end) == (Interval(start, end),)
    assert end - start == 2 * DAY


@pytest.mark.parametrize(
    "make",
    [
        lambda: WeeklyHours(()),
        lambda: WeeklyHours((7,)),
        lambda: WeeklyHours((0,), DAY, DAY),
        lambda: WeeklyHours((0,), 0, DAY + 1),
        lambda: WeeklyHours((0,), -1, DAY),
        lambda: DatedHours(date(2026, 1, 2), date(2026, 1, 1)),
        lambda: DatedHours(date(2026, 1, 1), date(2026, 1, 1), HOUR),
        lambda: DatedHours(date(2026, 1, 1), date(2026, 1, 1), HOUR, 25 * HOUR),
    ],
)
def test_hours_that_cannot_be(make: Any) -> None:
    with pytest.raises(ValueError, match=r"hours|dates"):
        make()


@pytest.mark.parametrize("code", ["DE", "DE-BE", "US", "US-CA", "IT", "GB-SCT", "XECB"])
def test_known_holidays(code: str) -> None:
    check_holidays(code)
    assert code in holiday_names()
    assert all(day.year == 2026 for day in holiday_dates(code, 2026))
    assert holiday_dates(code, 2026)


def test_a_part_of_a_country_has_its_own_holidays() -> None:
    womens_day = date(2026, 3, 8)
    assert womens_day in holiday_dates("DE-BE", 2026)
    assert womens_day not in holiday_dates("DE", 2026)


def test_days_observed_instead_are_holidays_of_their_own_year() -> None:
    # 1 January 2022 was a Saturday.
    assert date(2021, 12, 31) in holiday_dates("US", 2021)


@pytest.mark.parametrize(
    ("code", "suggestion"),
    [("de-be", "DE-BE"), ("US_CA", "US-CA"), ("Germany", "DE"), ("DE-XX", "DE"), ("GER", "DE")],
)
def test_unknown_holidays_suggest_near_codes(code: str, suggestion: str) -> None:
    with pytest.raises(UnknownHolidays) as caught:
        holiday_dates(code, 2026)
    assert suggestion in caught.value.suggestions


@pytest.mark.parametrize("code", ["", "-", "DE-", "Atlantis"])
def test_no_holidays_at_all(code: str) -> None:
    with pytest.raises(UnknownHolidays):
        check_holidays(code)


def test_an_unknown_code_is_found_when_a_schedule_is_asked() -> None:
    with pytest.raises(UnknownHolidays):
        between(schedule(WeeklyHours(ALL_WEEK), exclude=(Holidays("XX"),)), "2026-01-01", "2026-02-01")
