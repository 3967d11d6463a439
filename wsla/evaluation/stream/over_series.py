"""Aggregates over the windows of another series (rule M15)."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final, Protocol

from attrs import define

from wsla.analysis.operations import Forgiving, OutageWindow, Value
from wsla.evaluation.stream.algebra import ONE, ZERO, bounded, unbounded
from wsla.evaluation.stream.collectors import Collector, collector
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.forgiving_items import ItemRuns
from wsla.evaluation.stream.more_collectors import UNORDERED
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.windows import Kind, load_window, save_window
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.buckets import Buckets
from wsla.values.instants import Interval


@define
class Item:
    """An inner window: ``inside`` is what ``where`` says of it."""

    window: Interval
    value: SeriesValue
    inside: bool | None = True


class InnerWindows(Protocol):
    """The inner windows that have not ended."""

    def next_window(self) -> Interval | None: ...
    def steady(self) -> bool: ...
    def item(self, window: Interval, asked: int) -> Item | None: ...
    def after(self, window: Interval) -> Interval | None: ...


Coming = dict[tuple[Value, Value, bool | None], tuple[Item, list[int]]]
"""Windows to come that are alike: one of them, and the ends of all."""


class Gathered:
    """Inner windows so far, as little of them as the function needs."""

    __slots__ = (
        "any",
        "bad",
        "covered",
        "full",
        "known",
        "loose",
        "lowers",
        "number",
        "runs",
        "uppers",
        "values",
    )

    def __init__(
        self,
        function: str,
        parameter: Fraction | None,
        forgiving: Forgiving | None = None,
        buckets: Buckets | None = None,
    ) -> None:
        self.any = False
        self.number = 0
        self.known = 0
        self.bad = 0
        # Windows whose bounds do not both equal their value.
        self.loose = 0
        # Windows that are wholly covered, and the sum of the coverage of the others.
        self.full = 0
        self.covered = ZERO
        self.values: Collector = collector(function, parameter, buckets)
        self.lowers: Collector = collector(function, parameter, buckets, -1)
        self.uppers: Collector = collector(function, parameter, buckets, 1)
        self.runs: Final = None if forgiving is None else ItemRuns(forgiving)

    def add(self, item: Item, times: int = 1) -> None:
        """One more inner window, in order; or several alike of unknown value. Where outages are forgiven, the window of
        several is the stretch that they fill.
        """
        self.any = True
        if item.inside is False:
            return
        self.number += times
        series = item.value
        if self.runs is not None:
            self.runs.add(item.window, series, item.inside is True, times)
        if item.inside is None or times != 1:
            self.loose += times
            lower, upper = series.lower, series.upper
            if item.inside is None:
                lower, upper = (False, True) if isinstance(lower, bool) else (None, None)
            self.lowers.add_many(lower, times)
            self.uppers.add_many(upper, times)
            return
        value = series.value
        self.loose += value is None or not series.lower == value == series.upper
        if value is not None:
            self.known += 1
            self.bad += value is False
            self.values.add(value)
            if series.coverage is ONE or series.coverage == 1:
                self.full += 1
            else:
                self.covered += series.coverage
        self.lowers.add(series.lower)
        self.uppers.add(series.upper)

    def result(self, function: str, truth: bool) -> SeriesValue:
        """The value over all of them."""
        number = self.number
        coverage = ONE if not number or self.full == number else (self.full + self.covered) / number
        if self.runs is not None:
            return self.runs.result(number, self.known, coverage)
        value = self.values.result()
        if function == "count":
            return SeriesValue(value=value, lower=value, upper=number, coverage=coverage)
        if function in UNORDERED:
            bound = None if self.loose else value
            return bounded(value, bound, bound, coverage, truth)
        return bounded(value, self.lowers.result(-1), self.uppers.result(1), coverage, truth)

    def so_far(self, function: str, truth: bool) -> SeriesValue:
        """The value where more may come, nobody knows how many (M59)."""
        settled = self.result(function, truth)
        lower: Value = settled.value if function == "count" else None
        upper: Value = None
        if function == "max":
            lower = settled.lower
        elif function == "min":
            upper = settled.upper
        elif function == "share":
            lower, upper = ZERO, ONE
        return bounded(settled.value, lower, upper, settled.coverage, truth)

    def save(self) -> list[object]:
        return [
            self.any,
            self.number,
            self.known,
            self.bad,
            self.loose,
            self.full,
            text_of(self.covered),
            self.values.save(),
            self.lowers.save(),
            self.uppers.save(),
            None if self.runs is None else self.runs.save(),
        ]

    def load(self, saved: list[Any]) -> None:
        self.any, self.number, self.known, self.bad, self.loose, self.full, covered, *collected = saved
        values, lowers, uppers, runs = collected
        self.covered = value_of(covered)
        self.values.load(values)
        self.lowers.load(lowers)
        self.uppers.load(uppers)
        if self.runs is not None:
            self.runs.load(runs)

    @property
    def missed(self) -> int:
        """How many known windows are bad and not forgiven."""
        return self.bad if self.runs is None else self.runs.bad


class SeriesRun:
    """An aggregate over a series for one label combination."""

    __slots__ = (
        "_coming",
        "_in_order",
        "begin",
        "gathered",
        "inner",
        "items",
        "kind",
        "labels",
        "of_outages",
        "window",
    )

    def __init__(
        self, kind: Kind, labels: Labels, begin: int, inner: InnerWindows, *, of_outages: bool
    ) -> None:
        self.of_outages: Final = of_outages
        self.kind: Kind = kind
        self.labels: Labels = labels
        self.begin = begin
        self.inner: Final = inner
        self._coming: tuple[Interval, Coming] | None = None
        self._in_order: tuple[Interval, list[tuple[Item, list[int]]]] | None = None
        self.window: Interval | None = kind.frames.first(begin)
        self.items: deque[Item] | None = deque() if kind.frames.looks_back else None
        self.gathered = self._empty()

    def _empty(self) -> Gathered:
        node = self.kind.node
        return Gathered(node.function, node.parameter, node.forgiving, self.kind.buckets)

    def wants(self, inner: Interval) -> bool:
        """True where an inner window can count in this window or, rolling, in one to come."""
        window = self.window
        return window is not None and (self.items is not None or self._inside(inner, window))

    def feed(self, item: Item) -> None:
        """An inner window that is wanted has ended."""
        if self.items is not None:
            self.items.append(item)
        else:
            self.gathered.add(item)

    def _inside(self, inner: Interval, outer: Interval) -> bool:
        frames = self.kind.frames
        if self.of_outages:
            over = frames.over_at(inner)
            return frames.low(outer) <= over < frames.high(outer) and frames.kept.contains(over)
        return (
            frames.low(outer) <= inner.start
            and inner.end <= frames.high(outer)
            and frames.kept.covers(inner.start, inner.end)
        )

    def open(self, window: Interval) -> None:
        self.window, self.gathered = window, self._empty()

    def close(self) -> Point | None:
        window, kind = self.window, self.kind
        if window is None:
            return None
        if self.items is not None:
            self._gather_rolling(self.items, window)
        point: Point | None = None
        if kind.size(window):
            gathered = self.gathered
            value = gathered.result(kind.function, kind.truth)
            if kind.idle is not None and not gathered.any:
                value = kind.idle
            point = Point(window, value, gathered.number, gathered.missed, empty=not gathered.any)
        self.window = kind.frames.after(window)
        self.gathered = self._empty()
        return point

    def _gather_rolling(self, items: deque[Item], window: Interval) -> None:
        low = self.kind.frames.low(window)
        while items and self._since(items[0]) < low:
            items.popleft()
        self.gathered = self._empty()
        for item in items:
            if self._inside(item.window, window):
                self.gathered.add(item)

    def _since(self, item: Item) -> int:
        return self.kind.frames.over_at(item.window) if self.of_outages else item.window.start

    def peek(self, window: Interval, asked: int) -> Point | None:
        kind = self.kind
        if not kind.size(window):
            return None
        gathered = self._empty()
        if window == self.window:
            if self.items is not None:
                self._gather_rolling(self.items, window)
            gathered.load(self.gathered.save())
        if self.of_outages or isinstance(kind.node.window, OutageWindow):
            value = gathered.so_far(kind.function, kind.truth)
        else:
            self._add_unended(gathered, window, asked)
            value = gathered.result(kind.function, kind.truth)
        if kind.idle is not None and not gathered.any:
            value = unbounded(value, kind.truth)
        return Point(window, value, gathered.number, gathered.missed, empty=not gathered.any)

    def _add_unended(self, gathered: Gathered, outer: Interval, asked: int) -> None:
        upcoming = self.inner.next_window()
        if upcoming is None:
            return
        if self.kind.function in ("last", "first") or outer != self.window or not self.inner.steady():
            for item in self._items_from(upcoming, outer, asked):
                gathered.add(item)
            return
        # Of what has begun something is known; there are several such windows where they look back.
        begun: Interval | None = upcoming
        latest = upcoming
        while begun is not None and (begun is upcoming or begun.start < asked):
            current = self.inner.item(begun, asked) if self._inside(begun, outer) else None
            if current is not None:
                gathered.add(current)
            latest, begun = begun, self.inner.after(begun)
        if gathered.runs is not None:
            self._add_in_order(gathered, latest, outer, asked)
            return
        if self._coming is None or self._coming[0] != outer:
            groups: Coming = {}
            for item in self._items_from(begun, outer, asked):
                alike = (item.value.lower, item.value.upper, item.inside)
                groups.setdefault(alike, (item, []))[1].append(item.window.end)
            self._coming = (outer, groups)
        for item, ends in self._coming[1].values():
            gathered.add(item, len(ends) - bisect_right(ends, latest.end))

    def _add_in_order(self, gathered: Gathered, latest: Interval, outer: Interval, asked: int) -> None:
        """As above, but alike are windows that follow one another without a gap."""
        if self._in_order is None or self._in_order[0] != outer:
            stretches: list[tuple[Item, list[int]]] = []
            for item in self._items_from(self.inner.after(latest), outer, asked):
                before, ends = stretches[-1] if stretches else (None, [])
                if before is not None and ends[-1] == item.window.start and _alike(before, item):
                    ends.append(item.window.end)
                else:
                    stretches.append((item, [item.window.end]))
            self._in_order = (outer, stretches)
        for item, ends in self._in_order[1]:
            passed = bisect_right(ends, latest.end)
            if passed < len(ends):
                start = ends[passed - 1] if passed else item.window.start
                several = Item(Interval(start, ends[-1]), item.value, item.inside)
                gathered.add(several, len(ends) - passed)

    def _items_from(self, window: Interval | None, outer: Interval, asked: int) -> Iterator[Item]:
        while window is not None and window.end <= outer.end:
            item = self.inner.item(window, asked) if self._inside(window, outer) else None
            if item is not None:
                yield item
            window = self.inner.after(window)

    @property
    def unended(self) -> tuple[Any, Any]:
        """What was worked out of the inner windows to come; who has asked of a later instant sets it back."""
        return self._coming, self._in_order

    @unended.setter
    def unended(self, kept: tuple[Any, Any]) -> None:
        self._coming, self._in_order = kept

    def save(self) -> list[object]:
        items = None if self.items is None else [_save_item(item) for item in self.items]
        return [save_window(self.window), self.begin, self.gathered.save(), items]

    def load(self, saved: list[Any]) -> None:
        self.window, self.begin = load_window(saved[0]), saved[1]
        self.gathered = self._empty()
        self.gathered.load(saved[2])
        if saved[3] is not None:
            self.items = deque(_load_item(item) for item in saved[3])


def _alike(one: Item, other: Item) -> bool:
    return one.value == other.value and one.inside is other.inside


def _save_item(item: Item) -> list[Value | object]:
    return [save_window(item.window), save_series(item.value), item.inside]


def _load_item(saved: Any) -> Item:
    return Item(Interval(*saved[0]), load_series(saved[1]), saved[2])


def save_series(value: SeriesValue) -> list[object]:
    """A series value as JSON holds it."""
    return [text_of(x) for x in (value.value, value.lower, value.upper, value.coverage)]


def load_series(saved: list[Any]) -> SeriesValue:
    """What ``save_series`` gave."""
    value, lower, upper, coverage = (value_of(x) for x in saved)
    return SeriesValue(value=value, lower=lower, upper=upper, coverage=coverage)
