"""The batch evaluator: streams go in one after the other, in any order; the outcome is that of the rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, Protocol

from attrs import frozen

from wsla.evaluation.batch.alike import Streams, one_by_one
from wsla.evaluation.batch.formulas import Formulas, Group
from wsla.evaluation.batch.judging import judge_goal
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.sequences import observations_of
from wsla.evaluation.batch.series import Reduction
from wsla.evaluation.batch.split import Division
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.supported import supports_aggregate, supports_signal
from wsla.evaluation.batch.supports import Supported
from wsla.evaluation.batch.table import PointColumns, PointTable, VerdictTable
from wsla.evaluation.batch.triggers import Triggers
from wsla.evaluation.report import Outcome, SeriesPoint, TruthChange
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.stream.layout import in_order
from wsla.evaluation.verdicts import Judgement
from wsla.plan.model import Plan
from wsla.values.observations import Observation


class Reducing(Reduction, Protocol):
    """The first stage as it is fed."""

    def take(self, streams: Streams) -> None:
        """A stream, or several at once; each comes once."""


@frozen(kw_only=True)
class FirstStage:
    """What reduces observations: which operations it gives, and how it begins."""

    aggregate: Supported = supports_aggregate
    signal: Supported = supports_signal
    begin: Callable[[Plan, Collection[int], Collection[int], int, int], Reducing] = ColumnReduction


class BatchEvaluator:
    """Judges the stretch of history ``[start, until)``, in nanoseconds, of a plan.

    What cannot be judged in columns is left to a stream evaluator, for which the observations of the sources that it
    needs are kept.
    """

    def __init__(self, plan: Plan, start: int, until: int, stage: FirstStage = FirstStage()) -> None:
        self._plan: Final = plan
        self._start: Final = start
        self._until: Final = until
        self.division: Final = Division(plan, stage.aggregate, stage.signal)
        self._reduction: Final = stage.begin(
            plan, self.division.aggregates, sorted(self.division.signals), start, until
        )
        self._kept: Final[list[Observation]] = []

    def take(self, streams: Streams) -> None:
        """The samples of one label combination of a source, or of several; each comes once, in any order."""
        if streams.source in self.division.sources_in_columns:
            self._reduction.take(streams)
        if streams.source in self.division.sources_of_rest:
            for stream in one_by_one([streams]):
                self._keep(observations_of(stream))

    def observe(self, observations: Iterable[Observation]) -> None:
        """All observations of the sources of which no stream is taken, in the order of their coming; once."""
        in_columns: list[Observation] = []
        wanted, rest = self.division.sources_in_columns, self.division.sources_of_rest

        def to_keep() -> Iterator[Observation]:
            for one in observations:
                if one.source in wanted:
                    in_columns.append(one)
                if one.source in rest:
                    yield one

        self._keep(to_keep())
        for stream in streams_of(self._plan, in_columns):
            self._reduction.take(stream)

    def _keep(self, observations: Iterable[Observation]) -> None:
        self._kept.extend(one for one in observations if one.at < self._until)

    def outcome(self) -> Outcome:
        """Everything that follows."""
        division, plan = self.division, self._plan
        formulas = Formulas(plan, self._reduction, self._start, self._until)
        rest = self._rest()
        judged: dict[str, list[Judgement]] = {}
        for judgement in rest.judgements:
            judged.setdefault(judgement.goal, []).append(judgement)
        sections: list[Any] = []
        for goal in plan.goals:
            if goal.name in division.goals:
                sections.extend(judge_goal(formulas, goal))
            else:
                sections.append(judged.get(goal.name, []))
        triggers = Triggers(formulas, self._reduction, division.signals)
        changes: dict[str, tuple[TruthChange, ...]] = {
            rule.name: triggers.changes(rule) if rule.name in division.rules else rest.triggers[rule.name]
            for rule in plan.rules
        }
        metrics = {
            name: self._points(formulas, index) if name in division.metrics else rest.metrics[name]
            for name, index in formulas.layout.metrics.items()
        }
        return Outcome(
            start=self._start,
            until=self._until,
            judgements=VerdictTable(sections),
            metrics=metrics,
            triggers=changes,
        )

    def _points(self, formulas: Formulas, index: int) -> PointTable:
        names = formulas.layout.names(index)

        def columns(group: Group) -> PointColumns:
            labels = tuple(in_order(one, names) for one in group)
            return PointColumns(labels=labels, measured=lambda: formulas.stack(index, group))

        return PointTable(
            [columns(group) for group in formulas.groups([index], lambda labels: in_order(labels, names))]
        )

    def _rest(self) -> Outcome:
        rest = self.division.rest
        if rest is None:
            points: dict[str, tuple[SeriesPoint, ...]] = {}
            return Outcome(start=self._start, until=self._until, judgements=(), metrics=points, triggers={})
        evaluator = StreamEvaluator(rest, self._start)
        evaluator.observe_all(self._kept)
        return evaluator.outcome(self._until)
