"""The windows, still to end, of a series that an outer aggregate looks at (rules M15 and M58)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wsla.evaluation.stream.algebra import UNKNOWN_NUMBER, UNKNOWN_TRUTH, ZERO
from wsla.evaluation.stream.judging import Root
from wsla.evaluation.stream.layout import Layout, operands
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_series import Item
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.point import Point
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.instants import Interval

if TYPE_CHECKING:
    from wsla.evaluation.stream.wiring import Run, Series, Wiring


def _below(layout: Layout, index: int) -> frozenset[int]:
    """The operations that a formula over series combines, itself among them."""
    return frozenset({index}).union(*(_below(layout, x) for x in operands(layout.operations[index])))


class Inner:
    """The windows, still to end, of the series that an outer aggregate looks at."""

    def __init__(
        self, wiring: Wiring, series: Series, labels: Labels, runs: Callable[[], dict[int, Run]]
    ) -> None:
        self._wiring: Final = wiring
        self._series: Final = series
        self._labels: Final = labels
        self._runs: Final = runs
        # Each window to come with the one before it, from the one that ends next on.
        self._chain: dict[Interval, Interval] = {}
        self._chain_from: Interval | None = None
        below = () if series.argument is None else _below(wiring.layout, series.argument.index)
        self._previous: Final = tuple(index for index in wiring.layout.previous if index in below)

    def next_window(self) -> Interval | None:
        """The inner window that ends next."""
        windows = (run.window for run in self._runs().values())
        return min((window for window in windows if window is not None), default=None)

    def steady(self) -> bool:
        """True where nothing that is observed now changes what is known of the windows after the next."""
        return not self._previous and all(
            isinstance(run, TimeRun | SampleRun) for run in self._runs().values()
        )

    def item(self, window: Interval, asked: int) -> Item | None:
        """What is known of a window that has not ended: its value is unknown, its bounds hold."""
        argument = self._series.argument
        points = self._points(window, asked, self._previous)
        if not points or argument is None:
            return None
        value = argument.read(points, self._labels)
        so_far = SeriesValue(value=None, lower=value.lower, upper=value.upper, coverage=ZERO)
        return Item(window, so_far, True if self._series.where is None else None)

    def _points(
        self, window: Interval, asked: int, previous: tuple[int, ...]
    ) -> dict[int, dict[Labels, Point]]:
        points: dict[int, dict[Labels, Point]] = {}
        for leaf, run in self._runs().items():
            point = run.peek(window, asked)
            if point is not None:
                points[leaf] = {run.labels: point}
        for number, index in enumerate(previous):
            root = self._wiring.previous[index]
            own = self._labels if root.names else ()
            point = root.point(points, own)
            if point is not None:
                value = self._before(index, root, own, window, asked, previous[:number])
                points[index] = {own: Point(window, value)}
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
        return next(iter(self._runs().values())).kind.frames.after(window)
