"""Points in time, intervals and periods of WSLA, and what they are in an agreement."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

from attrs import frozen

from wsla.interop.wsla_xml.context import Context
from wsla.interop.wsla_xml.tree import Element
from wsla.interop.wsla_xml.vocabulary import INTERVAL_PARTS
from wsla.values.instants import DAY, HOUR, MICROSECOND, MILLISECOND, MINUTE, SECOND
from wsla.values.records import Record

_UNITS: Final = (
    ("d", DAY),
    ("h", HOUR),
    ("m", MINUTE),
    ("s", SECOND),
    ("ms", MILLISECOND),
    ("us", MICROSECOND),
    ("ns", 1),
)
_PARTS: Final = dict(zip(INTERVAL_PARTS[2:], (DAY, HOUR, MINUTE, SECOND, MILLISECOND), strict=True))
_MOMENT: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?")
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MOST_LINES: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MASKS: Final = (
    "ConditionTime",
    "ConditionMonthOfYearMask",
    "ConditionDayOfMonthMask",
    "ConditionDayOfWeekMask",
    "ConditionTimeOfDayMask",
    "ConditionTimeZone",
    "ConditionLocalOrUtcTime",
)


@frozen(kw_only=True, eq=False, repr=False)
class Masks(Record):
    """When a period with masks is, each part ``None`` or empty where it says nothing.

    ``months`` are 1 to 12; ``days`` 1 to 31, and -1 to -31 from the month's end; ``weekdays`` 0 (Monday) to 6.
    ``start`` and ``end`` are dates (the end is the last one); ``hours`` are texts of times of day.
    """

    start: date | None = None
    end: date | None = None
    months: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    hours: tuple[str, str] | None = None

    @property
    def by_date(self) -> bool:
        """True where days of the week do not say all."""
        return bool(self.months or self.days or self.start or self.end)

    def on(self, day: date) -> bool:
        """Whether the period is on a day."""
        before_end = day.day - _days_in(day) - 1
        return (
            (not self.months or day.month in self.months)
            and (not self.days or day.day in self.days or before_end in self.days)
            and (not self.weekdays or day.weekday() in self.weekdays)
            and (self.start is None or day >= self.start)
            and (self.end is None or day <= self.end)
        )


def length_text(length: int) -> str:
    """A length in its greatest unit that counts it exactly."""
    unit, factor = next((unit, factor) for unit, factor in _UNITS if length % factor == 0)
    return f"{length // factor}{unit}"


def moment_text(instant: int) -> str:
    """An instant as it stands in an agreement, in UTC."""
    whole, rest = divmod(instant, SECOND)
    text = (_EPOCH + timedelta(seconds=whole)).strftime("%Y-%m-%dT%H:%M:%S")
    if rest:
        return f"{text}.{rest:09d}".rstrip("0") + "Z"
    return f"{text.removesuffix(':00')}Z"


def instant_of(context: Context, element: Element | None, owner: Element) -> int:
    """Nanoseconds since the epoch of an xsd:dateTime; without a zone it is UTC. Raises Unreadable."""
    if element is None:
        raise context.error(owner.span, "a period needs a start and an end, or its seven conditions")
    match = _MOMENT.fullmatch(element.text)
    if match is None:
        raise context.error(
            element.inside, f"`{element.text}` is no point in time such as 2026-01-31T08:00:00Z"
        )
    try:
        year, month, day, hour, minute, second = (int(match[part]) for part in range(1, 7))
        next_day = hour == 24 and minute == second == 0
        found = datetime(year, month, day, 0 if next_day else hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise context.error(
            element.inside, f"`{element.text}` is a point in time that does not exist"
        ) from None
    seconds = int((found - _EPOCH).total_seconds()) + (86_400 if next_day else 0)
    if match[8] not in (None, "Z"):
        sign = 1 if match[8][0] == "+" else -1
        seconds -= sign * (int(match[8][1:3]) * 3600 + int(match[8][4:6]) * 60)
    return seconds * SECOND + int((match[7] or "0").ljust(9, "0")[:9])


def length_of(context: Context, interval: Element | None, owner: Element) -> int:
    """The nanoseconds of an interval; a month is 30 days and a year 365, which is told. Raises Unreadable."""
    if interval is None:
        raise context.error(owner.span, "a schedule needs an interval")
    total = 0
    for part in interval.children:
        if part.name not in INTERVAL_PARTS:
            context.remark("W1101", part.span, f"`{part.name}` is no part of an interval")
            continue
        if not re.fullmatch(r"[+-]?\d{1,12}", part.text):
            raise context.error(part.inside, f"`{part.text}` is no whole number")
        if part.name in ("Years", "Months") and int(part.text):
            days = 365 if part.name == "Years" else 30
            context.remark(
                "W1104",
                part.span,
                f"{part.name.lower()[:-1]} by {part.name.lower()[:-1]} is read as every {days} days",
            )
            total += int(part.text) * days * DAY
        else:
            total += int(part.text) * _PARTS.get(part.name, 0)
    if total <= 0:
        raise context.error(interval.span, "an interval has to be longer than nothing")
    return total


def masks_of(context: Context, period: Element) -> Masks | None:
    """The conditions of a period; None for one that has a start and an end."""
    if not any(child.name in _MASKS for child in period.children):
        return None
    start, end = _range(context, period.first("ConditionTime"))
    return Masks(
        start=start,
        end=end,
        months=frozenset(_bits(context, period.first("ConditionMonthOfYearMask"), (12,))),
        days=frozenset(
            number if number <= 31 else 31 - number
            for number in _bits(context, period.first("ConditionDayOfMonthMask"), (31, 62, 64))
            if number <= 62
        ),
        # The first is Sunday.
        weekdays=frozenset(
            (number - 2) % 7 for number in _bits(context, period.first("ConditionDayOfWeekMask"), (7,))
        ),
        hours=_hours(context, period.first("ConditionTimeOfDayMask")),
    )


def offset_of(context: Context, period: Element) -> str:
    """The zone of a period's conditions, as a name of the time zone database; empty where they are in UTC."""
    zone = period.first("ConditionTimeZone")
    local = period.text_in("ConditionLocalOrUtcTime").lower()
    if zone is None or zone.text in ("", "Z") or local in ("2", "utc"):
        return ""
    match = re.fullmatch(r"([+-])(\d\d):?(\d\d)?", zone.text)
    if match is None or match[3] not in (None, "00") or int(match[2]) > 14:
        context.remark("W1104", zone.inside, f"`{zone.text}` is no zone of whole hours, and read as UTC")
        return ""
    # The database counts to the west.
    sign = "-" if match[1] == "+" else "+"
    return f"Etc/GMT{sign}{int(match[2])}" if int(match[2]) else ""


