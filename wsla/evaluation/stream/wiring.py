"""The machine's parts and how they are joined: streams, aggregates for each label combination, triggers.

Before a label combination is seen, its signals can be known already (``region.ok or holiday.active``). A *ghost*, an
aggregate whose labelled leaves are unknown, watches that time; a new combination takes over what it has counted. Where
another source brings forth the combinations of an argument, each is watched from then on, until a sample is seen.
"""

from __future__ import annotations

from typing import Final

from attrs import define, field

from wsla.analysis.operations import Latest
from wsla.evaluation.stream.algebra import UNKNOWN_NUMBER, UNKNOWN_TRUTH
from wsla.evaluation.stream.gauges import Gauge, within
from wsla.evaluation.stream.inlets import Stream
from wsla.evaluation.stream.inner import Inner
from wsla.evaluation.stream.judging import Judge, Root
from wsla.evaluation.stream.layout import OVER_TIME, Layout, restrict
from wsla.evaluation.stream.outages import OutageWatch
from wsla.evaluation.stream.over_records import RecordRun
from wsla.evaluation.stream.over_samples import SampleRun, member_of
from wsla.evaluation.stream.over_series import SeriesRun
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.panes import TimePanes
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import unknown
from wsla.evaluation.stream.records import bind_record
from wsla.evaluation.stream.runs import gauge_for
from wsla.evaluation.stream.series import Reach
from wsla.evaluation.stream.signals import Signals, position_reader
from wsla.evaluation.stream.triggers import Trigger
from wsla.evaluation.stream.windows import Kind
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.plan.model import Rule, Source

Run = TimeRun | SampleRun | RecordRun | SeriesRun

Readers = tuple[list[tuple[str, Root]], list[tuple[int, Root]], list[Judge]]
"""Metrics, series that are read as signals, and goals."""


@define(slots=True)
class Series:
    """An aggregate of the plan with its running instances; ``argument`` and ``where`` of one over a series."""

    kind: Kind
    runs: dict[Labels, Run]
    argument: Root | None = None
    where: Root | None = None
    ghost: Run | None = None
    ghost_gauge: Gauge | None = None
    unseen: dict[Labels, Gauge] = field(factory=dict)


