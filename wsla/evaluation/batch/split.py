"""A plan in two: what is judged in columns, and the rest, a plan of its own for the stream engine."""

from __future__ import annotations

from typing import Final

from attrs import evolve

from wsla.analysis.operations import Active, Aggregate, Elapsed, SourceField, VerdictCount, VerdictState
from wsla.analysis.types import Shape
from wsla.evaluation.batch.supports import Support, Supported
from wsla.evaluation.stream.layout import Layout
from wsla.plan.model import Plan


class Division:
    """Goals, metrics and rules that go to columns, by name; ``rest`` has all others, and is None where there are none.

    The rest also has the goals whose verdicts its rules count, though they are judged in columns.
    """

    def __init__(self, plan: Plan, aggregate: Supported, signal: Supported) -> None:
        support = Support(plan, aggregate, signal)
        self.plan: Final = plan
        self.goals: Final = frozenset(support.goals)
        self.metrics: Final = frozenset(support.metrics)
        self.rules: Final = frozenset(support.rules)
        self.aggregates: Final = tuple(sorted(support.aggregates))
        self.signals: Final = frozenset(support.signals)
        self.rest: Final = self._rest()
        in_columns = evolve(
            plan,
            goals=tuple(goal for goal in plan.goals if goal.name in self.goals),
            metrics={name: index for name, index in plan.metrics.items() if name in self.metrics},
            rules=tuple(rule for rule in plan.rules if rule.name in self.rules),
        )
        self.sources_in_columns: Final = sources_of(in_columns)
        self.sources_of_rest: Final = frozenset() if self.rest is None else sources_of(self.rest)

    def _rest(self) -> Plan | None:
        plan = self.plan
        goals = {goal.name for goal in plan.goals} - self.goals
        rules = tuple(rule for rule in plan.rules if rule.name not in self.rules)
        metrics = {
            name: index
            for name, index in plan.metrics.items()
            if plan.operations[index].shape is Shape.SERIES and name not in self.metrics
        }
        if not (goals or rules or metrics):
            return None
        while True:
            found = evolve(
                plan,
                goals=tuple(goal for goal in plan.goals if goal.name in goals),
                rules=rules,
                metrics=metrics,
            )
            nodes = (plan.operations[index] for index in Layout(found, metrics=True).reachable)
            more = {node.goal for node in nodes if isinstance(node, VerdictState | VerdictCount)} - goals
            if not more:
                return found
            goals |= more


def sources_of(plan: Plan) -> frozenset[str]:
    """The sources whose observations a plan asks for."""
    nodes = (plan.operations[index] for index in Layout(plan, metrics=True).reachable)
    return frozenset(
        node.source
        for node in nodes
        if isinstance(node, SourceField | Aggregate | Elapsed | Active) and node.source is not None
    )
