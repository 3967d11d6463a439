"""Exact functions over stretches of a column: sums, extremes and ranks of the rows from one position to another."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, lcm
from typing import Final

import numpy as np
from attrs import frozen

from wsla.evaluation.batch.columns import Flags, Instants
from wsla.evaluation.batch.ratios import magnitude, ranks, running_total, whole_numbers
from wsla.evaluation.batch.series import Integers, Ratios

_SMALL: Final = 1 << 16
_FEW: Final = 256
_EXACT_IN_FLOAT: Final = 1 << 53
"""Whole numbers below this are added in floating point without loss."""


@frozen(eq=False)
class Stretches:
    """Rows ``[first, last)`` of a column, a window each."""

    first: Instants
    last: Instants

    @property
    def lengths(self) -> Instants:
        """How many rows there are in each."""
        return self.last - self.first

    def count(self, flags: Flags) -> Instants:
        """How many of the flags are set in each."""
        sums = running_total(flags.astype(np.int64))
        found: Instants = sums[self.last] - sums[self.first]
        return found


def sums_of(values: Ratios, which: Flags, stretches: Stretches) -> Ratios:
    """The exact sum in each stretch of the rows for which the flag is set; 0 where there are none."""
    above = np.where(which, values.numerators, 0)
    below = values.denominators
    if below is None:
        return Ratios(_differences(above, stretches))
    used = below[which]
    if not len(used) or (used == used[0]).all():
        number = len(stretches.first)
        under = np.full(number, used[0] if len(used) else 1, dtype=below.dtype)
        return Ratios(_differences(above, stretches), under)
    found = [
        _sum_of_fractions(above[first:last], below[first:last])
        for first, last in zip(stretches.first.tolist(), stretches.last.tolist(), strict=True)
    ]
    return from_fractions(found)


def _differences(above: Integers, stretches: Stretches) -> Integers:
    sums = running_total(above)
    found: Integers = sums[stretches.last] - sums[stretches.first]
    return found


def _sum_of_fractions(above: Integers, below: Integers) -> Fraction:
    """The sum of quotients: those of one denominator first, then two by two, so that no number grows early."""
    few = _sum_of_few(above, below)
    if few is not None:
        return few
    kinds, kind = np.unique(below, return_inverse=True)
    order = np.argsort(kind, kind="stable")
    sums = running_total(above[order])
    edges = np.searchsorted(kind[order], np.arange(len(kinds) + 1))
    parts = [
        Fraction(int(number), int(under))
        for number, under in zip((sums[edges[1:]] - sums[edges[:-1]]).tolist(), kinds.tolist(), strict=True)
    ]
    while len(parts) > 1:
        pairs = [sum(parts[i : i + 2], Fraction(0)) for i in range(0, len(parts), 2)]
        parts = pairs
    return parts[0] if parts else Fraction(0)


def _sum_of_few(above: Integers, below: Integers) -> Fraction | None:
    """The sum where all numbers are small and there are few different denominators; otherwise None."""
    if not len(below) or above.dtype == object or magnitude(below) > _SMALL:
        return None
    if magnitude(above) * len(above) >= _EXACT_IN_FLOAT:
        return None
    sums = np.bincount(below, weights=above)
    kinds = np.flatnonzero(sums)
    if len(kinds) > _FEW:
        return None
    whole = lcm(*kinds.tolist())
    parts = zip(kinds.tolist(), sums[kinds].tolist(), strict=True)
    return Fraction(sum(int(number) * (whole // under) for under, number in parts), whole)


def from_fractions(values: Sequence[Fraction | int | None]) -> Ratios:
    """A column of these numbers."""
    known = np.array([value is not None for value in values], dtype=np.bool_)
    plain = [Fraction(0) if value is None else value for value in values]
    return Ratios(
        whole_numbers([value.numerator for value in plain]),
        whole_numbers([value.denominator for value in plain]),
        None if known.all() else known,
    )


class Ranked:
    """A column in which rows are compared by their places in the order of all; unknown ones are infinite."""

    def __init__(self, values: Ratios) -> None:
        self._values: Final = values
        number = len(values.numerators)
        self._known: Final = np.ones(number, dtype=np.bool_) if values.known is None else values.known
        self._ranks: Final = ranks(values) + 1 if number else np.zeros(0, dtype=np.int64)
        # A row that has each place; places 0 and ``_top`` are minus and plus infinity.
        self._top: Final = number + 1
        self._row: Final = np.zeros(number + 2, dtype=np.int64)
        self._row[self._ranks] = np.arange(number)

    def places(self, which: Flags | None, absent: int) -> Instants:
        """The place of each row; an unknown one, or one that is not looked at, is minus (-1) or plus (1) infinity."""
        looked_at = self._known if which is None else self._known & which
        return np.where(looked_at, self._ranks, 0 if absent < 0 else self._top)

    def least(self, places: Instants, stretches: Stretches) -> Ratios:
        """The least in each stretch; unknown where that is infinite."""
        return self._at(_reduced(np.minimum, places, stretches, self._top))

    def greatest(self, places: Instants, stretches: Stretches) -> Ratios:
        """The greatest in each stretch; unknown where that is infinite."""
        return self._at(_reduced(np.maximum, places, stretches, 0))

    def percentile(
        self, share: Fraction, places: Instants, which: Flags | None, stretches: Stretches
    ) -> Ratios:
        """The nearest rank of the rows looked at (rule M17); unknown where that is infinite, or over none."""
        found = np.zeros(len(stretches.first), dtype=np.int64)
        for number, (first, last) in enumerate(
            zip(stretches.first.tolist(), stretches.last.tolist(), strict=True)
        ):
            part = places[first:last] if which is None else places[first:last][which[first:last]]
            if len(part):
                rank = max(1, ceil(share * len(part))) - 1
                found[number] = np.partition(part, rank)[rank]
        return self._at(found)

    def _at(self, places: Instants) -> Ratios:
        known = (places > 0) & (places < self._top)
        rows = self._row[places]
        above, below = self._values.numerators, self._values.denominators
        if not len(above):
            return Ratios(np.zeros(len(places), dtype=np.int64), None, known)
        return Ratios(above[rows], None if below is None else below[rows], known)


def _reduced(function: np.ufunc, places: Instants, stretches: Stretches, empty: int) -> Instants:
    if not len(stretches.first):
        return np.zeros(0, dtype=np.int64)
    padded = np.append(places, empty)
    edges = np.stack([stretches.first, stretches.last], axis=1).ravel()
    found: Instants = function.reduceat(padded, edges)[::2]
    return np.where(stretches.last > stretches.first, found, empty)
