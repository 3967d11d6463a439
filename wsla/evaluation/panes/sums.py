"""Measures over windows: sums as differences of running totals, extremes over the panes between two edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.panes.grid import check_edges, kept_of
from wsla.evaluation.panes.measures import Kind
from wsla.evaluation.panes.table import NONE_GREATEST, NONE_LEAST, PaneTable, Stream, held_on
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan

Integers = NDArray[Any]

LIMIT: Final = 1 << 62
"""Whole numbers up to here are added in 64 bits."""


@frozen(eq=False)
class Places:
    """Between which panes of a source each window lies: from ``low``, before ``high``."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]


class SourceSums:
    """The panes of one source before an instant, for any of its labels and any filter of time."""

    def __init__(self, plan: Plan, table: PaneTable, name: str, until: int) -> None:
        self._plan: Final = plan
        self._panes: Final = table.sources[name]
        self._length: Final = table.length
        self._until: Final = until
        self._end: Final = -(-until // table.length)
        rows = self._panes.pane[self._panes.pane < self._end]
        held = [
            min(until, stream.last + (self._panes.staleness or until))
            for stream in self._panes.streams
            if stream.states and stream.last < until
        ]
        self._first: Final = int(rows.min()) if len(rows) else 0
        last = max([int(rows.max()) + 1 if len(rows) else 0, *(-(-end // table.length) for end in held)])
        self._count: Final = max(last - self._first, 0)
        self._edges: Final = np.searchsorted(self._panes.stream, np.arange(len(self._panes.streams) + 1))
        self._masks: Final[dict[TimeFilter, Flags]] = {}
        self._by: Final[dict[tuple[str, ...], dict[Labels, list[int]]]] = {}
        # Running totals of one label combination at a time: those of all would not fit into memory.
        self._at: Labels | None = None
        self._totals: Final[dict[tuple[str, TimeFilter], Integers]] = {}

    def streams(self, names: tuple[str, ...]) -> dict[Labels, list[int]]:
        """The numbers of the streams that have a sample, by their values of these labels."""
        found = self._by.get(names)
        if found is None:
            found = self._by[names] = {}
            for number, stream in enumerate(self._panes.streams):
                if stream.first < self._until:
                    values = dict(stream.labels)
                    found.setdefault(tuple((name, values[name]) for name in names), []).append(number)
        return found

    def first_of(self, number: int) -> int:
        """The instant of a stream's first sample."""
        return self._panes.streams[number].first

    def places(self, starts: Instants, ends: Instants) -> Places:
        """Between which panes windows lie. Raises PanesError where a pane would be cut."""
        return Places(self._placed(starts), self._placed(ends))

    def _placed(self, edges: Instants) -> NDArray[np.int64]:
        length = self._length
        inside = (edges > self._first * length) & (
            edges < min((self._first + self._count) * length, self._until)
        )
        check_edges(edges[inside], length)
        return np.clip(-(-edges // length) - self._first, 0, self._count)

    def sum(self, name: str, labels: Labels, names: TimeFilter, places: Places) -> Integers:
        """A measure that adds up, in the kept time of each window."""
        if self._at != labels:
            self._totals.clear()
            self._at = labels
        totals = self._totals.get((name, names))
        if totals is None:
            totals = self._totals[name, names] = self._running(name, labels, names)
        found: Integers = totals[places.high] - totals[places.low]
        return found

    def best(self, name: str, labels: Labels, names: TimeFilter, places: Places) -> Integers:
        """The least or the greatest value in the kept time of each window."""
        least = self._panes.kinds[name] is Kind.LEAST
        none = NONE_LEAST if least else NONE_GREATEST
        pick: Any = np.minimum if least else np.maximum
        # One more, so that a window at the end has somewhere to stop.
        panes = np.full(self._count + 1, none, np.int64)
        self._each(name, labels, lambda own, values: panes.__setitem__(own, pick(panes[own], values)))
        panes[:-1][~self._mask(names)] = none
        pairs = np.stack([places.low, np.maximum(places.high, places.low)], axis=1).ravel()
        found = pick.reduceat(panes, pairs)[::2] if len(pairs) else np.zeros(0, np.int64)
        return np.where(places.low < places.high, found, none)

    def _running(self, name: str, labels: Labels, names: TimeFilter) -> Integers:
        """The sums of all panes before each, and of all; of any size where 64 bits may not do."""
        if self._panes.kinds[name].is_time:
            bound = float(self._length) * len(self._panes.streams) * (self._count + 1)
        else:
            bound = float(np.abs(self._panes.columns[name]).sum(dtype=np.float64))
        # The bound is rounded, and far from what does not fit.
        totals = np.zeros(self._count + 1, np.int64 if bound < LIMIT else object)
        panes = totals[1:]
        self._each(name, labels, lambda own, values: panes.__setitem__(own, panes[own] + values))
        mask = self._mask(names)
        if not mask.all():
            panes[~mask] = 0
        np.cumsum(panes, out=panes)
        return totals

    def _each(
        self, name: str, labels: Labels, take: Callable[[NDArray[np.int64], NDArray[np.int64]], None]
    ) -> None:
        """A measure in the panes of every stream with these labels, with the panes' places."""
        for number in self.streams(tuple(label for label, _ in labels)).get(labels, ()):
            rows = slice(self._edges[number], self._edges[number + 1])
            own = self._panes.pane[rows]
            values = self._panes.columns[name][rows]
            known = int(np.searchsorted(own, self._end))
            take(own[:known] - self._first, values[:known])
            stream: Stream = self._panes.streams[number]
            if name in stream.states:
                later, times = held_on(stream, self._until, self._panes.staleness, self._length)
                take(later - self._first, times)

    def _mask(self, names: TimeFilter) -> Flags:
        """Which panes are kept time."""
        found = self._masks.get(names)
        if found is None:
            begin = self._first * self._length
            kept = kept_of(self._plan, names, begin, begin + self._count * self._length)
            found = self._masks[names] = kept.mask(self._first, self._count, self._length, self._until)
        return found
