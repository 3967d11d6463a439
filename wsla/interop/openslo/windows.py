"""Time windows, slices and the term: lengths and calendars of OpenSLO as windows of an agreement."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from attrs import define, frozen

from wsla.diagnostics.source import Span
from wsla.interop.openslo.context import Context, Thing
from wsla.interop.openslo.schema import DURATION, Problem
from wsla.interop.openslo.tree import Node
from wsla.values.calendars import UnknownZone, find_zone

DEFAULT_START: Final = datetime(2020, 1, 1)
_MINUTES: Final = {"m": 1, "h": 60, "d": 1440, "w": 10080, "M": 43200, "Q": 129_600, "Y": 525_600}
_LETTERS: Final = {
    "Minute": "m",
    "Hour": "h",
    "Day": "d",
    "Week": "w",
    "Month": "M",
    "Quarter": "Q",
    "Year": "Y",
}
_PERIODS: Final = {"d": "day", "w": "week", "M": "month", "Q": "quarter", "Y": "year"}
# A quarter of a year is three months of one, and a year twelve.
_SAME: Final = {(3, "M"): (1, "Q"), (12, "M"): (1, "Y"), (4, "Q"): (1, "Y"), (7, "d"): (1, "w")}
_MONTHS: Final = ("January", "February", "March", "April", "May", "June", "July")
_LATER: Final = ("August", "September", "October", "November", "December")
_DAY: Final = 1440


@frozen(kw_only=True)
class Length:
    """So many of a unit: ``m h d w M Q Y``."""

    count: int
    letter: str
    span: Span

    @property
    def minutes(self) -> int:
        """The length where months have 30 days and years 365."""
        return self.count * _MINUTES[self.letter]


def length_of(node: Node) -> Length:
    """A length such as ``5m``; a bare number is minutes."""
    match = DURATION.fullmatch(node.text.strip())
    if match is None:
        return Length(count=int(node.text.strip()), letter="m", span=node.span)
    return Length(count=int(match.group(1)), letter=match.group(2), span=node.span)


def minutes_text(minutes: int) -> str:
    """A length in the largest unit that is exact: ``7d``, ``90m``."""
    for size, unit in ((_DAY, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"


def tick_of(minutes: int) -> int:
    """How often, in minutes, a rolling window is looked at: OpenSLO does not say."""
    return 60 if minutes >= _DAY else 1


def rolling_text(minutes: int) -> str:
    """The window that rolls over so many minutes."""
    return f"over last {minutes_text(minutes)} every {minutes_text(tick_of(minutes))}"


@define
class Windows:
    """The windows of a file, in the one zone and from the one start that an agreement has."""

    context: Context
    start: datetime = DEFAULT_START
    zone: str = ""
    _stated: bool = False

    def look_at(self, slos: list[Thing]) -> None:
        """Finds the zone and the term; both have to be known before the first window is made."""
        calendars = [one for slo in slos for one in _calendars(slo)]
        starts = [one for one in map(self._start_of, calendars) if one is not None]
        zones = [(one, self._zone_of(one)) for one in calendars]
        self.zone = next((zone for _, zone in zones if zone), "")
        self._stated = bool(starts)
        if starts:
            self.start = min(starts)
        elif slos:
            place = slos[0].place
            self.context.remark(
                "W1204", place, f"no time window says since when it counts; {DEFAULT_START:%Y-%m-%d} is read"
            )
        for calendar, zone in zones:
            if zone and zone != self.zone:
                stated = calendar.get("timeZone")
                assert stated is not None
                message = f"an agreement has one zone; this window is read in that of the first, {self.zone}"
                self.context.remark("W1204", stated.span, message)

    @property
    def effective(self) -> str:
        """The line with the term."""
        moment = f"{self.start:%Y-%m-%d}"
        if self.start.time().isoformat() != "00:00:00":
            moment += f"{self.start:T%H:%M}" if self.start.second == 0 else f"{self.start:T%H:%M:%S}"
        return f"effective {moment}" + (f' in "{self.zone}"' if self.zone else "")

    def window(self, node: Node, version: str) -> str:
        """The window of an objective as it stands behind a function."""
        length = _alpha(node) if version.endswith("v1alpha") else length_of(_needed(node, "duration"))
        if length is None:
            # A unit of seconds, of which whole minutes are made.
            stated = _needed(node, "count")
            seconds = int(stated.text)
            minutes = max(1, seconds // 60)
            self.context.remark("W1204", stated.span, f"a window of {seconds} s is read as one of {minutes}m")
            length = Length(count=minutes, letter="m", span=stated.span)
        if length.letter == "m" and length.count == 1:
            message = "a window of `1m` is one of a minute; a month is `1M`"
            self.context.remark("W1204", length.span, message)
        calendar = node.get("calendar")
        if node.string("isRolling") == "true" or calendar is None:
            if node.string("isRolling") == "false":
                message = "no calendar says when this window begins; it is read as one that rolls"
                self.context.remark("W1204", node.span, message)
            return self._rolling(length)
        return self._aligned(length, calendar)

    def _rolling(self, length: Length) -> str:
        if length.letter in "MQY":
            message = f"a window that rolls has one length; {minutes_text(length.minutes)} are read"
            self.context.remark("W1204", length.span, message)
        return rolling_text(length.minutes)

    def _aligned(self, length: Length, calendar: Node) -> str:
        start = self._start_of(calendar) or self.start
        stated = _needed(calendar, "startTime")
        count, letter = _SAME.get((length.count, length.letter), (length.count, length.letter))
        midnight = (start.hour, start.minute, start.second) == (0, 0, 0)
        if count == 1 and letter in "MQY":
            if not midnight:
                message = f"a {_PERIODS[letter]} begins at midnight; {start:%H:%M} is read as 00:00"
                self.context.remark("W1204", stated.span, message)
            return f"each {_PERIODS[letter]}{_anchor(start, letter)}"
        if count == 1 and midnight and (letter == "d" or (letter == "w" and start.weekday() == 0)):
            return f"each {_PERIODS[letter]}"
        return self._exact(length, start, stated)

    def _exact(self, length: Length, start: datetime, stated: Node) -> str:
        text = minutes_text(length.minutes)
        if length.letter in "MQY":
            self.context.remark(
                "W1204", length.span, f"no calendar has periods of this length; {text} are read"
            )
        elif length.minutes >= _DAY and has_clock_changes(self.zone):
            message = (
                f"windows of exactly {text} are counted from here, which a clock change shifts by its hour"
            )
            self.context.remark("W1204", stated.span, message)
        if (start - self.start).total_seconds() % (length.minutes * 60):
            message = f"windows of {text} are counted from the first start in the file, {self.start}"
            self.context.remark("W1204", stated.span, message)
        return f"each {text}"

    def _start_of(self, calendar: Node) -> datetime | None:
        stated = _needed(calendar, "startTime")
        try:
            found = datetime.fromisoformat(stated.text.strip())
        except ValueError:
            self.context.problem(Problem("E1203", stated.span, f"there is no such time as `{stated.text}`"))
            return None
        if not 1970 <= found.year <= 2199:
            message = f"the year {found.year} is not between 1970 and 2199"
            self.context.problem(Problem("E1203", stated.span, message))
            return None
        return found

    def _zone_of(self, calendar: Node) -> str:
        stated = _needed(calendar, "timeZone")
        name = stated.text.strip()
        try:
            find_zone(name)
        except UnknownZone as problem:
            notes = tuple(f"did you mean `{one}`?" for one in problem.suggestions[:1])
            self.context.problem(Problem("E1203", stated.span, f"there is no time zone `{name[:60]}`", notes))
            return ""
        return name


def _needed(node: Node, key: str) -> Node:
    found = node.get(key)
    assert found is not None
    return found


def _calendars(slo: Thing) -> list[Node]:
    windows = (*slo.node.each("spec", "timeWindow"), *slo.node.each("spec", "timeWindows"))
    return [found for one in windows if (found := one.get("calendar")) is not None]


def _alpha(node: Node) -> Length | None:
    unit, count = _needed(node, "unit"), _needed(node, "count")
    letter = _LETTERS.get(unit.text.strip())
    return None if letter is None else Length(count=int(count.text), letter=letter, span=count.span)


def _anchor(start: datetime, letter: str) -> str:
    if (start.month, start.day) == (1, 1) or (letter == "M" and start.day == 1):
        return ""
    if letter == "Q" and start.day == 1 and start.month in (4, 7, 10):
        return ""
    number = ordinal(start.day)
    # Quarters that begin in April are those that begin in January.
    month = (start.month - 1) % 3 + 1 if letter == "Q" else start.month
    return f" starting {number}" if letter == "M" else f" starting {(*_MONTHS, *_LATER)[month - 1]} {number}"


def ordinal(day: int) -> str:
    """``1st``, ``2nd``, ``3rd``, ``4th`` …"""
    ending = "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def month_number(name: str) -> int:
    """1 for January."""
    return (*_MONTHS, *_LATER).index(name) + 1


def has_clock_changes(zone: str) -> bool:
    """True where days are not all 24 hours long."""
    if not zone:
        return False
    known = ZoneInfo(zone)
    return len({known.utcoffset(datetime(2026, month, 1)) for month in range(1, 13)}) > 1
