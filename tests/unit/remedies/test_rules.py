"""The state machine of a rule at its boundaries (rule M26)."""

from __future__ import annotations

from attrs import evolve

from wsla.evaluation.report import TruthChange
from wsla.plan.model import Plan
from wsla.remedies.decider import Decider
from wsla.remedies.decisions import Decision, Intent
from wsla.values.instants import DAY, HOUR, MINUTE, parse_instant

T = parse_instant("2026-03-04T10:00:00+01:00")
FOR = 3 * MINUTE


def run(
    plan: Plan, *changes: tuple[int, bool | None], until: int | None = None, rule: str = "rule 1"
) -> list[Decision]:
    decider = Decider(plan)
    decisions: list[Decision] = []
    for at, value in changes:
        decisions += decider.changed(rule, TruthChange(at=at, labels=(), value=value))
    return decisions if until is None else decisions + decider.advance(until)


def steps(decisions: list[Decision]) -> list[tuple[str, int]]:
    """The step of each identity, with the time since T in nanoseconds."""
    return [
        (decision.id.split("|")[3], decision.at - T) for decision in decisions if isinstance(decision, Intent)
    ]


def test_true_for_exactly_the_time_fires(plan: Plan) -> None:
    assert steps(run(plan, (T, True), (T + FOR, False))) == [("fired 1", FOR), ("recovery 1", FOR)]


def test_false_a_nanosecond_earlier_does_not(plan: Plan) -> None:
    assert run(plan, (T, True), (T + FOR - 1, False), until=T + DAY) == []


def test_unknown_a_nanosecond_earlier_starts_anew(plan: Plan) -> None:
    again = T + FOR
    decisions = run(plan, (T, True), (T + FOR - 1, None), (again, True), until=again + FOR)
    assert steps(decisions) == [("fired 1", 2 * FOR)]


def test_nothing_happens_a_nanosecond_before_it_is_due(plan: Plan) -> None:
    assert run(plan, (T, True), until=T + FOR - 1) == []
    assert steps(run(plan, (T, True), until=T + FOR)) == [("fired 1", FOR)]


def test_true_again_does_not_start_anew(plan: Plan) -> None:
    assert steps(run(plan, (T, True), (T + 1, True), until=T + FOR)) == [("fired 1", FOR)]


def test_for_nothing_fires_at_once(plan: Plan) -> None:
    (decision,) = run(plan, (T, True), rule="rule 2")
    assert isinstance(decision, Intent)
    assert (decision.verb, decision.at) == ("grant", T)


def test_repeats_and_steps_count_from_the_firing(plan: Plan) -> None:
    assert steps(run(plan, (T, True), until=T + FOR + 2 * HOUR)) == [
        ("fired 1", FOR),
        ("repeat 1 action 1", FOR + 30 * MINUTE),
        ("repeat 2 action 1", FOR + 60 * MINUTE),
        ("repeat 3 action 1", FOR + 90 * MINUTE),
        ("repeat 4 action 1", FOR + 120 * MINUTE),
        ("after 1 action 1", FOR + 120 * MINUTE),
    ]


def test_steps_act_once_and_in_the_order_of_their_delays(plan: Plan) -> None:
    (step,) = plan.rules[0].steps
    ladder = (step, evolve(step, delay=HOUR), evolve(step, delay=0))
    rule = evolve(plan.rules[0], steps=ladder, repeat_every=None)
    assert steps(run(evolve(plan, rules=(rule,)), (T, True), until=T + DAY)) == [
        ("fired 1", FOR),
        ("after 3 action 1", FOR),
        ("after 2 action 1", FOR + HOUR),
        ("after 1 action 1", FOR + 2 * HOUR),
    ]


def test_nothing_repeats_after_recovery(plan: Plan) -> None:
    end = T + FOR + 30 * MINUTE - 1
    decisions = run(plan, (T, True), (end, False), until=T + DAY)
    assert steps(decisions) == [("fired 1", FOR), ("recovery 1", end - T)]


def test_a_timer_due_at_the_recovery_acts_before_it(plan: Plan) -> None:
    end = T + FOR + 30 * MINUTE
    decisions = run(plan, (T, True), (end, False), until=T + DAY)
    assert [step for step, _ in steps(decisions)] == ["fired 1", "repeat 1 action 1", "recovery 1"]


