"""Numbers of a source that says `numbers rounded`: the nearest step, half to even; without it they are refused."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.checked import Field
from wsla.analysis.types import InstantType, NumberType
from wsla.evaluation.cells import EncodingError, encode
from wsla.values.quantities import TIME

STRICT = Field(
    name="wait",
    column="wait",
    type=NumberType(dimension=TIME),
    unit_factor=Fraction(1_000_000),
    unit_stated=True,
    resolution=Fraction(1),
)
ROUNDED = Field(
    name="wait",
    column="wait",
    type=NumberType(dimension=TIME),
    unit_factor=Fraction(1_000_000),
    unit_stated=True,
    resolution=Fraction(1),
    rounded=True,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("45.751999999999995", 45_752_000),
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("0.0000025", 2),
        ("-0.0000015", -2),
        ("0.00000250000001", 3),
        ("1e-300", 0),
        ("0.0000015ms", 2),
    ],
)
def test_the_nearest_step_half_to_even(text: str, nanoseconds: int) -> None:
    assert encode(ROUNDED, text) == nanoseconds
    with pytest.raises(EncodingError, match="whole number of nanoseconds"):
        encode(STRICT, text)


@given(st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, places=12))
def test_it_rounds_as_decimal_does(milliseconds: Decimal) -> None:
    expected = int((milliseconds * 1_000_000).quantize(Decimal(1), ROUND_HALF_EVEN))
    assert encode(ROUNDED, str(milliseconds)) == expected
    assert encode(ROUNDED, milliseconds) == expected
    assert encode(ROUNDED, Fraction(milliseconds)) == expected


@given(st.floats(min_value=-1e6, max_value=1e6, allow_nan=False))
def test_what_fits_is_the_same_with_and_without(milliseconds: float) -> None:
    try:
        strict = encode(STRICT, milliseconds)
    except EncodingError:
        return
    assert encode(ROUNDED, milliseconds) == strict


def test_what_is_no_number_is_refused_all_the_same() -> None:
    for text in ("nan", "inf", "perhaps", "5 parsecs", "1e40"):
        with pytest.raises(EncodingError):
            encode(ROUNDED, text)


def test_times_are_never_rounded() -> None:
    at = Field(
        name="at",
        column="at",
        type=InstantType(),
        unit_factor=Fraction(10**9),
        unit_stated=True,
        rounded=True,
    )
    with pytest.raises(EncodingError, match="nanosecond"):
        encode(at, "1.00000000005")
