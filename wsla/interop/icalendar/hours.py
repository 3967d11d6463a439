"""Hours of schedules as they are gathered from events, and as lines of `.sla`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Final

from attrs import define, field, frozen

FOR_EVER: Final = date(9998, 12, 31)
_ONE_DAY: Final = timedelta(days=1)
_WHOLE: Final = 86_400
_A_LINE: Final = 6
"""So many dates stand on a line."""
_NAMES: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Dates = tuple[date, date]
"""The first and the last of some dates in a row."""
Clock = tuple[int, int]
"""Seconds of the day from and to, up to 86400; a day later where the second is not after the first."""


@frozen
class Piece:
    """The part of an event that lies in some days in a row, counted from the one on which the event begins."""

    first: int
    last: int
    clock: Clock


def pieces(start: datetime, lasts: timedelta) -> Iterator[Piece]:
    """The parts of an event that hours of schedules can say: within a night, or cut at midnights."""
    begin = start.hour * 3600 + start.minute * 60 + start.second
    end = begin + lasts.days * _WHOLE + lasts.seconds
    if end - begin < _WHOLE and end != begin:
        yield Piece(0, 0, (begin, end if end <= _WHOLE else end - _WHOLE))
        return
    first = 0
    if begin:
        yield Piece(0, 0, (begin, _WHOLE))
        first = 1
    days, rest = divmod(end, _WHOLE)
    if days > first:
        yield Piece(first, days - 1, (0, _WHOLE))
    if rest:
        yield Piece(days, days, (0, rest))


@define
class Hours:
    """The lines of one schedule under way."""

    weekly: dict[tuple[Clock, tuple[Dates, ...]], set[int]] = field(factory=dict)
    dated: dict[Clock, list[Dates]] = field(factory=dict)

    def add_week(self, days: Iterable[int], clock: Clock, exceptions: Iterable[Dates]) -> None:
        """Hours on days of every week, but not on some dates."""
        self.weekly.setdefault((clock, joined(exceptions)), set()).update(days)

    def add_dates(self, dates: Dates, clock: Clock) -> None:
        """Hours on some dates in a row."""
        self.dated.setdefault(clock, []).append(dates)

    def dates(self) -> int:
        """How many dates and ranges of dates the lines name."""
        return sum(len(joined(one)) for one in self.dated.values()) + sum(len(one) for _, one in self.weekly)

    def lines(self) -> Iterator[str]:
        """The lines of the schedule, weeks first."""
        by_days: dict[tuple[tuple[int, ...], tuple[Dates, ...]], list[Clock]] = {}
        for (clock, exceptions), some_days in self.weekly.items():
            by_days.setdefault((tuple(sorted(some_days)), exceptions), []).append(clock)
        for (days, exceptions), clocks in sorted(by_days.items()):
            out = f" except {', '.join(map(_dates, exceptions))}" if exceptions else ""
            yield f"{_weekdays(days)}{_clocks(clocks)}{out}"
        by_dates: dict[tuple[Dates, ...], list[Clock]] = {}
        for clock, dates in self.dated.items():
            by_dates.setdefault(joined(dates), []).append(clock)
        for some, clocks in sorted(by_dates.items()):
            for start in range(0, len(some), _A_LINE):
                yield f"{', '.join(map(_dates, some[start : start + _A_LINE]))}{_clocks(clocks)}"


def joined(dates: Iterable[Dates]) -> tuple[Dates, ...]:
    """Dates in order, those that follow one another as one."""
    found: list[Dates] = []
    for first, last in sorted(dates):
        if found and first <= found[-1][1] + _ONE_DAY:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _dates(dates: Dates) -> str:
    first, last = dates
    return f"{first}" if first == last else f"{first} until {last}"


def _weekdays(days: tuple[int, ...]) -> str:
    if len(days) == len(_NAMES):
        return "every day"
    runs: list[list[int]] = []
    for day in days:
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        f"{_NAMES[run[0]]}-{_NAMES[run[-1]]}" if len(run) > 2 else ", ".join(_NAMES[day] for day in run)
        for run in runs
    )


def _clocks(clocks: list[Clock]) -> str:
    if (0, _WHOLE) in clocks and all(start < end for start, end in clocks):
        return ""
    return " " + ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in sorted(clocks))


def _clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{second:02}" if second else "")
