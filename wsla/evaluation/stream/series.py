"""Formulas over series as closures: from the windows that ended together to a value with bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from wsla.analysis.operations import (
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Elapsed,
    Idle,
    Latest,
    Logical,
    Negation,
    Operation,
    SourceField,
    Value,
    VerdictState,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.stream import algebra
from wsla.evaluation.stream.layout import operands
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import bind, scalar
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.plan.model import UnknownTime

Points = Mapping[int, Mapping[Labels, Point]]
"""The points of windows that ended together: by aggregate, by labels."""

UNENDED = -1
"""A key among points that stands for no aggregate: it marks those of a window that has not ended."""

SeriesReader = Callable[[Points, Labels], SeriesValue]


def point_at(points: Points, index: int, labels: Labels, labelled: bool) -> Point | None:
    """The point of an aggregate for a label combination; one without labels serves every combination."""
    found = points.get(index)
    return None if found is None else found.get(labels if labelled else ())


def bind_series(operations: tuple[Operation, ...], index: int) -> SeriesReader:
    """The reader of a series operation (or of a scalar, which is the same in every window)."""
    operation = operations[index]
    truth = isinstance(operation.type, BooleanType)
    if operation.shape is Shape.SCALAR:
        fixed = algebra.certain(scalar(operations, index), truth)
        return lambda points, labels: fixed
    match operation:
        case Aggregate(by=by):
            return _bind_aggregate(index, bool(by), truth)
        case Compare(operator=sign, left=left, right=right):
            return _bind_pair(operations, algebra.compared, sign, left, right)
        case Logical(operator=sign, left=left, right=right):
            return _bind_pair(operations, algebra.joined, sign, left, right)
        case Arithmetic(operator=sign, left=left, right=right):
            return _bind_pair(operations, algebra.calculated, sign, left, right)
        case Negation(operand=operand):
            inner = bind_series(operations, operand)
            return lambda points, labels: algebra.negated(inner(points, labels))
        case Choice():
            return _bind_choice(operations, operation, truth)
        case Idle():
            return _bind_idle(operations, operation, truth)
        case Constant() | SourceField() | Elapsed() | AtLeastDown() | Latest() | VerdictState():
            raise ValueError(f"operation {index} is no series")
        case _:
            assert_never(operation)


def _bind_idle(operations: tuple[Operation, ...], idle: Idle, truth: bool) -> SeriesReader:
    inner = bind_series(operations, idle.operand)
    fixed = algebra.certain(scalar(operations, idle.value), truth)
    leaves = aggregates_of(operations, idle.operand)

    def read(points: Points, labels: Labels) -> SeriesValue:
        found = [point_at(points, leaf, labels, labelled) for leaf, labelled in leaves]
        there = [point for point in found if point is not None]
        # Where none of them has the window, neither has the formula.
        looked_at = not there or not all(point.empty for point in there)
        return inner(points, labels) if looked_at or UNENDED in points else fixed

    return read


def aggregates_of(operations: tuple[Operation, ...], index: int) -> list[tuple[int, bool]]:
    """The aggregates that a formula combines, and whether each has labels."""
    operation = operations[index]
    if isinstance(operation, Aggregate):
        return [(index, bool(operation.by))]
    return [found for part in operands(operation) for found in aggregates_of(operations, part)]


def _bind_aggregate(index: int, labelled: bool, truth: bool) -> SeriesReader:
    missing = algebra.UNKNOWN_TRUTH if truth else algebra.UNKNOWN_NUMBER

    def read(points: Points, labels: Labels) -> SeriesValue:
        point = point_at(points, index, labels, labelled)
        return missing if point is None else point.value

    return read


def _bind_pair(
    operations: tuple[Operation, ...],
    combine: Callable[[str, SeriesValue, SeriesValue], SeriesValue],
    sign: str,
    left: int,
    right: int,
) -> SeriesReader:
    first, second = bind_series(operations, left), bind_series(operations, right)
    return lambda points, labels: combine(sign, first(points, labels), second(points, labels))


def _bind_choice(operations: tuple[Operation, ...], choice: Choice, truth: bool) -> SeriesReader:
    subject = bind_series(operations, choice.subject)
    arms = [
        (arm.operator, bind_series(operations, arm.bound), bind_series(operations, arm.value))
        for arm in choice.arms
    ]
    otherwise = None if choice.otherwise is None else bind_series(operations, choice.otherwise)

    def read(points: Points, labels: Labels) -> SeriesValue:
        return algebra.chosen(
            subject(points, labels),
            [(sign, bound(points, labels), result(points, labels)) for sign, bound, result in arms],
            None if otherwise is None else otherwise(points, labels),
            truth,
        )

    return read


AmountReader = Callable[[Points, Labels], Value]


def bind_amount(operations: tuple[Operation, ...], index: int, policy: UnknownTime) -> AmountReader:
    """The reader of a credit's amount: a formula over plain values, taken from each series as the policy says (M28)."""
    hand: list[tuple[Points, Labels]] = []

    def pick(series: SeriesValue) -> Value:
        match policy:
            case UnknownTime.MISSED:
                value = series.lower
            case UnknownTime.MET:
                value = series.upper
            case _:
                value = series.value
        return series.upper if value is None else value

    def leaf(number: int) -> Callable[[], Value]:
        aggregate = operations[number]
        if isinstance(aggregate, Idle):
            return idle_leaf(number)
        labelled = isinstance(aggregate, Aggregate) and bool(aggregate.by)

        def read() -> Value:
            points, labels = hand[-1]
            point = point_at(points, number, labels, labelled)
            return None if point is None else pick(point.value)

        return read

    def idle_leaf(number: int) -> Callable[[], Value]:
        series, leaves = bind_series(operations, number), aggregates_of(operations, number)

        def read() -> Value:
            points, labels = hand[-1]
            exists = any(point_at(points, leaf, labels, labelled) for leaf, labelled in leaves)
            return pick(series(points, labels)) if exists else None

        return read

    formula = bind(operations, index, leaf)

    def amount(points: Points, labels: Labels) -> Value:
        hand.append((points, labels))
        try:
            return formula()
        finally:
            hand.pop()

    return amount
