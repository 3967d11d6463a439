"""Runs of a condition: the longest in which it is true, and the instants at which it becomes false (M31, M32)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any, Final

from wsla.analysis.operations import Aggregate, Value
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.forgiving import ForgivingGauge
from wsla.evaluation.stream.frames import Frames
from wsla.evaluation.stream.gauges import Gauge
from wsla.evaluation.stream.panes import TimePanes
from wsla.evaluation.stream.pointwise import Reader
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, intersect, normalise, subtract

_NEVER: Final = -(1 << 63)


def gauge_for(node: Aggregate, read: Reader, frames: Frames) -> Gauge:
    """What watches the argument of an aggregate over time."""
    function = node.function
    if node.forgiving is not None:
        return ForgivingGauge(read, frames, node.forgiving)
    if function == "outages":
        return OutageGauge(read, frames)
    # The longest run needs the stretches themselves.
    stretches = function == "longest"
    panes = TimePanes(frames) if frames.looks_back and not stretches else None
    return Gauge(read, frames.kept, presence=False, panes=panes, stretches=stretches)


def longest(stretches: Iterable[tuple[int, int, Any]], frames: Frames, window: Interval) -> tuple[int, int]:
    """The longest run of true in a window's kept time: with unknown time as false, and with it as true."""
    kept = normalise(frames.kept.stretches(frames.low(window), frames.high(window)))
    true: list[Interval] = []
    # What is cut out ends a run as what is false does.
    other: list[Interval] = []
    for start, end, value in stretches:
        (true if value is True else other).append(Interval(start, end))
    return _greatest(intersect(kept, normalise(true))), _greatest(subtract(kept, normalise(other)))


def _greatest(runs: Intervals) -> int:
    return max((run.length for run in runs), default=0)


class OutageGauge(Gauge):
    """A gauge that notes the instants at which outages start, in all kept time of the term."""

    __slots__ = ("before", "frames", "looked", "starts")

    def __init__(self, read: Reader, frames: Frames) -> None:
        panes = TimePanes(frames) if frames.looks_back else None
        super().__init__(read, frames.kept, presence=False, panes=panes)
        self.frames: Final = frames
        # What was known last in kept time, and the instant up to which that was looked at.
        self.before: Value = None
        self.looked = _NEVER
        self.starts: deque[int] = deque()

    def flush(self, at: int) -> None:
        super().flush(at)
        since, frames = self.looked, self.frames
        if at <= since:
            return
        self.looked = at
        value = self.value
        if value is None or value is self.before or isinstance(value, str):
            return
        end = at if frames.term_end is None else min(at, frames.term_end)
        kept = next(frames.kept.stretches(max(since, frames.term_start), end), None)
        if kept is not None:
            self.before = value
            if value is False:
                self.starts.append(kept.start)

    def number(self, low: int, high: int) -> int:
        """How many outages started in ``[low, high)``."""
        return sum(low <= start < high for start in self.starts)

    def shift(self, low: int, high: int) -> None:
        super().shift(low, high)
        starts = self.starts
        while starts and starts[0] < low:
            starts.popleft()

    def copy_from(self, other: Gauge) -> None:
        super().copy_from(other)
        if isinstance(other, OutageGauge):
            self.before, self.looked, self.starts = other.before, other.looked, deque(other.starts)

    def save(self) -> list[object]:
        return [super().save(), text_of(self.before), self.looked, list(self.starts)]

    def load(self, saved: list[Any]) -> None:
        inner, before, self.looked, starts = saved
        super().load(inner)
        self.before, self.starts = value_of(before), deque(starts)
