"""Instants, lengths and intervals: integer nanoseconds, UTC, half-open."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from attrs import field, frozen

NANOSECOND: Final = 1
MICROSECOND: Final = 1_000
MILLISECOND: Final = 1_000_000
SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR


_OF_SECONDS: Final = len("2026-03-04T10:00:00")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET: Final = r"[+-](?:[01]\d|2[0-3]):?[0-5]\d"
_PATTERN: Final = re.compile(
    rf"(\d{{4}})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{{1,9}})\d*)?)?(Z|z|{_OFFSET})?)?",
    re.ASCII,
)


@frozen(order=True)
class Interval:
    """A half-open stretch of time ``[start, end)`` in nanoseconds since the epoch."""

    start: int = field()
    end: int = field()

    def __attrs_post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"an interval cannot end ({self.end}) before it starts ({self.start})")

    @property
    def length(self) -> int:
        """Length in nanoseconds."""
        return self.end - self.start

    def contains(self, instant: int) -> bool:
        """True where ``start <= instant < end``."""
        return self.start <= instant < self.end


class LocalTimeError(ValueError):
    """A local time that has no zone to be read in."""


def from_datetime(moment: datetime) -> int:
    """Nanoseconds since the epoch of an aware datetime. Raises LocalTimeError for a naive one."""
    if moment.tzinfo is None:
        raise LocalTimeError("this time has no zone")
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * 1_000


def to_datetime(instant: int, zone: ZoneInfo | None = None) -> datetime:
    """The aware datetime of an instant, cut to whole microseconds; in UTC unless a zone is given."""
    moment = _EPOCH + timedelta(microseconds=instant // 1_000)
    return moment.astimezone(zone) if zone is not None else moment


def from_local(moment: datetime, zone: ZoneInfo) -> int:
    """The instant of a naive wall-clock time in a zone.

    A time that occurs twice (clocks go back) is the first of the two; a time that a clock change removes is
    read with the offset in force before the change, so it lands as much after the change as it was written
    after it (the rule of RFC 5545, section 3.3.5).
    """
    return from_datetime(moment.replace(tzinfo=zone, fold=0))


def local_time_is_skipped(moment: datetime, zone: ZoneInfo) -> bool:
    """True where no clock in the zone ever shows this naive time."""
    instant = from_local(moment, zone)
    return to_datetime(instant, zone).replace(tzinfo=None) != moment


def local_time_is_repeated(moment: datetime, zone: ZoneInfo) -> bool:
    """True where clocks in the zone show this naive time twice."""
    first = moment.replace(tzinfo=zone, fold=0)
    second = moment.replace(tzinfo=zone, fold=1)
    return not local_time_is_skipped(moment, zone) and first.utcoffset() != second.utcoffset()


def parse_instant(text: str, zone: ZoneInfo | None = None) -> int:
    """The instant written as RFC 3339 or, where a zone is given, as local time or as a bare date.

    A bare date is its first instant. Up to nine digits of a fraction are kept. Raises LocalTimeError where an offset
    and a zone are both missing, and ValueError where the text is no time of the years 2 to 9998 (in the calendar's
    first and last year, some zone would lie outside it).
    """
    match = _PATTERN.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a time such as 2026-03-04T10:00:00Z")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    if not 2 <= int(year) <= 9998:
        raise ValueError(f"{text!r} does not lie in the years 2 to 9998")
    moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    nanoseconds = int(fraction.ljust(9, "0")) if fraction else 0
    if offset is None:
        if zone is None:
            raise LocalTimeError(f"{text!r} has no zone")
        return midnight(moment.date(), zone) if hour is None else from_local(moment, zone) + nanoseconds
    return from_datetime(moment.replace(tzinfo=UTC)) - _offset_nanoseconds(offset) + nanoseconds


def _offset_nanoseconds(offset: str) -> int:
    if offset in ("Z", "z"):
        return 0
    sign = -1 if offset[0] == "-" else 1
    return sign * (int(offset[1:3]) * HOUR + int(offset[-2:]) * MINUTE)


def midnight(day: date, zone: ZoneInfo) -> int:
    """The first instant of a local date, or of the next date where a clock change removes this one."""
    moment = datetime(day.year, day.month, day.day)
    instant = from_local(moment, zone)
    if not local_time_is_skipped(moment, zone):
        return instant
    # The change came at some second between the readings of midnight with the offsets after and before it.
    earlier = from_datetime(moment.replace(tzinfo=zone, fold=1)) // SECOND
    later = instant // SECOND
    while earlier < later:
        middle = (earlier + later) // 2
        if to_datetime(middle * SECOND, zone).date() < day:
            earlier = middle + 1
        else:
            later = middle
    return later * SECOND


def format_instant(instant: int, zone: ZoneInfo | None = None) -> str:
    """RFC 3339 text, with only as many digits of the second as the instant needs."""
    seconds, nanoseconds = divmod(instant, SECOND)
    moment = to_datetime(seconds * SECOND, zone)
    fraction = f".{nanoseconds:09d}".rstrip("0") if nanoseconds else ""
    text = moment.isoformat()
    return f"{text[:_OF_SECONDS]}{fraction}{'Z' if zone is None else text[_OF_SECONDS:]}"


def format_length(nanoseconds: int) -> str:
    """A length in the language's own suffixes, largest first: ``2h 5m``, ``1.5s``, ``250ms``."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 0:
        return "-" + format_length(-nanoseconds)
    if nanoseconds < SECOND:
        for size, suffix in ((MILLISECOND, "ms"), (MICROSECOND, "us"), (NANOSECOND, "ns")):
            if nanoseconds % size == 0:
                return f"{nanoseconds // size}{suffix}"
    parts = []
    rest = nanoseconds
    for size, suffix in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{suffix}")
    if rest:
        seconds, fraction = divmod(rest, SECOND)
        tail = f".{fraction:09d}".rstrip("0") if fraction else ""
        parts.append(f"{seconds}{tail}s")
    return " ".join(parts)
