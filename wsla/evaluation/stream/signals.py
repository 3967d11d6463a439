"""What signals read, for each label combination: streams, what is held, joined, counted and remembered."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Final

from wsla.analysis.operations import (
    Across,
    Active,
    Elapsed,
    Operation,
    SourceField,
    Stateful,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.evaluation.stream.inlets import Held, Holder, Inlet, Stream, Watcher
from wsla.evaluation.stream.joined import Joined
from wsla.evaluation.stream.layout import Layout, restrict
from wsla.evaluation.stream.past import BEFORE, ActiveSignal, PastSignal, condition_signal
from wsla.evaluation.stream.pointwise import Reader, bind, scalar, unknown
from wsla.evaluation.stream.records import RecordTable, bind_record
from wsla.evaluation.stream.tallies import Tally
from wsla.evaluation.verdicts import Labels, Verdict


class Signals:
    """Builds and holds what signals read, for a plan from ``start`` on."""

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
        # Records that announce times are looked at before the windows that end; the tables of those that windows
        # look at stay as they were until then.
        self.announcing: Final[dict[str, RecordTable]] = {} if layout.outages else self.tables
        self.held: Final[dict[tuple[int, Labels], Held]] = {}
        # Signals that rest on the past, by label combination; None for those that were not seen yet.
        self.past: Final[dict[tuple[int, Labels | None], PastSignal]] = {}
        self.announced: Final[dict[str, list[ActiveSignal]]] = {}
        self.added: Final[list[PastSignal]] = []
        self._recording = False
        self.recent: Final[dict[tuple[int, Labels], deque[str]]] = {}
        self.tallies: Final[dict[tuple[int, Labels], Tally]] = {}
        self.joined: Final[dict[int, list[Joined]]] = {index: [] for index in layout.joined}
        # The label combinations that are joined in each, and who watches something that one has joined.
        self.parts: Final[dict[int, list[Labels]]] = {index: [] for index in layout.joined}
        self.joiners: Final[list[Watcher]] = []

    def signal(self, index: int, labels: Labels | None, watcher: Watcher | None) -> Reader:
        """The reader of a signal; the watcher is told when something that it reads changes."""

        told: list[Holder] = []

        def leaf(number: int) -> Reader:
            if number in self.parts:
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
            return unknown if position is None else position_reader(holder, position)

        return bind(self.layout.operations, index, leaf)

    def _joined_signal(self, number: int, labels: Labels | None, watcher: Watcher | None) -> Joined:
        node = self.across(number)
        own = None if node.by and labels is None else restrict(labels or (), node.by)
        limit = None if node.limit is None else scalar(self.layout.operations, node.limit)
        joined = Joined(node, own, limit, lambda index, part: self.signal(index, part, watcher), watcher)
        self.joined[number].append(joined)
        for part in self.parts[number]:
            if joined.takes(part):
                joined.join(part)
                if watcher is not None:
                    self.joiners.append(watcher)
        return joined

    def holders(self, index: int, labels: Labels | None) -> list[Holder]:
        found: list[Holder | None] = []
        for leaf in self.layout.leaves(index):
            if leaf not in self.parts:
                found.append(self._holder(leaf, labels))
                continue
            node = self.across(leaf)
            found += self.holders(node.operand, None)
            for part in self.parts[leaf]:
                if (labels is not None or not node.by) and restrict(part, node.by) == restrict(
                    labels or (), node.by
                ):
                    found += self.holders(node.operand, part)
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
            found.read_condition = self.signal(operation.condition, labels, found)
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
        layout, table = self.layout, self._announcing_table(operation.source)
        start, end = bind_record(layout, operation.start, table), bind_record(layout, operation.end, table)
        where = (lambda: True) if operation.where is None else bind_record(layout, operation.where, table)
        found = ActiveSignal(number, labels, table, (start, end, where))
        self.announced.setdefault(operation.source, []).append(found)
        return found

    def _announcing_table(self, source: str) -> RecordTable:
        if source not in self.announcing:
            self.announcing[source] = self.tables[source].empty_copy()
        return self.announcing[source]

    def recent_verdicts(self, number: int, labels: Labels, last: int) -> deque[str]:
        """The last verdicts that a verdict state looks at."""
        return self.recent.setdefault((number, labels), deque(maxlen=last))

    def across(self, index: int) -> Across:
        operation = self.layout.operations[index]
        assert isinstance(operation, Across)
        return operation


def position_reader(stream: Stream, position: int) -> Reader:
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
