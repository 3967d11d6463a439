"""Kept time: what schedules leave of a stretch of time, prepared once a year of the calendar's length."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from operator import attrgetter
from typing import Final

from wsla.analysis.operations import TimeFilter
from wsla.plan.model import Plan
from wsla.values.instants import DAY, Interval
from wsla.values.intervals import IntervalIndex, Intervals, intersect, subtract
from wsla.values.schedules import Schedule, intervals

_CHUNK: Final = 366 * DAY
_START: Final = attrgetter("start")


class KeptTime:
    """The instants inside every ``during`` and outside every ``excluding``."""

    __slots__ = ("_chunks", "_during", "_excluding", "_high", "_inside", "_low", "everything")

    def __init__(self, during: tuple[Schedule, ...], excluding: tuple[Schedule, ...]) -> None:
        self._during = during
        self._excluding = excluding
        self._chunks: dict[int, IntervalIndex] = {}
        self.everything = not during and not excluding
        # The stretch that was looked at last is all kept or not at all: the next question is mostly about it too.
        self._low = self._high = 0
        self._inside = False

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
        if not self._low <= start < self._high:
            self._find(start)
        if end <= self._high:
            return end - start if self._inside else 0
        first = start // _CHUNK
        if end <= (first + 1) * _CHUNK:
            return self._chunk(first).measure(start, end)
        total = 0
        for number in range(first, (end - 1) // _CHUNK + 1):
            total += self._chunk(number).measure(max(start, number * _CHUNK), min(end, (number + 1) * _CHUNK))
        return total

    def contains(self, instant: int) -> bool:
        """True where an instant is kept."""
        if self.everything:
            return True
        if not self._low <= instant < self._high:
            self._find(instant)
        return self._inside

    def next_kept(self, instant: int) -> int:
        """An instant before which nothing is kept from this one on; itself where it is kept."""
        return instant if self.contains(instant) else self._high

    def covers(self, start: int, end: int) -> bool:
        """True where every instant of ``[start, end)`` is kept."""
        return self.everything or self.measure(start, end) == end - start

    def stretches(self, start: int, end: int) -> Iterator[Interval]:
        """The kept stretches of ``[start, end)``, in order; two may touch where a chunk of the calendar ends."""
        if self.everything:
            if start < end:
                yield Interval(start, end)
            return
        while start < end:
            number = start // _CHUNK
            upto = min(end, (number + 1) * _CHUNK)
            found = self._chunk(number).intervals
            for position in range(bisect_right(found, start, key=_end_of), len(found)):
                if found[position].start >= upto:
                    break
                yield Interval(max(start, found[position].start), min(upto, found[position].end))
            start = upto

    def _find(self, instant: int) -> None:
        """The stretch around an instant; it may end where a chunk does, although the next is like it."""
        number = instant // _CHUNK
        stretches = self._chunk(number).intervals
        position = bisect_right(stretches, instant, key=_START)
        before = stretches[position - 1] if position else None
        if before is not None and instant < before.end:
            self._low, self._high, self._inside = before.start, before.end, True
            return
        self._low = number * _CHUNK if before is None else before.end
        self._high = (number + 1) * _CHUNK if position == len(stretches) else stretches[position].start
        self._inside = False

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


def _end_of(interval: Interval) -> int:
    return interval.end
