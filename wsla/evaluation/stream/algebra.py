"""Values with bounds: what formulas over series give (rule M19)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.exact import calculate, compare, logic, negation
from wsla.evaluation.verdicts import SeriesValue

ONE: Final = Fraction(1)
ZERO: Final = Fraction(0)
UNKNOWN_NUMBER: Final = SeriesValue(value=None, lower=None, upper=None, coverage=ZERO)
TRUE: Final = SeriesValue(value=True, lower=True, upper=True, coverage=ONE)
FALSE: Final = SeriesValue(value=False, lower=False, upper=False, coverage=ONE)
UNKNOWN_TRUTH: Final = SeriesValue(value=None, lower=False, upper=True, coverage=ZERO)


def certain(value: Value, truth: bool) -> SeriesValue:
    """A value that nothing unknown can change."""
    return bounded(value, value, value, ONE, truth)


def bounded(value: Value, lower: Value, upper: Value, coverage: Fraction, truth: bool) -> SeriesValue:
    """A series value; for a truth value, "no bound" is written as false and true."""
    if truth:
        lower = False if lower is None else lower
        upper = True if upper is None else upper
    return SeriesValue(value=value, lower=lower, upper=upper, coverage=coverage)


def unbounded(value: SeriesValue, truth: bool) -> SeriesValue:
    """The same value, of which nothing is certain."""
    return bounded(value.value, None, None, value.coverage, truth)


def _least(left: SeriesValue, right: SeriesValue) -> Fraction:
    if right.coverage is ONE or left.coverage is right.coverage:
        return left.coverage
    return min(left.coverage, right.coverage)


def compared(sign: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """A comparison: surely true, surely false, or between."""
    value = compare(sign, left.value, right.value)
    coverage = _least(left, right)
    if value is not None and _exactly_known(left) and _exactly_known(right):
        if coverage is ONE:
            return TRUE if value else FALSE
        return SeriesValue(value=value, lower=value, upper=value, coverage=coverage)
    return SeriesValue(
        value=value,
        lower=_surely(sign, left, right),
        upper=not _surely(_OPPOSITE[sign], left, right),
        coverage=coverage,
    )


_OPPOSITE: Final = {"<": ">=", ">=": "<", "<=": ">", ">": "<=", "==": "!=", "!=": "=="}


def _exactly_known(side: SeriesValue) -> bool:
    return side.lower is side.value and side.upper is side.value


def _surely(sign: str, left: SeriesValue, right: SeriesValue) -> bool:
    """True where the comparison holds for every value within the bounds."""
    match sign:
        case "<" | "<=":
            return compare(sign, left.upper, right.lower) is True
        case ">" | ">=":
            return compare(sign, left.lower, right.upper) is True
        case "==":
            return left.lower is not None and left.lower == left.upper == right.lower == right.upper
        case _:
            return _apart(left, right)


def _apart(left: SeriesValue, right: SeriesValue) -> bool:
    bounds = (left.lower, left.upper, right.lower, right.upper)
    if any(isinstance(bound, str) for bound in bounds):
        # Texts have no order: they are apart only where both are known.
        return None not in bounds and left.lower == left.upper != right.lower == right.upper
    return compare("<", left.upper, right.lower) is True or compare("<", right.upper, left.lower) is True


def calculated(sign: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """Interval arithmetic."""
    value = calculate(sign, left.value, right.value)
    lower, upper = _interval(sign, left, right)
    return SeriesValue(value=value, lower=lower, upper=upper, coverage=_least(left, right))


def _interval(sign: str, left: SeriesValue, right: SeriesValue) -> tuple[Value, Value]:
    low, high, least, most = left.lower, left.upper, right.lower, right.upper
    if None in (low, high, least, most):
        return None, None
    ends: Any = (low, high)
    others: Any = (least, most)
    if sign in ("/", "started", "completed") and others[0] <= 0 <= others[1]:
        return None, None
    corners: Any = [calculate(sign, a, b) for a in ends for b in others]
    return min(corners), max(corners)


def joined(word: str, left: SeriesValue, right: SeriesValue) -> SeriesValue:
    """``and``, ``or``, ``implies``: the value and each bound by Kleene."""
    first, last = (left.upper, left.lower) if word == "implies" else (left.lower, left.upper)
    return SeriesValue(
        value=logic(word, left.value, right.value),
        lower=logic(word, first, right.lower),
        upper=logic(word, last, right.upper),
        coverage=_least(left, right),
    )


def negated(operand: SeriesValue) -> SeriesValue:
    """``not``: the bounds change places."""
    return SeriesValue(
        value=negation(operand.value),
        lower=negation(operand.upper),
        upper=negation(operand.lower),
        coverage=operand.coverage,
    )


def chosen(
    subject: SeriesValue,
    arms: Sequence[tuple[str, SeriesValue, SeriesValue]],
    otherwise: SeriesValue | None,
    truth: bool,
) -> SeriesValue:
    """A ``by`` table over a series."""
    operands = [subject, *(side for _, bound, result in arms for side in (bound, result))]
    if otherwise is not None:
        operands.append(otherwise)
    coverage = min(operand.coverage for operand in operands)
    arm: SeriesValue | None = None
    if subject.value is not None:
        fitting = (
            result for sign, bound, result in arms if compare(sign, subject.value, bound.value) is True
        )
        arm = next(fitting, otherwise)
    if arm is None:
        return bounded(None, None, None, coverage, truth)
    settled = _settled(subject) and _settled(arm)
    bound = arm.value if settled else None
    return bounded(arm.value, bound, bound, coverage, truth)


def _settled(side: SeriesValue) -> bool:
    return side.lower is not None and side.lower == side.upper
