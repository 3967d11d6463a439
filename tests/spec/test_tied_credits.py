"""Credits by ranges of a metric, at every bound: which line pays, and who has the tied value (M8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

import wsla
from wsla.analysis.check import check_text
from wsla.diagnostics.source import SourceText

UTC = ZoneInfo("UTC")
NANOSECOND = 1
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

TEXT = """\
agreement "Ranges" version 1 {{
  effective 2026-01-01 until 2027-01-01 in "UTC"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push {{ holds until next  ok ok }}
  metric uptime = availability(probe.ok) each day
  goal available: acme guarantees uptime {promise} {{
    otherwise credit globex by uptime {{ {lines} }}
  }}
}}
"""
# As published: "99.9 % or more is promised; more than 99.0 %, up to 99.9 %: 10 %; less than 99.0 %: 25 %".
PUBLISHED = "> 99.0% and <= 99.9%: 10 EUR  < 99.0%: 25 EUR"


def credited(lines: str, lost: int, promise: str = ">= 99.9%") -> str | None:
    text = wsla.loads(TEXT.format(lines=lines, promise=promise))
    start = datetime(2026, 3, 4, tzinfo=UTC)
    begun = text.instant(start)
    rows = [wsla.Observation(source="probe", at=begun, fields={"ok": lost == 0})]
    if lost:
        rows.append(wsla.Observation(source="probe", at=begun + lost, fields={"ok": True}))
    entries = wsla.evaluate(text, rows, start=start, until=start + timedelta(days=1)).entries
    assert len(entries) <= 1
    return str(entries[0].amount) if entries else None


def codes(lines: str, promise: str = ">= 99.9%") -> list[str]:
    text = TEXT.format(lines=lines, promise=promise)
    return [one.code for one in check_text(SourceText(name="t.sla", text=text))[1]]


TENTH, WHOLE = DAY // 1000, DAY // 100  # 0.1 % and 1 % of a day


@pytest.mark.parametrize(
    ("lost", "provider", "customer"),
    [
        (0, None, None),
        (TENTH - NANOSECOND, None, None),
        (TENTH, None, None),
        (TENTH + NANOSECOND, "10.00", "10.00"),
        (WHOLE - NANOSECOND, "10.00", "10.00"),
        (WHOLE, "10.00", "25.00"),
        (WHOLE + NANOSECOND, "25.00", "25.00"),
        (DAY, "25.00", "25.00"),
    ],
)
def test_a_published_table_with_its_ties_settled(
    lost: int, provider: str | None, customer: str | None
) -> None:
    assert credited(f"{PUBLISHED} ties go to acme", lost) == provider
    mended = PUBLISHED.replace("<= 99.9%", "< 99.9%")
    assert credited(f"{mended} ties go to globex", lost) == customer


def test_without_settlement_the_published_table_contradicts_its_promise() -> None:
    assert codes(PUBLISHED) == ["E0403", "E0406"]
    assert codes(f"{PUBLISHED} ties go to acme") == []
    assert codes(f"{PUBLISHED} ties go to globex") == ["E0406"]
    assert codes(PUBLISHED.replace("<= 99.9%", "< 99.9%")) == ["E0403"]
    assert codes(f"{PUBLISHED} ties go to globex", promise="> 99.9%") == []


def test_whoever_breaks_a_promise_of_more_than_a_value_pays_at_the_value() -> None:
    assert credited(f"{PUBLISHED} ties go to globex", TENTH, promise="> 99.9%") == "10.00"


@pytest.mark.parametrize(("party", "amount"), [("acme", "10.00"), ("globex", "25.00")])
def test_a_value_that_two_lines_claim(party: str, amount: str) -> None:
    lines = ">= 99.0% and < 99.9%: 10 EUR  <= 99.0%: 25 EUR"
    assert codes(lines) == ["E0407"]
    assert credited(f"{lines} ties go to {party}", WHOLE) == amount
    assert credited(f"{lines} ties go to {party}", WHOLE - NANOSECOND) == "10.00"
    assert credited(f"{lines} ties go to {party}", WHOLE + NANOSECOND) == "25.00"


def test_where_one_line_alone_has_a_value_there_is_no_tie() -> None:
    lines = "> 99.0%: 10 EUR  else: 25 EUR  ties go to acme"
    assert credited(lines, WHOLE) == "25.00"
    lines = ">= 99.0%: 10 EUR  >= 95.0%: 20 EUR  else: 25 EUR  ties go to globex"
    assert credited(lines, WHOLE) == "10.00"


def test_ties_do_not_settle_a_whole_stretch() -> None:
    assert codes("> 99.5% and < 99.9%: 10 EUR  < 99.0%: 25 EUR  ties go to acme") == ["E0403"]
    assert codes("> 98% and < 99.9%: 10 EUR  < 99.0%: 25 EUR  ties go to acme") == ["E0407"]
