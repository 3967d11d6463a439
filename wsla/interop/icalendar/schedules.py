"""Schedules become events: a rule for hours of the week, less the dates that are taken out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

from attrs import define, field, frozen

from wsla.interop.icalendar.meetings import uid_of
from wsla.interop.icalendar.remembered import Remembered
from wsla.interop.icalendar.writing import Entry
from wsla.values.calendars import find_zone
from wsla.values.instants import DAY, to_datetime
from wsla.values.schedules import ALL_WEEK, DatedHours, Holidays, Hours, Schedule, WeeklyHours, holiday_dates

MOST_DATES: Final = 2_000
"""How many dates an event leaves out or adds at most."""
YEARS: Final = 5
"""For so many years holidays are written, where the term has no end."""
_ONE_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NEVER: Final = 9000
"""No calendar ends in this year or later."""


@frozen(kw_only=True)
class Term:
    """The days that matter: ``end`` is the first one behind them, None where there is none.

    With ``cut`` rules end there, too.
    """

    begin: date
    end: date | None
    cut: bool = False

    @property
    def horizon(self) -> date:
        """Until when what no rule says is written as dates."""
        return self.end or self.begin.replace(day=1, month=1, year=self.begin.year + YEARS)


@frozen(kw_only=True)
class _Shift:
    """Hours of schedules without what is cut: nanoseconds of a day that is ``offset`` days after that of the shift."""

    offset: int
    start: int
    end: int


def term_of(schedules: Iterable[Schedule], zone: str, start: int, end: int | None) -> Term:
    """The days of a term; a night before its first day counts where hours go on past midnight."""
    begin = to_datetime(start, find_zone(zone)).date()
    if any(_crosses(one) for one in schedules):
        begin -= _ONE_DAY
    last = None if end is None else to_datetime(end - 1, find_zone(zone)).date() + _ONE_DAY
    return Term(begin=begin, end=last)


def _crosses(schedule: Schedule) -> bool:
    own = any(
        not isinstance(one, Holidays)
        and one.start is not None
        and one.end is not None
        and one.end <= one.start
        for one in schedule.include
    )
    return own or any(map(_crosses, schedule.parts))


def entries_of(
    schedule: Schedule,
    title: str,
    term: Term,
    unsaid: Callable[[str], None],
    about: Remembered | None = None,
) -> Iterator[Entry]:
    """The events of a schedule of the agreement ``title``; ``unsaid`` is told what calendars cannot say."""
    about = about or Remembered()
    for number, part in enumerate(schedule.parts or (schedule,)):
        work = _Part(part=part, term=term, unsaid=unsaid)
        for index, made in work.events():
            first = datetime.combine(made.first, time())
            start, end = (first + timedelta(microseconds=at // 1000) for at in (made.start, made.end))
            clock = start.time()
            yield Entry(
                uid=uid_of(title, "schedule", schedule.name, str(number), str(index), made.clock),
                summary=about.title or schedule.name,
                description=about.description,
                location=about.location,
                start=start,
                end=end,
                zone=schedule.zone,
                rule=made.rule,
                until=None if made.until is None else datetime.combine(made.until, clock),
                left_out=tuple(datetime.combine(day, clock) for day in made.left_out),
                extra=tuple(datetime.combine(day, clock) for day in made.extra),
            )


@frozen(kw_only=True)
class _Made:
    """An event: its first day, nanoseconds of the day, and how it recurs."""

    first: date
    start: int
    end: int
    rule: str = ""
    until: date | None = None
    left_out: tuple[date, ...] = ()
    extra: tuple[date, ...] = ()

    @property
    def clock(self) -> str:
        """What tells it from others of the same hours, whatever time the calendar is of."""
        return "days" if self.start == 0 and self.end % DAY == 0 else f"{self.start} {self.end}"


@define(kw_only=True)
class _Part:
    """Hours with one list of exceptions."""

    part: Schedule
    term: Term
    unsaid: Callable[[str], None]
    _closed: list[tuple[date, date]] = field(factory=list)
    _weekdays: frozenset[int] = frozenset()

    def events(self) -> Iterator[tuple[int, _Made]]:
        """The events, each with the number of the hours that it says."""
        weekdays: set[int] = set()
        for out in self.part.exclude:
            match out:
                case WeeklyHours(days=days):
                    weekdays.update(days)
                case DatedHours(first=first, last=last):
                    self._closed.append((first, last))
                case Holidays():
                    self._closed.extend((day, day) for day in self._holidays(out))
        self._weekdays = frozenset(weekdays)
        self._closed = _joined(self._closed)
        for index, hours in enumerate(self.part.include):
            yield from ((index, made) for made in self._of(hours))

    def _of(self, hours: Hours) -> Iterator[_Made]:
        match hours:
            case WeeklyHours(days=days, start=start, end=end):
                yield from self._recurring(days, start, end, self.term.begin, None)
            case DatedHours(last=last):
                if last >= self.term.begin:
                    yield from self._dated(hours)
            case Holidays():
                yield from self._of_holidays(hours)

    def _holidays(self, holidays: Holidays) -> Iterator[date]:
        horizon = self.term.horizon
        if self.term.end is None:
            self.unsaid(f'holidays "{holidays.country}" from {horizon} on')
        for year in range(self.term.begin.year, horizon.year + 1):
            days = sorted(holiday_dates(holidays.country, year))
            yield from (day for day in days if self.term.begin <= day < horizon)

    def _of_holidays(self, holidays: Holidays) -> Iterator[_Made]:
        days = [
            day
            for day in self._holidays(holidays)
            if not self._is_closed(day) and day.weekday() not in self._weekdays
        ]
        if days:
            yield _Made(first=days[0], start=0, end=DAY, extra=tuple(days[1:]))

    def _dated(self, hours: DatedHours) -> Iterator[_Made]:
        start, end = hours.start or 0, DAY if hours.end is None else hours.end
        first = max(hours.first, self.term.begin)
        last = None if hours.last.year >= _NEVER else hours.last
        if self.term.cut and self.term.end is not None and first >= self.term.end:
            return
        in_one = last is not None and (start, end) == (0, DAY) and not self._weekdays
        if in_one and last is not None and not any(one <= last and first <= two for one, two in self._closed):
            yield _Made(first=first, start=0, end=((last - first).days + 1) * DAY)
            return
        yield from self._recurring(ALL_WEEK, start, end, first, last)

    def _recurring(
        self, days: tuple[int, ...], start: int, end: int, first: date, last: date | None
    ) -> Iterator[_Made]:
        groups: dict[_Shift, set[int]] = {}
        for day in days:
            for shift in self._cut(day, start, end if end > start else end + DAY):
                groups.setdefault(shift, set()).add(day)
        for shift, some in groups.items():
            yield from self._event(shift, frozenset(some), first, last)

    def _cut(self, day: int, start: int, end: int) -> Iterator[_Shift]:
        """A shift of a day of the week without the whole days of the week that are taken out."""
        if day in self._weekdays:
            start = max(start, DAY)
        if (day + 1) % 7 in self._weekdays:
            end = min(end, DAY)
        if start < end:
            offset = start // DAY
            yield _Shift(offset=offset, start=start - offset * DAY, end=end - offset * DAY)

    def _event(self, shift: _Shift, days: frozenset[int], first: date, last: date | None) -> Iterator[_Made]:
        """The event of shifts on some days of the week, from the first to the last of the dates on which they begin."""
        closed = self._closed
        ends = self.term.end
        if self.term.cut and ends is not None:
            last = ends - _ONE_DAY if last is None else min(last, ends - _ONE_DAY)
            if last < first:
                return
        for one, two in closed:
            if one > first and (two.year >= _NEVER or (ends is not None and two >= ends - _ONE_DAY)):
                last = one - _ONE_DAY if last is None else min(last, one - _ONE_DAY)
        while first.weekday() not in days or self._is_closed(first):
            first = (
                max(first + _ONE_DAY, *(two + _ONE_DAY for one, two in closed if one <= first <= two))
                if (self._is_closed(first) and first.year < _NEVER)
                else first + _ONE_DAY
            )
            if first.year >= _NEVER or (last is not None and first > last):
                return
        left_out = [
            day
            for one, two in closed
            if two.year < _NEVER
            for day in _each_day(max(one, first), two if last is None else min(two, last))
            if day.weekday() in days
        ]
        if len(left_out) > MOST_DATES:
            self.unsaid(f"more than {MOST_DATES:,} dates that are taken out")
            left_out = left_out[:MOST_DATES]
        if last is not None:
            while last.weekday() not in days or self._is_closed(last):
                last -= _ONE_DAY
        moved = timedelta(days=shift.offset)
        rule = ""
        if last is None or first < last:
            named = ",".join(_WEEKDAYS[(day + shift.offset) % 7] for day in sorted(days))
            rule = "FREQ=DAILY" if len(days) == 7 else f"FREQ=WEEKLY;BYDAY={named}"
        yield _Made(
            first=first + moved,
            start=shift.start,
            end=shift.end,
            rule=rule,
            until=None if last is None or not rule else last + moved,
            left_out=tuple(day + moved for day in left_out if last is None or day <= last),
        )

    def _is_closed(self, day: date) -> bool:
        return any(one <= day <= two for one, two in self._closed)


def _joined(dates: Iterable[tuple[date, date]]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for first, last in sorted(dates):
        if found and first <= found[-1][1] + _ONE_DAY:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def _each_day(first: date, last: date) -> Iterator[date]:
    return (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
