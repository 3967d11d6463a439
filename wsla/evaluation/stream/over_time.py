"""Aggregates over time: availability, duration, downtime, time_mean (rule M12)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import OutageWindow
from wsla.evaluation.stream.algebra import ONE, ZERO, unbounded
from wsla.evaluation.stream.exact import divide
from wsla.evaluation.stream.forgiving import ForgivingGauge, TimeRuns, forgiving_point
from wsla.evaluation.stream.gauges import LONG_AGO, Gauge
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.runs import OutageGauge, longest
from wsla.evaluation.stream.windows import Kind, load_window, save_window
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.instants import Interval


class TimeRun:
    """An aggregate over time for one label combination."""

    __slots__ = ("begin", "gauge", "kind", "labels", "sampled", "window")

    def __init__(self, kind: Kind, labels: Labels, begin: int, gauge: Gauge) -> None:
        self.kind: Kind = kind
        self.labels: Labels = labels
        self.begin = begin
        self.gauge: Final = gauge
        self.sampled: int | None = None
        self.window: Interval | None = kind.frames.first(begin)
        if self.window is not None:
            gauge.begin(kind.frames.low(self.window), kind.frames.high(self.window))
        elif isinstance(kind.node.window, OutageWindow):
            gauge.begin(LONG_AGO, LONG_AGO)

    def open(self, window: Interval) -> None:
        self.window = window
        self.gauge.shift(self.kind.frames.low(window), self.kind.frames.high(window))

    def take(self, at: int) -> None:
        """Notes when the last sample in kept time was."""
        window, frames = self.window, self.kind.frames
        inside = window is not None and at < frames.high(window) and at >= frames.term_start
        if inside and frames.kept.contains(at):
            self.sampled = at

    def close(self) -> Point | None:
        window, gauge, kind = self.window, self.gauge, self.kind
        if window is None:
            return None
        gauge.flush(window.end)
        point = self._point(window, gauge, window.end)
        if point is not None and kind.asks_idle:
            low = kind.frames.low(window)
            if self.sampled is None or self.sampled < low or not point.size:
                point.empty = True
                point.value = kind.idle or point.value
        following = self.window = kind.frames.after(window)
        if following is not None:
            gauge.shift(kind.frames.low(following), kind.frames.high(following))
        return point

    def peek(self, window: Interval, asked: int) -> Point | None:
        gauge: Gauge | None = self.gauge
        self.gauge.flush(asked)
        if window != self.window:
            # A window to come begins before this one has ended only where windows look back.
            frames = self.kind.frames
            gauge = self.gauge.ahead(frames.low(window), frames.high(window)) if frames.looks_back else None
        point = self._point(window, gauge, asked)
        if point is not None and self.kind.asks_idle and self._nothing_so_far(point, asked):
            point.empty = True
            if self.kind.idle is not None:
                point.value = unbounded(point.value, self.kind.truth)
        return point

    def _nothing_so_far(self, point: Point, asked: int) -> bool:
        frames = self.kind.frames
        low = frames.low(point.window)
        if self.sampled is None or self.sampled < low:
            return True
        passed = frames.kept.measure(low, min(asked, frames.high(point.window)))
        return passed <= self.kind.size(point.window) - point.size

    def _point(self, window: Interval, gauge: Gauge | None, asked: int) -> Point | None:
        """The point of a window; of one to come there is no gauge yet."""
        size = whole = self.kind.size(window)
        if not size:
            return None
        frames = self.kind.frames
        function = self.kind.function
        known, area = 0, 0
        if gauge is not None:
            size -= gauge.cut
            known, area = gauge.known, gauge.area
        coverage = ONE if known == size else ZERO if not known else Fraction(known, size)
        if self.kind.node.forgiving is not None:
            runs = TimeRuns(self.kind.node.forgiving)
            if isinstance(gauge, ForgivingGauge):
                runs = gauge.runs_until(asked)
            return forgiving_point(self.kind.node, runs, window, (size, known), asked, frames)
        unknown = size - known
        if function == "time_mean":
            mean = divide(area, known) if known else None
            bound = mean if known == size else None
            value = SeriesValue(value=mean, lower=bound, upper=bound, coverage=coverage)
            return Point(window, value, size)
        if function == "outages":
            number = 0
            if isinstance(gauge, OutageGauge):
                number = gauge.number(frames.low(window), frames.high(window))
            value = SeriesValue(
                value=number if known else None,
                lower=number,
                upper=number if known == size else None,
                coverage=coverage,
            )
            return Point(window, value, size)
        if function == "longest":
            stretches = None if gauge is None else gauge.stretches
            least, greatest = longest(stretches or (), frames, window)
            value = SeriesValue(
                value=least if known else None, lower=least, upper=greatest, coverage=coverage
            )
            return Point(window, value, size)
        false = known - area
        past = whole
        if asked < window.end:
            past = frames.kept.measure(frames.low(window), min(asked, frames.high(window)))
        past -= whole - size
        if function == "availability":
            share = Fraction(area, known) if known else None
            lower, upper = share, share
            if known != size or not size:
                lower = Fraction(area, size) if size else ZERO
                upper = Fraction(area + unknown, size) if size else ONE
            value = SeriesValue(value=share, lower=lower, upper=upper, coverage=coverage)
        else:
            true = false if function == "downtime" else area
            value = SeriesValue(
                value=true if known else None, lower=true, upper=true + unknown, coverage=coverage
            )
        return Point(window, value, size, false, past - known)

    def save(self) -> list[object]:
        return [save_window(self.window), self.begin, self.sampled, self.gauge.save()]

    def load(self, saved: list[Any]) -> None:
        self.window = load_window(saved[0])
        self.begin, self.sampled = saved[1], saved[2]
        self.gauge.load(saved[3])
