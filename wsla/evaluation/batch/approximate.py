"""Percentiles that may be off by a stated error, in columns (rules M101 and M102).

All values of a window are at hand, so the bucket is looked for that holds the exact percentile: it is the one that
holds the nearest rank, since greater numbers are never in a lower bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

import numpy as np

from wsla.evaluation.batch.frames import Positions
from wsla.evaluation.batch.series import Integers, Ratios
from wsla.evaluation.batch.sums import from_fractions
from wsla.values.buckets import Buckets


def told(values: Ratios, buckets: Buckets) -> Ratios:
    """For each number the middle of its bucket."""
    return _replaced(values, buckets, lambda low, high: (low + high) / 2)


def lowest(values: Ratios, buckets: Buckets) -> Ratios:
    """For each number the lower bound of its bucket."""
    return _replaced(values, buckets, lambda low, high: low)


def highest(values: Ratios, buckets: Buckets) -> Ratios:
    """For each number the upper bound of its bucket."""
    return _replaced(values, buckets, lambda low, high: high)


def _replaced(values: Ratios, buckets: Buckets, pick: Callable[[Fraction, Fraction], Fraction]) -> Ratios:
    count = len(values.numerators)
    known = np.ones(count, dtype=np.bool_) if values.known is None else values.known
    above = values.numerators[known]
    below = None if values.denominators is None else values.denominators[known]
    if not len(above):
        return values
    if below is None or (below == below[0]).all():
        keys, places = _keys(above, 1 if below is None else int(below[0]), buckets)
    else:
        singles = [buckets.key(Fraction(a, b)) for a, b in zip(above.tolist(), below.tolist(), strict=True)]
        keys = sorted(set(singles))
        numbers = {key: number for number, key in enumerate(keys)}
        places = np.array([numbers[key] for key in singles])
    found = from_fractions([pick(*buckets.edges(key)) for key in keys])
    assert found.denominators is not None
    numerators = np.zeros(count, dtype=found.numerators.dtype)
    denominators = np.ones(count, dtype=found.denominators.dtype)
    numerators[known] = found.numerators[places]
    denominators[known] = found.denominators[places]
    return Ratios(numerators, denominators, values.known)


def _keys(above: Integers, below: int, buckets: Buckets) -> tuple[list[int], Positions]:
    """The keys of the buckets that hold numbers over one denominator, in order, and which of them each number has."""
    distinct, places = np.unique(above, return_inverse=True)
    greatest = int(distinct[-1])
    keys: list[int] = []
    first, owners = 0, np.zeros(len(distinct), dtype=np.int64)
    while first < len(distinct):
        key = buckets.key(Fraction(int(distinct[first]), below))
        high = buckets.edges(key)[1] * below
        # The last whole number in the bucket: the greater bound belongs to it, but not of negative numbers.
        last = ceil(high) - 1 if key < 0 else floor(high)
        upto = int(np.searchsorted(distinct, min(last, greatest), side="right"))
        owners[first:upto] = len(keys)
        keys.append(key)
        first = upto
    return keys, owners[places]
