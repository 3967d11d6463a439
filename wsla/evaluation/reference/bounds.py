"""Formulas over the values of a window, with their bounds and coverage (rule M19)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import cast

from wsla.analysis.operations import Value
from wsla.evaluation.reference.pointwise import arithmetic, compare, logical, negate
from wsla.evaluation.verdicts import SeriesValue


def certain(value: Value, *, boolean: bool) -> SeriesValue:
    """A scalar beside a series: bounded by itself, fully covered."""
    return with_bounds(value, value, value, Fraction(1), boolean=boolean)


def nothing_known(*, boolean: bool) -> SeriesValue:
    """The value of a series that has none for a window or a combination of labels (M7)."""
    return with_bounds(None, None, None, Fraction(0), boolean=boolean)


def without_bounds(series: SeriesValue, *, boolean: bool) -> SeriesValue:
    """The same value, of which nothing is certain."""
    return with_bounds(series.value, None, None, series.coverage, boolean=boolean)


def with_bounds(
    value: Value, lower: Value, upper: Value, coverage: Fraction, *, boolean: bool
) -> SeriesValue:
    """A series value; a truth without bounds lies between False and True."""
    if boolean:
        lower = False if lower is None else lower
        upper = True if upper is None else upper
    return SeriesValue(value=value, lower=lower, upper=upper, coverage=coverage)


def least_coverage(operands: Sequence[SeriesValue]) -> Fraction:
    """M19: coverage is the least of the operands'."""
    return min(operand.coverage for operand in operands)


def combine_arithmetic(symbol: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """M19: interval arithmetic."""
    value = arithmetic(symbol, left.value, right.value)
    lower: Value = None
    upper: Value = None
    bounds = (left.lower, left.upper, right.lower, right.upper)
    if all(bound is not None for bound in bounds):
        a, b, c, d = cast(tuple[Fraction, Fraction, Fraction, Fraction], bounds)
        if not (symbol in ("/", "started", "completed") and c <= 0 <= d):
            corners = [arithmetic(symbol, x, y) for x in (a, b) for y in (c, d)]
            lower = min(cast(list[Fraction], corners))
            upper = max(cast(list[Fraction], corners))
    return with_bounds(value, lower, upper, least_coverage((left, right)), boolean=False)


def combine_compare(symbol: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """M19: lower is true where it holds for every value within the bounds, upper is false where for none."""
    # An absent bound makes a comparison unknown, so that neither "for every" nor "for none" is claimed.
    all_less = {s: compare(s, left.upper, right.lower) for s in ("<", "<=")}
    all_more = {s: compare(s, left.lower, right.upper) for s in (">", ">=")}
    bounds = (left.lower, left.upper, right.lower, right.upper)
    all_equal = None not in bounds and len(set(bounds)) == 1
    none_equal = all_less["<"] is True or all_more[">"] is True
    match symbol:
        case "<":
            lower, upper = all_less["<"] is True, all_more[">="] is not True
        case "<=":
            lower, upper = all_less["<="] is True, all_more[">"] is not True
        case ">":
            lower, upper = all_more[">"] is True, all_less["<="] is not True
        case ">=":
            lower, upper = all_more[">="] is True, all_less["<"] is not True
        case "==":
            lower, upper = all_equal, not none_equal
        case _:
            lower, upper = none_equal, not all_equal
    value = compare(symbol, left.value, right.value)
    return with_bounds(value, lower, upper, least_coverage((left, right)), boolean=True)


def combine_negation(operand: SeriesValue) -> SeriesValue:
    """M19: ``not`` swaps the bounds."""
    return with_bounds(
        negate(operand.value), negate(operand.upper), negate(operand.lower), operand.coverage, boolean=True
    )


def combine_logical(symbol: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """M19: Kleene for lower and upper each; ``a implies b`` is ``not a or b``."""
    if symbol == "implies":
        return combine_logical("or", combine_negation(left), right)
    return with_bounds(
        logical(symbol, left.value, right.value),
        logical(symbol, left.lower, right.lower),
        logical(symbol, left.upper, right.upper),
        least_coverage((left, right)),
        boolean=True,
    )


def combine_choice(
    subject: SeriesValue,
    arms: Sequence[tuple[str, SeriesValue, SeriesValue]],
    otherwise: SeriesValue | None,
    *,
    boolean: bool,
) -> SeriesValue:
    """M19: the arm that the subject's value has; ``arms`` are (operator, bound, value)."""
    chosen = None
    if subject.value is not None:
        fitting = [value for symbol, bound, value in arms if compare(symbol, subject.value, bound.value)]
        chosen = fitting[0] if fitting else otherwise
    value = None if chosen is None else chosen.value
    exact = chosen is not None and _is_point(subject) and _is_point(chosen)
    bound = value if exact else None
    every = [subject, *(x for _, limit, result in arms for x in (limit, result))]
    every += [] if otherwise is None else [otherwise]
    return with_bounds(value, bound, bound, least_coverage(every), boolean=boolean)


def _is_point(series: SeriesValue) -> bool:
    return series.lower is not None and series.lower == series.upper
