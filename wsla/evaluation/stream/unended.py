"""What can be said of windows that have not ended, and of metrics in a window."""

from __future__ import annotations

from collections.abc import Iterable

from wsla.evaluation.report import SeriesPoint
from wsla.evaluation.stream.judging import Judge, Root
from wsla.evaluation.stream.layout import in_order
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.series import UNENDED, Points
from wsla.evaluation.stream.wiring import Wiring
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.values.instants import Interval


def add_metric(found: list[SeriesPoint], root: Root, labels: Labels, points: Points) -> None:
    """Adds a metric's value in the window of these points, where it exists."""
    point = root.point(points, labels)
    if point is not None:
        shown = in_order(labels, root.names)
        found.append(SeriesPoint(labels=shown, window=point.window, value=root.read(points, labels)))


def open_points(wiring: Wiring, aggregates: Iterable[int], asked: int) -> list[Points]:
    """The points of the current windows of these aggregates as known now, at ``asked``; one mapping a window."""
    found: dict[Interval, dict[int, dict[Labels, Point]]] = {}
    for index in aggregates:
        series = wiring.series[index]
        if series.kind.frames.rolling:
            continue
        for labels, run in series.runs.items():
            window = run.window
            if window is None or series.kind.frames.exists_from(window) >= asked or run.begin >= asked:
                continue
            point = run.peek(window, asked)
            if point is not None:
                found.setdefault(window, {UNENDED: {}}).setdefault(index, {})[labels] = point
    for points in found.values():
        for index, root in wiring.previous.items():
            wiring.add_previous(index, root, points)
    return list(found.values())


def open_points_of(
    wiring: Wiring, aggregates: Iterable[int], labels: Labels, asked: int
) -> tuple[list[Points], bool]:
    """The same for one label combination; and whether one of its windows begins at this instant or later."""
    found: dict[Interval, dict[int, dict[Labels, Point]]] = {}
    waits = False
    for index in aggregates:
        series = wiring.series[index]
        frames = series.kind.frames
        run = None if frames.rolling else series.runs.get(labels)
        window = None if run is None else run.window
        if run is None or window is None:
            continue
        if frames.exists_from(window) >= asked or run.begin >= asked:
            waits = True
            continue
        point = run.peek(window, asked)
        if point is not None:
            found.setdefault(window, {UNENDED: {}}).setdefault(index, {})[labels] = point
    return list(found.values()), waits


def open_judgements(wiring: Wiring, judge: Judge, asked: int) -> list[Judgement]:
    """What can be said now of a goal's windows that have not ended."""
    found = []
    for points in open_points(wiring, judge.aggregates, asked):
        for labels in judge.condition.combinations(points):
            judgement = judge.judge(points, labels, closed=False, final=False)
            if judgement is not None:
                found.append(judgement)
    return found


def open_metric(wiring: Wiring, root: Root, asked: int) -> list[SeriesPoint]:
    """The values so far of a metric in windows that have not ended."""
    found: list[SeriesPoint] = []
    for points in open_points(wiring, [leaf for leaf, _ in root.needed], asked):
        for labels in root.combinations(points):
            add_metric(found, root, labels, points)
    return found
