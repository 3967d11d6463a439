"""Windows that look back, in panes: stretches which such windows hold whole or not at all, so that nothing is scanned.

What can be added up and taken away again is kept as one total of all panes; of what is least or greatest only the
panes that can still win are looked at; everything else is put together anew when it is asked for.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.bucketed import Bucketed
from wsla.evaluation.stream.collectors import Collector, Count, Extreme, Share, Total
from wsla.evaluation.stream.exact import divide
from wsla.evaluation.stream.frames import Frames
from wsla.evaluation.stream.more_collectors import Variance
from wsla.evaluation.stream.windows import Kind

_ADDED_UP: Final = (Count, Total, Share, Variance, Bucketed)
_NEVER: Final = -(1 << 63)


class Pane:
    """The samples before ``end`` and after the pane before; there is one only where there are samples."""

    __slots__ = ("collector", "end", "saved")

    def __init__(self, end: int, gathered: Collector) -> None:
        self.end: Final = end
        self.collector: Final = gathered
        # As JSON holds it, once nothing is added any more.
        self.saved: list[object] = []


class SamplePanes:
    """The samples of a window that looks back, for one function."""

    __slots__ = ("_additive", "_best", "_frames", "_kind", "_panes", "_start", "end", "whole")

    def __init__(self, kind: Kind) -> None:
        self._kind: Final = kind
        self._frames: Final[Frames] = kind.frames
        self._panes: Final[deque[Pane]] = deque()
        # All panes but the latest: their total, or of the panes that can still be the best, the best first.
        self.whole: Collector = self._fresh()
        self._additive: Final = isinstance(self.whole, _ADDED_UP)
        self._best: Final[deque[Pane] | None] = deque() if isinstance(self.whole, Extreme) else None
        # The latest pane's time.
        self._start = self.end = _NEVER

    def _fresh(self) -> Collector:
        return self._kind.collector()

    def __bool__(self) -> bool:
        """True where there was a sample, known or not."""
        return bool(self._panes)

    def at(self, instant: int) -> Collector:
        """What gathers the samples of an instant, which is not before the latest."""
        if instant >= self.end:
            self._close()
            self.end = self._frames.pane_end(instant)
            self._panes.append(Pane(self.end, self._fresh()))
        return self._panes[-1].collector

    def _close(self) -> None:
        """The latest pane is over: another one begins."""
        if not self._panes:
            return
        latest = self._panes[-1]
        latest.saved = [latest.end, *latest.collector.save()]
        if self._additive:
            self.whole.plus(latest.collector)  # type: ignore[attr-defined]
        elif self._best is not None:
            self._keep_best(self._best, latest)

    @staticmethod
    def _keep_best(best: deque[Pane], latest: Pane) -> None:
        found: Any = latest.collector
        if found.best is None:
            return
        while best:
            other: Any = best[-1].collector
            if other.best > found.best if found.greatest else other.best < found.best:
                break
            best.pop()
        best.append(latest)

    def drop(self, low: int) -> None:
        """Forgets the samples before ``low``, where a window begins."""
        panes = self._panes
        while panes and panes[0].end <= low:
            dropped = panes.popleft()
            if not panes:
                # It was the latest, which is not in the total.
                self.end = _NEVER
                self.whole = self._fresh()
                if self._best is not None:
                    self._best.clear()
                return
            if self._additive:
                self.whole.minus(dropped.collector)  # type: ignore[attr-defined]
            elif self._best and self._best[0] is dropped:
                self._best.popleft()

    def gathered(self) -> Collector:
        """All samples together; not to be changed."""
        found = self._fresh()
        if not self._panes:
            return found
        if self._additive:
            found.plus(self.whole)  # type: ignore[attr-defined]
        elif self._best is None:
            return self.since(_NEVER)
        elif self._best:
            found.plus(self._best[0].collector)  # type: ignore[attr-defined]
        found.plus(self._panes[-1].collector)  # type: ignore[attr-defined]
        return found

    def result(self) -> Value:
        """What the function is of all samples together."""
        whole = self.whole
        if type(whole) is not Total or not self._panes:
            return self.gathered().result()
        latest: Any = self._panes[-1].collector
        number = whole.number + latest.number
        if not number or whole.unbounded or latest.unbounded:
            return None
        total = whole.total + latest.total
        return divide(total, number) if whole.mean else total

    def since(self, low: int) -> Collector:
        """The samples from ``low`` on, where a window begins."""
        found = self._fresh()
        for pane in self._panes:
            if pane.end > low:
                found.plus(pane.collector)  # type: ignore[attr-defined]
        return found

    def save(self) -> list[object]:
        """The panes as JSON holds them."""
        if not self._panes:
            return []
        latest = self._panes[-1]
        saved = [pane.saved for pane in self._panes if pane is not latest]
        return [*saved, [latest.end, *latest.collector.save()]]

    def load(self, saved: list[Any]) -> None:
        """What ``save`` gave, into fresh panes."""
        for end, *gathered in saved:
            self._close()
            pane = Pane(end, self._fresh())
            pane.collector.load(gathered)
            self._panes.append(pane)
            self.end = end


class TimePanes:
    """How long a signal was known, how long it was cut out and how much it was worth, in a window that looks back."""

    __slots__ = ("_frames", "panes")

    def __init__(self, frames: Frames) -> None:
        self._frames: Final = frames
        # The end of each with its numbers, in order; only those with something to count.
        self.panes: deque[tuple[int, int, int, Any]] = deque()

    @property
    def end(self) -> int:
        """Where the latest pane ends; nothing comes before it any more."""
        return self.panes[-1][0] if self.panes else _NEVER

    def ends(self, start: int, end: int) -> list[int]:
        """Where the stretch ``[start, end)`` is to be cut, its end among them."""
        upto = self._frames.pane_end(start)
        found = []
        while upto < end:
            found.append(upto)
            upto = self._frames.pane_end(upto)
        found.append(end)
        return found

    def add(self, start: int, known: int, cut: int, area: Any) -> None:
        """Counts a stretch that begins at ``start`` and lies within one pane."""
        panes = self.panes
        if panes and start < panes[-1][0]:
            end, before, away, worth = panes.pop()
            panes.append((end, before + known, away + cut, worth + area))
        else:
            panes.append((self._frames.pane_end(start), known, cut, area))

    def drop(self, low: int) -> tuple[int, int, Any]:
        """Forgets what was before ``low``, where a window begins; gives what that came to."""
        panes = self.panes
        known, cut, area = 0, 0, 0
        while panes and panes[0][0] <= low:
            _, before, away, worth = panes.popleft()
            known += before
            cut += away
            area += worth
        return known, cut, area

    def known_since(self, low: int) -> int:
        """The known time from ``low`` on, where a window begins."""
        return sum(known for end, known, _, _ in self.panes if end > low)

    def copy(self) -> TimePanes:
        """The same, on its own."""
        found = TimePanes(self._frames)
        found.panes = self.panes.copy()
        return found