def mask_lines(masks: Masks, first: date, last: date) -> list[str] | None:
    """The lines of a schedule for conditions, dates from ``first`` to ``last``; None where they would be too many."""
    clock = "" if masks.hours is None else f" {masks.hours[0]}-{masks.hours[1]}"
    if not masks.by_date:
        days = sorted(masks.weekdays) if masks.weekdays else list(range(7))
        return [(", ".join(_weekdays(days)) if len(days) < 7 else "every day") + clock]
    lines: list[str] = []
    for start, end in _runs(masks, max(first, masks.start or first), min(last, masks.end or last)):
        if len(lines) == _MOST_LINES:
            return None
        lines.append(f"{start}{f' until {end}' if end > start else ''}{clock}")
    return lines


def stretch_lines(start: int, end: int) -> list[str]:
    """The lines of a schedule in UTC for a stretch of time; parts of seconds at its ends are left out."""
    first, last = (_EPOCH + timedelta(seconds=instant // SECOND) for instant in (start, end))
    if last <= first:
        return []
    if first.date() == last.date():
        return [f"{first.date()} {_clock(first)}-{_clock(last)}"]
    lines = []
    day = first.date()
    if _clock(first) != "00:00":
        lines.append(f"{day} {_clock(first)}-24:00")
        day += timedelta(days=1)
    whole = last.date() - timedelta(days=1)
    if whole >= day:
        lines.append(f"{day}{f' until {whole}' if whole > day else ''}")
    if _clock(last) != "00:00":
        lines.append(f"{last.date()} 00:00-{_clock(last)}")
    return lines


def day_of(instant: int) -> date:
    """The day of an instant in UTC."""
    return (_EPOCH + timedelta(seconds=instant // SECOND)).date()


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S").removesuffix(":00")


def _days_in(day: date) -> int:
    following = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    return (following - timedelta(days=1)).day


def _runs(masks: Masks, first: date, last: date) -> Iterator[tuple[date, date]]:
    start: date | None = None
    day = first
    while day <= last:
        if masks.on(day):
            start = start or day
        elif start is not None:
            yield start, day - timedelta(days=1)
            start = None
        day += timedelta(days=1)
    if start is not None:
        yield start, last


def _weekdays(days: list[int]) -> Iterator[str]:
    first = days[0]
    for day, following in zip(days, [*days[1:], -1], strict=True):
        if following != day + 1:
            yield _DAYS[day] if day == first else f"{_DAYS[first]}-{_DAYS[day]}"
            first = following


def _bits(context: Context, element: Element | None, lengths: tuple[int, ...]) -> Iterator[int]:
    """The numbers, from 1, of the bits that are set; none where all are, or where nothing is said."""
    text = "" if element is None else re.sub(r"[\s:]", "", element.text)
    if element is None or not text:
        return
    if not re.fullmatch(r"[01]+", text) or len(text) not in lengths:
        several = " or ".join(str(length) for length in lengths[:2])
        raise context.error(element.inside, f"a mask of {several} zeros and ones is needed here")
    if "1" not in text:
        raise context.error(element.inside, "a mask of zeros alone never holds")
    if "0" in text[: lengths[0]]:
        yield from (number for number, bit in enumerate(text, start=1) if bit == "1")


def _range(context: Context, element: Element | None) -> tuple[date | None, date | None]:
    if element is None or not element.text:
        return None, None
    parts = re.split(r"[:/]", element.text)
    dates: list[date | None] = []
    for part in parts:
        if part.upper() in ("THISANDPRIOR", "THISANDFUTURE", ""):
            dates.append(None)
            continue
        match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T?(\d{6}))?Z?", part)
        try:
            dates.append(date(int(match[1]), int(match[2]), int(match[3])) if match else date(0, 1, 1))
        except ValueError:
            raise context.error(
                element.inside, f"`{part}` is no point in time such as 20260131080000"
            ) from None
        if match and match[4] == "000000" and len(dates) == 2:
            # Midnight as an end belongs to the day before.
            dates[1] = dates[1] - timedelta(days=1) if dates[1] is not None else None
        elif match and match[4] not in (None, "000000", "235959"):
            context.remark(
                "W1104", element.inside, "the time of day of this range is left out: whole days are read"
            )
    if len(dates) != 2:
        raise context.error(element.inside, "a range of time is two points in time with a colon between them")
    return dates[0], dates[1]


def _hours(context: Context, element: Element | None) -> tuple[str, str] | None:
    if element is None or not element.text:
        return None
    match = re.fullmatch(r"T?(\d\d)(\d\d)(\d\d)[:/]T?(\d\d)(\d\d)(\d\d)", element.text)
    if match is None:
        raise context.error(element.inside, "hours are written as two times of day, such as 080000:180000")
    ends = [":".join(match.group(*range(start, start + 3))).removesuffix(":00") for start in (1, 4)]
    # The last second of the day stands for its end.
    end = "24:00" if ends[1] == "23:59:59" else ends[1]
    return None if (ends[0], end) == ("00:00", "24:00") else (ends[0], end)
