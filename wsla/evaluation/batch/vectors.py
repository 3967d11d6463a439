"""Values of a signal in columns, and formulas over them, exact and with unknowns (rules M6, M8 and M36).

Columns have a row each, or a single one that stands for all.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from math import floor, gcd, lcm
from typing import Any, Final

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from wsla.analysis.operations import Value
from wsla.analysis.types import BooleanType, TextType, ValueType
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.exact import magnitude, minus, plus, scaled, times, whole
from wsla.evaluation.batch.series import Integers

_NEVER: Final = np.zeros(1, dtype=np.bool_)


@frozen(eq=False)
class Truth:
    """Where it is true, and where it is false; what is neither is unknown. Without ``false`` all is known."""

    true: Flags
    false: Flags | None = None

    @property
    def not_true(self) -> Flags:
        """Where it is known to be false."""
        return ~self.true if self.false is None else self.false

    @property
    def known(self) -> Flags | None:
        """Where it is known; None for everywhere."""
        return None if self.false is None else self.true | self.false


@frozen(eq=False)
class Number:
    """``numerators`` over ``denominators`` (None: all 1), times ``scale``, which is above zero."""

    numerators: Integers
    denominators: Integers | None = None
    scale: Fraction = Fraction(1)
    known: Flags | None = None

    @cached_property
    def most(self) -> int:
        """A number that no numerator is farther from zero than."""
        return magnitude(self.numerators)

    def without_denominators(self) -> Number:
        """The same with fractions for numerators where they need to be."""
        if self.denominators is None:
            return self
        pairs = zip(self.numerators.tolist(), self.denominators.tolist(), strict=True)
        found = np.empty(len(self.numerators), dtype=object)
        found[:] = [Fraction(a, b) for a, b in pairs]
        return Number(found, None, self.scale, self.known)


@frozen(eq=False)
class Text:
    """Words."""

    values: NDArray[Any]
    known: Flags | None = None


Vector = Truth | Number | Text


def unknown(type_: ValueType) -> Vector:
    """One value that is not known."""
    match type_:
        case BooleanType():
            return Truth(_NEVER, _NEVER)
        case TextType():
            return Text(np.array([""], dtype=object), _NEVER)
        case _:
            return Number(np.zeros(1, dtype=np.int64), known=_NEVER)


def constant(value: Value, type_: ValueType) -> Vector:
    """One value that is always the same."""
    if value is None:
        return unknown(type_)
    if isinstance(value, bool):
        return Truth(np.array([value]))
    if isinstance(value, str):
        return Text(np.array([value], dtype=object))
    exact = Fraction(value)
    return Number(whole(exact.numerator), scale=Fraction(1, exact.denominator))


def both(left: Flags | None, right: Flags | None) -> Flags | None:
    """Where both hold; None holds everywhere."""
    if left is None or right is None:
        return left if right is None else right
    return left & right


def negate(operand: Truth) -> Truth:
    """Kleene's ``not``."""
    return Truth(operand.not_true, None if operand.false is None else operand.true)


def logical(symbol: str, left: Truth, right: Truth) -> Truth:
    """Kleene's ``and``, ``or`` and ``implies``."""
    if symbol == "implies":
        left = negate(left)
    if left.false is None and right.false is None:
        return Truth(left.true & right.true if symbol == "and" else left.true | right.true)
    if symbol == "and":
        return Truth(left.true & right.true, left.not_true | right.not_true)
    return Truth(left.true | right.true, left.not_true & right.not_true)


def at_least_down(conditions: Sequence[Truth], count: int) -> Truth:
    """True where so many are false, false where fewer can be (rule M36)."""
    down: Any = sum(condition.not_true.astype(np.int32) for condition in conditions)
    possible: Any = sum((~condition.true).astype(np.int32) for condition in conditions)
    return Truth(down >= count, possible < count)


