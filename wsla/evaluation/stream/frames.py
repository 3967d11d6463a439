"""The windows of an aggregate, one after the other, cut to the term of the agreement."""

from __future__ import annotations

from typing import Final

from wsla.analysis.operations import OutageWindow, Window
from wsla.evaluation.stream.kept import KeptTime
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    RollingWindow,
    window_containing,
)
from wsla.values.instants import Interval


class Frames:
    """Windows of one kind, with the time that is kept in each."""

    __slots__ = ("_after", "_period", "kept", "looks_back", "rolling", "term_end", "term_start", "window")

    def __init__(self, window: Window, kept: KeptTime, term_start: int, term_end: int | None) -> None:
        self.window: Final = window
        self.kept: Final = kept
        self.term_start: Final = term_start
        self.term_end: Final = term_end
        self.rolling: Final = isinstance(window, RollingWindow)
        # Whether a window begins before the one before it has ended.
        self.looks_back: Final = isinstance(window, RollingWindow | OverlappingWindow)
        self._after: dict[int, Interval] = {}
        # The period of the instant that was asked about last.
        self._period = (0, 0)

    def first(self, begin: int) -> Interval | None:
        """The first window that ends after ``begin`` and shares time with the term (rolling: whose tick lies in it)."""
        begin = max(begin, self.term_start)
        if isinstance(self.window, OutageWindow):
            return None
        if isinstance(self.window, RollingWindow):
            every = self.window.every_ns
            return self._within_term(self.window.window_at((begin // every + 1) * every))
        if isinstance(self.window, OverlappingWindow):
            return self._within_term(self.window.ending_with(begin))
        return self._within_term(window_containing(self.window, begin))

    def after(self, window: Interval) -> Interval | None:
        """The window that follows, or None where the term is over."""
        match self.window:
            case OutageWindow():
                return None
            case RollingWindow(every_ns=every):
                return self._within_term(Interval(window.start + every, window.end + every))
            case ExactWindow(length_ns=length):
                return self._within_term(Interval(window.end, window.end + length))
            case CalendarWindow() | OverlappingWindow() as calendar:
                found = self._after.get(window.end)
                if found is None:
                    following = (
                        calendar.ending_with(window.end)
                        if isinstance(calendar, OverlappingWindow)
                        else window_containing(calendar, window.end)
                    )
                    found = self._after[window.end] = following
                return self._within_term(found)

    def exists_from(self, window: Interval) -> int:
        """The instant before which nobody speaks of a window: one of several periods exists with its last (M54)."""
        return (
            self.window.last_period(window).start
            if isinstance(self.window, OverlappingWindow)
            else window.start
        )

    def pane_end(self, instant: int) -> int:
        """Where the pane of an instant ends, for windows that look back: each holds a pane whole or not at all."""
        if isinstance(self.window, RollingWindow):
            every = self.window.every_ns
            tick = instant - instant % every + every
            # Windows begin between two ticks where their length is no multiple of the tick.
            begin = tick - self.window.length_ns % every
            return begin if instant < begin else tick
        start, end = self._period
        if not start <= instant < end and isinstance(self.window, OverlappingWindow):
            period = window_containing(self.window.period, instant)
            start, end = self._period = (period.start, period.end)
        return end

    def over_at(self, inner: Interval) -> int:
        """The instant by which an inner window that is an outage belongs to one of these (M59)."""
        return OutageWindow.over_at(inner, self.term_end)

    def low(self, window: Interval) -> int:
        """Where a window's time inside the term starts."""
        start = window.start
        return start if start > self.term_start else self.term_start

    def high(self, window: Interval) -> int:
        """Where a window's time inside the term ends."""
        end = window.end
        return end if self.term_end is None or end < self.term_end else self.term_end

    def _within_term(self, window: Interval) -> Interval | None:
        if self.term_end is None:
            return window
        match self.window:
            case RollingWindow():
                outside = window.end > self.term_end
            case OverlappingWindow():
                outside = self.window.last_period(window).start >= self.term_end
            case _:
                outside = window.start >= self.term_end
        return None if outside else window
