"""Stage one from Prometheus' counts and extremes, exact: samples are asked for only where these leave something open.

A pane in which the least and the greatest sample make every condition come out the same is known without its samples,
and so is for how long it was known, where samples hold at least as long as a pane. What is left are panes in which
something changes, and those behind a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from wsla.analysis.checked import Field, Source
from wsla.analysis.operations import (
    Aggregate,
    Compare,
    Logical,
    Negation,
    OutageWindow,
    SourceField,
)
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.cells import Encoder, EncodingError, encoder
from wsla.evaluation.encoding import Collector, DataError, History, source_fields
from wsla.evaluation.panes import panes_of
from wsla.evaluation.panes.grid import windows
from wsla.evaluation.panes.measures import Kind, Measure
from wsla.evaluation.panes.pointwise import Sample
from wsla.evaluation.panes.table import NONE_GREATEST, SourcePanes
from wsla.evaluation.reference.pointwise import operands
from wsla.plan.model import Plan
from wsla.sources.files.table import request
from wsla.sources.stores.dialects import NotPushed
from wsla.sources.stores.prometheus import Labels, Point, PrometheusClient, joined
from wsla.sources.stores.push import Pushed, Table
from wsla.values.instants import MILLISECOND, MINUTE
from wsla.values.observations import Observation

Flags = NDArray[np.bool_]

OwnLabels = tuple[tuple[str, str], ...]
"""The labels of a stream, in the order of its source."""

_OPEN_AT_MOST: Final = 2
"""Where more than one pane in so many is open, all samples are fetched at once."""


class PrometheusBackend:
    """A store of metrics. A field's column is a selector of series, whose labels are those of the source."""

    def __init__(self, client: PrometheusClient) -> None:
        self._client: Final = client

    def extent(self, plan: Plan, source: Source, table: Table) -> tuple[int, int] | None:
        """Nobody asks such a store for everything: it raises NotPushed where panes do not come from it, else None."""
        _only_field(source)
        return None

    def push(
        self,
        plan: Plan,
        source: Source,
        table: Table,
        measures: Mapping[str, Measure],
        length: int,
        stretch: tuple[int, int],
    ) -> Pushed:
        """The panes of all windows of a stretch, from their beginnings; what lies before is not asked for.

        Raises NotPushed where they would not be exact, DataError where the store does not answer.
        """
        field = _only_field(source)
        comparisons = _comparisons(plan, measures.values(), field)
        if length % MILLISECOND or length < 2 * MILLISECOND:
            raise NotPushed("its windows need panes that are no whole milliseconds")
        if source.staleness is not None and source.staleness < length:
            raise NotPushed("its samples hold for less than a pane")
        begin, until = reach(plan, source, stretch), -(-stretch[1] // MILLISECOND)
        first, step = begin // length, length // MILLISECOND
        count = until // step - first
        asked = _Asked(
            plan=plan,
            source=source,
            field=field,
            selector=_columns(source, table)[field.name],
            names=tuple(_columns(source, table)[name] for name in source.labels),
            first=first,
            count=max(count, 0),
            step=step,
            until=until,
            sums=any(measure.kind is Kind.SUM for measure in measures.values()),
            comparisons=comparisons,
        )
        series = {labels: _Series(asked, labels, said) for labels, said in _bulk(self._client, asked).items()}
        open_panes = np.zeros(asked.count, np.bool_)
        for one in series.values():
            open_panes |= one.open
        raw = _samples(self._client, asked, open_panes)
        history, owners = _observed(asked, series, open_panes, raw)
        made = panes_of(plan, streams_of(plan, history.observations), stretch[1], length).sources[source.name]
        return Pushed(panes=_panes(asked, made, owners, open_panes), misfits=history.rejects.total)

    def fetch(self, plan: Plan, source: Source, table: Table, stretch: tuple[int, int] | None) -> History:
        """All samples of a stretch's windows, at the instants at which any of the fields has one. Raises DataError."""
        if source.records:
            raise DataError(f"a store of metrics has no records such as `{source.name}`")
        if stretch is None:
            raise DataError("a store of metrics is asked for a stretch of time: --from and --until")
        columns = _columns(source, table)
        fields = [x for x in source_fields(source) if x.name != source.at and x.name not in source.labels]
        rows: dict[tuple[int, tuple[str | None, ...]], dict[str, str]] = {}
        start, until = reach(plan, source, stretch) // MILLISECOND, -(-stretch[1] // MILLISECOND)
        names = tuple(columns[name] for name in source.labels)
        for x in fields:
            seen: dict[tuple[str | None, ...], Labels] = {}
            for labels, points in self._client.samples(columns[x.name], start, until):
                own = _own(labels, names, seen, source)
                for point in points:
                    rows.setdefault((point.at, own), {})[x.name] = point.text
        collector = Collector(source, _counted(source, fields), table.zone)
        for number, ((at, own), values) in enumerate(sorted(rows.items(), key=str), 1):
            collector.add(number, [at * MILLISECOND, *own, *(values.get(x.name) for x in fields)])
        return collector.finish()


@frozen(kw_only=True)
class _Asked:
    """What is asked of the store: panes ``first`` to ``first + count`` of ``step`` milliseconds, and what comes behind
    them before ``until``. ``names`` are the store's labels in the order of the source's.
    """

    plan: Plan
    source: Source
    field: Field
    selector: str
    names: tuple[str, ...]
    first: int
    count: int
    step: int
    until: int
    sums: bool
    comparisons: tuple[int, ...]

    @property
    def start(self) -> int:
        """The first millisecond."""
        return self.first * self.step


def _only_field(source: Source) -> Field:
    fields = [x for x in source.fields if x.name != source.at and x.name not in source.labels]
    if len(fields) != 1:
        raise NotPushed("it has several metrics, each with instants of its own")
    [field] = fields
    if isinstance(field.type, NumberType) and not field.rounded:
        raise NotPushed("the store holds binary fractions, and the source does not say `numbers rounded`")
    if not isinstance(field.type, BooleanType | NumberType):
        raise NotPushed("its metric is no truth or number")
    return field


def _comparisons(plan: Plan, measures: Iterable[Measure], field: Field) -> tuple[int, ...]:
    """The comparisons of the field with a fixed value that the measures rest on. Raises NotPushed for others."""
    found: dict[int, None] = {}
    for measure in measures:
        if measure.kind in (Kind.LEAST, Kind.GREATEST, Kind.SUM):
            assert measure.argument is not None
            if not isinstance(plan.operations[measure.argument], SourceField):
                raise NotPushed("it reckons with the metric's numbers")
        for position in (measure.argument, measure.where):
            if position is not None and isinstance(plan.operations[position].type, BooleanType):
                found.update(dict.fromkeys(_compared(plan, position)))
    return tuple(found)


def _compared(plan: Plan, index: int) -> Iterator[int]:
    node = plan.operations[index]
    match node:
        case Compare(left=left, right=right):
            sides = [plan.operations[position] for position in (left, right)]
            plain = [side for side in sides if isinstance(side, SourceField)]
            if len(plain) != 1 or not any(side.shape is Shape.SCALAR for side in sides):
                raise NotPushed("it compares more than the metric with a fixed value")
            if isinstance(plain[0].type, NumberType):
                yield index
        case SourceField():
            return
        case Logical() | Negation():
            for position in operands(node):
                yield from _compared(plan, position)
        case _ if node.shape is Shape.SCALAR:
            return
        case _:
            raise NotPushed("it compares more than the metric with a fixed value")


def reach(plan: Plan, source: Source, stretch: tuple[int, int]) -> int:
    """Where the first window that is looked at begins, and a sample that holds into it may lie."""
    starts = [stretch[0]]
    for node in plan.operations:
        if isinstance(node, Aggregate) and not isinstance(node.window, OutageWindow):
            found, _ = windows(plan, node.window, *stretch)
            starts += [int(found.min())] if len(found) else []
    return max(plan.effective_start, min(starts)) - (source.staleness or 0)


def longest_pane(source: Source) -> int:
    """The panes for which the fewest samples must be asked for: a sample holds over the whole of the next one."""
    held = MINUTE * 2 if source.staleness is None else source.staleness
    return max(
        (
            MINUTE // parts
            for parts in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
            if MINUTE // parts * 2 <= held
        ),
        default=MINUTE,
    )


def _columns(source: Source, table: Table) -> dict[str, str]:
    wanted = request(source, source.name, None, table.columns, {}, None)
    return {x.name: x.column for x in wanted.fields}


def _counted(source: Source, fields: Sequence[Field]) -> list[Field]:
    at = next(x for x in source_fields(source) if x.name == source.at)
    labels = [x for name in source.labels for x in source.fields if x.name == name]
    return [evolve(at, type=InstantType(), unit_stated=True, unit_factor=Fraction(1)), *labels, *fields]


def _own(
    labels: Labels, names: Sequence[str], seen: dict[tuple[str | None, ...], Labels], source: Source
) -> tuple[str | None, ...]:
    """The source's labels of a series. Raises DataError where another series has the same."""
    values = dict(labels)
    own = tuple(values.get(name) for name in names)
    if seen.setdefault(own, labels) != labels:
        shown = ", ".join(f'{name}="{value}"' for name, value in labels)
        raise DataError(
            f"several series are the same stream of `{source.name}`, one of them {{{shown}}}: name the labels that "
            "tell them apart in the source, or choose one by its labels"
        )
    return own


# --- whole panes


def _bulk(client: PrometheusClient, asked: _Asked) -> dict[Labels, dict[str, dict[int, str]]]:
    """For each series what the store says of its panes, by function and by the pane's number."""
    found: dict[Labels, dict[str, dict[int, str]]] = {}
    if not asked.count:
        return found
    for function in ("count_over_time", "min_over_time", "max_over_time", "sum_over_time", "timestamp"):
        parts = client.over_panes(function, asked.selector, asked.start, asked.count, asked.step)
        for labels, points in joined(parts).items():
            by_pane = {(point.at - asked.start) // asked.step: point.text for point in points}
            found.setdefault(labels, {})[function] = by_pane
    return found


class _Series:
    """One series: for each pane how many samples, the least and the greatest, and the latest one's millisecond."""

    def __init__(self, asked: _Asked, labels: Labels, said: Mapping[str, Mapping[int, str]]) -> None:
        self.labels: Final = labels
        encode = encoder(asked.field)
        size = asked.count
        self.count: Final = _numbers(said.get("count_over_time", {}), size, int)
        self.low, fits_low = _raw(said.get("min_over_time", {}), size, encode)
        self.high, fits_high = _raw(said.get("max_over_time", {}), size, encode)
        self.last: Final = _numbers(said.get("timestamp", {}), size, _milliseconds)
        starts = asked.start + np.arange(size) * asked.step
        # A sum that is no number has something in it that is none.
        finite = np.array(
            [said.get("sum_over_time", {}).get(pane, "NaN") not in _NO_NUMBERS for pane in range(size)]
        )
        placed = (self.last >= starts) & (self.last < starts + asked.step)
        alike = fits_low & fits_high & finite & self._alike(asked)
        there = self.count > 0
        self.open: Final = there & (~alike | ~placed | self._changes(asked, there, alike, starts))

    def _alike(self, asked: _Asked) -> Flags:
        """Panes in which every comparison, and so every condition, comes out the same for all samples."""
        same: Flags = self.low == self.high
        if asked.sums or isinstance(asked.field.type, BooleanType):
            return same
        alike = np.ones(asked.count, np.bool_)
        low, high = (self._sample(asked, values) for values in (self.low, self.high))
        for index in asked.comparisons:
            node = asked.plan.operations[index]
            assert isinstance(node, Compare)
            alike &= same if node.operator in ("==", "!=") else low.truth(index) == high.truth(index)
        return alike

    def _sample(self, asked: _Asked, values: NDArray[np.int64]) -> Sample:
        stream = StreamColumns(
            source=asked.source.name,
            labels=(),
            at=np.arange(asked.count, dtype=np.int64),
            fields={asked.field.name: Column(values)},
        )
        return Sample(asked.plan, stream, asked.count)

    def _changes(self, asked: _Asked, there: Flags, alike: Flags, starts: NDArray[np.int64]) -> Flags:
        """Panes whose first sample must be known: the first one, and those behind a change or a gap."""
        changes = np.zeros(asked.count, np.bool_)
        places = np.flatnonzero(there)
        if not len(places):
            return changes
        changes[places[0]] = True
        before, after = places[:-1], places[1:]
        sample = self._sample(asked, self.low)
        differs = ~(alike[before] & alike[after])
        if isinstance(asked.field.type, BooleanType):
            differs |= self.low[before] != self.low[after]
        for index in asked.comparisons:
            truth = sample.truth(index)
            differs |= truth[before] != truth[after]
        if asked.source.staleness is not None:
            held = self.last[before] * MILLISECOND + asked.source.staleness
            differs |= held < (starts[after] + asked.step) * MILLISECOND
        changes[after] = differs
        return changes


_NO_NUMBERS: Final = frozenset({"NaN", "Inf", "+Inf", "-Inf"})


def _numbers(said: Mapping[int, str], size: int, read: Any) -> NDArray[np.int64]:
    return np.array([read(said[pane]) if pane in said else 0 for pane in range(size)], np.int64)


def _milliseconds(text: str) -> int:
    whole, _, decimals = text.partition(".")
    return int(whole) * 1000 + int(decimals[:3].ljust(3, "0"))


def _raw(said: Mapping[int, str], size: int, encode: Encoder) -> tuple[NDArray[np.int64], Flags]:
    """Values as they are kept, and where there is one that fits."""
    values, fits = np.zeros(size, np.int64), np.zeros(size, np.bool_)
    for pane, text in said.items():
        try:
            values[pane] = int(encode(text) or 0)
            fits[pane] = True
        except EncodingError:
            continue
    return values, fits


# --- what samples are needed for


def _samples(client: PrometheusClient, asked: _Asked, open_panes: Flags) -> dict[Labels, list[Point]]:
    """The samples of open panes, and of what comes behind the last whole pane."""
    if open_panes.sum() * _OPEN_AT_MOST > asked.count:
        open_panes[:] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], open_panes, [False]]).astype(np.int8)))
    ranges = [asked.start + edge * asked.step for edge in edges.tolist()]
    ranges += [asked.start + asked.count * asked.step, asked.until]
    found = [
        one
        for start, end in zip(ranges[::2], ranges[1::2], strict=True)
        for one in client.samples(asked.selector, start, end)
    ]
    return joined(found)


