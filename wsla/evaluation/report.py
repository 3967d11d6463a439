"""The outcome of judging a stretch of history: the form that every engine gives."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from wsla.evaluation.verdicts import Judgement, Labels, SeriesValue
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


@frozen(kw_only=True)
class Outcome:
    """Everything that follows from a plan, observations, and the stretch ``[start, until)`` asked about.

    ``judgements`` are sorted by (goal order, labels, window); ``metrics`` holds the series metrics by name, sorted by
    (labels, window start, window end); ``triggers`` holds for each rule name its changes in order of time, for each
    label combination beginning with the value at its start, without repeats.
    """

    start: int
    until: int
    judgements: tuple[Judgement, ...]
    metrics: Mapping[str, tuple[SeriesPoint, ...]]
    triggers: Mapping[str, tuple[TruthChange, ...]]
