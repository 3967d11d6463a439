"""Credits earned back (M63, M64) and credits of rules (M65), from the text to the ledger, at their boundaries."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.evaluation.reference import evaluate
from wsla.plan.model import Plan
from wsla.remedies.decider import Decider, decide
from wsla.remedies.decisions import LedgerEntry
from wsla.testing.examples import run_example

UTC = ZoneInfo("UTC")
TEXT = """\
agreement "Earned back" version 1 {{
  effective 2026-01-01 in "UTC"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  service api "API" {{ fee 1000 EUR per month }}
  source probe = push {{ ok ok  holds until next }}
  metric uptime = availability(probe.ok) {window}
  goal available: acme guarantees uptime >= 90% {{
    otherwise {credit}
    {refund}
  }}
  {more}
}}
"""


def agreement(
    refund: str, *, credit: str = "credit globex 100 EUR", window: str = "each month", more: str = ""
) -> str:
    return TEXT.format(refund=refund, credit=credit, window=window, more=more)


def month(number: int) -> datetime:
    return datetime(2026 + (number - 1) // 12, (number - 1) % 12 + 1, 1, tzinfo=UTC)


def entries(text: str, bad: dict[int, str], until: int) -> list[tuple[str, str, str]]:
    """Kind, amount and day of what is booked where months, counted from January 2026, are down up to a day."""
    loaded = wsla.loads(text)
    rows = []
    if 1 not in bad:
        rows.append(wsla.Observation(source="probe", at=loaded.instant(month(1)), fields={"ok": True}))
    for number, day in bad.items():
        start, end = month(number), datetime.fromisoformat(day).replace(tzinfo=UTC)
        rows.append(wsla.Observation(source="probe", at=loaded.instant(start), fields={"ok": False}))
        rows.append(wsla.Observation(source="probe", at=loaded.instant(end), fields={"ok": True}))
    found = wsla.evaluate(loaded, rows, start=month(1), until=month(until)).entries
    return [
        (one.kind, str(one.amount), str(datetime.fromtimestamp(one.at // 10**9, UTC).date())) for one in found
    ]


JANUARY = {1: "2026-01-20"}
CREDIT = ("credit", "100.00", "2026-02-01")


def test_the_last_of_the_good_months_brings_the_refund() -> None:
    # M63: the three months after January are met; dated at the end of April.
    text = agreement("refund 50% after 3 months met")
    assert entries(text, JANUARY, 4) == [CREDIT]
    assert entries(text, JANUARY, 5) == [CREDIT, ("refund", "50.00", "2026-05-01")]
    assert entries(text, JANUARY, 13) == [CREDIT, ("refund", "50.00", "2026-05-01")]


@pytest.mark.parametrize("missed", [2, 4])
def test_a_miss_among_them_ends_the_waiting_for_good(missed: int) -> None:
    # M63: the first credit is never earned back; that of the miss waits for months of its own.
    text = agreement("refund 50% after 3 months met")
    found = entries(text, {**JANUARY, missed: month(missed).strftime("%Y-%m-20")}, 10)
    assert [one for one in found if one[0] == "refund"] == [
        ("refund", "50.00", str(month(missed + 4).date()))
    ]


def test_a_miss_after_them_changes_nothing() -> None:
    text = agreement("refund 50% after 3 months met")
    found = entries(text, {**JANUARY, 5: "2026-05-20"}, 6)
    assert found == [CREDIT, ("refund", "50.00", "2026-05-01"), ("credit", "100.00", "2026-06-01")]


@pytest.mark.parametrize(("share", "amount"), [("0.005%", None), ("0.02%", "0.02"), ("100%", "100.00")])
def test_the_share_is_rounded_half_even(share: str, amount: str | None) -> None:
    # M63: half a cent is rounded to nothing, and nothing is not booked.
    found = entries(agreement(f"refund {share} after 1 window met"), JANUARY, 4)
    assert [one[1] for one in found if one[0] == "refund"] == ([] if amount is None else [amount])


def test_what_a_cap_took_back_is_not_earned_back() -> None:
    text = agreement("refund 50% after 1 month met", more="cap credits to globex at 60 EUR each month")
    found = entries(text, JANUARY, 3)
    assert found == [CREDIT, ("cap", "40.00", "2026-02-01"), ("refund", "30.00", "2026-03-01")]


@pytest.mark.parametrize(("until", "earned"), [("2026-02-02T09:36", False), ("2026-02-02T09:35:59", True)])
def test_a_condition_of_its_own_is_stricter(until: str, earned: bool) -> None:
    # M64: 5% of February's 28 days are 1.4 days: up to 2 February, 09:36.
    text = agreement("refund 100% after 1 month with uptime > 95%")
    found = entries(text, {**JANUARY, 2: until}, 4)
    assert ("refund", "100.00", "2026-03-01") in found or not earned
    assert earned or not [one for one in found if one[0] == "refund"]


def test_two_refunds_of_one_credit_are_two_entries() -> None:
    text = agreement("refund 40% after 1 month met\n    refund 60% after 2 months met")
    found = entries(text, JANUARY, 6)
    assert found == [CREDIT, ("refund", "40.00", "2026-03-01"), ("refund", "60.00", "2026-04-01")]


def test_an_example_expects_what_is_earned_back() -> None:
    text = (
        agreement("refund 50% after 3 months met")
        + """
