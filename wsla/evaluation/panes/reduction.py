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
from wsla.evaluation.panes.sums import LIMIT, Places, SourceSums
from wsla.evaluation.panes.table import PaneTable
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.instants import format_instant, format_length

Integers = NDArray[Any]


@frozen(eq=False, kw_only=True)
class _Shape:
    """Existing windows: ``size`` is their kept time, ``before`` that before ``until``."""

    starts: Instants
    ends: Instants
    size: NDArray[np.int64]
    before: NDArray[np.int64]
    places: Places


@frozen(eq=False, kw_only=True)
class _Look:
    """An aggregate for one label combination."""

    node: Aggregate
    source: str
    labels: Labels
    shape: _Shape


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
        return self._columns(index, labels, to_come=False)

    def together(self, index: int, among: Sequence[Labels]) -> Together:
        """The series of these label combinations, one behind the other."""
        return Together.of({labels: self.series(index, labels) for labels in among})

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """The windows of an aggregate that do not exist at ``until`` yet, but will lie inside an open window of an
        aggregate over its series (rule M15), as known at ``until``.
        """
        return self._columns(index, labels, to_come=True)

    def _columns(self, index: int, labels: Labels, *, to_come: bool) -> SeriesColumns:
        node, source = self._aggregate(index)
        values = dict(labels)
        own = tuple((name, values[name]) for name in node.by)
        horizon = self._horizons.get(index, self._until) if to_come else None
        look = self._look(node, source, own, horizon)
        return self._over_time(look) if node.function in OVER_TIME else self._over_samples(look)

    def _aggregate(self, index: int) -> tuple[Aggregate, str]:
        measures_of(self._plan, index)
        node = self._plan.operations[index]
        assert isinstance(node, Aggregate)
        name = source_of(self._plan, node).name
        if name not in self._panes.sources:
            raise PanesError(f"there are no partial results of `{name}`")
        return node, name

    def _look(self, node: Aggregate, source: str, labels: Labels, horizon: int | None) -> _Look:
        sums = self._sums[source]
        first = self._start
        if node.by:
            first = max(first, min(map(sums.first_of, sums.streams(node.by)[labels])))
        key = (source, node.window, node.filter, first, horizon)
        shape = self._shapes.get(key)
        if shape is None:
            shape = self._shapes[key] = self._shape(node, source, first, horizon)
        return _Look(node=node, source=source, labels=labels, shape=shape)

    def _shape(self, node: Aggregate, source: str, first: int, horizon: int | None) -> _Shape:
        starts, ends = windows(self._plan, node.window, first, self._until)
        if horizon is not None:
            existing = len(starts)
            starts, ends = windows(self._plan, node.window, first, horizon)
            starts, ends = starts[existing:], ends[existing:]
        low, high = (int(starts.min()), int(ends.max())) if len(starts) else (0, 0)
        kept = kept_of(self._plan, node.filter, low, high)
        size = kept.measure(starts, ends)
        exists = (size > 0) & (ends > first)
        if not exists.all():
            starts, ends, size = starts[exists], ends[exists], size[exists]
        return _Shape(
            starts=starts,
            ends=ends,
            size=size,
            before=kept.measure(starts, np.minimum(ends, self._until)),
            places=self._sums[source].places(starts, ends),
        )

    # --- functions

    def _over_time(self, look: _Look) -> SeriesColumns:
        node = look.node
        true = self._sum(look, Kind.UP, node.argument, node.where)
        false = self._sum(look, Kind.DOWN, node.argument, node.where)
        cut = 0 if node.where is None else self._sum(look, Kind.CUT, node.where)
        size = look.shape.size - cut
        known = true + false
        missing = size - known
        passed = look.shape.before - cut
        before = passed - known
        seen = known > 0
        nothing = self._sum(look, Kind.SAMPLES) == 0
        if node.where is not None:
            nothing = nothing | (passed == 0)
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
            starts=look.shape.starts,
            ends=look.shape.ends,
            value=value,
            lower=lower,
            upper=upper,
            coverage=Ratios(np.where(size > 0, known, 1), np.maximum(size, 1)),
            nothing=nothing,
            spent=Spent(size=size, bad=false, missing=before),
        )

    def _over_samples(self, look: _Look) -> SeriesColumns:
        node = look.node
        argument, where = node.argument, node.where
        count = self._sum(look, Kind.COUNT, argument, where)
        covered = self._sum(look, Kind.HELD if argument is None else Kind.KNOWN, argument)
        streams = self._taking_part(look)
        whole = _times(look.shape.size, streams)
        coverage = Ratios(covered, np.maximum(whole, 1))
        full = (streams > 0) & (covered == whole)
        if set(self._plan.source(look.source).labels) - set(node.by):
            # M13: another stream may still take part in a window that is open.
            full = full & (look.shape.ends <= self._until)
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
            starts=look.shape.starts,
            ends=look.shape.ends,
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

    def _taking_part(self, look: _Look) -> Integers:
        """How many streams have a sample before each window's end (M13)."""
        sums = self._sums[look.source]
        numbers = sums.streams(tuple(name for name, _ in look.labels)).get(look.labels, ())
        first = np.sort(np.array([sums.first_of(number) for number in numbers], np.int64))
        return np.searchsorted(first, np.minimum(look.shape.ends, self._until))

    def _name(self, look: _Look, kind: Kind, argument: int | None, where: int | None) -> str:
        return name_of(self._plan, Measure(kind, look.source, argument, where))

    def _sum(
        self, look: _Look, kind: Kind, argument: int | None = None, where: int | None = None
    ) -> Integers:
        """A measure that adds up, over the kept time of each window."""
        name = self._name(look, kind, argument, where)
        return self._sums[look.source].sum(name, look.labels, look.node.filter, look.shape.places)

    def _best(self, look: _Look, kind: Kind) -> Integers:
        """The least or greatest value in each window's kept time."""
        name = self._name(look, kind, look.node.argument, look.node.where)
        return self._sums[look.source].best(name, look.labels, look.node.filter, look.shape.places)


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