class Wiring(Signals):
    """Builds and holds the parts for a plan from ``start`` on."""

    def __init__(self, layout: Layout, start: int) -> None:
        super().__init__(layout, start)
        self._asking_idle: Final[list[tuple[int, Labels | None, TimeRun]]] = []
        self.series: Final = {index: self._series(index) for index in layout.aggregates}
        self.outer: Final = tuple(
            index for index, series in self.series.items() if series.argument is not None
        )
        if not layout.judges:
            layout.judges[:] = [Judge(layout, goal) for goal in layout.plan.goals]
        self.judges: Final[tuple[Judge, ...]] = tuple(layout.judges)
        self.metrics: Final = {name: Root(layout, index) for name, index in layout.metrics.items()}
        latest = ((index, layout.operations[index]) for index in layout.latest)
        self.latest: Final = {
            index: Root(layout, op.operand) for index, op in latest if isinstance(op, Latest)
        }
        self.outage_aggregates: Final = frozenset(i for found in layout.outages.values() for i in found)
        self.previous: Final = {index: Root(layout, operand) for index, operand in layout.previous.items()}
        # What `previous` looks at, each after what it rests on: aggregates and series whose last value is remembered.
        self.in_order: Final[tuple[tuple[int, Series | Root], ...]] = tuple(
            sorted([*self.series.items(), *self.previous.items()], key=lambda pair: pair[0])
        )
        # The value of the window that ended last, by (operation, labels).
        self.before: Final[dict[tuple[int, Labels], SeriesValue]] = {}
        self.turned: Final[list[OutageWatch]] = []
        self.unstarted: Final[list[OutageWatch]] = []
        self.watches: Final[dict[tuple[int, Labels | None], OutageWatch]] = {}
        self._readers: Final[dict[tuple[int, ...], Readers]] = {}
        self.triggers: Final[dict[tuple[int, Labels], Trigger]] = {}
        self.changed: Final[list[Trigger]] = []
        self.opened: Final[list[Run]] = []
        self.begun: Final[list[Trigger]] = []
        self.seen: Final[list[tuple[str, Labels, int]]] = []
        self._seen: Final[set[tuple[str, Labels]]] = set()
        self._origins: Final = {index: layout.origins(index) for index in layout.aggregates}
        self._begin()

    def readers(self, ended: tuple[int, ...]) -> Readers:
        """Who reads aggregates whose windows ended together, each in the order of the plan."""
        found = self._readers.get(ended)
        if found is None:

            def concerned(root: Root) -> bool:
                return any(leaf in ended for leaf, _ in root.leaves)

            found = self._readers[ended] = (
                [(name, root) for name, root in self.metrics.items() if concerned(root)],
                [(index, root) for index, root in self.latest.items() if concerned(root)],
                [judge for judge in self.judges if concerned(judge.condition)],
            )
        return found

    def remember(self, index: int, root: Root, points: dict[int, dict[Labels, Point]]) -> None:
        """Windows have ended: `previous` has the values of those before, and next time those of these (M58)."""
        self.add_previous(index, root, points)
        for labels in points.get(index, ()):
            self.before[index, labels] = root.read(points, labels)

    def add_previous(self, index: int, root: Root, points: dict[int, dict[Labels, Point]]) -> None:
        """Adds what `previous` is in the windows of these points, which are the ones after those that ended last."""
        if not root.rests_on(points):
            return
        missing = UNKNOWN_TRUTH if self.layout.truth(index) else UNKNOWN_NUMBER
        for labels in root.combinations(points):
            point = root.point(points, labels)
            if point is not None:
                value = self.before.get((index, labels), missing)
                points.setdefault(index, {})[labels] = Point(point.window, value)

    def _series(self, index: int) -> Series:
        layout = self.layout
        kind = Kind(layout, index)
        node = kind.node
        over_series = kind.function not in OVER_TIME and layout.source_of(index) is None
        argument = Root(layout, node.argument) if over_series and node.argument is not None else None
        where = Root(layout, node.where) if over_series and node.where is not None else None
        return Series(kind, {}, argument, where)

    def _watch_outages(self, condition: int, labels: Labels | None, at: int | None) -> None:
        """Watches a condition for a label combination, as soon as the term has begun."""
        if (condition, labels) in self.watches:
            return
        watch = self.watches[condition, labels] = OutageWatch(condition, labels, self.turned)
        watch.read = self.signal(condition, labels, watch)
        ghost = self.watches.get((condition, None))
        if ghost is not None and ghost is not watch:
            watch.copy_from(ghost)
        plan = self.layout.plan
        # An outage under way when an amendment takes effect is the earlier version's.
        if plan.judges_from is None and (at is None or at < plan.effective_start):
            self.unstarted.append(watch)
        else:
            watch.start()

    def runs_over(self, watch: OutageWatch) -> list[tuple[int, Run]]:
        """The aggregates over the outages that a watch sees, and those that watch time before labels are seen."""
        names = self.layout.names(watch.condition)
        if watch.labels is None and names:
            return []
        found: list[tuple[int, Run]] = []
        for index in self.layout.outages[watch.condition]:
            series = self.series[index]
            found += [
                (index, run)
                for labels, run in series.runs.items()
                if not names or restrict(labels, names) == watch.labels
            ]
            if series.ghost is not None and not names:
                found.append((index, series.ghost))
        return found

    def _begin(self) -> None:
        for index in self.layout.joined:
            # What has no labels is held from the start on, whenever a combination of labels asks for it.
            self.signal(index, None, None)
        for index in self.layout.stateful:
            self.remembering(index, None if self.layout.names(index) else ())
        for condition in self.layout.outages:
            self._watch_outages(condition, None if self.layout.names(condition) else (), None)
        for index, series in self.series.items():
            if not series.kind.names:
                self._open(index, (), self.start)
            elif series.kind.function in OVER_TIME:
                series.ghost = self._new_run(index, None, self.start)
                self.opened.append(series.ghost)
            self._watch_unseen(index, series)
        for number, rule in enumerate(self.layout.plan.rules):
            if not self.layout.names(rule.trigger):
                self._add_trigger(number, rule, (), self.start)

    def _watch_unseen(self, index: int, series: Series) -> None:
        """What the argument of an aggregate over samples is before a stream is seen."""
        source = self.layout.source_of(index)
        if source is None or source.records:
            return
        if not source.labels:
            # There is one stream only; it takes part once it is seen.
            self._join(series, source, (), ())
            return
        run = SampleRun(series.kind, (), self.start)
        series.ghost = run
        gauge = self._member_gauge(series.kind, source, None)
        if run.window is not None:
            gauge.begin(run.low, run.high)
        series.ghost_gauge = gauge
        run.members.append(member_of(run, Stream(source.name, (), 0), gauge, None))
        self.opened.append(run)

    def forget_records(self, now: int) -> None:
        """Drops the records that no window to come looks at."""
        for table in self.tables.values():
            windows = [
                run.kind.frames.low(run.window)
                for series in self.series.values()
                for run in series.runs.values()
                if getattr(run, "table", None) is table and run.window is not None
            ]
            # What only announces times is remembered by the signals that rest on it.
            if windows or table.source.name in self.announced:
                table.forget(min(windows, default=now))
        for name in self.announced:
            if self.announcing[name] is not self.tables[name]:
                self.announcing[name].forget(now)

    # Label combinations

    def introduce(self, source: Source, labels: Labels, at: int) -> None:
        """An observation with these labels; whoever waits for such a combination begins with the first."""
        if (source.name, labels) in self._seen:
            return
        self._seen.add((source.name, labels))
        self.seen.append((source.name, labels, at))
        begin = max(self.start, at)
        self._join_signals(source, labels)
        for index in self.layout.stateful:
            if self.layout.names(index) and source.name in self.layout.origins(index):
                self.remembering(index, restrict(labels, self.layout.names(index)))
        for index, series in self.series.items():
            names = series.kind.names
            if names and source.name in self._origins[index]:
                own = restrict(labels, names)
                if own not in series.runs:
                    self._open(index, own, begin)
            self._watch_unsampled(index, series, source, labels)
            if labels and not source.records and self._source_name(index) == source.name:
                self._join(series, source, labels, restrict(labels, names))
        for condition, aggregates in self.layout.outages.items():
            names = self.layout.names(condition)
            concerned = [self.layout.origins(condition), *(self._origins[index] for index in aggregates)]
            own = restrict(labels, names)
            if names and len(own) == len(names) and any(source.name in origins for origins in concerned):
                self._watch_outages(condition, own, at)
        for number, rule in enumerate(self.layout.plan.rules):
            names = self.layout.names(rule.trigger)
            own = restrict(labels, names)
            if (
                names
                and (number, own) not in self.triggers
                and source.name in self.layout.origins(rule.trigger)
            ):
                self._add_trigger(number, rule, own, begin)

    def _join_signals(self, source: Source, labels: Labels) -> None:
        """Who reads a signal joined over labels reads this combination too, if it is new."""
        for index, parts in self.parts.items():
            node = self.across(index)
            part = restrict(labels, self.layout.names(node.operand))
            if part in parts or source.name not in self.layout.origins(node.operand):
                continue
            parts.append(part)
            for joined in self.joined[index]:
                if joined.takes(part):
                    joined.join(part)
                    if joined.watcher is not None:
                        self.joiners.append(joined.watcher)
        for argument, own, run in self._asking_idle:
            self._take_samples(argument, own, run)

    def _take_samples(self, argument: int, labels: Labels | None, run: TimeRun) -> None:
        for holder in self.holders(argument, labels):
            if isinstance(holder, Stream) and not any(taker is run for taker in holder.takers):
                holder.takers.append(run)

    def _source_name(self, index: int) -> str | None:
        source = self.layout.source_of(index)
        return None if source is None else source.name

    def _open(self, index: int, labels: Labels, begin: int) -> None:
        series = self.series[index]
        run = series.runs[labels] = self._new_run(index, labels, begin)
        ghost = series.ghost
        if isinstance(run, TimeRun) and isinstance(ghost, TimeRun):
            # An outage that has begun before a combination is seen is no window of it.
            run.window = None if index in self.outage_aggregates else ghost.window
            run.sampled = ghost.sampled
            run.gauge.copy_from(ghost.gauge)
        if run.window is not None:
            self.opened.append(run)

    def _new_run(self, index: int, labels: Labels | None, begin: int) -> Run:
        series, layout = self.series[index], self.layout
        kind, node = series.kind, series.kind.node
        if kind.function in OVER_TIME and node.argument is not None:
            gauge = gauge_for(node, unknown, kind.frames)
            gauge.read = self.signal(node.argument, labels, gauge)
            if node.where is not None:
                gauge.read = within(gauge.read, self.signal(node.where, labels, gauge))
            run = TimeRun(kind, labels or (), begin, gauge)
            if kind.asks_idle:
                self._asking_idle.append((node.argument, labels, run))
                self._take_samples(node.argument, labels, run)
            return run
        source = layout.source_of(index)
        if source is None:
            leaves = series.argument.leaves if series.argument is not None else ()
            of_outages = any(leaf in self.outage_aggregates for leaf, _ in leaves)
            inner = self._inner(series, labels or ())
            return SeriesRun(kind, labels or (), begin, inner, of_outages=of_outages)
        if source.records:
            table = self.tables[source.name]
            argument = None if node.argument is None else bind_record(layout, node.argument, table)
            where = None if node.where is None else bind_record(layout, node.where, table)
            return RecordRun(kind, labels or (), begin, table, argument, where)
        return SampleRun(kind, labels or (), begin)

    def _inner(self, series: Series, labels: Labels) -> Inner:
        def runs() -> list[tuple[int, Run]]:
            leaves = series.argument.needed if series.argument is not None else ()
            return [(leaf, run) for leaf, reach in leaves for run in self._runs_of(leaf, labels, reach)]

        return Inner(self, series, labels, runs)

    def _runs_of(self, leaf: int, labels: Labels, reach: Reach) -> list[Run]:
        runs = self.series[leaf].runs
        if isinstance(reach, tuple):
            own = restrict(labels, reach)
            return [run for part, run in runs.items() if restrict(part, reach) == own]
        run = runs.get(labels if reach else ())
        return [] if run is None else [run]

    def _watch_unsampled(self, index: int, series: Series, seen: Source, labels: Labels) -> None:
        """What the argument of an aggregate over samples is for a combination that has no sample yet."""
        argument, source, run = series.kind.node.argument, self.layout.source_of(index), series.ghost
        if argument is None or source is None or not isinstance(run, SampleRun):
            return
        names, origins = self.layout.names(argument), self.layout.origins(argument)
        if seen.name not in origins or (origins == {source.name} and set(names) == set(source.labels)):
            return
        own = restrict(labels, names)
        if own in series.unseen:
            return
        gauge = series.unseen[own] = self._member_gauge(series.kind, source, own)
        run.join(member_of(run, Stream(source.name, own, 0), gauge, None), series.ghost_gauge)
        self.joiners.append(gauge)

    def _join(self, series: Series, source: Source, labels: Labels, own: Labels) -> None:
        run = series.runs.get(own)
        if not isinstance(run, SampleRun):
            return
        stream = self.inlets[source.name].stream(labels)
        where = series.kind.node.where
        reader = None if where is None else self.signal(where, labels, None)
        member = member_of(run, stream, self._member_gauge(series.kind, source, labels), reader)
        argument = series.kind.node.argument
        names = () if argument is None else self.layout.names(argument)
        before = series.unseen.get(restrict(labels, names))
        if before is not None:
            # What is seen at this very instant is told to both.
            self.joiners.append(member.gauge)
        run.join(member, before or series.ghost_gauge)
        stream.takers.append(member)

    def _member_gauge(self, kind: Kind, source: Source, labels: Labels | None) -> Gauge:
        panes = TimePanes(kind.frames) if kind.frames.looks_back else None
        gauge = Gauge(unknown, kind.frames.kept, presence=True, panes=panes)
        argument = kind.node.argument
        if argument is not None:
            gauge.read = self.signal(argument, labels, gauge)
        elif labels is not None:
            stream = self.inlets[source.name].stream(labels)
            stream.watchers.append(gauge)
            gauge.read = position_reader(stream, 0)
        return gauge

    def _add_trigger(self, number: int, rule: Rule, labels: Labels, begin: int) -> None:
        trigger = Trigger(number, rule, labels, begin, self.changed.append)
        trigger.read = self.signal(rule.trigger, labels, trigger)
        self.triggers[number, labels] = trigger
        self.begun.append(trigger)
