"""Aggregates over the samples of a source (rule M13)."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import OutageWindow, Value
from wsla.evaluation.stream.algebra import ONE, ZERO, bounded, unbounded
from wsla.evaluation.stream.collectors import Collector, Ranked, add_all
from wsla.evaluation.stream.exact import divide, text_of, value_of
from wsla.evaluation.stream.gauges import LONG_AGO, Gauge
from wsla.evaluation.stream.inlets import Stream
from wsla.evaluation.stream.panes import SamplePanes
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import Reader
from wsla.evaluation.stream.windows import Kind, Turn, edges_of, load_window, save_window
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.instants import Interval


class Member:
    """One stream that takes part: its argument (or, for ``count(source)``, its being held) is watched."""

    __slots__ = ("gauge", "run", "stream", "where")

    def __init__(self, run: SampleRun, stream: Stream, gauge: Gauge, where: Reader | None) -> None:
        self.run: Final = run
        self.stream: Final = stream
        self.gauge: Final = gauge
        self.where: Final = where

    def take(self, at: int) -> None:
        """A sample of the stream; the gauge has looked at it already."""
        run = self.run
        if run.low <= at < run.high and (run.everything or run.kind.frames.kept.contains(at)):
            value = self.gauge.value
            if self.where is not None and self.where() is not True:
                value = None
            run.take(at, value)

    def take_many(self, instants: list[int], values: list[Any], latest: Any) -> None:
        """Samples of which all values are known, or None where ``where`` leaves one out.

        ``latest`` is what the argument was last.
        """
        self.gauge.value = latest
        self.run.take_many(instants, values)

    def take_alike(self, instants: list[int]) -> None:
        """More samples that say what the latest has said."""
        value: Any = self.gauge.value
        if self.where is not None and self.where() is not True:
            value = None
        self.run.take_many(instants, [value] * len(instants))

    def save(self) -> list[object]:
        return self.gauge.save()

    def load(self, saved: list[Any]) -> None:
        self.gauge.load(saved)


class CounterMember(Member):
    """A stream of a counter: what is looked at are its steps, each at the instant of its later sample (M34)."""

    __slots__ = ("before",)

    def __init__(self, run: SampleRun, stream: Stream, gauge: Gauge, where: Reader | None) -> None:
        super().__init__(run, stream, gauge, where)
        self.before: Any = None

    def take(self, at: int) -> None:
        run, before = self.run, self.before
        value: Any = self.gauge.value
        step: Any = None
        if value is not None:
            self.before = value
            if before is not None:
                step = max(value - before if value >= before else value, 0)
        if run.low <= at < run.high and run.kind.frames.kept.contains(at):
            if self.where is not None and self.where() is not True:
                step = None
            run.take(at, step)

    def take_many(self, instants: list[int], values: list[Any], latest: Any) -> None:
        for at, value in zip(instants, values, strict=True):
            self.gauge.value = value
            self.take(at)

    def take_alike(self, instants: list[int]) -> None:
        for at in instants:
            self.take(at)

    def save(self) -> list[object]:
        return [self.gauge.save(), text_of(self.before)]

    def load(self, saved: list[Any]) -> None:
        self.gauge.load(saved[0])
        self.before = value_of(saved[1])


def member_of(run: SampleRun, stream: Stream, gauge: Gauge, where: Reader | None) -> Member:
    """A stream that takes part in an aggregate."""
    counter = run.kind.function in ("increase", "rate")
    return (CounterMember if counter else Member)(run, stream, gauge, where)


class SampleRun:
    """An aggregate over samples for one label combination."""

    __slots__ = (
        "accept",
        "begin",
        "collector",
        "everything",
        "high",
        "kind",
        "labels",
        "low",
        "members",
        "panes",
        "seen",
        "window",
    )

    def __init__(self, kind: Kind, labels: Labels, begin: int) -> None:
        self.kind: Kind = kind
        self.labels: Labels = labels
        self.begin = begin
        self.members: Final[list[Member]] = []
        self.everything: Final = kind.frames.kept.everything
        self.panes: SamplePanes | None = SamplePanes(kind) if kind.frames.looks_back else None
        self.window: Interval | None = kind.frames.first(begin)
        self.low = self.high = 0
        self._fresh()

    def _fresh(self) -> None:
        self.collector: Collector = self.kind.collector()
        gathered = self.collector
        self.accept = gathered.values.append if isinstance(gathered, Ranked) else gathered.add
        self.seen = False
        if self.window is None:
            self.low = self.high = 0
        else:
            self.low, self.high = self.kind.frames.low(self.window), self.kind.frames.high(self.window)

    def join(self, member: Member, ghost: Gauge | None) -> None:
        """A stream takes part from now on; before, its signal was what ``ghost`` saw."""
        if ghost is not None:
            member.gauge.copy_from(ghost)
        elif self.window is not None:
            member.gauge.begin(self.low, self.high)
        elif isinstance(self.kind.node.window, OutageWindow):
            member.gauge.begin(LONG_AGO, LONG_AGO)
        self.members.append(member)

    def take(self, at: int, value: Any) -> None:
        """A sample in kept time; None where the argument is unknown."""
        if self.panes is not None:
            gathered = self.panes.at(at)
            if value is not None:
                gathered.add(value)
            return
        self.seen = True
        if value is not None:
            self.accept(value)

    def take_many(self, instants: list[int], values: list[Any]) -> None:
        """The same for many in order, which no end of a window divides."""
        if not self.everything or instants[0] < self.low or instants[-1] >= self.high:
            contains = self.kind.frames.kept.contains
            for at, value in zip(instants, values, strict=True):
                if self.low <= at < self.high and contains(at):
                    self.take(at, value)
            return
        if self.panes is None:
            self.seen = True
            add_all(self.collector, values)
            return
        first, number = 0, len(instants)
        while first < number:
            gathered, upto = self.panes.at(instants[first]), self.panes.end
            last = number if instants[-1] < upto else bisect_left(instants, upto, first)
            add_all(gathered, values[first:last] if last - first < number else values)
            first = last

    def open(self, window: Interval) -> None:
        self.window = window
        self._fresh()
        for member in self.members:
            member.gauge.shift(self.low, self.high)

    def close(self) -> Point | None:
        window = self.window
        if window is None:
            return None
        gathered = self._gather(window)
        point = self._point(window, gathered, known=None)
        if point is not None and not self.seen:
            point.empty = True
            point.value = self.kind.idle or point.value
        self.go_on()
        return point

    def _gather(self, window: Interval) -> Collector:
        """All samples of a window that ends now; what is known of the signals is counted up to its end."""
        gathered = self.collector
        if self.panes is not None:
            self.panes.drop(self.low)
            self.seen, gathered = bool(self.panes), self.panes.gathered()
        for member in self.members:
            member.gauge.flush(window.end)
        return gathered

    def go_on(self) -> None:
        """The next window begins."""
        if self.window is None:
            return
        self.window = self.kind.frames.after(self.window)
        self._fresh()
        if self.window is not None:
            for member in self.members:
                member.gauge.shift(self.low, self.high)

    def end(self, turn: Turn) -> tuple[Value, bool, Fraction, Collector]:
        """Value, whether all is known, and coverage of the window that ends now; the next window begins.

        Last, what has gathered its samples, where they are counted.
        """
        end, size, following = turn.window.end, turn.size, turn.following
        whole = known = 0
        for member in self.members:
            gauge = member.gauge
            gauge.flush(end)
            if member.stream.seen and not member.stream.fresh:
                whole += size
                known += gauge.known
            if following is not None:
                gauge.shift(turn.low, turn.high)
        gathered, panes = self.collector, self.panes
        if panes is None:
            value = gathered.result()
            fresh = self.collector = self.kind.collector()
            self.accept = fresh.values.append if isinstance(fresh, Ranked) else fresh.add
        else:
            panes.drop(self.low)
            if self.kind.function == "share":
                gathered = panes.gathered()
                value = gathered.result()
            else:
                value = panes.result()
        if value is not None and size and self.kind.function == "rate":
            value = divide(value, size)
        self.window, self.low, self.high, self.seen = following, turn.low, turn.high, False
        full = known == whole > 0
        return value, full, ONE if full else Fraction(known, whole) if known else ZERO, gathered

    def measure_open(self, asked: int) -> tuple[Value, bool, Fraction] | None:
        """The same of the window that has not ended, as known at ``asked``, where windows do not look back."""
        window = self.window
        size = 0 if window is None else self.kind.size(window)
        if size == 0:
            return None
        for member in self.members:
            member.gauge.flush(asked)
        value = self.collector.result()
        if value is not None and self.kind.function == "rate":
            value = divide(value, size)
        return value, *self._covered(size, None)

    def _covered(self, size: int, known: int | None) -> tuple[bool, Fraction]:
        """Whether all that takes part is known throughout, and how much of it is."""
        whole = covered = 0
        for member in self.members:
            if member.stream.seen and not member.stream.fresh:
                whole += size
                covered += member.gauge.known
        if known is None:
            known = covered
        full = known == whole > 0
        return full, ONE if full else ZERO if not known else Fraction(known, whole)

    def peek(self, window: Interval, asked: int) -> Point | None:
        for member in self.members:
            member.gauge.flush(asked)
        gathered, known, seen = self.collector, None, self.seen
        low = self.kind.frames.low(window)
        if window != self.window:
            # A window to come begins before this one has ended only where windows look back.
            gathered = self.kind.collector()
            known = sum(member.gauge.known_since(low) for member in self.members if member.stream.seen)
        if self.panes is not None:
            gathered, seen = self.panes.since(low), self.panes.end > low
        point = self._point(window, gathered, known=known)
        if point is not None and (self.kind.several or not seen):
            self._open_bounds(point, seen=seen)
        return point

    def _open_bounds(self, point: Point, *, seen: bool) -> None:
        """What is certain of a window that is open where more streams may take part, or there was nothing so far."""
        value, kind = point.value, self.kind
        if kind.several and value.coverage == ONE:
            point.value = self.bounded(value.value, False, value.coverage)
        if not seen:
            point.empty = True
            if kind.idle is not None:
                point.value = unbounded(value, kind.truth)

    def _point(self, window: Interval, gathered: Collector, known: int | None) -> Point | None:
        size = self.kind.size(window)
        if size == 0:
            return None
        full, coverage = self._covered(size, known)
        value = gathered.result()
        if self.kind.function == "rate" and value is not None:
            value = divide(value, size)
        bad, number = shares_of(gathered)
        return Point(window, self.bounded(value, full, coverage), number, bad)

    def bounded(self, value: Value, full: bool, coverage: Fraction) -> SeriesValue:
        """A value with its bounds (rule M13)."""
        function, truth = self.kind.function, self.kind.truth
        if full:
            if value is None:
                return bounded(value, value, value, coverage, truth)
            lower, upper = edges_of(self.kind, value)
            return SeriesValue(value=value, lower=lower, upper=upper, coverage=coverage)
        match function:
            case "share":
                return bounded(value, ZERO, ONE, coverage, truth)
            case "count" | "max" | "span" | "increase" | "rate":
                return bounded(value, value, None, coverage, truth)
            case "min":
                return bounded(value, None, value, coverage, truth)
            case _:
                return bounded(value, None, None, coverage, truth)

    def save(self) -> list[object]:
        panes = None if self.panes is None else self.panes.save()
        members = [[m.stream.labels, m.save()] for m in self.members]
        return [save_window(self.window), self.begin, self.seen, self.collector.save(), panes, members]

    def load(self, saved: list[Any]) -> None:
        self.window = load_window(saved[0])
        self._fresh()
        self.begin, self.seen = saved[1], saved[2]
        self.collector.load(saved[3])
        if saved[4] is not None:
            self.panes = SamplePanes(self.kind)
            self.panes.load(saved[4])
        members = {tuple((name, value) for name, value in labels): member for labels, member in saved[5]}
        for member in self.members:
            member.load(members[member.stream.labels])


def shares_of(gathered: Collector) -> tuple[int, int]:
    """How many items a share has seen: the false ones, and all."""
    number = getattr(gathered, "number", 0)
    true = getattr(gathered, "true", 0)
    return number - true, number
