"""The time that a function over time looks at, and its value there (rules M12, M31, M32 and M50)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsla.analysis.operations import Aggregate
from wsla.evaluation.reference.aggregates import (
    Segment,
    cut_by,
    longest,
    outages,
    over_time,
    time_where,
)
from wsla.evaluation.reference.forgiving import time_forgiving
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval
from wsla.values.intervals import Intervals, length, subtract

if TYPE_CHECKING:
    from wsla.evaluation.reference.evaluator import Evaluator


def time_of(
    evaluator: Evaluator, node: Aggregate, labels: LabelSet, kept: Intervals, asked: int
) -> tuple[list[Segment], Intervals]:
    """M50: the argument of a function over time up to the instant asked about, in the time that ``where`` leaves of
    kept time; and that time itself. What is to come is left.
    """
    assert node.argument is not None
    segments = evaluator.segments(node.argument, labels, kept, asked)
    if node.where is None:
        return segments, kept
    condition = evaluator.segments(node.where, labels, kept, asked)
    return cut_by(condition, segments), subtract(kept, time_where(condition, False))


def value_over_time(
    evaluator: Evaluator, node: Aggregate, labels: LabelSet, window: Interval, kept: Intervals, asked: int
) -> SeriesValue:
    """The value of a function over time in a window with kept time."""
    segments, left = time_of(evaluator, node, labels, kept, asked)
    if node.forgiving is not None:
        return time_forgiving(node.function, segments, left, node.forgiving)
    match node.function:
        case "longest":
            return longest(segments, left)
        case "outages":
            so_far = evaluator.kept(node, Interval(evaluator.plan.effective_start, window.end))
            return outages(time_of(evaluator, node, labels, so_far, asked)[0], segments, left)
        case _:
            return over_time(node.function, segments, length(left))
