"""Aggregates over records, computed when a window closes or is asked about (rules M14 and M18)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.algebra import ONE, ZERO, bounded, unbounded
from wsla.evaluation.stream.exact import divide
from wsla.evaluation.stream.layout import restrict
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import Reader
from wsla.evaluation.stream.records import RecordTable
from wsla.evaluation.stream.windows import Kind, edges_of, load_window, save_window
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.instants import Interval


class RecordRun:
    """An aggregate over records for one label combination."""

    __slots__ = ("argument", "begin", "kind", "labels", "table", "where", "window")

    def __init__(
        self,
        kind: Kind,
        labels: Labels,
        begin: int,
        table: RecordTable,
        argument: Reader | None,
        where: Reader | None,
    ) -> None:
        self.kind: Kind = kind
        self.labels: Labels = labels
        self.begin = begin
        self.table: Final = table
        self.argument: Final = argument
        self.where: Final = where
        self.window: Interval | None = kind.frames.first(begin)

    def open(self, window: Interval) -> None:
        self.window = window

    def close(self) -> Point | None:
        window = self.window
        if window is None:
            return None
        point = self._point(window, still_open=False)
        self.window = self.kind.frames.after(window)
        return point

    def peek(self, window: Interval, asked: int) -> Point | None:
        return self._point(window, still_open=True)

    def _point(self, window: Interval, *, still_open: bool) -> Point | None:
        kind, frames = self.kind, self.kind.frames
        if not kind.size(window):
            return None
        every = inside = perhaps = good = bad = 0
        known = kind.collector()
        number_known = 0
        for record in self.table.between(frames.low(window), frames.high(window)):
            if record.instant is None or not frames.kept.contains(record.instant):
                continue
            if self.labels and restrict(record.labels or (), kind.names) != self.labels:
                continue
            every += 1
            self.table.take(record)
            is_in = True if self.where is None else self.where()
            if is_in is None:
                perhaps += 1
            if is_in is not True:
                continue
            inside += 1
            value = True if self.argument is None else self.argument()
            if value is not None:
                number_known += 1
                good += value is True
                bad += value is False
                known.add(value)
        number = inside + perhaps
        # Later versions of a record with a key may be otherwise, and put it elsewhere.
        may_change = still_open and self.table.source.key is not None
        empty = not every or may_change
        if kind.function == "count":
            coverage = Fraction(every - perhaps, every) if every else ONE
            upper = None if still_open else number
            lower_count = 0 if may_change else inside
            series = SeriesValue(value=inside, lower=lower_count, upper=upper, coverage=coverage)
        else:
            value = known.result()
            if kind.function == "sum" and not number_known:
                value = 0
            coverage = Fraction(number_known, number) if number else ONE
            lower, upper_bound = _bounds(kind, value, number, number_known, good, still_open)
            if may_change and kind.function != "share":
                lower, upper_bound = None, None
            series = bounded(value, lower, upper_bound, coverage, kind.truth)
        if kind.idle is not None and empty:
            series = unbounded(series, kind.truth) if still_open else kind.idle
        return Point(window, series, number, bad, empty=empty)

    def save(self) -> list[object]:
        return [save_window(self.window), self.begin]

    def load(self, saved: list[Any]) -> None:
        self.window, self.begin = load_window(saved[0]), saved[1]


def _bounds(
    kind: Kind, value: Value, number: int, known: int, good: int, still_open: bool
) -> tuple[Value, Value]:
    function = kind.function
    if still_open:
        match function:
            case "share":
                return ZERO, ONE
            case "max" | "span":
                return value, None
            case "min":
                return None, value
            case _:
                return None, None
    if function == "share" and number:
        return divide(good, number), divide(good + number - known, number)
    return edges_of(kind, value) if known == number else (None, None)
