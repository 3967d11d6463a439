"""The reference evaluator: the rules of ``docs/reference/language.md``, written down plainly, slow and without state.

Every other engine is compared with it. The numbers of the rules stand beside the code.
"""

from __future__ import annotations

from collections.abc import Iterable

from wsla.analysis.operations import Value
from wsla.analysis.types import Shape
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.reference.judging import in_order
from wsla.evaluation.reference.shapes import label_names, window_kind
from wsla.evaluation.report import Outcome, SeriesPoint, TruthChange
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Goal, Plan, Rule
from wsla.values.observations import Observation

__all__ = ["evaluate"]


def evaluate(plan: Plan, observations: Iterable[Observation], start: int, until: int) -> Outcome:
    """Judges the stretch of history ``[start, until)``, in nanoseconds, as asked at ``until``.

    Windows that ended by ``until`` are closed and final (M24), judged as they were known at their end; those that end
    later are open. Observations come in the
    order in which they were accepted; duplicates are dropped (M1), as is what is not before ``until`` (M5).
    """
    evaluator = Evaluator(plan, observations, start, until)
    return Outcome(
        start=start,
        until=until,
        judgements=tuple(judgement for goal in plan.goals for judgement in _judgements(evaluator, goal)),
        metrics={
            name: _points(evaluator, index)
            for name, index in plan.metrics.items()
            if plan.operations[index].shape is Shape.SERIES
        },
        triggers={rule.name: _triggers(evaluator, rule) for rule in plan.rules},
    )


def _judgements(evaluator: Evaluator, goal: Goal) -> list[Judgement]:
    until = evaluator.until
    found = [
        judgement
        for labels in evaluator.combinations(goal.condition, until)
        for window in evaluator.windows_of_goal(goal, labels, until, until)
        if (judgement := evaluator.judgement(goal.name, labels, window, until)) is not None
    ]
    return sorted(found, key=lambda judgement: (judgement.labels, judgement.window))


def _points(evaluator: Evaluator, index: int) -> tuple[SeriesPoint, ...]:
    until = evaluator.until
    plan = evaluator.plan
    names = label_names(plan, index)
    found = [
        SeriesPoint(labels=in_order(labels, names), window=window, value=value)
        for labels, start in evaluator.combinations(index, until).items()
        for window in evaluator.windows(window_kind(plan, index), labels, start, until, until)
        if (value := evaluator.series(index, labels, window, until)) is not None
    ]
    return tuple(sorted(found, key=lambda point: (point.labels, point.window)))


def _triggers(evaluator: Evaluator, rule: Rule) -> tuple[TruthChange, ...]:
    """The changes of a rule's trigger, for each label combination from its start to ``until``, both included."""
    until = evaluator.until
    found: list[TruthChange] = []
    for labels, start in evaluator.combinations(rule.trigger, until).items():
        instants = {start} | {
            at for at in evaluator.changes(rule.trigger, labels, until) if start < at <= until
        }
        before: list[Value] = []
        for at in sorted(instants):
            value = evaluator.signal(rule.trigger, labels, at, until)
            assert value is None or isinstance(value, bool)
            if before != [value]:
                found.append(TruthChange(at=at, labels=in_order(labels, rule.by), value=value))
            before = [value]
    return tuple(sorted(found, key=lambda change: (change.at, change.labels)))
