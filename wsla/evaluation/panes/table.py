"""The table of panes: rows of (stream, pane) with one whole number a measure, and how tables become one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

import numpy as np
from attrs import evolve, frozen
from numpy.typing import NDArray

from wsla.evaluation.panes.measures import Kind, PanesError
from wsla.evaluation.verdicts import Labels

Integers = NDArray[np.int64]

NONE_LEAST: Final = np.iinfo(np.int64).max
"""The least of nothing."""
NONE_GREATEST: Final = np.iinfo(np.int64).min
"""The greatest of nothing."""


@frozen(kw_only=True)
class Stream:
    """What is known of one label combination of a source.

    ``first`` and ``last`` are the instants of its first and latest sample. Its panes say what held until ``until``; the
    latest sample's values may hold on from there: ``states`` are the measures of time which it counts towards.
    """

    labels: Labels
    first: int
    last: int
    until: int
    states: frozenset[str]


@frozen(kw_only=True, eq=False)
class SourcePanes:
    """The panes of one source. Rows are in order of (stream, pane), each pair once; a pane's number times the length of
    panes is its start. ``kinds`` says for each column what it is.
    """

    signature: str
    staleness: int | None
    streams: tuple[Stream, ...]
    kinds: Mapping[str, Kind]
    stream: NDArray[np.int32]
    pane: Integers
    columns: Mapping[str, Integers]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.pane)


@frozen(kw_only=True, eq=False)
class PaneTable:
    """Panes of ``length`` nanoseconds, by the name of their source, from everything observed before ``until``."""

    length: int
    until: int
    sources: Mapping[str, SourcePanes]


def merged(tables: Sequence[PaneTable]) -> PaneTable:
    """One table of several, whatever their order.

    Each label combination of a source is in several of them only where they cover it one after the other. Raises
    PanesError where they overlap, or were not made for the same formulas.
    """
    if not tables:
        raise PanesError("there are no partial results")
    if len({table.length for table in tables}) > 1:
        raise PanesError("these partial results are of different lengths of time")
    names = dict.fromkeys(name for table in tables for name in table.sources)
    return PaneTable(
        length=tables[0].length,
        until=max(table.until for table in tables),
        sources={
            name: _joined(name, [x.sources[name] for x in tables if name in x.sources], tables[0].length)
            for name in names
        },
    )


def _joined(name: str, parts: list[SourcePanes], length: int) -> SourcePanes:
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if any(part.signature != first.signature or part.kinds != first.kinds for part in parts):
        raise PanesError(f"these partial results of `{name}` were made for different agreements")
    found: dict[Labels, list[tuple[Stream, int, int]]] = {}
    for number, part in enumerate(parts):
        for place, stream in enumerate(part.streams):
            found.setdefault(stream.labels, []).append((stream, number, place))
    builder = Builder(first.kinds)
    streams: list[Stream] = []
    for labels in sorted(found):
        pieces = sorted(found[labels], key=lambda piece: piece[0].first)
        for (before, *_), (after, *_) in pairwise(pieces):
            if after.first < before.until:
                shown = ", ".join(f"{label} {value}" for label, value in labels)
                raise PanesError(
                    f"two of these partial results cover the same time of `{name}`{shown and ' with ' + shown}"
                )
        whole = pieces[0][0]
        for stream, number, place in pieces:
            part = parts[number]
            if stream is not whole:
                builder.hold(len(streams), whole, stream.first, part.staleness, length)
                whole = evolve(stream, first=whole.first)
            rows = slice(*np.searchsorted(part.stream, [place, place + 1]))
            columns = {column: values[rows] for column, values in part.columns.items()}
            builder.add(len(streams), part.pane[rows], columns)
        streams.append(whole)
    return builder.finish(first, tuple(streams))


class Builder:
    """Collects rows; rows of one stream and pane become one."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds
        self._streams: list[NDArray[np.int32]] = []
        self._panes: list[Integers] = []
        self._columns: dict[str, list[Integers]] = {name: [] for name in kinds}

    def add(self, stream: int, panes: Integers, columns: Mapping[str, Integers]) -> None:
        """Rows of one stream; a column that is not given adds nothing."""
        self._streams.append(np.full(len(panes), stream, np.int32))
        self._panes.append(panes)
        for name, parts in self._columns.items():
            found = columns.get(name)
            parts.append(
                np.full(len(panes), nothing(self._kinds[name]), np.int64) if found is None else found
            )

    def hold(self, number: int, stream: Stream, until: int, staleness: int | None, length: int) -> None:
        """The latest sample of a stream holds on, until it is stale."""
        panes, times = held_on(stream, until, staleness, length)
        if len(panes):
            self.add(number, panes, dict.fromkeys(stream.states, times))

    def finish(self, like: SourcePanes, streams: tuple[Stream, ...]) -> SourcePanes:
        """Everything that was added, in order."""
        stream = _concatenated(self._streams, np.int32)
        pane = _concatenated(self._panes, np.int64)
        same = (stream[1:] == stream[:-1]) & (pane[1:] == pane[:-1])
        in_order = (stream[1:] > stream[:-1]) | ((stream[1:] == stream[:-1]) & (pane[1:] >= pane[:-1]))
        order: Any = slice(None)
        if not in_order.all():
            order = np.lexsort((pane, stream))
            stream, pane = stream[order], pane[order]
            same = (stream[1:] == stream[:-1]) & (pane[1:] == pane[:-1])
        starts = np.flatnonzero(np.concatenate([[True], ~same])) if len(pane) else np.zeros(0, np.int64)
        columns = {}
        for name, parts in self._columns.items():
            values = _concatenated(parts, np.int64)[order]
            columns[name] = combined(self._kinds[name], values, starts)
        return evolve(like, streams=streams, stream=stream[starts], pane=pane[starts], columns=columns)


