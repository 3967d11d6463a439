"""Rewards by a table and caps on them (M28, M76), from the text to the ledger, at their boundaries."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

import wsla
from wsla.diagnostics.source import SourceText
from wsla.syntax.formatter import format_source
from wsla.values.instants import DAY

TEXT = """\
agreement "Bonus" version 1 {{
  effective 2026-01-01 in "UTC"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  service api "API" {{ fee 1000 EUR per month }}
  source probe = push {{ ok ok  holds until next }}
  metric uptime = availability(probe.ok) each day
  goal available: acme guarantees uptime >= 99.9% {{
    rewarding credit acme by uptime {{
      >= 99.99%: 5% of api.fee
      >= 99.95%: 2% of api.fee
    }} from globex
    otherwise credit globex 30 EUR
  }}
  {caps}
}}
"""


def entries(caps: str, missed: list[Fraction]) -> list[tuple[str, str, Decimal]]:
    """Kind, debtor and amount of what is booked, where the first days of the year are down for these shares of them."""
    agreement = wsla.loads(TEXT.format(caps=caps))
    start = agreement.instant("2026-01-01")
    rows = []
    for number, share in enumerate(missed):
        day = start + number * DAY
        rows.append(wsla.Observation(source="probe", at=day, fields={"ok": share == 0}))
        if share:
            back = day + int(share * DAY)
            rows.append(wsla.Observation(source="probe", at=back, fields={"ok": True}))
    until = start + len(missed) * DAY
    found = wsla.evaluate(agreement, rows, start=start, until=until).entries
    return [(one.kind, one.debtor, one.amount) for one in found]


GREAT, GOOD, FAIR, BAD = Fraction(1, 10_000), Fraction(5, 10_000), Fraction(1, 1_000), Fraction(2, 1_000)
SECOND = Fraction(1, 86_400)
FIFTY, TWENTY = ("reward", "globex", Decimal("50.00")), ("reward", "globex", Decimal("20.00"))


@pytest.mark.parametrize(
    ("missed", "booked"),
    [
        (Fraction(0), [FIFTY]),
        (GREAT, [FIFTY]),
        (GREAT + SECOND / 1000, [TWENTY]),
        (GOOD, [TWENTY]),
        (GOOD + SECOND / 1000, []),
        (FAIR, []),
        (FAIR + SECOND / 1000, [("credit", "acme", Decimal("30.00"))]),
    ],
)
def test_a_table_of_rewards_at_its_bounds(missed: Fraction, booked: list[tuple[str, str, Decimal]]) -> None:
    """M28: a value between two lines belongs to the higher one's line down to its bound; below all, nothing."""
    assert entries("", [missed]) == booked


@pytest.mark.parametrize(
    ("limit", "cut"),
    [("70 EUR", []), ("69.99 EUR", ["0.01"]), ("50 EUR", ["20.00"]), ("20 EUR", ["30.00", "20.00"])],
)
def test_rewards_above_their_cap_are_booked_back(limit: str, cut: list[str]) -> None:
    """M76."""
    found = entries(f"cap rewards to acme at {limit} each month", [Fraction(0), GOOD])
    assert [one for one in found if one[0] == "reward"] == [FIFTY, TWENTY]
    assert [(str(amount), debtor) for kind, debtor, amount in found if kind == "cap"] == [
        (amount, "acme") for amount in cut
    ]


def test_a_cap_on_credits_lets_rewards_pass_and_the_other_way_round() -> None:
    """M76."""
    days = [Fraction(0), BAD, BAD]
    rewarded = [FIFTY, ("credit", "acme", Decimal("30.00")), ("credit", "acme", Decimal("30.00"))]
    assert entries("cap credits to acme at 1 EUR each month", days) == rewarded
    assert entries("cap rewards to globex at 1 EUR each month", days) == rewarded
    both = "cap credits to globex at 40 EUR each month\n  cap rewards to acme at 10 EUR each month"
    assert [one for one in entries(both, days) if one[0] == "cap"] == [
        ("cap", "acme", Decimal("40.00")),
        ("cap", "globex", Decimal("20.00")),
    ]


def test_the_other_forms_of_a_cap() -> None:
    """M43, M76: only the highest reward of a month; and no two days in a row above an amount."""
    highest = entries("cap rewards to acme at the highest each month", [GOOD, Fraction(0), GOOD])
    assert [str(amount) for kind, _, amount in highest if kind == "cap"] == ["20.00", "20.00"]
    row = entries("cap rewards to acme at 60 EUR over last 2 days", [Fraction(0), GOOD, GOOD])
    assert [str(amount) for kind, _, amount in row if kind == "cap"] == ["10.00"]


def test_the_formatter_keeps_the_word_and_another_one_is_an_error() -> None:
    line = "cap rewards to acme at 10 EUR each month"
    text, _ = format_source(SourceText(name="bonus.sla", text=TEXT.format(caps=line)))
    assert text is not None
    assert line in text
    (problem,) = wsla.check(TEXT.format(caps=line.replace("rewards", "reward")))
    assert (problem.code, problem.message) == ("E0208", "there is no thing to cap named `reward`")
    assert "rewards" in str(problem)
