"""Signals and series joined over their label combinations (rules M60 and M61)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, cast

from attrs import evolve

from wsla.analysis.operations import Across, Value
from wsla.analysis.types import BooleanType
from wsla.evaluation.reference import bounds
from wsla.evaluation.reference.aggregates import apply, over_series
from wsla.evaluation.reference.pointwise import compare
from wsla.evaluation.reference.streams import LabelSet
from wsla.evaluation.verdicts import SeriesValue
from wsla.values.instants import Interval

if TYPE_CHECKING:
    from wsla.evaluation.reference.evaluator import Evaluator


def across_signal(evaluator: Evaluator, node: Across, labels: LabelSet, at: int, asked: int) -> Value:
    """M60: the function over the streams seen so far; a comparison as soon as the known ones decide it."""
    values: list[Value] = []
    for part, first in evaluator.members(node, labels, asked).items():
        if first > at:
            continue
        inside = True if node.where is None else evaluator.signal(node.where, part, at, asked)
        if inside is not False:
            values.append(None if inside is None else evaluator.signal(node.operand, part, at, asked))
    known = [value for value in values if value is not None]
    unknown = len(values) - len(known)
    if node.limit is None or node.operator is None:
        return None if unknown else cast(Value, apply(node.function, None, known))
    lower, upper = between(node.function, known, unknown)
    limit = evaluator.scalar(node.limit)
    if node.operator in ("==", "!="):
        return _equal(node.operator, lower, upper, limit)
    return _decided(node.operator, lower, upper, limit)


def between(function: str, known: Sequence[Value], unknown: int) -> tuple[Value, Value]:
    """The least and the greatest that the number can be; None where there is no such bound."""
    value: Value = apply(function, None, known)
    if not unknown:
        return value, value
    match function:
        case "count":
            return value, Fraction(len(known) + unknown)
        case "max":
            return value, None
        case "min":
            return None, value
        case "share" if known:
            good, n = known.count(True), len(known) + unknown
            return Fraction(good, n), Fraction(good + unknown, n)
        case _:
            return None, None


def _decided(operator: str, lower: Value, upper: Value, limit: Value) -> bool | None:
    """An order that holds at the bound that is worse for it holds everywhere; so does one that fails at the better."""
    worse, better = (lower, upper) if operator in (">", ">=") else (upper, lower)
    if compare(operator, worse, limit) is True:
        return True
    return False if compare(operator, better, limit) is False else None


def _equal(operator: str, lower: Value, upper: Value, limit: Value) -> bool | None:
    if limit is None:
        return None
    if compare(">", lower, limit) is True or compare("<", upper, limit) is True:
        return operator == "!="
    if lower is not None and lower == upper:
        return compare(operator, lower, limit)
    return None


def across_changes(evaluator: Evaluator, node: Across, labels: LabelSet, asked: int) -> frozenset[int]:
    """The instants at which a joined signal may change: those of its parts, and those at which one joins in."""
    found: set[int] = set()
    for part, first in evaluator.members(node, labels, asked).items():
        found |= {first, *evaluator.changes(node.operand, part, asked)}
        if node.where is not None:
            found |= evaluator.changes(node.where, part, asked)
    return frozenset(found)


def across_series(
    evaluator: Evaluator, node: Across, labels: LabelSet, window: Interval, asked: int
) -> SeriesValue | None:
    """M61: the function over the combinations that have the window; None where none has."""
    boolean = isinstance(node.type, BooleanType)
    unknown = bounds.nothing_known(
        boolean=isinstance(evaluator.plan.operations[node.operand].type, BooleanType)
    )
    items: list[SeriesValue] = []
    exists = False
    for part in evaluator.members(node, labels, asked):
        value = evaluator.series(node.operand, part, window, asked)
        if value is None:
            continue
        exists = True
        if node.where is not None:
            condition = evaluator.series(node.where, part, window, asked)
            inside = None if condition is None else condition.value
            if inside is False:
                continue
            value = value if inside is True else unknown
        items.append(value)
    if not exists:
        return None
    found = over_series(node.function, None, items, boolean=boolean)
    return _more_to_come(node, found) if window.end > asked else found


def _more_to_come(node: Across, found: SeriesValue) -> SeriesValue:
    # In an open window another combination may still be seen, and what `where` says may change.
    match node.function:
        case "share":
            return evolve(found, lower=Fraction(0), upper=Fraction(1))
        case "max" | "count" if node.where is None:
            return evolve(found, upper=None)
        case "min" if node.where is None:
            return evolve(found, lower=None)
        case _:
            return evolve(found, lower=None, upper=None)
