"""Sets of time in columns, and how much of them lies before an instant."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np

from wsla.evaluation.batch.columns import Flags, Instants
from wsla.values.instants import Interval


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

    def upto(self, instants: Instants) -> Instants:
        """How many nanoseconds of the set lie before each instant."""
        if not len(self.starts):
            return np.zeros(len(instants), dtype=np.int64)
        place = np.searchsorted(self.starts, instants, side="right")
        behind = np.maximum(place - 1, 0)
        found: Instants = self._before[place] - np.where(
            place > 0, np.maximum(self.ends[behind] - instants, 0), 0
        )
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
    return np.flatnonzero(at[1:] - at[:-1] > staleness)


def where_held(at: Instants, flags: Flags, staleness: int | None, until: int, gaps: Any = None) -> Stretches:
    """The time in which samples hold whose flag is set (rule M3); one flag may stand for all."""
    count = len(at)
    if not count or (len(flags) == 1 and not flags[0]):
        return Stretches(at[:0], at[:0])
    if gaps is None:
        gaps = gaps_behind(at, staleness)
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
