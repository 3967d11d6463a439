"""Interval sets at their edges; the laws are in tests/property."""

from __future__ import annotations

from wsla.values.instants import Interval
from wsla.values.intervals import (
    IntervalIndex,
    Intervals,
    clip,
    contains,
    intersect,
    length,
    normalise,
    subtract,
    union,
)


def of(*bounds: tuple[int, int]) -> Intervals:
    return tuple(Interval(start, end) for start, end in bounds)


def test_normalise_sorts_joins_touching_and_drops_empty() -> None:
    assert normalise(of((5, 7), (1, 3), (3, 4), (9, 9), (6, 6))) == of((1, 4), (5, 7))
    assert normalise(of((0, 10), (2, 3))) == of((0, 10))


def test_intersect_of_touching_is_empty() -> None:
    assert intersect(of((0, 5)), of((5, 9))) == ()
    assert intersect(of((0, 5), (6, 9)), of((4, 7))) == of((4, 5), (6, 7))


def test_subtract_cuts_holes() -> None:
    assert subtract(of((0, 10)), of((0, 1), (3, 4), (9, 12))) == of((1, 3), (4, 9))
    assert subtract(of((0, 2), (4, 6)), of((1, 5))) == of((0, 1), (5, 6))
    assert subtract(of((0, 2)), of((0, 2))) == ()


def test_union_joins() -> None:
    assert union(of((0, 2)), of((2, 3), (5, 6))) == of((0, 3), (5, 6))


def test_clip_at_bounds() -> None:
    parts = of((0, 2), (4, 6), (8, 10))
    assert clip(parts, Interval(2, 8)) == of((4, 6))
    assert clip(parts, Interval(1, 9)) == of((1, 2), (4, 6), (8, 9))
    assert clip(parts, Interval(5, 5)) == ()
    assert clip((), Interval(0, 9)) == ()


def test_contains_is_half_open() -> None:
    parts = of((0, 2), (4, 6))
    index = IntervalIndex(parts)
    inside = [instant for instant in range(-1, 8) if contains(parts, instant)]
    assert inside == [0, 1, 4, 5]
    assert [instant for instant in range(-1, 8) if index.contains(instant)] == inside


def test_measure_is_the_length_of_the_clipped_set() -> None:
    parts = of((0, 2), (4, 6), (8, 10))
    index = IntervalIndex(parts)
    for start in range(-2, 12):
        for end in range(start, 13):
            assert index.measure(start, end) == length(clip(parts, Interval(start, end)))
    assert index.measure(9, 1) == 0
    assert IntervalIndex(()).measure(0, 9) == 0