test "earned back" {
  given probe.ok = true every 12h
  given probe.ok = false from 2026-01-01 until 2026-01-20
  expect refund acme 50 EUR in 2026-04
  expect no refund acme in 2026-03
  expect no refund globex
  expect refund acme
}
"""
    )
    loaded = wsla.loads(text)
    assert run_example(loaded.checked, loaded.checked.examples[0], loaded.plan).failures == ()
    wrong = wsla.loads(text.replace("acme 50 EUR", "acme 51 EUR"))
    [failure] = run_example(wrong.checked, wrong.checked.examples[0], wrong.plan).failures
    assert failure.message == "`acme` should be paid back 51, and is paid back 50.00 EUR"


def test_what_waits_survives_a_restart() -> None:
    loaded = wsla.loads(agreement("refund 50% after 3 months met", credit="credit globex 100 EUR"))
    rows = [
        wsla.Observation(source="probe", at=loaded.instant(month(1)), fields={"ok": False}),
        wsla.Observation(source="probe", at=loaded.instant(month(2)), fields={"ok": True}),
    ]
    outcome = evaluate(loaded.plan, rows, loaded.instant(month(1)), loaded.instant(month(6)))
    decider, found = Decider(loaded.plan), []
    for judgement in outcome.judgements:
        found += decider.judged(judgement)
        decider = restarted(loaded.plan, decider)
    assert found == list(decide(loaded.plan, outcome))
    kinds = [(one.kind, one.amount) for one in found if isinstance(one, LedgerEntry)]
    assert kinds == [("credit", Decimal("100.00")), ("refund", Decimal("50.00"))]


def restarted(plan: Plan, decider: Decider) -> Decider:
    return Decider.restore(plan, json.loads(json.dumps(decider.snapshot())))


@pytest.mark.parametrize(
    ("refund", "code", "words"),
    [
        ("refund 0% after 3 months met", "E0520", "above 0%"),
        ("refund 101% after 3 months met", "E0520", "above 0%"),
        ("refund 5h after 3 months met", "E0520", "above 0%"),
        ("refund 50% after 3 weeks met", "E0520", "`windows` or `months`"),
        ("refund 50% after 0 months met", "E0520", "whole windows"),
        ("refund 50% after 1.5 months met", "E0520", "whole windows"),
        ("refund 50% after 3 months violated", "E0520", "`met`"),
        ("refund 50% after 3 months wth uptime > 99%", "E0208", "`wth`"),
        ("refund 50% after 3 months with probe.ok", "E0520", "one truth for each window"),
        ("refund 50% after 3 months with availability(probe.ok) each day > 9%", "E0310", "different windows"),
        ("refund 60% after 3 months met\n    refund 60% after 6 months met", "E0520", "more than the whole"),
    ],
)
def test_what_is_wrong_is_said(refund: str, code: str, words: str) -> None:
    found = wsla.check(agreement(refund))
    assert [one.code for one in found] == [code]
    assert words in found[0].message


def test_there_must_be_a_credit_and_windows_that_follow() -> None:
    nothing = wsla.check(agreement("refund 50% after 3 months met", credit="notify globex"))
    assert [(one.code, "no `otherwise credit" in one.message) for one in nothing] == [("E0520", True)]
    rolling = wsla.check(agreement("refund 50% after 3 windows met", window="over last 1h every 1h"))
    assert [(one.code, "overlap" in one.message) for one in rolling] == [("E0520", True)]


# --- credits of rules


def test_a_rule_credits_when_it_acts() -> None:
    # M65: down from 31 January, 23:00; the rule fires in February, and its credit counts there.
    text = agreement(
        "",
        credit="notify globex",
        more="""when not probe.ok for 2h {
    credit globex 10% of api.fee
    after 1h: credit globex 50 EUR
  }
  cap credits to globex at 120 EUR each month""",
    )
    loaded = wsla.loads(text)
    at = datetime(2026, 1, 31, 23, tzinfo=UTC)
    rows = [
        wsla.Observation(source="probe", at=loaded.instant(month(1)), fields={"ok": True}),
        wsla.Observation(source="probe", at=loaded.instant(at), fields={"ok": False}),
    ]
    found = wsla.evaluate(loaded, rows, start=month(1), until=datetime(2026, 2, 1, 5, tzinfo=UTC)).entries
    shown = [(one.kind, str(one.amount), datetime.fromtimestamp(one.at // 10**9, UTC).hour) for one in found]
    assert shown == [("credit", "100.00", 1), ("credit", "50.00", 2), ("cap", "30.00", 2)]
    assert "in 2026-02" in found[2].memo
    assert len({one.id for one in found}) == 3
