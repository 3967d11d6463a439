"""Percentiles that may be off by a stated error (rules M101 and M102)."""

from __future__ import annotations

from fractions import Fraction
from itertools import count
from math import ceil

from attrs import evolve

from wsla.evaluation.verdicts import SeriesValue


def bucket(value: Fraction, error: Fraction) -> tuple[Fraction, Fraction]:
    """M101: the lower and the upper bound of the bucket that holds a number."""
    if value == 0:
        return Fraction(0), Fraction(0)
    if value < 0:
        low, high = bucket(-value, error)
        return -high, -low
    # The power of ten of which the number is more than ten times, and at most a hundred times.
    unit = Fraction(1)
    while 10 * unit >= value:
        unit /= 10
    while 100 * unit < value:
        unit *= 10
    digits = ceil(value / unit) - 1
    wanted = 1 / (2 * error * digits)
    parts = next(step * 10**zeros for zeros in count() for step in (1, 2, 4, 5) if step * 10**zeros >= wanted)
    width = unit / parts
    high = ceil(value / width) * width
    return high - width, high


def approximate(exact: SeriesValue, error: Fraction) -> SeriesValue:
    """M102: what is told of an exact percentile, and how far it can be from it."""
    value, lower, upper = exact.value, exact.lower, exact.upper
    if value is not None:
        value = sum(bucket(Fraction(value), error)) / Fraction(2)
    if lower is not None:
        lower = bucket(Fraction(lower), error)[0]
    if upper is not None:
        upper = bucket(Fraction(upper), error)[1]
    return evolve(exact, value=value, lower=lower, upper=upper)
