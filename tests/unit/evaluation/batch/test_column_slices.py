"""Functions over slices and sets of time in columns, against the plainest code there is, with numbers of every size."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import ceil
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.evaluation.batch import ranks, slices
from wsla.evaluation.batch.slices import Slices, count_in
from wsla.evaluation.batch.stretches import Stretches, gaps_behind, lengths, where_held
from wsla.values.instants import Interval
from wsla.values.intervals import contains, intersect, length, normalise, subtract

SMALL = st.integers(-5, 5)
LARGE = st.sampled_from((2**31 - 2, 2**31 - 1, 2**31, -(2**31), 2**40, 2**62, 2**63 - 1, -(2**63) + 1))
NUMBERS = st.lists(st.one_of(SMALL, SMALL, LARGE), max_size=30) | st.lists(SMALL, max_size=30)
RANKS = st.sampled_from((Fraction(1, 100), Fraction(1, 3), Fraction(1, 2), Fraction(99, 100), Fraction(1)))


@st.composite
def some_slices(draw: st.DrawFn) -> tuple[list[int], list[tuple[int, int]]]:
    values = draw(NUMBERS)
    place = st.integers(0, len(values))
    if draw(st.booleans()):
        edges = sorted(draw(st.lists(place, min_size=1, max_size=8)))
        return values, list(pairwise(edges))
    # Windows that overlap: neither end goes back.
    count = draw(st.integers(0, 8))
    low = sorted(draw(st.lists(place, min_size=count, max_size=count)))
    high = sorted(draw(st.lists(place, min_size=count, max_size=count)))
    return values, [(min(a, b), max(a, b)) for a, b in zip(low, high, strict=True)]


def columns(values: list[int], found: list[tuple[int, int]], *, objects: bool) -> Slices:
    pairs = np.array(found, dtype=np.int64).reshape(-1, 2)
    return Slices(np.array(values, dtype=object if objects else np.int64), pairs[:, 0], pairs[:, 1])


def of_full(found: Any, pairs: list[tuple[int, int]]) -> list[int]:
    """What was found of the slices that are not empty."""
    return [int(value) for value, (low, high) in zip(found.tolist(), pairs, strict=True) if high > low]


@given(some_slices(), st.booleans(), RANKS)
def test_functions_over_slices(
    case: tuple[list[int], list[tuple[int, int]]], objects: bool, rank: Fraction
) -> None:
    values, pairs = case
    found = columns(values, pairs, objects=objects)
    parts = [values[low:high] for low, high in pairs]
    full = [part for part in parts if part]
    assert found.sums().tolist() == [sum(part) for part in parts]
    assert found.squares().tolist() == [sum(x * x for x in part) for part in parts]
    assert of_full(found.least(), pairs) == [min(part) for part in full]
    assert of_full(found.greatest(), pairs) == [max(part) for part in full]
    assert of_full(found.firsts(), pairs) == [part[0] for part in full]
    assert of_full(found.lasts(), pairs) == [part[-1] for part in full]
    expected = [sorted(part)[max(1, ceil(rank * len(part))) - 1] for part in full]
    assert of_full(found.ranked(rank), pairs) == expected
    counts = [Counter(part) for part in full]
    assert of_full(found.modes(), pairs) == [min(x, key=lambda y, x=x: (-x[y], y)) for x in counts]


@given(some_slices(), RANKS)
def test_ranks_where_slices_overlap_much(
    case: tuple[list[int], list[tuple[int, int]]], rank: Fraction
) -> None:
    values, pairs = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_OVERLAP", 0)
        found = columns(values, pairs, objects=False).ranked(rank)
    parts = [values[low:high] for low, high in pairs if high > low]
    assert of_full(found, pairs) == [sorted(part)[max(1, ceil(rank * len(part))) - 1] for part in parts]


@given(some_slices(), RANKS, st.sampled_from((0, 1, 100)))
def test_ranks_in_small_blocks_and_far_from_the_top(
    case: tuple[list[int], list[tuple[int, int]]], rank: Fraction, from_top: int
) -> None:
    values, pairs = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_BLOCK", 7)
        patch.setattr(ranks, "_FROM_TOP", from_top)
        found = columns(values, pairs, objects=False).ranked(rank)
    parts = [values[low:high] for low, high in pairs if high > low]
    assert of_full(found, pairs) == [sorted(part)[max(1, ceil(rank * len(part))) - 1] for part in parts]


@given(st.lists(st.booleans(), max_size=20), st.data())
def test_flags_are_counted(flags: list[bool], data: st.DataObject) -> None:
    place = st.integers(0, len(flags))
    pairs = [tuple(sorted(pair)) for pair in data.draw(st.lists(st.tuples(place, place), max_size=5))]
    low = np.array([a for a, _ in pairs], dtype=np.int64)
    high = np.array([b for _, b in pairs], dtype=np.int64)
    found = count_in(np.array(flags, dtype=np.bool_), low, high)
    assert found.tolist() == [sum(flags[a:b]) for a, b in pairs]


@st.composite
def sets_of_time(draw: st.DrawFn) -> tuple[Interval, ...]:
    pairs = draw(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6)), max_size=6))
    return normalise(Interval(start, start + size) for start, size in pairs)


def intervals(found: Stretches) -> tuple[Interval, ...]:
    return tuple(Interval(a, b) for a, b in zip(found.starts.tolist(), found.ends.tolist(), strict=True))


@given(
    sets_of_time(), sets_of_time(), st.lists(st.tuples(st.integers(-2, 40), st.integers(0, 20)), max_size=6)
)
def test_sets_of_time(
    a: tuple[Interval, ...], b: tuple[Interval, ...], windows: list[tuple[int, int]]
) -> None:
    one, other = Stretches.of(a), Stretches.of(b)
    assert intervals(one.inside(other)) == intersect(a, b)
    assert intervals(one.without(other)) == subtract(a, b)
    instants = np.arange(-2, 45)
    assert one.contain(instants).tolist() == [contains(a, at) for at in instants.tolist()]
    before = [length(intersect(a, (Interval(-5, at),))) for at in instants.tolist()]
    assert one.upto(instants).tolist() == before
    low = np.array([start for start, _ in windows], dtype=np.int64)
    high = np.array([start + size for start, size in windows], dtype=np.int64)
    cut = [
        intersect(a, (Interval(x, y),)) if x < y else ()
        for x, y in zip(low.tolist(), high.tolist(), strict=True)
    ]
    assert one.pieces(low, high, lengths).tolist() == [length(part) for part in cut]
    longest = [max((piece.length for piece in part), default=0) for part in cut]
    assert one.pieces(low, high, lengths, longest=True).tolist() == longest
    long = [sum(piece.length > 3 for piece in part) for part in cut]

    def are_long(starts: Any, ends: Any) -> Any:
        return (ends - starts > 3).astype(np.int64)

    assert one.pieces(low, high, are_long).tolist() == long


def test_a_sample_holds_until_the_next_or_until_it_is_stale() -> None:
    """M3: t < at + staleness. A sample that comes at that very instant leaves no gap."""
    at = np.array([0, 10, 21, 25], dtype=np.int64)
    assert gaps_behind(at, 10).tolist() == [1]
    every = np.ones(1, dtype=np.bool_)
    assert intervals(where_held(at, every, 10, 100)) == (Interval(0, 20), Interval(21, 35))
    assert intervals(where_held(at, every, 10, 30)) == (Interval(0, 20), Interval(21, 30))
    assert intervals(where_held(at, every, None, 100)) == (Interval(0, 100),)
    flags = np.array([True, False, True, True])
    assert intervals(where_held(at, flags, 10, 100)) == (Interval(0, 10), Interval(21, 35))


def test_gaps_are_found_beyond_a_block() -> None:
    at = np.arange(100_000, dtype=np.int64)
    at[32_768:] += 7
    at[70_000:] += 7
    assert gaps_behind(at, 7).tolist() == [32_767, 69_999]
    assert gaps_behind(at, 8).tolist() == []


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int16, np.uint32, np.int32])
def test_numbers_of_few_bits_are_added_up_exactly(kind: type[np.integer[Any]]) -> None:
    least, most = int(np.iinfo(kind).min), int(np.iinfo(kind).max)
    values = np.array([most, most, most, least, least], dtype=kind)
    slices = Slices(values, np.array([0, 3]), np.array([3, 5]))
    assert slices.sums().tolist() == [3 * most, 2 * least]


@pytest.mark.parametrize("count", [1, 63, 64, 100])
@pytest.mark.parametrize("most", [1, (2**31 - 1) // 100, (2**31 - 1) // 100 + 1, 2**31 - 1])
@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64])
def test_short_numbers_are_added_up_in_as_many_bits_as_their_sums_need(
    count: int, most: int, kind: type[np.signedinteger[Any]]
) -> None:
    most = min(most, int(np.iinfo(kind).max))
    values = np.full(3 * count + 1, -most, dtype=kind)
    values[1:] = most
    edges = np.arange(4) * count + 1
    found = Slices(values, edges[:-1], edges[1:]).sums()
    assert found.dtype == np.int64
    assert found.tolist() == [most * count] * 3
    # Slices that are not equally long, and some that overlap.
    low, high = np.array([0, 1, 2]), np.array([count, count + 1, 3 * count])
    expected = [sum(map(int, values[a:b])) for a, b in zip(low.tolist(), high.tolist(), strict=True)]
    assert Slices(values, low, high).sums().tolist() == expected
