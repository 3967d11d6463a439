"""Panes beside samples: a first stage of batch that takes some sources from partial results, and reduces the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve

from wsla.analysis.operations import Aggregate, Operation, SourceField, VerdictCount, VerdictState
from wsla.analysis.sense import inputs
from wsla.evaluation.batch.alike import Streams
from wsla.evaluation.batch.evaluator import FirstStage
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.series import SeriesColumns, SignalColumns
from wsla.evaluation.batch.split import Division
from wsla.evaluation.batch.supported import supports_aggregate, supports_signal
from wsla.evaluation.batch.together import Together
from wsla.evaluation.panes.measures import PanesError, measures_of, source_of
from wsla.evaluation.panes.reduction import PaneReduction
from wsla.evaluation.panes.table import PaneTable
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Plan


def given_by(plan: Plan, index: int, sources: Collection[str]) -> bool:
    """True for an aggregate that partial results of these sources give."""
    node = plan.operations[index]
    try:
        return (
            isinstance(node, Aggregate)
            and bool(measures_of(plan, index))
            and (source_of(plan, node).name in sources)
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


def needed_whole(plan: Plan, sources: Collection[str]) -> dict[str, list[str]]:
    """Of sources that might come as panes those of which samples are needed all the same, each with the names of the
    goals, metrics and rules that need them.
    """
    found: dict[str, list[str]] = {}
    for name, part in _parts(plan):
        for source in _of_samples(part, sources):
            found.setdefault(source, []).append(name)
    return found


def _parts(plan: Plan) -> Iterator[tuple[str, Plan]]:
    nothing = evolve(plan, goals=(), metrics={}, rules=())
    for goal in plan.goals:
        yield goal.name, evolve(nothing, goals=(goal,))
    for name, index in plan.metrics.items():
        yield name, evolve(nothing, metrics={name: index})
    for rule in plan.rules:
        reached = _reached(plan, [rule.trigger])
        counted = {node.goal for node in reached if isinstance(node, VerdictState | VerdictCount)}
        goals = tuple(goal for goal in plan.goals if goal.name in counted)
        yield f"when {rule.text}" if rule.text else rule.name, evolve(nothing, rules=(rule,), goals=goals)


def _of_samples(plan: Plan, sources: Collection[str]) -> set[str]:
    stage = first_stage(sources)
    division = Division(plan, stage.aggregate, stage.signal)
    left = [index for index in division.aggregates if not given_by(plan, index, sources)]
    found = {
        node.source
        for node in _reached(plan, [*left, *division.signals])
        if isinstance(node, Aggregate | SourceField) and node.source is not None
    }
    return found.union(division.sources_of_rest).intersection(sources)


def _reached(plan: Plan, waiting: list[int]) -> list[Operation]:
    """Operations with all that they rest on."""
    seen: set[int] = set()
    while waiting:
        index = waiting.pop()
        if index not in seen:
            seen.add(index)
            waiting.extend(inputs(plan.operations[index]))
    return [plan.operations[index] for index in sorted(seen)]


class PanesAndSamples:
    """Both reductions; samples are taken in for what the panes do not give."""

    def __init__(self, stored: Collection[int], panes: PaneReduction, samples: ColumnReduction) -> None:
        self._stored: Final = stored
        self._panes: Final = panes
        self._samples: Final = samples

    def take(self, streams: Streams) -> None:
        """A stream, or several at once; each comes once."""
        self._samples.take(streams)

    def combinations(self, index: int) -> Mapping[Labels, int]:
        """As ``Reduction`` says."""
        return self._of(index).combinations(index)

    def series(self, index: int, labels: Labels) -> SeriesColumns:
        """As ``Reduction`` says."""
        return self._of(index).series(index, labels)

    def together(self, index: int, among: Sequence[Labels]) -> Together:
        """As ``Reduction`` says."""
        return self._of(index).together(index, among)

    def to_come(self, index: int, labels: Labels) -> SeriesColumns:
        """As ``Reduction`` says."""
        return self._of(index).to_come(index, labels)

    def signal(self, index: int, labels: Labels) -> SignalColumns:
        """As ``Reduction`` says."""
        return self._samples.signal(index, labels)

    def _of(self, index: int) -> PaneReduction | ColumnReduction:
        return self._panes if index in self._stored else self._samples
