"""Buckets of a bounded relative error (rule M101), exactly: which one holds a number rests on that number alone.

They follow DDSketch (Masson, Rim and Lee, VLDB 2019), but with short decimals for bounds, not powers of one factor.
So whole numbers suffice, where floating point would put a number near a bound here into one, there into another.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from itertools import accumulate
from typing import Final

_STEPS: Final = (1, 2, 4, 5)
# Python writes out no number of very many digits.
_LONG: Final = 1 << 64
# Powers of ten down to 10^-(2^32) have keys: no number nearer to zero fits into a machine.
_LOWEST: Final = 1 << 32


class Buckets:
    """Between each number of two significant digits and the next there are equally wide buckets, as many as it takes,
    the upper bound of each included. Those of negative numbers are their mirror images, and zero has one of its own.

    ``error`` is above zero: the middle of a bucket is less than ``error`` times a number away from each number in it. A
    bucket is named by a key, a whole number: greater keys for greater numbers, and 0 for zero.
    """

    __slots__ = ("_before", "_decade", "_first", "_parts")

    def __init__(self, error: Fraction) -> None:
        # For 10, 11, … 99: how many buckets lie between it and the next number, and how many before them.
        above, below = error.denominator, 2 * error.numerator
        self._parts: Final = tuple(_least_step(-(-above // (below * digits))) for digits in range(10, 100))
        self._before: Final = tuple(accumulate(self._parts, initial=0))[:-1]
        self._decade: Final = sum(self._parts)
        self._first: Final = self._decade * _LOWEST

    def key(self, value: int | Fraction) -> int:
        """The key of the bucket that holds a number."""
        if value < 0:
            return -self.key(-value)
        if not value:
            return 0
        if type(value) is int and 10 < value < _LONG:
            # In steps of the last of two digits: the number is above so many of them, and at most one more.
            zeros = len(str(value - 1)) - 2
            unit: int = 10**zeros
            digits = (value - 1) // unit - 10
            part = ((value - (digits + 10) * unit) * self._parts[digits] - 1) // unit
            return self._first + zeros * self._decade + self._before[digits] + part
        above, below = value.numerator, value.denominator
        # As a quotient above 10, and at most 100: the number is `digits` and a bit of such steps.
        zeros = (above.bit_length() - below.bit_length()) * 3 // 10 - 1
        if zeros > 0:
            below *= 10**zeros
        else:
            above *= 10**-zeros
        while above > 100 * below:
            below, zeros = 10 * below, zeros + 1
        while above <= 10 * below:
            above, zeros = 10 * above, zeros - 1
        digits = (above - 1) // below - 10
        part = ((above - (digits + 10) * below) * self._parts[digits] - 1) // below
        return self._first + zeros * self._decade + self._before[digits] + part

    def edges(self, key: int) -> tuple[Fraction, Fraction]:
        """The bounds of a bucket, the lower one first; both are zero in that of zero."""
        if key < 0:
            low, high = self.edges(-key)
            return -high, -low
        if key == 0:
            return Fraction(0), Fraction(0)
        zeros, place = divmod(key - self._first, self._decade)
        digits = bisect_right(self._before, place) - 1
        parts = self._parts[digits]
        width = Fraction(10) ** zeros / parts
        number = (digits + 10) * parts + place - self._before[digits]
        return number * width, (number + 1) * width

    def middle(self, key: int) -> Fraction:
        """The number in the middle of a bucket, which stands for all numbers in it."""
        low, high = self.edges(key)
        return (low + high) / 2

    def around(self, value: int | Fraction) -> tuple[Fraction, Fraction]:
        """The bounds of the bucket that holds a number."""
        return self.edges(self.key(value))

    def told(self, value: int | Fraction) -> Fraction:
        """What is told of a number: the middle of its bucket."""
        return self.middle(self.key(value))

    def limit(self, sign: str, limit: int | Fraction) -> tuple[str, Fraction]:
        """A comparison that holds for a number where the given one (``< <= > >=``) holds for what is told of it."""
        key = self.key(limit)
        low, high = self.edges(key)
        told = (low + high) / 2
        # Whether the bucket that holds the limit is on the lower side of it.
        below = told < limit or (told == limit and sign in ("<=", ">"))
        bound = high if below else low
        included = key > 0 or (key == 0 and below)
        if sign in ("<", "<="):
            return "<=" if included else "<", bound
        return ">" if included else ">=", bound


def _least_step(least: int) -> int:
    """The least of 1, 2, 4, 5, 10, 20, 40, 50, 100, … that is not below a number."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= least:
                return step * power
        power *= 10
