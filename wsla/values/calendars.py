"""Windows: calendar periods in a zone, the last few of them, exact lengths from an origin, and rolling windows on
clock-aligned ticks.

Tumbling windows partition time: no hole, no overlap, whatever clocks do. A boundary that a clock change
removes is read by the rule of ``from_local``; a midnight is always the first instant of its local day; a
local day that never happened (Apia, 30 December 2011) has no window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from enum import Enum
from functools import lru_cache
from typing import Final, assert_never
from zoneinfo import ZoneInfo, available_timezones

from attrs import field, frozen

from wsla.values.instants import Interval, format_instant, from_local, midnight, to_datetime


class CalendarUnit(Enum):
    """The calendar's own periods; the value is the word that agreements use."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    def after(self, day: date, count: int) -> date:
        """The day that many units later; where its month is too short for it, the month's last day."""
        if self in _MONTHS:
            return add_months(day, count * _MONTHS[self])
        return day + timedelta(days=count * _DAYS[self])


class UnknownZone(ValueError):
    """A name that is no time zone; ``suggestions`` holds the nearest known names."""

    def __init__(self, name: str, suggestions: tuple[str, ...]) -> None:
        super().__init__(f'{name!r} is not a time zone such as "Europe/Berlin" or "UTC"')
        self.name = name
        self.suggestions = suggestions


@frozen
class CalendarWindow:
    """Tumbling calendar windows of ``count`` units in a zone, counted from ``anchor`` in both directions.

    ``anchor`` is a local date (its midnight) or a naive local time at which one of the windows starts;
    without one, days start at midnight, weeks on Monday, months on the 1st, quarters in January, April,
    July and October, years on 1 January, and several units are counted from January 1970. Month arithmetic
    starts afresh from the anchor for every window and stops at the month's end: 31 January, 28 February, 31
    March.
    """

    unit: CalendarUnit
    count: int = field(default=1)
    anchor: date | None = None
    zone: str = "UTC"

    def __attrs_post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a window has at least one {self.unit.value}, not {self.count}")
        if isinstance(self.anchor, datetime) and self.anchor.tzinfo is not None:
            raise ValueError("the start of a calendar window is a local time; its zone is the window's own")


@frozen
class ExactWindow:
    """Tumbling windows of an exact length in nanoseconds; one of them starts at ``origin_ns``."""

    length_ns: int
    origin_ns: int = 0

    def __attrs_post_init__(self) -> None:
        if self.length_ns < 1:
            raise ValueError("a window is longer than nothing")


