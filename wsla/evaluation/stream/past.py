"""Signals that rest on the past: what each remembers, and when it changes by itself.

A signal may look at one instant several times, as more becomes known of it: the last look stands. So what it knew
before that instant is kept beside what it knows with it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from heapq import heappop, heappush
from math import ceil
from typing import Any, Final, assert_never

from wsla.analysis.operations import Active, Debounced, Limited, Stateful, Sustained, Value
from wsla.evaluation.stream.inlets import Held, Holder, Watcher
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.pointwise import Reader, unknown
from wsla.evaluation.stream.records import RecordTable
from wsla.evaluation.verdicts import Labels
from wsla.values.calendars import window_containing
from wsla.values.instants import Interval

BEFORE: Final = -(1 << 63)
NOT_SHOWN: Final = "not shown"
"""What those who watch a signal have seen of it before it was looked at."""


Changes = list[tuple[int, Value]]
"""Instants from which a signal has a value, in order."""


class PastSignal(Held, ABC):
    """A signal that remembers. ``due`` is the instant at which it changes next if nothing else does."""

    __slots__ = ("awaited", "changes", "due", "index", "shown")

    def __init__(self, index: int, labels: Labels) -> None:
        super().__init__(labels, None)
        self.index: Final = index
        self.shown: Value = NOT_SHOWN
        self.due: int | None = None
        # The change for which somebody waits already.
        self.awaited: int | None = None
        # Where it is recorded: what was seen, and from when on.
        self.changes: Changes | None = None

    @abstractmethod
    def refresh(self, at: int) -> None:
        """Looks at what it rests on, which is so from ``at`` on."""

    def begin(self) -> None:
        """What is so from the beginning of time."""
        self.refresh(BEFORE)

    def copy_from(self, other: PastSignal) -> None:
        """Takes over what another signal of the same formula remembers."""
        self.load(other.save())
        self.shown = NOT_SHOWN

    @abstractmethod
    def save(self) -> list[Any]:
        """The signal as JSON holds it."""

    @abstractmethod
    def load(self, saved: list[Any]) -> None:
        """What ``save`` gave."""


Memory = list[Any]
"""What a condition's past comes down to, as JSON holds it; never changed in place."""


class ConditionSignal(PastSignal):
    """A signal that rests on the past of one condition."""

    __slots__ = ("earlier", "looked", "memory", "read_condition")

    def __init__(self, index: int, labels: Labels) -> None:
        super().__init__(index, labels)
        self.read_condition: Reader = unknown
        self.looked = BEFORE - 1
        self.earlier: Memory | None = None
        self.memory: Memory | None = None

    def refresh(self, at: int) -> None:
        if at > self.looked:
            self.earlier, self.looked = self.memory, at
        self.memory = self.remember(self.earlier, at, self.read_condition())
        self.value, self.due = self.look(self.memory, at)

    @abstractmethod
    def remember(self, earlier: Memory | None, at: int, condition: Value) -> Memory:
        """What is known with the condition's value from ``at`` on; ``earlier`` is what was known before."""

    @abstractmethod
    def look(self, memory: Memory, at: int) -> tuple[Value, int | None]:
        """The signal's value at an instant, and when it changes next if the condition does not."""

    def save(self) -> list[Any]:
        return [self.value, self.shown, self.due, self.looked, self.earlier, self.memory]

    def load(self, saved: list[Any]) -> None:
        self.value, self.shown, self.due, self.looked, self.earlier, self.memory = saved


class SustainedSignal(ConditionSignal):
    """``sustained``: remembers the condition, and when it was last false and last unknown (M46)."""

    __slots__ = ("length",)

    def __init__(self, index: int, labels: Labels, node: Sustained) -> None:
        super().__init__(index, labels)
        self.length: Final = node.length

    def remember(self, earlier: Memory | None, at: int, condition: Value) -> Memory:
        if earlier is None:
            return [condition, None, None]
        before, false_until, unknown_until = earlier
        if before is False and condition is not False:
            false_until = at
        elif before is None and condition is not None:
            unknown_until = at
        return [condition, false_until, unknown_until]

    def look(self, memory: Memory, at: int) -> tuple[Value, int | None]:
        condition, false_until, unknown_until = memory
        ends = [None if end is None else end + self.length for end in (false_until, unknown_until)]
        due = min((end for end in ends if end is not None and end > at), default=None)
        if condition is False or (ends[0] is not None and at < ends[0]):
            return False, due
        if condition is None or (ends[1] is not None and at < ends[1]):
            return None, due
        return True, due


class DebouncedSignal(ConditionSignal):
    """``debounced``: remembers its own value, the condition, and since when that is so (M47)."""

    __slots__ = ("down", "up")

    def __init__(self, index: int, labels: Labels, node: Debounced) -> None:
        super().__init__(index, labels)
        self.down: Final = node.down
        self.up: Final = node.up

    def remember(self, earlier: Memory | None, at: int, condition: Value) -> Memory:
        if earlier is None:
            return [condition, condition, at]
        own, _ = self.look(earlier, at)
        _, before, since = earlier
        return [condition if own is None else own, condition, since if condition is before else at]

    def look(self, memory: Memory, at: int) -> tuple[Value, int | None]:
        own, condition, since = memory
        if condition is None or condition is own:
            return own, None
        due = since + (self.up if condition else self.down)
        return (condition, None) if at >= due else (own, due)


