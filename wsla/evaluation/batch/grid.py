"""Windows and kept time in columns (rules M10 and M11)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, assert_never

import numpy as np
from attrs import frozen

from wsla.analysis.operations import Aggregate, OutageWindow, TimeFilter, Window
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.stream.kept import KeptTime
from wsla.plan.model import Plan
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    windows_overlapping,
)
from wsla.values.instants import DAY

FAR: Final = 2**62
"""Later than any instant."""


@frozen(eq=False)
class Windows:
    """Windows in order of (label combination, time), not cut to the term.

    ``combo`` is the place of each one's combination in the group that is looked at, None where there is only one.
    """

    starts: Instants
    ends: Instants
    combo: Instants | None = None

    def __len__(self) -> int:
        return len(self.ends)

    def rows(self, which: Any) -> Windows:
        """Some of them."""
        return Windows(
            self.starts[which], self.ends[which], None if self.combo is None else self.combo[which]
        )

    def some(self, which: Flags) -> Windows:
        """Those for which the flag is set."""
        return self if which.all() else self.rows(which)

    def same_as(self, other: Windows) -> bool:
        """Whether the windows are the same ones."""
        return (
            len(self) == len(other)
            and np.array_equal(self.ends, other.ends)
            and np.array_equal(self.starts, other.starts)
            and (self.combo is other.combo or np.array_equal(self.combo, other.combo))  # type: ignore[arg-type]
        )


def windows_between(plan: Plan, kind: Window, start: int, until: int) -> Windows:
    """The windows of rule M10 for ``[start, until)``."""
    low, high = plan.effective_start, FAR if plan.effective_end is None else plan.effective_end
    match kind:
        case RollingWindow(length_ns=length, every_ns=every):
            first = (max(start, low) // every + 1) * every
            ends = np.arange(first, min(until, high) + 1, every, dtype=np.int64)
            return Windows(ends - length, ends)
        case ExactWindow(length_ns=length, origin_ns=origin):
            begin, end = max(start, low), min(until, high)
            first = begin - (begin - origin) % length
            starts = np.arange(first, end if begin < end else first, length, dtype=np.int64)
            return Windows(starts, starts + length)
        case OverlappingWindow(period=period):
            last = [x for x in windows_overlapping(period, start, until) if x.start < high and x.end > low]
            found = [kind.ending_with(one.start) for one in last]
        case OutageWindow():
            raise TypeError("which outages there are follows from what was observed")
        case _:
            found = list(windows_overlapping(kind, max(start, low), min(until, high)))
    return Windows(
        np.array([window.start for window in found], dtype=np.int64),
        np.array([window.end for window in found], dtype=np.int64),
    )


_DAYS: Final = MappingProxyType(
    {
        CalendarUnit.DAY: 2,
        CalendarUnit.WEEK: 8,
        CalendarUnit.MONTH: 32,
        CalendarUnit.QUARTER: 94,
        CalendarUnit.YEAR: 367,
    }
)


def _at_most(kind: Window) -> int:
    """No window of a kind is longer than this, in nanoseconds."""
    match kind:
        case CalendarWindow(unit=unit, count=count):
            return _DAYS[unit] * count * DAY
        case OverlappingWindow(period=period, count=count):
            return _at_most(period) * count
        case ExactWindow(length_ns=length) | RollingWindow(length_ns=length):
            return length
        case OutageWindow():
            return 0
        case _:
            assert_never(kind)


def step_of(kind: Window) -> int:
    """About how many nanoseconds it is from one window to the next."""
    match kind:
        case RollingWindow(every_ns=every):
            return every
        case OverlappingWindow(period=period):
            return step_of(period)
        case _:
            return max(1, _at_most(kind))


def reach(plan: Plan, start: int, until: int) -> tuple[int, int]:
    """Instants before and behind all windows that anybody looks at, those to come inside open ones included."""
    kinds = {node.window for node in plan.operations if isinstance(node, Aggregate)}
    longest = max((_at_most(kind) for kind in kinds), default=0)
    return min(start, plan.effective_start) - longest, max(start, until) + 2 * longest


class KeptColumns:
    """The kept time of a filter within ``[low, high)`` and the term, as stretches that do not touch."""

    def __init__(self, plan: Plan, time_filter: TimeFilter, low: int, high: int) -> None:
        self._low: Final = max(low, plan.effective_start)
        self._high: Final = high if plan.effective_end is None else min(high, plan.effective_end)
        found: list[list[int]] = []
        for stretch in KeptTime.of(plan, time_filter).stretches(self._low, self._high):
            if found and found[-1][1] == stretch.start:
                found[-1][1] = stretch.end
            else:
                found.append([stretch.start, stretch.end])
        edges = np.array(found, dtype=np.int64).reshape(len(found), 2)
        self._starts: Final = edges[:, 0]
        self._ends: Final = edges[:, 1]
        self._sums: Final = np.concatenate(
            [np.zeros(1, dtype=np.int64), np.cumsum(edges[:, 1] - edges[:, 0])]
        )

    def cut(self, windows: Windows) -> Windows:
        """The windows, cut to the term."""
        return Windows(
            np.maximum(windows.starts, self._low), np.minimum(windows.ends, self._high), windows.combo
        )

    def _before(self, instants: Instants) -> Instants:
        """How much is kept before each instant."""
        position = np.searchsorted(self._starts, instants, side="right")
        found = self._sums[position]
        if len(self._ends):
            found = found - np.where(
                position > 0, np.maximum(self._ends[np.maximum(position, 1) - 1] - instants, 0), 0
            )
        return found

    def sizes(self, windows: Windows) -> Instants:
        """The kept time of each window in nanoseconds (rule M11)."""
        found = self._before(windows.ends) - self._before(windows.starts)
        return np.where(windows.ends > windows.starts, found, 0)

    def covers(self, windows: Windows) -> Flags:
        """Which windows lie wholly inside kept time."""
        position = np.searchsorted(self._starts, windows.starts, side="right")
        if not len(self._ends):
            return np.zeros(len(windows.starts), dtype=np.bool_)
        inside: Flags = (position > 0) & (windows.ends <= self._ends[np.maximum(position, 1) - 1])
        return inside

    def longest(self, windows: Windows) -> Instants:
        """The longest kept stretch of each window."""
        found = np.zeros(len(windows.starts), dtype=np.int64)
        for number, (start, end) in enumerate(
            zip(windows.starts.tolist(), windows.ends.tolist(), strict=True)
        ):
            low = np.searchsorted(self._ends, start, side="right")
            high = np.searchsorted(self._starts, end, side="left")
            if low < high:
                lengths = np.minimum(self._ends[low:high], end) - np.maximum(self._starts[low:high], start)
                found[number] = lengths.max()
        return found
