"""The first stage of batch: from the observations in columns to the values of aggregates and the changes of truths."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from attrs import evolve, field, frozen

from wsla.analysis.operations import (
    Aggregate,
    OutageWindow,
    TimeFilter,
    Window,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.batch import over_samples, over_time
from wsla.evaluation.batch.alike import AlikeStreams, Streams
from wsla.evaluation.batch.columns import Flags, StreamColumns
from wsla.evaluation.batch.frames import Frames
from wsla.evaluation.batch.holding import Holding, held_like
from wsla.evaluation.batch.outcome import Found, picked, with_idle
from wsla.evaluation.batch.over_samples import JOINED_LATER
from wsla.evaluation.batch.parts import Items, Part, behind_each_other, empty, joined_items, merged, time_of
from wsla.evaluation.batch.series import SeriesColumns, SignalColumns
from wsla.evaluation.batch.signals import View, fields_of, joined, sampled, view_of
from wsla.evaluation.batch.stacked import can_stack, stacked
from wsla.evaluation.batch.supported import Look, look_of
from wsla.evaluation.batch.times import Times
from wsla.evaluation.batch.together import Together
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.stream.layout import Layout, in_order
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan
from wsla.values.calendars import OverlappingWindow, RollingWindow, window_containing

Place = tuple[int, Labels]
"""An operation and a label combination."""


@frozen(eq=False)
class TimeLook:
    """A function over time: its values, or what they rest on; and the windows without a sample, where somebody asks."""

    found: Found | Times
    nothing: Flags | None


@frozen(eq=False, kw_only=True)
class Reduced:
    """What is left of one stream. ``kept`` are the columns that wait for other streams."""

    source: str
    labels: Labels
    first: int
    times: Mapping[Place, TimeLook] = field(factory=dict)
    parts: Mapping[Place, tuple[Part, Items | None]] = field(factory=dict)
    signals: Mapping[Place, SignalColumns] = field(factory=dict)
    kept: StreamColumns | None = None


class ColumnReduction:
    """Aggregates and truths of a plan for ``[start, until)``, from streams that are handed in one by one.

    All ``aggregates`` and ``signals`` must be supported. Each stream is handed in once, in any order. What rests on one
    stream is reduced at once; of the others those columns are kept that are needed. ``reduce`` may be called in several
    threads at once, everything else in one.
    """

    def __init__(
        self, plan: Plan, aggregates: Collection[int], signals: Collection[int], start: int, until: int
    ) -> None:
        self._plan: Final = plan
        self._start: Final = start
        self._until: Final = until
        self._layout: Final = Layout(plan, metrics=True)
        self._looks: Final = {index: _must(plan, index) for index in aggregates}
        # What rests on one source alone, by that source.
        self._alone: Final[dict[str, list[Look]]] = {}
        for look in self._looks.values():
            if len(look.sources) == 1:
                (source,) = look.sources
                self._alone.setdefault(source, []).append(look)
        self._signals: Final = {index: _fields(plan, index) for index in signals}
        self._frames: Final = _all_frames(plan, self._layout, self._looks.values(), start, until)
        self._wanted: Final = self._columns_to_keep()
        # The sources of which nothing is asked that streams do not come to in one go.
        self._stackable: Final = {
            source
            for source, looks in self._alone.items()
            if source not in self._wanted
            and {source} not in self._signals.values()
            and can_stack(plan, source, looks)
        }
        self._combinations: Final[dict[tuple[tuple[str, ...], frozenset[str]], dict[Labels, int]]] = {}
        self._first: Final[dict[tuple[str, Labels], int]] = {}
        self._kept: Final[dict[tuple[str, Labels], StreamColumns]] = {}
        # Of each source how the stream that came last holds: often the next one has the same instants.
        self._holding: Final[dict[str, Holding]] = {}
        self._times: Final[dict[Place, TimeLook]] = {}
        self._parts: Final[dict[Place, list[tuple[Labels, Part, Items | None]]]] = {}
        self._changes: Final[dict[Place, SignalColumns]] = {}

    # Streams

    def take(self, streams: Streams) -> None:
        """Takes in a stream, or several at once."""
        if not isinstance(streams, AlikeStreams):
            self.add(self.reduce(streams))
        elif not self._take_alike(streams.before(self._until)):
            for stream in streams.singly():
                self.add(self.reduce(stream))

    def _take_alike(self, streams: AlikeStreams) -> bool:
        """Takes in streams in one go, and says whether that is possible."""
        source, at = streams.source, streams.at
        if source not in self._stackable or not len(at):
            return False
        staleness = self._plan.source(source).staleness
        holding = held_like(self._holding.get(source), at, staleness, self._since, self._until)
        self._holding[source] = holding
        found = stacked(self._plan, self._alone[source], self._frames, streams, holding)
        if found is None:
            return False
        self._combinations.clear()
        names = [_sorted(labels) for labels in streams.labels]
        self._first.update(dict.fromkeys(((source, name) for name in names), int(at[0])))
        for look in self._alone[source]:
            for name, part in zip(names, found[look.index], strict=True):
                self._add_part((look.index, in_order(name, look.node.by)), name, part, None)
        return True

    def reduce(self, stream: StreamColumns) -> Reduced | None:
        """What a stream comes to by itself; None where nothing of it is known before ``until``."""
        stream = self._known(stream)
        if not len(stream.at):
            return None
        view = view_of(self._plan, stream, self._since, self._until, self._holding.get(stream.source))
        self._holding[stream.source] = view.holding
        times: dict[Place, TimeLook] = {}
        parts: dict[Place, tuple[Part, Items | None]] = {}
        packed: dict[int, tuple[Any, Any]] = {}
        for look in self._alone.get(stream.source, ()):
            place = (look.index, in_order(stream.labels, look.node.by))
            if look.source is None:
                times[place] = self._over_time(look, view, [view])
            else:
                part, items = self._over_samples(look, view, view)
                parts[place] = (part.packed(packed), items)
        signals = {
            (index, in_order(stream.labels, self._layout.names(index))): view.later(self._until + 1).changes(
                index
            )
            for index, sources in self._signals.items()
            if sources == {stream.source}
        }
        wanted = self._wanted.get(stream.source)
        return Reduced(
            source=stream.source,
            labels=stream.labels,
            first=int(stream.at[0]),
            times=times,
            parts=parts,
            signals=signals,
            kept=None if wanted is None else _only(stream, wanted),
        )

    def add(self, reduced: Reduced | None) -> None:
        """Takes in what a stream came to."""
        if reduced is None:
            return
        self._combinations.clear()
        name = (reduced.source, _sorted(reduced.labels))
        self._first[name] = reduced.first
        self._times.update(reduced.times)
        self._changes.update(reduced.signals)
        for place, (part, items) in reduced.parts.items():
            self._add_part(place, name[1], part, items)
        if reduced.kept is not None:
            self._kept[name] = reduced.kept

    def _add_part(self, place: Place, labels: Labels, part: Part, items: Items | None) -> None:
        waiting = self._parts.setdefault(place, [])
        if waiting and items is None:
            # What can be added up is.
            frames = self._frames[place[0]]
            both = [waiting[0][1].unpacked(frames), part.unpacked(frames)]
            waiting[0] = (waiting[0][0], merged(both), None)
        else:
            waiting.append((labels, part, items))

    # What is asked for

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """Each label combination of an operation, with the instant from which it is evaluated (rule M10)."""
        names = self._layout.names(index)
        if not names:
            return {(): self._start}
        origins = self._layout.origins(index)
        # Operations with the same labels of the same sources, of which there are many, have the same combinations.
        key = (names, origins)
        if key not in self._combinations:
            self._combinations[key] = self._find_combinations(*key)
        return self._combinations[key]

    def _find_combinations(self, names: tuple[str, ...], origins: frozenset[str]) -> dict[Labels, int]:
        found: dict[Labels, int] = {}
        for (source, labels), first in self._first.items():
            if source in origins:
                own = in_order(labels, names)
                found[own] = min(first, found.get(own, first))
        return {labels: max(first, self._start) for labels, first in found.items()}

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        """An aggregate over time or over samples, in every existing window; the open one as known at ``until``."""
        return self._pick(index, labels, to_come=False)

    def together(self, index: int, among: Sequence[Labels] | None = None) -> Together:
        """The series of all label combinations, or of those ``among`` them, one behind the other: quicker than each by
        itself where many are.
        """
        frames, node = self._frames[index], self._looks[index].node
        combinations = self.combinations(index)
        if among is not None:
            combinations = {labels: combinations[labels] for labels in among}
        found = self._found_of_all(index, tuple(combinations)) if combinations else None
        if found is None:
            return Together.of({labels: self.series(index, labels) for labels in combinations})
        count = len(combinations)
        starts, ends = np.tile(frames.starts, count), np.tile(frames.ends, count)
        if node.idle is not None:
            found = with_idle(found, ends <= self._until, scalar_value(self._plan.operations, node.idle))
        later = {first: frames.between(first, to_come=False) for first in set(combinations.values())}
        windows = [later[first] for first in combinations.values()]
        rows = np.array([np.count_nonzero(one) for one in windows])
        columns = picked(found, starts, ends, np.concatenate(windows))
        return Together(labels=tuple(combinations), rows=rows, columns=columns)

    def _found_of_all(self, index: int, combinations: Sequence[Labels]) -> Found | None:
        look, frames = self._looks[index], self._frames[index]
        if look.source is None:
            looks = [self._times.get((index, labels)) for labels in combinations]
            times = [one.found for one in looks if one is not None and isinstance(one.found, Times)]
            if len(times) < len(combinations):
                return None
            found = over_time.found_of_all(look.node, frames, times)
            nothing = [one.nothing for one in looks if one is not None and one.nothing is not None]
            return None if found is None else _idle_too(found, np.concatenate(nothing) if nothing else None)
        waiting = [self._parts.get((index, labels), []) for labels in combinations]
        if any(len(parts) != 1 or parts[0][2] is not None for parts in waiting):
            return None
        part = behind_each_other([parts[0][1] for parts in waiting], frames)
        boolean = isinstance(look.node.type, BooleanType)
        may_grow = self._may_grow(look)
        if may_grow is not None:
            may_grow = np.tile(may_grow, len(waiting))
        sizes = np.tile(frames.sizes, len(waiting))
        return over_samples.found(look.node, sizes, part, may_grow, boolean=boolean)

    def _may_grow(self, look: Look) -> Flags | None:
        """M13: the open windows, where other streams of the source may still take part in them."""
        assert look.source is not None
        if not set(self._plan.source(look.source).labels) - set(look.node.by):
            return None
        found: Flags = self._frames[look.index].ends > self._until
        return found

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """The windows of an aggregate that do not exist at ``until`` yet, but will lie inside an open window of an
        aggregate over its series (rule M15), as known at ``until``.
        """
        return self._pick(index, labels, to_come=True)

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        """A boolean signal that rests on samples alone."""
        place = (index, in_order(labels, self._layout.names(index)))
        if place not in self._changes:
            streams = self._streams_for(self._signals[index], labels)
            view = joined(self._plan, streams, self._since, self._until + 1)
            self._changes[place] = view.changes(index)
        return self._changes[place]

    def _pick(self, index: int, labels: Labels, *, to_come: bool) -> SeriesColumns:
        frames, node = self._frames[index], self._looks[index].node
        own = in_order(labels, node.by)
        first = self.combinations(index).get(own)
        found = self._found_of(index, own)
        if node.idle is not None:
            idle = scalar_value(self._plan.operations, node.idle)
            found = with_idle(found, frames.ends <= self._until, idle)
        windows = frames.between(self._until if first is None else first, to_come=to_come)
        windows = windows if first is not None else windows & False
        return picked(found, frames.starts, frames.ends, windows)

    def _found_of(self, index: int, labels: Labels) -> Found:
        look = self._looks[index]
        if look.source is not None:
            return self._samples_of_several(look, labels)
        time = self._times.get((index, labels))
        if time is None:
            time = self._time_of_several(look, labels)
        found = time.found
        if isinstance(found, Times):
            found = over_time.found(look.node, self._frames[index], found)
        return _idle_too(found, time.nothing)

    # Over time

    def _over_time(self, look: Look, view: View, argument: Iterable[View]) -> TimeLook:
        """``argument`` are the streams whose samples tell whether there was anything to look at."""
        frames = self._frames[look.index]
        nothing = None
        if look.node.idle is not None or look.index in self._layout.idling:
            nothing = np.ones(len(frames), dtype=np.bool_)
            for one in argument:
                nothing &= one.rows(frames).counts == 0
        return TimeLook(over_time.look(look.node, frames, view), nothing)

    def _time_of_several(self, look: Look, labels: Labels) -> TimeLook:
        streams = self._streams_for({field.source for field in look.fields}, labels)
        argument = {field.source for field in look.own}
        views = [
            view_of(self._plan, stream, self._since, self._until)
            for name, stream in streams.items()
            if name in argument
        ]
        return self._over_time(look, joined(self._plan, streams, self._since, self._until), views)

    # Over samples

    def _over_samples(self, look: Look, view: View, known: View) -> tuple[Part, Items | None]:
        """What a stream adds, ``known`` being the view that tells when the argument is known; and its items where these
        have to wait for those of other streams.
        """
        node, frames = look.node, self._frames[look.index]
        assert look.source is not None
        held = view.held if node.argument is None else known.time_known(node.argument)
        time = held if len(held.starts) < len(frames) else known.within(frames, held)
        if node.function in JOINED_LATER and set(node.by) != set(self._plan.source(look.source).labels):
            waiting = evolve(node, function="count")
            part = over_samples.look(waiting, frames, view, time)
            return part, over_samples.items_of(node, view, view.rows(frames))
        return over_samples.look(node, frames, view, time), None

    def _samples_of_several(self, look: Look, labels: Labels) -> Found:
        node, frames = look.node, self._frames[look.index]
        boolean = isinstance(node.type, BooleanType)
        may_grow = self._may_grow(look)
        if look.sources == {look.source}:
            parts = self._parts.get((look.index, labels), [])
        else:
            parts = self._parts_of_several(look, labels)
        parts = sorted(parts, key=lambda part: part[0])
        if not parts:
            return over_samples.found(node, frames.sizes, empty(frames), may_grow, boolean=boolean)
        part = merged([part.unpacked(frames) for _, part, _ in parts])
        waiting = [items for _, _, items in parts if items is not None]
        if waiting:
            items = joined_items(waiting, frames)
            amounts = over_samples.amounts_of(node, items)
            part = evolve(part, amounts=amounts, scale=items.scale)
        return over_samples.found(node, frames.sizes, part, may_grow, boolean=boolean)

    def _parts_of_several(self, look: Look, labels: Labels) -> list[tuple[Labels, Part, Items | None]]:
        """What each stream of the source adds, where other sources have a say in it."""
        plan, frames = self._plan, self._frames[look.index]
        needed = {field.source for field in look.own}
        found = []
        for (source, own), stream in self._kept.items():
            if source != look.source or not set(labels) <= set(own):
                continue
            beside = self._streams_for(look.sources, own)
            leaf = sampled(plan, beside, stream.at)
            staleness = plan.source(source).staleness
            view = View(plan, Holding(stream.at, staleness, self._since, self._until), leaf)
            known = view
            if not needed <= {source}:
                streams = {name: stream for name, stream in beside.items() if name in needed}
                known = joined(plan, streams, self._since, self._until)
            part, items = self._over_samples(look, view, known)
            # M13: what another source says may be known before the stream begins, which then takes no part.
            part = part.unpacked(frames)
            found.append((own, evolve(part, known=time_of(part) * part.takes_part), items))
        return found

    # Streams that wait for others

    @property
    def _since(self) -> int:
        return min(self._plan.effective_start, self._start)

    def _known(self, stream: StreamColumns) -> StreamColumns:
        """What of a stream is known at ``until`` (rule M5)."""
        count = int(np.searchsorted(stream.at, self._until))
        if count == len(stream.at):
            return stream
        fields = {name: column.rows(slice(count)) for name, column in stream.fields.items()}
        return evolve(stream, at=stream.at[:count], fields=fields)

    def _columns_to_keep(self) -> dict[str, set[str]]:
        wanted: dict[str, set[str]] = {}
        for look in self._looks.values():
            if len(look.sources) > 1:
                for name in look.sources:
                    wanted.setdefault(name, set())
                for one in look.fields:
                    wanted[one.source].add(one.field)
        for index, sources in self._signals.items():
            if len(sources) > 1:
                for one in fields_of(self._plan, index) or ():
                    wanted.setdefault(one.source, set()).add(one.field)
        return wanted

    def _streams_for(self, sources: Iterable[str], labels: Labels) -> dict[str, StreamColumns]:
        """The stream of each source that these labels tell; what has no labels combines with all (rule M7)."""
        found = {}
        for name in sources:
            own = in_order(labels, self._plan.source(name).labels)
            stream = self._kept.get((name, _sorted(own)))
            if stream is not None:
                found[name] = stream
        return found


def _idle_too(found: Found, nothing: Flags | None) -> Found:
    """With the windows without a sample, if anybody asks for these."""
    if nothing is not None and found.nothing is not None:
        # There is nothing to look at either where `where` has cut out all time (rule M50).
        nothing = nothing | found.nothing
    return evolve(found, nothing=nothing)


def _must(plan: Plan, index: int) -> Look:
    found = look_of(plan, index)
    if found is None:
        raise ValueError(f"operation {index} cannot be reduced in columns")
    return found


def _fields(plan: Plan, index: int) -> frozenset[str]:
    found = fields_of(plan, index)
    if found is None:
        raise ValueError(f"operation {index} rests on more than what samples hold")
    return frozenset(field.source for field in found)


def _sorted(labels: Labels) -> Labels:
    return tuple(sorted(labels))


def _only(stream: StreamColumns, names: set[str]) -> StreamColumns:
    fields = {name: column for name, column in stream.fields.items() if name in names}
    return evolve(stream, fields=fields)


def _all_frames(
    plan: Plan, layout: Layout, looks: Iterable[Look], start: int, until: int
) -> dict[int, Frames]:
    """The windows of each aggregate; those of one kind are the same object."""
    horizons = _horizons(plan, layout, until)
    made: dict[tuple[Window, TimeFilter, int], Frames] = {}
    found: dict[int, Frames] = {}
    for look in looks:
        horizon = horizons.get(look.index, until)
        key = (look.node.window, look.node.filter, horizon)
        if key not in made:
            made[key] = Frames(plan, look.node.window, look.node.filter, start, until, horizon)
        found[look.index] = made[key]
    return found


def _horizons(plan: Plan, layout: Layout, until: int) -> dict[int, int]:
    """Up to when windows of aggregates are looked at, inside the open windows of others."""
    found: dict[int, int] = {}
    for index in reversed(range(len(plan.operations))):
        node = plan.operations[index]
        if not isinstance(node, Aggregate) or node.argument is None:
            continue
        if plan.operations[node.argument].shape is not Shape.SERIES:
            continue
        inputs = (node.argument,) if node.where is None else (node.argument, node.where)
        horizon = _last_end(plan, node.window, found.get(index, until))
        for leaf in (leaf for x in inputs for leaf in layout.leaves(x)):
            found[leaf] = max(horizon, found.get(leaf, until))
    return found


def _last_end(plan: Plan, window: Window, until: int) -> int:
    """The end of the last window that begins before an instant."""
    match window:
        case RollingWindow() | OutageWindow():
            return until
        case OverlappingWindow():
            end = window.ending_with(until - 1).end
        case _:
            end = window_containing(window, until - 1).end
    return end if plan.effective_end is None else max(until, min(end, plan.effective_end))
