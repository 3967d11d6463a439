"""Schedules: recurring and one-off local hours, holidays, and the exact stretches of time that they mean.

A shift belongs to the local day on which it starts. Excluding a date (a holiday, a date without hours)
removes every shift that starts on it, to its end past midnight, and leaves a shift that began the evening
before. Excluding hours removes just those hours. What is excluded stays excluded, whatever else is
included.

Where clocks change, each bound is converted by ``from_local`` on its own: a repeated hour's bounds take its
first occurrence, a skipped bound moves forward. So 02:00-04:00 lasts 3 hours on the long day and 1 hour on
the short day, and hours whose end no longer comes after their start vanish on that day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, assert_never
from zoneinfo import ZoneInfo

from attrs import frozen

from wsla.values.calendars import find_zone
from wsla.values.instants import DAY, Interval, from_local, midnight, to_datetime
from wsla.values.intervals import Intervals, clip, normalise, subtract
from wsla.values.records import Record

_ONE_DAY: Final = timedelta(days=1)


class UnknownHolidays(ValueError):
    """A code for which no holidays are known; ``suggestions`` holds the nearest known codes."""

    def __init__(self, code: str, suggestions: tuple[str, ...]) -> None:
        super().__init__(f"no holidays are known for {code!r}")
        self.code = code
        self.suggestions = suggestions


@frozen(eq=False, repr=False)
class WeeklyHours(Record):
    """Hours on days of the week: 0 is Monday, 6 is Sunday.

    ``start`` and ``end`` are wall-clock times as nanoseconds of the local day, ``end`` up to 24:00; an end
    that is not after the start lies on the next day, so 00:00-00:00 is the whole day.
    """

    days: tuple[int, ...]
    start: int = 0
    end: int = DAY

    def __attrs_post_init__(self) -> None:
        if not self.days or not all(0 <= day <= 6 for day in self.days):
            raise ValueError("weekly hours need days of the week, 0 (Monday) to 6 (Sunday)")
        _check_hours(self.start, self.end)


@frozen(eq=False, repr=False)
class DatedHours(Record):
    """The same hours on each of the dates ``first`` to ``last``, both included; whole days without hours."""

    first: date
    last: date
    start: int | None = None
    end: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"the dates end ({self.last}) before they begin ({self.first})")
        if (self.start is None) != (self.end is None):
            raise ValueError("hours need both a start and an end")
        if self.start is not None and self.end is not None:
            _check_hours(self.start, self.end)

    @property
    def whole_days(self) -> bool:
        """True where no hours are given."""
        return self.start is None


@frozen(eq=False, repr=False)
class Holidays(Record):
    """The public holidays, and days observed in their stead, of a country (``IT``) or its part (``DE-BE``)."""

    country: str


Hours = WeeklyHours | DatedHours | Holidays


@frozen(eq=False, repr=False)
class Schedule(Record):
    """Named local time: what is included, less what is excluded, and all time of its ``parts``.

    Nothing included is never open.
    """

    name: str
    zone: str
    include: tuple[Hours, ...]
    exclude: tuple[Hours, ...] = ()
    parts: tuple[Schedule, ...] = ()


ALL_WEEK: Final = (0, 1, 2, 3, 4, 5, 6)


def intervals(schedule: Schedule, start: int, end: int) -> Intervals:
    """The exact stretches of a schedule inside ``[start, end)``, cut at both ends; instants in nanoseconds
    UTC.

    Raises UnknownHolidays and UnknownZone where the schedule names what does not exist.
    """
    if end <= start:
        return ()
    zone = find_zone(schedule.zone)
    # Two days early: a shift may have begun the day before, and a clock change may have repeated a day.
    first = (to_datetime(start, zone) - 2 * _ONE_DAY).year
    last = to_datetime(end, zone).year
    own = (x for year in range(first, last + 1) for x in _intervals_of_year(schedule, year))
    parts = (x for part in schedule.parts for x in intervals(part, start, end))
    return clip(normalise((*own, *parts)), Interval(start, end))


def nearby_intervals(schedule: Schedule, start: int, end: int) -> Intervals:
    """As ``intervals``, for a few days of which no more will be asked: the rest of the year is not worked out."""
    if end <= start:
        return ()
    zone = find_zone(schedule.zone)
    first = to_datetime(start, zone).date() - 2 * _ONE_DAY
    last = to_datetime(end, zone).date() + _ONE_DAY
    parts = (x for part in schedule.parts for x in nearby_intervals(part, start, end))
    return clip(normalise((*_intervals_of_days(schedule, first, last), *parts)), Interval(start, end))


def check_holidays(code: str) -> None:
    """Raises UnknownHolidays, with the nearest known codes, where no holidays are known for a code."""
    if code in holiday_names():
        return
    import difflib

    from holidays.registry import COUNTRIES

    names = {name.casefold(): name for name in sorted(_codes(include_aliases=False))}
    countries = {name: codes[1] for name, codes in COUNTRIES.items()}
    wanted = code.strip().casefold().replace("_", "-").replace(" ", "-")
    country = wanted.partition("-")[0]
    near = [names[name] for name in (wanted, country) if name in names]
    if len(wanted) > 2:
        spelt = wanted.replace("-", "_")
        near += [countries[name] for name in countries if name.startswith(spelt)]
        near += [countries[name] for name in difflib.get_close_matches(spelt, countries, n=2, cutoff=0.8)]
    same_country = [name for name in names if name.startswith(f"{country}-")]
    near += [
        names[name] for name in difflib.get_close_matches(wanted, same_country or names, n=3, cutoff=0.6)
    ]
    raise UnknownHolidays(code, tuple(dict.fromkeys(near))[:3])


@lru_cache(maxsize=1)
def holiday_names() -> frozenset[str]:
    """Every known code: countries (``DE``, ``DEU``), their parts (``DE-BE``) and markets (``XECB``)."""
    return _codes(include_aliases=True)


def _codes(*, include_aliases: bool) -> frozenset[str]:
    import holidays

    countries = holidays.list_supported_countries(include_aliases=include_aliases)
    markets = holidays.list_supported_financial(include_aliases=include_aliases)
    parts = {f"{country}-{part}" for country, found in countries.items() for part in found}
    return frozenset({*countries, *parts, *markets})


@lru_cache(maxsize=512)
def holiday_dates(code: str, year: int) -> frozenset[date]:
    """The local dates in a year that are holidays under a code. Raises UnknownHolidays."""
    check_holidays(code)
    import holidays

    country, _, part = code.partition("-")
    if country in holidays.list_supported_financial(include_aliases=True):
        found = holidays.financial_holidays(country, years=year)
    else:
        found = holidays.country_holidays(country, subdiv=part or None, years=year)
    return frozenset(day for day in found if day.year == year)


def _check_hours(start: int, end: int) -> None:
    if not (0 <= start < DAY and 0 <= end <= DAY):
        raise ValueError("hours lie between 00:00 and 24:00, and start before 24:00")


@lru_cache(maxsize=1024)
def _intervals_of_year(schedule: Schedule, year: int) -> Intervals:
    """The stretches of the shifts that start in a local year."""
    return _intervals_of_days(schedule, date(year, 1, 1), date(year, 12, 31))


def _intervals_of_days(schedule: Schedule, first: date, last: date) -> Intervals:
    """The stretches of the shifts that start on a local day from the first to the last."""
    zone = find_zone(schedule.zone)
    closed: set[date] = set()
    cut: list[Interval] = []
    for hours in schedule.exclude:
        if isinstance(hours, Holidays) or (isinstance(hours, DatedHours) and hours.whole_days):
            closed.update(_days(hours, first, last))
        else:
            # A shift of the last day meets hours of the day after, and one of the first those of the night before.
            cut.extend(_stretches(hours, _days(hours, first - _ONE_DAY, last + _ONE_DAY), zone))
    opened: list[Interval] = []
    for hours in schedule.include:
        days = (day for day in _days(hours, first, last) if day not in closed)
        opened.extend(_stretches(hours, days, zone))
    return subtract(normalise(opened), normalise(cut))


def _days(hours: Hours, first: date, last: date) -> Iterator[date]:
    """The dates between two dates, both included, on which a shift starts."""
    match hours:
        case WeeklyHours():
            wanted = frozenset(hours.days)
            return (day for day in _each_day(first, last) if day.weekday() in wanted)
        case DatedHours():
            return _each_day(max(first, hours.first), min(last, hours.last))
        case Holidays():
            years = range(first.year, last.year + 1)
            dates = sorted(day for year in years for day in holiday_dates(hours.country, year))
            return (day for day in dates if first <= day <= last)
        case _:
            assert_never(hours)


def _each_day(first: date, last: date) -> Iterator[date]:
    return (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))


def _stretches(hours: Hours, days: Iterable[date], zone: ZoneInfo) -> Iterator[Interval]:
    match hours:
        case WeeklyHours():
            start, end = hours.start, hours.end
        case DatedHours():
            start, end = hours.start or 0, DAY if hours.end is None else hours.end
        case Holidays():
            start, end = 0, DAY
        case _:
            assert_never(hours)
    if end <= start:
        end += DAY
    for day in days:
        opening, closing = _wall_clock(day, start, zone), _wall_clock(day, end, zone)
        if opening < closing:
            yield Interval(opening, closing)


def _wall_clock(day: date, nanoseconds: int, zone: ZoneInfo) -> int:
    days, rest = divmod(nanoseconds, DAY)
    if days:
        day += _ONE_DAY * days
    if rest == 0:
        return midnight(day, zone)
    microseconds, below = divmod(rest, 1_000)
    return from_local(datetime.combine(day, time()) + timedelta(microseconds=microseconds), zone) + below
