"""Tables with two keys, lines that are not applicable, targets by label (M72 to M74), and burn rates (M75)."""

from __future__ import annotations

import pytest

import wsla
from wsla.testing.examples import run_example

DESK = """\
agreement "Desk" version 1 {{
  effective 2026-01-01 in "UTC"
  party desk "Desk" provider
  party staff "Staff" consumer
  source tickets = records push {{ key id  at opened }}
  metric target = by tickets.urgency, tickets.impact {{
                    >= 100, else
    "down":         1h,     4h
    "slow":         4h,     not applicable
    else:           8h,     not applicable
  }}
  metric quick = share(elapsed(tickets.opened, tickets.solved) <= target) each month
  metric asked = count(target where target > 0s) each month
  goal fast: desk guarantees quick >= 50% {{ otherwise notify staff }}
}}
test "one" {{
  {given}
  {expect}
}}
"""


def failures(text: str) -> tuple[str, ...]:
    checked = wsla.loads(text).checked
    (example,) = checked.examples
    return tuple(failure.message for failure in run_example(checked, example).failures)


def ticket(number: int, urgency: str, impact: int, took: str) -> str:
    return (
        f'given tickets.id = "{number}", tickets.urgency = "{urgency}", tickets.impact = {impact},\n'
        f"  tickets.opened = 2026-01-05T00:00, tickets.solved = 2026-01-05T{took} at 2026-01-06\n"
    )


@pytest.mark.parametrize(
    ("cases", "share", "count"),
    [
        # M72: the row by the first key, the column by the second.
        ([("down", 100, "01:00")], "100%", 1),
        ([("down", 100, "01:00:01")], "0%", 1),
        ([("down", 99, "01:00:01")], "100%", 1),
        ([("down", 99, "04:00:01")], "0%", 1),
        ([("slow", 100, "04:00")], "100%", 1),
        ([("odd", 100, "08:00")], "100%", 1),
        # M73: what does not apply is not counted, neither as good nor as bad.
        ([("slow", 1, "20:00"), ("down", 1, "04:00")], "100%", 1),
        ([("slow", 1, "20:00"), ("odd", 5, "20:00"), ("down", 1, "05:00")], "0%", 1),
    ],
)
def test_a_table_with_two_keys(cases: list[tuple[str, int, str]], share: str, count: int) -> None:
    given = "".join(ticket(number, *case) for number, case in enumerate(cases))
    expect = f"expect quick == {share} in 2026-01\n  expect asked == {count} in 2026-01"
    assert failures(DESK.format(given=given, expect=expect)) == ()


def test_a_goal_for_cases_to_which_nothing_applies() -> None:
    # M16, M73: nothing is left to look at, so the share is unknown, and so is the verdict.
    text = DESK.format(given=ticket(1, "slow", 1, "20:00"), expect="expect asked == 0 in 2026-01")
    assert failures(text) == ()
    text = text.replace("expect asked == 0", "expect fast met")
    assert failures(text) != ()


REGIONS = """\
agreement "API" version 1 {{
  effective 2026-01-01 in "UTC"
  party acme "Acme" provider
  party globex "Globex" consumer
  source probe = push {{ holds until next  label region }}
  metric uptime = availability(probe.ok) each day by region
  metric promise = by probe.region {{ "eu": 99% "us": 50% "mars": not applicable else: {other} }}
  goal available: acme guarantees uptime >= promise {{ otherwise credit globex by probe.region {{
    "eu": 10 EUR
    else: 3 EUR
  }} }}
}}
test "one" {{
  given probe.ok = true, probe.region = "{region}" at 2026-01-05T00:00
  given probe.ok = false, probe.region = "{region}" at 2026-01-05T{down}
  given probe.ok = true, probe.region = "{region}" at 2026-01-06
  {expect}
}}
"""


@pytest.mark.parametrize(
    ("region", "down", "other", "expect"),
    [
        # M74: 1 % of a day is 14 minutes and 24 seconds.
        ("eu", "23:45:36", "1%", 'expect available met in 2026-01-05 where region == "eu"'),
        ("eu", "23:45:35", "1%", 'expect available violated in 2026-01-05 where region == "eu"'),
        ("us", "12:00", "1%", 'expect available met in 2026-01-05 where region == "us"'),
        ("us", "11:59:59", "1%", 'expect available violated in 2026-01-05 where region == "us"'),
        ("eu", "01:00", "1%", "expect credit globex 10 EUR in 2026-01-05"),
        ("us", "01:00", "1%", "expect credit globex 3 EUR in 2026-01-05"),
        # M73: no verdict of its own, and nothing follows.
        ("mars", "00:00:01", "1%", "expect no credit globex in 2026-01-05"),
        ("moon", "00:00:01", "1%", 'expect available violated in 2026-01-05 where region == "moon"'),
        ("moon", "00:00:01", "not applicable", "expect no credit globex in 2026-01-05"),
    ],
)
def test_a_target_for_each_label(region: str, down: str, other: str, expect: str) -> None:
    text = REGIONS.format(region=region, down=down, other=other, expect=expect)
    assert failures(text) == ()


def test_a_goal_that_does_not_apply_says_so() -> None:
    text = REGIONS.format(
        region="mars", down="01:00", other="1%", expect="expect no credit globex in 2026-01-05"
    )
    agreement = wsla.loads(text)
    assert failures(text) == ()
    rows = [{"at": "2026-01-01T00:00", "ok": False, "region": "mars"}]
    judged = wsla.evaluate(agreement, {"probe": rows}, until="2026-01-02T00:00")
    assert [one.verdict.value for one in judged.judgements] == ["not applicable"]


BURN = """\
agreement "API" version 1 {{
  effective 2026-01-01 in "UTC"
  party acme "Acme" provider {{ oncall log "x" }}
  party globex "Globex" consumer
  source probe = push {{ holds until next }}
  metric uptime = availability(probe.ok) each month
  metric errors = 100% - uptime
  metric pace = burn({goal}) over last 1h every 1m
  goal available: acme guarantees uptime >= 99.9% {{ otherwise notify globex }}
  goal clean: acme guarantees 0.1% > errors {{ otherwise notify globex }}
  when burn(available) over last 1h > 20 and burn(available) over last 5m > 20 {{ notify acme.oncall }}
}}
test "one" {{
  given probe.ok = true at 2026-01-05T00:00
  given probe.ok = false at 2026-01-05T10:00
  given probe.ok = true at 2026-01-05T10:03
  {expect}
}}
"""


@pytest.mark.parametrize("goal", ["available", "clean"])
@pytest.mark.parametrize(
    "expect",
    [
        # M75: three of sixty minutes are 5 %, fifty times the allowed 0.1 %.
        "expect pace == 50 at 2026-01-05T10:03",
        "expect pace == 50 at 2026-01-05T11:00",
        "expect pace == 0 at 2026-01-05T11:03",
        # One minute of an hour: 16.67 times; two: 33.3.
        "expect notify acme.oncall at 2026-01-05T10:02",
        "expect no notify acme.oncall at 2026-01-05T10:01",
    ],
)
def test_the_pace_at_which_a_budget_is_spent(goal: str, expect: str) -> None:
    assert failures(BURN.format(goal=goal, expect=expect)) == ()


def test_a_goal_does_not_rest_on_its_own_pace() -> None:
    text = BURN.format(goal="available", expect="expect pace == 0 at 2026-01-05T11:03")
    text = text.replace("metric uptime = availability(probe.ok) each month", "metric uptime = pace * 100%")
    assert {"E0204"} <= {problem.code for problem in wsla.check(text)}
