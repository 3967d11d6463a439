"""The instant from which the verdict on a window is certain (rule M99), found by asking again and again."""

from __future__ import annotations

from collections.abc import Iterable

from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.judging import in_order
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.verdicts import CERTAIN, Labels, Verdict
from wsla.plan.model import Goal, Plan
from wsla.values.instants import Interval
from wsla.values.observations import Observation

Certain = dict[tuple[str, Labels, Interval], tuple[Verdict, int]]
"""Windows by goal, labels and window: what was certain of them while they were open, and from which instant on."""


def certain_from(plan: Plan, observations: Iterable[Observation], start: int, until: int) -> Certain:
    """Which windows of ``[start, until)`` were secured or lost before they ended, and since when, known at ``until``.

    Windows of which that was never so, at ``until`` or at the last instant before their end, are left out.
    """
    evaluator = Evaluator(plan, observations, start, until)
    found: Certain = {}
    for goal in plan.goals:
        for labels in evaluator.combinations(goal.condition, until):
            for window in evaluator.windows_of_goal(goal, labels, until, until):
                last = min(until, window.end - 1)
                verdict = _standing(evaluator, goal, labels, window.start, last)
                if verdict in CERTAIN:
                    since = _first(evaluator, goal, labels, window.start, last)
                    found[goal.name, in_order(labels, goal.by), window] = (verdict, since)
    return found


def _first(evaluator: Evaluator, goal: Goal, labels: LabelSet, start: int, last: int) -> int:
    """The first instant at which the standing is certain: what is certain once stays so (M22), so halving finds it."""
    before = start
    while last - before > 1:
        middle = (before + last) // 2
        if _standing(evaluator, goal, labels, start, middle) in CERTAIN:
            last = middle
        else:
            before = middle
    return last


def _standing(evaluator: Evaluator, goal: Goal, labels: LabelSet, start: int, asked: int) -> Verdict | None:
    """What is said at an instant of the window that starts at ``start``; None where there is none that is open."""
    for window in evaluator.windows_of_goal(goal, labels, asked, asked):
        if window.start == start and window.end > asked:
            judgement = evaluator.judgement(goal.name, labels, window, asked)
            return None if judgement is None else judgement.verdict
    return None
