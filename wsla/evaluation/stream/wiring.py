"""The machine's parts and how they are joined: streams, aggregates for each label combination, triggers.

Before a label combination is seen, its signals can be known already (``region.ok or holiday.active``). A *ghost*, an
aggregate whose labelled leaves are unknown, watches that time; a new combination takes over what it has counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import define

from wsla.analysis.operations import (
    Across,
    Active,
    Elapsed,
    Latest,
    Operation,
    SourceField,
    Stateful,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.evaluation.stream.algebra import UNKNOWN_NUMBER, UNKNOWN_TRUTH, ZERO
from wsla.evaluation.stream.gauges import Gauge, within
from wsla.evaluation.stream.inlets import Held, Holder, Inlet, Stream, Watcher
from wsla.evaluation.stream.joined import Joined
from wsla.evaluation.stream.judging import Judge, Root
from wsla.evaluation.stream.layout import OVER_TIME, Layout, in_order, operands, restrict
from wsla.evaluation.stream.over_records import RecordRun
from wsla.evaluation.stream.over_samples import SampleRun, member_of
from wsla.evaluation.stream.over_series import Item, SeriesRun
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.past import BEFORE, ActiveSignal, PastSignal, condition_signal
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import Reader, bind, scalar, unknown
from wsla.evaluation.stream.records import RecordTable, bind_record
from wsla.evaluation.stream.runs import gauge_for
from wsla.evaluation.stream.series import UNENDED, Reach
from wsla.evaluation.stream.tallies import Tally
from wsla.evaluation.stream.windows import Kind
from wsla.evaluation.verdicts import Labels, SeriesValue, Verdict
from wsla.plan.model import Rule, Source
from wsla.values.instants import Interval

NOTHING: Final = "nothing"
"""What was told of a trigger of which nothing was told yet."""

Run = TimeRun | SampleRun | RecordRun | SeriesRun

Readers = tuple[list[tuple[str, Root]], list[tuple[int, Root]], list[Judge]]
"""Metrics, series that are read as signals, and goals."""


class Trigger:
    """A rule's trigger for one label combination, recorded from ``begin`` on."""

    __slots__ = ("begin", "changed", "combination", "emitted", "history", "labels", "number", "read", "rule")

    def __init__(
        self, number: int, rule: Rule, labels: Labels, begin: int, changed: Callable[[Trigger], None]
    ) -> None:
        self.number: Final = number
        self.rule: Final = rule
        self.combination: Final = labels
        self.labels: Final = in_order(labels, rule.by)
        self.begin = begin
        self.read: Reader = unknown
        self.changed: Final = changed
        # What is recorded: [instant, value]; the last one alone where history is not kept.
        self.history: list[tuple[int, Value]] = []
        self.emitted: Value = NOTHING

    @property
    def truth(self) -> bool | None:
        """The value that was recorded last."""
        value = self.history[-1][1]
        return None if value is None else bool(value)

    def refresh(self, at: int) -> None:
        """Looks again; a second look at one instant replaces the first."""
        value = self.read()
        history = self.history
        if history and history[-1][1] is value and history[-1][0] < at and value == self.emitted:
            return
        if at < self.begin:
            return
        if history and history[-1][0] == at:
            history.pop()
        if not history or history[-1][1] is not value:
            history.append((at, value))
        if value != self.emitted:
            self.changed(self)


@define(slots=True)
class Series:
    """An aggregate of the plan with its running instances; ``argument`` and ``where`` of one over a series."""

    kind: Kind
    runs: dict[Labels, Run]
    argument: Root | None = None
    where: Root | None = None
    ghost: Run | None = None
    ghost_gauge: Gauge | None = None


def layout_below(layout: Layout, index: int) -> frozenset[int]:
    """The operations that a formula over series combines, itself among them."""
    operation = layout.operations[index]
    below = operands(operation)
    if isinstance(operation, Across):
        below = (operation.operand,) if operation.where is None else (operation.operand, operation.where)
    return frozenset({index}).union(*(layout_below(layout, x) for x in below))


