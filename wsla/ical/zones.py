"""Which zone a TZID means: IANA's name, one of Windows, or the zone whose clocks a VTIMEZONE describes."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import available_timezones

from attrs import define, field

from wsla.ical.lines import Component
from wsla.ical.moments import NotReadable, rule
from wsla.values.calendars import UnknownZone, find_zone

if TYPE_CHECKING:
    from datetime import tzinfo

_COMPARED: Final = range(2019, 2032)
"""Years whose clocks are compared. Zones that differ only in others are one to us."""
_STEP: Final = timedelta(days=7)
_ONE_DAY: Final = timedelta(days=1)
_PRECISE: Final = timedelta(minutes=5)
_AROUND: Final = timedelta(minutes=85)
_WELL_KNOWN: Final = (
    "Europe/Berlin",
    "Europe/London",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "UTC",
)
"""Of zones with the same clocks the one that most people know."""
_MOST_RULES: Final = 100
_MOST_COMPARED: Final = 20
"""So many zones of a file are looked up by their rules."""


@define(kw_only=True)
class Zones:
    """The zones of one file. ``recognised`` are those that were found by their rules: TZID and the name of the zone."""

    described: dict[str, Component]
    recognised: dict[str, str] = field(factory=dict)
    _known: dict[str, str | None] = field(factory=dict)
    _compared: int = 0
    _looked_up: int = 0

    @classmethod
    def of(cls, calendars: Sequence[Component]) -> Zones:
        """Those that the VTIMEZONEs of calendars describe."""
        found = [part for one in calendars for part in one.parts if part.name == "VTIMEZONE"]
        return cls(described={one.text("TZID"): one for one in found})

    def name_of(self, tzid: str) -> str | None:
        """The IANA name of the zone that a TZID means; None where nobody can tell."""
        if tzid not in self._known:
            self._known[tzid] = self._find(tzid)
        return self._known[tzid]

    def near(self, tzid: str) -> tuple[str, ...]:
        """Names of zones that look like a TZID; of many unknown ones only for the first."""
        self._looked_up += 1
        if self._looked_up > _MOST_COMPARED:
            return ()
        try:
            find_zone(tzid)
        except UnknownZone as problem:
            return problem.suggestions
        return ()

    def _find(self, tzid: str) -> str | None:
        described = self.described.get(tzid)
        names = [tzid, *_endings(tzid)]
        if described is not None:
            names += [described.text("X-LIC-LOCATION"), *_endings(described.text("TZURL"))]
        for name in names:
            if _is_zone(name):
                return name
        from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

        if tzid in WINDOWS_TO_OLSON:
            return str(WINDOWS_TO_OLSON[tzid])
        if described is None or self._compared >= _MOST_COMPARED:
            return None
        self._compared += 1
        found = _by_its_rules(described, [*WINDOWS_TO_OLSON.values()])
        if found is not None:
            self.recognised[tzid] = found
        return found


def _endings(tzid: str) -> Iterator[str]:
    """What stands behind the slashes of a name such as ``/mozilla.org/20050126_1/Europe/Berlin``, longest first."""
    parts = tzid.split("/")[:20]
    for start in range(1, len(parts) - 1):
        yield "/".join(parts[start:])


def _is_zone(name: str) -> bool:
    if not name or name not in _names():
        return False
    try:
        find_zone(name)
    except UnknownZone:
        return False
    return True


@lru_cache(maxsize=1)
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


def _by_its_rules(described: Component, first: Sequence[str]) -> str | None:
    """The zone with the same clocks in the years that are compared, well-known ones first."""
    clock = _clock(described)
    if clock is None:
        return None
    try:
        times = _telling_times(clock, _begin(described))
        wanted = [clock.utcoffset(one) for one in times]
    except (ValueError, OverflowError, TypeError):
        return None
    rest = sorted(name for name in _names() if "/" in name)
    for name in dict.fromkeys([*_WELL_KNOWN, *first, *rest]):
        try:
            zone = find_zone(name)
        except UnknownZone:
            continue
        if zone.utcoffset(times[0]) == wanted[0] and [zone.utcoffset(one) for one in times] == wanted:
            return name
    return None


def _begin(described: Component) -> datetime:
    """From when on the clocks are compared: a description may tell of late years alone."""
    known = [one.value[:8] for part in described.parts for one in part.all("DTSTART")]
    first = datetime.strptime(min(known), "%Y%m%d") + _ONE_DAY
    return max(first, datetime(_COMPARED.start, 1, 2))


def _telling_times(clock: tzinfo, begin: datetime) -> list[datetime]:
    """Local times that tell zones apart: one a week, and those about an hour before and after each change."""
    end = datetime(_COMPARED.stop, 1, 1)
    times = [begin + number * _STEP for number in range(max(1, (end - begin) // _STEP))]
    near: list[datetime] = []
    for one, two in itertools.pairwise(times):
        before = clock.utcoffset(one)
        if clock.utcoffset(two) == before:
            continue
        low, high = one, two
        while high - low > _PRECISE:
            middle = low + (high - low) / 2
            if clock.utcoffset(middle) == before:
                low = middle
            else:
                high = middle
        near += [low - _AROUND, high + _AROUND]
    return times + near


def _is_plain(written: str) -> bool:
    """True for a rule by which clocks change every year; one that never does so would keep the library busy."""
    try:
        read = rule(written)
    except NotReadable:
        return False
    days = [int(one) for one in map(str, read.parts.get("BYMONTHDAY", ()))]
    weeks = [abs(int(one[:-2])) for one in map(str, read.parts.get("BYDAY", ())) if len(one) > 2]
    return (
        read.frequency == "YEARLY"
        and read.interval == 1
        and not read.parts.keys() - {"BYMONTH", "BYMONTHDAY", "BYDAY", "WKST"}
        and (not days or any(abs(one) <= 28 for one in days))
        and all(one <= 5 for one in weeks)
    )


def _clock(described: Component) -> tzinfo | None:
    """The clocks that a VTIMEZONE describes, made by the library; None where it makes no sense."""
    import icalendar

    lines: list[str] = []
    for part in described.parts[:_MOST_RULES]:
        if part.name not in ("STANDARD", "DAYLIGHT"):
            continue
        kept = [
            one
            for one in part.lines
            if one.name in ("DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO")
        ]
        rules = [one.value for one in kept if one.name == "RRULE"]
        if not all(map(_is_plain, rules)) or len({one.name for one in kept} - {"RRULE", "RDATE"}) < 3:
            return None
        lines += [f"BEGIN:{part.name}", *[f"{one.name}:{one.value}" for one in kept], f"END:{part.name}"]
    if not lines:
        return None
    # The library remembers zones by name: another description needs another one.
    name = hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()
    lines = ["BEGIN:VTIMEZONE", f"TZID:{name}", *lines, "END:VTIMEZONE"]
    try:
        read = icalendar.Timezone.from_ical("\r\n".join(lines) + "\r\n")
        assert isinstance(read, icalendar.Timezone)
        made: tzinfo = read.to_tz()
        return made
    except Exception:
        # Whatever the library trips over: the zone is unknown then, and that is told.
        return None
