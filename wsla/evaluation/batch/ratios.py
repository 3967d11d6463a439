"""Exact arithmetic on columns of numbers and truths (rule M6): ``int64`` as long as nothing can overflow."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wsla.analysis.operations import Value
from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.series import Integers, Ratios, Truths, Values

_LIMIT: Final = 2**63 - 1
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = MappingProxyType(
    {
        "<=": operator.le,
        "<": operator.lt,
        ">=": operator.ge,
        ">": operator.gt,
        "==": operator.eq,
        "!=": operator.ne,
    }
)
ONES: Final = Ratios(np.ones(1, dtype=np.int64))
ZEROS: Final = Ratios(np.zeros(1, dtype=np.int64))
NO_NUMBERS: Final = Ratios(np.zeros(1, dtype=np.int64), None, np.zeros(1, dtype=np.bool_))
TRUE: Final = Truths(np.ones(1, dtype=np.int8))
FALSE: Final = Truths(np.zeros(1, dtype=np.int8))
UNSURE: Final = Truths(np.full(1, -1, dtype=np.int8))


# Whole numbers


def whole_numbers(values: list[int]) -> Integers:
    """These whole numbers, as narrow as they may be kept."""
    fits = all(-_LIMIT <= value <= _LIMIT for value in values)
    if fits:
        return np.array(values, dtype=np.int64)
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def magnitude(numbers: Integers) -> int:
    """The greatest distance from zero; more than fits into 64 bits for numbers that are kept as objects."""
    if numbers.dtype == object:
        return _LIMIT + 1
    if not numbers.size:
        return 0
    return max(int(numbers.max()), -int(numbers.min()))


def product(left: Integers, right: Integers | None) -> Integers:
    """``left * right``; ``right`` is 1 where it is None."""
    if right is None:
        return left
    if magnitude(left) * magnitude(right) > _LIMIT:
        left, right = left.astype(object), right.astype(object)
    found: Integers = left * right
    return found


def total(left: Integers, right: Integers, sign: int = 1) -> Integers:
    """``left + right``, or with a ``sign`` of -1 ``left - right``."""
    if magnitude(left) + magnitude(right) > _LIMIT:
        left, right = left.astype(object), right.astype(object)
    return left + right if sign == 1 else left - right


def running_total(numbers: Integers) -> Integers:
    """Sums of all numbers before each position, and of all of them behind the last."""
    if magnitude(numbers) * max(1, len(numbers)) > _LIMIT:
        numbers = numbers.astype(object)
    found = np.zeros(len(numbers) + 1, dtype=numbers.dtype)
    np.cumsum(numbers, out=found[1:])
    return found


# Knowledge


def both_known(left: Flags | None, right: Flags | None) -> Flags | None:
    """Where both are known."""
    if left is None:
        return right
    return left if right is None else left & right


def known_of(values: Values) -> Flags | None:
    """Where values are known, None where all are."""
    if isinstance(values, Truths):
        known: Flags = values.values >= 0
        return None if known.all() else known
    return values.known


# Conversions


def of_value(value: Value) -> Values:
    """One value as a column that suits every window. Raises TypeError for a text."""
    match value:
        case None:
            return NO_NUMBERS
        case bool():
            return TRUE if value else FALSE
        case int() | Fraction():
            return Ratios(
                whole_numbers([value.numerator]),
                None if value.denominator == 1 else whole_numbers([value.denominator]),
            )
        case _:
            raise TypeError("texts are not kept in columns")


def as_ratios(values: Values) -> Ratios:
    """Truths as 1 and 0, as they are compared."""
    if isinstance(values, Ratios):
        return values
    return Ratios((values.values == 1).astype(np.int64), None, known_of(values))


class Fractions(dict[tuple[int, int], int | Fraction]):
    """Quotients that were made already: most columns have the same ones again and again."""

    def __missing__(self, pair: tuple[int, int]) -> int | Fraction:
        found = Fraction(*pair)
        kept = self[pair] = found.numerator if found.denominator == 1 else found
        return kept


def values_at(values: Values, length: int, made: Fractions | None = None) -> list[Value]:
    """The values as single ones; a column that suits every window is repeated ``length`` times."""
    made = Fractions() if made is None else made
    if isinstance(values, Truths):
        truths = (False, True, None)
        told: list[Value] = [truths[x] for x in values.values.tolist()]
        return told * length if len(told) == 1 else told
    numbers = spread(values, length)
    assert isinstance(numbers, Ratios)
    found: list[Any] = numbers.numerators.tolist()
    if numbers.denominators is not None:
        pairs = zip(found, numbers.denominators.tolist(), strict=True)
        found = [made[pair] for pair in pairs]
    if numbers.known is not None:
        found = [x if known else None for x, known in zip(found, numbers.known.tolist(), strict=True)]
    return found


def take(values: Values, rows: Any) -> Values:
    """Some of the rows; a column that suits every window stays as it is."""
    if isinstance(values, Truths):
        return values if len(values.values) == 1 else Truths(values.values[rows])

    def part(column: NDArray[Any] | None) -> NDArray[Any] | None:
        return column if column is None or len(column) == 1 else column[rows]

    numerators = part(values.numerators)
    assert numerators is not None
    return Ratios(numerators, part(values.denominators), part(values.known))


def spread(values: Values, length: int) -> Values:
    """A column that suits every window, once a window."""

    def part(column: NDArray[Any]) -> NDArray[Any]:
        return np.broadcast_to(column, (length,)) if len(column) == 1 != length else column

    if isinstance(values, Truths):
        return Truths(part(values.values))
    return Ratios(
        part(values.numerators),
        None if values.denominators is None else part(values.denominators),
        None if values.known is None else part(values.known),
    )


def select(flags: Flags, chosen: Values, other: Values) -> Values:
    """``chosen`` where the flag is set, else ``other``."""
    if isinstance(chosen, Truths) or isinstance(other, Truths):
        return Truths(np.where(flags, _truths(chosen), _truths(other)).astype(np.int8))
    known: Flags | None = None
    if chosen.known is not None or other.known is not None:
        known = np.where(flags, _known(chosen), _known(other))
    denominators: Integers | None = None
    if chosen.denominators is not None or other.denominators is not None:
        denominators = np.where(flags, _below(chosen), _below(other))
    return Ratios(np.where(flags, chosen.numerators, other.numerators), denominators, known)


def _truths(values: Values) -> NDArray[np.int8]:
    if isinstance(values, Truths):
        return values.values
    # What is not known has no type.
    return UNSURE.values


def _known(values: Ratios) -> Flags:
    return np.ones(1, dtype=np.bool_) if values.known is None else values.known


def _below(values: Ratios) -> Integers:
    return np.ones(1, dtype=np.int64) if values.denominators is None else values.denominators


# Comparison and logic


def _crossed(left: Ratios, right: Ratios) -> tuple[Integers, Integers]:
    """Two numbers over the same denominator."""
    if left.denominators is right.denominators:
        return left.numerators, right.numerators
    return product(left.numerators, right.denominators), product(right.numerators, left.denominators)


def compare(sign: str, left: Values, right: Values) -> NDArray[np.int8]:
    """``left sign right``: 1, 0, or -1 where a side is unknown."""
    first, second = as_ratios(left), as_ratios(right)
    one, other = _crossed(first, second)
    found: NDArray[np.int8] = np.asarray(_COMPARISONS[sign](one, other)).astype(np.int8)
    known = both_known(first.known, second.known)
    if known is not None:
        found = np.where(known, found, np.int8(-1)).astype(np.int8)
    return found


def surely(sign: str, left: Values, right: Values) -> Flags:
    """Where ``left sign right`` is known to hold."""
    found: Flags = compare(sign, left, right) == 1
    return found


_AND: Final = np.array([[-1, 0, -1], [0, 0, 0], [-1, 0, 1]], dtype=np.int8)


def both(left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.int8]:
    """``and`` by Kleene."""
    found: NDArray[np.int8] = _AND[left + np.int8(1), right + np.int8(1)]
    return found


def negated(operand: NDArray[np.int8]) -> NDArray[np.int8]:
    """``not`` by Kleene."""
    return np.where(operand < 0, operand, 1 - operand).astype(np.int8)


def logic(word: str, left: NDArray[np.int8], right: NDArray[np.int8]) -> NDArray[np.int8]:
    """``and``, ``or``, ``implies`` by Kleene."""
    match word:
        case "and":
            return both(left, right)
        case "or":
            return negated(both(negated(left), negated(right)))
        case _:
            return negated(both(left, negated(right)))


# Arithmetic


def calculate(sign: str, left: Ratios, right: Ratios) -> Ratios:
    """``left sign right`` with one of ``+ - * / started completed rounded``; unknown for a division by zero."""
    known = both_known(left.known, right.known)
    match sign:
        case "+" | "-":
            one, other = _crossed(left, right)
            below = (
                left.denominators
                if left.denominators is right.denominators
                else _together(left.denominators, right.denominators)
            )
            return Ratios(total(one, other, 1 if sign == "+" else -1), below, known)
        case "*":
            below = _together(left.denominators, right.denominators)
            return Ratios(product(left.numerators, right.numerators), below, known)
        case "/":
            return _quotient(left, right, known)
        case _:
            quotient = _quotient(left, right, known)
            above, under = quotient.numerators, _below(quotient)
            if sign == "started":
                return Ratios(-(-above // under), None, quotient.known)
            if sign == "completed":
                return Ratios(above // under, None, quotient.known)
            steps = Ratios(_nearest(above, under), None, quotient.known)
            return calculate("*", steps, right)


def _together(left: Integers | None, right: Integers | None) -> Integers | None:
    if left is None:
        return right
    return product(left, right)


def _quotient(left: Ratios, right: Ratios, known: Flags | None) -> Ratios:
    above = product(left.numerators, right.denominators)
    below = right.numerators if left.denominators is None else product(right.numerators, left.denominators)
    zero: Flags = np.asarray(below == 0, dtype=np.bool_)
    if zero.any():
        known = both_known(known, ~zero)
        below = np.where(zero, 1, below)
    negative = np.asarray(below < 0, dtype=np.bool_)
    if negative.any():
        above, below = np.where(negative, -above, above), np.where(negative, -below, below)
    return Ratios(above, below, known)


def _nearest(above: Integers, below: Integers) -> Integers:
    """The whole number nearest to a quotient, of two the even one (rule M57)."""
    floor = above // below
    rest = total(product(above - floor * below, np.full(1, 2, dtype=np.int64)), below, -1)
    up = (rest > 0) | ((rest == 0) & (floor % 2 == 1))
    return floor + np.asarray(up).astype(np.int64)


def least(left: Ratios, right: Ratios) -> Ratios:
    """The lesser of two known numbers."""
    return _extreme(left, right, "<=")


def greatest(left: Ratios, right: Ratios) -> Ratios:
    """The greater of two known numbers."""
    return _extreme(left, right, ">=")


def _extreme(left: Ratios, right: Ratios, sign: str) -> Ratios:
    if left is right:
        return left
    found = select(compare(sign, left, right) == 1, left, right)
    assert isinstance(found, Ratios)
    return found


def ranks(values: Ratios) -> Integers:
    """For each known number its place in the order of all: equal numbers have one place. Unknown ones have any."""
    above = values.numerators
    if values.denominators is None or len(values.denominators) == 1:
        return np.unique(above, return_inverse=True)[1].astype(np.int64)
    below: Integers = values.denominators
    near = above.astype(np.float64) / below.astype(np.float64)
    order = np.argsort(near, kind="stable")
    above = np.broadcast_to(above, below.shape)[order]
    below = below[order]
    earlier, later = Ratios(above[:-1], below[:-1]), Ratios(above[1:], below[1:])
    if (compare("<=", earlier, later) == 1).all():
        steps = compare("<", earlier, later)
    else:
        # Two numbers that are nearer to each other than floating point tells.
        exact = sorted(range(len(near)), key=lambda i: Fraction(int(above[i]), int(below[i])))
        order, above, below = order[exact], above[exact], below[exact]
        earlier, later = Ratios(above[:-1], below[:-1]), Ratios(above[1:], below[1:])
        steps = compare("<", earlier, later)
    found = np.zeros(len(order), dtype=np.int64)
    found[order[1:]] = np.cumsum(steps, dtype=np.int64)
    return found