def test_unknown_does_not_end_an_episode(plan: Plan) -> None:
    changes = [(T, True), (T + FOR + 1, None), (T + 10 * MINUTE, True), (T + 40 * MINUTE, False)]
    assert steps(run(plan, *changes)) == [
        ("fired 1", FOR),
        ("repeat 1 action 1", FOR + 30 * MINUTE),
        ("recovery 1", 40 * MINUTE),
    ]


def test_false_after_unknown_ends_an_episode(plan: Plan) -> None:
    decisions = run(plan, (T, True), (T + FOR + 1, None), (T + FOR + 2, False), until=T + DAY)
    assert steps(decisions) == [("fired 1", FOR), ("recovery 1", FOR + 2)]


def test_no_recovery_without_an_episode(plan: Plan) -> None:
    assert run(plan, (T, False), (T + 1, None), (T + 2, False), until=T + DAY) == []


def test_the_next_episode_has_another_identity(plan: Plan) -> None:
    changes = [(T, True), (T + FOR, False), (T + FOR + 1, True), (T + 2 * FOR + 1, False)]
    decisions = run(plan, *changes)
    assert [step for step, _ in steps(decisions)] == ["fired 1", "recovery 1"] * 2
    assert len({decision.id for decision in decisions}) == 4


def test_nothing_fires_at_or_after_the_end_of_the_term(plan: Plan) -> None:
    assert plan.effective_end is not None
    last = plan.effective_end - FOR
    assert run(plan, (last, True), until=last + DAY) == []
    assert [step for step, _ in steps(run(plan, (last - 1, True), until=last + DAY))] == ["fired 1"]


def test_no_recovery_at_the_end_of_the_term(plan: Plan) -> None:
    end = plan.effective_end
    assert end is not None
    begin = end - 10 * MINUTE
    assert [step for step, _ in steps(run(plan, (begin, True), (end, False)))] == ["fired 1"]
    assert [step for step, _ in steps(run(plan, (begin, True), (end - 1, False)))] == [
        "fired 1",
        "recovery 1",
    ]


def test_an_open_term_never_ends(plan: Plan) -> None:
    late = parse_instant("2040-01-01T00:00:00Z")
    decisions = run(evolve(plan, effective_end=None), (late, True), until=late + FOR)
    assert [step for step, _ in steps(decisions)] == ["fired 1"]


def test_what_was_true_before_the_term_counts_from_its_start(plan: Plan) -> None:
    start = plan.effective_start
    (decision,) = run(plan, (start - DAY, True), until=start + FOR)
    assert isinstance(decision, Intent)
    assert (decision.at, decision.window and decision.window.start) == (start + FOR, start)


def test_each_label_combination_has_its_own_episode(plan: Plan) -> None:
    decider = Decider(plan)
    eu, us = (("region", "eu"),), (("region", "us"),)
    decider.changed("rule 1", TruthChange(at=T, labels=us, value=True))
    decider.changed("rule 1", TruthChange(at=T, labels=eu, value=True))
    decider.changed("rule 1", TruthChange(at=T + 1, labels=us, value=False))
    (decision,) = decider.advance(T + FOR)
    assert decision.labels == eu


def test_a_change_that_comes_again_or_late_changes_nothing(plan: Plan) -> None:
    decider = Decider(plan)
    first = TruthChange(at=T, labels=(), value=True)
    decider.changed("rule 1", first)
    assert steps(decider.changed("rule 1", TruthChange(at=T + FOR, labels=(), value=False)))
    assert decider.changed("rule 1", first) == []
    assert decider.next_due() is None


def test_next_due_is_the_earliest_timer(plan: Plan) -> None:
    decider = Decider(plan)
    assert decider.next_due() is None
    decider.changed("rule 1", TruthChange(at=T, labels=(), value=True))
    assert decider.next_due() == T + FOR
    decider.advance(T + FOR)
    assert decider.next_due() == T + FOR + 30 * MINUTE
    decider.changed("rule 1", TruthChange(at=T + FOR + 1, labels=(), value=False))
    assert decider.next_due() is None
