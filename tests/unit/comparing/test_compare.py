"""Changes between two versions: each is found, with whom it affects and which way; what means the same is none."""

from __future__ import annotations

import pytest

from wsla.api import loads
from wsla.comparing.changes import Change, Version
from wsla.comparing.compare import compare
from wsla.explaining.written import Written

TEXT = """\
agreement "Shop" version 1 {
  effective 2026-01-01 until 2028-01-01 in "Europe/Berlin"
  currency EUR
  party host "Host" provider { email "sla@host.example" }
  party shop "Shop" consumer { email "it@shop.example" }
  service web { fee 300 EUR per month }
  schedule night { every day 01:00-02:00 }
  schedule office { Monday-Friday 09:00-17:00 }
  source probe = http "https://shop.example/" every 60s timeout 5s
  source cases = records csv "cases.csv" {
    key id
    at opened
    updated changed
  }
  metric good = probe.ok and probe.elapsed < 2s
  metric uptime = availability(good) each month excluding night
  metric away = downtime(good) each month
  metric slowest = percentile(probe.elapsed, 95) each month
  metric solving = elapsed(cases.at, cases.solved) during office
  metric solved = share(solving <= 8h) each month
  metric asked = count(cases) each month
  goal available: host guarantees uptime >= 99% {
    otherwise credit shop by uptime {
      >= 95%: 10% of web.fee
      else:   25% of web.fee
    } claimed within 30 days of window end
    otherwise notify shop
  }
  goal quick: host guarantees slowest <= 400ms and uptime > 90% { otherwise notify shop }
  goal helpful: host guarantees solved >= 90% provided asked >= 10
  goal calm: host guarantees away <= 2h {
    otherwise credit shop 5 EUR per started 30m of away at most 100 EUR
    rewarding credit host 10 EUR from shop
  }
  when not good for 3m {
    notify host
    repeat every 30m
    after 2h: notify shop
    on recovery: notify host
  }
  cap credits to shop at 200 EUR each month
  publish report to host each week
}
test "one" {
  given probe.ok = true, probe.elapsed = 1s every 1m from 2026-03-01 for 1h
  expect no credit shop in 2026-03
}
"""


def changes(*edits: tuple[str, str]) -> tuple[Change, ...]:
    """What is said of the text with some words replaced."""
    text = TEXT
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after)
    old, new = loads(TEXT, "old.sla"), loads(text, "new.sla")
    first, second = (
        Version(plan=one.plan, written=Written(source=one.source, title=one.title)) for one in (old, new)
    )
    return compare(first, second).changes


def told(*edits: tuple[str, str]) -> list[tuple[str, str]]:
    """Each change as its text and its effects."""
    return [
        (one.text, ", ".join(f"{effect.party} {effect.direction.value}" for effect in one.effects))
        for one in changes(*edits)
    ]


@pytest.mark.parametrize(
    "edits",
    [
        (),
        (("every 60s", "every 1m"), ("< 2s", "< 2000ms"), ("for 3m", "for 180s"), ("after 2h", "after 120m")),
        (("10% of web.fee", "30 EUR"), ("25% of web.fee", "75.00 EUR")),
        (("probe.ok and probe.elapsed < 2s", "2s > probe.elapsed and probe.ok"),),
        (("slowest <= 400ms and uptime > 90%", "uptime > 90% and slowest <= 400ms"),),
        (("uptime >= 99%", "uptime >= 99.00%"), ("at 200 EUR", "at 200.00 EUR")),
        (("  party", "      party"), ('test "one"', '# a comment\ntest "one"')),
        (("availability(good) each month", "availability(probe.ok and probe.elapsed < 2s) each month"),),
    ],
)
def test_what_means_the_same_is_no_change(edits: tuple[tuple[str, str], ...]) -> None:
    assert [one for one in told(*edits) if not one[0].startswith("the metric")] == []


