"""Single values and rows in Python as what is stored: exact, or refused with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from wsla.analysis.checked import Field, Source
from wsla.analysis.fields import PROBES
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType, ValueType
from wsla.evaluation.encoding import (
    DataError,
    EncodingError,
    decode,
    encode,
    encode_fields,
    encoder,
    observations_from_rows,
)
from wsla.values.instants import format_instant, parse_instant
from wsla.values.observations import Observation
from wsla.values.quantities import DATA, TIME, Dimension, money

BERLIN = ZoneInfo("Europe/Berlin")
NOON = parse_instant("2026-03-04T12:00:00Z")
LAST = parse_instant("9998-12-31T23:59:59Z")


def made(kind: ValueType, unit: Fraction | int | None = None, resolution: Fraction | None = None) -> Field:
    exact = isinstance(kind, InstantType) or (isinstance(kind, NumberType) and kind.dimension == TIME)
    return Field(
        name="x",
        column="x",
        type=kind,
        unit_factor=Fraction(1 if unit is None else unit),
        unit_stated=unit is not None,
        resolution=resolution or (Fraction(1) if exact else Fraction(1, 10**6)),
    )


NUMBER = made(NumberType(), 1)
LENGTH = made(NumberType(dimension=TIME))
MILLIS = made(NumberType(dimension=TIME), 10**6)
SHARE = made(NumberType(share=True))
PERCENT = made(NumberType(share=True), Fraction(1, 100), Fraction(1, 10**12))
EURO = made(NumberType(dimension=money("EUR")))
BYTES = made(NumberType(dimension=DATA))
POINTS = made(NumberType(dimension=Dimension((("point", 1),))))
TRUTH = made(BooleanType())
WORD = made(TextType())
WHEN = made(InstantType())
SECONDS = made(InstantType(), 10**9)


@pytest.mark.parametrize(
    ("field", "value", "raw"),
    [
        *[(TRUTH, x, True) for x in ("true", "TRUE", " yes ", "1", True, 1)],
        *[(TRUTH, x, False) for x in ("false", "No", "0", False, 0)],
        (LENGTH, "601ms", 601_000_000),
        (LENGTH, "-1.5s", -1_500_000_000),
        (LENGTH, "2h 5m", 7_500_000_000_000),
        (LENGTH, "250 us", 250_000),
        (LENGTH, timedelta(microseconds=-1), -1_000),
        (MILLIS, "601", 601_000_000),
        (MILLIS, "601.25", 601_250_000),
        (MILLIS, "0.000001", 1),
        (MILLIS, "1e3", 1_000_000_000),
        (MILLIS, "2s", 2_000_000_000),
        (MILLIS, 601, 601_000_000),
        (MILLIS, 0.1, 100_000),
        (MILLIS, Decimal("0.5"), 500_000),
        (MILLIS, Fraction(1, 8), 125_000),
        (SHARE, "99.5%", 995_000),
        (PERCENT, "99.5", 995_000_000_000),
        (PERCENT, 99.5, 995_000_000_000),
        (PERCENT, "-0.5%", -5_000_000_000),
        (NUMBER, "12.5", 12_500_000),
        (NUMBER, " +12.500000000 ", 12_500_000),
        (NUMBER, "-.000001", -1),
        (NUMBER, "0e999999999", 0),
        (NUMBER, "9223372036854.775807", 2**63 - 1),
        (NUMBER, 94.0, 94_000_000),
        (EURO, "12.30 EUR", 12_300_000),
        (BYTES, "1.5KiB", 1_536_000_000),
        (WORD, " as it is ", " as it is "),
        (WORD, "ü" * 1024, "ü" * 1024),
        (WORD, 7, "7"),
        (WHEN, "2026-03-04T12:00:00Z", NOON),
        (WHEN, "2026-03-04 13:00:00+01:00", NOON),
        (WHEN, " 2026-03-04T12:00:00.000000001Z", NOON + 1),
        (WHEN, datetime(2026, 3, 4, 12, tzinfo=UTC), NOON),
        (SECONDS, "1772625600", NOON),
        (SECONDS, 1772625600, NOON),
        (SECONDS, 1772625600.5, NOON + 500_000_000),
        (SECONDS, "2026-03-04T12:00:00Z", NOON),
    ],
)
def test_what_fits_is_stored_exactly(field: Field, value: object, raw: object) -> None:
    for found in (encode(field, value), encoder(field)(value)):
        assert found == raw
        assert type(found) is type(raw)


@pytest.mark.parametrize("field", [NUMBER, LENGTH, SHARE, EURO, TRUTH, WORD, WHEN, SECONDS])
@pytest.mark.parametrize("value", [None, ""])
def test_nothing_is_unknown(field: Field, value: object) -> None:
    assert encode(field, value) is None
    assert encoder(field)(value) is None


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        (TRUTH, "up", "neither true nor false"),
        (TRUTH, 2, "neither true nor false"),
        (TRUTH, 1.0, "neither true nor false"),
        (LENGTH, "601", "has no unit: write it as 250ms"),
        (LENGTH, 601, "has no unit"),
        (LENGTH, Fraction(1, 2), "has no unit"),
        (LENGTH, "5 min", "write `m`"),
        (LENGTH, "2h soon", "is not a duration"),
        (LENGTH, "99.5%", "not a duration"),
        (LENGTH, "0.5ns", "whole number of nanoseconds"),
        (LENGTH, True, "is not a duration"),
        (MILLIS, "0.0000001", "whole number of nanoseconds"),
        (MILLIS, Fraction(1, 3), "whole number of nanoseconds"),
        (MILLIS, float("nan"), "not a finite number"),
        (MILLIS, Decimal("Infinity"), "not a finite number"),
        (SHARE, "0.995", "has no unit: write it as 99.5%"),
        (SHARE, "99.12345%", "more decimals than the 6"),
        (PERCENT, "99.00000000001", "more decimals than the 10"),
        (NUMBER, "45.751999999999995", "more decimals than the 6 that are stored"),
        (NUMBER, 0.1 + 0.2, "more decimals than the 6"),
        (NUMBER, "1e-999999999", "more decimals than the 6"),
        (NUMBER, "1e999999999", "too large"),
        (NUMBER, "9223372036854.775808", "too large"),
        pytest.param(NUMBER, 10**5000, "too large", id="5001 digits"),
        (NUMBER, "1" * 61, "more than 60 digits"),
        (NUMBER, "nan", "is not a finite number"),
        (NUMBER, "1,5", "is not a number"),
        (NUMBER, "1_000", "is not a number"),
        (NUMBER, "٣", "is not a number"),
        (NUMBER, "²", "is not a number"),
        (NUMBER, "-", "is not a number"),
        (NUMBER, [1], "is not a number"),
        (NUMBER, timedelta(1), "is a duration"),
        (EURO, "12", "write it as 500 EUR"),
        (EURO, "12 USD", "an amount in USD, not an amount in EUR"),
        (BYTES, "12s", "not an amount of data"),
        (POINTS, "3", "has no unit: state the column's unit"),
        (made(NumberType(), 1, Fraction(1, 8)), "0.1", "not a multiple of 1/8"),
        (made(NumberType(), 1, Fraction(1)), "0.1", "not a whole number"),
        (WORD, "u" * 1025, "longer than 1024"),
        (WORD, "\udcff", "not written in UTF-8"),
        (WORD, True, "is no text"),
        (WORD, b"up", "is no text"),
        (WHEN, "2026-03-04T12:00:00", "has no zone"),
        (WHEN, datetime(2026, 3, 4), "has no zone"),
        (WHEN, date(2026, 3, 4), "has no zone"),
        (WHEN, "2026-02-30T12:00:00Z", "is not a time"),
        (WHEN, "2026-03-04T12:00:60Z", "is not a time"),
        (WHEN, "2026-03-04T12:00:00ZxxxZ", "is not a time"),
        (WHEN, "2026-03-04T12:00:00.0000000001Z", "finer than a nanosecond"),
        (WHEN, 1772625600, "state in the agreement"),
        (WHEN, "1772625600", "is not a time"),
        (WHEN, "0001-01-01T00:00:00Z", "is not a time"),
        (WHEN, datetime(9999, 12, 31, tzinfo=UTC), "years 2 to 9998"),
        (SECONDS, LAST // 10**9 + 1, "years 2 to 9998"),
        (SECONDS, "0.0000000001", "whole number of nanoseconds"),
        (SECONDS, True, "is not a time"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(field: Field, value: object, reason: str) -> None:
    for encoding in (lambda: encode(field, value), lambda: encoder(field)(value)):
        with pytest.raises(EncodingError) as caught:
            encoding()
        assert reason in str(caught.value)
        assert reason in caught.value.reason
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ("0.0000005", 0),
        ("0.0000015", 2),
        ("-0.0000015", -2),
        (0.0000025, 2),
        ("0.00000250000001", 3),
        (Fraction(5, 2 * 10**6), 2),
        (Fraction(-8, 3 * 10**6), -3),
        (Decimal("1e-300"), 0),
        ("45.751999999999995", 45_752_000),
    ],
)
def test_a_rounded_field_takes_the_nearest_number_half_to_even(value: object, raw: int) -> None:
    rounded = evolve(NUMBER, rounded=True)
    assert encode(rounded, value) == encoder(rounded)(value) == raw


def test_rounding_forgives_decimals_and_nothing_else() -> None:
    assert encode(evolve(MILLIS, rounded=True), "0.0000015") == 2
    assert encode(evolve(LENGTH, rounded=True), "1.5ns") == 2
    for value in ("1e400", "nan", float("inf"), "12.5%x"):
        with pytest.raises(EncodingError):
            encode(evolve(NUMBER, rounded=True), value)


def test_local_times_are_read_in_the_zone() -> None:
    first_of_two = parse_instant("2026-10-25T00:30:00Z")
    after_the_gap = parse_instant("2026-03-29T01:30:00Z")
    for value in ("2026-10-25T02:30:00", "2026-10-25 02:30", datetime(2026, 10, 25, 2, 30)):
        assert encode(WHEN, value, BERLIN) == first_of_two
    assert encode(WHEN, datetime(2026, 3, 29, 2, 30), BERLIN) == after_the_gap
    assert encode(WHEN, date(2026, 3, 4), BERLIN) == parse_instant("2026-03-03T23:00:00Z")
    assert encode(WHEN, "2026-03-04T12:00:00Z", BERLIN) == NOON


def test_the_last_second_that_can_be_stored() -> None:
    assert encode(SECONDS, LAST // 10**9) == LAST


@given(st.lists(st.integers(min_value=0, max_value=4 * 10**18), min_size=1, max_size=5))
def test_instants_in_a_row_mean_what_each_of_them_means(instants: list[int]) -> None:
    encode_next = encoder(WHEN)
    for instant in instants:
        for near in (instant, instant + 1, instant + 10**9):
            assert encode_next(format_instant(near)) == near


@given(st.text(alphabet="0123456789-:TZ. +²", max_size=32) | st.text(max_size=32))
def test_the_quick_way_to_read_times_takes_nothing_more(text: str) -> None:
    slow: object
    try:
        slow = encode(WHEN, text)
    except EncodingError as problem:
        slow = str(problem)
    quick: object
    read = encoder(WHEN)
    read("2026-03-04T12:00:00Z")
    try:
        quick = read(text)
    except EncodingError as problem:
        quick = str(problem)
    assert quick == slow


@given(
    st.sampled_from(
        [NUMBER, MILLIS, PERCENT, made(NumberType(), Fraction(1, 3)), made(NumberType(), 1, Fraction(1, 8))]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=9)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**6), max_value=10**6, places=2),
)
def test_a_number_is_stored_exactly_or_not_at_all(field: Field, number: Decimal) -> None:
    meant = Fraction(number) * field.unit_factor
    fits = (meant / field.resolution).denominator == 1
    for value in (number, str(number), f"{number:f}", Fraction(number)):
        if fits:
            assert decode(field, encode(field, value)) == meant
        else:
            with pytest.raises(EncodingError):
                encode(field, value)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_whole_floats_keep_their_value(number: int) -> None:
    field = made(NumberType(), 1, Fraction(1))
    assert encode(field, float(number)) == number


def test_what_is_stored_can_be_read_again() -> None:
    assert decode(PERCENT, 995_000_000_000) == Fraction(995, 1000)
    assert decode(LENGTH, 5) == 5
    assert decode(WHEN, NOON) == NOON
    assert decode(TRUTH, True) is True
    assert decode(WORD, "up") == "up"
    assert decode(NUMBER, None) is None


# --- rows and fields


def source(**changes: object) -> Source:
    fields = (
        Field(name="at", column="", type=InstantType()),
        Field(name="service", column="name", type=TextType()),
        Field(name="up", column="state", type=BooleanType()),
    )
    settings: dict[str, object] = {"fields": fields, "labels": ("service",), "records": False, **changes}
    return Source(name="probe", kind="push", options={}, **settings)  # type: ignore[arg-type]


def test_rows_are_keyed_by_field_or_by_column_and_sorted() -> None:
    rows = [
        {"at": "2026-03-04T12:00:01Z", "service": "web", "up": True},
        {"time": datetime(2026, 3, 4, 12, tzinfo=UTC), "name": "web", "state": "no", "more": 1},
        {"at": "2026-03-04T12:00:02Z", "service": "web"},
    ]
    assert observations_from_rows(source(), rows, None) == [
        Observation(source="probe", at=NOON, fields={"service": "web", "up": False}),
        Observation(source="probe", at=NOON + 10**9, fields={"service": "web", "up": True}),
        Observation(source="probe", at=NOON + 2 * 10**9, fields={"service": "web", "up": None}),
    ]


def test_no_rows_are_no_observations() -> None:
    assert observations_from_rows(source(), [], None) == []


def test_the_first_row_that_does_not_fit_is_named() -> None:
    rows = [
        {"at": "2026-03-04T12:00:01Z", "service": "web", "up": True},
        {"at": "2026-03-04T12:00:02Z", "service": "web", "up": "perhaps"},
    ]
    with pytest.raises(EncodingError, match="probe, row 2: up: 'perhaps' is neither true nor false"):
        observations_from_rows(source(), rows, None)


def test_a_second_different_row_for_an_instant_is_refused_and_the_same_one_is_not() -> None:
    row = {"at": "2026-03-04T12:00:01Z", "service": "web", "up": True}
    assert len(observations_from_rows(source(), [row, row, {**row, "service": "shop"}], None)) == 2
    with pytest.raises(EncodingError, match="row 2: a second, different value"):
        observations_from_rows(source(), [row, {**row, "up": False}], None)


def test_a_field_that_no_row_holds_is_named() -> None:
    rows = [{"at": "2026-03-04T12:00:01Z", "service": "web", "sate": True}]
    with pytest.raises(DataError, match="lacks the column `state` for the field `up` \\(is it `sate`"):
        observations_from_rows(source(), rows, None)
    with pytest.raises(DataError, match="a column for the time"):
        observations_from_rows(source(), [{"service": "web", "up": True}], None)


@pytest.mark.parametrize("kind", sorted(PROBES))
def test_a_probe_needs_only_some_of_its_fields(kind: str) -> None:
    fields = (
        Field(name="ok", column="ok", type=BooleanType()),
        Field(name="elapsed", column="elapsed", type=NumberType(dimension=TIME), resolution=Fraction(1)),
    )
    probe = Source(name="probe", kind=kind, records=False, options={}, fields=fields)
    rows = [{"time": "2026-03-04T12:00:00Z", "ok": True}]
    expected = [Observation(source="probe", at=NOON, fields={"ok": True, "elapsed": None})]
    assert observations_from_rows(probe, rows, None) == expected
    with pytest.raises(DataError, match="lacks"):
        observations_from_rows(probe, [{"time": "2026-03-04T12:00:00Z", "good": True}], None)


def test_versions_of_records_count_from_their_update() -> None:
    fields = (
        Field(name="at", column="closed", type=InstantType()),
        Field(name="updated", column="changed", type=InstantType()),
        Field(name="key", column="number", type=TextType()),
    )
    tickets = Source(
        name="tickets", kind="push", records=True, options={}, fields=fields, key="key", updated="updated"
    )
    rows = [
        {"number": 7, "changed": "2026-03-04T12:00:00Z", "closed": None},
        {"number": 7, "changed": "2026-03-04T12:00:01Z", "closed": "2026-03-04T12:00:01Z"},
        {"number": None, "changed": "2026-03-04T12:00:01Z", "closed": None},
        {"number": None, "changed": "2026-03-04T12:00:01Z", "closed": None},
    ]
    found = observations_from_rows(tickets, rows, None)
    assert [x.at - NOON for x in found] == [0, 10**9, 10**9, 10**9]
    assert found[0].fields == {"key": "7", "updated": NOON, "at": None}
    assert found[1].fields["at"] == NOON + 10**9


def test_fields_of_one_observation() -> None:
    assert encode_fields(source(), {"service": "web", "up": "yes"}, None) == {"service": "web", "up": True}
    with pytest.raises(EncodingError, match="`probe` has no field `servce`: is it `service`"):
        encode_fields(source(), {"servce": "web"}, None)
    with pytest.raises(EncodingError, match="no field `at`"):
        encode_fields(source(), {"at": NOON}, None)
    with pytest.raises(EncodingError, match=r"probe\.up: 'maybe' is neither"):
        encode_fields(source(), {"up": "maybe"}, None)
