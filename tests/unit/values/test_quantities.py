"""Quantities: lexemes, dimensions, suggestions, and exact writing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.values.instants import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from wsla.values.quantities import (
    DATA,
    DIMENSIONLESS,
    TIME,
    UNITS,
    Dimension,
    Quantity,
    QuantityError,
    format_percentage,
    format_quantity,
    money,
    nearest_unit,
    parse_quantity,
)

PER_TIME = TIME.power(-1)


@pytest.mark.parametrize(
    ("text", "value", "dimension"),
    [
        ("250ms", 250 * MILLISECOND, TIME),
        ("1.5s", 1500 * MILLISECOND, TIME),
        ("5m", 5 * MINUTE, TIME),
        ("24h", DAY, TIME),
        ("7d", 7 * DAY, TIME),
        ("1ns", 1, TIME),
        ("0.5ns", Fraction(1, 2), TIME),
        ("99.9%", Fraction(999, 1000), DIMENSIONLESS),
        ("500 EUR", 500, money("EUR")),
        ("0.10 USD", Fraction(1, 10), money("USD")),
        ("1.5GiB", 3 * 2**29, DATA),
        ("1kB", 1000, DATA),
        ("1PB", 10**15, DATA),
        ("120/min", Fraction(120, MINUTE), PER_TIME),
        ("1/day", Fraction(1, DAY), PER_TIME),
        ("5MB/s", Fraction(5_000_000, SECOND), DATA / TIME),
        ("3", 3, DIMENSIONLESS),
        ("0.5", Fraction(1, 2), DIMENSIONLESS),
    ],
)
def test_lexemes(text: str, value: int | Fraction, dimension: Dimension) -> None:
    quantity = parse_quantity(text)
    assert (quantity.value, quantity.dimension, quantity.written) == (value, dimension, text)
    assert quantity.is_percentage == text.endswith("%")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("5min", "m"),
        ("5 sec", "s"),
        ("3 hours", "h"),
        ("99 percent", "%"),
        ("5 EUX", "EUR"),
        ("5 UDS", "USD"),
        ("5 eur", "EUR"),
        ("5 euros", "EUR"),
        ("5kb", "kB"),
        ("5µs", "us"),
        ("3/m", "min"),
        ("3/second", "s"),
        ("3/fortnight", None),
        ("5 months", None),
        ("1_000", None),
        ("1,000", None),
        ("1e3", None),
        (".5", None),
        ("-5", None),
        ("٣", None),
        ("", None),
        ("EUR", "EUR"),
        ("1" * 41, None),
    ],
)
def test_what_is_no_quantity(text: str, suggestion: str | None) -> None:
    with pytest.raises(QuantityError) as caught:
        parse_quantity(text)
    assert caught.value.suggestion == suggestion


def test_the_longest_number_is_forty_digits() -> None:
    assert parse_quantity("1" * 40).value == int("1" * 40)


def test_units_of_an_agreement_itself() -> None:
    found = parse_quantity("4 points", {"point": "point", "points": "point"})
    assert found.dimension == Dimension((("point", 1),))
    assert nearest_unit("point", {"points": "point"}) == "points"


def test_equality_ignores_how_it_was_written() -> None:
    assert parse_quantity("60s") == parse_quantity("1m")
    assert parse_quantity("1m") != Quantity(Fraction(60 * SECOND))


def test_nearest_unit_gives_only_what_exists() -> None:
    for alias in ("min", "mins", "Seconds", "HOURS", "gib", "percentage", "milisecond"):
        assert nearest_unit(alias) in UNITS
    assert nearest_unit("bananas") is None


def test_dimensions_multiply_and_cancel() -> None:
    euro = money("EUR")
    assert euro / TIME * TIME == euro
    assert TIME / TIME == DIMENSIONLESS
    assert TIME.power(0) == DIMENSIONLESS
    assert (DATA * TIME).exponents == (("data", 1), ("time", 1))
    assert Dimension((("time", 1), ("data", 0))) == TIME
    assert (euro.currency, TIME.currency, (euro / TIME).currency, euro.power(2).currency) == (
        "EUR",
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("dimension", "words"),
    [
        (DIMENSIONLESS, "a share or a number"),
        (TIME, "a duration"),
        (DATA, "an amount of data"),
        (money("EUR"), "an amount in EUR"),
        (PER_TIME, "a rate per time"),
        (DATA / TIME, "an amount of data per time"),
        (money("EUR") / TIME, "an amount in EUR per time"),
        (Dimension((("point", 1),)), "a number of points"),
        (TIME.power(2), "a duration to the power of 2"),
    ],
)
def test_dimensions_in_words(dimension: Dimension, words: str) -> None:
    assert dimension.describe() == words


@pytest.mark.parametrize(
    ("value", "dimension", "text"),
    [
        (Fraction(2 * HOUR + 5 * MINUTE), TIME, "2h 5m"),
        (Fraction(1, 3), TIME, "~0s"),
        (Fraction(3, 2), TIME, "~2ns"),
        (Fraction(-MINUTE), TIME, "-1m"),
        (Fraction(500), money("EUR"), "500 EUR"),
        (Fraction(1, 3), money("EUR"), "~0.333333 EUR"),
        (Fraction(1536 * 2**20), DATA, "1.5GiB"),
        (Fraction(1000), DATA, "1kB"),
        (Fraction(1024), DATA, "1KiB"),
        (Fraction(1001), DATA, "1001B"),
        (Fraction(0), DATA, "0B"),
        (Fraction(1, 3), DATA, "~0.333333B"),
        (Fraction(120, MINUTE), PER_TIME, "2/s"),
        (Fraction(1, 3 * SECOND), PER_TIME, "20/min"),
        (Fraction(1, 7 * DAY), PER_TIME, "~0.142857/day"),
        (Fraction(100, 7 * SECOND), PER_TIME, "~14.285714/s"),
        (Fraction(2000, DAY), money("EUR") / TIME, "2000 EUR/day"),
        (Fraction(1, 4), DIMENSIONLESS, "0.25"),
        (Fraction(-1, 4), DIMENSIONLESS, "-0.25"),
        (Fraction(100), DIMENSIONLESS, "100"),
        (Fraction(2, 3), DIMENSIONLESS, "~0.666667"),
        (Fraction(-1, 3 * 10**9), DIMENSIONLESS, "~0"),
        (Fraction(4), Dimension((("point", 1),)), "4 point"),
    ],
)
def test_how_quantities_are_written(value: Fraction, dimension: Dimension, text: str) -> None:
    assert format_quantity(value, dimension) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(999, 1000), "99.9%"),
        (Fraction(1), "100%"),
        (Fraction(0), "0%"),
        (Fraction(1, 3), "~33.3333%"),
        (1 - Fraction(1, 3 * 10**9), "~99.99999997%"),
        (Fraction(1, 3 * 10**9), "~0.00000003%"),
        (Fraction(-1, 10), "-10%"),
        (Fraction(999_950, 1_000_000), "99.995%"),
        (Fraction(9_995_005, 10**7), "~99.95%"),
        (Fraction(9_995_015, 10**7), "~99.9502%"),
    ],
)
def test_how_percentages_are_written(value: Fraction, text: str) -> None:
    assert format_percentage(value) == text


def test_a_missed_target_never_reads_like_the_target() -> None:
    target = Fraction(999, 1000)
    missed = target - Fraction(1, 3 * 10**8)
    assert format_percentage(missed) == "~99.9%"
    assert format_percentage(missed, apart_from=target) == "~99.8999997%"
    assert format_percentage(target, apart_from=target) == "99.9%"


@given(st.fractions(), st.integers(0, 6))
def test_percentages_are_the_nearest_with_so_many_places(value: Fraction, places: int) -> None:
    """Rounded half-even; ``~`` where that is not the value, and never 0% or 100% for what is neither."""
    text = format_percentage(value, places)
    shown = Fraction(text.removesuffix("%").removeprefix("~")) / 100
    assert text.startswith("~") == (shown != value)
    decimals = len(text.removesuffix("%").partition(".")[2])
    if decimals <= places and shown not in (0, 1):
        assert shown * 100 == round(value * 100, places)
    assert (shown == 0) == (value == 0)
    assert (shown == 1) == (value == 1)


@given(st.fractions(max_denominator=10**20))
def test_numbers_are_written_whole_where_eighteen_places_do(value: Fraction) -> None:
    text = format_quantity(value)
    shown = Fraction(text.removeprefix("~"))
    ends = 10**18 % value.denominator == 0
    assert text.startswith("~") == (not ends)
    assert shown == (value if ends else round(value, 6))
