"""Promises against what they stand on: agreements as texts, figures by hand (M80 to M85)."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import wsla
from wsla.composition.guarantees import ServiceKey
from wsla.composition.periods import share_in
from wsla.composition.prove import Proof, Standing, Unproved, prove
from wsla.plan.model import Plan
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow
from wsla.values.instants import DAY, MINUTE, parse_instant

Run = Callable[..., Any]

ROOT = Path(__file__).resolve().parents[3]
START = parse_instant("2026-01-01T00:00:00Z", None)


def plan(title: str, services: str, goals: str = "", more: str = "", version: int = 1) -> Plan:
    text = f"""\
agreement "{title}" version {version} {{
  effective 2026-01-01 in "UTC"
  currency EUR
  party host "Host" provider
  party shop "Shop" consumer
  {services}
  source probe = http "https://shop.example/health" every 10s
  schedule night {{ every day 00:00-04:00 }}
  metric uptime = availability(probe.ok) each month
  metric quarterly = availability(probe.ok) each quarter
  metric daytime = availability(probe.ok) each month excluding night
  metric good = share(probe.ok) each month
  metric broken = downtime(probe.ok) each month
  metric failures = outages(probe.ok) each month
  {goals}
  {more}
}}
"""
    return wsla.loads(text, f"{title}.sla").plan


def goal(condition: str, head: str = "available", lines: str = "otherwise notify shop") -> str:
    return f"goal {head}: host guarantees {condition} {{ {lines} }}"


def the_proof(*plans: Plan) -> Proof:
    proofs, unproved = prove(plans)
    assert unproved == ()
    (proof,) = proofs
    return proof


def the_reason(*plans: Plan) -> str:
    proofs, unproved = prove(plans)
    assert proofs == ()
    (one,) = unproved
    assert isinstance(one, Unproved)
    return one.reason


TWO = """\
service web { fee 1000 EUR per month
 needs all(a, b) }
  service a { assume availability 99.9% each month }
  service b { assume availability 99.5% each month }"""


# --- verdicts


@pytest.mark.parametrize(
    ("condition", "standing"),
    [
        ("uptime >= 99.4%", Standing.KEPT),
        ("uptime > 99.4%", Standing.INDEPENDENT),
        ("uptime >= 99.4001%", Standing.INDEPENDENT),
        ("uptime >= 99.4005%", Standing.INDEPENDENT),
        ("uptime > 99.4005%", Standing.BROKEN),
        ("uptime >= 99.40051%", Standing.BROKEN),
        ("99.4% <= uptime", Standing.KEPT),
    ],
)
def test_the_verdict_at_its_boundaries(condition: str, standing: Standing) -> None:
    proof = the_proof(plan("Shop", TWO, goal(condition)))
    assert proof.independent == Fraction(994005, 1_000_000)
    assert proof.worst == Fraction(994, 1000)
    assert proof.standing is standing


def test_the_gap_and_the_weakest_link() -> None:
    proof = the_proof(plan("Shop", TWO, goal("uptime >= 99.5%")))
    assert proof.gap == Fraction(995, 1000) - Fraction(994005, 1_000_000)
    assert proof.gap_worst == Fraction(1, 1000)
    assert proof.weakest == (ServiceKey("Shop", "b"),)
    raises = {link.key.service: link.raise_independent for link in proof.links}
    assert raises == {"a": Fraction(995, 10_000_000), "b": Fraction(999, 10_000_000)}
    assert {link.raise_worst for link in proof.links} == {Fraction(1, 10_000)}


def test_equally_weak_links_are_all_named_and_a_perfect_one_is_none() -> None:
    equal = TWO.replace("99.5%", "99.9%")
    assert len(the_proof(plan("Shop", equal, goal("uptime >= 99%"))).weakest) == 2
    perfect = TWO.replace("99.5%", "100%")
    assert the_proof(plan("Shop", perfect, goal("uptime >= 99%"))).weakest == (ServiceKey("Shop", "a"),)
    none = perfect.replace("99.9%", "100%")
    assert the_proof(plan("Shop", none, goal("uptime >= 99%"))).weakest == ()


# --- other agreements


FROM = 'service web { needs all(db) }\n  service db from "Database".store'


def test_the_guarantee_of_another_agreement() -> None:
    other = plan("Database", "service store", goal("uptime >= 99.95%"))
    proof = the_proof(plan("Shop", FROM, goal("uptime >= 99.95%")), other)
    assert proof.independent == proof.worst == Fraction(9995, 10_000)
    assert proof.standing is Standing.KEPT


def test_the_newest_version_counts() -> None:
    old = plan("Database", "service store", goal("uptime >= 99.95%"))
    new = plan("Database", "service store", goal("uptime >= 99%"), version=2)
    for given in ((old, new), (new, old)):
        assert the_proof(plan("Shop", FROM, goal("uptime >= 99%")), *given).worst == Fraction(99, 100)


def test_the_same_service_by_two_names_is_one() -> None:
    twice = (
        'service web { needs any(db, again) }\n  service db from "Database".store\n'
        '  service again from "Database".store'
    )
    other = plan("Database", "service store", goal("uptime >= 99%"))
    proof = the_proof(plan("Shop", twice, goal("uptime >= 99%")), other)
    assert proof.independent == Fraction(99, 100)


def test_a_service_that_nothing_is_guaranteed_of_stands_for_what_it_needs() -> None:
    other = plan(
        "Database",
        "service store { needs any(x, y) }\n"
        + "".join(f"  service {name} {{ assume availability 90% each month }}\n" for name in "xy"),
    )
    assert the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other).independent == Fraction(99, 100)


def test_what_is_guaranteed_by_another_agreement_is_not_looked_behind() -> None:
    services = "service store { needs all(x) }\n  service x { assume availability 90% each month }"
    other = plan("Database", services, goal("uptime >= 99.95%"))
    proofs, _ = prove((plan("Shop", FROM, goal("uptime >= 99%")), other))
    assert [one.independent for one in proofs] == [Fraction(9995, 10_000), Fraction(9, 10)]


def test_a_goal_says_which_of_several_services_it_is_about() -> None:
    both = goal("uptime >= 99.9%", "one for store") + "\n  " + goal("uptime >= 98%", "two for spare")
    other = plan("Database", "service store\n  service spare", both)
    assert the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other).worst == Fraction(999, 1000)
    unsaid = plan("Database", "service store\n  service spare", goal("uptime >= 99.9%"))
    assert "nothing is guaranteed of store" in the_reason(plan("Shop", FROM, goal("uptime >= 99%")), unsaid)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ((), "db of “Shop” comes from “Database”, which is not among the agreements given"),
        ((("Database", "service other", ""),), "“Database” has no service store (it has: other)"),
        ((("Database", "service store", ""),), "nothing is guaranteed of store of “Database”"),
        ((("Database", 'service store from "Shop".db', ""),), "db of “Shop” comes from itself"),
        (
            (("Database", 'service store { needs all(x) }\n  service x from "Shop".web', ""),),
            "web of “Shop” needs store of “Database”, which needs web of “Shop”",
        ),
    ],
)
def test_why_nothing_can_be_said(other: tuple[tuple[str, str, str], ...], reason: str) -> None:
    shop = plan("Shop", FROM, goal("uptime >= 99%"))
    assert reason in the_reason(shop, *(plan(*parts) for parts in other))


def test_a_promise_that_does_not_say_what_it_is_about() -> None:
    services = (
        "service web { needs all(a) }\n  service mail\n  service a { assume availability 99% each month }"
    )
    assert "goal NAME for SERVICE" in the_reason(plan("Shop", services, goal("uptime >= 99%")))


def test_conditional_goals_and_other_conditions_guarantee_nothing() -> None:
    conditional = plan(
        "Database",
        "service store",
        goal("uptime >= 99% provided quarterly >= 0%".replace("quarterly", "good")),
    )
    assert "nothing is guaranteed" in the_reason(plan("Shop", FROM, goal("uptime >= 99%")), conditional)
    below = plan("Database", "service store", goal("downtime(probe.ok) each month <= 1h"))
    assert "nothing is guaranteed" in the_reason(plan("Shop", FROM, goal("uptime >= 99%")), below)


def test_what_a_goal_leaves_out_is_remarked() -> None:
    other = plan("Database", "service store", goal("daytime >= 99.9%"))
    (remark,) = the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other).remarks
    assert remark == "store of “Database”: it counts time outside of night alone"
    other = plan("Database", "service store", goal("good >= 99.9%"))
    (remark,) = the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other).remarks
    assert "a share of cases" in remark


# --- windows of different kinds (M84)


def calendar(unit: CalendarUnit, zone: str = "UTC") -> CalendarWindow:
    return CalendarWindow(unit, 1, None, zone)


def test_a_quarter_may_lose_all_in_its_shortest_month() -> None:
    share = Fraction(999, 1000)
    month, quarter = calendar(CalendarUnit.MONTH), calendar(CalendarUnit.QUARTER)
    assert share_in(share, quarter, month, START) == 1 - Fraction(1, 1000) * Fraction(90, 28)
    assert share_in(share, month, quarter, START) == share
    assert share_in(share, month, month, START) == share


def test_a_day_cannot_lose_more_than_itself() -> None:
    month, day = calendar(CalendarUnit.MONTH), calendar(CalendarUnit.DAY)
    assert share_in(Fraction(999, 1000), month, day, START) == 1 - Fraction(31, 1000)
    assert share_in(Fraction(9, 10), month, day, START) == 0


def test_weeks_that_a_month_cuts_lose_all_inside_of_it() -> None:
    month, week = calendar(CalendarUnit.MONTH), calendar(CalendarUnit.WEEK)
    # February 2027 is four whole weeks; other months touch six weeks at most.
    worst = share_in(Fraction(99, 100), week, month, START)
    assert worst == 1 - Fraction(42, 100) / 30


def test_exact_windows_within_a_day() -> None:
    day = calendar(CalendarUnit.DAY)
    assert share_in(Fraction(9, 10), ExactWindow(10 * MINUTE, START), day, START) == Fraction(9, 10)
    # Shifted by half a window: the two halves at the ends may lose a whole window's worth each.
    shifted = share_in(Fraction(9, 10), ExactWindow(10 * MINUTE, START + 5 * MINUTE), day, START)
    assert shifted == 1 - Fraction(145 * MINUTE, DAY)


def test_a_quarterly_guarantee_below_a_monthly_promise_is_remarked() -> None:
    other = plan("Database", "service store", goal("quarterly >= 99.9%"))
    proof = the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other)
    assert proof.worst == 1 - Fraction(90, 28_000)
    assert proof.remarks == (
        "store of “Database”: it is guaranteed each quarter, and reckoned each month as in the worst of these",
    )


def test_of_several_guarantees_the_best_counts() -> None:
    both = goal("quarterly >= 99.99%", "first") + "\n  " + goal("uptime >= 99.9%", "second")
    proof = the_proof(plan("Shop", FROM, goal("uptime >= 99%")), plan("Database", "service store", both))
    assert proof.worst == 1 - Fraction(1, 10_000) * Fraction(90, 28)


# --- money (M85)


@pytest.mark.parametrize(
    ("lines", "more", "amount"),
    [
        ("otherwise credit shop 5% of web.fee", "", 50),
        ("otherwise credit shop by uptime { >= 99%: 10% of web.fee else: 30% of web.fee }", "", 300),
        ("otherwise { credit shop 100 EUR credit shop 20 EUR }", "", 120),
        ("otherwise credit shop 1 EUR per started 30m of broken at most 7 EUR", "", 7),
        ("otherwise credit shop 900 EUR", "cap credits to shop at 50% of web.fee each month", 500),
        ("otherwise credit shop 900 EUR", "cap credits to shop at 2000 EUR each quarter", 900),
        ("otherwise credit shop 14 days of web.fee", "", 500),
    ],
)
def test_the_most_that_may_be_owed(lines: str, more: str, amount: int) -> None:
    (most,) = the_proof(plan("Shop", TWO, goal("uptime >= 99.4%", lines=lines), more)).owed
    assert (most.debtor, most.creditor, most.currency, most.amount) == ("host", "shop", "EUR", amount)


def test_a_sum_that_nothing_bounds() -> None:
    lines = "otherwise credit shop 1 EUR per started 1 of failures"
    (most,) = the_proof(plan("Shop", TWO, goal("uptime >= 99%", lines=lines))).owed
    assert most.amount is None


def test_what_may_be_recovered() -> None:
    other = plan("Database", "service store", goal("uptime >= 99.9%", lines="otherwise credit shop 80 EUR"))
    (link,) = the_proof(plan("Shop", FROM, goal("uptime >= 99%")), other).links
    assert [most.amount for most in link.recovered] == [80]


# --- the command


def test_the_shipped_agreements(run_wsla: Run) -> None:
    finished = run_wsla("prove", ROOT / "specs" / "shop", "--format", "json")
    assert finished.code == 1
    (promise,) = json.loads(finished.out)["promises"]
    expected = Fraction(9995, 10_000) * Fraction(999, 1000) * (1 - Fraction(1, 1000) * Fraction(5, 1000))
    assert Fraction(promise["independent"]["exact"]) == expected
    assert promise["worst_case"] == {"exact": "399/400", "percent": "99.75%"}
    assert promise["verdict"] == "broken"
    assert promise["owed"][0]["at_most"] == "2500.00"
    assert [link["weakest"] for link in promise["links"]] == [False, True, False, False]


def test_codes_of_the_command(run_wsla: Run, tmp_path: Path) -> None:
    shop = ROOT / "specs" / "shop" / "shop.sla"
    alone = run_wsla("prove", shop)
    assert alone.code == 2
    assert "“Database OLA”, which is not among the agreements given" in alone.err
    assert run_wsla("check", shop).code == 0
    assert run_wsla("prove", tmp_path / "gone.sla").code == 2
    (tmp_path / "broken.sla").write_text("agreement", "utf-8")
    assert run_wsla("prove", tmp_path / "broken.sla").code == 2
    nothing = run_wsla("prove", ROOT / "specs" / "search-api.sla")
    assert nothing.code == 0
    assert "nothing says `needs`" in nothing.out


def test_other_verbs_take_needs(run_wsla: Run, tmp_path: Path) -> None:
    shop = ROOT / "specs" / "shop" / "shop.sla"
    for phase in ("surface", "checked", "plan"):
        assert "cdn_a" in run_wsla("dump", shop, "--phase", phase).out
    other = tmp_path / "shop.sla"
    other.write_text(shop.read_text("utf-8").replace("any(cdn_a, cdn_b)", "all(cdn_a, cdn_b)"), "utf-8")
    changed = run_wsla("diff", shop, other)
    assert changed.code == 1
    assert "the service checkout needs all(database, payments, all(cdn_a, cdn_b)); before" in " ".join(
        changed.out.split()
    )
