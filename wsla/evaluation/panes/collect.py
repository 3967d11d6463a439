"""Stage one: samples become panes, one stream after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.panes.measures import (
    Kind,
    Measure,
    PanesError,
    name_of,
    pane_length,
    signature,
    supported,
)
from wsla.evaluation.panes.pointwise import Sample
from wsla.evaluation.panes.table import (
    NONE_GREATEST,
    NONE_LEAST,
    Builder,
    PaneTable,
    SourcePanes,
    Stream,
    summed,
)
from wsla.plan.model import Plan, Source
from wsla.values.instants import MINUTE

_MOST_PANES: Final = 50_000_000


@frozen(kw_only=True)
class Wanted:
    """What the panes of a plan hold: for each source its measures by name, all of one length in nanoseconds."""

    length: int
    sources: dict[str, dict[str, Measure]]


def wanted(plan: Plan, longest: int = MINUTE) -> Wanted:
    """What panes must hold for every aggregate of a plan that they can give. Raises PanesError for too short panes."""
    aggregates = supported(plan)
    sources: dict[str, dict[str, Measure]] = {}
    for measures in aggregates.values():
        for measure in measures:
            sources.setdefault(measure.source, {}).setdefault(name_of(plan, measure), measure)
    return Wanted(length=pane_length(plan, aggregates, longest), sources=sources)


class PaneMaker:
    """Makes panes of all samples before ``until``, for every aggregate of a plan that panes can give.

    Raises PanesError where that would take panes shorter than a millisecond, or numbers too large for 64 bits.
    """

    def __init__(self, plan: Plan, until: int, longest: int = MINUTE) -> None:
        self._plan: Final = plan
        self._until: Final = until
        self._wanted: Final = wanted(plan, longest)
        self._builders: Final = {
            name: Builder(_kinds(measures)) for name, measures in self._wanted.sources.items()
        }
        self._streams: Final[dict[str, list[Stream]]] = {name: [] for name in self._wanted.sources}

    def take(self, stream: StreamColumns) -> None:
        """A stream; each comes once, in any order. What nothing is to be kept of is left out."""
        measures = self._wanted.sources.get(stream.source)
        if measures is None:
            return
        found = self._streams[stream.source]
        builder = self._builders[stream.source]
        collected = _collect(
            self._plan, measures, stream, self._until, self._wanted.length, builder, len(found)
        )
        if collected is not None:
            found.append(collected)

    def finish(self) -> PaneTable:
        """The panes of everything that was taken."""
        plan, asked = self._plan, self._wanted
        return PaneTable(
            length=asked.length,
            until=self._until,
            sources={
                name: builder.finish(
                    empty(plan.source(name), _kinds(asked.sources[name])), tuple(self._streams[name])
                )
                for name, builder in self._builders.items()
            },
        )


def panes_of(plan: Plan, streams: Iterable[StreamColumns], until: int, longest: int = MINUTE) -> PaneTable:
    """The panes of these streams; as ``PaneMaker``."""
    maker = PaneMaker(plan, until, longest)
    for stream in streams:
        maker.take(stream)
    return maker.finish()


def empty(source: Source, kinds: dict[str, Kind]) -> SourcePanes:
    """The panes of a source of which nothing was observed."""
    return SourcePanes(
        signature=signature(source),
        staleness=source.staleness,
        streams=(),
        kinds=kinds,
        stream=np.zeros(0, np.int32),
        pane=np.zeros(0, np.int64),
        columns={name: np.zeros(0, np.int64) for name in kinds},
    )


def _kinds(measures: dict[str, Measure]) -> dict[str, Kind]:
    return {name: measure.kind for name, measure in measures.items()}


def _collect(
    plan: Plan,
    measures: dict[str, Measure],
    stream: StreamColumns,
    until: int,
    length: int,
    builder: Builder,
    number: int,
) -> Stream | None:
    at = stream.at[: np.searchsorted(stream.at, until)]
    if not len(at):
        return None
    staleness = plan.source(stream.source).staleness
    held = np.append(at[1:], until) - at
    if staleness is not None:
        held = np.minimum(held, staleness)
    first, last = int(at[0]) // length, (int(at[-1]) + max(int(held[-1]), 1) - 1) // length
    if last - first >= _MOST_PANES:
        raise PanesError(f"there would be {last - first} panes of {length} ns: far more than is of use")
    panes = np.arange(first, last + 2, dtype=np.int64)
    run = _Run(at, held, panes * length)
    sample = Sample(plan, stream, len(at))
    columns: dict[str, NDArray[np.int64]] = {}
    states = []
    for name, measure in measures.items():
        if measure.kind.is_time:
            state = _state(sample, measure, len(at))
            columns[name] = run.time(state)
            if bool(state[-1]):
                states.append(name)
        else:
            columns[name] = _values(sample, measure, run)
    builder.add(number, *_some(panes[:-1], columns, measures))
    return Stream(
        labels=stream.labels, first=int(at[0]), last=int(at[-1]), until=until, states=frozenset(states)
    )


def _some(
    panes: NDArray[np.int64], columns: dict[str, NDArray[np.int64]], measures: dict[str, Measure]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.int64]]]:
    """Without the panes in which there is nothing."""
    kept = np.zeros(len(panes), np.bool_)
    for name, measure in measures.items():
        if measure.kind is Kind.SAMPLES or measure.kind.is_time:
            kept |= columns[name] != 0
    if kept.all():
        return panes, columns
    return panes[kept], {name: values[kept] for name, values in columns.items()}


class _Run:
    """The samples of a stream, dealt out to panes. ``edges`` are the starts of panes and the end of the last one."""

    def __init__(self, at: NDArray[np.int64], held: NDArray[np.int64], edges: NDArray[np.int64]) -> None:
        self._held = held
        cuts = np.searchsorted(at, edges)
        self.count = np.diff(cuts)
        self._filled = self.count > 0
        self._starts = cuts[:-1][self._filled]
        # The sample before each edge, and for how long it had been held there; the first edge has none before it.
        self._before = np.maximum(cuts - 1, 0)
        reached = np.minimum(edges - at[self._before], held[self._before])
        self._reached = np.where(cuts > 0, reached, 0)
        self._sum = np.concatenate([[0], np.cumsum(held)])

    def time(self, state: NDArray[np.bool_]) -> NDArray[np.int64]:
        """For how long a state held in each pane."""
        before = (
            self._sum if state.all() else np.concatenate([[0], np.cumsum(np.where(state, self._held, 0))])
        )
        return np.diff(before[self._before] + np.where(state[self._before], self._reached, 0))

    def number(self, flags: NDArray[np.bool_]) -> NDArray[np.int64]:
        """How many samples have a flag, a pane."""
        return self.sums(flags.astype(np.int64))

    def sums(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Sums of values, a pane."""
        return self._dealt(summed(values, self._starts), 0)

    def least(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The least value, a pane."""
        return self._dealt(_fitting(np.minimum.reduceat(values, self._starts)), NONE_LEAST)

    def greatest(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """The greatest value, a pane."""
        return self._dealt(_fitting(np.maximum.reduceat(values, self._starts)), NONE_GREATEST)

    def _dealt(self, values: NDArray[np.int64], otherwise: int) -> NDArray[np.int64]:
        found = np.full(len(self._filled), otherwise, np.int64)
        found[self._filled] = values
        return found


def _fitting(values: NDArray[Any]) -> NDArray[np.int64]:
    try:
        return values.astype(np.int64)
    except OverflowError:
        raise PanesError("the numbers are too large for partial results") from None


def _state(sample: Sample, measure: Measure, count: int) -> NDArray[Any]:
    if measure.argument is None:
        return np.ones(count, np.bool_)
    if measure.kind is Kind.KNOWN:
        return sample.known(measure.argument)
    state: NDArray[Any] = sample.truth(measure.argument) == (1 if measure.kind is Kind.UP else 0)
    if measure.kind is not Kind.CUT and measure.where is not None:
        state &= sample.truth(measure.where) == 1
    return state


def _values(sample: Sample, measure: Measure, run: _Run) -> NDArray[np.int64]:
    if measure.kind is Kind.SAMPLES:
        return run.count
    inside = None if measure.where is None else sample.truth(measure.where) == 1
    if measure.argument is None:
        return run.count if inside is None else run.number(inside)
    known = sample.known(measure.argument)
    inside = known if inside is None else known & inside
    match measure.kind:
        case Kind.COUNT:
            return run.number(inside)
        case Kind.TRUE:
            return run.number(inside & (sample.truth(measure.argument) == 1))
        case Kind.SUM:
            return run.sums(np.where(inside, sample.number(measure.argument)[0], 0))
        case Kind.LEAST:
            return run.least(np.where(inside, sample.number(measure.argument)[0], NONE_LEAST))
        case _:
            return run.greatest(np.where(inside, sample.number(measure.argument)[0], NONE_GREATEST))
