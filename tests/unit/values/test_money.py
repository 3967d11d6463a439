"""Money: minor units, rounding that no context disturbs, and how amounts are written."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from wsla.values.money import (
    MINOR_UNIT_PLACES,
    UnknownCurrency,
    format_money,
    minor_unit_places,
    round_to_minor,
)


@pytest.mark.parametrize(
    ("code", "places"),
    [
        ("EUR", 2),
        ("USD", 2),
        ("JPY", 0),
        ("KRW", 0),
        ("ISK", 0),
        ("KWD", 3),
        ("TND", 3),
        ("CLF", 4),
        ("UYW", 4),
    ],
)
def test_minor_units(code: str, places: int) -> None:
    assert minor_unit_places(code) == places


def test_codes_are_three_capitals_and_none_is_listed_twice() -> None:
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_UNIT_PLACES)
    assert len(MINOR_UNIT_PLACES) == 171


@pytest.mark.parametrize("code", ["XXX", "XAU", "eur", "EURO", "", "DEM"])
def test_what_is_no_currency(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        minor_unit_places(code)


@pytest.mark.parametrize(
    ("amount", "code", "expected"),
    [
        (Fraction(5, 1000), "EUR", "0.00"),
        (Fraction(15, 1000), "EUR", "0.02"),
        (Fraction(25, 1000), "EUR", "0.02"),
        (Fraction(25_000_001, 10**9), "EUR", "0.03"),
        (Fraction(-15, 1000), "EUR", "-0.02"),
        (Fraction(-1, 1000), "EUR", "0.00"),
        (Fraction(1, 2), "JPY", "0"),
        (Fraction(3, 2), "JPY", "2"),
        (Fraction(1, 3), "KWD", "0.333"),
        (Fraction(10**60 + 1, 3), "EUR", "3" * 60 + ".67"),
    ],
)
def test_rounding_half_even_to_the_minor_unit(amount: Fraction, code: str, expected: str) -> None:
    with localcontext() as context:
        context.prec = 3
        assert format(round_to_minor(amount, code), "f") == expected


@pytest.mark.parametrize(
    ("amount", "code", "expected"),
    [
        ("200", "EUR", "200.00 EUR"),
        ("200.5", "EUR", "200.50 EUR"),
        ("-0.125", "EUR", "-0.125 EUR"),
        ("1.500", "JPY", "1.5 JPY"),
        ("1E+3", "JPY", "1000 JPY"),
        ("7", "KWD", "7.000 KWD"),
    ],
)
def test_how_money_is_written(amount: str, code: str, expected: str) -> None:
    assert format_money(Decimal(amount), code) == expected
