"""Checked agreement to plan: only the operations that judging needs, in an order in which inputs come first."""

from __future__ import annotations

from fractions import Fraction
from typing import assert_never

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.checked import Action, CheckedAgreement, Credit
from wsla.analysis.sense import inputs
from wsla.plan.model import Goal, Plan, Rule


def build_plan(checked: CheckedAgreement) -> Plan:
    """The plan of a checked agreement."""
    roots = [
        *checked.metrics.values(),
        *(goal.condition for goal in checked.goals),
        *(goal.provided for goal in checked.goals if goal.provided is not None),
        *(one.condition for goal in checked.goals for one in goal.refunds if one.condition is not None),
        *(rule.trigger for rule in checked.rules),
        *(cap.amount for cap in checked.caps if cap.amount is not None),
        *_amounts(checked),
    ]
    needed: set[int] = set()
    pending = list(roots)
    while pending:
        position = pending.pop()
        if position not in needed:
            needed.add(position)
            pending.extend(inputs(checked.operations[position]))
    moved = {old: new for new, old in enumerate(sorted(needed))}
    return Plan(
        title=checked.title,
        version=checked.version,
        kind=checked.kind,
        zone=checked.zone,
        currency=checked.currency,
        effective_start=checked.effective_start,
        effective_end=checked.effective_end,
        grace=checked.grace,
        parties=checked.parties,
        services=checked.services,
        schedules=checked.schedules,
        sources=checked.sources,
        operations=tuple(_move(checked.operations[old], moved) for old in sorted(needed)),
        metrics={name: moved[position] for name, position in checked.metrics.items()},
        goals=tuple(_move_goal(goal, moved) for goal in checked.goals),
        rules=tuple(_move_rule(rule, moved) for rule in checked.rules),
        caps=tuple(
            cap if cap.amount is None else evolve(cap, amount=moved[cap.amount]) for cap in checked.caps
        ),
        amends=checked.amends,
        recurring=checked.recurring,
        judges_from=None if checked.amends is None or checked.takes_over else checked.effective_start,
    )


def _all_actions(checked: CheckedAgreement) -> list[Action]:
    actions: list[Action] = []
    for goal in checked.goals:
        actions += [*goal.otherwise, *goal.rewarding]
    for rule in checked.rules:
        actions += [
            *rule.actions,
            *rule.on_recovery,
            *(action for step in rule.steps for action in step.actions),
        ]
    return actions


def _amounts(checked: CheckedAgreement) -> list[int]:
    credits = [action for action in _all_actions(checked) if isinstance(action, Credit)]
    found = [position for one in credits for position in (one.amount, one.at_most, one.only_above)]
    return [position for position in found if position is not None]


def _move_actions(actions: tuple[Action, ...], moved: dict[int, int]) -> tuple[Action, ...]:
    return tuple(_move_credit(action, moved) if isinstance(action, Credit) else action for action in actions)


def _move_credit(credit: Credit, moved: dict[int, int]) -> Credit:
    return evolve(
        credit,
        amount=moved[credit.amount],
        at_most=None if credit.at_most is None else moved[credit.at_most],
        only_above=None if credit.only_above is None else moved[credit.only_above],
    )


def _move_goal(goal: Goal, moved: dict[int, int]) -> Goal:
    return evolve(
        goal,
        condition=moved[goal.condition],
        window=_move_window(goal.window, moved),
        value=moved[goal.value],
        provided=None if goal.provided is None else moved[goal.provided],
        budget=None if goal.budget is None else evolve(goal.budget, aggregate=moved[goal.budget.aggregate]),
        otherwise=_move_actions(goal.otherwise, moved),
        rewarding=_move_actions(goal.rewarding, moved),
        refunds=tuple(
            one if one.condition is None else evolve(one, condition=moved[one.condition])
            for one in goal.refunds
        ),
    )


def _move_rule(rule: Rule, moved: dict[int, int]) -> Rule:
    return evolve(
        rule,
        trigger=moved[rule.trigger],
        actions=_move_actions(rule.actions, moved),
        steps=tuple(evolve(step, actions=_move_actions(step.actions, moved)) for step in rule.steps),
        on_recovery=_move_actions(rule.on_recovery, moved),
    )


def _move_window(window: op.Window, moved: dict[int, int]) -> op.Window:
    if isinstance(window, op.OutageWindow):
        return evolve(window, condition=moved[window.condition])
    return window


def _move(operation: op.Operation, moved: dict[int, int]) -> op.Operation:
    def maybe(position: int | None) -> int | None:
        return None if position is None else moved[position]

    match operation:
        case op.Constant(value=Fraction(denominator=1) as value):
            # Whole numbers compare some ten times faster than fractions, once for every observation.
            return evolve(operation, value=int(value))
        case op.Constant() | op.SourceField() | op.Label() | op.VerdictState() | op.VerdictCount():
            return operation
        case op.Compare(left=left, right=right) | op.Logical(left=left, right=right):
            return evolve(operation, left=moved[left], right=moved[right])
        case op.Arithmetic(left=left, right=right):
            return evolve(operation, left=moved[left], right=moved[right])
        case op.Negation(operand=operand) | op.Latest(operand=operand) | op.Previous(operand=operand):
            return evolve(operation, operand=moved[operand])
        case op.Sustained() | op.Debounced() | op.Limited():
            return evolve(operation, condition=moved[operation.condition])
        case op.Active(start=start, end=end, where=where):
            return evolve(operation, start=moved[start], end=moved[end], where=maybe(where))
        case op.AtLeastDown(conditions=conditions):
            return evolve(operation, conditions=tuple(moved[position] for position in conditions))
        case op.Idle(operand=operand, value=value):
            return evolve(operation, operand=moved[operand], value=moved[value])
        case op.Choice(subject=subject, arms=arms, otherwise=otherwise):
            return evolve(
                operation,
                subject=moved[subject],
                arms=tuple(evolve(arm, bound=moved[arm.bound], value=moved[arm.value]) for arm in arms),
                otherwise=maybe(otherwise),
            )
        case op.Elapsed(start=start, end=end, pausing=pausing):
            return evolve(operation, start=moved[start], end=moved[end], pausing=maybe(pausing))
        case op.Aggregate(argument=argument, where=where, idle=idle):
            return evolve(
                operation,
                argument=maybe(argument),
                where=maybe(where),
                idle=maybe(idle),
                window=_move_window(operation.window, moved),
            )
        case op.Across(operand=operand, where=where, limit=limit):
            return evolve(operation, operand=moved[operand], where=maybe(where), limit=maybe(limit))
        case _ as unreachable:
            assert_never(unreachable)


def moved_to(operation: op.Operation, places: dict[int, int]) -> op.Operation:
    """The operation with other positions for its inputs."""
    return _move(operation, places)
