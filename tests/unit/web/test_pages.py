"""Lengths as the pages show them."""

from __future__ import annotations

import pytest

pytest.importorskip("jinja2", reason="what draws pages is not installed")

from wsla.values.instants import HOUR, MILLISECOND, MINUTE, SECOND
from wsla.web.pages import rounded_length


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (0, "0s"),
        (999, "999ns"),
        (1_000, "1µs"),
        (1_234, "1.234µs"),
        (18_006_572, "18.01ms"),
        (200 * MILLISECOND, "200ms"),
        (999_999_999, "1000ms"),
        (3_386_496_853, "3.386s"),
        (-3_386_496_853, "-3.386s"),
        (59_999_999_999, "60s"),
        (MINUTE, "1m"),
        (2 * HOUR + 5 * MINUTE + 499 * MILLISECOND, "2h 5m"),
        (2 * HOUR + 5 * MINUTE + 500 * MILLISECOND, "2h 5m 1s"),
        (-(MINUTE + SECOND), "-1m 1s"),
    ],
)
def test_four_digits_count(length: int, text: str) -> None:
    assert rounded_length(length) == text
