"""Verdicts, budgets and amounts of a goal in a window (rules M21 to M23 and M28)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import VerdictCount
from wsla.evaluation.stream.algebra import certain
from wsla.evaluation.stream.exact import text_of, value_of
from wsla.evaluation.stream.layout import OVER_TIME, Layout, in_order
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.series import (
    Points,
    aggregates_needed,
    aggregates_of,
    bind_amount,
    bind_series,
    combinations_of,
    point_at,
)
from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue, Verdict
from wsla.plan.model import Goal, UnknownTime
from wsla.values.instants import Interval

Count = Callable[[int, Labels, Verdict], int]
"""Counts a verdict at a position of the plan for a label combination; gives the number."""


class Root:
    """A series formula that somebody reads: a goal's condition, a metric, the argument of an outer aggregate."""

    def __init__(self, layout: Layout, index: int) -> None:
        self.index: Final = index
        self.names: Final = layout.names(index)
        self.leaves: Final = tuple(dict.fromkeys(aggregates_of(layout.operations, index)))
        # Beside what gives it its windows, what conditions inside it read.
        self.needed: Final = tuple(dict.fromkeys(aggregates_needed(layout.operations, index)))
        self.read: Final = bind_series(layout.operations, index)

    def rests_on(self, points: Points) -> bool:
        """True where one of its aggregates is among these."""
        for leaf, _ in self.leaves:  # noqa: SIM110 - asked at every end of a window, where a generator tells
            if leaf in points:
                return True
        return False

    def point(self, points: Points, labels: Labels) -> Point | None:
        """The point of the first of its aggregates that has the window; None where it does not exist."""
        for leaf, reach in self.leaves:
            if reach is True:
                windows = points.get(leaf)
                found = None if windows is None else windows.get(labels)
            else:
                found = point_at(points, leaf, labels, reach)
            if found is not None:
                return found
        return None

    def combinations(self, points: Points) -> list[Labels]:
        """The label combinations for which it exists, sorted."""
        if not self.names:
            return [()] if self.rests_on(points) else []
        found = combinations_of(points, self.leaves)
        return sorted(found) if len(found) > 1 else list(found)


class Judge:
    """A goal, ready to be judged."""

    def __init__(self, layout: Layout, goal: Goal) -> None:
        self.goal: Final = goal
        self._in_order: Final[dict[Labels, Labels]] = {}
        self._judges: Final = layout.plan.judges
        self.condition: Final = Root(layout, goal.condition)
        self._value: Final = bind_series(layout.operations, goal.value)
        self._provided: Final = (
            None if goal.provided is None else bind_series(layout.operations, goal.provided)
        )
        self._amounts: Final = tuple(
            (index, bind_amount(layout.operations, index, goal.unknown_time))
            for index in layout.amounts(goal)
        )
        self._conditions: Final = tuple(
            (index, bind_series(layout.operations, index)) for index in layout.refund_conditions(goal)
        )
        counts = ((index, layout.operations[index]) for index in layout.tallies)
        self._tallies: Final = tuple(
            index for index, node in counts if isinstance(node, VerdictCount) and node.goal == goal.name
        )
        # Everything that a judgement reads, for windows that are still open.
        roots = (Root(layout, index) for index in layout.roots_of(goal))
        self.aggregates: Final = tuple(dict.fromkeys(leaf for root in roots for leaf, _ in root.needed))
        nodes = [layout.aggregate(index) for index in self.aggregates]
        self.over_time: Final = all(node.function in OVER_TIME for node in nodes)
        self.over_series: Final = all(
            node.function not in OVER_TIME and layout.source_of(index) is None
            for index, node in zip(self.aggregates, nodes, strict=True)
        )
        self._budget_labelled: Final = goal.budget is not None and bool(layout.names(goal.budget.aggregate))

    @property
    def is_plain(self) -> bool:
        """True where nothing but the condition, the value and a budget of its own samples is asked for when a window
        ends.
        """
        goal, budget = self.goal, self.goal.budget
        return (
            goal.provided is None
            and (budget is None or (not budget.time and self.aggregates == (budget.aggregate,)))
            and not (self._amounts or self._conditions or self._tallies)
        )

    def judges(self, window: Interval) -> bool:
        """True for a window that has a verdict."""
        return self._judges(window)

    def judge(
        self,
        points: Points,
        labels: Labels,
        *,
        closed: bool,
        final: bool,
        count: Count | None = None,
        condition: SeriesValue | None = None,
    ) -> Judgement | None:
        """The judgement of the window that these points belong to; None where it has no verdict.

        ``condition`` is what the goal's condition is in it, for whoever knows. ``count`` counts its verdict for the
        amounts that ask how many were missed.
        """
        point = self.condition.point(points, labels)
        if point is None or not self._judges(point.window):
            return None
        goal = self.goal
        if condition is None:
            condition = self.condition.read(points, labels)
        measured = self._value(points, labels)
        if not closed:
            verdict = open_verdict(condition)
        elif self._provided is None:
            verdict = closed_verdict(goal, condition)
        else:
            provided = self._provided(points, labels).value
            if provided is None:
                verdict = Verdict.UNKNOWN
            else:
                verdict = closed_verdict(goal, condition) if provided else Verdict.NOT_APPLICABLE
        budget, left = self._budget(points, labels)
        amounts: tuple[Any, ...] = ()
        if count is not None and self._tallies:
            points = {**points, **self._counted(point.window, labels, verdict, count)}
        if closed and self._amounts:
            amounts = tuple((index, amount(points, labels)) for index, amount in self._amounts)
        if closed:
            amounts += tuple(
                (index, int(read(points, labels).value is True)) for index, read in self._conditions
            )
        return Judgement(
            goal=goal.name,
            labels=self.shown(labels),
            window=point.window,
            verdict=verdict,
            value=measured.value,
            lower=measured.lower,
            upper=measured.upper,
            coverage=condition.coverage,
            budget=budget,
            budget_left=left,
            final=final,
            amounts=amounts,
        )

    def shown(self, labels: Labels) -> Labels:
        """Labels in the order in which judgements have them."""
        found = self._in_order.get(labels)
        if found is None:
            found = self._in_order[labels] = in_order(labels, self.goal.by)
        return found

    def _counted(self, window: Interval, labels: Labels, verdict: Verdict, count: Count) -> Points:
        own = labels if self.condition.names else ()
        return {
            index: {own: Point(window, certain(count(index, labels, verdict), truth=False))}
            for index in self._tallies
        }

    def budget_of(self, bad: int, number: int) -> tuple[Fraction | None, Fraction | None]:
        """The budget of so many samples, and what so many false ones leave of it; None where there is none."""
        budget = self.goal.budget
        if budget is None:
            return None, None
        allowed = (1 - budget.target) * number
        return allowed, allowed - bad

    def _budget(self, points: Points, labels: Labels) -> tuple[Fraction | None, Fraction | None]:
        budget = self.goal.budget
        if budget is None:
            return None, None
        point = point_at(points, budget.aggregate, labels, self._budget_labelled)
        if point is None:
            return None, None
        allowed = (1 - budget.target) * point.size
        spent = point.bad
        if budget.time and self.goal.unknown_time is UnknownTime.MISSED:
            spent += point.missing
        return allowed, allowed - spent


