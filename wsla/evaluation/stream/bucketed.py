"""Percentiles that may be off by a stated error: how many items lie in each bucket is all that is kept (rule M101)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.evaluation.stream.exact import COMPARISONS
from wsla.values.buckets import Buckets


class Bucketed:
    """The collector. It tells the middle of the bucket that holds the nearest rank; with an ``edge`` of -1 the lower
    bound of that bucket, with 1 the upper one (M102).
    """

    __slots__ = ("buckets", "counts", "edge", "number", "rank", "unbounded")

    def __init__(self, rank: Fraction, buckets: Buckets, edge: int = 0) -> None:
        self.rank: Final = rank
        self.buckets: Final = buckets
        self.edge: Final = edge
        self.counts: dict[int, int] = {}
        self.number = 0
        self.unbounded = 0

    def add(self, value: Any) -> None:
        self.add_many(value, 1)

    def add_many(self, value: Any, times: int) -> None:
        if value is None:
            self.unbounded += times
        elif times:
            self.number += times
            key = self.buckets.key(value)
            self.counts[key] = self.counts.get(key, 0) + times

    def add_all(self, values: list[Any]) -> None:
        """Many items, all of them with a bound."""
        self.number += len(values)
        counts, seen = self.counts, self.counts.get
        for key in map(self.buckets.key, values):
            counts[key] = seen(key, 0) + 1

    def plus(self, other: Bucketed) -> None:
        self.number += other.number
        self.unbounded += other.unbounded
        counts = self.counts
        for key, number in other.counts.items():
            counts[key] = counts.get(key, 0) + number

    def minus(self, other: Bucketed) -> None:
        self.number -= other.number
        self.unbounded -= other.unbounded
        counts = self.counts
        for key, number in other.counts.items():
            left = counts[key] - number
            if left:
                counts[key] = left
            else:
                del counts[key]

    def result(self, side: int = -1) -> Value:
        number = self.number + self.unbounded
        place = max(1, -(-self.rank.numerator * number // self.rank.denominator))
        if side < 0:
            place -= self.unbounded
        if not 0 < place <= self.number:
            return None
        for key in sorted(self.counts):
            place -= self.counts[key]
            if place <= 0:
                break
        return self.buckets.edges(key)[self.edge > 0] if self.edge else self.buckets.middle(key)

    def passing(self, sign: str, limit: int | Fraction) -> int:
        """How many items pass a comparison that ``Buckets.limit`` gave: a bucket passes it whole or not at all."""
        passes, bound = COMPARISONS[sign], self.buckets.key(limit)
        return sum(number for key, number in self.counts.items() if passes(key, bound))

    def save(self) -> list[object]:
        """Each key as its distance from the one before, which is short."""
        flat, before = [], 0
        for key in sorted(self.counts):
            flat += [key - before, self.counts[key]]
            before = key
        return [flat, self.unbounded]

    def load(self, saved: list[Any]) -> None:
        flat, self.unbounded = saved
        key, self.counts = 0, {}
        for step, number in zip(flat[::2], flat[1::2], strict=True):
            key += step
            self.counts[key] = number
        self.number = sum(self.counts.values())
