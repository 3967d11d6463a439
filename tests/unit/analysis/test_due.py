"""``due``, fixed values in tests, and limits of credits that change: what may be written, and what it means."""

from __future__ import annotations

import pytest

import wsla
from wsla.testing.examples import run_example

TEXT = """\
agreement "Desk" version 1 {{
  effective 2026-01-01 in "America/Los_Angeles"
  currency USD
  party it "IT" provider
  party staff "Staff" consumer
  schedule office {{ Monday-Friday 07:30-17:30 except 2026-07-03 }}
  schedule once   {{ 2026-02-02 }}
  source tickets = records push {{ at opened  solved solved  answered answered }}
  source line    = push {{ holds until next }}
  source bill    = records push {{ at issued  amount amount in USD }}
  metric by_when = {due}
  metric first_due = first(by_when) each month
  metric charges = sum(bill.amount) each month
  metric down    = downtime(line.up) each month
  goal up: it guarantees down <= 0s {{ otherwise credit staff 10 USD {limit} }}
}}
{test}
"""


def run(test: str, *, due: str = "due(tickets.opened, 4h) during office", limit: str = "") -> bool:
    agreement = wsla.loads(TEXT.format(due=due, limit=limit, test=f'test "it" {{ {test} }}'))
    (example,) = agreement.checked.examples
    return run_example(agreement.checked, example).passed


def codes(test: str = "", **parts: str) -> list[str]:
    with pytest.raises(wsla.AgreementError) as raised:
        run(test or "given line.up = true at 2026-03-01 expect up met in 2026-03", **parts)
    return [one.code for one in raised.value.diagnostics]


@pytest.mark.parametrize(
    ("opened", "length", "expected"),
    [
        # Friday with five minutes left, and a Saturday (M95).
        ("2026-03-06T17:25", "4h", "2026-03-09T11:25"),
        ("2026-03-07T12:00", "4h", "2026-03-09T11:30"),
        # At the end of the hours, not when they begin again.
        ("2026-03-02T07:30", "10h", "2026-03-02T17:30"),
        ("2026-03-02T07:30", "10.5h", "2026-03-03T08:00"),
        ("2026-07-02T15:30", "4h", "2026-07-06T09:30"),
        # No length: at once, even outside the hours.
        ("2026-03-07T12:00", "0h", "2026-03-07T12:00"),
    ],
)
def test_when_something_is_due(opened: str, length: str, expected: str) -> None:
    month = opened[:7]
    test = f"given tickets.opened = {opened} at {opened} expect first_due == {expected} in {month}"
    assert run(test, due=f"due(tickets.opened, {length}) during office")


def test_what_is_never_reached_is_unknown() -> None:
    test = "given tickets.opened = 2026-03-02T10:00 at 2026-03-02T10:00 expect first_due >= 2000-01-01 in 2026-03"
    assert not run(test, due="due(tickets.opened, 4h) during once")
    assert run(test, due="due(tickets.opened, 4h) excluding once")


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ("due(tickets.opened)", ["E0206"]),
        ("due(tickets.opened, 4)", ["E0303"]),
        ("due(4h, tickets.opened)", ["E0303"]),
        ("due(2026-03-02, 4h)", ["E0311"]),
        ("due(tickets.opened, down)", ["E0311"]),
        ("due(tickets.opened, 4h) each month", ["E0308"]),
        ("due(tickets.opened, 4h) pausing while tickets.waiting", ["E0314"]),
    ],
)
def test_what_is_no_due(due: str, expected: list[str]) -> None:
    found = codes(due=due)
    assert found[: len(expected)] == expected


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ("22m", True),
        ("20m + 2m", True),
        ("30d * (22m / 30d)", True),
        ("44m / 2", True),
        ("22m + 1ns", False),
        ("10% of 220m", True),
    ],
)
def test_a_test_compares_with_anything_that_is_fixed(value: str, *, passes: bool) -> None:
    given = "given line.up = true at 2026-06-01 given line.up = false from 2026-06-03 for 22m "
    assert run(f"{given} expect down == {value} in 2026-06") is passes


@pytest.mark.parametrize("value", ["22m / 0", "down"])
def test_what_is_not_fixed_is_an_error(value: str) -> None:
    given = "given line.up = true at 2026-06-01 "
    assert codes(f"{given} expect down == {value} in 2026-06")


GIVEN = """
  given line.up = true at 2026-03-01
  given line.up = false from 2026-03-10 for 22m
  given bill.amount = 8 USD at 2026-03-31
"""


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("at most charges", "credit staff 8 USD"),
        ("at most 2 * charges", "credit staff 10 USD"),
        ("only above charges", "credit staff 10 USD"),
        ("only above 1.25 * charges", "no credit staff"),
        ("at most charges only above charges", "no credit staff"),
    ],
)
def test_a_limit_may_have_one_value_a_window(limit: str, expected: str) -> None:
    """M41."""
    assert run(f"{GIVEN} expect {expected} in 2026-03", limit=limit)


def test_a_limit_that_is_unknown_books_nothing() -> None:
    """M41."""
    limit = "at most 1000 USD * (down / (down - down))"
    assert run(f"{GIVEN} expect no credit staff in 2026-03", limit=limit)


def test_a_limit_of_another_window_is_an_error() -> None:
    assert "E0309" in codes(limit="at most bill.amount")


@pytest.mark.parametrize(
    ("claimed", "expected"),
    [
        ("2026-05-31", "credit staff 10 USD"),
        ("2026-05-31T23:59", "credit staff 10 USD"),
        ("2026-06-01", "no credit staff"),
    ],
)
def test_what_can_still_be_claimed(claimed: str, expected: str) -> None:
    limit = "claimed within 2 months of window end"
    assert run(f"{GIVEN} expect {expected} claimed at {claimed} in 2026-03", limit=limit)


def test_what_need_not_be_claimed_can_be_had_at_any_time() -> None:
    assert run(f"{GIVEN} expect credit staff 10 USD claimed at 2026-12-31 in 2026-03")
