"""Which windows there are, and what time in them counts (rules M5, M10 and M11)."""

from __future__ import annotations

from collections.abc import Iterable

from wsla.analysis.operations import OutageWindow, TimeFilter, Window
from wsla.plan.model import Plan
from wsla.values import schedules
from wsla.values.calendars import OverlappingWindow, RollingWindow, windows_overlapping
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, clip, intersect, subtract


def in_term(plan: Plan, window: Interval) -> Intervals:
    """The part of a window inside the term (M5)."""
    start = max(window.start, plan.effective_start)
    end = window.end if plan.effective_end is None else min(window.end, plan.effective_end)
    return (Interval(start, end),) if start < end else ()


def filtered(plan: Plan, time: Intervals, names: TimeFilter) -> Intervals:
    """The time inside every ``during`` and outside every ``excluding``."""
    for name in names.during:
        time = intersect(time, _open_hours(plan, name, time))
    for name in names.excluding:
        time = subtract(time, _open_hours(plan, name, time))
    return time


def _open_hours(plan: Plan, name: str, time: Intervals) -> Intervals:
    return schedules.intervals(plan.schedule(name), time[0].start, time[-1].end) if time else ()


def kept_time(plan: Plan, window: Interval, names: TimeFilter) -> Intervals:
    """K of M11: the window, cut to the term, cut to every ``during``, without every ``excluding``."""
    return filtered(plan, in_term(plan, window), names)


def so_far(kept: Intervals, asked: int) -> Intervals:
    """Kept time before an instant."""
    return clip(kept, Interval(min(asked, kept[0].start), asked)) if kept else ()


def windows_between(plan: Plan, spec: Window, start: int, until: int) -> list[Interval]:
    """The windows of M10 for ``[start, until)``, in order."""
    if isinstance(spec, RollingWindow):
        # Ticks with start < t <= until, inside the term likewise.
        ticks: Iterable[int] = spec.ticks(start + 1, until + 1)
        return [
            spec.window_at(tick)
            for tick in ticks
            if plan.effective_start < tick and (plan.effective_end is None or tick <= plan.effective_end)
        ]
    if isinstance(spec, OverlappingWindow):
        # M54: one window for each period that shares time with the stretch and with the term.
        return [
            spec.ending_with(period.start)
            for period in windows_overlapping(spec.period, start, until)
            if in_term(plan, period)
        ]
    if isinstance(spec, OutageWindow):
        raise TypeError("which outages there are follows from what was observed")
    return [window for window in windows_overlapping(spec, start, until) if in_term(plan, window)]


def windows_inside(plan: Plan, spec: Window, start: int, kept: Intervals) -> list[Interval]:
    """The windows of M10, those to come included, that lie wholly inside kept time (M15), in order."""
    if not kept:
        return []
    first, last = max(start, kept[0].start), kept[-1].end
    return [
        window
        for window in windows_between(plan, spec, first, last)
        if any(stretch.start <= window.start and window.end <= stretch.end for stretch in kept)
    ]


def known_at(window: Interval, asked: int) -> int:
    """The instant as of which a window is valued: its end, where that is not later than the instant asked about.

    What was said of a window when it ended is final (M24); later versions of records do not change it.
    """
    return min(window.end, asked)
