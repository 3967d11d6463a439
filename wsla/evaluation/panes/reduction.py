"""The values of aggregates, computed from panes: what stage two of batch gets where no samples are at hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from wsla.analysis.operations import Aggregate, TimeFilter
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.series import Ratios, SeriesColumns, SignalColumns, Spent
from wsla.evaluation.panes.collect import wanted
from wsla.evaluation.panes.grid import Kept, check_edges, horizons, kept_of, windows
from wsla.evaluation.panes.measures import (
    OVER_TIME,
    Kind,
    Measure,
    PanesError,
    measures_of,
    name_of,
    scale_of,
    signature,
    source_of,
)
from wsla.evaluation.panes.table import NONE_GREATEST, NONE_LEAST, PaneTable, SourcePanes, Stream, held_on
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.instants import format_instant, format_length

Integers = NDArray[Any]

_LIMIT: Final = 1 << 62


@frozen(eq=False, kw_only=True)
class _Look:
    """The existing windows of an aggregate for one label combination."""

    node: Aggregate
    source: str
    labels: Labels
    starts: Instants
    ends: Instants
    kept: Kept
    size: NDArray[np.int64]


def fitted(plan: Plan, panes: PaneTable) -> PaneTable:
    """Of a table what a plan needs. Raises PanesError where it was made for another agreement."""
    asked = wanted(plan)
    if panes.length != asked.length and asked.length % panes.length:
        raise PanesError(
            f"partial results of {format_length(panes.length)} are too long for the agreement's windows, which need "
            f"{format_length(asked.length)}: make them again from the data"
        )
    sources = {}
    for name, measures in asked.sources.items():
        found = panes.sources.get(name)
        if found is None:
            continue
        if found.signature != signature(plan.source(name)):
            raise PanesError(
                f"the partial results of `{name}` were made when its fields, labels or staleness were others: "
                "make them again from its data"
            )
        lacking = [measure for measure in measures if measure not in found.kinds]
        if lacking:
            raise PanesError(
                f"the partial results of `{name}` were made for another agreement: they lack `{lacking[0]}`"
            )
        sources[name] = evolve(
            found,
            kinds={measure: found.kinds[measure] for measure in measures},
            columns={measure: found.columns[measure] for measure in measures},
            streams=tuple(evolve(x, states=x.states.intersection(measures)) for x in found.streams),
        )
    return evolve(panes, sources=sources)


class PaneReduction:
    """Aggregates over ``[start, until)``, in nanoseconds, as asked at ``until``. It is a ``Reduction``.

    ``combinations`` and ``series`` raise PanesError for what panes do not give, and for windows that begin or end
    inside a pane. Making one raises PanesError where the table was made for another agreement, or where ``until`` is
    inside a pane and more than that was observed.
    """

    def __init__(self, plan: Plan, panes: PaneTable, start: int, until: int) -> None:
        if until < panes.until and until % panes.length:
            raise PanesError(
                f"partial results of {format_length(panes.length)} do not say what was known inside one of them: judge "
                f"until the end of one, or until {format_instant(panes.until)}, which is all that they have"
            )
        self._plan: Final = plan
        self._panes: Final = fitted(plan, panes)
        self._start: Final = start
        self._until: Final = until
        self._horizons: Final = horizons(plan, until)
        self._prefixes: Final[dict[tuple[object, ...], tuple[int, Integers]]] = {}
        self._kept: Final[dict[tuple[TimeFilter, int, int], Kept]] = {}
        self._masks: Final[dict[tuple[TimeFilter, int, int], Flags]] = {}
        self._dense: Final[dict[tuple[str, Labels, str], tuple[int, NDArray[Any]]]] = {}

    def gives(self, index: int) -> bool:
        """True for an aggregate that these panes give."""
        try:
            measures_of(self._plan, index)
            node = self._plan.operations[index]
            assert isinstance(node, Aggregate)
            return source_of(self._plan, node).name in self._panes.sources
        except PanesError:
            return False

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """Each label combination of an aggregate, with the instant from which it is evaluated (rule M10)."""
        node, panes = self._aggregate(index)
        if not node.by:
            return {(): self._start}
        first: dict[Labels, int] = {}
        for stream in panes.streams:
            if stream.first < self._until:
                own = _restricted(stream, node.by)
                first[own] = min(stream.first, first.get(own, stream.first))
        return {labels: max(at, self._start) for labels, at in first.items()}

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        """Panes have no signals: it always raises PanesError."""
        raise PanesError("what changes from one instant to the next is not in partial results")

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        """An aggregate in every existing window; the open one as known at ``until``. ``nothing`` is left to say what
        an idle window counts as.
        """
        return self._columns(index, labels, to_come=False)

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """The windows of an aggregate that do not exist at ``until`` yet, but will lie inside an open window of an
        aggregate over its series (rule M15), as known at ``until``.
        """
        return self._columns(index, labels, to_come=True)

    def _columns(self, index: int, labels: Labels, *, to_come: bool) -> SeriesColumns:
        node, _ = self._aggregate(index)
        values = dict(labels)
        own = tuple((name, values[name]) for name in node.by)
        horizon = self._horizons.get(index, self._until) if to_come else None
        look = self._look(node, own, self.combinations(index)[own], horizon)
        return self._over_time(look) if node.function in OVER_TIME else self._over_samples(look)

    def _aggregate(self, index: int) -> tuple[Aggregate, SourcePanes]:
        measures_of(self._plan, index)
        node = self._plan.operations[index]
        assert isinstance(node, Aggregate)
        name = source_of(self._plan, node).name
        if name not in self._panes.sources:
            raise PanesError(f"there are no partial results of `{name}`")
        return node, self._panes.sources[name]

    def _look(self, node: Aggregate, labels: Labels, first: int, horizon: int | None) -> _Look:
        starts, ends = windows(self._plan, node.window, first, self._until)
        if horizon is not None:
            existing = len(starts)
            starts, ends = windows(self._plan, node.window, first, horizon)
            starts, ends = starts[existing:], ends[existing:]
        low, high = (int(starts.min()), int(ends.max())) if len(starts) else (0, 0)
        key = (node.filter, low, high)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = kept_of(self._plan, node.filter, low, high)
        size = kept.measure(starts, ends)
        exists = (size > 0) & (ends > first)
        return _Look(
            node=node,
            source=source_of(self._plan, node).name,
            labels=labels,
            starts=starts[exists],
            ends=ends[exists],
            kept=kept,
            size=size[exists],
        )

    # --- functions

    def _over_time(self, look: _Look) -> SeriesColumns:
        node = look.node
        true = self._sum(look, Kind.UP, node.argument, node.where)
        false = self._sum(look, Kind.DOWN, node.argument, node.where)
        cut = 0 if node.where is None else self._sum(look, Kind.CUT, node.where)
        size = look.size - cut
        known = true + false
        missing = size - known
        before = look.kept.measure(look.starts, np.minimum(look.ends, self._until)) - cut - known
        seen = known > 0
        if node.function == "availability":
            whole = np.maximum(size, 1)
            value = Ratios(np.where(seen, true, 0), np.where(seen, known, 1), seen)
            lower = Ratios(true, whole)
            upper = Ratios(np.where(size > 0, true + missing, 1), whole)
        else:
            counted = false if node.function == "downtime" else true
            value = Ratios(counted, None, seen)
            lower, upper = Ratios(counted), Ratios(counted + missing)
        return SeriesColumns(
            starts=look.starts,
            ends=look.ends,
            value=value,
            lower=lower,
            upper=upper,
            coverage=Ratios(np.where(size > 0, known, 1), np.maximum(size, 1)),
            nothing=(self._sum(look, Kind.SAMPLES) == 0) | (size == 0),
            spent=Spent(size=size, bad=false, missing=before),
        )

    def _over_samples(self, look: _Look) -> SeriesColumns:
        node = look.node
        argument, where = node.argument, node.where
        count = self._sum(look, Kind.COUNT, argument, where)
        covered = self._sum(look, Kind.HELD if argument is None else Kind.KNOWN, argument)
        streams = self._taking_part(look)
        whole = _times(look.size, streams)
        coverage = Ratios(covered, np.maximum(whole, 1))
        full = (streams > 0) & (covered == whole)
        seen = count > 0
        spent = None
        match node.function:
            case "count":
                value = Ratios(count)
                lower, upper = value, _known_where(value, full)
            case "share":
                true = self._sum(look, Kind.TRUE, argument, where)
                value = Ratios(np.where(seen, true, 0), np.where(seen, count, 1), seen)
                lower, upper = _share_bounds(value, full)
                spent = Spent(size=count, bad=count - true, missing=np.zeros(len(count), np.int64))
            case "sum" | "mean":
                total = self._sum(look, Kind.SUM, argument, where)
                value = self._scaled(argument, total, count if node.function == "mean" else None, seen)
                lower = upper = _known_where(value, full)
            case _:
                value, lower, upper = self._extreme(look, seen, full)
        return SeriesColumns(
            starts=look.starts,
            ends=look.ends,
            value=value,
            lower=lower,
            upper=upper,
            coverage=coverage,
            nothing=self._sum(look, Kind.SAMPLES) == 0,
            spent=spent,
        )

    def _extreme(self, look: _Look, seen: Flags, full: Flags) -> tuple[Ratios, Ratios, Ratios]:
        node = look.node
        if node.function == "min":
            value = self._scaled(node.argument, self._best(look, Kind.LEAST), None, seen)
            return value, _known_where(value, full), value
        greatest = self._best(look, Kind.GREATEST)
        if node.function == "span":
            least = self._best(look, Kind.LEAST)
            greatest = np.where(seen, greatest, 0).astype(object) - np.where(seen, least, 0).astype(object)
        value = self._scaled(node.argument, greatest, None, seen)
        return value, value, _known_where(value, full)

    def _scaled(
        self, argument: int | None, numbers: Integers, divisor: Integers | None, known: Flags
    ) -> Ratios:
        """Numbers in steps of the argument's scale, divided."""
        assert argument is not None
        scale = scale_of(self._plan, argument)
        tops = _times(np.where(known, numbers, 0), scale.numerator)
        bottoms: Integers | None = None
        if divisor is not None:
            bottoms = _times(np.where(known, divisor, 1), scale.denominator)
        elif scale.denominator > 1:
            bottoms = _times(np.ones(len(numbers), np.int64), scale.denominator)
        return Ratios(tops, bottoms, known)

    def _taking_part(self, look: _Look) -> NDArray[np.int64]:
        """How many streams have a sample before each window's end (M13)."""
        own = [stream.first for stream in self._streams(look.source, look.labels).values()]
        return np.searchsorted(np.sort(np.array(own, np.int64)), np.minimum(look.ends, self._until))

    # --- measures

    def _streams(self, source: str, labels: Labels) -> dict[int, Stream]:
        wanted_labels = set(labels)
        return {
            number: stream
            for number, stream in enumerate(self._panes.sources[source].streams)
            if wanted_labels <= set(stream.labels) and stream.first < self._until
        }

    def _name(self, look: _Look, kind: Kind, argument: int | None, where: int | None) -> str:
        return name_of(self._plan, Measure(kind, look.source, argument, where))

    def _sum(
        self, look: _Look, kind: Kind, argument: int | None = None, where: int | None = None
    ) -> Integers:
        """A measure that adds up, over the kept time of each window."""
        name = self._name(look, kind, argument, where)
        key = (look.source, look.labels, name, look.node.filter)
        found = self._prefixes.get(key)
        if found is None:
            first, panes = self._panes_of(look.source, look.labels, name)
            masked = np.where(self._mask(look.node.filter, first, len(panes)), panes, 0)
            found = self._prefixes[key] = (first, _running(masked))
        first, sums = found
        return (
            sums[self._places(look.ends, first, len(sums))]
            - sums[self._places(look.starts, first, len(sums))]
        )

    def _mask(self, names: TimeFilter, first: int, count: int) -> Flags:
        """Which panes are kept time."""
        key = (names, first, count)
        found = self._masks.get(key)
        if found is None:
            length = self._panes.length
            kept = kept_of(self._plan, names, first * length, (first + count) * length)
            found = self._masks[key] = kept.mask(first, count, length, self._until)
        return found

    def _places(self, edges: Instants, first: int, count: int) -> NDArray[np.int64]:
        """The pane that begins at each instant, counted from the first one."""
        length = self._panes.length
        inside = (edges > first * length) & (edges < min((first + count - 1) * length, self._until))
        # The term cuts windows too, and its own edges are looked at where it is applied.
        check_edges(edges[inside], length)
        return np.clip(-(-edges // length) - first, 0, count - 1)

    def _best(self, look: _Look, kind: Kind) -> Integers:
        """The least or greatest value in each window's kept time."""
        name = self._name(look, kind, look.node.argument, look.node.where)
        first, panes = self._panes_of(look.source, look.labels, name)
        none = NONE_LEAST if kind is Kind.LEAST else NONE_GREATEST
        # One more, so that a window at the end has somewhere to stop.
        values = np.append(np.where(self._mask(look.node.filter, first, len(panes)), panes, none), none)
        low, high = (self._places(x, first, len(values)) for x in (look.starts, look.ends))
        pairs = np.stack([low, np.maximum(high, low)], axis=1).ravel()
        reduce = np.minimum if kind is Kind.LEAST else np.maximum
        found = reduce.reduceat(values, pairs)[::2] if len(pairs) else np.zeros(0, np.int64)
        return np.where(low < high, found, none)

    def _panes_of(self, source: str, labels: Labels, name: str) -> tuple[int, NDArray[np.int64]]:
        """A measure in every pane, before ``until``, joined over the streams with these labels; with the first pane's
        number.
        """
        key = (source, labels, name)
        found = self._dense.get(key)
        if found is None:
            found = self._dense[key] = self._joined(source, labels, name)
        return found

    def _joined(self, source: str, labels: Labels, name: str) -> tuple[int, NDArray[Any]]:
        panes, length = self._panes.sources[source], self._panes.length
        kind = panes.kinds[name]
        pieces: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for number, stream in self._streams(source, labels).items():
            rows = slice(*np.searchsorted(panes.stream, [number, number + 1]))
            pieces.append((panes.pane[rows], panes.columns[name][rows]))
            if name in stream.states:
                pieces.append(held_on(stream, self._until, panes.staleness, length))
        last = -(-self._until // length)
        pieces = [
            (own[: np.searchsorted(own, last)], values[: np.searchsorted(own, last)])
            for own, values in pieces
        ]
        pieces = [(own, values) for own, values in pieces if len(own)]
        if not pieces:
            return 0, np.zeros(0, np.int64)
        first = min(int(own[0]) for own, _ in pieces)
        count = max(int(own[-1]) for own, _ in pieces) - first + 1
        if kind in (Kind.LEAST, Kind.GREATEST):
            least = kind is Kind.LEAST
            best = np.full(count, NONE_LEAST if least else NONE_GREATEST, np.int64)
            for own, values in pieces:
                best[own - first] = (np.minimum if least else np.maximum)(best[own - first], values)
            return first, best
        bound = sum(_greatest(values) for _, values in pieces)
        total = np.zeros(count, object if bound >= _LIMIT else np.int64)
        for own, values in pieces:
            total[own - first] += values
        return first, total


def _greatest(values: Integers) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def _running(values: Integers) -> Integers:
    """The sums of all values before each, and of all; whole numbers of any size where 64 bits may not do."""
    if values.dtype != object and _greatest(values) * len(values) >= _LIMIT:
        values = values.astype(object)
    return np.concatenate([np.zeros(1, values.dtype), np.cumsum(values)])


def _times(values: Integers, factor: Integers | int) -> Integers:
    greatest = factor if isinstance(factor, int) else _greatest(factor)
    if values.dtype != object and _greatest(values) * greatest >= _LIMIT:
        values = values.astype(object)
    return values * factor


def _known_where(values: Ratios, flags: Flags) -> Ratios:
    """The same, and no bound elsewhere."""
    known = flags if values.known is None else values.known & flags
    tops = np.where(known, values.numerators, 0)
    bottoms = None if values.denominators is None else np.where(known, values.denominators, 1)
    return Ratios(tops, bottoms, known)


def _share_bounds(values: Ratios, full: Flags) -> tuple[Ratios, Ratios]:
    """M13: at full coverage the value, which may be unknown; otherwise 0 and 1."""
    assert values.denominators is not None
    bottoms = np.where(full, values.denominators, 1)
    known = values.known if values.known is None else values.known | ~full
    low = np.where(full, values.numerators, 0)
    high = np.where(full, values.numerators, 1)
    return Ratios(low, bottoms, known), Ratios(high, bottoms, known)


def _restricted(stream: Stream, names: tuple[str, ...]) -> Labels:
    values = dict(stream.labels)
    return tuple((name, values[name]) for name in names)
