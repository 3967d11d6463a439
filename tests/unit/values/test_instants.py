"""Instants: reading, writing, and local times that clock changes remove or repeat."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from wsla.values.calendars import find_zone
from wsla.values.instants import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    Interval,
    LocalTimeError,
    format_instant,
    format_length,
    from_datetime,
    from_local,
    local_time_is_repeated,
    local_time_is_skipped,
    midnight,
    parse_instant,
    to_datetime,
)

BERLIN = find_zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1970-01-01T00:00:00.0000000019Z", 1),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01 01:00+0100", 0),
        ("1969-12-31T20:30:00-03:30", 0),
        ("1970-01-02t00:00:00z", DAY),
    ],
)
def test_reading_with_an_offset(text: str, instant: int) -> None:
    assert parse_instant(text) == instant


def test_reading_local_times() -> None:
    assert parse_instant("2026-03-04T10:00", BERLIN) == parse_instant("2026-03-04T09:00Z")
    assert parse_instant("2026-03-04", BERLIN) == midnight(date(2026, 3, 4), BERLIN)
    assert parse_instant("2018-11-04", find_zone("America/Sao_Paulo")) == parse_instant("2018-11-04T03:00Z")
    assert parse_instant("1919-03-31", find_zone("America/Toronto")) == parse_instant("1919-03-31T04:30Z")


@pytest.mark.parametrize("text", ["2026-03-04T10:00", "2026-03-04"])
def test_a_local_time_needs_a_zone(text: str) -> None:
    with pytest.raises(LocalTimeError):
        parse_instant(text)
    with pytest.raises(LocalTimeError):
        from_datetime(datetime(2026, 3, 4))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "2026-02-30T00:00Z",
        "2026-03-04T24:00Z",
        "2026-03-04T10:00+24:00",
        "2026-03-04T10:00Zz",
        "0001-01-01",
        "9999-12-31",
        "2026-03-04T10:00+25:00",
        "2026-03-04T10:00+01:99",
        "٢٠٢٦-٠٣-٠٤",
    ],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|must be in|out of range|2 to 9998"):
        parse_instant(text, BERLIN)


def test_skipped_and_repeated_local_times() -> None:
    skipped, repeated = datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)
    assert (local_time_is_skipped(skipped, BERLIN), local_time_is_repeated(skipped, BERLIN)) == (True, False)
    assert (local_time_is_skipped(repeated, BERLIN), local_time_is_repeated(repeated, BERLIN)) == (
        False,
        True,
    )
    assert from_local(skipped, BERLIN) == parse_instant("2026-03-29T03:30:00+02:00")
    assert from_local(repeated, BERLIN) == parse_instant("2026-10-25T02:30:00+02:00")
    plain = datetime(2026, 3, 29, 3, 0)
    assert (local_time_is_skipped(plain, BERLIN), local_time_is_repeated(plain, BERLIN)) == (False, False)


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000000001Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (SECOND // 2, "1970-01-01T00:00:00.5Z"),
    ],
)
def test_writing(instant: int, text: str) -> None:
    assert format_instant(instant) == text
    assert parse_instant(text) == instant


def test_writing_in_a_zone() -> None:
    assert format_instant(0, BERLIN) == "1970-01-01T01:00:00+01:00"
    assert to_datetime(1_999) == datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0s"),
        (250_000_000, "250ms"),
        (1_500, "1500ns"),
        (2_000, "2us"),
        (1_500_000_000, "1.5s"),
        (2 * HOUR + 5 * MINUTE, "2h 5m"),
        (7 * DAY + 1, "7d 0.000000001s"),
        (-90 * SECOND, "-1m 30s"),
    ],
)
def test_writing_lengths(nanoseconds: int, text: str) -> None:
    assert format_length(nanoseconds) == text


def test_an_interval_is_half_open_and_never_backwards() -> None:
    interval = Interval(1, 3)
    assert [instant for instant in range(5) if interval.contains(instant)] == [1, 2]
    assert interval.length == 2
    assert Interval(3, 3).length == 0
    with pytest.raises(ValueError, match="before it starts"):
        Interval(3, 2)
