"""Notices in plain words."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import pytest
from attrs import evolve

from wsla.analysis.operations import Operation, Value
from wsla.analysis.types import BooleanType, InstantType, NumberType, TextType, ValueType
from wsla.evaluation.report import TruthChange
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Credit, Plan
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Decision, Intent
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND, Interval, parse_instant
from wsla.values.quantities import DATA, TIME

Judge = Callable[..., Judgement]
T = parse_instant("2026-03-04T10:00:00+01:00")


def intents(decisions: list[Decision]) -> list[Intent]:
    return [decision for decision in decisions if isinstance(decision, Intent)]


def test_a_violation_in_plain_words(plan: Plan, judge: Judge) -> None:
    judgement = judge(
        3,
        lower=Fraction(997, 1000),
        coverage=Fraction(98, 100),
        budget=Fraction(2592 * SECOND),
        budget_left=Fraction(-60 * SECOND),
    )
    (notice,) = intents(Decider(plan).judged(judgement))
    assert notice.subject == "Search API Gold: available violated in 2026-03"
    assert notice.text.splitlines() == [
        "Agreement: Search API Gold, version 3",
        "Acme Cloud GmbH promised: uptime >= 99.9%",
        "Verdict: violated",
        "Measured: 99.8%",
        "Whatever is unknown may have been: 99.7% to 99.8%",
        "Coverage: 98% of what there was to observe is known",
        "Window: 2026-03-01T00:00:00+01:00 to 2026-04-01T00:00:00+02:00",
        "Budget: 43m 12s, overspent by 1m",
        "Acme Cloud GmbH owes Globex AG 200.00 EUR",
    ]


def test_what_a_cap_takes_back_is_told(plan: Plan, judge: Judge) -> None:
    (notice,) = intents(Decider(plan).judged(judge(3, amount=2500)))
    line = "Acme Cloud GmbH owes Globex AG 2000.00 EUR (2500.00 EUR less 500.00 EUR above the cap)"
    assert notice.text.splitlines()[-1] == line


def test_each_credit_is_told_less_its_own_cap(plan: Plan, judge: Judge) -> None:
    goal = plan.goals[0]
    credit, notify = goal.otherwise
    changed = evolve(plan, goals=(evolve(goal, otherwise=(credit, credit, notify)),))
    (notice,) = intents(Decider(changed).judged(judge(3, amount=1500)))
    assert notice.text.splitlines()[-2:] == [
        "Acme Cloud GmbH owes Globex AG 1500.00 EUR",
        "Acme Cloud GmbH owes Globex AG 500.00 EUR (1500.00 EUR less 1000.00 EUR above the cap)",
    ]


def test_a_notice_before_the_credit_tells_of_it_too(plan: Plan, judge: Judge) -> None:
    goal = evolve(plan.goals[0], otherwise=plan.goals[0].otherwise[::-1])
    decisions = Decider(evolve(plan, goals=(goal,))).judged(judge(3))
    assert [type(decision).__name__ for decision in decisions] == ["Intent", "LedgerEntry"]
    assert "owes Globex AG 200.00 EUR" in intents(decisions)[0].text


def test_a_reward_is_called_one(plan: Plan, judge: Judge) -> None:
    goal = plan.goals[0]
    goal = evolve(goal, rewarding=(*goal.rewarding, goal.otherwise[1]))
    (notice,) = intents(Decider(evolve(plan, goals=(goal,))).judged(judge(3, Verdict.MET)))
    assert notice.subject.endswith("available met in 2026-03")
    assert notice.text.splitlines()[-1] == "Globex AG owes Acme Cloud GmbH 500.00 EUR as a reward"


def test_labels_stand_in_subject_and_text(plan: Plan, judge: Judge) -> None:
    (notice,) = intents(Decider(plan).judged(judge(3, labels=(("region", "eu"), ("plan", "gold")))))
    assert notice.subject == "Search API Gold: available violated in 2026-03 (region eu, plan gold)"
    assert "region: eu\nplan: gold\n" in notice.text


def test_the_agreements_own_message_leads(plan: Plan, judge: Judge) -> None:
    goal = plan.goals[0]
    notify = evolve(goal.otherwise[1], message="Please call us.")
    changed = evolve(plan, goals=(evolve(goal, otherwise=(notify,)),))
    (notice,) = intents(Decider(changed).judged(judge(3)))
    assert notice.text.startswith("Please call us.\n\nAgreement: Search API Gold")


def test_a_budget_of_items_with_something_left(plan: Plan, judge: Judge) -> None:
    goal = plan.goals[0]
    assert goal.budget is not None
    changed = evolve(plan, goals=(evolve(goal, budget=evolve(goal.budget, time=False)),))
    judgement = judge(3, budget=Fraction(25, 2), budget_left=Fraction(1, 3))
    (notice,) = intents(Decider(changed).judged(judgement))
    assert "Budget: 12.5, about 0.333333 left" in notice.text


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (NumberType(share=True), Fraction(1, 3), "about 33.3333%"),
        (NumberType(share=True), Fraction(9989999999, 10000000000), "99.89999999%\n"),
        (NumberType(TIME), 250_000_000, "250ms"),
        (NumberType(TIME), Fraction(2 * HOUR + 5 * MINUTE), "2h 5m"),
        (NumberType(DATA), 1536 * 1024**2, "1.5GiB"),
        (NumberType(), 17, "17"),
        (BooleanType(), False, "false"),
        (TextType(), "eu", "eu"),
        (InstantType(), T, "2026-03-04T10:00:00+01:00"),
        (NumberType(), None, "unknown"),
    ],
)
def test_measured_values_have_their_units(
    plan: Plan, judge: Judge, kind: ValueType, value: Value, expected: str
) -> None:
    operations: list[Operation] = list(plan.operations)
    operations[0] = evolve(operations[0], type=kind)
    changed = evolve(plan, operations=tuple(operations))
    (notice,) = intents(Decider(changed).judged(judge(3, value=value, lower=value, upper=value)))
    assert f"Measured: {expected}" in notice.text
    assert "Whatever is unknown" not in notice.text


def test_missing_bounds_are_said(plan: Plan, judge: Judge) -> None:
    (notice,) = intents(Decider(plan).judged(judge(3, lower=None)))
    assert "Whatever is unknown may have been: any lower value to 99.8%" in notice.text


def test_exact_and_rolling_windows_have_names(plan: Plan, judge: Judge) -> None:
    expected = {
        ExactWindow(DAY): "in 2026-03-03T10:00:00+01:00..2026-03-04T10:00:00+01:00",
        RollingWindow(DAY, MINUTE): "in the 1d before 2026-03-04T10:00:00+01:00",
    }
    for window, words in expected.items():
        changed = evolve(plan, goals=(evolve(plan.goals[0], window=window),))
        (notice,) = intents(Decider(changed).judged(judge(3, window=Interval(T - DAY, T))))
        assert notice.subject == f"Search API Gold: available violated {words}"


def test_an_episode_in_plain_words(plan: Plan) -> None:
    decider = Decider(plan)
    decisions = decider.changed("rule 1", TruthChange(at=T, labels=(), value=True))
    decisions += decider.advance(T + 3 * HOUR)
    decisions += decider.changed("rule 1", TruthChange(at=T + 3 * HOUR + 1, labels=(), value=False))
    notices = {notice.id.split("|")[3]: notice for notice in intents(decisions)}
    assert notices["fired 1"].subject == "Search API Gold: not up for 3m"
    assert notices["repeat 1 action 1"].subject == "Search API Gold: still, 30m after: not up for 3m"
    assert notices["after 1 action 1"].subject == "Search API Gold: not over 2h after: not up for 3m"
    assert notices["recovery 1"].subject == "Search API Gold: recovered: not up for 3m"
    assert notices["fired 1"].text.splitlines() == [
        "Agreement: Search API Gold, version 3",
        "Condition: not up for 3m",
        "Since: 2026-03-04T10:00:00+01:00",
        "Lasted: 3m",
        "It has held for 3m.",
    ]
    assert "Lasted: 2h 3m\n" in notices["after 1 action 1"].text
    assert len({notice.text for notice in notices.values()}) == len(notices)
    assert notices["recovery 1"].text.endswith("It is over since 2026-03-04T13:00:00.000000001+01:00.")


def test_a_rule_can_credit(plan: Plan) -> None:
    credit = Credit(creditor="globex", debtor="acme", amount=4)
    rule = evolve(plan.rules[0], actions=(*plan.rules[0].actions, credit), holding_for=0)
    notice, entry = Decider(evolve(plan, rules=(rule,))).changed(
        "rule 1", TruthChange(at=T, labels=(), value=True)
    )
    assert isinstance(notice, Intent)
    assert notice.text.endswith("Acme Cloud GmbH owes Globex AG 500.00 EUR")
    assert (entry.at, entry.window) == (T, Interval(T, T))


def test_a_right_is_told_with_its_reason(plan: Plan) -> None:
    (notice,) = intents(Decider(plan).changed("rule 2", TruthChange(at=T, labels=(), value=True)))
    assert notice.subject == "Search API Gold: Globex AG is granted the right: termination for cause"
    assert "Condition: available violated in 3 of last 6 months" in notice.text


def test_parties_without_a_title_go_by_their_name(plan: Plan, judge: Judge) -> None:
    nameless = evolve(plan, parties=tuple(evolve(party, title="") for party in plan.parties))
    (notice,) = intents(Decider(nameless).judged(judge(3)))
    assert "acme owes globex 200.00 EUR" in notice.text


def test_a_subject_is_one_line_whatever_the_labels_hold(plan: Plan, judge: Judge) -> None:
    changed = evolve(plan, rules=(plan.rules[0], evolve(plan.rules[1], text="a\n  and b")))
    odd = (("region", "eu\r\nBcc: x"),)
    decider = Decider(changed)
    (notice,) = intents(decider.judged(judge(3, labels=odd)))
    assert notice.subject == "Search API Gold: available violated in 2026-03 (region eu Bcc: x)"
    (right,) = intents(decider.changed("rule 2", TruthChange(at=T, labels=odd, value=True)))
    (fired,) = intents(
        decider.changed("rule 1", TruthChange(at=T, labels=odd, value=True)) + decider.advance(T + 3 * MINUTE)
    )
    assert not any("\n" in found or "\r" in found for found in (right.subject, fired.subject))
