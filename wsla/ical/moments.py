"""Dates, times, lengths and rules as properties write them, read by the library."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from attrs import frozen

from wsla.values.calendars import find_zone
from wsla.values.instants import from_local, to_datetime
from wsla.values.records import Record

UTC: Final = "UTC"
EARLIEST: Final = 1900
LATEST: Final = 2200
"""The years of which calendars speak; a schedule that recurs is worked out day by day."""
LONGEST: Final = timedelta(days=3660)
_FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_FINER: Final = ("SECONDLY", "MINUTELY", "HOURLY")
_MOST_A_DAY: Final = 100
_LARGEST_INTERVAL: Final = 10_000
_RANGES: Final = {
    "BYSECOND": (0, 59),
    "BYMINUTE": (0, 59),
    "BYHOUR": (0, 23),
    "BYMONTH": (1, 12),
    "BYMONTHDAY": (1, 31),
    "BYYEARDAY": (1, 366),
    "BYWEEKNO": (1, 53),
    "BYSETPOS": (1, 366),
}
_BACKWARDS: Final = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"})


class NotReadable(ValueError):
    """A value that cannot be read; the text says why, in words for the reader of the file."""


class TooFine(NotReadable):
    """A rule that makes more occurrences than agreements have a use for."""


@frozen(kw_only=True)
class Moment:
    """A local time, or with ``is_date`` a whole day; without a ``zone`` it floats: it is meant wherever it is read."""

    local: datetime
    zone: str | None = None
    is_date: bool = False

    def instant(self, otherwise: str) -> int:
        """Nanoseconds since the epoch; one that floats is read in the zone ``otherwise``."""
        return from_local(self.local, find_zone(self.zone or otherwise))

    def local_in(self, zone: str, otherwise: str) -> datetime:
        """What clocks of a zone show then; one that floats is read in the zone ``otherwise``."""
        if (self.zone or otherwise) == zone:
            return self.local
        return to_datetime(self.instant(otherwise), find_zone(zone)).replace(tzinfo=None)


@frozen(kw_only=True, eq=False, repr=False)
class Rule(Record):
    """A recurrence: ``parts`` as the library reads them. ``until`` is its last moment, both included."""

    frequency: str
    interval: int
    count: int | None
    until: Moment | None
    parts: Mapping[str, tuple[Any, ...]]

    @property
    def is_endless(self) -> bool:
        """True where neither UNTIL nor COUNT ends it."""
        return self.count is None and self.until is None


def _library() -> Any:
    import icalendar.prop

    return icalendar.prop


def moment(value: str, zone: str | None, *, is_date: bool = False) -> Moment:
    """A DATE or DATE-TIME; ``zone`` is that of its TZID. Raises NotReadable."""
    library = _library()
    value = value.strip()
    try:
        if is_date or (len(value) == 8 and value.isdecimal()):
            day = library.vDate.from_ical(value)
            found = Moment(local=datetime.combine(day, time()), is_date=True)
        else:
            read = library.vDatetime.from_ical(value)
            utc = value.endswith(("Z", "z"))
            found = Moment(local=read.replace(tzinfo=None), zone=UTC if utc else zone)
    except (ValueError, OverflowError, TypeError):
        example = "a date such as 20260304" if is_date else "a time such as 20260304T100000"
        raise NotReadable(f"`{value[:40]}` is not {example}") from None
    if not EARLIEST <= found.local.year <= LATEST:
        raise NotReadable(f"`{value[:40]}` does not lie in the years {EARLIEST} to {LATEST}")
    return found


def length(value: str) -> timedelta:
    """A DURATION. Raises NotReadable."""
    library = _library()
    value = value.strip()
    try:
        read = library.vDuration.from_ical(value)
    except (ValueError, OverflowError, TypeError):
        read = None
    if not isinstance(read, timedelta) or not any(one.isdecimal() for one in value):
        raise NotReadable(f"`{value[:40]}` is not a length such as PT2H or P1D")
    if not timedelta() <= read <= LONGEST:
        raise NotReadable(f"`{value[:40]}` is not a length of up to ten years")
    return read


def rule(value: str) -> Rule:
    """An RRULE. Raises NotReadable, and TooFine for one that occurs more often than some times a day."""
    library = _library()
    try:
        read = {key.upper(): tuple(found) for key, found in library.vRecur.from_ical(value.strip()).items()}
    except (ValueError, OverflowError, TypeError, AttributeError) as problem:
        raise NotReadable(f"this rule cannot be read: {str(problem)[:80]}") from None
    frequency = str(read.pop("FREQ", ("",))[0])
    if frequency in _FINER:
        raise TooFine(f"FREQ={frequency} is not read: FREQ=DAILY is the finest")
    if frequency not in _FREQUENCIES:
        raise NotReadable("a rule needs FREQ=DAILY, WEEKLY, MONTHLY or YEARLY")
    if str(read.pop("RSCALE", ("GREGORIAN",))[0]).upper() != "GREGORIAN" or read.pop("SKIP", ()):
        raise NotReadable("only rules of the Gregorian calendar are read")
    interval, count = _number(read, "INTERVAL", _LARGEST_INTERVAL), _number(read, "COUNT", 10**9)
    until = _until(read, value)
    if count is not None and until is not None:
        raise NotReadable("a rule ends by COUNT or by UNTIL, not by both")
    _check_parts(read, frequency)
    return Rule(frequency=frequency, interval=interval or 1, count=count, until=until, parts=read)


def _number(read: dict[str, tuple[Any, ...]], name: str, most: int) -> int | None:
    found = read.pop(name, None)
    if found is None:
        return None
    if len(found) != 1 or not 1 <= found[0] <= most:
        raise NotReadable(f"{name} is a number from 1 to {most:,}")
    return int(found[0])


def _until(read: dict[str, tuple[Any, ...]], value: str) -> Moment | None:
    found = read.pop("UNTIL", None)
    if found is None:
        return None
    until = found[0]
    if not isinstance(until, date) or len(found) != 1 or not EARLIEST <= until.year <= LATEST:
        raise NotReadable(f"UNTIL is a date or a time of the years {EARLIEST} to {LATEST}")
    if not isinstance(until, datetime):
        return Moment(local=datetime.combine(until, time()), is_date=True)
    return Moment(local=until.replace(tzinfo=None), zone=None if until.tzinfo is None else UTC)


def _check_parts(read: dict[str, tuple[Any, ...]], frequency: str) -> None:
    a_day = 1
    for name, found in read.items():
        if name in ("BYDAY", "WKST"):
            ordinals = [str(one)[:-2] for one in found if len(str(one)) > 2]
            if any(not 1 <= abs(int(one)) <= 53 for one in ordinals):
                raise NotReadable(f"the weeks of {name} are counted from 1 to 53")
            if ordinals and (name == "WKST" or frequency in ("DAILY", "WEEKLY")):
                raise NotReadable(
                    f"{name} of a rule that is {frequency.lower()} names days of the week alone"
                )
        elif name in _RANGES:
            low, high = _RANGES[name]
            for one in map(str, found):
                number = int(one) if one.lstrip("+-").isdecimal() else -1000
                if not low <= (abs(number) if name in _BACKWARDS else number) <= high:
                    raise NotReadable(f"{name} goes from {low} to {high}, and {one} is none of these")
            if name in ("BYHOUR", "BYMINUTE", "BYSECOND"):
                a_day *= len(set(found))
        else:
            raise NotReadable(f"a rule has no part {name[:40]}")
    if a_day > _MOST_A_DAY:
        raise TooFine(f"a rule that occurs more than {_MOST_A_DAY} times a day is not read")
