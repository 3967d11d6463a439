"""The outcome of judging a stretch of history: the form that every engine gives."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from attrs import frozen

from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue, Verdict
from wsla.plan.model import Plan
from wsla.values.instants import Interval


@frozen(kw_only=True)
class SeriesPoint:
    """A metric's value in a window."""

    labels: Labels
    window: Interval
    value: SeriesValue


@frozen(kw_only=True)
class TruthChange:
    """A rule's trigger takes a new value (True, False or None for unknown) at an instant."""

    at: int
    labels: Labels
    value: bool | None


Counts = Mapping[tuple[str, Labels], Mapping[Verdict, int]]
"""How many verdicts of each kind a goal has for each label combination; kinds that do not occur are left out."""


class JudgedColumns(Sequence[Judgement]):
    """Judgements that are kept in columns: equal to the tuple of them all, but each is made when it is asked for."""

    @abstractmethod
    def counts(self) -> Counts:
        """How many verdicts of each kind there are."""

    @abstractmethod
    def episodes(self) -> Mapping[tuple[str, Labels], int]:
        """How many runs of windows *violated*, one behind the other, each goal has for each label combination."""

    @abstractmethod
    def that_matter(self, plan: Plan) -> Iterable[Judgement]:
        """Those, in the same order, without which decisions would be others.

        What they have measured may be missing in them: ``whole`` tells it.
        """

    @abstractmethod
    def whole(self, judgement: Judgement) -> Judgement:
        """One of those that matter, with all that it has measured."""


@frozen(kw_only=True)
class Outcome:
    """Everything that follows from a plan, observations, and the stretch ``[start, until)`` asked about.

    ``judgements`` are sorted by (goal order, labels, window); ``metrics`` holds the series metrics by name, sorted by
    (labels, window start, window end); ``triggers`` holds for each rule name its changes in order of time, for each
    label combination beginning with the value at its start, without repeats.
    """

    start: int
    until: int
    judgements: Sequence[Judgement]
    metrics: Mapping[str, Sequence[SeriesPoint]]
    triggers: Mapping[str, tuple[TruthChange, ...]]


def counts_of(judgements: Sequence[Judgement]) -> Counts:
    """How many verdicts of each kind each goal has for each label combination."""
    if isinstance(judgements, JudgedColumns):
        return judgements.counts()
    found: dict[tuple[str, Labels], dict[Verdict, int]] = {}
    for judgement in judgements:
        kinds = found.setdefault((judgement.goal, judgement.labels), {})
        kinds[judgement.verdict] = kinds.get(judgement.verdict, 0) + 1
    return found


def episodes_of(judgements: Sequence[Judgement]) -> Mapping[tuple[str, Labels], int]:
    """How many runs of windows *violated*, one behind the other, each goal has for each label combination."""
    if isinstance(judgements, JudgedColumns):
        return judgements.episodes()
    runs = groupby(judgements, lambda judgement: (judgement.goal, judgement.labels, judgement.verdict))
    found: dict[tuple[str, Labels], int] = {}
    for (goal, labels, verdict), _ in runs:
        found[goal, labels] = found.get((goal, labels), 0) + (verdict is Verdict.VIOLATED)
    return found
