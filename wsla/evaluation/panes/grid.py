"""Windows and kept time in arrays (rules M10 and M11)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.analysis.operations import Aggregate, TimeFilter, Window
from wsla.analysis.sense import inputs as inputs_of
from wsla.analysis.types import Shape
from wsla.evaluation.batch.columns import Instants
from wsla.evaluation.panes.measures import PanesError
from wsla.evaluation.reference.windows import filtered, in_term, windows_between
from wsla.plan.model import Plan
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    window_containing,
)
from wsla.values.instants import Interval, format_length
from wsla.values.intervals import Intervals


def windows(plan: Plan, spec: Window, start: int, until: int) -> tuple[Instants, Instants]:
    """Starts and ends of the windows of M10 for ``[start, until)``, in order."""
    begin, end = plan.effective_start, plan.effective_end
    match spec:
        case RollingWindow():
            first = max(start, begin) + 1
            ticks = spec.ticks(first, (until if end is None else min(until, end)) + 1)
            ends = np.arange(ticks.start, ticks.stop, ticks.step, dtype=np.int64)
            return ends - spec.length_ns, ends
        case ExactWindow(length_ns=length, origin_ns=origin):
            first = start - (start - origin) % length
            starts = np.arange(first, max(until, first), length, dtype=np.int64)
            inside = starts + length > begin
            if end is not None:
                inside &= starts < end
            return starts[inside], starts[inside] + length
        case _:
            found = windows_between(plan, spec, start, until)
            return (
                np.array([window.start for window in found], np.int64),
                np.array([window.end for window in found], np.int64),
            )


def horizons(plan: Plan, until: int) -> dict[int, int]:
    """For operations that windows open at ``until`` look into: when the last of these windows ends (rule M15)."""
    found: dict[int, int] = {}
    # What an operation looks at stands before it.
    for index in reversed(range(len(plan.operations))):
        node = plan.operations[index]
        reached = found.get(index, until)
        inputs = inputs_of(node)
        if isinstance(node, Aggregate):
            reached = _last_end(plan, node.window, reached)
        for position in inputs:
            if plan.operations[position].shape is Shape.SERIES and reached > until:
                found[position] = max(reached, found.get(position, until))
    return found


def _last_end(plan: Plan, window: Window, until: int) -> int:
    """The end of the last window that begins before an instant."""
    match window:
        case OverlappingWindow():
            end = window.ending_with(until - 1).end
        case CalendarWindow() | ExactWindow():
            end = window_containing(window, until - 1).end
        case _:
            return until
    return end if plan.effective_end is None else max(until, min(end, plan.effective_end))


@frozen(eq=False)
class Kept:
    """The time of a stretch that the term and a filter leave: starts and ends of what is kept, in order."""

    starts: Instants
    ends: Instants

    @cached_property
    def _before(self) -> NDArray[np.int64]:
        return np.concatenate([[0], np.cumsum(self.ends - self.starts)])

    def measure(self, starts: Instants, ends: Instants) -> NDArray[np.int64]:
        """Nanoseconds kept between instants; 0 where an end is not after its start."""
        return self._until(np.maximum(starts, ends)) - self._until(starts)

    def mask(self, first: int, count: int, length: int, until: int) -> NDArray[np.bool_]:
        """Which of so many panes are kept, from the pane with that number on.

        Raises PanesError where kept time begins or ends inside one, before ``until``.
        """
        steps = np.zeros(count + 1, np.int64)
        for edges, step in ((self.starts, 1), (self.ends, -1)):
            begin = first * length
            inside = (edges > begin) & (edges < min(begin + count * length, until))
            check_edges(edges[inside], length)
            np.add.at(steps, np.clip(edges // length - first, 0, count), step)
        return np.cumsum(steps[:-1]) > 0

    def _until(self, instants: Instants) -> NDArray[np.int64]:
        place = np.searchsorted(self.starts, instants, side="right")
        if not len(self.starts):
            return np.zeros(len(instants), np.int64)
        over = np.maximum(self.ends[np.maximum(place - 1, 0)] - instants, 0)
        return np.where(place > 0, self._before[place] - over, 0)


def kept_of(plan: Plan, names: TimeFilter, start: int, end: int) -> Kept:
    """What the term and a filter leave of ``[start, end)``."""
    time: Intervals = in_term(plan, Interval(start, end)) if start < end else ()
    found = filtered(plan, time, names)
    return Kept(
        np.array([stretch.start for stretch in found], np.int64),
        np.array([stretch.end for stretch in found], np.int64),
    )


def check_edges(edges: NDArray[Any], length: int) -> None:
    """Raises PanesError where an instant is inside a pane."""
    if len(edges) and bool((edges % length).any()):
        raise PanesError(
            f"a window or schedule begins or ends inside one of the partial results, which are {format_length(length)} "
            "long each: make them again from the data"
        )
