"""Formulas over series as closures: from the windows that ended together to a value with bounds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, assert_never

from attrs import evolve

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Debounced,
    Elapsed,
    Idle,
    Label,
    Latest,
    Limited,
    Logical,
    Negation,
    Operation,
    Previous,
    SourceField,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.stream import algebra
from wsla.evaluation.stream.exact import COMPARISONS
from wsla.evaluation.stream.layout import operands, restrict
from wsla.evaluation.stream.over_series import Gathered, Item
from wsla.evaluation.stream.point import Point
from wsla.evaluation.stream.pointwise import bind, scalar
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.plan.model import UnknownTime
from wsla.values.instants import Interval

Points = Mapping[int, Mapping[Labels, Point]]
"""The points of windows that ended together: by aggregate, by labels."""

_NO_WINDOW: Final = Interval(0, 0)
"""What stands for the window of a part, which is that of the whole."""

UNENDED = -1
"""A key among points that stands for no aggregate: it marks those of a window that has not ended."""

SeriesReader = Callable[[Points, Labels], SeriesValue]


Reach = bool | tuple[str, ...]
"""Which points of an aggregate a formula reads: that of its labels, or (False) the one without labels; a tuple names
the labels that are left where all others are joined."""


def point_at(points: Points, index: int, labels: Labels, reach: Reach) -> Point | None:
    """The point of an aggregate for a label combination; one without labels serves every combination."""
    found = points.get(index)
    if found is None:
        return None
    if isinstance(reach, bool):
        return found.get(labels if reach else ())
    return next(iter(_joined_points(found, labels, reach)), None)


def points_at(points: Points, index: int, labels: Labels, reach: Reach) -> list[Point]:
    """The points of an aggregate for a label combination: several where labels are joined."""
    if isinstance(reach, bool):
        point = point_at(points, index, labels, reach)
        return [] if point is None else [point]
    return _joined_points(points.get(index, {}), labels, reach)


def _joined_points(found: Mapping[Labels, Point], labels: Labels, left: tuple[str, ...]) -> list[Point]:
    own = restrict(labels, left)
    return [point for part, point in found.items() if restrict(part, left) == own]


def has_window(points: Points, leaves: Sequence[tuple[int, Reach]], labels: Labels) -> bool:
    """True where a formula has a window (M7): one with labels has it where one of its aggregates with labels has."""
    labelled = any(reach for _, reach in leaves)
    return any(
        point_at(points, leaf, labels, reach) is not None for leaf, reach in leaves if bool(reach) is labelled
    )


def combinations_of(points: Points, leaves: Iterable[tuple[int, Reach]]) -> set[Labels]:
    """The label combinations that aggregates with labels have among these points."""
    found: set[Labels] = set()
    for leaf, reach in leaves:
        if reach is True:
            found.update(points.get(leaf, ()))
        elif reach:
            found.update(restrict(part, reach) for part in points.get(leaf, ()))
    return found


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
        case Label(label=label):
            return lambda points, labels: algebra.certain(dict(labels).get(label), truth)
        case VerdictCount(by=by):
            return _bind_aggregate(index, bool(by), truth)
        case Across():
            return _bind_across(operations, operation, truth)
        case Previous():
            return _bind_aggregate(index, _labelled(operations, index), truth)
        case Constant() | SourceField() | Elapsed() | AtLeastDown() | Latest() | VerdictState():
            raise ValueError(f"operation {index} is no series")
        case Sustained() | Debounced() | Limited() | Active():
            raise ValueError(f"operation {index} is no series")
        case _:
            assert_never(operation)


def _bind_idle(operations: tuple[Operation, ...], idle: Idle, truth: bool) -> SeriesReader:
    inner = bind_series(operations, idle.operand)
    fixed = algebra.certain(scalar(operations, idle.value), truth)
    leaves = aggregates_of(operations, idle.operand)

    missing = algebra.UNKNOWN_TRUTH if truth else algebra.UNKNOWN_NUMBER

    def read(points: Points, labels: Labels) -> SeriesValue:
        if not has_window(points, leaves, labels):
            return missing
        looked_at = any(
            not point.empty for leaf, reach in leaves for point in points_at(points, leaf, labels, reach)
        )
        if looked_at:
            return inner(points, labels)
        return algebra.unbounded(inner(points, labels), truth) if UNENDED in points else fixed

    return read


def _bind_across(operations: tuple[Operation, ...], node: Across, truth: bool) -> SeriesReader:
    inner, leaves = bind_series(operations, node.operand), aggregates_of(operations, node.operand)
    where = None if node.where is None else bind_series(operations, node.where)
    function, left = node.function, node.by
    missing = algebra.UNKNOWN_TRUTH if truth else algebra.UNKNOWN_NUMBER

    def read(points: Points, labels: Labels) -> SeriesValue:
        own = restrict(labels, left)
        gathered = Gathered(function, None)
        for part in combinations_of(points, leaves):
            if restrict(part, left) == own:
                inside: Any = True if where is None else where(points, part).value
                gathered.add(Item(_NO_WINDOW, inner(points, part), inside))
        if not gathered.any:
            return missing
        value = gathered.result(function, truth)
        return _more_to_come(node, value) if UNENDED in points else value

    return read


def _more_to_come(node: Across, found: SeriesValue) -> SeriesValue:
    """In an open window another combination may still be seen, and what ``where`` says may change."""
    match node.function:
        case "share":
            return evolve(found, lower=algebra.ZERO, upper=algebra.ONE)
        case "max" | "count" if node.where is None:
            return evolve(found, upper=None)
        case "min" if node.where is None:
            return evolve(found, lower=None)
        case _:
            return evolve(found, lower=None, upper=None)


def aggregates_of(operations: tuple[Operation, ...], index: int) -> list[tuple[int, Reach]]:
    """The aggregates that give a formula its windows, and which points of each it reads."""
    operation = operations[index]
    if isinstance(operation, Aggregate):
        return [(index, bool(operation.by))]
    if isinstance(operation, Across):
        found = aggregates_of(operations, operation.operand)
        labelled = any(reach for _, reach in found)
        # What is joined are label combinations: an aggregate without labels beside them brings forth none.
        return [(leaf, operation.by) for leaf, reach in found if bool(reach) is labelled]
    return [found for part in operands(operation) for found in aggregates_of(operations, part)]


def aggregates_needed(operations: tuple[Operation, ...], index: int) -> list[tuple[int, Reach]]:
    """The aggregates that a formula reads, those in the conditions of joined series among them."""
    operation = operations[index]
    if isinstance(operation, Across):
        parts = [operation.operand] if operation.where is None else [operation.operand, operation.where]
        needed = [leaf for part in parts for leaf, _ in aggregates_needed(operations, part)]
        return [(leaf, operation.by) for leaf in needed]
    if isinstance(operation, Aggregate):
        return [(index, bool(operation.by))]
    return [found for part in operands(operation) for found in aggregates_needed(operations, part)]


def _labelled(operations: tuple[Operation, ...], index: int) -> bool:
    return any(reach for _, reach in aggregates_of(operations, index))


def _bind_aggregate(index: int, labelled: bool, truth: bool) -> SeriesReader:
    missing = algebra.UNKNOWN_TRUTH if truth else algebra.UNKNOWN_NUMBER

    def read(points: Points, labels: Labels) -> SeriesValue:
        found = points.get(index)
        point = None if found is None else found.get(labels if labelled else ())
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
    if combine is algebra.compared and operations[right].shape is Shape.SCALAR:
        return _bind_limit(sign, first, second({}, ()))
    return lambda points, labels: combine(sign, first(points, labels), second(points, labels))


def _bind_limit(sign: str, first: SeriesReader, limit: SeriesValue) -> SeriesReader:
    """A comparison with what is the same in every window: mostly the left side is exactly known."""
    fixed, test = limit.value, COMPARISONS[sign]

    def read(points: Points, labels: Labels) -> SeriesValue:
        left = first(points, labels)
        value = left.value
        if value is None or fixed is None or left.lower is not value or left.upper is not value:
            return algebra.compared(sign, left, limit)
        coverage, holds = left.coverage, test(value, fixed)
        if coverage is algebra.ONE:
            return algebra.TRUE if holds else algebra.FALSE
        return SeriesValue(value=holds, lower=holds, upper=holds, coverage=coverage)

    return read


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
        if isinstance(aggregate, Idle | Across):
            return formula_leaf(number)
        if isinstance(aggregate, Label):
            label = aggregate.label
            return lambda: dict(hand[-1][1]).get(label)
        labelled = (
            bool(aggregate.by) if isinstance(aggregate, VerdictCount) else _labelled(operations, number)
        )

        def read() -> Value:
            points, labels = hand[-1]
            point = point_at(points, number, labels, labelled)
            return None if point is None else pick(point.value)

        return read

    def formula_leaf(number: int) -> Callable[[], Value]:
        series, leaves = bind_series(operations, number), aggregates_of(operations, number)

        def read() -> Value:
            points, labels = hand[-1]
            return pick(series(points, labels)) if has_window(points, leaves, labels) else None

        return read

    formula = bind(operations, index, leaf)

    def amount(points: Points, labels: Labels) -> Value:
        hand.append((points, labels))
        try:
            return formula()
        finally:
            hand.pop()

    return amount
