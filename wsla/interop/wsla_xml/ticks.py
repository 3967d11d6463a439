"""Schedules of WSLA for the windows of an agreement, and periods for its schedules."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from attrs import define, field

from wsla.diagnostics.source import Span
from wsla.interop.wsla_xml.importing import OPEN_END
from wsla.interop.wsla_xml.periods import length_text, moment_text
from wsla.interop.wsla_xml.tree import Element, element
from wsla.values.instants import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from wsla.values.schedules import DatedHours, Hours, Schedule, WeeklyHours

_PARTS = (
    ("Days", DAY),
    ("Hours", HOUR),
    ("Minutes", MINUTE),
    ("Seconds", SECOND),
    ("MilliSeconds", MILLISECOND),
)


class Unsayable(Exception):
    """WSLA has no words for something; ``place`` is where it stands, if that is known more exactly."""

    def __init__(self, what: str, place: Span | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.place = place


@define
class Ticks:
    """Makes the schedules that are needed, once each. ``said`` are the agreement's schedules that were written."""

    start: int
    end: int | None
    schedules: tuple[Schedule, ...]
    said: set[str] = field(factory=set)
    _made: dict[str, Element] = field(factory=dict)

    def schedule(self, tick: int, during: str | None = None) -> str:
        """The name of a schedule with a tick every so many nanoseconds, within a schedule of the agreement."""
        name = f"every {length_text(tick)}"
        periods = [period_of(self.start, self.end)]
        if during is not None:
            name = f"{during} {name}"
            periods = self.validity([during])
            if len(periods) > 1:
                raise Unsayable(f"a schedule of several periods, such as `{during}`, within a formula")
        if name not in self._made:
            self._made[name] = element(
                "Schedule", element("Period", *periods[0]), element("Interval", *interval_of(tick)), name=name
            )
        return name

    def elements(self) -> list[Element]:
        """All schedules that were asked for."""
        return [self._made[name] for name in self._made]

    def validity(self, during: list[str]) -> list[list[Element]]:
        """The periods in which a schedule of the agreement is; of none the term."""
        if not during:
            return [period_of(self.start, self.end)]
        if len(during) > 1:
            raise Unsayable("time that has to be in two schedules")
        schedule = next(one for one in self.schedules if one.name == during[0])
        if schedule.exclude or schedule.parts:
            raise Unsayable(f"the exceptions of `{schedule.name}`")
        periods = [_masks(one, schedule.name) for one in schedule.include]
        self.said.add(schedule.name)
        return periods


def period_of(start: int, end: int | None) -> list[Element]:
    """A start and an end; an end that is not there is one that nobody will see."""
    return [
        element("Start", text=_stamp(start)),
        element("End", text=_stamp(OPEN_END if end is None else end)),
    ]


def interval_of(length: int) -> list[Element]:
    """The parts of an interval."""
    made: list[Element] = []
    for name, unit in _PARTS:
        count, length = divmod(length, unit)
        if count:
            made.append(element(name, text=str(count)))
    if length:
        raise Unsayable("lengths below a millisecond")
    return made


def _stamp(instant: int) -> str:
    text = moment_text(instant)
    return text if text.count(":") == 2 else text.replace("Z", ":00Z")


def _masks(hours: Hours, name: str) -> list[Element]:
    days, dates = "", ""
    match hours:
        case WeeklyHours(days=weekdays, start=start, end=end):
            if len(weekdays) < 7:
                days = "".join("1" if (number - 1) % 7 in weekdays else "0" for number in range(7))
            clock = "" if (start, end) == (0, DAY) else f"{_clock(start)}:{_clock(end)}"
        case DatedHours(first=first, last=last, start=start, end=end):
            dates = f"{_day(first)}000000:{_day(last)}235959"
            clock = "" if start is None or end is None else f"{_clock(start)}:{_clock(end)}"
        case _:
            raise Unsayable(f"the holidays of `{name}`")
    return list(_conditions(ConditionTime=dates, ConditionDayOfWeekMask=days, ConditionTimeOfDayMask=clock))


def _conditions(**given: str) -> Iterator[Element]:
    for name in (
        *("ConditionTime", "ConditionMonthOfYearMask", "ConditionDayOfMonthMask", "ConditionDayOfWeekMask"),
        *("ConditionTimeOfDayMask", "ConditionTimeZone", "ConditionLocalOrUtcTime"),
    ):
        yield element(name, text=given.get(name, ""))


def _day(day: date) -> str:
    return day.strftime("%Y%m%d")


def _clock(time: int) -> str:
    if time == DAY:
        return "235959"
    seconds = time // SECOND
    return f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
