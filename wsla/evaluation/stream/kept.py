"""Kept time: what schedules leave of a stretch of time, prepared once a year of the calendar's length."""

from __future__ import annotations

from typing import Final

from wsla.analysis.operations import TimeFilter
from wsla.plan.model import Plan
from wsla.values.instants import DAY, Interval
from wsla.values.intervals import IntervalIndex, Intervals, intersect, subtract
from wsla.values.schedules import Schedule, intervals

_CHUNK: Final = 366 * DAY


class KeptTime:
    """The instants inside every ``during`` and outside every ``excluding``."""

    __slots__ = ("_chunks", "_during", "_excluding", "everything")

    def __init__(self, during: tuple[Schedule, ...], excluding: tuple[Schedule, ...]) -> None:
        self._during = during
        self._excluding = excluding
        self._chunks: dict[int, IntervalIndex] = {}
        self.everything = not during and not excluding

    @classmethod
    def of(cls, plan: Plan, time_filter: TimeFilter) -> KeptTime:
        """The kept time of a filter over the schedules of a plan."""
        return cls(
            tuple(plan.schedule(name) for name in time_filter.during),
            tuple(plan.schedule(name) for name in time_filter.excluding),
        )

    def measure(self, start: int, end: int) -> int:
        """Nanoseconds kept in ``[start, end)``; 0 where ``end <= start``."""
        if start >= end:
            return 0
        if self.everything:
            return end - start
        first = start // _CHUNK
        if end <= (first + 1) * _CHUNK:
            return self._chunk(first).measure(start, end)
        total = 0
        for number in range(first, (end - 1) // _CHUNK + 1):
            total += self._chunk(number).measure(max(start, number * _CHUNK), min(end, (number + 1) * _CHUNK))
        return total

    def contains(self, instant: int) -> bool:
        """True where an instant is kept."""
        return self.everything or self._chunk(instant // _CHUNK).contains(instant)

    def covers(self, start: int, end: int) -> bool:
        """True where every instant of ``[start, end)`` is kept."""
        return self.everything or self.measure(start, end) == end - start

    def _chunk(self, number: int) -> IntervalIndex:
        found = self._chunks.get(number)
        if found is None:
            start, end = number * _CHUNK, (number + 1) * _CHUNK
            kept: Intervals = (Interval(start, end),)
            for schedule in self._during:
                kept = intersect(kept, intervals(schedule, start, end))
            for schedule in self._excluding:
                kept = subtract(kept, intervals(schedule, start, end))
            found = self._chunks[number] = IntervalIndex(kept)
        return found
