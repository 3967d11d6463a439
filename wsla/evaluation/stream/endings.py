"""Windows that end: aggregates close, goals are judged, and verdicts become final when their grace is over."""

from __future__ import annotations

from heapq import heappush
from typing import Any, Final

from wsla.analysis.operations import VerdictCount, VerdictState
from wsla.evaluation.report import SeriesPoint
from wsla.evaluation.stream.events import Event, JudgementFinal
from wsla.evaluation.stream.express import express_goals
from wsla.evaluation.stream.inlets import Holder
from wsla.evaluation.stream.judging import Judge, Root
from wsla.evaluation.stream.layout import Layout
from wsla.evaluation.stream.over_samples import SampleRun
from wsla.evaluation.stream.over_series import Item, SeriesRun
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.series import Points
from wsla.evaluation.stream.unended import add_metric
from wsla.evaluation.stream.wiring import Run, Wiring
from wsla.evaluation.verdicts import Judgement, Labels

NEVER: Final = -(1 << 63)
END, FINAL, STALE, START, DUE, WATCH = range(6)
"""What happens at an instant, in this order."""


class Endings:
    """The part of a machine that ends windows. ``now`` is the instant that is not settled yet."""

    def __init__(self, layout: Layout, start: int, *, live: bool, keep: bool) -> None:
        self.layout: Final = layout
        self.start: Final = start
        self.live: Final = live
        self.keep: Final = keep
        self.wiring: Final = Wiring(layout, start)
        self.now = NEVER
        self.touched: list[Holder] = []
        self.events: list[Event] = []
        self.judged: list[Judgement] = []
        self.points: dict[str, list[SeriesPoint]] = {name: [] for name in layout.metrics}
        self.awaiting: list[tuple[int, Judgement, Labels]] = []
        # Live: aggregates whose windows have ended since somebody looked.
        self.ended: list[Run] = []
        # How often windows have ended: who looks at open windows can tell whether there is something new.
        self.ends = 0
        self.heap: list[tuple[int, int, int, int, Any]] = []
        self._sequence = 0
        self._states = {
            goal: [i for i in layout.verdict_states if state_of(layout, i).goal == goal]
            for goal in layout.goals
        }
        self._counts = {goal: _counts_of(layout, layout.verdict_counts, goal) for goal in layout.goals}
        # Aggregates whose windows are judged without detours.
        self.express = express_goals(layout, self.wiring.judges)

    def state(self, index: int) -> VerdictState:
        """The verdict state at a position of the plan."""
        return state_of(self.layout, index)

    def _push(self, at: int, kind: int, order: int, what: object) -> None:
        self._sequence += 1
        heappush(self.heap, (at, kind, order, self._sequence, what))

    def push_end(self, run: Run, index: int) -> None:
        """The window of a run ends when it says."""
        if run.window is not None:
            self._push(run.window.end, END, index, run)

    def _end(self, instant: int, ending: dict[int, list[Run]]) -> None:
        points: dict[int, dict[Labels, Point]] = {}
        wiring = self.wiring
        judged = self._end_express(ending) if self.express else {}
        for index, series in wiring.in_order:
            if isinstance(series, Root):
                wiring.remember(index, series, points)
                continue
            if series.argument is not None and points:
                self._feed(index, points)
            for run in ending.get(index, ()):
                point = run.close()
                if self.live:
                    self.ended.append(run)
                if run.window is not None:
                    self._push(run.window.end, END, index, run)
                if point is not None and run is not series.ghost:
                    points.setdefault(index, {})[run.labels] = point
        if points:
            self.ends += 1
            metrics, held, judges = wiring.readers(tuple(points))
            for name, root in metrics:
                for labels in root.combinations(points):
                    add_metric(self.points[name], root, labels, points)
            for index, root in held:
                self._read_latest(index, root, points)
            if not judged:
                for judge in judges:
                    self._judge(instant, judge, points)
        if judged:
            self.ends += not points
            concerned = wiring.readers(tuple(points))[2]
            for judge in wiring.judges:
                if judge in concerned:
                    self._judge(instant, judge, points)
                for labels, judgement in sorted(judged.get(judge.goal.name, ()), key=_first):
                    self.note_judgement(instant, judgement, labels)
        if not self.keep:
            self.wiring.forget_records(self.now)

    def _end_express(self, ending: dict[int, list[Run]]) -> dict[str, list[tuple[Labels, Judgement]]]:
        """Ends and takes away the windows that are judged without detours; gives the judgements of each goal."""
        found: dict[str, list[tuple[Labels, Judgement]]] = {}
        for index in [index for index in ending if index in self.express]:
            express, ghost = self.express[index], self.wiring.series[index].ghost
            for run in ending.pop(index):
                assert isinstance(run, SampleRun)
                judgement = express.close(run)
                if self.live:
                    self.ended.append(run)
                if run.window is not None:
                    self._push(run.window.end, END, index, run)
                if judgement is not None and run is not ghost:
                    found.setdefault(judgement.goal, []).append((run.labels, judgement))
        return found

    def _feed(self, index: int, points: Points) -> None:
        series = self.wiring.series[index]
        argument, where = series.argument, series.where
        if argument is None or not argument.rests_on(points):
            return
        for labels, run in series.runs.items():
            point = argument.point(points, labels)
            if point is not None and isinstance(run, SeriesRun) and run.wants(point.window):
                inside: Any = True if where is None else where.read(points, labels).value
                run.feed(Item(point.window, argument.read(points, labels), inside))

    def _read_latest(self, index: int, root: Root, points: Points) -> None:
        for labels in root.combinations(points):
            if root.point(points, labels) is not None:
                # Also where nobody reads it yet: a stream that is first seen later does (M20).
                held = self.wiring.hold(index, labels)
                held.value = root.read(points, labels).value
                self.touched.append(held)

    def _judge(self, instant: int, judge: Judge, points: Points) -> None:
        for labels in judge.condition.combinations(points):
            judgement = judge.judge(points, labels, closed=True, final=True, count=self.wiring.count_verdict)
            if judgement is not None:
                self.note_judgement(instant, judgement, labels)

    def note_judgement(self, instant: int, judgement: Judgement, labels: Labels) -> None:
        """A window that ended at an instant is judged; the verdict is final when its grace is over."""
        if self.keep:
            self.judged.append(judgement)
        if not self.live:
            self.events.append(JudgementFinal(at=instant, judgement=judgement))
        if self.live or self._states[judgement.goal] or self._counts[judgement.goal]:
            due = instant + self.layout.plan.grace
            awaiting = self.awaiting
            if not awaiting or awaiting[-1][0] != due:
                self._push(due, FINAL, 0, None)
            awaiting.append((due, judgement, labels))

    def make_final(self, instant: int) -> None:
        """The verdicts whose grace is over at an instant are final."""
        awaiting = self.awaiting
        while awaiting and awaiting[0][0] <= instant:
            _, judgement, labels = awaiting.pop(0)
            if self.live:
                self.events.append(JudgementFinal(at=instant, judgement=judgement))
            for index in self._states[judgement.goal]:
                self._count_verdict(index, labels, judgement.verdict.value)
            for index in self._counts[judgement.goal]:
                held = self.wiring.hold(index, labels)
                held.value = self.wiring.count_verdict(index, labels, judgement.verdict)
                self.touched.append(held)

    def _count_verdict(self, index: int, labels: Labels, verdict: str) -> None:
        state = self.state(index)
        recent = self.wiring.recent_verdicts(index, labels, state.of_last)
        recent.append(verdict)
        held = self.wiring.hold(index, labels)
        held.value = recent.count(state.verdict) >= state.count
        self.touched.append(held)


def _first(pair: tuple[Labels, Judgement]) -> Labels:
    return pair[0]


def state_of(layout: Layout, index: int) -> VerdictState:
    operation = layout.operations[index]
    if not isinstance(operation, VerdictState):
        raise TypeError(f"operation {index} is no state of verdicts")
    return operation


def _counts_of(layout: Layout, indexes: tuple[int, ...], goal: str) -> list[int]:
    counts = ((index, layout.operations[index]) for index in indexes)
    return [index for index, node in counts if isinstance(node, VerdictCount) and node.goal == goal]
