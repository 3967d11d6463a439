"""Every form of a credit at its boundaries: the text, made-up outages, and what stands in the ledger after them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.remedies.ledger import balances
from wsla.testing.examples import run_example

BERLIN = ZoneInfo("Europe/Berlin")
NANOSECOND = 1
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

TEXT = """\
agreement "Credits" version 1 {{
  effective 2026-01-01 until 2028-01-01 in "Europe/Berlin"
  {currency}
  party acme "Acme" provider
  party globex "Globex" consumer
  service api "API" {{ fee {fee} }}
  {head}

  source probe = push {{ holds until next  ok ok }}

  metric outage = downtime(probe.ok) each month
  metric uptime = availability(probe.ok) each month

  goal available: acme guarantees outage <= 0s {{
    otherwise {credit}
  }}
  {more}
}}
"""


def agreement(
    credit: str,
    *,
    fee: str = "1000 EUR per month",
    currency: str = "currency EUR",
    head: str = "",
    more: str = "",
) -> wsla.Agreement:
    return wsla.loads(TEXT.format(credit=credit, fee=fee, currency=currency, head=head, more=more))


def month(number: int, year: int = 2026) -> datetime:
    return datetime(year + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=BERLIN)


def judged(text: wsla.Agreement, lost: Mapping[int, int], until: datetime) -> tuple[wsla.LedgerEntry, ...]:
    """The ledger after outages of so many nanoseconds in the middle of months, counted from January 2026."""
    rows = [wsla.Observation(source="probe", at=text.instant(month(1)), fields={"ok": True})]
    for number, length in lost.items():
        at = text.instant(month(number) + timedelta(days=3))
        rows.append(wsla.Observation(source="probe", at=at, fields={"ok": False}))
        rows.append(wsla.Observation(source="probe", at=at + length, fields={"ok": True}))
    return wsla.evaluate(text, rows, start=month(1), until=until).entries


def credited(text: wsla.Agreement, lost: int, number: int = 1) -> str | None:
    """What one outage in a month earns."""
    entries = judged(text, {number: lost}, month(number + 1))
    assert len(entries) <= 1
    return str(entries[0].amount) if entries else None


# --- blocks


@pytest.mark.parametrize(
    ("rounding", "lost", "expected"),
    [
        ("started", NANOSECOND, "50.00"),
        ("started", 30 * MINUTE, "50.00"),
        ("started", 30 * MINUTE + NANOSECOND, "100.00"),
        ("started", 60 * MINUTE, "100.00"),
        ("completed", 30 * MINUTE - NANOSECOND, None),
        ("completed", 30 * MINUTE, "50.00"),
        ("completed", 60 * MINUTE - NANOSECOND, "50.00"),
        ("completed", 60 * MINUTE, "100.00"),
    ],
)
def test_blocks_of_time(rounding: str, lost: int, expected: str | None) -> None:
    # M40: a started block counts whole, a completed one once it is full.
    text = agreement(f"credit globex 5% of api.fee per {rounding} 30m of outage")
    assert credited(text, lost) == expected


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        # February 2026 has 672 hours: 0.1% of it is 40 minutes 19.2 seconds.
        (2_419_200 * SECOND // 1000, "10.00"),
        (2_419_200 * SECOND // 1000 + NANOSECOND, "20.00"),
        (2_419_200 * SECOND // 500, "20.00"),
    ],
)
def test_blocks_of_a_share(lost: int, expected: str) -> None:
    text = agreement("credit globex 1% of api.fee per started 0.1% of 100% - uptime")
    assert credited(text, lost, 2) == expected


@pytest.mark.parametrize(("size", "expected"), [(1, "5.00"), (2, None)])
def test_blocks_of_what_is_counted_are_plain_numbers(size: int, expected: str | None) -> None:
    text = agreement(
        f"credit globex 5 EUR per completed {size} of misses from acme",
        more="metric misses = count(probe.ok where not probe.ok) each month",
    )
    assert credited(text, HOUR) == expected


def test_blocks_of_another_dimension_are_an_error() -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement("credit globex 5 EUR per started 30% of outage")
    assert [one.code for one in raised.value.diagnostics] == ["E0302"]


@pytest.mark.parametrize(
    ("blocks", "code", "replacement"),
    [("startd 30m", "E0208", "started"), ("started 0m", "E0306", None), ("started 30q", "E0301", None)],
)
def test_what_is_no_block(blocks: str, code: str, replacement: str | None) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement(f"credit globex 5 EUR per {blocks} of outage")
    (found,) = raised.value.diagnostics
    assert found.code == code
    assert (found.suggestion.replacement if found.suggestion else None) == replacement


# --- limits of one credit


@pytest.mark.parametrize(
    ("fee", "expected"),
    [
        # Ten percent: 1.00 is not greater than 1.00, nor is what is rounded to it; 1.01 is.
        ("10.00", None),
        ("10.05", None),
        ("10.051", "1.01"),
        ("10.10", "1.01"),
    ],
)
def test_a_floor_is_passed_by_the_rounded_amount_alone(fee: str, expected: str | None) -> None:
    text = agreement(
        "credit globex 10% of api.fee only above 1 USD", fee=f"{fee} USD per month", currency="currency USD"
    )
    assert credited(text, SECOND) == expected


@pytest.mark.parametrize(
    ("lost", "expected"), [(2 * HOUR, "100.00"), (3 * HOUR, "150.00"), (3 * HOUR + 1, "150.00")]
)
def test_the_most_that_one_credit_may_be(lost: int, expected: str) -> None:
    text = agreement("credit globex 50 EUR per started 1h of outage from acme at most 15% of api.fee")
    assert credited(text, lost) == expected


@pytest.mark.parametrize(("most", "expected"), [("5 EUR", None), ("5.01 EUR", "5.01")])
def test_the_floor_is_looked_at_after_the_ceiling(most: str, expected: str | None) -> None:
    assert credited(agreement(f"credit globex 20 EUR at most {most} only above 5 EUR"), HOUR) == expected


@pytest.mark.parametrize(
    ("limit", "codes"),
    [
        ("at most 3h", ["E0302"]),
        ("only above 1 USD", ["E0302"]),
        ("only above 1", ["E0302"]),
        ("only abve 1 EUR", ["E0208"]),
        ("at least 1 EUR", ["E0208"]),
        ("only above 1 EUR per outage", None),
    ],
)
def test_what_is_no_limit(limit: str, codes: list[str] | None) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement(f"credit globex 10 EUR {limit}")
    if codes is not None:
        assert [one.code for one in raised.value.diagnostics] == codes


def test_a_limit_is_fixed_or_has_one_value_a_window() -> None:
    agreement("credit globex 10 EUR at most uptime * 5 EUR")
    with pytest.raises(wsla.AgreementError) as raised:
        agreement("credit globex 10 EUR at most by probe.ok { true: 5 EUR  else: 6 EUR }")
    assert [one.code for one in raised.value.diagnostics] == ["E0309"]


# --- a part of the fee


@pytest.mark.parametrize(
    ("number", "lost", "expected"),
    [
        # Of the fee of 1000 EUR: February 2026 has 28 days, March one hour less than 31 days, April 30 days.
        (2, 28 * HOUR, "41.67"),
        (3, 743 * 36 * SECOND, "10.00"),
        (4, 720 * 36 * SECOND, "10.00"),
        (4, 720 * 36 * SECOND + 1, "10.00"),
        (4, NANOSECOND, None),
    ],
)
def test_the_fee_for_a_length_of_time(number: int, lost: int, expected: str | None) -> None:
    assert credited(agreement("credit globex api.fee for outage"), lost, number) == expected


def test_the_fee_for_a_length_of_time_many_times() -> None:
    text = agreement("credit globex 50 * api.fee for outage from acme at most api.fee")
    assert credited(text, 720 * 36 * SECOND, 4) == "500.00"
    assert credited(text, 720 * 72 * SECOND + 1, 4) == "1000.00"


def test_the_fee_for_a_length_of_time_is_that_of_the_fees_own_period() -> None:
    text = agreement("credit globex api.fee for outage", fee="8760 EUR per year")
    assert credited(text, 3 * HOUR, 2) == "3.00"


@pytest.mark.parametrize(
    ("number", "days", "expected"),
    [(2, "7 days", "250.00"), (3, "3 days", "96.77"), (4, "3 days", "100.00"), (4, "1 day", "33.33")],
)
def test_days_of_service(number: int, days: str, expected: str) -> None:
    assert credited(agreement(f"credit globex {days} of api.fee"), SECOND, number) == expected


def test_a_table_of_days_of_service() -> None:
    text = agreement("credit globex by outage { <= 1h: 3 days of api.fee  else: 15 days of api.fee }")
    assert credited(text, HOUR, 4) == "100.00"
    assert credited(text, HOUR + 1, 4) == "500.00"


def test_days_of_service_for_every_block() -> None:
    text = agreement("credit globex 1 day of api.fee per completed 1d of outage")
    assert credited(text, 3 * DAY, 4) == "100.00"
    assert credited(text, 3 * DAY - 1, 4) == "66.67"


@pytest.mark.parametrize(
    ("credit", "fee", "codes"),
    [
        ("credit globex 3 EUR for outage", "1 EUR per month", ["E0305"]),
        ("credit globex api.fee for outage", "1 EUR", ["E0305"]),
        ("credit globex 3 days of api.fee", "1 EUR", ["E0305"]),
        ("credit globex api.fee for uptime", "1 EUR per month", ["E0303"]),
        ("credit globex 3 days of api.fee for outage", "1 EUR per month", ["E0303"]),
        ("credit globex by outage { <= 1h: 3 days of api.fee  else: 9 EUR }", "1 EUR per month", ["E0302"]),
    ],
)
def test_what_is_no_part_of_a_fee(credit: str, fee: str, codes: list[str]) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement(credit, fee=fee)
    assert [one.code for one in raised.value.diagnostics] == codes


def test_fees_for_different_periods_have_no_common_part() -> None:
    with pytest.raises(wsla.AgreementError, match="E0305"):
        agreement(
            "credit globex api.fee + line.fee for outage", head='service line "Line" { fee 9 EUR per week }'
        )


# --- caps


def kept(entries: tuple[wsla.LedgerEntry, ...]) -> list[tuple[str, str]]:
    return [(entry.kind, str(entry.amount)) for entry in entries]


def test_every_cap_holds() -> None:
    text = agreement(
        "credit globex 50 EUR per started 1h of outage",
        more="cap credits to globex at 10% of api.fee each month  cap credits to globex at 150 EUR each year",
    )
    entries = judged(text, {1: 2 * HOUR, 2: 2 * HOUR + 1, 3: HOUR}, month(4))
    assert kept(entries) == [
        ("credit", "100.00"),
        ("credit", "150.00"),
        ("cap", "50.00"),
        ("cap", "50.00"),
        ("credit", "50.00"),
        ("cap", "50.00"),
    ]


def test_a_cap_over_the_last_months_moves_with_them() -> None:
    text = agreement(
        "credit globex 50 EUR per started 1h of outage",
        more="cap credits to globex at 15% of api.fee over last 3 months",
    )
    entries = judged(text, {1: 2 * HOUR, 3: 2 * HOUR, 4: 3 * HOUR}, month(6))
    # March may add 50 to the 100 of January; in April January has gone, and March left 50.
    assert kept(entries) == [
        ("credit", "100.00"),
        ("credit", "100.00"),
        ("cap", "50.00"),
        ("credit", "150.00"),
        ("cap", "50.00"),
    ]
    assert entries[2].memo.startswith("above the cap of 150.00 EUR in the 3 months up to 2026-03: ")


@pytest.mark.parametrize(
    ("later", "expected"), [(12, [("credit", "50.00"), ("cap", "50.00")]), (13, [("credit", "50.00")])]
)
def test_a_cap_over_the_last_twelve_months_looks_at_twelve(
    later: int, expected: list[tuple[str, str]]
) -> None:
    text = agreement("credit globex 50 EUR", more="cap credits to globex at 50 EUR over last 12 months")
    assert kept(judged(text, {1: HOUR, later: HOUR}, month(later + 1))) == [("credit", "50.00"), *expected]


def test_a_late_credit_for_an_early_month_fits_in_no_run_of_months_that_is_full() -> None:
    # The quarter is judged in April, but counts in January; February has left nothing of the two months' sum.
    text = agreement(
        "credit globex 50 EUR",
        more="""
  cap credits to globex at 60 EUR over last 2 months
  metric quarterly = downtime(probe.ok) each quarter
  goal slow: acme guarantees quarterly <= 0s { otherwise credit globex 30 EUR }""",
    )
    entries = judged(text, {2: HOUR}, month(4))
    assert kept(entries) == [("credit", "50.00"), ("credit", "30.00"), ("cap", "20.00")]
    assert "up to 2026-02" in entries[-1].memo


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (50, 30, [("credit", "50.00"), ("credit", "30.00"), ("cap", "30.00")]),
        (30, 50, [("credit", "30.00"), ("credit", "50.00"), ("cap", "30.00")]),
        (50, 50, [("credit", "50.00"), ("credit", "50.00"), ("cap", "50.00")]),
    ],
)
def test_only_the_highest_credit_of_a_month_stands(
    first: int, second: int, expected: list[tuple[str, str]]
) -> None:
    text = agreement(
        f"credit globex {first} EUR",
        more=f"""
  cap credits to globex at the highest each month
  goal steady: acme guarantees uptime >= 99.9% {{ otherwise credit globex {second} EUR }}""",
    )
    assert kept(judged(text, {1: HOUR}, month(2))) == expected
    both = judged(text, {1: HOUR, 2: HOUR}, month(3))
    assert kept(both) == expected * 2
    assert both[2].memo.startswith("beside the highest credit in 2026-01: ")


@pytest.mark.parametrize(
    ("cap", "code"),
    [
        ("at the higest each month", "E0208"),
        ("at a highest each month", "E0208"),
        ("at the highest over last 3 months", "E0305"),
        ("at 5 EUR over last 3 moons", "E0305"),
        ("at 5 EUR over last 0 months", "E0305"),
        ("at 5 EUR over last 1.5 months", "E0305"),
        ("at 5h over last 3 months", "E0303"),
    ],
)
def test_what_is_no_cap(cap: str, code: str) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement("credit globex 10 EUR", more=f"cap credits to globex {cap}")
    assert [one.code for one in raised.value.diagnostics] == [code]


# --- units of the agreement's own

POINTS = 'unit point "points"'


@pytest.mark.parametrize(
    ("credit", "expected"),
    [
        ("4 points", "4.00"),
        ("1 point", "1.00"),
        ("2.25 points", "2.25"),
        ("0.75 * 3points", "2.25"),
        ("by outage { <= 30m: 1 point  else: 2.5 points }", "2.50"),
        ("1.5 points per started 30m of outage", "3.00"),
        ("9 points at most 8 points only above 7.99 points", "8.00"),
        ("9 points at most 8 points only above 8 points", None),
        # Half a hundredth of a point goes to the even hundredth.
        ("0.5 * 0.01points + 4points", "4.00"),
    ],
)
def test_points(credit: str, expected: str | None) -> None:
    # M44: a unit of the agreement's own has two decimal places.
    assert credited(agreement(f"credit globex {credit}", head=POINTS), HOUR) == expected


def test_points_and_money_are_kept_apart() -> None:
    # M44: each unit has its own sums and caps.
    text = agreement(
        "{ credit globex 4 points  credit globex 10 EUR }",
        head=POINTS,
        more="""
  cap credits to globex at 6 points each year
  cap credits to globex at 15 EUR each year""",
    )
    entries = judged(text, {1: HOUR, 2: HOUR}, month(3))
    assert [(entry.kind, str(entry.amount), entry.currency) for entry in entries] == [
        ("credit", "4.00", "point"),
        ("credit", "10.00", "EUR"),
        ("credit", "4.00", "point"),
        ("cap", "2.00", "point"),
        ("credit", "10.00", "EUR"),
        ("cap", "5.00", "EUR"),
    ]
    assert "above the cap of 6 point in 2026" in entries[3].memo
    assert [(one.currency, str(one.amount)) for one in balances(entries)] == [
        ("EUR", "15.00"),
        ("point", "6.00"),
    ]


def test_the_highest_is_found_for_points_and_money_each() -> None:
    text = agreement(
        "{ credit globex 4 points  credit globex 10 EUR  credit globex 3 points }",
        head=POINTS,
        more="cap credits to globex at the highest each month",
    )
    assert kept(judged(text, {1: HOUR}, month(2))) == [
        ("credit", "4.00"),
        ("credit", "10.00"),
        ("credit", "3.00"),
        ("cap", "3.00"),
    ]


def test_an_example_expects_points() -> None:
    text = TEXT.format(
        credit="{ credit globex 4 points  credit globex 10 EUR }",
        fee="1 EUR per month",
        currency="currency EUR",
        head=POINTS,
        more="",
    )
    text += """test "both" {
      given probe.ok = true at 2026-01-01
      given probe.ok = false at 2026-01-05
      expect credit globex 4 points in 2026-01
      expect credit globex 10 EUR in 2026-01
      expect no credit globex 5 points in 2026-01
    }"""
    found = wsla.loads(text)
    (example,) = found.checked.examples
    assert run_example(found.checked, example).failures == ()


@pytest.mark.parametrize(
    ("credit", "head", "codes"),
    [
        ("4 points", "", ["E0301"]),
        ("4 pionts", POINTS, ["E0301"]),
        ("4.125 points", POINTS, ["E0301"]),
        ("4 points at most 5 EUR", POINTS, ["E0302"]),
        ("4 min", POINTS, ["E0301"]),
        ("4 days", "", ["E0303"]),
        ("4 EUR", 'unit day "days"', ["E0202", "E0202"]),
        ("4 EUR", 'unit s "seconds"', ["E0202"]),
        ("4 EUR", "unit Point", ["E0208"]),
        ("4 EUR", 'unit point "bonus points"', ["E0208"]),
        ("4 EUR", 'unit point "points" unit mark "points"', ["E0202"]),
    ],
)
def test_what_is_no_unit(credit: str, head: str, codes: list[str]) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement(f"credit globex {credit}", head=head)
    assert [one.code for one in raised.value.diagnostics if one.code != "W0212"] == codes


# --- claims


@pytest.mark.parametrize(
    ("number", "within", "until"),
    [
        # Days run from the day after the window's last one; clocks go forward on 29 March.
        (2, "30 days", datetime(2026, 3, 31, tzinfo=BERLIN)),
        (3, "30 days", datetime(2026, 5, 1, tzinfo=BERLIN)),
        (3, "1 day", datetime(2026, 4, 2, tzinfo=BERLIN)),
        (3, "2 weeks", datetime(2026, 4, 15, tzinfo=BERLIN)),
        # The end of the second billing cycle after the one of the incident: 31 May is in time, 1 June is late.
        (3, "2 months", datetime(2026, 6, 1, tzinfo=BERLIN)),
        (2, "2 months", datetime(2026, 5, 1, tzinfo=BERLIN)),
        (3, "1 year", datetime(2027, 4, 1, tzinfo=BERLIN)),
    ],
)
def test_a_credit_that_must_be_claimed_has_a_deadline(number: int, within: str, until: datetime) -> None:
    # M45: counted from the day of the window's last instant; months from the day after it.
    text = agreement(f"credit globex 10 EUR claimed within {within} of window end")
    (entry,) = judged(text, {number: HOUR}, month(number + 1))
    assert (entry.state, entry.claim_until) == ("accrued", text.instant(until))


def test_the_last_day_of_a_window_within_a_day_is_that_day() -> None:
    text = agreement(
        "notify globex",
        more="""
  metric hourly = downtime(probe.ok) each 1h
  goal quick: acme guarantees hourly <= 0s { otherwise credit globex 1 EUR claimed within 1 day of window end }""",
    )
    entry = judged(text, {1: HOUR}, month(2))[0]
    assert entry.window.end == text.instant(month(1) + timedelta(days=3, hours=1))
    assert entry.claim_until == text.instant(month(1) + timedelta(days=5))


def test_other_credits_are_due_and_caps_share_the_state_of_their_credit() -> None:
    text = agreement(
        "{ credit globex 10 EUR  credit globex 10 EUR claimed within 1 day of window end }",
        more="cap credits to globex at 15 EUR each month",
    )
    found = [(entry.kind, entry.state, entry.claim_until is None) for entry in judged(text, {1: 1}, month(2))]
    assert found == [("credit", "due", True), ("credit", "accrued", False), ("cap", "accrued", False)]


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        ("within 30 days of window start", "E0208"),
        ("withn 30 days of window end", "E0208"),
        ("within 0 days of window end", "E0305"),
        ("within 1.5 months of window end", "E0305"),
        ("within 24h of window end", "E0305"),
        ("within 3 moons of window end", "E0305"),
    ],
)
def test_what_is_no_claim(claim: str, code: str) -> None:
    with pytest.raises(wsla.AgreementError) as raised:
        agreement(f"credit globex 10 EUR claimed {claim}")
    assert [one.code for one in raised.value.diagnostics] == [code]
