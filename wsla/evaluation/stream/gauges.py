"""A signal watched through windows: how long it was known in the kept time, and how much it was worth.

The area is the integral over known time: for a truth the true nanoseconds, for a number value times nanoseconds.
"""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.kept import KeptTime
from wsla.evaluation.stream.panes import TimePanes
from wsla.evaluation.stream.pointwise import Reader

CUT: Final = "cut"
"""The value of a signal in time that is not looked at at all (M50)."""


def within(argument: Reader, where: Reader) -> Reader:
    """A signal in the time in which a condition is true: cut where that is false, unknown where that is."""

    def read() -> Value:
        inside = where()
        if inside is True:
            return argument()
        return None if inside is None else CUT

    return read


LONG_AGO: Final = -(1 << 63)
"""Before every instant: where there is no window yet."""


class Gauge:
    """One signal in the window ``[low, high)``. With ``panes`` the window can move on; with ``stretches`` it is
    known too what the signal was when.

    ``presence`` asks only whether the signal is known. ``cut`` is the length of kept time that ``where`` has cut out.
    """

    __slots__ = (
        "area",
        "cut",
        "high",
        "kept",
        "known",
        "low",
        "panes",
        "presence",
        "read",
        "since",
        "stretches",
        "value",
    )

    def __init__(
        self,
        read: Reader,
        kept: KeptTime,
        *,
        presence: bool,
        panes: TimePanes | None = None,
        stretches: bool = False,
    ) -> None:
        self.read = read
        self.kept = kept
        self.presence = presence
        self.value: Value = None
        self.since = 0
        self.low = 0
        self.high = 0
        self.known = 0
        self.cut = 0
        self.area: Any = 0
        self.panes = panes
        self.stretches: deque[tuple[int, int, Any]] | None = deque() if stretches else None

    def begin(self, low: int, high: int) -> None:
        """The first window."""
        self.low = self.since = low
        self.high = high
        self.value = self.read()

    def refresh(self, at: int) -> None:
        """Looks again at the signal, whose new value holds from ``at``."""
        new = self.read()
        old = self.value
        if new is old:
            return
        if self.presence:
            if new is None or old is None:
                self.flush(at)
        elif new != old:
            self.flush(at)
        self.value = new

    def flush(self, at: int) -> None:
        """Counts the time up to ``at``, in which the value did not change."""
        since = self.since
        if at <= since:
            return
        self.since = at
        value = self.value
        if value is None:
            return
        start = since if since > self.low else self.low
        end = at if at < self.high else self.high
        if start >= end:
            return
        weight = 1 if self.presence else value
        if self.panes is not None:
            if end <= self.panes.end:
                self._add(start, end, weight)
                return
            for upto in self.panes.ends(start, end):
                self._add(start, upto, weight)
                start = upto
            return
        self._add(start, end, weight)
        stretches = self.stretches
        if stretches is not None:
            if stretches and stretches[-1][1] == start and stretches[-1][2] == weight:
                start = stretches.pop()[0]
            stretches.append((start, end, weight))

    def _add(self, start: int, end: int, weight: Any) -> None:
        length = end - start if self.kept.everything else self.kept.measure(start, end)
        known, cut, area = (0, length, 0) if isinstance(weight, str) else (length, 0, weight * length)
        self.known += known
        self.cut += cut
        self.area += area
        if self.panes is not None and length:
            self.panes.add(start, known, cut, area)

    def shift(self, low: int, high: int) -> None:
        """The next window: a tumbling one starts empty, a rolling one drops what it has left behind."""
        self.low, self.high = low, high
        if self.panes is not None:
            known, cut, area = self.panes.drop(low)
            self.known -= known
            self.cut -= cut
            self.area -= area
            return
        stretches = self.stretches
        if stretches is None:
            self.known = self.cut = 0
            self.area = 0
            return
        while stretches and stretches[0][0] < low:
            start, end, weight = stretches.popleft()
            length = self.kept.measure(start, min(end, low))
            if isinstance(weight, str):
                self.cut -= length
            else:
                self.known -= length
                self.area -= weight * length
            if end > low:
                stretches.appendleft((low, end, weight))

    def ahead(self, low: int, high: int) -> Gauge:
        """What is counted already of a window to come, which begins before this one has ended."""
        found = copy(self)
        found.copy_from(self)
        found.shift(low, high)
        return found

    def known_since(self, low: int) -> int:
        """The known time from ``low`` on, where a later window begins."""
        return 0 if self.panes is None else self.panes.known_since(low)

    def copy_from(self, other: Gauge) -> None:
        """Takes over what another gauge of the same windows has counted."""
        self.low, self.high, self.since = other.low, other.high, other.since
        self.value, self.known, self.cut, self.area = other.value, other.known, other.cut, other.area
        if other.stretches is not None:
            self.stretches = deque(other.stretches)
        if other.panes is not None:
            self.panes = other.panes.copy()

    def save(self) -> list[object]:
        """The gauge as JSON holds it."""
        stretches = None
        if self.stretches is not None:
            stretches = [[start, end, text_of(weight)] for start, end, weight in self.stretches]
        numbers = [self.since, self.low, self.high, self.known, self.cut]
        panes = None
        if self.panes is not None:
            panes = list(self.panes.panes)
        return [text_of(self.value), *numbers, text_of(self.area), stretches, panes]

    def load(self, saved: list[Any]) -> None:
        """What ``save`` gave."""
        value, self.since, self.low, self.high, self.known, self.cut, area, stretches, panes = saved
        self.value, self.area = value_of(value), value_of(area)
        if stretches is not None:
            self.stretches = deque((start, end, value_of(weight)) for start, end, weight in stretches)
        if panes is not None and self.panes is not None:
            self.panes.panes = deque((end, known, cut, value_of(area)) for end, known, cut, area in panes)
