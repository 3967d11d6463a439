"""Labels joined (M60, M61) and missed verdicts counted (M62), from the text to the ledger, at their boundaries."""

from __future__ import annotations

import pytest

import wsla
from wsla.testing.examples import run_example

TEXT = """\
agreement "Zones" version 1 {{
  effective 2026-01-01 in "UTC"
  grace 10m
  currency EUR
  party acme "Acme" provider
  party globex "Globex" consumer
  service api "API" {{ fee 1000 EUR per month }}
  source zone = push {{ label region  ok ok  load load  holds until next }}
  metric uptime = availability(zone.ok) each month by region
  {body}
}}
test "example" {{
  {example}
}}
"""
EU = 'given zone.region = "eu", zone.ok = true every 12h'
US = 'given zone.region = "us", zone.ok = true every 12h'
BOTH = f"{EU}\n  {US}\n"
METRICS = """\
metric worst = min(uptime across region)
  metric best = max(uptime across region)
  metric average = mean(uptime across region)
  metric good = count(uptime across region where uptime >= 90%)
  metric fine = share(uptime >= 90% across region)
  metric zones_down = count(zone.ok across region where not zone.ok)
  metric two_up = availability(zones_down < 1) each month
  goal kept: acme guarantees worst >= 90% { otherwise notify globex }"""
ESCALATING = """\
goal available: acme guarantees availability(zone.ok) each month by region >= 99%% {
    otherwise credit globex by %s {
      >= 3: 30%% of api.fee
      >= 2: 20%% of api.fee
      else: 10%% of api.fee
    }
  }
  %s"""


def outcome(body: str, example: str) -> list[str]:
    """What does not hold of an example; nothing where all of it does."""
    agreement = wsla.loads(TEXT.format(body=body, example=example))
    [found] = agreement.checked.examples
    return [failure.message for failure in run_example(agreement.checked, found, agreement.plan).failures]


@pytest.mark.parametrize(
    "expected",
    [
        "expect worst == 75% in 2026-04",
        "expect best == 100% in 2026-04",
        "expect average == 87.5% in 2026-04",
        "expect good == 1 in 2026-04",
        "expect fine == 50% in 2026-04",
        "expect two_up == 75% in 2026-04",
        "expect kept violated in 2026-04",
        "expect notify globex at 2026-05-01T00:10",
    ],
)
def test_a_month_is_joined_over_its_regions(expected: str) -> None:
    # M61: April has 30 days, of which one region is down for 7.5.
    down = 'given zone.region = "us", zone.ok = false every 12h from 2026-04-10 until 2026-04-17T12:00'
    assert not outcome(METRICS, f"{BOTH}{down}\n  {expected}")


def test_a_region_that_is_not_seen_yet_is_no_part() -> None:
    # M60, M61: before its first sample the second region neither lowers the worst value nor counts as down.
    late = f"{EU}\n  {US} from 2026-02-01"
    assert not outcome(
        METRICS, f"{late}\n  expect worst == 100% in 2026-01\n  expect two_up == 100% in 2026-01"
    )


@pytest.mark.parametrize(("down", "fires"), [("2026-01-05T00:04:59", False), ("2026-01-05T00:05", True)])
def test_a_rule_watches_how_many_are_down(down: str, fires: bool) -> None:
    # M60: the count is compared at every instant; the rule waits five minutes.
    body = "metric zones_down = count(zone.ok across region where not zone.ok)\n"
    body += "  when zones_down >= 2 for 5m { notify acme }"
    example = f"""{EU} until 2026-01-04
  {US} until 2026-01-05
  given zone.region = "eu", zone.ok = false at 2026-01-04
  given zone.region = "us", zone.ok = false at 2026-01-05
  given zone.region = "us", zone.ok = true at {down}
  expect {"" if fires else "no "}notify acme in 2026-01-05"""
    assert outcome(body, example) == []


