"""The commonest goals, `f(x) <= limit` over samples with nothing else to it, judged without detours where windows end.

They are judged as all others are; only what a formula over series, a table or a budget would need is not made.
"""

from __future__ import annotations

from typing import Final

from wsla.analysis.operations import Aggregate, Compare, Value
from wsla.analysis.types import Shape
from wsla.evaluation.stream.algebra import certain, compared
from wsla.evaluation.stream.exact import COMPARISONS
from wsla.evaluation.stream.judging import Judge, closed_verdict, open_verdict
from wsla.evaluation.stream.layout import OVER_TIME, Layout
from wsla.evaluation.stream.over_samples import SampleRun, shares_of
from wsla.evaluation.stream.pointwise import scalar
from wsla.evaluation.stream.windows import Turn
from wsla.evaluation.verdicts import Judgement, SeriesValue, Verdict

_UNBOUNDED: Final = frozenset({"mean", "median", "percentile"})


class Express:
    """A goal whose condition compares one aggregate over samples, which nobody else looks at, with a fixed value."""

    __slots__ = ("_judge", "_limit", "_sign", "_test", "_turns", "_unbounded", "number")

    def __init__(self, layout: Layout, number: int, judge: Judge, condition: Compare) -> None:
        # The goal's position in the plan.
        self.number: Final = number
        self._judge: Final = judge
        self._sign: Final = condition.operator
        self._test: Final = COMPARISONS[condition.operator]
        self._limit: Final = certain(scalar(layout.operations, condition.right), truth=False)
        # Whether nothing is certain of the aggregate before all is known.
        self._unbounded: Final = layout.aggregate(condition.left).function in _UNBOUNDED
        # By aggregate, the window that ended last: those of all labels end together, those of all machines often.
        self._turns: Final[dict[int, Turn]] = layout.turns

    def close(self, run: SampleRun) -> Judgement | None:
        """The judgement of the window that ends now, None where it has none; the next window begins."""
        window = run.window
        if window is None:
            return None
        index = run.kind.index
        turn = self._turns.get(index)
        if turn is None or (turn.window is not window and turn.window != window):
            turn = self._turns[index] = Turn(run.kind, window)
        value, full, coverage, gathered = run.end(turn)
        judge = self._judge
        if not turn.size or not judge.judges(window):
            return None
        limit = self._limit
        if full and value is not None and run.kind.buckets is None:
            verdict = Verdict.MET if self._test(value, limit.value) else Verdict.VIOLATED
            lower: Value = value
            upper: Value = value
        else:
            series = run.bounded(value, full, coverage)
            lower, upper = series.lower, series.upper
            verdict = closed_verdict(judge.goal, compared(self._sign, series, limit))
        budget, left = (None, None) if judge.goal.budget is None else judge.budget_of(*shares_of(gathered))
        return Judgement(
            goal=judge.goal.name,
            labels=judge.shown(run.labels),
            window=turn.window,
            verdict=verdict,
            value=value,
            lower=lower,
            upper=upper,
            coverage=coverage,
            budget=budget,
            budget_left=left,
        )

    def so_far(self, run: SampleRun, asked: int) -> tuple[Verdict, SeriesValue | None] | None:
        """What is said of the window that is open as known at ``asked``, with the aggregate in it if that was needed;
        None where it has no kept time.
        """
        if self._unbounded and run.everything and run.low < asked < run.high:
            # Something is still to come, so nothing is certain.
            value = run.collector.result()
            if value is None:
                return Verdict.UNKNOWN, None
            return Verdict.ON_TRACK if self._test(value, self._limit.value) else Verdict.AT_RISK, None
        series = self._series_so_far(run, asked)
        return None if series is None else (open_verdict(compared(self._sign, series, self._limit)), series)

    def _series_so_far(self, run: SampleRun, asked: int) -> SeriesValue | None:
        measured = run.measure_open(asked)
        if measured is None:
            return None
        value, full, coverage = measured
        # Where several streams take part, another one may still come (M13).
        return run.bounded(value, full and not run.kind.several, coverage)

    def open_judgement(
        self, run: SampleRun, asked: int, verdict: Verdict, series: SeriesValue | None
    ) -> Judgement | None:
        """The judgement of the window that is open, of which this is said at ``asked``; None where it has none."""
        judge, window = self._judge, run.window
        if window is None or not judge.judges(window):
            return None
        series = self._series_so_far(run, asked) if series is None else series
        if series is None:
            return None
        budget, left = judge.budget_of(*shares_of(run.collector))
        return Judgement(
            goal=judge.goal.name,
            labels=judge.shown(run.labels),
            window=window,
            verdict=verdict,
            value=series.value,
            lower=series.lower,
            upper=series.upper,
            coverage=series.coverage,
            budget=budget,
            budget_left=left,
            final=False,
        )


def express_goals(layout: Layout, judges: tuple[Judge, ...]) -> dict[int, Express]:
    """The aggregates whose windows are judged in this way, with what judges them."""
    if layout.metrics or layout.previous or layout.outages:
        return {}
    readers: dict[int, int] = {}
    for judge in judges:
        for index in judge.aggregates:
            readers[index] = readers.get(index, 0) + 1
    for index in layout.aggregates:
        outer = layout.aggregate(index)
        for inner in (outer.argument, outer.where):
            for leaf in () if inner is None else layout.leaves(inner):
                readers[leaf] = readers.get(leaf, 0) + 1
    for index in layout.latest:
        for leaf in layout.leaves(index):
            readers[leaf] = readers.get(leaf, 0) + 1
    found = {}
    for number, judge in enumerate(judges):
        goal = judge.goal
        condition = layout.operations[goal.condition]
        if isinstance(condition, Compare) and judge.aggregates == (condition.left,) and judge.is_plain:
            index = condition.left
            node = layout.operations[index]
            if (
                goal.value == index
                and readers[index] == 1
                and isinstance(node, Aggregate)
                and node.function not in OVER_TIME
                and node.idle is None
                and index not in layout.idling
                and (source := layout.source_of(index)) is not None
                and not source.records
                and layout.operations[condition.right].shape is Shape.SCALAR
                and scalar(layout.operations, condition.right) is not None
                and not layout.truth(index)
            ):
                found[index] = Express(layout, number, judge, condition)
    return found
