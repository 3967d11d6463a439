"""Verdicts become decisions; the whole history in the order of rule M29."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction

import pytest
from attrs import evolve

from wsla.evaluation.report import Outcome, TruthChange
from wsla.evaluation.verdicts import Judgement, Verdict
from wsla.plan.model import Plan
from wsla.remedies.decider import Decider, decide
from wsla.remedies.decisions import Intent, LedgerEntry
from wsla.values.calendars import RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, Interval, parse_instant

Judge = Callable[..., Judgement]
T = parse_instant("2026-03-04T10:00:00+01:00")


def outcome(
    plan: Plan,
    until: int,
    judgements: tuple[Judgement, ...] = (),
    triggers: dict[str, tuple[TruthChange, ...]] | None = None,
) -> Outcome:
    return Outcome(
        start=plan.effective_start,
        until=until,
        judgements=judgements,
        metrics={},
        triggers=triggers or {},
    )


def truth(at: int, value: bool | None, region: str | None = None) -> TruthChange:
    return TruthChange(at=at, labels=() if region is None else (("region", region),), value=value)


def test_a_violation_carries_out_each_action_in_order(plan: Plan, judge: Judge) -> None:
    # M27: in the order of the text, due at the window's end and the grace after it.
    judgement = judge(3)
    credit, notice = Decider(plan).judged(judgement)
    assert isinstance(credit, LedgerEntry)
    assert isinstance(notice, Intent)
    assert (notice.verb, notice.at) == ("notify", judgement.window.end + 10 * MINUTE)
    assert [str(target) for target in notice.targets] == ["acme", "globex"]
    assert (notice.cause, notice.window) == ("available", judgement.window)
    assert credit.id != notice.id


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.NOT_APPLICABLE, Verdict.LOST, Verdict.AT_RISK])
def test_other_verdicts_carry_out_nothing(plan: Plan, judge: Judge, verdict: Verdict) -> None:
    assert Decider(plan).judged(judge(3, verdict)) == []


def test_a_verdict_that_is_not_final_carries_out_nothing_yet(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    assert decider.judged(judge(3, final=False)) == []
    assert decider.judged(judge(3))


def test_a_verdict_that_comes_again_decides_nothing(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    assert decider.judged(judge(3))
    assert decider.judged(judge(3)) == []
    assert decider.judged(judge(4))
    assert decider.judged(judge(3)) == []


def test_labels_are_judged_on_their_own(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    found = [decider.judged(judge(3, labels=(("region", region),))) for region in ("eu", "us")]
    assert len({decision.id for decisions in found for decision in decisions}) == 4


def test_rolling_windows_act_on_the_first_of_a_run(plan: Plan, judge: Judge) -> None:
    # M27: only the first of a run of equal verdicts acts.
    goal = evolve(plan.goals[0], window=RollingWindow(HOUR, MINUTE))
    decider = Decider(evolve(plan, goals=(goal,)))
    met, violated, unknown = Verdict.MET, Verdict.VIOLATED, Verdict.UNKNOWN
    verdicts = [violated, violated, unknown, violated, met, met, violated]
    found = [
        len(
            decider.judged(
                judge(3, verdict, window=Interval(T + number * MINUTE - HOUR, T + number * MINUTE))
            )
        )
        for number, verdict in enumerate(verdicts)
    ]
    assert found == [2, 0, 0, 2, 1, 0, 2]


def test_tumbling_windows_act_every_time(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    assert [len(decider.judged(judge(month))) for month in (3, 4, 5)] == [2, 2, 2]


def test_a_grant_is_an_intent_to_its_party(plan: Plan) -> None:
    (decision,) = Decider(plan).changed("rule 2", truth(T, True))
    assert isinstance(decision, Intent)
    assert (decision.verb, [str(target) for target in decision.targets]) == ("grant", ["globex"])
    assert "termination for cause" in decision.subject


def test_history_is_decided_in_the_order_of_time(plan: Plan, judge: Judge) -> None:
    triggers = {"rule 1": (truth(plan.effective_start, False), truth(T, True), truth(T + HOUR, False))}
    decisions = decide(plan, outcome(plan, T + 60 * DAY, (judge(1), judge(2), judge(3)), triggers))
    found = [(decision.id.split("|")[2], decision.id.split("|")[3]) for decision in decisions]
    verdict = [("goal available", "otherwise 1"), ("goal available", "otherwise 2")]
    assert found == [
        *verdict,
        *verdict,
        ("rule rule 1", "fired 1"),
        ("rule rule 1", "repeat 1 action 1"),
        ("rule rule 1", "recovery 1"),
        *verdict,
    ]


def test_at_one_instant_goals_come_first_then_rules_in_the_order_of_the_text(
    plan: Plan, judge: Judge
) -> None:
    judgement = judge(3)
    due = judgement.window.end + plan.grace
    fires_then = truth(due - 3 * MINUTE, True)
    recovers_then = (truth(due - HOUR, True, "us"), truth(due, False, "us"))
    triggers = {
        "rule 2": (truth(due, True), truth(due, True, "eu")),
        "rule 1": (fires_then, *recovers_then),
    }
    decisions = decide(plan, outcome(plan, due, (judgement,), triggers))
    last = [[*decision.id.split("|")[2:4], decision.id.split("|")[5]] for decision in decisions[2:]]
    assert last == [
        ["goal available", "otherwise 1", ""],
        ["goal available", "otherwise 2", ""],
        ["rule rule 1", "fired 1", ""],
        ["rule rule 1", "recovery 1", "region=us"],
        ["rule rule 2", "fired 1", ""],
        ["rule rule 2", "fired 1", "region=eu"],
    ]


def test_changes_let_the_timers_of_all_rules_act_first(plan: Plan) -> None:
    decider = Decider(plan)
    decider.changed("rule 1", truth(T, True))
    decisions = decider.changed("rule 2", truth(T + 3 * MINUTE, True))
    assert [decision.cause for decision in decisions] == ["rule 1", "rule 2"]


def test_no_timer_acts_after_the_history_ends(plan: Plan, judge: Judge) -> None:
    triggers = {"rule 1": (truth(T, True),)}
    fires = T + 3 * MINUTE
    assert decide(plan, outcome(plan, fires - 1, (), triggers)) == ()
    assert len(decide(plan, outcome(plan, fires, (), triggers))) == 1


def test_a_final_verdict_is_carried_out_though_its_grace_ends_after_the_history(
    plan: Plan, judge: Judge
) -> None:
    judgement = judge(3)
    end = judgement.window.end
    triggers = {"rule 1": (truth(end - MINUTE, True),)}
    decisions = decide(plan, outcome(plan, end, (judgement,), triggers))
    assert [decision.cause for decision in decisions] == ["available", "available"]


def test_changes_after_the_history_are_not_looked_at(plan: Plan) -> None:
    assert decide(plan, outcome(plan, T, (), {"rule 2": (truth(T + 1, True),)})) == ()
    assert len(decide(plan, outcome(plan, T, (), {"rule 2": (truth(T, True),)}))) == 1


def test_unknown_names_are_refused(plan: Plan, judge: Judge) -> None:
    with pytest.raises(KeyError):
        Decider(plan).judged(judge(3, goal="nobody"))
    with pytest.raises(KeyError):
        Decider(plan).changed("nobody", truth(T, True))


def test_a_snapshot_goes_through_json(plan: Plan, judge: Judge) -> None:
    decider = Decider(plan)
    decider.judged(judge(3, amount=Fraction("1999.99"), labels=(("region", "eu"),)))
    decider.changed("rule 1", truth(T, True, "eu"))
    decider.advance(T + HOUR)
    snapshot = decider.snapshot()
    again = Decider.restore(plan, json.loads(json.dumps(snapshot)))
    assert again.snapshot() == snapshot
    assert again.next_due() == decider.next_due() is not None
    assert again.advance(T + DAY) == decider.advance(T + DAY)
    judgement = judge(3, amount=1, labels=(("region", "us"),))
    assert again.judged(judgement) == decider.judged(judgement)


def test_timers_are_in_order_after_a_restart(plan: Plan) -> None:
    decider = Decider(plan)
    for number, region in enumerate("bdac"):
        decider.changed("rule 1", truth(T + number, True, region))
    again = Decider.restore(plan, decider.snapshot())
    assert again.next_due() == T + 3 * MINUTE
    assert [dict(decision.labels)["region"] for decision in again.advance(T + HOUR // 4)] == list("bdac")


def test_a_snapshot_of_another_version_is_refused(plan: Plan) -> None:
    snapshot = Decider(plan).snapshot()
    with pytest.raises(ValueError, match="version 4"):
        Decider.restore(evolve(plan, version=4), snapshot)


def test_a_snapshot_with_a_rule_that_is_gone_is_refused(plan: Plan) -> None:
    decider = Decider(plan)
    decider.changed("rule 2", truth(T, True))
    with pytest.raises(ValueError, match="rule 2"):
        Decider.restore(evolve(plan, rules=plan.rules[:1]), decider.snapshot())
