"""Panes beside samples: a first stage of batch that takes some sources from partial results, and reduces the others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.batch.evaluator import FirstStage
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.series import SeriesColumns, SignalColumns
from wsla.evaluation.batch.split import Division
from wsla.evaluation.batch.supported import supports_aggregate, supports_signal
from wsla.evaluation.panes.measures import PanesError, measures_of, source_of
from wsla.evaluation.panes.reduction import PaneReduction
from wsla.evaluation.panes.table import PaneTable
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan


def given_by(plan: Plan, index: int, sources: Collection[str]) -> bool:
    """True for an aggregate that partial results of these sources give."""
    node = plan.operations[index]
    try:
        return isinstance(node, Aggregate) and bool(measures_of(plan, index)) and (
            source_of(plan, node).name in sources
        )
    except PanesError:
        return False


def first_stage(sources: Collection[str], panes: PaneTable | None = None) -> FirstStage:
    """The first stage where these sources come as panes, and all others as samples.

    Without ``panes`` it says what it supports, and cannot begin.
    """

    def aggregate(plan: Plan, index: int) -> bool:
        return given_by(plan, index, sources) or supports_aggregate(plan, index)

    def begin(
        plan: Plan, aggregates: Collection[int], signals: Collection[int], start: int, until: int
    ) -> PanesAndSamples:
        assert panes is not None
        stored = frozenset(index for index in aggregates if given_by(plan, index, sources))
        return PanesAndSamples(
            stored,
            PaneReduction(plan, panes, start, until),
            ColumnReduction(plan, [x for x in aggregates if x not in stored], signals, start, until),
        )

    return FirstStage(aggregate=aggregate, signal=supports_signal, begin=begin)


def needed_whole(plan: Plan, sources: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Of sources that might come as panes those of which samples are needed, with the goals, metrics and rules that
    need them.
    """
    stage = first_stage(sources)
    division = Division(plan, stage.aggregate, stage.signal)
    found: dict[str, tuple[str, ...]] = {}
    parts = [
        *((goal.name, (goal.condition, goal.value, *_maybe(goal.provided))) for goal in plan.goals),
        *((name, (index,)) for name, index in plan.metrics.items()),
        *((rule.name, (rule.trigger,)) for rule in plan.rules),
    ]
    whole = _reading(plan, sources, division)
    return {name: why for name, why in found.items() if why} or whole if parts else whole
