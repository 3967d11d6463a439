"""Measures over windows, of many label combinations at once: sums as differences of running totals, extremes over the
panes between two edges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.panes.grid import check_edges, kept_of
from wsla.evaluation.panes.measures import Kind
from wsla.evaluation.panes.table import (
    NONE_GREATEST,
    NONE_LEAST,
    Builder,
    PaneTable,
    SourcePanes,
    held_on,
)
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan

Integers = NDArray[Any]

LIMIT: Final = 1 << 62
"""Whole numbers up to here are added in 64 bits."""

_ROWS_TOGETHER: Final = 1 << 16
"""Rows of several streams are added up together while they are no more than these: so much stays near the processor."""


@frozen(eq=False)
class Places:
    """Between which panes of a source each window lies: from ``low``, before ``high``."""

    low: NDArray[np.int64]
    high: NDArray[np.int64]


@frozen(eq=False, kw_only=True)
class _Part:
    """Streams one behind the other: their rows, and for each of them the rows of each window, counted from the first.

    ``places`` are those of their label combinations.
    """

    rows: slice
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    places: NDArray[np.int64]


class SourceSums:
    """The panes of one source before an instant, for any of its labels and any filter of time."""

    def __init__(self, plan: Plan, table: PaneTable, name: str, until: int) -> None:
        self._plan: Final = plan
        self._panes: Final = _known_by(table.sources[name], until, table.length)
        self._length: Final = table.length
        self._until: Final = until
        pane = self._panes.pane
        self._first: Final = int(pane.min()) if len(pane) else 0
        self._count: Final = int(pane.max()) + 1 - self._first if len(pane) else 0
        self._edges: Final = np.searchsorted(self._panes.stream, np.arange(len(self._panes.streams) + 1))
        self._masks: Final[dict[TimeFilter, Flags]] = {}
        self._by: Final[dict[tuple[str, ...], dict[Labels, list[int]]]] = {}
        self._largest: Final[dict[str, int]] = {}

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

    def sums(
        self, names: Sequence[str], groups: Sequence[Sequence[int]], kept: TimeFilter, places: Places
    ) -> Mapping[str, Integers]:
        """Measures that add up, in the kept time of each window: by name a row for each group of streams."""
        most = max((sum(self._rows_of(number) for number in group) for group in groups), default=0)
        kinds = {name: object if self._greatest(name) * most >= LIMIT else np.int64 for name in names}
        shape = (len(groups), len(places.low))
        found: dict[str, Integers] = {name: np.zeros(shape, kind) for name, kind in kinds.items()}
        alone = all(len(group) == 1 for group in groups)
        for part in self._parts(groups, places):
            dropped = self._dropped(part.rows, kept)
            # New memory costs more than the sums.
            spare = np.zeros(part.rows.stop - part.rows.start + 1, np.int64)
            for name in names:
                values = self._panes.columns[name][part.rows]
                totals = spare if kinds[name] is np.int64 else np.zeros(len(spare), object)
                np.cumsum(
                    values if dropped is None else np.where(dropped, 0, values),
                    out=totals[1:],
                    dtype=kinds[name],
                )
                added = totals[part.last]
                added -= totals[part.first]
                if not alone:
                    np.add.at(found[name], part.places, added)
                elif len(groups) == 1:
                    found[name] = added
                else:
                    found[name][part.places] = added
        return found

    def best(self, name: str, groups: Sequence[Sequence[int]], kept: TimeFilter, places: Places) -> Integers:
        """The least or the greatest value in the kept time of each window: a row for each group of streams."""
        least = self._panes.kinds[name] is Kind.LEAST
        none = NONE_LEAST if least else NONE_GREATEST
        pick: Any = np.minimum if least else np.maximum
        found = np.full((len(groups), len(places.low)), none, np.int64)
        for part in self._parts(groups, places):
            # One more, so that a window at the end has somewhere to stop.
            values = np.append(self._panes.columns[name][part.rows], none)
            dropped = self._dropped(part.rows, kept)
            if dropped is not None:
                values[:-1][dropped] = none
            pairs = np.stack([part.first, np.maximum(part.first, part.last)], axis=-1).ravel()
            if len(pairs):
                picked = pick.reduceat(values, pairs)[::2].reshape(part.first.shape)
                pick.at(found, part.places, np.where(part.first < part.last, picked, none))
        return found

    def _rows_of(self, number: int) -> int:
        return int(self._edges[number + 1] - self._edges[number])

    def _greatest(self, name: str) -> int:
        """The greatest distance from zero of a measure in one pane."""
        if self._panes.kinds[name].is_time:
            return self._length
        found = self._largest.get(name)
        if found is None:
            values = self._panes.columns[name]
            found = max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0
            self._largest[name] = found
        return found

    def _parts(self, groups: Sequence[Sequence[int]], places: Places) -> Iterator[_Part]:
        """The streams of groups in the order of their rows, not too many together."""
        wanted = sorted((number, place) for place, group in enumerate(groups) for number in group)
        begin = 0
        for end in range(1, len(wanted) + 1):
            if end < len(wanted) and wanted[end][0] == wanted[end - 1][0] + 1:
                rows = self._edges[wanted[end][0] + 1] - self._edges[wanted[begin][0]]
                if max(int(rows), (end + 1 - begin) * len(places.low)) <= _ROWS_TOGETHER:
                    continue
            first, number = wanted[begin][0], end - begin
            yield self._part(first, number, np.array([place for _, place in wanted[begin:end]]), places)
            begin = end

    def _part(self, first: int, number: int, of: NDArray[np.int64], places: Places) -> _Part:
        rows = slice(int(self._edges[first]), int(self._edges[first + number]))
        width = self._count + 1
        keys = self._panes.pane[rows] - self._first
        if number > 1:
            keys += (self._panes.stream[rows] - first).astype(np.int64) * width
        starts = np.arange(number, dtype=np.int64)[:, None] * width
        low, high = starts + places.low, starts + places.high
        if number * width > 4 * (len(keys) + low.size):
            return _Part(
                rows=rows, first=np.searchsorted(keys, low), last=np.searchsorted(keys, high), places=of
            )
        there = np.zeros(number * width + 1, np.bool_)
        there[keys + 1] = True
        before = np.cumsum(there, dtype=np.int64)
        return _Part(rows=rows, first=before[low], last=before[high], places=of)

    def _dropped(self, rows: slice, names: TimeFilter) -> Flags | None:
        """Which of these rows are not kept time; None where all are."""
        found = self._masks.get(names)
        if found is None:
            begin = self._first * self._length
            kept = kept_of(self._plan, names, begin, begin + self._count * self._length)
            found = self._masks[names] = ~kept.mask(self._first, self._count, self._length, self._until)
        return found[self._panes.pane[rows] - self._first] if found.any() else None


def _known_by(panes: SourcePanes, until: int, length: int) -> SourcePanes:
    """What of panes is known at an instant: not those behind it, and with the latest samples held on until then."""
    end = -(-until // length)
    held = {
        number: held_on(stream, until, panes.staleness, length)
        for number, stream in enumerate(panes.streams)
        if stream.states and stream.until < until
    }
    if not any(len(later) for later, _ in held.values()) and bool((panes.pane < end).all()):
        return panes
    builder = Builder(panes.kinds)
    edges = np.searchsorted(panes.stream, np.arange(len(panes.streams) + 1))
    for number, stream in enumerate(panes.streams):
        own = panes.pane[edges[number] : edges[number + 1]]
        rows = slice(int(edges[number]), int(edges[number] + np.searchsorted(own, end)))
        columns = {name: values[rows] for name, values in panes.columns.items()}
        builder.add(number, panes.pane[rows], columns)
        if number in held:
            builder.add(number, held[number][0], dict.fromkeys(stream.states, held[number][1]))
    return builder.finish(panes, panes.streams)
