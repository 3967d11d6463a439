"""Functions over many slices of one column, slices that overlap among them (rules M17, M33 and M56)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

import numpy as np

from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.exact import LIMIT, magnitude
from wsla.evaluation.batch.frames import Positions
from wsla.evaluation.batch.series import Integers

_SPLIT: Final = 32
# Values that are looked at together: as many as a processor keeps at hand.
_BLOCK: Final = 1 << 17


def count_in(flags: Flags, low: Positions, high: Positions) -> Positions:
    """How many flags are set in each slice."""
    many = np.count_nonzero(flags) * 2 > len(flags)
    places = np.flatnonzero(~flags if many else flags)
    found = np.searchsorted(places, high) - np.searchsorted(places, low)
    return (high - low) - found if many else found


class Slices:
    """The slices ``values[low[i]:high[i]]``; in their order neither end ever goes back."""

    def __init__(self, values: Integers, low: Positions, high: Positions) -> None:
        self.values = values
        self.low = low
        self.high = high
        self.counts = high - low

    @cached_property
    def _edges(self) -> tuple[Positions, Any, Any]:
        if np.array_equal(self.low[1:], self.high[:-1]) and (self.counts > 0).all():
            places = np.arange(len(self.low))
            edges: Positions = np.append(self.low, self.high[-1:])
            return edges, places, places + 1
        edges, places = np.unique(np.concatenate((self.low, self.high)), return_inverse=True)
        first, last = np.split(places, 2)
        return edges, first, last

    def _panes(self, function: Any, values: Integers) -> Integers:
        """The function over what lies between neighbouring edges of slices."""
        edges = self._edges[0]
        if len(edges) < 2:
            return values[:0]
        found: Integers = function.reduceat(values[: edges[-1]], edges[:-1])
        return found

    def sums(self, most: int | None = None) -> Integers:
        """The sum of each slice; ``most`` is the greatest magnitude of a value where it is known."""
        return self._sums(self.values, magnitude(self.values) if most is None else most)

    def _sums(self, values: Integers, most: int) -> Integers:
        if values.dtype == object or most * max(1, len(values)) <= LIMIT:
            return self._differences(self._panes(np.add, values))
        longest = int(np.diff(self._edges[0]).max(initial=1))
        if most * longest <= LIMIT:
            return self._differences(self._panes(np.add, values).astype(object))
        high = self._differences(self._panes(np.add, values >> _SPLIT))
        low = self._differences(self._panes(np.add, values & ((1 << _SPLIT) - 1)))
        found: Integers = high.astype(object) * (1 << _SPLIT) + low.astype(object)
        return found

    def _differences(self, panes: Integers) -> Integers:
        _, first, last = self._edges
        running = np.zeros(len(panes) + 1, dtype=panes.dtype)
        np.cumsum(panes, out=running[1:])
        found: Integers = running[last] - running[first]
        return found

    def squares(self) -> Integers:
        """The sum of the squares of each slice."""
        most = magnitude(self.values) ** 2
        values = self.values.astype(object) if most > LIMIT else self.values
        return self._sums(values * values, most)

    def least(self) -> Integers:
        """The least value of each slice, 0 of an empty one."""
        return self._extreme(np.minimum)

    def greatest(self) -> Integers:
        """The greatest value of each slice, 0 of an empty one."""
        return self._extreme(np.maximum)

    def _extreme(self, function: Any) -> Integers:
        panes = self._panes(function, self.values)
        _, first, last = self._edges
        found = np.zeros(len(self.low), dtype=self.values.dtype)
        some = last > first
        first, last = first[some], last[some]
        if not len(first):
            return found
        # Two runs of 2 ** level panes, from the front and from the back, are the slice.
        levels = np.frexp((last - first).astype(np.float64))[1] - 1
        result = np.empty(len(first), dtype=self.values.dtype)
        for level in range(int(levels.max()) + 1):
            those = levels == level
            size = 1 << level
            result[those] = function(panes[first[those]], panes[last[those] - size])
            panes = function(panes[:-size], panes[size:])
        found[some] = result
        return found

    def firsts(self) -> Integers:
        """The first value of each slice, 0 of an empty one."""
        return self._at(self.low)

    def lasts(self) -> Integers:
        """The last value of each slice, 0 of an empty one."""
        return self._at(self.high - 1)

    def _at(self, places: Positions) -> Integers:
        found = np.zeros(len(self.low), dtype=self.values.dtype)
        some = self.counts > 0
        found[some] = self.values[places[some]]
        return found

    def ranked(self, rank: Fraction) -> Integers:
        """The value at position ceil(rank x n), at least 1, of each slice's n values in ascending order."""
        places = np.maximum(-(-self.counts * rank.numerator // rank.denominator), 1) - 1
        found = np.zeros(len(self.low), dtype=self.values.dtype)
        some = np.flatnonzero(self.counts > 0)
        if not len(some):
            return found
        values = self.values
        total, width = int(self.counts.sum()), int(self.counts.max())
        if values.dtype == object or total > 16 * len(values):
            distinct, values = np.unique(values, return_inverse=True)
            found[some] = distinct[_descend(values, self.low[some], self.high[some], places[some])]
            return found
        if values.dtype == np.int64 and magnitude(values) < np.iinfo(np.int32).max:
            values = values.astype(np.int32)
        # Slices of like size side by side: few are far shorter than the longest of their block.
        rows = max(1, _BLOCK // width)
        for block in range(0, len(some), rows):
            these = some[block : block + rows]
            found[these] = _partitioned(values, self.low[these], self.high[these], places[these])
        return found

    def modes(self) -> Integers:
        """The commonest value of each slice, the least of several; 0 of an empty one."""
        found = np.zeros(len(self.low), dtype=self.values.dtype)
        for these in self._blocks():
            counts = self.counts[these]
            owners = np.repeat(np.arange(len(these)), counts)
            offsets = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
            values = self.values[np.repeat(self.low[these], counts) + offsets]
            order = np.lexsort((values, owners))
            values, owners = values[order], owners[order]
            fresh = np.append(True, (owners[1:] != owners[:-1]) | (values[1:] != values[:-1]))
            begins = np.flatnonzero(fresh)
            lengths = np.diff(np.append(begins, len(values)))
            # The longest run of a slice comes first, of equal ones that of the least value.
            ranking = np.lexsort((begins, -lengths, owners[begins]))
            first = np.append(True, np.diff(owners[begins][ranking]) != 0)
            found[these] = values[begins[ranking[first]]]
        return found

    def _blocks(self) -> Iterator[Positions]:
        some = np.flatnonzero(self.counts > 0)
        if len(some):
            blocks = np.cumsum(self.counts[some]) // (_BLOCK * 8)
            yield from np.split(some, np.flatnonzero(np.diff(blocks)) + 1)


def _partitioned(values: Integers, low: Positions, high: Positions, places: Positions) -> Integers:
    """The values at these places of slices in ascending order; no slice is empty."""
    counts = high - low
    width = int(counts.max())
    least = np.iinfo(values.dtype).min
    matrix = np.empty((len(low), width), dtype=values.dtype)
    fits = high >= width
    if fits.all():
        matrix[:] = np.lib.stride_tricks.sliding_window_view(values, width)[high - width]
    else:
        padded = np.concatenate((np.full(width, least, dtype=values.dtype), values[: int(high.max())]))
        matrix[:] = np.lib.stride_tricks.sliding_window_view(padded, width)[high]
    short = np.flatnonzero(counts < width)
    if len(short):
        missing = np.arange(width) < (width - counts[short])[:, None]
        matrix[short] = np.where(missing, least, matrix[short])
    wanted = places + (width - counts)
    matrix.partition(np.unique(wanted), axis=1)
    found: Integers = matrix[np.arange(len(low)), wanted]
    return found


def _descend(values: Positions, low: Positions, high: Positions, places: Positions) -> Positions:
    """The same for slices that overlap: values are sorted bit by bit, and all slices follow at once."""
    found = np.zeros(len(low), dtype=np.int64)
    for bit in reversed(range(max(1, int(values.max()).bit_length()))):
        set_ = (values >> bit) & 1 == 1
        zeros = np.zeros(len(values) + 1, dtype=np.int64)
        np.cumsum(~set_, out=zeros[1:])
        low_zero, high_zero = zeros[low], zeros[high]
        unset = high_zero - low_zero
        up = places >= unset
        found |= up.astype(np.int64) << bit
        low = np.where(up, zeros[-1] + low - low_zero, low_zero)
        high = np.where(up, zeros[-1] + high - high_zero, high_zero)
        places = np.where(up, places - unset, places)
        values = np.concatenate((values[~set_], values[set_]))
    return found