@pytest.mark.parametrize(
    ("before", "after", "text", "affected"),
    [
        # Thresholds: a higher one is stricter below `>=`, a lower one below `<=`.
        (
            "goal available: host guarantees uptime >= 99%",
            "goal available: host guarantees uptime >= 99.5%",
            "available: `uptime >= 99%` became `uptime >= 99.5%`",
            "host stricter",
        ),
        (
            "guarantees uptime >= 99%",
            "guarantees uptime >= 98%",
            "available: `uptime >= 99%` became `uptime >= 98%`",
            "host looser",
        ),
        (
            "guarantees uptime >= 99%",
            "guarantees uptime > 99%",
            "available: `uptime >= 99%` became `uptime > 99%`",
            "host stricter",
        ),
        (
            "slowest <= 400ms",
            "slowest <= 300ms",
            "quick: `slowest <= 400ms` became `slowest <= 300ms`",
            "host stricter",
        ),
        (
            "slowest <= 400ms",
            "slowest <= 0.5s",
            "quick: `slowest <= 400ms` became `slowest <= 0.5s`",
            "host looser",
        ),
        (
            "slowest <= 400ms",
            "slowest < 400ms",
            "quick: `slowest <= 400ms` became `slowest < 400ms`",
            "host stricter",
        ),
        # Formulas, through the metrics.
        (
            "probe.elapsed < 2s",
            "probe.elapsed < 1s",
            "available: `probe.elapsed < 2s` became `probe.elapsed < 1s`",
            "host stricter",
        ),
        (
            "probe.elapsed < 2s",
            "probe.elapsed < 1s",
            "calm: `probe.elapsed < 2s` became `probe.elapsed < 1s`",
            "host stricter",
        ),
        (
            "probe.elapsed, 95",
            "probe.elapsed, 99",
            "quick: `percentile(probe.elapsed, 95)` became `percentile(probe.elapsed, 99)`",
            "host stricter",
        ),
        (
            "probe.elapsed, 95",
            "probe.elapsed, 95, approximate within 1%",
            "quick: slowest is approximate within 1% instead of exact",
            "host changed",
        ),
        (
            "each month excluding night",
            "each month",
            "available: `night` is not excluded any more",
            "host stricter",
        ),
        (
            "downtime(good) each month",
            "downtime(good) each month excluding night",
            "calm: `night` is excluded now",
            "host looser",
        ),
        (
            "downtime(good) each month",
            "downtime(good) each quarter",
            "calm: away is taken each quarter instead of each month",
            "host changed",
        ),
        ("solving <= 8h", "solving <= 9h", "helpful: `solving <= 8h` became `solving <= 9h`", "host looser"),
        # Joined conditions.
        (" and uptime > 90% {", " {", "quick: `uptime > 90%` was removed from `and`", "host looser"),
        (
            "uptime >= 99% {",
            "uptime >= 99% and slowest <= 1s {",
            "available: `slowest <= 1s` was added by `and`",
            "host stricter",
        ),
        (
            "uptime >= 99% {",
            "uptime >= 99% or slowest <= 1s {",
            "available: `slowest <= 1s` was added by `or`",
            "host looser",
        ),
        # When a promise holds.
        (" provided asked >= 10", "", "helpful holds always, not only where `asked >= 10`", "host stricter"),
        (
            "asked >= 10",
            "asked >= 5",
            "helpful, where it holds: `asked >= 10` became `asked >= 5`",
            "host stricter",
        ),
        (
            "uptime >= 99% {",
            "uptime >= 99% provided asked >= 1 {",
            "available holds only where `asked >= 1`",
            "host looser",
        ),
        # Unknown time.
        (
            "    otherwise notify shop\n  }\n  goal quick",
            "    otherwise notify shop\n    unknown time counts as missed\n  }\n  goal quick",
            "available: unknown time counts as missed; before, it was excluded",
            "host stricter",
        ),
        (
            "    otherwise notify shop\n  }\n  goal quick",
            "    otherwise notify shop\n    unknown time counts as met\n  }\n  goal quick",
            "available: unknown time counts as met; before, it was excluded",
            "host looser",
        ),
        (
            "    otherwise notify shop\n  }\n  goal quick",
            "    otherwise notify shop\n    coverage 95%\n  }\n  goal quick",
            "available: 95% of a window must be known to judge it, instead of 90%",
            "host changed",
        ),
        (
            "goal helpful: host",
            "goal helpful: shop",
            "helpful obliges shop instead of host",
            "shop stricter, host looser",
        ),
        # Credits, at every value.
        (
            "else:   25%",
            "else:   50%",
            "where uptime is below 95%, host owes shop 150.00 EUR (50% of web.fee)"
            " instead of 75.00 EUR (25% of web.fee)",
            "host dearer, shop gains",
        ),
        (
            ">= 95%: 10%",
            "> 95%: 10%",
            "where uptime is exactly 95%, host owes shop 75.00 EUR (25% of web.fee)"
            " instead of 30.00 EUR (10% of web.fee)",
            "host dearer, shop gains",
        ),
        (
            "guarantees uptime >= 99%",
            "guarantees uptime >= 98%",
            "where uptime is at least 98% and below 99%, host owes shop nothing"
            " instead of 30.00 EUR (10% of web.fee)",
            "host cheaper, shop loses",
        ),
        (
            "fee 300 EUR",
            "fee 200 EUR",
            "the fee of web is 200 EUR per month instead of 300 EUR per month",
            "shop cheaper, host loses",
        ),
        (
            "fee 300 EUR",
            "fee 200 EUR",
            "where uptime is at least 95% and below 99%, host owes shop 20.00 EUR (10% of web.fee)"
            " instead of 30.00 EUR (10% of web.fee)",
            "host cheaper, shop loses",
        ),
        (
            "5 EUR per started",
            "6 EUR per started",
            "calm, the amount that shop is credited: 5 EUR became 6 EUR",
            "host dearer, shop gains",
        ),
        (
            "per started 30m",
            "per started 15m",
            "calm, the amount that shop is credited: 30m became 15m",
            "host dearer, shop gains",
        ),
        (
            "at most 100 EUR",
            "at most 80 EUR",
            "calm, the most that is owed to shop: 100 EUR became 80 EUR",
            "host cheaper, shop loses",
        ),
        (
            " at most 100 EUR",
            "",
            "calm, the most that is owed to shop: 100 EUR is gone",
            "host dearer, shop gains",
        ),
        (
            "credit host 10 EUR",
            "credit host 20 EUR",
            "where away is at most 2h, shop owes host 20.00 EUR instead of 10.00 EUR",
            "shop dearer, host gains",
        ),
        # Claims and caps.
        (
            "within 30 days",
            "within 14 days",
            "shop has to claim credits for available within 14 days instead of within 30 days",
            "shop loses",
        ),
        (
            "within 30 days",
            "within 1 month",
            "shop has to claim credits for available within 1 month instead of within 30 days",
            "shop changed",
        ),
        (
            " claimed within 30 days of window end",
            "",
            "shop has to claim credits for available never instead of within 30 days",
            "shop gains",
        ),
        (
            "shop at 200 EUR",
            "shop at 250 EUR",
            "the cap on credits to shop each month is 250 EUR instead of 200 EUR",
            "host dearer, shop gains",
        ),
        (
            "  cap credits to shop at 200 EUR each month\n",
            "",
            "the cap on credits to shop each month is none instead of 200 EUR",
            "host dearer, shop gains",
        ),
        (
            "  cap credits to shop at 200 EUR each month\n",
            "  cap credits to shop at 200 EUR each month\n  cap rewards to host at 5 EUR each month\n",
            "the cap on rewards to host each month is 5 EUR instead of none",
            "shop cheaper, host loses",
        ),
        # Rules.
        ("for 3m {", "for 1m {", "not good for 1m: it acts after 1m instead of 3m, sooner", "host gains"),
        (
            "every 30m\n",
            "every 40m\n",
            "not good for 3m: it repeats every 40m instead of every 30m",
            "host changed",
        ),
        (
            "after 2h",
            "after 3h",
            "not good for 3m: the next step is taken after 3h instead of 2h",
            "shop loses",
        ),
        (
            "on recovery: notify host",
            "on recovery: notify host, shop",
            "not good for 3m, on recovery, shop is notified",
            "shop gains",
        ),
        (
            "for 3m {",
            "for 3m at most 2 each 1h {",
            "not good for 3m: it tells of at most 2 episodes each 1h instead of every episode",
            "host changed",
        ),
        # Reports and reviews.
        (
            "  cap credits to shop at 200 EUR each month\n",
            "  cap credits to shop at 200 EUR each month\n  publish report to shop each month after 2d at 9:00\n",
            "shop gets a report each month 2 days after its end at 9:00:00",
            "shop gains",
        ),
        (
            "publish report to host each week\n",
            "",
            "host does not get a report each week any more",
            "host loses",
        ),
        (
            "publish report to host each week\n",
            'publish report to host each month starting 15th "Short"\n',
            "host gets a report each month from the 15. (“Short”) instead of a report each week",
            "host changed",
        ),
        (
            "publish report to host each week\n",
            "publish report to host each week\n  call review with shop each year after 1d at 9:00 for 90m\n",
            "shop gets a review of 1h 30m each year 1 day after its end at 9:00:00",
            "shop gains",
        ),
        # Around the promises.
        (
            "09:00-17:00",
            "08:00-17:00",
            "the schedule office has more hours: 45h a week instead of 40h",
            "host stricter",
        ),
        (
            "every day 01:00-02:00",
            "every day 01:00-01:30",
            "the schedule night has fewer hours: 3.5h a week instead of 7h",
            "host stricter",
        ),
        (
            "Monday-Friday 09",
            "Tuesday-Saturday 09",
            "the schedule office has other hours, as many a week as before (40h)",
            "host changed",
        ),
        ("timeout 5s", "timeout 4s", "probe is given 4s to answer instead of 5s", "host stricter"),
        ("every 60s", "every 30s", "probe is looked at every 30s instead of every 1m", "host changed"),
        (
            "sla@host",
            "desk@host",
            "host is reached by email desk@host.example instead of email sla@host.example",
            "host changed",
        ),
        (
            "until 2028-01-01",
            "until 2029-01-01",
            "the end of the term is 2029-01-01 00:00 instead of 2028-01-01 00:00",
            "",
        ),
        (
            'in "Europe/Berlin"',
            'in "Europe/Paris"',
            "the zone of days and months is Europe/Paris instead of Europe/Berlin",
            "",
        ),
        ("currency EUR", "currency EUR\n  grace 1h", "the grace for late data is 1h instead of 10m", ""),
    ],
)
def test_a_change_is_told_with_whom_it_affects(before: str, after: str, text: str, affected: str) -> None:
    assert (text, affected) in told((before, after))


