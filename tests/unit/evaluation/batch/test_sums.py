"""Sums of fractions in columns: exact whatever way they are added."""

from __future__ import annotations

from fractions import Fraction

import pytest

np = pytest.importorskip("numpy", reason="what holds columns is not installed")

from hypothesis import given  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from wsla.evaluation.batch.ratios import values_at, whole_numbers  # noqa: E402
from wsla.evaluation.batch.series import Ratios  # noqa: E402
from wsla.evaluation.batch.sums import Stretches, _sum_of_few, sums_of  # noqa: E402

NUMERATORS = st.integers(-5, 5) | st.integers(-(2**62), 2**62) | st.integers(-(2**80), 2**80)
DENOMINATORS = st.integers(1, 6) | st.sampled_from([2**16 - 1, 2**16, 2**16 + 1, 2**70])


@given(st.lists(st.tuples(NUMERATORS, DENOMINATORS, st.booleans()), max_size=12), st.data())
def test_a_sum_is_that_of_the_fractions(rows: list[tuple[int, int, bool]], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(rows)))
    last = data.draw(st.integers(first, len(rows)))
    values = Ratios(whole_numbers([x for x, _, _ in rows]), whole_numbers([y for _, y, _ in rows]))
    which = np.array([known for _, _, known in rows], np.bool_)
    found = sums_of(values, which, Stretches(np.array([first, 0]), np.array([last, len(rows)])))
    expected = [
        sum((Fraction(x, y) for x, y, known in part if known), Fraction(0))
        for part in (rows[first:last], rows)
    ]
    assert [Fraction(x) for x in values_at(found, 2)] == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("above", "below", "quick"),
    [
        ([1, 2, 3], [3, 4, 3], True),
        ([2**51 - 1, 1], [3, 4], True),
        # What floating point might not add exactly, and tables of denominators that would be long.
        ([2**52, 1], [3, 4], False),
        ([1, 1], [2**16, 3], True),
        ([1, 1], [2**16 + 1, 3], False),
        ([2**70, 1], [3, 4], False),
        ([], [], False),
        ([1] * 256, list(range(1, 257)), True),
        ([1] * 257, list(range(1, 258)), False),
        ([1, -1], [3, 3], True),
    ],
)
def test_small_numbers_are_added_by_their_denominators(
    above: list[int], below: list[int], quick: bool
) -> None:
    found = _sum_of_few(whole_numbers(above), whole_numbers(below))
    expected = sum((Fraction(x, y) for x, y in zip(above, below, strict=True)), Fraction(0))
    assert found == (expected if quick else None)
