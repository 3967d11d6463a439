"""Which windows and rules to look into where a credit or an action did not come out as expected."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from attrs import frozen

from wsla.analysis.checked import ExpectAction, ExpectCredit
from wsla.analysis.operations import VerdictCount, VerdictState
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Action, Credit, Grant, Notify, Plan, Rule, Target
from wsla.remedies.decisions import Decision
from wsla.testing.history import leaves
from wsla.values.instants import MINUTE, Interval

_MOST = 2


@frozen(kw_only=True)
class RuleStretch:
    """A stretch of time of a rule, for one combination of labels."""

    rule: Rule
    labels: Labels
    window: Interval


Suspect = Judgement | RuleStretch


def behind_credit(
    plan: Plan, outcome: Outcome, expected: ExpectCredit, found: Sequence[Decision]
) -> list[Suspect]:
    """Where the credits of a party come from, or where they would have come from."""

    def credits(action: Action) -> bool:
        return isinstance(action, Credit) and expected.party in (action.creditor, action.debtor)

    return _suspects(plan, outcome, credits, found, expected.occasion)


def behind_action(
    plan: Plan, outcome: Outcome, expected: ExpectAction, found: Sequence[Decision]
) -> list[Suspect]:
    """Where an action comes from, or where it would have come from."""
    return _suspects(plan, outcome, _acts(expected), found, expected.occasion)


def is_foreseen(plan: Plan, expected: ExpectAction) -> bool:
    """True where some goal or rule may do this."""
    actions = [
        *(action for goal in plan.goals for action in (*goal.otherwise, *goal.rewarding)),
        *(action for rule in plan.rules for action in _actions(rule)),
    ]
    return any(map(_acts(expected), actions))


def _acts(expected: ExpectAction) -> Callable[[Action], bool]:
    target = expected.target

    def reaches(one: Target) -> bool:
        return one == target or (target.channel is None and one.party == target.party)

    def acts(action: Action) -> bool:
        match action:
            case Notify():
                return action.verb == expected.verb and any(reaches(one) for one in action.targets)
            case Grant():
                return expected.verb == "grant" and action.party == target.party
            case _:
                return False

    return acts


def _suspects(
    plan: Plan,
    outcome: Outcome,
    concerns: Callable[[Action], bool],
    found: Sequence[Decision],
    occasion: Interval | None,
) -> list[Suspect]:
    causes = {decision.cause for decision in found}
    windows = {(decision.cause, decision.labels, decision.window) for decision in found}
    goals = {
        goal.name
        for goal in plan.goals
        if any(concerns(action) for action in (*goal.otherwise, *goal.rewarding))
    }
    judgements = [
        judgement
        for judgement in outcome.judgements
        if judgement.goal in goals
        and (
            (judgement.goal, judgement.labels, judgement.window) in windows
            if found
            else judgement.final and _concerns(judgement.window, plan.grace, occasion)
        )
    ]
    # What was missed, or not known, tells more than what went well.
    judgements.sort(key=lambda judgement: judgement.verdict is Verdict.MET)
    rules = [
        rule
        for rule in plan.rules
        if any(concerns(action) for action in _actions(rule)) and (not found or rule.name in causes)
    ]
    stretches = [
        RuleStretch(rule=rule, labels=labels, window=window)
        for rule in rules
        if (window := _around(plan, rule, outcome, occasion)) is not None
        for labels in dict.fromkeys(change.labels for change in outcome.triggers.get(rule.name, ()))
    ]
    if stretches and not found and occasion is not None and occasion.length == 0:
        # Rules act at any instant, goals at the ends of their windows only.
        judgements = [one for one in judgements if one.window.end + plan.grace == occasion.start]
    return [*judgements[:_MOST], *stretches[:_MOST]]


def _actions(rule: Rule) -> Iterable[Action]:
    return (
        *rule.actions,
        *rule.on_recovery,
        *(action for step in rule.steps for action in step.actions),
    )


def _concerns(window: Interval, grace: int, occasion: Interval | None) -> bool:
    if occasion is None:
        return True
    due = window.end + grace
    if occasion.length == 0:
        return due == occasion.start or window.contains(occasion.start)
    return occasion.contains(window.start) or occasion.contains(due)


def _looks_back(plan: Plan, rule: Rule) -> bool:
    """True where a rule rests on the verdicts of windows long past."""
    return any(
        isinstance(plan.operations[index], VerdictState | VerdictCount)
        for index in leaves(plan, rule.trigger)
    )


def _around(plan: Plan, rule: Rule, outcome: Outcome, occasion: Interval | None) -> Interval | None:
    """The time to look at: the occasion, or for an instant as long before it as the rule may take to act."""
    start, end = outcome.start, outcome.until
    if occasion is not None and occasion.length:
        start, end = max(start, occasion.start), min(end, occasion.end)
    elif occasion is not None and not _looks_back(plan, rule):
        delays = [step.delay for step in rule.steps]
        before = max(MINUTE, rule.holding_for + max([rule.repeat_every or 0, *delays]))
        start, end = max(start, occasion.start - 2 * before), min(end, occasion.start + before)
    return Interval(start, end) if start < end else None
