"""Verdicts of a goal in a window, its budget, and the amounts of its credits (rules M21 to M23 and M28)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from wsla.analysis.operations import Aggregate, OutageWindow, Value, VerdictCount
from wsla.evaluation.reference import bounds
from wsla.evaluation.reference.aggregates import OVER_TIME
from wsla.evaluation.reference.forgiving import bad_items, time_spent
from wsla.evaluation.reference.looking import inner_items, records_in, samples_in
from wsla.evaluation.reference.over_time import time_of
from wsla.evaluation.reference.pointwise import Leaf, value_of
from wsla.evaluation.reference.shapes import source_of
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.reference.windows import so_far
from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue, Verdict
from wsla.plan.model import Credit, Goal, UnknownTime
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, clip, length

if TYPE_CHECKING:
    from wsla.evaluation.reference.evaluator import Evaluator


def in_order(labels: LabelSet, names: tuple[str, ...]) -> Labels:
    """Labels in the order of these names."""
    values = dict(labels)
    return tuple((name, values[name]) for name in names if name in values)


def judge(
    evaluator: Evaluator, goal: Goal, labels: LabelSet, window: Interval, asked: int
) -> Judgement | None:
    """The judgement of a goal in a window as known at an instant; None where the window has no verdict (M11)."""
    condition = evaluator.series(goal.condition, labels, window, asked)
    if condition is None:
        return None
    closed = window.end <= asked
    measured = evaluator.series(goal.value, labels, window, asked) or bounds.nothing_known(boolean=False)
    if not closed:
        verdict = open_verdict(condition)
    elif goal.provided is None:
        verdict = closed_verdict(goal, condition)
    else:
        provided = evaluator.series(goal.provided, labels, window, asked)
        # M21, M73: false is not applicable, unknown is unknown.
        match None if provided is None else provided.value:
            case None:
                verdict = Verdict.UNKNOWN
            case False:
                verdict = Verdict.NOT_APPLICABLE
            case _:
                verdict = closed_verdict(goal, condition)
    budget, left = budget_of(evaluator, goal, labels, window, asked)
    return Judgement(
        goal=goal.name,
        labels=in_order(labels, goal.by),
        window=window,
        verdict=verdict,
        value=measured.value,
        lower=measured.lower,
        upper=measured.upper,
        coverage=condition.coverage,
        budget=budget,
        budget_left=left,
        final=closed,
        amounts=amounts_of(evaluator, goal, labels, window, asked, verdict) if closed else (),
    )


def closed_verdict(goal: Goal, condition: SeriesValue) -> Verdict:
    """M21: by the bounds, else by the goal's policy."""
    if condition.lower is True:
        return Verdict.MET
    if condition.upper is False:
        return Verdict.VIOLATED
    match goal.unknown_time:
        case UnknownTime.MET:
            return Verdict.MET
        case UnknownTime.MISSED:
            return Verdict.VIOLATED
        case UnknownTime.UNKNOWN:
            return Verdict.UNKNOWN
        case UnknownTime.EXCLUDED:
            if condition.value is None or condition.coverage < goal.minimum_coverage:
                return Verdict.UNKNOWN
            return Verdict.MET if condition.value else Verdict.VIOLATED


def open_verdict(condition: SeriesValue) -> Verdict:
    """M22: by the bounds, else by the value so far."""
    if condition.lower is True:
        return Verdict.SECURED
    if condition.upper is False:
        return Verdict.LOST
    if condition.value is None:
        return Verdict.UNKNOWN
    return Verdict.ON_TRACK if condition.value else Verdict.AT_RISK