@pytest.mark.parametrize(
    ("edits", "text"),
    [
        ((("good", "fine"),), "the metric good was renamed to fine"),
        ((("night", "silence"),), "the schedule night was renamed to silence"),
        ((("probe", "look"),), "the source probe was renamed to look"),
        ((("available", "reachable"),), "the goal available was renamed to reachable"),
    ],
)
def test_what_only_has_another_name_was_renamed(edits: tuple[tuple[str, str], ...], text: str) -> None:
    found = told(*edits)
    assert [words for words, _ in found] == [text]


def test_a_renamed_party_is_told_once() -> None:
    found = told(
        ("party host", "party provider_"),
        (": host ", ": provider_ "),
        ("notify host", "notify provider_"),
        ("credit host", "credit provider_"),
        ("report to host", "report to provider_"),
    )
    assert [words for words, _ in found] == ["the party host was renamed to provider_"]


def test_goals_rules_and_parties_come_and_go() -> None:
    goal = "  goal helpful: host guarantees solved >= 90% provided asked >= 10\n"
    assert ("the goal helpful was removed: host guarantees solved >= 90%", "host looser") in told((goal, ""))
    found = told(
        (goal, goal + "  goal other: host guarantees uptime > 50% { otherwise credit shop 1 EUR }\n")
    )
    assert ("the goal other was added: host guarantees uptime > 50%", "host stricter") in found
    assert (
        "where uptime is at most 50%, host owes shop 1.00 EUR instead of nothing",
        "host dearer, shop gains",
    ) in found
    extra = '  party watch "Watch" measurer\n'
    assert ("the party watch (measurer) was added", "watch changed") in told(
        ("  service web", extra + "  service web")
    )


