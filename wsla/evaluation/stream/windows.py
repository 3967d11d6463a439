"""What every aggregate has in common: one window after the other, and a point for each."""

from __future__ import annotations

from typing import Any, Final, Protocol

from wsla.analysis.operations import Aggregate, Value
from wsla.evaluation.stream.algebra import certain
from wsla.evaluation.stream.collectors import collector_maker
from wsla.evaluation.stream.frames import Frames
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import scalar
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.values.buckets import Buckets
from wsla.values.instants import Interval


class Kind:
    """One aggregate of the plan: what all its label combinations share."""

    __slots__ = (
        "asks_idle",
        "buckets",
        "collector",
        "frames",
        "function",
        "idle",
        "index",
        "names",
        "node",
        "several",
        "truth",
    )

    def __init__(self, layout: Layout, index: int) -> None:
        self.index: Final = index
        self.node: Final[Aggregate] = layout.aggregate(index)
        self.frames: Final[Frames] = layout.frames(index)
        self.function: Final = self.node.function
        self.truth: Final = layout.truth(index)
        # Makes what gathers the samples of a window.
        within = self.node.within
        self.buckets: Final = None if within is None else Buckets(within)
        self.collector: Final = collector_maker(self.function, self.node.parameter, self.buckets)
        self.names: Final = self.node.by
        idle = self.node.idle
        # Whether anybody wants to know of windows without anything to look at.
        self.asks_idle: Final = idle is not None or index in layout.idling
        self.idle: Final[SeriesValue | None] = (
            None if idle is None else certain(scalar(layout.operations, idle), self.truth)
        )

        source = layout.source_of(index)
        # Whether several streams of a source take part, of which more may come.
        self.several: Final = source is not None and bool(set(source.labels) - set(self.names))

    def size(self, window: Interval) -> int:
        """The kept time of a window in nanoseconds."""
        frames = self.frames
        return frames.kept.measure(frames.low(window), frames.high(window))


def edges_of(kind: Kind, value: Value) -> tuple[Value, Value]:
    """What the exact value lies between where all is known: the edges of the bucket of an approximate one (M102)."""
    if kind.buckets is None or value is None or isinstance(value, bool | str):
        return value, value
    return kind.buckets.around(value)


class Turn:
    """Where a window of an aggregate ends and the next begins: the same for all label combinations.

    ``size`` is the kept time of the window that ends; ``following`` is None where the term is over; ``low`` and
    ``high`` are where its time inside the term begins and ends.
    """

    __slots__ = ("following", "high", "low", "size", "window")

    def __init__(self, kind: Kind, window: Interval) -> None:
        self.window: Final = window
        self.size: Final = kind.size(window)
        following = kind.frames.after(window)
        self.following: Final = following
        self.low: Final = 0 if following is None else kind.frames.low(following)
        self.high: Final = 0 if following is None else kind.frames.high(following)


class Running(Protocol):
    """An aggregate for one label combination; ``window`` is the one that ends next, None where the term is over."""

    kind: Kind
    labels: Labels
    begin: int
    window: Interval | None

    def close(self) -> Point | None:
        """The point of the window that ends now, None where it has no kept time; the next window begins."""

    def peek(self, window: Interval, asked: int) -> Point | None:
        """The point of a window that has not ended, as known now at ``asked``: the current window, or one to come."""

    def open(self, window: Interval) -> None:
        """An outage begins, whose window ends with it, and by the window's end at the latest."""

    def save(self) -> list[object]: ...
    def load(self, saved: list[Any]) -> None: ...


def save_window(window: Interval | None) -> list[int] | None:
    """A window as JSON holds it."""
    return None if window is None else [window.start, window.end]


def load_window(saved: Any) -> Interval | None:
    """The window that ``save_window`` wrote."""
    return None if saved is None else Interval(saved[0], saved[1])
