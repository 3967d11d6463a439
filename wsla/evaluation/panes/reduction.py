"""The values of aggregates, computed from panes: what stage two of batch gets where no samples are at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.series import Ratios, SeriesColumns, SignalColumns, Spent
from wsla.evaluation.batch.together import Together
from wsla.evaluation.panes.collect import wanted
from wsla.evaluation.panes.grid import horizons, kept_of, windows
from wsla.evaluation.panes.measures import (
    EXTREMES,
    OVER_TIME,
    Kind,
    PanesError,
    measures_of,
    name_of,
    scale_of,
    signature,
    source_of,
)
from wsla.evaluation.panes.sums import LIMIT, Places, SourceSums
from wsla.evaluation.panes.table import PaneTable
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.instants import format_instant, format_length

Integers = NDArray[Any]


@frozen(eq=False, kw_only=True)
class _Shape:
    """All windows that exist for somebody: ``size`` is their kept time, ``before`` that before ``until``."""

    starts: Instants
    ends: Instants
    size: NDArray[np.int64]
    before: NDArray[np.int64]
    places: Places


@frozen(eq=False, kw_only=True)
class _Look:
    """An aggregate for some label combinations, one behind the other: the windows of all, with what is asked of panes.

    ``groups`` are the streams of each combination; ``rows`` tells how many windows each has, ``which`` those of all the
    shape's windows for each combination that are among them, None where all are. ``names`` are those of measures.
    """

    node: Aggregate
    source: str
    groups: tuple[tuple[int, ...], ...]
    shape: _Shape
    rows: NDArray[np.int64]
    which: Flags | None
    names: Mapping[tuple[Kind, int | None, int | None], str]
    sums: Mapping[str, Integers]

    def chosen(self, of_shape: NDArray[Any]) -> NDArray[Any]:
        """What windows of the shape have, for the windows of all combinations."""
        wide = np.broadcast_to(of_shape, (len(self.groups), len(of_shape)))
        return wide.reshape(-1) if self.which is None else wide[self.which]

    def sum(self, kind: Kind, argument: int | None = None, where: int | None = None) -> Integers:
        """A measure that adds up, over the kept time of each window."""
        return self.sums[self.names[kind, argument, where]]


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
        self._sums: Final = {name: SourceSums(plan, self._panes, name, until) for name in self._panes.sources}
        self._shapes: Final[dict[tuple[object, ...], _Shape]] = {}
        self._aggregates: Final[dict[int, tuple[Aggregate, str]]] = {}
        self._idling: Final = Layout(plan, metrics=True).idling

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
        node, source = self._aggregate(index)
        if not node.by:
            return {(): self._start}
        sums = self._sums[source]
        return {
            labels: max(self._start, min(map(sums.first_of, numbers)))
            for labels, numbers in sums.streams(node.by).items()
        }

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        """Panes have no signals: it always raises PanesError."""
        raise PanesError("what changes from one instant to the next is not in partial results")

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        """An aggregate in every existing window; the open one as known at ``until``. ``nothing`` is left to say what
        an idle window counts as.
        """
        return self._together(index, [labels], to_come=False).columns

    def together(self, index: int, among: Sequence[Labels]) -> Together:
        """These series, one behind the other; ``nothing`` is None where nobody asks for it."""
        node, _ = self._aggregate(index)
        asked = node.idle is not None or index in self._idling
        return self._together(index, among, to_come=False, nothing=asked)

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """The windows of an aggregate that do not exist at ``until`` yet, but will lie inside an open window of an
        aggregate over its series (rule M15), as known at ``until``.
        """
        return self._together(index, [labels], to_come=True).columns

    def _together(
        self, index: int, among: Sequence[Labels], *, to_come: bool, nothing: bool = True
    ) -> Together:
        look = self._look(index, among, to_come=to_come, nothing=nothing)
        columns = self._over_time(look) if look.node.function in OVER_TIME else self._over_samples(look)
        if nothing:
            empty = look.sum(Kind.SAMPLES) == 0
            if look.node.where is not None and look.node.function in OVER_TIME:
                cut = look.sum(Kind.CUT, look.node.where)
                empty = empty | (look.chosen(look.shape.before) == cut)
            columns = evolve(columns, nothing=empty)
        return Together(labels=tuple(among), rows=look.rows, columns=columns)

    def _aggregate(self, index: int) -> tuple[Aggregate, str]:
        found = self._aggregates.get(index)
        if found is None:
            measures_of(self._plan, index)
            node = self._plan.operations[index]
            assert isinstance(node, Aggregate)
            name = source_of(self._plan, node).name
            if name not in self._panes.sources:
                raise PanesError(f"there are no partial results of `{name}`")
            found = self._aggregates[index] = (node, name)
        return found

    def _look(self, index: int, among: Sequence[Labels], *, to_come: bool, nothing: bool) -> _Look:
        node, source = self._aggregate(index)
        sums = self._sums[source]
        streams = sums.streams(node.by)
        values = [dict(labels) for labels in among]
        groups = tuple(tuple(streams.get(tuple((x, one[x]) for x in node.by), ())) for one in values)
        shape = self._shape(node, source, self._horizons.get(index, self._until) if to_come else None)
        first = np.full(len(groups), self._start, np.int64)
        if node.by:
            first[:] = [max(self._start, min(map(sums.first_of, group))) for group in groups]
        which: Flags | None = shape.ends > first[:, None]
        assert which is not None
        rows = np.count_nonzero(which, axis=1)
        if which.all():
            which = None
        measures = measures_of(self._plan, index)
        names = {(x.kind, x.argument, x.where): name_of(self._plan, x) for x in measures}
        left_out = EXTREMES if nothing else EXTREMES | {Kind.SAMPLES}
        added = [names[x.kind, x.argument, x.where] for x in measures if x.kind not in left_out]
        found = sums.sums(tuple(dict.fromkeys(added)), groups, node.filter, shape.places)
        return _Look(
            node=node,
            source=source,
            groups=groups,
            shape=shape,
            rows=rows,
            which=which,
            names=names,
            sums={name: _flat(numbers, which) for name, numbers in found.items()},
        )

    def _shape(self, node: Aggregate, source: str, horizon: int | None) -> _Shape:
        key = (source, node.window, node.filter, horizon)
        found = self._shapes.get(key)
        if found is not None:
            return found
        starts, ends = windows(self._plan, node.window, self._start, self._until)
        if horizon is not None:
            existing = len(starts)
            starts, ends = windows(self._plan, node.window, self._start, horizon)
            starts, ends = starts[existing:], ends[existing:]
        low, high = (int(starts.min()), int(ends.max())) if len(starts) else (0, 0)
        kept = kept_of(self._plan, node.filter, low, high)
        size = kept.measure(starts, ends)
        exists = (size > 0) & (ends > self._start)
        if not exists.all():
            starts, ends, size = starts[exists], ends[exists], size[exists]
        found = self._shapes[key] = _Shape(
            starts=starts,
            ends=ends,
            size=size,
            before=kept.measure(starts, np.minimum(ends, self._until)),
            places=self._sums[source].places(starts, ends),
        )
        return found

    # --- functions

    def _over_time(self, look: _Look) -> SeriesColumns:
        node = look.node
        true = look.sum(Kind.UP, node.argument, node.where)
        false = look.sum(Kind.DOWN, node.argument, node.where)
        size, passed = look.chosen(look.shape.size), look.chosen(look.shape.before)
        if node.where is not None:
            cut = look.sum(Kind.CUT, node.where)
            size, passed = size - cut, passed - cut
        known = true + false
        missing = size - known
        seen: Flags | None = known > 0
        assert seen is not None
        divisor = known
        if seen.all():
            seen = None
        else:
            divisor = np.maximum(known, 1)
        whole = size if node.where is None else np.maximum(size, 1)
        if node.function == "availability":
            # What is not seen is not true either.
            value = Ratios(true, divisor, seen)
            lower = Ratios(true, whole)
            upper = Ratios(_one_where_empty(true + missing, size, node), whole)
        else:
            counted = false if node.function == "downtime" else true
            value = Ratios(counted, None, seen)
            lower, upper = Ratios(counted), Ratios(counted + missing)
        return SeriesColumns(
            starts=look.chosen(look.shape.starts),
            ends=look.chosen(look.shape.ends),
            value=value,
            lower=lower,
            upper=upper,
            coverage=Ratios(_one_where_empty(known, size, node), whole),
            spent=Spent(size=size, bad=false, missing=passed - known),
        )

    def _over_samples(self, look: _Look) -> SeriesColumns:
        node = look.node
        argument, where = node.argument, node.where
        count = look.sum(Kind.COUNT, argument, where)
        covered = look.sum(Kind.HELD) if argument is None else look.sum(Kind.KNOWN, argument)
        streams = self._taking_part(look)
        whole = _times(look.chosen(look.shape.size), streams)
        coverage = Ratios(covered, np.maximum(whole, 1))
        full = (streams > 0) & (covered == whole)
        if set(self._plan.source(look.source).labels) - set(node.by):
            # M13: another stream may still take part in a window that is open.
            full = full & look.chosen(look.shape.ends <= self._until)
        seen = count > 0
        spent = None
        match node.function:
            case "count":
                value = Ratios(count)
                lower, upper = value, _known_where(value, full)
            case "share":
                true = look.sum(Kind.TRUE, argument, where)
                value = Ratios(np.where(seen, true, 0), np.where(seen, count, 1), seen)
                lower, upper = _share_bounds(value, full)
                spent = Spent(size=count, bad=count - true, missing=np.zeros(len(count), np.int64))
            case "sum" | "mean":
                total = look.sum(Kind.SUM, argument, where)
                value = self._scaled(argument, total, count if node.function == "mean" else None, seen)
                lower = upper = _known_where(value, full)
            case _:
                value, lower, upper = self._extreme(look, seen, full)
        return SeriesColumns(
            starts=look.chosen(look.shape.starts),
            ends=look.chosen(look.shape.ends),
            value=value,
            lower=lower,
            upper=upper,
            coverage=coverage,
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

    def _taking_part(self, look: _Look) -> Integers:
        """How many streams have a sample before each window's end (M13)."""
        sums = self._sums[look.source]
        ends = np.minimum(look.shape.ends, self._until)
        found = np.zeros((len(look.groups), len(ends)), np.int64)
        for row, group in zip(found, look.groups, strict=True):
            first = np.sort(np.array([sums.first_of(number) for number in group], np.int64))
            row[:] = np.searchsorted(first, ends)
        return _flat(found, look.which)

    def _best(self, look: _Look, kind: Kind) -> Integers:
        """The least or greatest value in each window's kept time."""
        name = look.names[kind, look.node.argument, look.node.where]
        found = self._sums[look.source].best(name, look.groups, look.node.filter, look.shape.places)
        return _flat(found, look.which)


def _flat(rows: Integers, which: Flags | None) -> Integers:
    """A row for each label combination, one behind the other."""
    return rows.reshape(-1) if which is None else rows[which]


def _one_where_empty(values: Integers, size: Integers, node: Aggregate) -> Integers:
    """1 where `where` has cut out all of a window, none of which is empty without it."""
    return values if node.where is None else np.where(size > 0, values, 1)


def _greatest(values: Integers) -> int:
    return max(abs(int(values.max())), abs(int(values.min()))) if len(values) else 0


def _times(values: Integers, factor: Integers | int) -> Integers:
    greatest = factor if isinstance(factor, int) else _greatest(factor)
    if values.dtype != object and _greatest(values) * greatest >= LIMIT:
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
