"""Square roots as exact numbers: to the nearest multiple of a step."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt


def square_root(value: Fraction, step: Fraction) -> Fraction:
    """The multiple of ``step`` nearest to the root of ``value``, the even one of two. Raises ValueError below zero."""
    if value < 0:
        raise ValueError("a negative number has no square root")
    scaled = value / step**2
    below = isqrt(scaled.numerator // scaled.denominator)
    middle = (below + Fraction(1, 2)) ** 2
    above = scaled > middle or (scaled == middle and below % 2 == 1)
    return (below + above) * step
