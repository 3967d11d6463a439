"""What follows from goals, and rules, as guarantees of actions."""

from __future__ import annotations

import re
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import Action, Goal, Notify, Rule
from wsla.interop.wsla_xml.expressions import Expressions
from wsla.interop.wsla_xml.ticks import Unsayable
from wsla.interop.wsla_xml.tree import Element, element
from wsla.values.calendars import RollingWindow
from wsla.values.instants import MILLISECOND

_MESSAGE: Final = re.compile(r"(Violation|Information): (.*?)(?: \((\w+(?:, \w+)*)\))?")


def guarantees_of_goal(goal: Goal) -> tuple[list[Element], list[str]]:
    """The guarantees for what follows from a goal, and what of it cannot be said."""
    lost: list[str] = []
    rolling = isinstance(goal.window, RollingWindow)
    often = "OnEnteringCondition" if rolling else "Always"
    violation = element("Predicate", element("ServiceLevelObjective", text=goal.name), kind="Violation")
    otherwise, rewarding = _said(goal.otherwise, lost), _said(goal.rewarding, lost)
    if not rolling and otherwise and otherwise == rewarding:
        return [_guarantee(goal.party, violation, otherwise, "OnEveryEvaluation")], lost
    made = [_guarantee(goal.party, violation, otherwise, often)] if otherwise else []
    if rewarding:
        kept = element("Not", element("Expresssion", violation))
        made.append(_guarantee(goal.party, kept, rewarding, often))
    return made, lost


def guarantees_of_rule(rule: Rule, expressions: Expressions) -> list[Element]:
    """The guarantee for a rule. Raises Unsayable."""
    if rule.steps or rule.by:
        raise Unsayable("steps, and labels, of a rule", rule.span)
    lost: list[str] = []
    actions = _said(rule.actions, lost)
    trigger = rule.trigger
    every = rule.repeat_every is not None
    if every != (rule.holding_for == MILLISECOND) or (not every and rule.holding_for):
        raise Unsayable("how long a condition has to hold, or how often a rule repeats", rule.span)
    modality = "Always" if every else "OnEnteringCondition"
    if rule.on_recovery:
        if every or _said(rule.on_recovery, lost) != actions:
            raise Unsayable("something else on recovery", rule.span)
        modality = "OnEnteringAndOnLeavingCondition"
    if every and (both := _both_ways(trigger, expressions)) is not None:
        trigger, modality = both, "OnEveryEvaluation"
    if not actions:
        raise Unsayable("a rule without notices", rule.span)
    condition = expressions.of_rule(trigger)
    predicate = condition.first("Predicate", "Not")
    if predicate is not None:
        # A violation by itself is what an import puts into the goal.
        always = element("Expression", element("Predicate", kind="True"))
        condition = element("Expression", element("And", condition, always))
    provider = expressions.functions.provider
    return [_guarantee(provider, condition.children[0], actions, modality)]


def _both_ways(trigger: int, expressions: Expressions) -> int | None:
    """The condition in ``c or not c``."""
    operations = expressions.functions.agreement.operations
    found = operations[trigger]
    if isinstance(found, op.Latest):
        found = operations[found.operand]
    if isinstance(found, op.Logical) and found.operator == "or":
        right = operations[found.right]
        if isinstance(right, op.Negation) and right.operand == found.left:
            return found.left
    return None


def _said(actions: tuple[Action, ...], lost: list[str]) -> list[Element]:
    made: list[Element] = []
    for action in actions:
        if not isinstance(action, Notify):
            lost.append("credits and rights")
            continue
        for target in action.targets:
            if target.channel is not None and action.verb != "notify":
                lost.append(f"`{action.verb}` through a channel")
            name = target.channel or action.verb
            invoked = (
                _notification(action.message, name) if action.message else element("Action", actionName=name)
            )
            made.append(element("QualifiedAction", element("Party", text=target.party), invoked))
    return made


def _notification(message: str, name: str) -> Element:
    match = _MESSAGE.fullmatch(message)
    kind, cause, parameters = match.groups() if match is not None else ("Violation", message, None)
    return element(
        "Action",
        element("NotificationType", text=kind),
        element("CausingGuarantee", text=cause),
        element("SLAParameter", text=parameters.replace(",", "") if parameters else "NONE"),
        kind="Notification",
        actionName=name,
    )


def _guarantee(party: str, condition: Element, actions: list[Element], modality: str) -> Element:
    return element(
        "ActionGuarantee",
        element("Obliged", text=party),
        element("Expression", condition),
        element("EvaluationEvent", text="NewValue"),
        *actions,
        element("ExecutionModality", text=modality),
    )
