"""Agreements that cut time by conditions (M50) and forgive short outages (M52, M53), with examples."""

from __future__ import annotations

import pytest

import wsla
from wsla.diagnostics.source import SourceText
from wsla.syntax.formatter import format_source
from wsla.testing.examples import run_example

HEAD = """\
agreement "Maps" version 1 {
  effective 2026-01-01 until 2027-01-01 in "Europe/Berlin"
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push { holds until next  ok ok }
  source flags = push { holds until next  deployed deployed  planned planned }
  metric planned  = flags.planned
  metric deployed = flags.deployed
"""

FORGIVEN = (
    HEAD
    + """
  metric uptime  = availability(probe.ok, forgiving outages FORGIVEN) each day
  metric outage  = downtime(probe.ok, forgiving outages FORGIVEN) each day
  metric longer  = outages(probe.ok, forgiving outages FORGIVEN) each day
  metric good    = duration(probe.ok, forgiving outages FORGIVEN) each day
  metric served  = share(minute_by_minute, forgiving outages FORGIVEN) each day
  metric minute_by_minute = availability(probe.ok) each 1m >= 100%
  goal available: acme guarantees outage <= 0s { otherwise credit globex 10 EUR from acme }
  goal serving: acme guarantees served >= 100% { otherwise notify globex }
  goal rest: acme guarantees good > 0s and uptime > 0% and longer < 9 { otherwise notify globex }
}
test "what is lost on one day in March" {
  given probe.ok = true from 2026-03-04
  given probe.ok = false from 2026-03-04T10:00 for LOST
  EXPECTED
}
"""
)

COUNTS = (
    "expect available violated in 2026-03-04 expect credit globex 10 EUR in 2026-03-04 "
    "expect outage == LOST in 2026-03-04 expect longer == 1 in 2026-03-04 expect serving violated in 2026-03-04"
)
FORGIVES = (
    "expect available met in 2026-03-04 expect no credit globex in 2026-03-04 expect outage == 0s in 2026-03-04 "
    "expect longer == 0 in 2026-03-04 expect uptime == 100% in 2026-03-04 expect serving met in 2026-03-04"
)


def passes(text: str) -> None:
    """Every test in the text comes out, of the text as the formatter writes it too."""
    formatted, problems = format_source(SourceText(name="a.sla", text=text))
    assert formatted is not None, problems
    for written in (text, formatted):
        agreement = wsla.loads(written)
        assert agreement.checked.examples
        for example in agreement.checked.examples:
            assert run_example(agreement.checked, example, agreement.plan).failures == ()


@pytest.mark.parametrize(
    ("forgiven", "lost", "expected"),
    [
        ("under 5m", "4m", FORGIVES),
        ("under 5m", "5m", COUNTS),
        ("up to 5m", "5m", FORGIVES),
        ("up to 5m", "6m", COUNTS),
    ],
)
def test_five_minutes_in_a_row(forgiven: str, lost: str, expected: str) -> None:
    """M52 over time, M53 over minutes."""
    text = FORGIVEN.replace("FORGIVEN", forgiven).replace("EXPECTED", expected).replace("LOST", lost)
    passes(text)


CUT = (
    HEAD
    + """
  metric good = duration(probe.ok INSIDE) each day BEHIND
  metric gone = downtime(probe.ok INSIDE) each day BEHIND
  metric uptime = availability(probe.ok where planned and not deployed INSTEAD) each day, or 95% when idle
  goal short: acme guarantees gone < 2h { otherwise notify globex }
  goal long: acme guarantees good > 1h { otherwise notify globex }
  goal nothing: acme guarantees uptime >= 99% { otherwise notify globex }
}
test "an hour is lost while maintenance is planned for two" {
  given probe.ok = true, flags.planned = false, flags.deployed = true from 2026-03-04
  given flags.planned = true from 2026-03-04T10:00 for 2h
  given probe.ok = false from 2026-03-04T11:30 for 1h
  expect good == GOOD in 2026-03-04
  expect gone == LOST in 2026-03-04
  expect uptime == 95% in 2026-03-04
}
"""
)


@pytest.mark.parametrize(
    ("inside", "behind", "good", "lost"),
    [
        ("", "", "23h", "1h"),
        # Two of twenty-four hours are cut, with the first half of the outage.
        ("where not planned", "", "21.5h", "0.5h"),
        ("", "excluding planned", "21.5h", "0.5h"),
        ("where deployed", "excluding planned", "21.5h", "0.5h"),
        # A written `or` is bound more closely than what follows the call.
        ("where not deployed or not planned", "during deployed", "21.5h", "0.5h"),
        ("where planned or deployed", "excluding planned", "21.5h", "0.5h"),
        ("", "during planned", "1.5h", "0.5h"),
        ("", "during planned excluding deployed", "0s", "0s"),
        # What is left of the outage is half an hour.
        (", forgiving outages up to 30m", "excluding planned", "22h", "0s"),
        ("where not planned, forgiving outages under 30m", "", "21.5h", "0.5h"),
        (", forgiving outages up to 30m", "", "23h", "1h"),
    ],
)
def test_planned_maintenance_is_cut(inside: str, behind: str, good: str, lost: str) -> None:
    """M50."""
    text = CUT.replace(" INSIDE", inside if inside.startswith(",") else f" {inside}" if inside else "")
    text = text.replace(" BEHIND", f" {behind}" if behind else "").replace(" INSTEAD", "")
    if good == "0s":
        # Nothing is left to look at, so that there is no value.
        text = text.replace("  expect good == GOOD in 2026-03-04\n  expect gone == LOST in 2026-03-04\n", "")
    passes(text.replace("GOOD", good).replace("LOST", lost))