def test_a_metric_tells_which_goals_rest_on_it() -> None:
    found = [one for one in changes(("probe.elapsed < 2s", "probe.elapsed < 1s")) if one.kind == "metric"]
    assert [one.name for one in found] == ["good"]
    assert (
        found[0].text
        == "the metric good is computed differently; the goals available, quick, calm rest on it"
    )
    assert (found[0].place_before, found[0].place_after) == ("old.sla:15", "new.sla:15")


def test_credits_of_two_tables_add_up() -> None:
    second = (
        "    otherwise credit shop by uptime { >= 97%: 1 EUR  else: 2 EUR }\n"
        "    otherwise notify shop\n  }\n  goal quick"
    )
    found = [
        text for text, _ in told(("    otherwise notify shop\n  }\n  goal quick", second)) if "owes" in text
    ]
    assert found == [
        "where uptime is below 95%, host owes shop 77.00 EUR (25% of web.fee plus 2 EUR)"
        " instead of 75.00 EUR (25% of web.fee)",
        "where uptime is at least 95% and below 97%, host owes shop 32.00 EUR (10% of web.fee plus 2 EUR)"
        " instead of 30.00 EUR (10% of web.fee)",
        "where uptime is at least 97% and below 99%, host owes shop 31.00 EUR (10% of web.fee plus 1 EUR)"
        " instead of 30.00 EUR (10% of web.fee)",
    ]