class Inner:
    """The windows, still to end, of the series that an outer aggregate looks at."""

    def __init__(
        self, wiring: Wiring, series: Series, labels: Labels, runs: Callable[[], list[tuple[int, Run]]]
    ) -> None:
        self._wiring: Final = wiring
        self._series: Final = series
        self._labels: Final = labels
        self._runs: Final = runs
        # Each window to come with the one before it, from the one that ends next on.
        self._chain: dict[Interval, Interval] = {}
        self._chain_from: Interval | None = None
        below = () if series.argument is None else layout_below(wiring.layout, series.argument.index)
        self._previous: Final = tuple(index for index in wiring.layout.previous if index in below)

    def next_window(self) -> Interval | None:
        """The inner window that ends next."""
        windows = (run.window for _, run in self._runs())
        return min((window for window in windows if window is not None), default=None)

    def steady(self) -> bool:
        """True where nothing that is observed now changes what is known of the windows after the next."""
        argument = self._series.argument
        if (
            self._previous
            or argument is None
            or any(isinstance(reach, tuple) for _, reach in argument.leaves)
        ):
            # What was before changes with every window, and another label combination may be seen.
            return False
        return all(isinstance(run, TimeRun | SampleRun) for _, run in self._runs())

    def item(self, window: Interval, asked: int) -> Item | None:
        """What is known of a window that has not ended: its value is unknown, its bounds hold."""
        argument = self._series.argument
        points = self._points(window, asked, self._previous)
        if argument is None or argument.point(points, self._labels) is None:
            return None
        value = argument.read(points, self._labels)
        so_far = SeriesValue(value=None, lower=value.lower, upper=value.upper, coverage=ZERO)
        return Item(window, so_far, True if self._series.where is None else None)

    def _points(
        self, window: Interval, asked: int, previous: tuple[int, ...]
    ) -> dict[int, dict[Labels, Point]]:
        points: dict[int, dict[Labels, Point]] = {UNENDED: {}}
        for leaf, run in self._runs():
            point = run.peek(window, asked) if window.end > run.begin else None
            if point is not None:
                points.setdefault(leaf, {})[run.labels] = point
        for number, index in enumerate(previous):
            root = self._wiring.previous[index]
            for own in root.combinations(points):
                if root.point(points, own) is not None:
                    value = self._before(index, root, own, window, asked, previous[:number])
                    points.setdefault(index, {})[own] = Point(window, value)
        return points

    def _before(
        self, index: int, root: Root, own: Labels, window: Interval, asked: int, previous: tuple[int, ...]
    ) -> SeriesValue:
        """The value of the window before one that has not ended, whether or not that one has."""
        before = self._window_before(window)
        while before is not None:
            points = self._points(before, asked, previous)
            if root.point(points, own) is not None:
                return root.read(points, own)
            before = self._window_before(before)
        missing = UNKNOWN_TRUTH if self._wiring.layout.truth(index) else UNKNOWN_NUMBER
        return self._wiring.before.get((index, own), missing)

    def _window_before(self, window: Interval) -> Interval | None:
        first = self.next_window()
        if self._chain_from != first:
            self._chain, self._chain_from = {}, first
        last = next(reversed(self._chain), first)
        while last is not None and last.end < window.end:
            following = self.after(last)
            if following is not None:
                self._chain[following] = last
            last = following
        return self._chain.get(window)

    def after(self, window: Interval) -> Interval | None:
        """The inner window that follows."""
        return self._runs()[0][1].kind.frames.after(window)