def held_on(stream: Stream, until: int, staleness: int | None, length: int) -> tuple[Integers, Integers]:
    """The panes in which a stream's latest sample still holds behind ``stream.until``, with for how long."""
    end = until if staleness is None else min(until, stream.last + staleness)
    if end <= stream.until:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    panes = np.arange(stream.until // length, (end - 1) // length + 1, dtype=np.int64)
    starts = panes * length
    return panes, np.minimum(starts + length, end) - np.maximum(starts, stream.until)


def nothing(kind: Kind) -> int:
    """What a measure is where there is nothing."""
    return {Kind.LEAST: NONE_LEAST, Kind.GREATEST: NONE_GREATEST}.get(kind, 0)


def combined(kind: Kind, values: Integers, starts: NDArray[Any]) -> Integers:
    """The measure over runs of rows, each from one of ``starts`` to the next."""
    if not len(starts):
        return np.zeros(0, np.int64)
    if kind is Kind.LEAST:
        return np.minimum.reduceat(values, starts)
    if kind is Kind.GREATEST:
        return np.maximum.reduceat(values, starts)
    return summed(values, starts)


def summed(values: NDArray[Any], starts: NDArray[Any]) -> Integers:
    """Sums of runs of rows. Raises PanesError where one does not fit into 64 bits."""
    if values.dtype != object and (not len(values) or _greatest(values) * len(values) < 1 << 63):
        return np.add.reduceat(values, starts)
    whole = np.add.reduceat(values.astype(object), starts)
    if max(abs(int(whole.max())), abs(int(whole.min()))) >= 1 << 63:
        raise PanesError("the numbers are too large for partial results")
    return whole.astype(np.int64)


def _greatest(values: NDArray[Any]) -> int:
    return max(abs(int(values.max())), abs(int(values.min())))


def _concatenated(parts: Iterable[NDArray[Any]], kind: type[Any]) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, kind), *parts])