def _observed(
    asked: _Asked, series: Mapping[Labels, _Series], open_panes: Flags, raw: Mapping[Labels, Sequence[Point]]
) -> tuple[History, dict[OwnLabels, _Series]]:
    """The samples of open panes, and for each other pane its latest one, which stands for all of them; and the series
    by the source's labels.
    """
    source, name = asked.source, asked.field.name
    collector = Collector(source, _counted(source, [asked.field]), None)
    seen: dict[tuple[str | None, ...], Labels] = {}
    standing: list[Observation] = []
    owners: dict[OwnLabels, _Series] = {}
    truth = isinstance(asked.field.type, BooleanType)
    for labels in dict.fromkeys([*series, *raw]):
        own = _own(labels, asked.names, seen, source)
        for number, point in enumerate(raw.get(labels, ()), 1):
            collector.add(number, [point.at * MILLISECOND, *own, point.text])
        one = series.get(labels)
        if one is None:
            continue
        if None in own:
            raise NotPushed("some of its series lack a label")
        mine = tuple(zip(source.labels, map(str, own), strict=True))
        owners[mine] = one
        known = (one.count > 0) & ~open_panes
        for at, value in zip(one.last[known].tolist(), one.low[known].tolist(), strict=True):
            fields = {**dict(mine), name: value == 1 if truth else value}
            standing.append(Observation(source=source.name, at=at * MILLISECOND, fields=fields))
    history = collector.finish()
    history.observations.extend(standing)
    return history, owners


def _panes(
    asked: _Asked, panes: SourcePanes, owners: Mapping[OwnLabels, _Series], open_panes: Flags
) -> SourcePanes:
    """Panes in which one sample stands for all: with as many as there are, and the greatest of them."""
    columns = {name: values.copy() for name, values in panes.columns.items()}
    for number, stream in enumerate(panes.streams):
        one = owners.get(stream.labels)
        if one is None:
            continue
        begin, end = np.searchsorted(panes.stream, [number, number + 1]).tolist()
        place = panes.pane[begin:end] - asked.first
        within = (place >= 0) & (place < asked.count)
        rows = np.flatnonzero(within) + begin
        place = place[within]
        standing = (one.count[place] > 0) & ~open_panes[place]
        rows, place = rows[standing], place[standing]
        for name, kind in panes.kinds.items():
            if kind in (Kind.SAMPLES, Kind.COUNT, Kind.TRUE, Kind.SUM):
                columns[name][rows] *= one.count[place]
            elif kind is Kind.GREATEST:
                there = columns[name][rows] != NONE_GREATEST
                columns[name][rows[there]] = one.high[place[there]]
    return evolve(panes, columns=columns)
