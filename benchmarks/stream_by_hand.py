"""What a programmer would write by hand for the three goals of `stream.py`: panes, exact deques, numpy micro-batches.

Each answers, for every machine, the mean of the last hour at every tick of five minutes, the 95th percentile of every
five minutes, and the availability of every day. Instants and latencies are whole numbers; there are no gaps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

MINUTE = 60_000_000_000
SLICE = 5 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Answer = tuple[str, str, int, int, int]
"""Which number, of which machine, in the window with which end, as a quotient."""


class Panes:
    """One machine: twelve panes of five minutes, the values of the current one, the day's good and bad time."""

    __slots__ = ("answers", "bad", "good", "last", "name", "next", "number", "ok", "panes", "total", "values")

    def __init__(self, name: str, answers: list[Answer]) -> None:
        self.name = name
        self.answers = answers
        self.values: list[int] = []
        self.panes: deque[tuple[int, int]] = deque(maxlen=HOUR // SLICE)
        self.total = self.number = 0
        self.good = self.bad = self.last = self.next = 0
        self.ok = True

    def observe(self, at: int, ok: bool, latency: int) -> None:
        if at >= self.next:
            self.close(at)
        if self.ok:
            self.good += at - self.last
        else:
            self.bad += at - self.last
        self.last = at
        self.ok = ok
        self.values.append(latency)
        self.total += latency

    def close(self, at: int) -> None:
        if not self.next:
            self.last = at
            self.next = at // SLICE * SLICE + SLICE
            return
        while at >= self.next:
            end, values = self.next, self.values
            self.panes.append((self.total, self.number or len(values)))
            if values:
                values.sort()
                self.answers.append(("p95", self.name, end, values[-(-len(values) * 95 // 100) - 1], 1))
            total, number = map(sum, zip(*self.panes, strict=True))
            self.answers.append(("mean", self.name, end, total, number))
            self.total = self.number = 0
            values.clear()
            if end % DAY == 0:
                if self.ok:
                    self.good += end - self.last
                else:
                    self.bad += end - self.last
                self.last = end
                self.answers.append(("uptime", self.name, end, self.good, self.good + self.bad))
                self.good = self.bad = 0
            self.next = end + SLICE


class Deques(Panes):
    """The same with every sample of the last hour kept, and a running sum."""

    __slots__ = ("hour", "sum")

    def __init__(self, name: str, answers: list[Answer]) -> None:
        super().__init__(name, answers)
        self.hour: deque[tuple[int, int]] = deque()
        self.sum = 0

    def observe(self, at: int, ok: bool, latency: int) -> None:
        if at >= self.next:
            self.close(at)
        if self.ok:
            self.good += at - self.last
        else:
            self.bad += at - self.last
        self.last = at
        self.ok = ok
        self.values.append(latency)
        self.hour.append((at, latency))
        self.sum += latency

    def close(self, at: int) -> None:
        if self.next and at >= self.next:
            hour = self.hour
            while hour and hour[0][0] < self.next - HOUR:
                self.sum -= hour.popleft()[1]
            # The one pane that the class above then adds up is the hour.
            self.panes.clear()
            self.total, self.number = self.sum, len(hour)
        super().close(at)


Row = tuple[str, int, bool, int]


def one_by_one(kind: type[Panes], rows: Sequence[Row]) -> list[Answer]:
    """The answers of a program that takes one observation at a time."""
    answers: list[Answer] = []
    machines: dict[str, Panes] = {}
    for name, at, ok, latency in rows:
        found = machines.get(name)
        if found is None:
            found = machines[name] = kind(name, answers)
        found.observe(at, ok, latency)
    return answers


class MicroBatches:
    """All machines at once, in numpy: what falls between two ticks is added up by machine."""

    def __init__(self, names: Sequence[str]) -> None:
        import numpy

        self.np: Any = numpy
        self.names = names
        count = len(names)
        self.panes: deque[Any] = deque(maxlen=HOUR // SLICE)
        self.total = numpy.zeros(count, numpy.int64)
        self.number = numpy.zeros(count, numpy.int64)
        self.good = numpy.zeros(count, numpy.int64)
        self.bad = numpy.zeros(count, numpy.int64)
        self.last = numpy.full(count, -1, numpy.int64)
        self.ok = numpy.zeros(count, bool)
        self.values: list[Any] = []
        self.next = 0
        self.answers: list[Any] = []

    def observe(self, machine: Any, at: Any, ok: Any, latency: Any) -> None:
        """Columns in order of time: numbers of machines, instants, truths, latencies."""
        np = self.np
        if not self.next:
            self.next = int(at[0]) // SLICE * SLICE + SLICE
        done = 0
        while done < len(at):
            end = done + int(np.searchsorted(at[done:], self.next))
            if end > done:
                part = slice(done, end)
                self._add(machine[part], at[part], ok[part], latency[part])
            if end < len(at):
                self._close()
            done = end

    def _add(self, machine: Any, at: Any, ok: Any, latency: Any) -> None:
        np, count = self.np, len(self.names)
        self.total += np.bincount(machine, latency, count).astype(np.int64)
        self.number += np.bincount(machine, minlength=count)
        self.values.append((machine, latency))
        order = np.argsort(machine, kind="stable")
        who, when, state = machine[order], at[order], ok[order]
        first = np.empty(len(who), bool)
        first[0] = True
        first[1:] = who[1:] != who[:-1]
        before = np.empty_like(when)
        before[1:] = when[:-1]
        held = np.empty_like(state)
        held[1:] = state[:-1]
        known = self.last[who[first]]
        before[first] = np.where(known < 0, when[first], known)
        held[first] = self.ok[who[first]]
        length = when - before
        self.good += np.bincount(who, length * held, count).astype(np.int64)
        self.bad += np.bincount(who, length * ~held, count).astype(np.int64)
        final = np.append(np.flatnonzero(first)[1:], len(who)) - 1
        self.last[who[final]] = when[final]
        self.ok[who[final]] = state[final]

    def _close(self) -> None:
        np, end = self.np, self.next
        machine = np.concatenate([part for part, _ in self.values])
        latency = np.concatenate([part for _, part in self.values])
        order = np.lexsort((latency, machine))
        machine, latency = machine[order], latency[order]
        ends = np.cumsum(self.number)
        rank = -(-self.number * 95 // 100) - 1
        seen = self.number > 0
        self.answers.append(("p95", end, seen, latency[(ends - self.number + rank)[seen]], None))
        self.panes.append((self.total.copy(), self.number.copy()))
        total = sum(part for part, _ in self.panes)
        self.answers.append(("mean", end, seen, total, sum(part for _, part in self.panes)))
        self.total[:] = self.number[:] = 0
        self.values.clear()
        if end % DAY == 0:
            length = end - self.last
            self.good += length * self.ok
            self.bad += length * ~self.ok
            self.last[:] = end
            self.answers.append(("uptime", end, seen, self.good.copy(), self.good + self.bad))
            self.good[:] = self.bad[:] = 0
        self.next = end + SLICE

    def listed(self) -> list[Answer]:
        """The answers in the form of the other programs."""
        found: list[Answer] = []
        for kind, end, seen, above, below in self.answers:
            numbers = self.np.flatnonzero(seen)
            upper = above if kind == "p95" else above[seen]
            lower = self.np.ones_like(upper) if below is None else below[seen]
            found += [
                (kind, self.names[i], end, int(a), int(b))
                for i, a, b in zip(numbers, upper, lower, strict=True)
            ]
        return found


class Rolling:
    """S3 by hand: sixty panes a window, the mean and the greatest of the window at every tick."""

    def __init__(self, length: int) -> None:
        self.pane = length // 60
        self.panes: deque[tuple[int, int, int]] = deque(maxlen=60)
        self.total = self.number = self.greatest = self.next = 0
        self.answers: list[Answer] = []

    def observe(self, at: int, latency: int) -> None:
        if at >= self.next:
            self._close(at)
        self.total += latency
        self.number += 1
        self.greatest = max(self.greatest, latency)

    def _close(self, at: int) -> None:
        if not self.next:
            self.next = at // self.pane * self.pane + self.pane
            return
        while at >= self.next:
            self.panes.append((self.total, self.number, self.greatest))
            total = sum(pane[0] for pane in self.panes)
            number = sum(pane[1] for pane in self.panes)
            self.answers.append(("mean", "", self.next, total, number))
            self.answers.append(("max", "", self.next, max(pane[2] for pane in self.panes), 1))
            self.total = self.number = self.greatest = 0
            self.next += self.pane