class LimitedSignal(ConditionSignal):
    """``limited``: remembers the condition and how much of the budget was used in the window of an instant (M48)."""

    __slots__ = ("length", "term_end", "term_start", "window")

    def __init__(self, index: int, labels: Labels, node: Limited, layout: Layout) -> None:
        super().__init__(index, labels)
        self.length: Final = node.length
        self.window: Final = node.window
        self.term_start: Final = layout.plan.effective_start
        self.term_end: Final = layout.plan.effective_end

    def remember(self, earlier: Memory | None, at: int, condition: Value) -> Memory:
        return [condition, at, 0 if earlier is None else self._used(earlier, at, self._window_of(at))]

    def look(self, memory: Memory, at: int) -> tuple[Value, int | None]:
        condition = memory[0]
        if condition is False:
            return False, None
        if at == BEFORE:
            # Nothing is counted before the term.
            return condition, self.term_start
        window = self._window_of(at)
        used = self._used(memory, at, window)
        if used >= self.length:
            return False, window.end
        if condition is None:
            return None, None
        used_up = max(at, self.term_start) + self.length - used
        never = self.term_end is not None and used_up > self.term_end
        return condition, window.end if never else min(used_up, window.end)

    def _window_of(self, at: int) -> Interval:
        return window_containing(self.window, at)

    def _used(self, memory: Memory, at: int, window: Interval) -> int:
        """How long the condition was true in a window before ``at``, which lies in it."""
        condition, since, used = memory
        low = max(window.start, self.term_start)
        if since < low:
            used, since = 0 if since < window.start else used, low
        end = at if self.term_end is None else min(at, self.term_end)
        total: int = used + max(0, end - since) if condition is True else used
        return total


class ActiveSignal(PastSignal):
    """``active``: remembers the records whose time is not over (M49)."""

    __slots__ = ("_end", "_start", "_where", "entries", "table")

    def __init__(
        self, index: int, labels: Labels, table: RecordTable, readers: tuple[Reader, Reader, Reader]
    ) -> None:
        super().__init__(index, labels)
        self.table: Final = table
        self._start, self._end, self._where = readers
        # By the record's key: its place among all rows, whether its condition holds, and from when until when.
        self.entries: Final[dict[object, tuple[int, Value, int, int]]] = {}

    def accept(self) -> None:
        """Takes in the row that the table has accepted last."""
        record = self.table.accepted
        assert record is not None
        self.entries.pop(record.key, None)
        if record.labels != self.labels:
            return
        self.table.take(record)
        holds = self._where()
        start: Any = self._start()
        end: Any = self._end()
        if holds is not False and start is not None and end is not None and start < end:
            self.entries[record.key] = (record.order, holds, ceil(start), ceil(end))

    def refresh(self, at: int) -> None:
        entries = self.entries
        for key in [key for key, (_, _, _, end) in entries.items() if end <= at]:
            del entries[key]
        found = [holds for _, holds, start, _ in entries.values() if start <= at]
        self.value = True if True in found else None if found else False
        edges = [x for _, _, start, end in entries.values() for x in (start, end) if x > at]
        self.due = min(edges, default=None)

    def copy_from(self, other: PastSignal) -> None:
        """Nothing: a label combination that was not seen has no records."""

    def save(self) -> list[Any]:
        entries = [[None if isinstance(key, tuple) else key, *entry] for key, entry in self.entries.items()]
        return [self.value, self.shown, self.due, entries]

    def load(self, saved: list[Any]) -> None:
        self.value, self.shown, self.due, entries = saved
        self.entries.clear()
        for key, order, holds, start, end in entries:
            self.entries[("row", order) if key is None else key] = (order, holds, start, end)


def condition_signal(index: int, labels: Labels, layout: Layout, node: Stateful) -> ConditionSignal:
    """What remembers for such an operation."""
    match node:
        case Sustained():
            return SustainedSignal(index, labels, node)
        case Debounced():
            return DebouncedSignal(index, labels, node)
        case Limited():
            return LimitedSignal(index, labels, node, layout)
        case Active():
            raise TypeError("records are no condition")
        case _:
            assert_never(node)


def look_again(changed: list[Holder], at: int, *, final: bool) -> tuple[list[Watcher], list[PastSignal]]:
    """Looks at all signals that rest on what has changed, or are due, those that others rest on first.

    Gives who else is to look, and the signals that were looked at. Unless ``final``, the instant is
    looked at again later: then nobody counts on what is seen now.
    """
    watchers: dict[int, Watcher] = {}
    waiting: list[tuple[int, int, PastSignal]] = []
    looked: dict[int, PastSignal] = {}

    def wait_for(signal: PastSignal) -> None:
        if id(signal) not in looked:
            looked[id(signal)] = signal
            heappush(waiting, (signal.index, len(looked), signal))

    def tell(holder: Holder) -> None:
        for watcher in holder.watchers:
            if isinstance(watcher, PastSignal):
                wait_for(watcher)
            else:
                watchers[id(watcher)] = watcher

    for holder in changed:
        if isinstance(holder, PastSignal):
            wait_for(holder)
        else:
            tell(holder)
    while waiting:
        _, _, signal = heappop(waiting)
        signal.refresh(at)
        if signal.value is not signal.shown:
            # What is foreseen was shown to some only, so the last look is shown to all, whatever it sees.
            signal.shown = signal.value if final else NOT_SHOWN
            if final and signal.changes is not None:
                signal.changes.append((at, signal.value))
            tell(signal)
    return list(watchers.values()), list(looked.values())
