"""Sets of time in columns, and how much of them lies before an instant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wsla.evaluation.batch.columns import Flags, Instants
from wsla.values.instants import Interval

Weigh = Callable[[Instants, Instants], Instants]
"""A whole number for each of some stretches, given their starts and ends."""

_FOREVER: Final = 2**62
_BLOCK: Final = 1 << 15


class Stretches:
    """Stretches of time ``[starts[i], ends[i])``, in order and disjoint."""

    def __init__(self, starts: Instants, ends: Instants) -> None:
        self.starts = starts
        self.ends = ends

    @classmethod
    def of(cls, intervals: Iterable[Interval]) -> Stretches:
        """The same stretches in columns."""
        pairs = [(interval.start, interval.end) for interval in intervals]
        columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return cls(columns[:, 0], columns[:, 1])

    @cached_property
    def _before(self) -> Instants:
        found = np.zeros(len(self.starts) + 1, dtype=np.int64)
        np.cumsum(self.ends - self.starts, out=found[1:])
        return found

    @cached_property
    def _ends_before(self) -> Instants:
        """The end of the stretch that is the last to start before; before the first, long ago."""
        return np.concatenate(([-_FOREVER], self.ends))

    def upto(self, instants: Instants) -> Instants:
        """How many nanoseconds of the set lie before each instant."""
        if not len(self.starts):
            return np.zeros(len(instants), dtype=np.int64)
        place = np.searchsorted(self.starts, instants, side="right")
        to_come = self._ends_before[place]
        to_come -= instants
        np.maximum(to_come, 0, out=to_come)
        found: Instants = self._before[place] - to_come
        return found

    def inside(self, other: Stretches) -> Stretches:
        """What is in both sets."""
        starts = (self.starts[other.contain(self.starts)], other.starts[self.contain(other.starts)])
        ends = (self.ends[other.contain(self.ends - 1)], other.ends[self.contain(other.ends - 1)])
        return Stretches(np.unique(np.concatenate(starts)), np.unique(np.concatenate(ends)))

    def without(self, other: Stretches) -> Stretches:
        """What is in this set and not in the other."""
        starts = np.concatenate(([-_FOREVER], other.ends))
        ends = np.concatenate((other.starts, [_FOREVER]))
        some = starts < ends
        return self.inside(Stretches(starts[some], ends[some]))

    def pieces(self, low: Instants, high: Instants, weigh: Weigh, *, longest: bool = False) -> Instants:
        """For each window ``[low, high)`` the sum, or the greatest, of what ``weigh`` gives for the stretches in it,
        which are cut to the window.
        """
        first = np.searchsorted(self.ends, low, side="right")
        behind = np.maximum(np.searchsorted(self.starts, high), first)
        found = np.zeros(len(low), dtype=np.int64)
        some, several = behind > first, behind > first + 1
        # The first and the last may be cut, those between them are whole.
        one, other = first[some], behind[several] - 1
        found[some] = weigh(np.maximum(self.starts[one], low[some]), np.minimum(self.ends[one], high[some]))
        last = weigh(self.starts[other], np.minimum(self.ends[other], high[several]))
        whole = weigh(self.starts, self.ends)
        if longest:
            between = greatest_between(whole, one[several[some]] + 1, other)
            found[several] = np.maximum(found[several], np.maximum(between, last))
            return found
        before = np.concatenate(([0], np.cumsum(whole)))
        found[several] += last + before[other] - before[one[several[some]] + 1]
        return found

    def contain(self, instants: Instants) -> Flags:
        """Whether each instant is in the set."""
        if not len(self.starts):
            return np.zeros(len(instants), dtype=np.bool_)
        place = np.searchsorted(self.starts, instants, side="right")
        found: Flags = (place > 0) & (instants < self.ends[np.maximum(place - 1, 0)])
        return found


def gaps_behind(at: Instants, staleness: int | None) -> Any:
    """The rows, but for the last, that no longer hold when the next one comes."""
    if staleness is None or len(at) < 2:
        return np.zeros(0, dtype=np.int64)
    found = []
    count = len(at) - 1
    between = np.empty(min(_BLOCK, count), dtype=np.int64)
    # Block by block, so that what is made on the way stays close to the processor.
    for start in range(0, count, _BLOCK):
        end = min(start + _BLOCK, count)
        lengths = np.subtract(at[start + 1 : end + 1], at[start:end], out=between[: end - start])
        if lengths.max() > staleness:
            found.append(np.flatnonzero(lengths > staleness) + start)
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def where_held(at: Instants, flags: Flags, staleness: int | None, until: int, gaps: Any = None) -> Stretches:
    """The time in which samples hold whose flag is set (rule M3); one flag may stand for all."""
    count = len(at)
    if not count or (len(flags) == 1 and not flags[0]):
        return Stretches(at[:0], at[:0])
    if gaps is None:
        gaps = gaps_behind(at, staleness)
    if len(flags) == 1 and not len(gaps):
        last = until if staleness is None else min(until, int(at[-1]) + staleness)
        return Stretches(at[:1].copy(), np.array([last], dtype=np.int64))
    if len(flags) == 1:
        begins, ends = np.append(0, gaps + 1), np.append(gaps + 1, count)
    else:
        turns = np.flatnonzero(flags[1:] != flags[:-1]) + 1
        bounds = np.concatenate(([0] if flags[0] else [], turns, [count] if flags[-1] else [])).astype(
            np.int64
        )
        begins, ends = bounds[0::2], bounds[1::2]
        if len(gaps):
            # A run that goes on behind a gap is two.
            begins = np.union1d(begins, gaps[flags[gaps + 1]] + 1)
            ends = np.union1d(ends, gaps[flags[gaps]] + 1)
    following = np.where(ends < count, at[np.minimum(ends, count - 1)], until)
    if staleness is not None:
        following = np.minimum(following, at[ends - 1] + staleness)
    return Stretches(at[begins], following)


def lengths(starts: Instants, ends: Instants) -> Instants:
    """How long each stretch is."""
    return ends - starts


def greatest_between(values: NDArray[Any], first: NDArray[Any], last: NDArray[Any]) -> NDArray[Any]:
    """The greatest of ``values[first[i]:last[i]]``; 0 where there is none."""
    return extreme_between(np.maximum, values, first, last)


def extreme_between(
    function: Any, values: NDArray[Any], first: NDArray[Any], last: NDArray[Any]
) -> NDArray[Any]:
    """The least or greatest of ``values[first[i]:last[i]]``; 0 where there is none."""
    found = np.zeros(len(first), dtype=values.dtype)
    some = last > first
    first, last = first[some], last[some]
    if not len(first):
        return found
    # Two runs of 2 ** level values, from the front and from the back, are the whole.
    levels = np.frexp((last - first).astype(np.float64))[1] - 1
    result = np.empty(len(first), dtype=values.dtype)
    for level in range(int(levels.max()) + 1):
        those = levels == level
        size = 1 << level
        result[those] = function(values[first[those]], values[last[those] - size])
        values = function(values[:-size], values[size:])
    found[some] = result
    return found
