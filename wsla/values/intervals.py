"""Sets of time: tuples of half-open intervals, sorted, disjoint and not touching, with the algebra of sets.

Functions other than ``normalise`` expect such tuples and give such tuples. Lengths are nanoseconds.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from wsla.values.instants import Interval

Intervals = tuple[Interval, ...]
"""A set of instants: sorted, disjoint, non-touching, no member empty."""

EMPTY: Final[Intervals] = ()


def normalise(intervals: Iterable[Interval]) -> Intervals:
    """The same set of instants as sorted, disjoint, non-touching intervals; empty ones vanish."""
    result: list[Interval] = []
    for interval in sorted(intervals, key=_bounds):
        if interval.start == interval.end:
            continue
        if result and interval.start <= result[-1].end:
            if interval.end > result[-1].end:
                result[-1] = Interval(result[-1].start, interval.end)
        else:
            result.append(interval)
    return tuple(result)


def union(a: Intervals, b: Intervals) -> Intervals:
    """The instants in either set."""
    return normalise((*a, *b))


def intersect(a: Intervals, b: Intervals) -> Intervals:
    """The instants in both sets."""
    result: list[Interval] = []
    i = j = 0
    while i < len(a) and j < len(b):
        start = max(a[i].start, b[j].start)
        end = min(a[i].end, b[j].end)
        if start < end:
            result.append(Interval(start, end))
        if a[i].end < b[j].end:
            i += 1
        else:
            j += 1
    return tuple(result)


def subtract(a: Intervals, b: Intervals) -> Intervals:
    """The instants in ``a`` that are not in ``b``."""
    result: list[Interval] = []
    j = 0
    for interval in a:
        start = interval.start
        while j < len(b) and b[j].end <= start:
            j += 1
        k = j
        while k < len(b) and b[k].start < interval.end:
            if start < b[k].start:
                result.append(Interval(start, b[k].start))
            start = b[k].end
            k += 1
        if start < interval.end:
            result.append(Interval(start, interval.end))
    return tuple(result)


def length(a: Intervals) -> int:
    """The measure of a set in nanoseconds."""
    return sum(interval.end - interval.start for interval in a)


def clip(a: Intervals, window: Interval) -> Intervals:
    """The part of a set that lies inside one window."""
    first = bisect_right(a, window.start, key=_end)
    last = bisect_left(a, window.end, key=_start)
    inside = a[first:last]
    if not inside or window.start == window.end:
        return ()
    if inside[0].start >= window.start and inside[-1].end <= window.end:
        return inside
    return tuple(Interval(max(x.start, window.start), min(x.end, window.end)) for x in inside)


def contains(a: Intervals, instant: int) -> bool:
    """True where the instant lies in the set."""
    position = bisect_right(a, instant, key=_start)
    return position > 0 and instant < a[position - 1].end


class IntervalIndex:
    """A set of instants prepared for many questions, each answered in O(log n)."""

    __slots__ = ("_before", "_ends", "_starts", "intervals")

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self.intervals: Final = normalise(intervals)
        self._starts = [interval.start for interval in self.intervals]
        self._ends = [interval.end for interval in self.intervals]
        self._before = [0, *accumulate(interval.length for interval in self.intervals)]

    def contains(self, instant: int) -> bool:
        """True where the instant lies in the set."""
        position = bisect_right(self._starts, instant)
        return position > 0 and instant < self._ends[position - 1]

    def measure(self, start: int, end: int) -> int:
        """Nanoseconds of the set inside ``[start, end)``; 0 where ``end <= start``."""
        return self._until(end) - self._until(start) if start < end else 0

    def _until(self, instant: int) -> int:
        position = bisect_right(self._starts, instant)
        if position == 0:
            return 0
        return self._before[position] - max(0, self._ends[position - 1] - instant)


def _start(interval: Interval) -> int:
    return interval.start


def _end(interval: Interval) -> int:
    return interval.end


def _bounds(interval: Interval) -> tuple[int, int]:
    return interval.start, interval.end
