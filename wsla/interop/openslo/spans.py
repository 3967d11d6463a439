"""Windows of an agreement as time windows of OpenSLO."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import define

from wsla.diagnostics.source import Span
from wsla.interop.openslo.matching import Unsaid
from wsla.interop.openslo.windows import DEFAULT_START, has_clock_changes, month_number, tick_of
from wsla.syntax import surface

_UNITS: Final = {"m": 1, "h": 60, "d": 1440}
_CALENDAR: Final = {"day": "1d", "week": "1w", "month": "1M", "quarter": "1Q", "year": "1Y"}
_LENGTH: Final = re.compile(r"(\d+)([mhd])")


@define(kw_only=True)
class Spans:
    """What is known of the term: its local start, and the zone (empty: UTC)."""

    start: datetime
    zone: str
    at: Span
    first: datetime | None = None

    def time_window(self, window: surface.EachWindow | surface.RollingWindow) -> dict[str, Any]:
        """The time window that means the same."""
        if isinstance(window, surface.RollingWindow):
            minutes = minutes_of(window.length)
            if window.every is None or minutes_of(window.every) != tick_of(minutes):
                raise Unsaid("how often a window is looked at", window.span)
            return {"duration": duration(minutes), "isRolling": True}
        period = window.period.text
        if period in _CALENDAR:
            return self._calendar(_CALENDAR[period], self._aligned(window))
        minutes = minutes_of(window.period)
        if minutes % 1440 == 0 and (
            has_clock_changes(self.zone) and (self.start.hour, self.start.minute) == (0, 0)
        ):
            raise Unsaid("days of exactly 24 hours from midnight on", window.span)
        return self._calendar(duration(minutes), self.start)

    def _calendar(self, length: str, start: datetime) -> dict[str, Any]:
        self.first = start if self.first is None else min(self.first, start)
        stated = {"startTime": f"{start:%Y-%m-%d %H:%M:%S}", "timeZone": self.zone or "UTC"}
        return {"duration": length, "isRolling": False, "calendar": stated}

    def _aligned(self, window: surface.EachWindow) -> datetime:
        """The first start of a calendar window that is not before the term."""
        period = window.period.text
        day = 1 if window.starting is None else int(window.starting.text[:-2])
        month = 1 if window.month is None else month_number(window.month.text)
        moment = datetime(self.start.year, self.start.month, self.start.day)
        if moment < self.start:
            moment += timedelta(days=1)
        for _ in range(1500):
            if (
                period == "day"
                or (period == "week" and moment.weekday() == 0)
                or (period == "month" and moment.day == day)
                or (
                    period in ("quarter", "year")
                    and moment.day == day
                    and (moment.month - month) % (3 if period == "quarter" else 12) == 0
                )
            ):
                return moment
            moment += timedelta(days=1)
        raise Unsaid("this window", window.span)

    def unsaid(self) -> bool:
        """True where the time windows do not show when the term begins, and where it is."""
        if self.first is None:
            return (self.start, self.zone) != (DEFAULT_START, "")
        return self.first != self.start


def minutes_of(word: surface.Word) -> int:
    """The minutes of a length as written."""
    match = _LENGTH.fullmatch(word.text)
    if match is None:
        raise Unsaid(f"the length `{word.text}`", word.span)
    return int(match.group(1)) * _UNITS[match.group(2)]


def duration(minutes: int) -> str:
    """A length in the largest unit below weeks that is exact."""
    for letter in ("d", "h"):
        if minutes % _UNITS[letter] == 0:
            return f"{minutes // _UNITS[letter]}{letter}"
    return f"{minutes}m"