def compare(symbol: str, left: Vector, right: Vector) -> Truth:
    """A comparison; unknown where an operand is."""
    if isinstance(left, Text) and isinstance(right, Text):
        equal = (left.values == right.values).astype(np.bool_)
        return _truth(equal if symbol == "==" else ~equal, both(left.known, right.known))
    first, second = _number(left), _number(right)
    if len(first.numerators) == 1 and len(second.numerators) > 1:
        return compare(_FLIPPED[symbol], second, first)
    known = both(first.known, second.known)
    if len(second.numerators) == 1 and first.denominators is None and second.denominators is None:
        limit = second.numerators[0] * second.scale / first.scale
        return _truth(_against(symbol, first.numerators, Fraction(limit)), known)
    ratio = first.scale / second.scale
    a = scaled(first.numerators, ratio.numerator)
    b = scaled(second.numerators, ratio.denominator)
    a = a if second.denominators is None else times(a, second.denominators)
    b = b if first.denominators is None else times(b, first.denominators)
    return _truth(_COMPARISONS[symbol](a, b).astype(np.bool_), known)


def arithmetic(symbol: str, left: Number, right: Number) -> Number:
    """Exact arithmetic; unknown where an operand is, or where the divisor is zero."""
    known = both(left.known, right.known)
    match symbol:
        case "+" | "-":
            a, b, scale = _alike(left, right)
            add = plus if symbol == "+" else minus
            if a.denominators is None and b.denominators is None:
                return Number(add(a.numerators, b.numerators), None, scale, known)
            first, second = _below(a), _below(b)
            above = add(times(a.numerators, second), times(b.numerators, first))
            return Number(above, times(first, second), scale, known)
        case "*":
            below = _product(left.denominators, right.denominators)
            above = times(left.numerators, right.numerators)
            return Number(above, below, left.scale * right.scale, known)
        case "/":
            return _quotient(left, right, known)
        case _:
            return _blocks(symbol, left, right, known)


def choice(
    subject: Vector,
    arms: Sequence[tuple[str, Vector, Vector]],
    otherwise: Vector | None,
    type_: ValueType,
) -> Vector:
    """The value of the first arm that fits; unknown where the subject is, or where none fits (rule M8)."""
    found = unknown(type_) if otherwise is None else otherwise
    for symbol, bound, value in reversed(arms):
        found = where(compare(symbol, subject, bound).true, value, found)
    # Of what has no comparison to be unknown in, nothing else would say that the subject is unknown.
    known = subject.known
    return found if known is None else where(known, found, unknown(type_))


def where(condition: Flags, one: Vector, other: Vector) -> Vector:
    """One's value where the condition holds, else the other's."""

    def pick(a: Any, b: Any, missing: Any) -> Any:
        if a is None and b is None:
            return None
        return np.where(condition, missing if a is None else a, missing if b is None else b)

    if isinstance(one, Truth) and isinstance(other, Truth):
        if one.false is None and other.false is None:
            return Truth(np.where(condition, one.true, other.true))
        return Truth(
            np.where(condition, one.true, other.true), np.where(condition, one.not_true, other.not_true)
        )
    if isinstance(one, Text) and isinstance(other, Text):
        return Text(np.where(condition, one.values, other.values), pick(one.known, other.known, True))
    assert isinstance(one, Number)
    assert isinstance(other, Number)
    a, b, scale = _alike(one, other)
    return Number(
        np.where(condition, a.numerators, b.numerators),
        pick(a.denominators, b.denominators, np.int64(1)),
        scale,
        pick(a.known, b.known, True),
    )


_COMPARISONS: Final[dict[str, Any]] = {
    "<=": np.less_equal,
    "<": np.less,
    ">=": np.greater_equal,
    ">": np.greater,
    "==": np.equal,
    "!=": np.not_equal,
}
_FLIPPED: Final = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "==", "!=": "!="}


