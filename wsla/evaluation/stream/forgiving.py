"""Short outages that do not count, over time (rule M52): runs are counted as they pass."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Aggregate, Forgiving
from wsla.evaluation.stream.algebra import ONE, ZERO
from wsla.evaluation.stream.frames import Frames
from wsla.evaluation.stream.gauges import Gauge
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import Reader
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval


class Runs:
    """Runs of what is bad, where short ones are forgiven; what touches is one run.

    ``bad`` weighs the runs that count, ``number`` is how many they are; ``loose`` weighs the unknown
    part of those that do not. ``marks`` is the number of runs that were marked while they were under way.
    """

    __slots__ = ("bad", "end", "forgiving", "loose", "marked", "marks", "maybe", "number", "start", "weight")

    def __init__(self, forgiving: Forgiving) -> None:
        self.forgiving: Final = forgiving
        self.bad = self.number = self.loose = self.marks = 0
        # The run under way; without weight there is none.
        self.start = self.end = self.weight = self.maybe = 0
        self.marked = False

    def feed(self, start: int, end: int, weight: int, bad: bool, maybe: int = 0) -> None:
        """What comes next, in order of time; ``maybe`` is the unknown part of its weight."""
        if self.weight and (not bad or start != self.end):
            self._finish()
        if bad:
            if not self.weight:
                self.start = start
            self.end = end
            self.weight += weight
            self.maybe += maybe

    def counts(self) -> bool:
        """True where there is a run under way that is long enough to count already."""
        return bool(self.weight) and self.forgiving.counts(self.end - self.start)

    def _finish(self) -> None:
        if self.counts():
            self.bad += self.weight
            self.number += 1
        else:
            self.loose += self.maybe
        self.marks += self.marked
        self.weight = self.maybe = 0
        self.marked = False

    def ended(self) -> Runs:
        """The same, with the run under way at its end."""
        found = Runs(self.forgiving)
        found.load(self.save())
        if found.weight:
            found._finish()
        return found

    def save(self) -> list[object]:
        under_way = [self.start, self.end, self.weight, self.maybe, self.marked]
        return [self.bad, self.number, self.loose, self.marks, *under_way]

    def load(self, saved: list[Any]) -> None:
        self.bad, self.number, self.loose, self.marks, *under_way = saved
        self.start, self.end, self.weight, self.maybe, self.marked = under_way


class TimeRuns:
    """Outages: those that are ``sure``, and those with unknown time as false, which are ``perhaps`` some."""

    __slots__ = ("perhaps", "sure")

    def __init__(self, forgiving: Forgiving) -> None:
        self.sure = Runs(forgiving)
        self.perhaps = Runs(forgiving)

    def feed(self, start: int, end: int, value: object) -> None:
        """Kept time in which the condition has one value."""
        length = end - start
        self.sure.feed(start, end, length, value is False)
        unknown = value is None
        self.perhaps.feed(start, end, length, unknown or value is False, length if unknown else 0)
        if self.sure.counts():
            self.perhaps.marked = True

    def copy(self) -> TimeRuns:
        found = TimeRuns(self.sure.forgiving)
        found.load(self.save())
        return found

    def save(self) -> list[object]:
        return [self.sure.save(), self.perhaps.save()]

    def load(self, saved: list[Any]) -> None:
        self.sure.load(saved[0])
        self.perhaps.load(saved[1])


class ForgivingGauge(Gauge):
    """A gauge that knows the outages in the kept time of its window; rolling, it finds them in what is kept of it."""

    __slots__ = ("runs",)

    def __init__(self, read: Reader, frames: Frames, forgiving: Forgiving) -> None:
        super().__init__(read, frames.kept, presence=False, stretches=frames.looks_back)
        self.runs = TimeRuns(forgiving)

    def flush(self, at: int) -> None:
        since = self.since
        super().flush(at)
        if self.stretches is None:
            self._count(self.runs, max(since, self.low), min(at, self.high), self.value)

    def _count(self, runs: TimeRuns, start: int, end: int, value: object) -> None:
        for kept in self.kept.stretches(start, end):
            runs.feed(kept.start, kept.end, value)

    def runs_until(self, at: int) -> TimeRuns:
        """The outages of the window so far; what passed before ``at`` is counted already."""
        if self.stretches is None:
            return self.runs.copy()
        runs = TimeRuns(self.runs.sure.forgiving)
        upto = self.low
        for start, end, value in self.stretches:
            self._count(runs, upto, start, None)
            self._count(runs, start, end, value)
            upto = end
        self._count(runs, upto, min(at, self.high), None)
        return runs

    def shift(self, low: int, high: int) -> None:
        super().shift(low, high)
        if self.stretches is None:
            self.runs = TimeRuns(self.runs.sure.forgiving)

    def copy_from(self, other: Gauge) -> None:
        super().copy_from(other)
        if isinstance(other, ForgivingGauge):
            self.runs = other.runs.copy()

    def save(self) -> list[object]:
        return [super().save(), self.runs.save()]

    def load(self, saved: list[Any]) -> None:
        super().load(saved[0])
        self.runs.load(saved[1])


def forgiving_point(
    node: Aggregate, runs: TimeRuns, window: Interval, sizes: tuple[int, int], asked: int, frames: Frames
) -> Point:
    """The point of a window with these outages before the instant asked about; ``sizes`` are what there is of kept
    time, and the known part of it.
    """
    size, known = sizes
    sure, so_far = runs.sure.ended(), runs.perhaps.ended()
    if asked < window.end:
        for kept in frames.kept.stretches(max(asked, frames.low(window)), frames.high(window)):
            runs.perhaps.feed(kept.start, kept.end, kept.length, True, kept.length)
    perhaps = runs.perhaps.ended()
    coverage = ONE if known == size else Fraction(known, size)
    value: Any
    lower: Any
    upper: Any
    if node.function == "outages":
        value, lower = sure.number, perhaps.marks
        upper = sure.number if known == size else None
    elif node.function == "downtime":
        value, lower, upper = sure.bad, sure.bad, perhaps.bad
    else:
        certain = size - perhaps.loose
        value, lower, upper = known - sure.bad, certain - perhaps.bad, size - sure.bad
        if node.function == "availability":
            value = Fraction(value, known) if known else None
            lower = Fraction(lower, certain) if certain else ZERO
            upper = Fraction(upper, size) if size else ONE
    series = SeriesValue(value=value if known else None, lower=lower, upper=upper, coverage=coverage)
    return Point(window, series, size, sure.bad, so_far.bad - sure.bad)