def budget_of(
    evaluator: Evaluator, goal: Goal, labels: LabelSet, window: Interval, asked: int
) -> tuple[Fraction | None, Fraction | None]:
    """M23: the budget and what is left of it, M51: of the time that is left; None where there is none."""
    if goal.budget is None:
        return None, None
    index = goal.budget.aggregate
    node = evaluator.plan.operations[index]
    assert isinstance(node, Aggregate)
    own = frozenset(label for label in labels if label[0] in node.by)
    if evaluator.series(index, own, window, asked) is None:
        return None, None
    kept = evaluator.kept(node, window)
    allowed = 1 - goal.budget.target
    if goal.budget.time:
        assert node.function in OVER_TIME
        segments, left = time_of(evaluator, node, own, kept, asked)
        budget = allowed * length(left)
        before = clip(left, Interval(min(asked, kept[0].start), asked))
        missed = goal.unknown_time is UnknownTime.MISSED
        return budget, budget - time_spent(segments, before, node.forgiving, missed=missed)
    if window.end > asked and isinstance(node.window, OutageWindow):
        # M59: how many windows the outage will hold is not known.
        kept = so_far(kept, asked)
    if node.forgiving is not None:
        inner = inner_items(evaluator, index, own, kept, asked)
        counted, _ = bad_items([(item.window, item.value.value) for item in inner], node.forgiving)
        return allowed * len(inner), allowed * len(inner) - counted
    items = share_items(evaluator, index, own, kept, asked)
    bad = sum(item is False for item in items)
    return allowed * len(items), allowed * len(items) - bad


def share_items(
    evaluator: Evaluator, index: int, labels: LabelSet, kept: Intervals, asked: int
) -> list[Value]:
    """All items of a share, in or perhaps in, each with its truth; the known bad ones are False."""
    source = source_of(evaluator.plan, index)
    if source is None:
        return [item.value.value for item in inner_items(evaluator, index, labels, kept, asked)]
    if evaluator.plan.source(source).records:
        records = records_in(evaluator, index, labels, kept, asked)
        return [argument if inside else None for inside, argument in records if inside is not False]
    samples = samples_in(evaluator, index, labels, kept, asked)
    return [argument for inside, argument in samples if inside and argument is not None]


def misses(verdicts: Sequence[str], of_last: int | None) -> Fraction:
    """M62: how many of the last verdicts are *violated*; where ``of_last`` is None, how many since the last *met*."""
    if of_last is not None:
        return Fraction(verdicts[-of_last:].count(Verdict.VIOLATED.value))
    last_met = max((i for i, verdict in enumerate(verdicts) if verdict == Verdict.MET.value), default=-1)
    return Fraction(verdicts[last_met + 1 :].count(Verdict.VIOLATED.value))


def _verdicts_before(evaluator: Evaluator, goal: Goal, labels: LabelSet, window: Interval) -> list[str]:
    earlier = [
        evaluator.judgement(goal.name, labels, one, one.end)
        for one in evaluator.windows_of_goal(goal, labels, window.end, window.end)
        if one.end < window.end
    ]
    return [judgement.verdict.value for judgement in earlier if judgement is not None]


def amounts_of(
    evaluator: Evaluator, goal: Goal, labels: LabelSet, window: Interval, asked: int, verdict: Verdict
) -> tuple[tuple[int, Fraction | None], ...]:
    """M28: the amount of each credit of a goal and its limits (M41), in the order of the text."""

    def leaf(position: int, node: Leaf) -> Value:
        if isinstance(node, VerdictCount):
            return misses([*_verdicts_before(evaluator, goal, labels, window), verdict.value], node.of_last)
        series = evaluator.series(position, labels, window, asked)
        if series is None:
            return None
        match goal.unknown_time:
            case UnknownTime.MISSED:
                chosen = series.lower
            case UnknownTime.MET:
                chosen = series.upper
            case UnknownTime.EXCLUDED | UnknownTime.UNKNOWN:
                chosen = series.value
        return series.upper if chosen is None else chosen

    credits = [action for action in (*goal.otherwise, *goal.rewarding) if isinstance(action, Credit)]
    indexes = dict.fromkeys(operation for credit in credits for operation in credit.operations)
    conditions = dict.fromkeys(one.condition for one in goal.refunds if one.condition is not None)
    return (
        *(
            (index, cast("Fraction | None", value_of(evaluator.plan.operations, index, leaf)))
            for index in indexes
        ),
        *((index, _is_true(evaluator, index, labels, window, asked)) for index in conditions),
    )


def _is_true(evaluator: Evaluator, index: int, labels: LabelSet, window: Interval, asked: int) -> Fraction:
    """M64: 1 where the condition of a refund is known to be true, else 0."""
    found = evaluator.series(index, labels, window, asked)
    return Fraction(found is not None and found.value is True)