def _against(symbol: str, values: Integers, limit: Fraction) -> Flags:
    """Whole numbers against one limit that need not be whole, in one pass."""
    below = floor(limit)
    if limit.denominator != 1:
        if symbol in ("==", "!="):
            return np.full(len(values), symbol == "!=")
        symbol = "<=" if symbol in ("<", "<=") else ">"
    found: Flags = _COMPARISONS[symbol](values, below)
    return found.astype(np.bool_, copy=False)


def _truth(holds: Flags, known: Flags | None) -> Truth:
    return Truth(holds) if known is None else Truth(holds & known, ~holds & known)


def _number(vector: Vector) -> Number:
    if isinstance(vector, Number):
        return vector
    assert isinstance(vector, Truth)
    return Number(vector.true.astype(np.int64), known=vector.known)


def _alike(left: Number, right: Number) -> tuple[Number, Number, Fraction]:
    """Both in one scale."""
    if left.scale == right.scale:
        return left, right, left.scale
    a, b = left.scale, right.scale
    scale = Fraction(
        gcd(a.numerator * b.denominator, b.numerator * a.denominator), a.denominator * b.denominator
    )
    return _rescaled(left, scale), _rescaled(right, scale), scale


def _rescaled(number: Number, scale: Fraction) -> Number:
    factor = number.scale / scale
    return Number(scaled(number.numerators, factor.numerator), number.denominators, scale, number.known)


def _below(number: Number) -> Integers:
    return whole(1) if number.denominators is None else number.denominators


def _product(left: Integers | None, right: Integers | None) -> Integers | None:
    if left is None or right is None:
        return left if right is None else right
    return times(left, right)


def _quotient(left: Number, right: Number, known: Flags | None) -> Number:
    if len(right.numerators) == 1 and right.denominators is None and right.numerators[0] != 0:
        by = right.numerators[0] * right.scale
        return Number(
            left.numerators if by > 0 else scaled(left.numerators, -1),
            left.denominators,
            left.scale / abs(by),
            known,
        )
    above = left.numerators if right.denominators is None else times(left.numerators, right.denominators)
    below = right.numerators if left.denominators is None else times(right.numerators, left.denominators)
    above = times(above, np.where(below < 0, -1, 1).astype(np.int64))
    fine = (below != 0).astype(np.bool_)
    if not fine.all():
        below, known = np.where(fine, below, 1), both(known, fine)
    # The divisor's row may be alone beside many of the dividend; the other way round it is repeated below.
    below = np.abs(below)
    size = max(len(above), len(below))
    above = np.broadcast_to(above, (size,))
    return Number(above, np.broadcast_to(below, (size,)), left.scale / right.scale, known)


def _blocks(symbol: str, left: Number, right: Number, known: Flags | None) -> Number:
    """How many blocks were begun or filled, or the nearest multiple, of two the even one (rules M40 and M57)."""
    parts = _quotient(left, right, known)
    above = scaled(parts.numerators, parts.scale.numerator)
    below = scaled(_below(parts), parts.scale.denominator)
    if symbol == "started":
        return Number(-(-above // below), known=parts.known)
    full = above // below
    if symbol == "completed":
        return Number(full, known=parts.known)
    twice = scaled(minus(above, times(full, below)), 2)
    up = ((twice > below) | ((twice == below) & (full % 2 == 1))).astype(np.bool_)
    rounded = full + up
    return Number(times(rounded, right.numerators), right.denominators, right.scale, parts.known)


def common(number: Number, most: int = 2**40) -> Number:
    """The same without denominators: on a common one where that is small, else with fractions for numerators."""
    if number.denominators is None:
        return number
    found = np.unique(number.denominators) if number.denominators.dtype != object else ()
    below = lcm(*(int(x) for x in found)) if 0 < len(found) < most.bit_length() else most + 1
    if below > most:
        return number.without_denominators()
    above = times(number.numerators, below // number.denominators)
    return Number(above, None, number.scale / below, number.known)
