"""Buckets (M101): where their bounds are, what they hold, and that the rule's own words give the same ones."""

from __future__ import annotations

import operator
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.evaluation.reference.approximate import bucket
from wsla.values.buckets import Buckets

ONE_PERCENT = Fraction(1, 100)
HUGE = 10**40
ERRORS = [
    Fraction(1, 100_000),
    Fraction(1, 1000),
    ONE_PERCENT,
    Fraction(3, 70),
    Fraction(1, 2),
    Fraction(99, 100),
]
COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

numbers = (
    st.integers(-(10**13), 10**13)
    | st.integers(-120, 120)
    | st.fractions(-1000, 1000, max_denominator=1000)
    | st.builds(
        lambda digits, zeros: digits * Fraction(10) ** zeros, st.integers(1, 999), st.integers(-40, 40)
    )
)
errors = st.sampled_from(ERRORS) | st.fractions(Fraction(1, 1000), Fraction(98, 100), max_denominator=1000)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        (0, 0, 0),
        # From 24 to 25 there are four buckets, from 25 to 26 two.
        (250_000_000, 247_500_000, 250_000_000),
        (250_000_001, 250_000_000, 255_000_000),
        (255_000_000, 250_000_000, 255_000_000),
        (1, Fraction(99, 100), 1),
        (Fraction(1, 1), Fraction(99, 100), 1),
        (2, Fraction(1975, 1000), 2),
        (10, Fraction(99, 10), 10),
        (11, Fraction(108, 10), 11),
        (100, 99, 100),
        (101, 100, 102),
        (Fraction(1, 3), Fraction(330, 1000), Fraction(335, 1000)),
        (-250_000_000, -250_000_000, -247_500_000),
        (-250_000_001, -255_000_000, -250_000_000),
        (HUGE, 99 * HUGE // 100, HUGE),
        (HUGE + 1, HUGE, 102 * HUGE // 100),
        (Fraction(1, HUGE), Fraction(99, 100 * HUGE), Fraction(1, HUGE)),
    ],
)
def test_the_bounds_of_a_bucket(value: int | Fraction, low: int | Fraction, high: int | Fraction) -> None:
    assert Buckets(ONE_PERCENT).around(value) == (low, high)
    assert bucket(Fraction(value), ONE_PERCENT) == (low, high)


def test_every_number_of_two_digits_is_a_bound() -> None:
    for error in ERRORS:
        buckets = Buckets(error)
        for digits in range(10, 100):
            assert buckets.around(digits * 10**7)[1] == digits * 10**7


@settings(deadline=None)
@given(numbers, errors)
def test_a_bucket_holds_its_numbers_and_is_narrow_enough(value: int | Fraction, error: Fraction) -> None:
    buckets = Buckets(error)
    low, high = buckets.around(value)
    assert (low, high) == bucket(Fraction(value), error)
    assert low < value <= high if value > 0 else low <= value < high if value < 0 else low == high == 0
    middle = buckets.told(value)
    assert abs(middle - value) < error * abs(value) or value == middle == 0
    assert buckets.key(middle) == buckets.key(value) == buckets.key(Fraction(value))
    if value > 0:
        # Buckets stand side by side.
        assert buckets.key(high) == buckets.key(value) == buckets.key(low) + 1
        assert buckets.edges(buckets.key(value) + 1)[0] == high


@settings(deadline=None)
@given(numbers, numbers, errors)
def test_greater_numbers_are_in_no_lower_bucket(one: Fraction, other: Fraction, error: Fraction) -> None:
    buckets = Buckets(error)
    low, high = sorted((one, other))
    assert buckets.key(low) <= buckets.key(high)
    assert buckets.told(low) <= buckets.told(high)


@settings(deadline=None)
@given(numbers, numbers, st.integers(0, 3), errors, st.sampled_from(sorted(COMPARE)))
def test_a_comparison_of_what_is_told_is_one_of_the_number(
    value: Fraction, other: Fraction, near: int, error: Fraction, sign: str
) -> None:
    buckets = Buckets(error)
    limit = (other, value, buckets.told(value), buckets.around(value)[0])[near]
    own, bound = buckets.limit(sign, limit)
    assert COMPARE[own](value, bound) is COMPARE[sign](buckets.told(value), limit)
    # A bucket passes as a whole: so keys can be compared as well.
    assert COMPARE[own](buckets.key(value), buckets.key(bound)) is COMPARE[sign](buckets.told(value), limit)


def test_a_smaller_error_needs_more_buckets() -> None:
    def number(error: Fraction) -> int:
        buckets = Buckets(error)
        return buckets.key(1000) - buckets.key(100)

    assert [number(error) for error in ERRORS] == [163_000, 1630, 163, 92, 90, 90]
