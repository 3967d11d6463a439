"""The windows of an aggregate in columns, the time kept in them, and sums over it (rules M5, M10 and M11)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from wsla.analysis.operations import OutageWindow, TimeFilter, Window
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.series import Integers
from wsla.evaluation.batch.stretches import Stretches
from wsla.plan.model import Plan
from wsla.values import schedules
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    windows_overlapping,
)
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, intersect, subtract

Positions = NDArray[np.int64]
UpTo = Callable[[Instants], Integers]
"""How much there is of something before each of some instants."""


class Frames:
    """The windows of one kind that exist for ``[start, until)``, and after them those that are to come up to a horizon.

    ``starts`` and ``ends`` are whole windows, ``sizes`` their kept time, that to come included. The first ``present``
    of them are no windows to come. What is looked at in a window ends with ``until``.
    """

    def __init__(
        self, plan: Plan, window: Window, names: TimeFilter, start: int, until: int, horizon: int
    ) -> None:
        starts, ends, begins = _windows(plan, window, start, max(until, horizon) if start < until else until)
        term_end = plan.effective_end
        low = np.maximum(starts, plan.effective_start)
        high = ends if term_end is None else np.minimum(ends, term_end)
        kept = _kept(plan, low, high, names)
        self.kept: Final = kept
        sizes = kept.upto(high) - kept.upto(low)
        exists = sizes > 0
        self.starts: Final = starts[exists]
        self.ends: Final = ends[exists]
        self.sizes: Final = sizes[exists]
        self.until: Final = until
        self._plan: Final = plan
        self._names: Final = names
        self.present: Final = int(np.count_nonzero(begins[exists] < until))
        # Windows cut to the term, and of these what is before ``until``.
        self.whole: Final = (low[exists], high[exists])
        low, high = np.minimum(low[exists], until), np.minimum(high[exists], until)
        self.so_far: Final = (low, high)
        self.asked: Final = np.minimum(self.ends, until)
        self._edges, self._places = np.unique(np.concatenate((low, high)), return_inverse=True)
        # To each edge the stretch of kept time that it lies in or behind, and how far it reaches into it.
        self._behind: Final = np.searchsorted(kept.starts, self._edges, side="right") - 1
        self._before_all: Final = int(np.count_nonzero(self._behind < 0))
        self._reach: Final = (
            np.minimum(self._edges, kept.ends[self._behind]) if len(kept.ends) else self._edges
        )
        self._points: Final = np.concatenate((kept.starts, kept.ends, self._reach))

    def __iter__(self) -> Iterator[Interval]:
        return (
            Interval(start, end) for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        )

    def __len__(self) -> int:
        return len(self.starts)

    def up_to_edges(self, up_to: UpTo) -> tuple[Integers, Integers, Integers, Integers]:
        """How much there is in kept time before each window's start, and before its end; and, to each stretch of kept
        time, how much there is at all before its start and before its end.
        """
        stretches = len(self.kept.starts)
        found = up_to(self._points)
        starts, ends, reached = found[:stretches], found[stretches : 2 * stretches], found[2 * stretches :]
        windows = len(self.ends)
        if not stretches:
            return reached, reached, starts, ends
        if stretches == 1:
            inside = reached - starts[0]
        else:
            before = np.concatenate((found[:1] * 0, np.cumsum(ends - starts)))
            inside = (before[:-1] - starts)[self._behind] + reached
        if self._before_all:
            inside[: self._before_all] = 0
        inside = inside[self._places]
        return inside[:windows], inside[windows:], starts, ends

    def within(self, up_to: UpTo) -> Integers:
        """How much there is in the kept time of each window, as known at its end or ``until``."""
        low, high, _, _ = self.up_to_edges(up_to)
        return high - low

    @cached_property
    def sizes_so_far(self) -> Instants:
        """The length of kept time of each window before the instant asked about."""
        return self.within(self.kept.upto)

    @cached_property
    def history(self) -> Stretches:
        """All kept time of the term up to the end of the last window."""
        _, high = self.whole
        begin = np.full(len(high), self._plan.effective_start)
        return _kept(self._plan, begin, high, self._names)

    def between(self, first: int, *, to_come: bool) -> Flags:
        """The windows that end after an instant: those that exist, or those to come."""
        places = np.arange(len(self.ends))
        found: Flags = (self.ends > first) & (
            (places >= self.present) if to_come else (places < self.present)
        )
        return found


def _kept(plan: Plan, low: Instants, high: Instants, names: TimeFilter) -> Stretches:
    if not len(low) or int(low.min()) >= int(high.max()):
        return Stretches.of(())
    time: Intervals = (Interval(int(low.min()), int(high.max())),)
    for name in names.during:
        time = intersect(time, _open_hours(plan, name, time))
    for name in names.excluding:
        time = subtract(time, _open_hours(plan, name, time))
    return Stretches.of(time)


def _open_hours(plan: Plan, name: str, time: Intervals) -> Intervals:
    return schedules.intervals(plan.schedule(name), time[0].start, time[-1].end) if time else ()


def _windows(plan: Plan, window: Window, start: int, until: int) -> tuple[Instants, Instants, Instants]:
    """The windows for ``[start, until)`` that share time with the term, in order; and when each comes into being."""
    term_start, term_end = plan.effective_start, plan.effective_end
    if isinstance(window, RollingWindow):
        first = max(start, term_start)
        last = until if term_end is None else min(until, term_end)
        every = window.every_ns
        ends = np.arange((first // every + 1) * every, last + 1, every, dtype=np.int64)
        return ends - window.length_ns, ends, ends - 1
    # No window before the one with the term's start shares time with the term, and none behind its end.
    first = max(start, min(term_start, until - 1))
    last = until if term_end is None else min(until, max(term_end, start + 1))
    match window:
        case ExactWindow(length_ns=length, origin_ns=origin):
            starts = np.arange(first - (first - origin) % length, last, length, dtype=np.int64)
            return (starts, starts + length, starts) if start < until else _columns([], [])
        case CalendarWindow():
            found = list(windows_overlapping(window, first, last))
            return _columns(found, found)
        case OverlappingWindow(period=period):
            periods = [
                x
                for x in windows_overlapping(period, first, last)
                if x.end > term_start and (term_end is None or x.start < term_end)
            ]
            return _columns([window.ending_with(x.start) for x in periods], periods)
        case OutageWindow():
            raise TypeError("which outages there are follows from what was observed")


def _columns(windows: list[Interval], periods: list[Interval]) -> tuple[Instants, Instants, Instants]:
    return (
        np.array([window.start for window in windows], dtype=np.int64),
        np.array([window.end for window in windows], dtype=np.int64),
        np.array([period.start for period in periods], dtype=np.int64),
    )
