"""Whole numbers in arrays that never overflow: 64 bits where these suffice, else Python's own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wsla.evaluation.batch.series import Integers, Ratios

LIMIT: Final = 2**63 - 1


def magnitude(values: Integers) -> int:
    """A number that no value is farther from zero than; ``LIMIT + 1`` where nobody knows."""
    if values.dtype == object:
        return LIMIT + 1
    if not values.size:
        return 0
    return max(int(values.max()), -int(values.min()))


def whole(number: int) -> Integers:
    """An array of one."""
    return np.array([number], dtype=np.int64 if -LIMIT <= number <= LIMIT else object)


def times(left: Integers, right: Integers) -> Integers:
    """The products."""
    if magnitude(left) * magnitude(right) > LIMIT:
        left, right = left.astype(object), right.astype(object)
    return left * right


def scaled(values: Integers, factor: int) -> Integers:
    """Each value so many times."""
    return values if factor == 1 else times(values, whole(factor))


def plus(left: Integers, right: Integers) -> Integers:
    """The sums."""
    if magnitude(left) + magnitude(right) > LIMIT:
        left, right = left.astype(object), right.astype(object)
    return left + right


def minus(left: Integers, right: Integers) -> Integers:
    """The differences."""
    if magnitude(left) + magnitude(right) > LIMIT:
        left, right = left.astype(object), right.astype(object)
    return left - right


def narrowed(values: Integers) -> Integers:
    """The same whole numbers in 64 bits where they fit."""
    if values.dtype != object:
        return values
    if all(-LIMIT <= value <= LIMIT for value in values):
        return values.astype(np.int64)
    return values


def as_short(values: Integers) -> Integers:
    """The same whole numbers in 8, 32 or 64 bits, or as they are."""
    most = magnitude(values)
    if most > np.iinfo(np.int32).max or values.dtype == np.int8:
        return values
    return values.astype(np.int8 if most <= np.iinfo(np.int8).max else np.int32)


def as_long(values: Integers) -> Integers:
    """The same whole numbers in 64 bits, or as they are."""
    return values if values.dtype in (np.int64, object) else values.astype(np.int64)


def ratios(
    numerators: NDArray[Any],
    denominators: Integers | None = None,
    *,
    scale: Fraction = Fraction(1),
    known: NDArray[np.bool_] | None = None,
) -> Ratios:
    """Numbers ``scale`` times numerators over denominators; the numerators may be an array of fractions too."""
    if numerators.dtype == object and any(isinstance(value, Fraction) for value in numerators):
        below = np.array([Fraction(value).denominator for value in numerators], dtype=object)
        numerators = np.array([Fraction(value).numerator for value in numerators], dtype=object)
        denominators = below if denominators is None else denominators * below
    if scale.denominator != 1 or denominators is not None:
        one = np.ones(len(numerators), dtype=np.int64) if denominators is None else denominators
        denominators = scaled(one, scale.denominator)
    numerators = scaled(numerators, scale.numerator)
    if known is not None and known.all():
        known = None
    if known is not None and denominators is not None:
        denominators = np.where(known, denominators, 1)
    if known is not None:
        numerators = np.where(known, numerators, 0)
    return Ratios(
        numerators=narrowed(numerators),
        denominators=None if denominators is None else narrowed(denominators),
        known=known,
    )


def constants(value: Fraction | int | None, count: int) -> Ratios:
    """The same number many times."""
    if value is None:
        return Ratios(numerators=np.zeros(count, dtype=np.int64), known=np.zeros(count, dtype=np.bool_))
    exact = Fraction(value)
    numerators = np.repeat(whole(exact.numerator), count)
    below = None if exact.denominator == 1 else np.repeat(whole(exact.denominator), count)
    return Ratios(numerators=numerators, denominators=below)


def chosen(condition: NDArray[np.bool_], one: Ratios, other: Ratios) -> Ratios:
    """One's number where the condition holds, else the other's."""

    def pick(a: Any, b: Any, missing: Any) -> Any:
        if a is None and b is None:
            return None
        return np.where(condition, missing if a is None else a, missing if b is None else b)

    return Ratios(
        numerators=pick(one.numerators, other.numerators, 0),
        denominators=pick(one.denominators, other.denominators, np.int64(1)),
        known=pick(one.known, other.known, True),
    )
