"""The windows, still to end, of a series that an outer aggregate looks at (rules M15 and M58)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wsla.analysis.operations import Across
from wsla.evaluation.stream.algebra import UNKNOWN_NUMBER, UNKNOWN_TRUTH, ZERO
from wsla.evaluation.stream.judging import Root
from wsla.evaluation.stream.layout import Layout, operands
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_series import Item
from wsla.evaluation.stream.over_time import TimeRun
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.series import UNENDED
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.instants import Interval

if TYPE_CHECKING:
    from wsla.evaluation.stream.wiring import Run, Series, Wiring


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