@pytest.mark.parametrize("count", ["consecutive(available)", "misses(available, 3)"])
def test_a_credit_grows_with_every_miss_in_a_row(count: str) -> None:
    # M62: up to and including the verdict that earns the credit.
    down = 'given zone.region = "eu", zone.ok = false every 12h from 2026-01-01 until 2026-05-01'
    example = f"""{EU}
  {down}
  expect credit globex 100 EUR in 2026-01
  expect credit globex 200 EUR in 2026-02
  expect credit globex 300 EUR in 2026-03
  expect credit globex 300 EUR in 2026-04
  expect no credit globex in 2026-05"""
    assert not outcome(ESCALATING % (count, ""), example)


@pytest.mark.parametrize(
    ("count", "amount"), [("consecutive(available)", "100"), ("misses(available, 3)", "200")]
)
def test_a_month_that_was_met_ends_the_row(count: str, amount: str) -> None:
    # M62: missed, met, missed. Of the last three two were missed, in a row only one.
    first = 'given zone.region = "eu", zone.ok = false every 12h from 2026-01-01 until 2026-02-01'
    second = 'given zone.region = "eu", zone.ok = false every 12h from 2026-03-01 until 2026-04-01'
    example = f"{EU}\n  {first}\n  {second}\n  expect credit globex {amount} EUR in 2026-03"
    assert not outcome(ESCALATING % (count, ""), example)


def test_each_region_has_its_own_row() -> None:
    # M62: labels are counted apart.
    first = 'given zone.region = "eu", zone.ok = false every 12h from 2026-01-01 until 2026-02-01'
    second = 'given zone.region = "us", zone.ok = false every 12h from 2026-02-01 until 2026-03-01'
    example = f"{BOTH}  {first}\n  {second}\n  expect credit globex 100 EUR in 2026-02"
    assert not outcome(ESCALATING % ("consecutive(available)", ""), example)


def test_a_rule_counts_misses_at_final_instants() -> None:
    # M62 as M25: the third miss is final ten minutes after the end of March.
    rule = 'when consecutive(available) >= 3 { grant globex "terminate" }'
    down = 'given zone.region = "eu", zone.ok = false every 12h from 2026-01-01 until 2026-05-01'
    example = f"""{EU}
  {down}
  expect no grant globex in 2026-03
  expect grant globex "terminate" at 2026-04-01T00:10"""
    assert not outcome(ESCALATING % ("consecutive(available)", rule), example)


@pytest.mark.parametrize(
    ("formula", "code", "words"),
    [
        ("min(uptime across zone)", "E0350", "not told apart by `zone`"),
        ("median(uptime across region)", "E0350", "`median` does not join labels"),
        ("min(uptime acros region)", "E0116", "`acros`"),
        ("min(uptime across region) each month", "E0350", "takes no window"),
        ("mean(count(zone.ok across region)) each month", "E0350", "none of its own"),
        ("min(5 across region)", "E0350", "a fixed value"),
        ("sum(uptime >= 9% across region)", "E0303", "needs numbers"),
        ("min(uptime, uptime across region)", "E0350", "takes one value"),
        ("consecutive(kept, 3)", "E0206", "takes a goal"),
        ("misses(kept, 0)", "E0206", "a whole number"),
        ("misses(kept, 1.5)", "E0206", "a whole number"),
        ("consecutive(nobody)", "E0201", "`nobody`"),
        ("consecutive(kept) each month", "E0308", "takes no window"),
    ],
)
def test_what_is_wrong_is_said(formula: str, code: str, words: str) -> None:
    body = "goal kept: acme guarantees min(uptime across region) >= 90% { otherwise notify globex }\n"
    body += f"  when {formula} >= 1 {{ notify acme }}"
    found = wsla.check(TEXT.format(body=body, example="expect kept met in 2026-01\n" + EU))
    assert [one.code for one in found if one.severity.value == "error"][:1] == [code], found
    assert any(words in one.message for one in found), found