class Wiring:
    """Builds and holds the parts for a plan from ``start`` on."""

    def __init__(self, layout: Layout, start: int) -> None:
        self.layout: Final = layout
        self.start: Final = start
        sources = layout.plan.sources
        self.inlets: Final = {s.name: Inlet(s, layout.columns[s.name]) for s in sources if not s.records}
        pausing = {
            operation.source
            for operation in layout.operations
            if isinstance(operation, Elapsed) and operation.pausing is not None
        }
        self.tables: Final = {
            s.name: RecordTable(s, layout.columns[s.name], history=s.name in pausing)
            for s in sources
            if s.records
        }
        self.held: Final[dict[tuple[int, Labels], Held]] = {}
        # Signals that rest on the past, by label combination; None for those that were not seen yet.
        self.past: Final[dict[tuple[int, Labels | None], PastSignal]] = {}
        self.announced: Final[dict[str, list[ActiveSignal]]] = {}
        self.added: Final[list[PastSignal]] = []
        self._recording = False
        self.recent: Final[dict[tuple[int, Labels], deque[str]]] = {}
        self.tallies: Final[dict[tuple[int, Labels], Tally]] = {}
        self._joined: Final[dict[int, list[Joined]]] = {index: [] for index in layout.joined}
        # The label combinations that are joined in each, and who watches something that one has joined.
        self._parts: Final[dict[int, list[Labels]]] = {index: [] for index in layout.joined}
        self.joiners: Final[list[Watcher]] = []
        self._asking_idle: Final[list[tuple[int, Labels | None, TimeRun]]] = []
        self.series: Final = {index: self._series(index) for index in layout.aggregates}
        self.outer: Final = tuple(
            index for index, series in self.series.items() if series.argument is not None
        )
        self.judges: Final = tuple(Judge(layout, goal) for goal in layout.plan.goals)
        self.metrics: Final = {name: Root(layout, index) for name, index in layout.metrics.items()}
        latest = ((index, layout.operations[index]) for index in layout.latest)
        self.latest: Final = {
            index: Root(layout, op.operand) for index, op in latest if isinstance(op, Latest)
        }
        self.previous: Final = {index: Root(layout, operand) for index, operand in layout.previous.items()}
        # What `previous` looks at, each after what it rests on: aggregates and series whose last value is remembered.
        self.in_order: Final[tuple[tuple[int, Series | Root], ...]] = tuple(
            sorted([*self.series.items(), *self.previous.items()], key=lambda pair: pair[0])
        )
        # The value of the window that ended last, by (operation, labels).
        self.before: Final[dict[tuple[int, Labels], SeriesValue]] = {}
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

    def _begin(self) -> None:
        for index in self.layout.joined:
            # What has no labels is held from the start on, whenever a combination of labels asks for it.
            self._signal(index, None, None)
        for index in self.layout.stateful:
            self.remembering(index, None if self.layout.names(index) else ())
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
            if labels and not source.records and self._source_name(index) == source.name:
                self._join(series, source, labels, restrict(labels, names))
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
        for index, parts in self._parts.items():
            node = self._across(index)
            part = restrict(labels, self.layout.names(node.operand))
            if part in parts or source.name not in self.layout.origins(node.operand):
                continue
            parts.append(part)
            for joined in self._joined[index]:
                if joined.takes(part):
                    joined.join(part)
                    if joined.watcher is not None:
                        self.joiners.append(joined.watcher)
        for argument, own, run in self._asking_idle:
            self._take_samples(argument, own, run)

    def _take_samples(self, argument: int, labels: Labels | None, run: TimeRun) -> None:
        for holder in self._holders(argument, labels):
            if isinstance(holder, Stream) and not any(taker is run for taker in holder.takers):
                holder.takers.append(run)

    def _across(self, index: int) -> Across:
        operation = self.layout.operations[index]
        assert isinstance(operation, Across)
        return operation

    def _source_name(self, index: int) -> str | None:
        source = self.layout.source_of(index)
        return None if source is None else source.name

    def _open(self, index: int, labels: Labels, begin: int) -> None:
        series = self.series[index]
        run = series.runs[labels] = self._new_run(index, labels, begin)
        ghost = series.ghost
        if isinstance(run, TimeRun) and isinstance(ghost, TimeRun):
            run.window, run.sampled = ghost.window, ghost.sampled
            run.gauge.copy_from(ghost.gauge)
        if run.window is not None:
            self.opened.append(run)

    def _new_run(self, index: int, labels: Labels | None, begin: int) -> Run:
        series, layout = self.series[index], self.layout
        kind, node = series.kind, series.kind.node
        if kind.function in OVER_TIME and node.argument is not None:
            gauge = gauge_for(node, unknown, kind.frames)
            gauge.read = self._signal(node.argument, labels, gauge)
            if node.where is not None:
                gauge.read = within(gauge.read, self._signal(node.where, labels, gauge))
            run = TimeRun(kind, labels or (), begin, gauge)
            if kind.asks_idle:
                self._asking_idle.append((node.argument, labels, run))
                self._take_samples(node.argument, labels, run)
            return run
        source = layout.source_of(index)
        if source is None:
            return SeriesRun(kind, labels or (), begin, self._inner(series, labels or ()))
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

    def _join(self, series: Series, source: Source, labels: Labels, own: Labels) -> None:
        run = series.runs.get(own)
        if not isinstance(run, SampleRun):
            return
        stream = self.inlets[source.name].stream(labels)
        where = series.kind.node.where
        reader = None if where is None else self._signal(where, labels, None)
        member = member_of(run, stream, self._member_gauge(series.kind, source, labels), reader)
        run.join(member, series.ghost_gauge)
        stream.takers.append(member)

    def _member_gauge(self, kind: Kind, source: Source, labels: Labels | None) -> Gauge:
        gauge = Gauge(unknown, kind.frames.kept, presence=True, rolling=kind.frames.looks_back)
        argument = kind.node.argument
        if argument is not None:
            gauge.read = self._signal(argument, labels, gauge)
        elif labels is not None:
            stream = self.inlets[source.name].stream(labels)
            stream.watchers.append(gauge)
            gauge.read = _position_reader(stream, 0)
        return gauge

    def _add_trigger(self, number: int, rule: Rule, labels: Labels, begin: int) -> None:
        trigger = Trigger(number, rule, labels, begin, self.changed.append)
        trigger.read = self._signal(rule.trigger, labels, trigger)
        self.triggers[number, labels] = trigger
        self.begun.append(trigger)

    # Signals

    def _signal(self, index: int, labels: Labels | None, watcher: Watcher | None) -> Reader:
        """The reader of a signal; the watcher is told when something that it reads changes."""

        told: list[Holder] = []

        def leaf(number: int) -> Reader:
            if number in self._parts:
                return self._joined_signal(number, labels, watcher).read
            holder = self._holder(number, labels)
            if holder is None:
                return unknown
            if watcher is not None and not any(holder is other for other in told):
                told.append(holder)
                holder.watchers.append(watcher)
            if isinstance(holder, Held):
                return holder.read
            operation = self.layout.operations[number]
            assert isinstance(operation, SourceField)
            position = self.inlets[operation.source].positions.get(operation.field)
            return unknown if position is None else _position_reader(holder, position)

        return bind(self.layout.operations, index, leaf)

    def _joined_signal(self, number: int, labels: Labels | None, watcher: Watcher | None) -> Joined:
        node = self._across(number)
        own = None if node.by and labels is None else restrict(labels or (), node.by)
        limit = None if node.limit is None else scalar(self.layout.operations, node.limit)
        joined = Joined(node, own, limit, lambda index, part: self._signal(index, part, watcher), watcher)
        self._joined[number].append(joined)
        for part in self._parts[number]:
            if joined.takes(part):
                joined.join(part)
                if watcher is not None:
                    self.joiners.append(watcher)
        return joined

    def _holders(self, index: int, labels: Labels | None) -> list[Holder]:
        found: list[Holder | None] = []
        for leaf in self.layout.leaves(index):
            if leaf not in self._parts:
                found.append(self._holder(leaf, labels))
                continue
            node = self._across(leaf)
            found += self._holders(node.operand, None)
            for part in self._parts[leaf]:
                if (labels is not None or not node.by) and restrict(part, node.by) == restrict(
                    labels or (), node.by
                ):
                    found += self._holders(node.operand, part)
        return [holder for holder in found if holder is not None]

    def _holder(self, number: int, labels: Labels | None) -> Holder | None:
        names = self.layout.names(number)
        operation = self.layout.operations[number]
        if isinstance(operation, Stateful):
            unseen = names and labels is None
            return self.remembering(number, None if unseen else restrict(labels or (), names))
        if names and labels is None:
            # What is said of verdicts is known before the first, whoever asks.
            start = _before_verdicts(operation)
            return None if start is None else Held((), start)
        own = restrict(labels or (), names)
        if isinstance(operation, SourceField):
            return self.inlets[operation.source].stream(own)
        return self.hold(number, own)

    def hold(self, number: int, labels: Labels) -> Held:
        """What a series or a verdict state is as a signal, for a label combination."""
        found = self.held.get((number, labels))
        if found is None:
            start = _before_verdicts(self.layout.operations[number])
            found = self.held[number, labels] = Held(labels, start)
        return found

    def tally(self, number: int, labels: Labels) -> Tally:
        """The count of verdicts at a position of the plan, for a label combination."""
        found = self.tallies.get((number, labels))
        if found is None:
            node = self.layout.operations[number]
            assert isinstance(node, VerdictCount)
            found = self.tallies[number, labels] = Tally(node)
        return found

    def count_verdict(self, number: int, labels: Labels, verdict: Verdict) -> int:
        """The count at a position of the plan once this verdict is added."""
        return self.tally(number, labels).add(verdict)

    def remembering(self, number: int, labels: Labels | None) -> PastSignal:
        """A signal that rests on the past, for a label combination; None for one that was not seen yet."""
        found = self.past.get((number, labels))
        if found is not None:
            return found
        operation = self.layout.operations[number]
        if isinstance(operation, Active):
            found = self._announcing(number, operation, labels or ())
        else:
            assert isinstance(operation, Stateful)
            found = condition_signal(number, labels or (), self.layout, operation)
            found.read_condition = self._signal(operation.condition, labels, found)
        self.past[number, labels] = found
        unseen = self.past.get((number, None))
        if labels and unseen is not None:
            found.copy_from(unseen)
        else:
            found.begin()
        self.added.append(found)
        if self._recording:
            found.changes = list(unseen.changes or ()) if unseen is not None else [(BEFORE, found.value)]
        return found

    def record_past(self) -> None:
        """From now on, signals that rest on the past keep all their values."""
        self._recording = True
        for signal in self.past.values():
            signal.changes = [(BEFORE, signal.value)]

    def _announcing(self, number: int, operation: Active, labels: Labels) -> ActiveSignal:
        layout, table = self.layout, self.tables[operation.source]
        start, end = bind_record(layout, operation.start, table), bind_record(layout, operation.end, table)
        where = (lambda: True) if operation.where is None else bind_record(layout, operation.where, table)
        found = ActiveSignal(number, labels, table, (start, end, where))
        self.announced.setdefault(operation.source, []).append(found)
        return found

    def recent_verdicts(self, number: int, labels: Labels, last: int) -> deque[str]:
        """The last verdicts that a verdict state looks at."""
        return self.recent.setdefault((number, labels), deque(maxlen=last))


def _position_reader(stream: Stream, position: int) -> Reader:
    return partial(stream.values.__getitem__, position)


def _before_verdicts(operation: Operation) -> Value:
    """What a state or a count of verdicts is before the first (M25, M62); None for anything else."""
    match operation:
        case VerdictState():
            return False
        case VerdictCount():
            return 0
        case _:
            return None
