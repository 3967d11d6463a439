"""Functions over many slices of one column, slices that overlap among them (rules M17, M33 and M56)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any, Final

import numpy as np
from attrs import frozen

from wsla.evaluation.batch.columns import Flags
from wsla.evaluation.batch.exact import LIMIT, magnitude
from wsla.evaluation.batch.frames import Positions
from wsla.evaluation.batch.ranks import descend, ranked_in_rows
from wsla.evaluation.batch.series import Integers
from wsla.evaluation.batch.stretches import extreme_between

_SPLIT: Final = 32
# Values that are looked at together: as many as a processor keeps at hand.
_BLOCK: Final = 1 << 17
# Values between two edges from which on a call for each is worth it.
_MANY: Final = 64
# Slices that have so many times the values between them overlap too much to be looked at one by one.
_OVERLAP: Final = 16


def count_in(flags: Flags, low: Positions, high: Positions) -> Positions:
    """How many flags are set in each slice."""
    many = np.count_nonzero(flags) * 2 > len(flags)
    places = np.flatnonzero(~flags if many else flags)
    found = np.searchsorted(places, high) - np.searchsorted(places, low)
    return (high - low) - found if many else found


@frozen(eq=False)
class Edges:
    """The ends of slices in order, each once, and at which of them each slice begins and ends."""

    places: Positions
    first: Positions
    last: Positions
    longest: int

    @classmethod
    def of(cls, low: Positions, high: Positions) -> Edges:
        """Those of the slices from ``low`` to ``high``."""
        if np.array_equal(low[1:], high[:-1]) and (high > low).all():
            places: Positions = np.append(low, high[-1:])
            order = np.arange(len(low))
            first, last = order, order + 1
        else:
            places, order = np.unique(np.concatenate((low, high)), return_inverse=True)
            first, last = np.split(order, 2)
        return cls(places, first, last, int(np.diff(places).max(initial=1)))


class Slices:
    """The slices ``values[low[i]:high[i]]``; in their order neither end ever goes back.

    ``most`` is a number that no value is farther from zero than; ``edges`` gives those of the slices, if known.
    """

    def __init__(
        self,
        values: Integers,
        low: Positions,
        high: Positions,
        most: int | None = None,
        edges: Callable[[], Edges] | None = None,
    ) -> None:
        self.values = values
        self.most: Final = magnitude(values) if most is None else most
        self.low = low
        self.high = high
        self._known_edges: Final = edges

    @cached_property
    def edges(self) -> Edges:
        """The ends of the slices."""
        return Edges.of(self.low, self.high) if self._known_edges is None else self._known_edges()

    @cached_property
    def counts(self) -> Positions:
        """How many values each slice has."""
        found: Positions = self.high - self.low
        return found

    def _panes(self, function: Any, values: Integers, most: int | None = None) -> Integers:
        """The function over what lies between neighbouring edges of slices; sums of values of up to ``most``."""
        edges = self.edges.places
        if len(edges) < 2:
            return values[:0]
        if most is not None and (rows := self._rows_of_short_sums(values, most)):
            sums: Integers = values[edges[0] : edges[-1]].reshape(-1, rows).sum(axis=1, dtype=values.dtype)
            return sums.astype(np.int64)
        # Numbers of few bits are added up in 64.
        kind = np.int64 if function is np.add and values.dtype != object else None
        found: Integers = function.reduceat(values[: edges[-1]], edges[:-1], dtype=kind)
        return found

    def _rows_of_short_sums(self, values: Integers, most: int) -> int:
        """How many values lie between any two neighbouring edges, where 32 bits hold their sums; 0 where not so.

        They are added up several times as fast as in 64 bits.
        """
        rows = self.edges.longest
        edges = self.edges.places
        if values.dtype != np.int32 or rows < _MANY or most * rows > np.iinfo(np.int32).max:
            return 0
        return rows if int(edges[-1] - edges[0]) == rows * (len(edges) - 1) else 0

    def sums(self) -> Integers:
        """The sum of each slice."""
        return self._sums(self.values, self.most)

    def _sums(self, values: Integers, most: int) -> Integers:
        if values.dtype == object or most * max(1, len(values)) <= LIMIT:
            return self._differences(self._panes(np.add, values, most))
        if most * self.edges.longest <= LIMIT:
            return self._differences(self._panes(np.add, values).astype(object))
        high = self._differences(self._panes(np.add, values >> _SPLIT))
        low = self._differences(self._panes(np.add, values & ((1 << _SPLIT) - 1)))
        found: Integers = high.astype(object) * (1 << _SPLIT) + low.astype(object)
        return found

    def _differences(self, panes: Integers) -> Integers:
        first, last = self.edges.first, self.edges.last
        running = np.zeros(len(panes) + 1, dtype=panes.dtype)
        np.cumsum(panes, out=running[1:])
        found: Integers = running[last] - running[first]
        return found

    def squares(self) -> Integers:
        """The sum of the squares of each slice."""
        most = self.most**2
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
        first, last = self.edges.first, self.edges.last
        return extreme_between(function, panes, first, last)

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
        if values.dtype == object or total > _OVERLAP * len(values):
            distinct, values = np.unique(values, return_inverse=True)
            found[some] = distinct[descend(values, self.low[some], self.high[some], places[some])]
            return found
        narrow = np.int32 if self.most < np.iinfo(np.int32).max else np.int64
        rows = max(1, _BLOCK // width)
        for block in range(0, len(some), rows):
            these = some[block : block + rows]
            found[these] = ranked_in_rows(values, self.low[these], self.high[these], places[these], narrow)
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