@frozen
class RollingWindow:
    """The last ``length_ns`` nanoseconds, looked at on ticks: multiples of ``every_ns`` since the epoch."""

    length_ns: int
    every_ns: int

    def __attrs_post_init__(self) -> None:
        if self.length_ns < 1 or self.every_ns < 1:
            raise ValueError("a rolling window, and the time between two looks, are longer than nothing")

    def ticks(self, start: int, end: int) -> range:
        """The ticks in ``[start, end)``, in order."""
        return range(-(-start // self.every_ns) * self.every_ns, end, self.every_ns)

    def window_at(self, tick: int) -> Interval:
        """The window that a tick looks back on: ``[tick - length, tick)``."""
        return Interval(tick - self.length_ns, tick)


@frozen
class OverlappingWindow:
    """The last ``count`` calendar periods, looked at once a period: for every period the window that ends with it and
    begins ``count - 1`` periods earlier.
    """

    period: CalendarWindow
    count: int

    def __attrs_post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"a window has at least one {self.period.unit.value}, not {self.count}")

    def ending_with(self, instant: int) -> Interval:
        """The window that ends with the period which contains an instant."""
        index = _index_of(self.period, instant)
        return Interval(_boundary(self.period, index - self.count + 1), _boundary(self.period, index + 1))

    def last_period(self, window: Interval) -> Interval:
        """The period with which a window ends."""
        return window_containing(self.period, window.end - 1)


TumblingWindow = CalendarWindow | ExactWindow

_MONTHS: Final = {CalendarUnit.MONTH: 1, CalendarUnit.QUARTER: 3, CalendarUnit.YEAR: 12}
_DAYS: Final = {CalendarUnit.DAY: 1, CalendarUnit.WEEK: 7}
_FIRST_MONDAY: Final = date(1970, 1, 5)
_FIRST_DAY: Final = date(1970, 1, 1)
# "localtime" differs between machines and "right/" counts leap seconds: parties would disagree.
_REFUSED_ZONES: Final = ("localtime", "Factory", "posixrules")
_REFUSED_FOLDERS: Final = ("right/", "posix/")


@lru_cache(maxsize=256)
def find_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises UnknownZone, with the nearest names, for anything else."""
    if name not in _REFUSED_ZONES and not name.startswith(_REFUSED_FOLDERS):
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    known = {zone.casefold(): zone for zone in sorted(available_timezones()) if zone not in _REFUSED_ZONES}
    cities = {zone.rsplit("/", 1)[-1].casefold(): zone for zone in known.values() if "/" in zone}
    wanted = name.casefold().replace(" ", "_")
    import difflib

    found = [cities[near] for near in difflib.get_close_matches(wanted, cities, n=2, cutoff=0.8)]
    found += [known[near] for near in difflib.get_close_matches(wanted, known, n=3, cutoff=0.7)]
    raise UnknownZone(name, tuple(dict.fromkeys(found))[:3])


def anchor_on_day(day: int, month: int = 1) -> date:
    """The anchor of ``starting 15th`` (of months, quarters) or ``starting 1 April`` (of years).

    Raises ValueError for a day that the month never has; 29 February is a day of leap years.
    """
    return date(1972, month, day)


def anchor_on_weekday(weekday: int) -> date:
    """The anchor of weeks that start on a weekday, 0 for Monday to 6 for Sunday."""
    if not 0 <= weekday <= 6:
        raise ValueError(f"a weekday is 0 (Monday) to 6 (Sunday), not {weekday}")
    return _FIRST_MONDAY + timedelta(days=weekday)


def window_containing(spec: TumblingWindow, instant: int) -> Interval:
    """The one window that contains an instant."""
    match spec:
        case CalendarWindow():
            index = _index_of(spec, instant)
            return Interval(_boundary(spec, index), _boundary(spec, index + 1))
        case ExactWindow():
            start = instant - (instant - spec.origin_ns) % spec.length_ns
            return Interval(start, start + spec.length_ns)
        case _:
            assert_never(spec)


def windows_overlapping(spec: TumblingWindow, start: int, end: int) -> Iterator[Interval]:
    """The windows that share an instant with ``[start, end)``, whole and in order."""
    while start < end:
        window = window_containing(spec, start)
        yield window
        start = window.end


def _index_of(spec: CalendarWindow, instant: int) -> int:
    anchor = _anchor(spec)
    local = to_datetime(instant, find_zone(spec.zone)).date()
    if spec.unit in _MONTHS:
        distance = (local.year - anchor.year) * 12 + local.month - anchor.month
        index = distance // (_MONTHS[spec.unit] * spec.count)
    else:
        index = (local - anchor.date()).days // (_DAYS[spec.unit] * spec.count)
    # The local date only comes near: windows may start later in the day, and clocks may repeat a midnight.
    while _boundary(spec, index) > instant:
        index -= 1
    while _boundary(spec, index + 1) <= instant:
        index += 1
    return index


@lru_cache(maxsize=8192)
def _boundary(spec: CalendarWindow, index: int) -> int:
    anchor = _anchor(spec)
    if spec.unit in _MONTHS:
        day = add_months(anchor.date(), index * spec.count * _MONTHS[spec.unit])
    else:
        day = anchor.date() + timedelta(days=index * spec.count * _DAYS[spec.unit])
    zone = find_zone(spec.zone)
    if anchor.time() == time():
        return midnight(day, zone)
    return from_local(datetime.combine(day, anchor.time()), zone)


def _anchor(spec: CalendarWindow) -> datetime:
    if isinstance(spec.anchor, datetime):
        return spec.anchor
    default = _FIRST_MONDAY if spec.unit is CalendarUnit.WEEK else _FIRST_DAY
    return datetime.combine(spec.anchor or default, time())


def add_months(day: date, months: int) -> date:
    """The same day some months later (or earlier), or the last day of that month where it is shorter."""
    from calendar import monthrange

    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


_PERIOD: Final = re.compile(
    r"(\d{4})(?:-(?:Q(?P<quarter>[1-4])|W(?P<week>\d\d)|(?P<month>\d\d)(?:-(?P<day>\d\d))?))?", re.ASCII
)


def parse_period(text: str) -> tuple[CalendarUnit, date]:
    """The calendar period that people write as ``2026``, ``2026-Q1``, ``2026-03``, ``2026-W10`` or
    ``2026-03-04``.

    Gives its unit and its first local date. Raises ValueError where the text names no period of the
    calendar.
    """
    match = _PERIOD.fullmatch(text.strip())
    if match is None or not 1 <= int(match[1]) <= 9998:
        raise ValueError(f"{text!r} names no period such as 2026, 2026-Q1, 2026-03, 2026-W10 or 2026-03-04")
    year = int(match[1])
    try:
        if match["quarter"]:
            return CalendarUnit.QUARTER, date(year, 3 * int(match["quarter"]) - 2, 1)
        if match["week"]:
            return CalendarUnit.WEEK, date.fromisocalendar(year, int(match["week"]), 1)
        if match["day"]:
            return CalendarUnit.DAY, date(year, int(match["month"]), int(match["day"]))
        if match["month"]:
            return CalendarUnit.MONTH, date(year, int(match["month"]), 1)
    except ValueError:
        raise ValueError(f"the calendar has no {text.strip()}") from None
    return CalendarUnit.YEAR, date(year, 1, 1)


def period_interval(unit: CalendarUnit, first: date, zone: str) -> Interval:
    """The time of the calendar period that begins on a local date, midnight to midnight in the zone."""
    found = find_zone(zone)
    return Interval(midnight(first, found), midnight(unit.after(first, 1), found))


@lru_cache(maxsize=1024)
def label_of(window: Interval, unit: CalendarUnit | None, zone: str) -> str:
    """What a report calls a window: ``2026-Q1``, ``2026-03``, ``2026-W10``, ``2026-03-04``.

    A window that is no whole period of the unit is its start and end in RFC 3339, with ``..`` between.
    """
    found = find_zone(zone)
    if unit is not None:
        first = to_datetime(window.start, found).date()
        label = _period_label(unit, first)
        if period_interval(*parse_period(label), zone) == window:
            return label
    return f"{format_instant(window.start, found)}..{format_instant(window.end, found)}"


def _period_label(unit: CalendarUnit, day: date) -> str:
    match unit:
        case CalendarUnit.DAY:
            return day.isoformat()
        case CalendarUnit.WEEK:
            year, week, _ = day.isocalendar()
            return f"{year:04d}-W{week:02d}"
        case CalendarUnit.MONTH:
            return f"{day.year:04d}-{day.month:02d}"
        case CalendarUnit.QUARTER:
            return f"{day.year:04d}-Q{(day.month + 2) // 3}"
        case CalendarUnit.YEAR:
            return f"{day.year:04d}"
        case _:
            assert_never(unit)
