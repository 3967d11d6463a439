"""Buckets of a bounded relative error (rule M101), exactly: which one holds a number rests on that number alone.

They follow DDSketch (Masson, Rim and Lee, VLDB 2019), with its logarithm replaced by a straight line between two powers
of two, so that whole numbers suffice: floating point would put a number near a bound here into one, there into another.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import Final

# The key of the power of two 2^-(2^32): no number nearer to zero fits into a machine.
_LOWEST: Final = 1 << 32


class Buckets:
    """``parts`` equally wide buckets between each power of two and the next, the upper bound of each included; those of
    negative numbers are their mirror images, and zero has one of its own.

    A bucket is named by a key, a whole number: greater keys for greater numbers, and 0 for zero.
    """

    __slots__ = ("_first", "parts")

    def __init__(self, parts: int) -> None:
        self.parts: Final = parts
        self._first: Final = parts * _LOWEST

    @classmethod
    def within(cls, error: Fraction) -> Buckets:
        """The fewest buckets whose middles are no farther than ``error`` times a number from each number in them.

        ``error`` is above zero.
        """
        return cls(ceil(1 / (2 * error)))

    def key(self, value: int | Fraction) -> int:
        """The key of the bucket that holds a number."""
        if value < 0:
            return -self.key(-value)
        if not value:
            return 0
        parts = self.parts
        if type(value) is int:
            doublings = (value - 1).bit_length()
            return self._first + (doublings - 2) * parts - ((-2 * parts * value) >> doublings) - 1
        above, below = value.numerator, value.denominator
        doublings = above.bit_length() - below.bit_length()
        # The least power of two that is no less than the number.
        if (above << max(-doublings, 0)) > (below << max(doublings, 0)):
            doublings += 1
        above, below = 2 * parts * above << max(-doublings, 0), below << max(doublings, 0)
        return self._first + (doublings - 2) * parts - (-above // below) - 1

    def edges(self, key: int) -> tuple[Fraction, Fraction]:
        """The bounds of a bucket, the lower one first; both are zero in that of zero."""
        if key < 0:
            low, high = self.edges(-key)
            return -high, -low
        if key == 0:
            return Fraction(0), Fraction(0)
        doublings, part = divmod(key - self._first, self.parts)
        width = Fraction(2) ** doublings / self.parts
        return (self.parts + part) * width, (self.parts + part + 1) * width

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
