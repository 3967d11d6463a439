"""Square roots: the nearest step, and what lies exactly in the middle."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.values.roots import square_root


@pytest.mark.parametrize(
    ("value", "step", "root"),
    [
        (Fraction(0), Fraction(1), 0),
        (Fraction(4), Fraction(1), 2),
        (Fraction(2), Fraction(1), 1),
        (Fraction(3), Fraction(1), 2),
        # Exactly between two steps: the even one.
        (Fraction(1, 4), Fraction(1), 0),
        (Fraction(9, 4), Fraction(1), 2),
        (Fraction(25, 4), Fraction(1), 2),
        (Fraction(25, 4) + Fraction(1, 10**30), Fraction(1), 3),
        (Fraction(2), Fraction(1, 1000), Fraction(1414, 1000)),
    ],
)
def test_roots(value: Fraction, step: Fraction, root: Fraction) -> None:
    assert square_root(value, step) == root


@given(st.fractions(min_value=0), st.fractions(min_value=Fraction(1, 10**9), max_value=10))
def test_no_other_step_is_nearer(value: Fraction, step: Fraction) -> None:
    root = square_root(value, step)
    assert (root / step).denominator == 1
    # The squares of the middles to the next steps enclose the value.
    assert max(root - step / 2, 0) ** 2 <= value <= (root + step / 2) ** 2


def test_a_negative_number_has_none() -> None:
    with pytest.raises(ValueError, match="negative"):
        square_root(Fraction(-1, 3), Fraction(1))