def closed_verdict(goal: Goal, condition: SeriesValue) -> Verdict:
    """The verdict of a window that has ended: by the bounds, else by the goal's policy."""
    if condition.lower is True:
        return Verdict.MET
    if condition.upper is False:
        return Verdict.VIOLATED
    match goal.unknown_time:
        case UnknownTime.MET:
            return Verdict.MET
        case UnknownTime.MISSED:
            return Verdict.VIOLATED
        case UnknownTime.EXCLUDED if condition.value is not None:
            if condition.coverage < goal.minimum_coverage:
                return Verdict.UNKNOWN
            return Verdict.MET if condition.value else Verdict.VIOLATED
        case _:
            return Verdict.UNKNOWN


def open_verdict(condition: SeriesValue) -> Verdict:
    """The standing of a window that has not ended."""
    if condition.lower is True:
        return Verdict.SECURED
    if condition.upper is False:
        return Verdict.LOST
    if condition.value is None:
        return Verdict.UNKNOWN
    return Verdict.ON_TRACK if condition.value else Verdict.AT_RISK


def save_judgement(judgement: Judgement) -> list[object]:
    """A judgement as JSON holds it."""
    numbers = (
        judgement.value,
        judgement.lower,
        judgement.upper,
        judgement.coverage,
        judgement.budget,
        judgement.budget_left,
    )
    return [
        judgement.goal,
        [list(label) for label in judgement.labels],
        judgement.window.start,
        judgement.window.end,
        judgement.verdict.value,
        [text_of(number) for number in numbers],
        judgement.final,
        [[index, text_of(amount)] for index, amount in judgement.amounts],
    ]


def load_judgement(saved: Any) -> Judgement:
    """What ``save_judgement`` gave."""
    if isinstance(saved, Judgement):
        return saved
    goal, labels, start, end, verdict, numbers, final, amounts = saved
    value, lower, upper, coverage, budget, left = (value_of(number) for number in numbers)
    return Judgement(
        goal=goal,
        labels=tuple((name, text) for name, text in labels),
        window=Interval(start, end),
        verdict=Verdict(verdict),
        value=value,
        lower=lower,
        upper=upper,
        coverage=coverage,
        budget=budget,
        budget_left=left,
        final=final,
        amounts=tuple((index, value_of(amount)) for index, amount in amounts),
    )
