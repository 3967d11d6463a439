"""A4: Laws of the wait between attempts, and both forms of Retry-After."""

from __future__ import annotations

from email.utils import format_datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.channels.backoff import BASE_NS, CAP_NS, LONGEST_RETRY_AFTER_NS, next_delay, parse_retry_after
from wsla.values.instants import HOUR, MINUTE, SECOND, parse_instant, to_datetime

NOW = parse_instant("2026-03-04T10:00:00Z")
LAST = Fraction(10**12 - 1, 10**12)

attempts = st.integers(1, 10**6)
fractions = st.fractions(0, 1).filter(lambda value: value < 1)
pauses = st.integers(0, 24 * HOUR)


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 320), (8, 640), (9, 900), (10, 900), (10**6, 900)]
)
def test_the_range_doubles_up_to_the_cap(attempt, seconds):
    assert next_delay(attempt, 0) == 0
    assert next_delay(attempt, Fraction(1, 2)) == seconds * SECOND // 2
    assert seconds * SECOND - 1 <= next_delay(attempt, LAST) + 1 <= seconds * SECOND


@given(attempts, fractions)
def test_without_a_request_the_wait_stays_in_its_range(attempt, fraction):
    ceiling = min(CAP_NS, BASE_NS * 2 ** min(attempt - 1, 60))
    assert 0 <= next_delay(attempt, fraction) < ceiling


@given(attempts, fractions, pauses)
def test_a_request_is_a_lower_bound_and_is_spread(attempt, fraction, pause):
    delay = next_delay(attempt, fraction, retry_after=pause)
    assert delay >= pause
    assert delay >= next_delay(attempt, fraction)
    assert delay < max(CAP_NS, pause + BASE_NS)


@given(attempts, fractions, fractions)
def test_a_larger_draw_never_waits_less(attempt, one, other):
    low, high = sorted((one, other))
    assert next_delay(attempt, low) <= next_delay(attempt, high)


@given(attempts, st.floats(0, 1, exclude_max=True))
def test_a_float_counts_as_exactly_what_it_is(attempt, fraction):
    assert next_delay(attempt, fraction) == next_delay(attempt, Fraction(fraction))


def test_a_negative_request_counts_as_none_at_all():
    assert next_delay(1, 0, retry_after=-MINUTE) == 0


@pytest.mark.parametrize(
    ("attempt", "fraction", "settings"),
    [
        (0, 0, {}),
        (1, 1, {}),
        (1, Fraction(-1, 10), {}),
        (1, float("nan"), {}),
        (1, 0, {"base_ns": 0}),
        (1, 0, {"cap_ns": 0}),
    ],
)
def test_values_without_meaning_are_refused(attempt, fraction, settings):
    with pytest.raises(ValueError, match=r"attempts|fraction|positive|NaN"):
        next_delay(attempt, fraction, **settings)


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("-0", 0),
        (" 7 ", 7 * SECOND),
        ("+7", 7 * SECOND),
        ("007", 7 * SECOND),
        ("-1", 0),
        ("-" + "9" * 5000, 0),
        ("3599", HOUR - SECOND),
        ("3600", HOUR),
        ("3601", HOUR),
        ("9" * 5000, HOUR),
        ("1.5", None),
        ("٣", None),
        ("tomorrow", None),
        ("Wed, 04 Mar 2026 10:00:01 GMT", SECOND),
        ("Wed, 04 Mar 2026 11:00:01 GMT", HOUR),
        ("Wed, 04 Mar 2026 10:00:01 -0000", SECOND),
        ("Wed, 04 Mar 2026 12:00:01 +0200", SECOND),
        ("Wednesday, 04-Mar-26 10:00:02 GMT", 2 * SECOND),
        ("Wed Mar  4 10:00:03 2026", 3 * SECOND),
        ("Wed, 04 Mar 1026 10:00:00 GMT", 0),
        ("Wed, 34 Mar 2026 10:00:00 GMT", None),
        ("Wed, 04 Mar 99999 10:00:00 GMT", None),
    ],
)
def test_retry_after(text, pause):
    assert parse_retry_after(text, NOW) == pause


@given(st.integers(-(10**6), 10**6))
def test_a_date_and_the_seconds_to_it_mean_the_same(seconds):
    date = format_datetime(to_datetime(NOW + seconds * SECOND), usegmt=True)
    assert parse_retry_after(date, NOW) == parse_retry_after(str(seconds), NOW)


@given(st.text())
def test_no_text_breaks_it(text):
    pause = parse_retry_after(text, NOW)
    assert pause is None or 0 <= pause <= LONGEST_RETRY_AFTER_NS
