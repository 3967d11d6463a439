"""Which goals, lines of tables and reactions of an agreement its tests reach, and which none does."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any

import attrs
from attrs import frozen

from wsla.analysis.checked import CheckedAgreement, UnknownTime
from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Choice,
    Debounced,
    Elapsed,
    Idle,
    Latest,
    Limited,
    Operation,
    Previous,
    Stateful,
    Sustained,
    Value,
    VerdictCount,
)
from wsla.analysis.reuse.expansion import expanded_text
from wsla.analysis.types import Shape
from wsla.diagnostics.source import SourceText, Span
from wsla.evaluation.reference.pointwise import operands
from wsla.evaluation.reference.shapes import source_of
from wsla.evaluation.report import Outcome, TruthChange
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Action, Credit, Goal, Notify, Plan, Rule
from wsla.remedies.decisions import Decision, LedgerEntry
from wsla.remedies.rules import Act, Phase, RuleMachine
from wsla.syntax import surface
from wsla.testing.history import History, Values, arm_number, leaves
from wsla.values.instants import Interval

Place = tuple[str, ...]
"""What names a part of an agreement: ``("goal", "available")``, ``("arm", "17", "0")`` …"""


Written = Callable[[Span], str]
"""Gives what is written in a span, in one line."""


@frozen(kw_only=True)
class Covered:
    """A part of an agreement that a test can reach. ``kind`` is ``goal``, ``arm`` or ``reaction``."""

    kind: str
    text: str
    span: Span
    reached: bool


def reached_by(plan: Plan, history: History, decisions: Iterable[Decision]) -> frozenset[Place]:
    """The parts of an agreement that one test reaches.

    A goal is reached by a final verdict of met or violated; a line of a table where it gives a value; an
    action where it is carried out.
    """
    return frozenset(
        _goals_reached(history.outcome)
        | _rules_reached(plan, history.outcome)
        | _actions_reached(plan, history.outcome, decisions)
        | set(_arms_reached(plan, history))
    )


def covered(
    agreement: CheckedAgreement, plan: Plan, source: SourceText, reached: Container[Place]
) -> tuple[Covered, ...]:
    """All parts of an agreement, in the order of the text; ``reached`` are those that its tests reach."""
    parts = sorted(_parts(agreement, plan, source), key=lambda part: (part[2].start, part[2].end))
    return tuple(
        Covered(kind=kind, text=text, span=span, reached=place in reached)
        for kind, text, span, place in parts
    )


# --- what there is


def _parts(
    agreement: CheckedAgreement, plan: Plan, source: SourceText
) -> Iterator[tuple[str, str, Span, Place]]:
    document, source = expanded_text(source)
    written = next(
        item
        for item in document.items
        if isinstance(item, surface.Agreement) and item.title.value == agreement.title
    )

    def text(span: Span) -> str:
        return " ".join(source.text[span.start : span.end].split())

    rules = 0
    for declaration in written.declarations:
        if isinstance(declaration, surface.Goal):
            name = declaration.name.text
            yield "goal", name, declaration.name.span, ("goal", name)
            yield from _goal_parts(declaration, text)
        elif isinstance(declaration, surface.Rule):
            rules += 1
            yield from _rule_parts(declaration, f"when {rules}", text)
    yield from _arm_parts(plan, written, text)


def _goal_parts(goal: surface.Goal, text: Written) -> Iterator[tuple[str, str, Span, Place]]:
    counts = {"otherwise": 0, "rewarding": 0}
    for item in goal.items or ():
        if not isinstance(item, surface.Otherwise | surface.Rewarding):
            continue
        branch = "otherwise" if isinstance(item, surface.Otherwise) else "rewarding"
        for action in item.actions:
            place = (branch, goal.name.text, str(counts[branch]))
            counts[branch] += 1
            yield "reaction", f"{branch} {_shortly(action, text)}", action.span, place


def _rule_parts(rule: surface.Rule, name: str, text: Written) -> Iterator[tuple[str, str, Span, Place]]:
    steps = 0
    fires = [item for item in rule.items if isinstance(item, surface.AtOnce)]
    condition = text(rule.condition.span)
    if rule.holding_for is not None:
        condition += f" for {rule.holding_for.text}"
    if fires:
        yield "reaction", f"when {condition}", rule.span, (name, Phase.FIRED.value)
    for item in rule.items:
        match item:
            case surface.Repeat(every=every, span=span):
                yield "reaction", f"repeat every {every.text}", span, (name, Phase.REPEAT.value)
            case surface.After(delay=delay, span=span):
                steps += 1
                yield "reaction", f"after {delay.text}", span, (name, Phase.AFTER.value, str(steps))
            case surface.Recovery(span=span):
                yield "reaction", "on recovery", span, (name, Phase.RECOVERY.value)
            case _:
                pass


def _shortly(action: surface.Action, text: Written) -> str:
    """The action as written, without the table that a credit may carry."""
    if isinstance(action, surface.Credit):
        return f"credit {text(action.target.span)}"
    return text(action.span)


def _arm_parts(
    plan: Plan, written: surface.Agreement, text: Written
) -> Iterator[tuple[str, str, Span, Place]]:
    tables = {table.span: table for table in _tables(written)}
    for index, node in enumerate(plan.operations):
        table = tables.get(node.span) if isinstance(node, Choice) else None
        if table is None:
            continue
        number = 0
        for arm in table.arms:
            if arm.bound is None:
                assert isinstance(node, Choice)
                yield "arm", text(arm.span), arm.span, ("arm", str(index), str(len(node.arms)))
                continue
            yield "arm", text(arm.span), arm.span, ("arm", str(index), str(number))
            number += 1


def _tables(node: Any) -> Iterator[surface.Table]:
    if isinstance(node, tuple):
        for one in node:
            yield from _tables(one)
    elif attrs.has(type(node)):
        if isinstance(node, surface.Table):
            yield node
        for field in attrs.fields(type(node)):
            yield from _tables(getattr(node, field.name))


# --- goals and reactions


def _goals_reached(outcome: Outcome) -> set[Place]:
    return {
        ("goal", judgement.goal)
        for judgement in outcome.judgements
        if judgement.final and judgement.verdict in (Verdict.MET, Verdict.VIOLATED)
    }


def _actions_reached(plan: Plan, outcome: Outcome, decisions: Iterable[Decision]) -> set[Place]:
    verdicts = {(one.goal, one.labels, one.window): one.verdict for one in outcome.judgements}
    found: set[Place] = set()
    for decision in decisions:
        if decision.window is None:
            continue
        verdict = verdicts.get((decision.cause, decision.labels, decision.window))
        goal = next((goal for goal in plan.goals if goal.name == decision.cause), None)
        if goal is None or verdict is None:
            continue
        branch, actions = (
            ("otherwise", goal.otherwise) if verdict is Verdict.VIOLATED else ("rewarding", goal.rewarding)
        )
        found |= {
            (branch, goal.name, str(number))
            for number, action in enumerate(actions)
            if _came_of(action, decision)
        }
    return found


def _came_of(action: Action, decision: Decision) -> bool:
    if isinstance(decision, LedgerEntry):
        return (
            isinstance(action, Credit)
            and decision.kind in ("credit", "reward")
            and (
                decision.creditor,
                decision.debtor,
            )
            == (action.creditor, action.debtor)
        )
    if isinstance(action, Notify):
        return decision.verb == action.verb and decision.targets == action.targets
    return (
        not isinstance(action, Credit)
        and decision.verb == "grant"
        and any(target.party == action.party for target in decision.targets)
    )


def _rules_reached(plan: Plan, outcome: Outcome) -> set[Place]:
    found: set[Place] = set()
    for rule in plan.rules:
        changes: dict[Labels, list[TruthChange]] = {}
        for change in outcome.triggers.get(rule.name, ()):
            changes.setdefault(change.labels, []).append(change)
        for own in changes.values():
            for act in _acts(plan, rule, own, outcome.until):
                place = (rule.name, act.phase.value)
                found.add((*place, str(act.number)) if act.phase is Phase.AFTER else place)
    return found


def _acts(plan: Plan, rule: Rule, changes: Iterable[TruthChange], until: int) -> Iterator[Act]:
    """What a rule does for one combination of labels: timers before changes at their instant (M29)."""
    machine = RuleMachine(plan, rule)
    for change in changes:
        if change.at > until:
            break
        yield from _run(machine, change.at)
        act = machine.change(change.at, change.value)
        if act is not None:
            yield act
    yield from _run(machine, until)


def _run(machine: RuleMachine, until: int) -> Iterator[Act]:
    while (due := machine.due()) is not None and due <= until:
        yield machine.act()


# --- tables


def _arms_reached(plan: Plan, history: History) -> Iterator[Place]:
    credits = [
        (goal, branch, amount)
        for goal in plan.goals
        for branch, actions in ((Verdict.VIOLATED, goal.otherwise), (Verdict.MET, goal.rewarding))
        for action in actions
        if isinstance(action, Credit)
        for amount in _amounts(action)
        if _has_table(plan, amount)
    ]
    roots = [root for root in _roots(plan) if _has_table(plan, root)]
    series = [root for root in roots if plan.operations[root].shape is Shape.SERIES]
    # One run for all series that are asked for below.
    history.probe(
        index
        for root in [*series, *(amount for _, _, amount in credits)]
        for index in (root, *leaves(plan, root))
        if plan.operations[index].shape is Shape.SERIES
    )
    for goal, branch, amount in credits:
        for judgement in history.outcome.judgements:
            if judgement.goal == goal.name and judgement.final and judgement.verdict is branch:
                yield from _walk(plan, amount, _credited_values(history, goal, amount, judgement))
    for root in roots:
        for values in _points(plan, history, root):
            yield from _walk(plan, root, values)


def _roots(plan: Plan) -> list[int]:
    """Where formulas begin: what the agreement names or asks, and what aggregates and clocks look at."""
    found: list[int | None] = [*plan.metrics.values(), *(cap.amount for cap in plan.caps)]
    found += [goal.condition for goal in plan.goals] + [goal.provided for goal in plan.goals]
    found += [rule.trigger for rule in plan.rules]
    found += [
        amount
        for rule in plan.rules
        for action in (
            *rule.actions,
            *rule.on_recovery,
            *(one for step in rule.steps for one in step.actions),
        )
        if isinstance(action, Credit)
        for amount in _amounts(action)
    ]
    for node in plan.operations:
        match node:
            case Aggregate():
                found += [node.argument, node.where, node.idle]
            case Elapsed():
                found += [node.start, node.end, node.pausing]
            case Idle():
                found += [node.operand, node.value]
            case Latest() | Previous():
                found.append(node.operand)
            case Sustained() | Debounced() | Limited():
                found.append(node.condition)
            case Active():
                found += [node.start, node.end, node.where]
            case Across():
                found += [node.operand, node.where, node.limit]
            case _:
                pass
    return list(dict.fromkeys(root for root in found if root is not None))


def _amounts(credit: Credit) -> list[int]:
    """The operations that a credit's amount is made of."""
    return list(credit.operations)


def _below(node: Operation) -> tuple[int, ...]:
    """What gives an operation its value at the same point."""
    return () if isinstance(node, Idle | Previous | Stateful) else operands(node)


def _has_table(plan: Plan, index: int) -> bool:
    return isinstance(plan.operations[index], Choice) or any(
        _has_table(plan, one) for one in _below(plan.operations[index])
    )


def _points(plan: Plan, history: History, root: int) -> Iterator[Values]:
    """The values of a formula's leaves at every point at which it has a value."""
    match plan.operations[root].shape:
        case Shape.SCALAR:
            yield {}
        case Shape.SIGNAL:
            everything = (Interval(history.outcome.start, history.until),)
            for labels in history.signal_labels(root):
                for _, values in history.segments(root, labels, everything):
                    yield values
        case Shape.RECORDS:
            source = source_of(plan, root)
            for record in history.facts.records(source, frozenset(), history.until) if source else ():
                yield history.values_of_record(root, record)
        case Shape.SERIES:
            for point in history.points(root):
                yield history.values_in(root, frozenset(point.labels), point.window)


def _credited_values(history: History, goal: Goal, amount: int, judgement: Judgement) -> Values:
    """The values that a credit goes by (M28)."""
    found: dict[int, Value] = {}
    for leaf in leaves(history.plan, amount):
        node = history.plan.operations[leaf]
        if isinstance(node, VerdictCount):
            found[leaf] = history.missed_by(node, frozenset(judgement.labels), judgement.window)
            continue
        series = history.series(leaf, frozenset(judgement.labels), judgement.window)
        if series is None:
            found[leaf] = None
            continue
        match goal.unknown_time:
            case UnknownTime.MISSED:
                chosen = series.lower
            case UnknownTime.MET:
                chosen = series.upper
            case _:
                chosen = series.value
        found[leaf] = series.upper if chosen is None else chosen
    return found


def _walk(plan: Plan, index: int, values: Values) -> Iterator[Place]:
    """The lines of tables that a formula takes at one point, those within others included."""
    node = plan.operations[index]
    if not isinstance(node, Choice):
        for one in _below(node):
            yield from _walk(plan, one, values)
        return
    number = arm_number(plan, index, values)
    yield from _walk(plan, node.subject, values)
    if number is None:
        return
    yield ("arm", str(index), str(number))
    if number < len(node.arms):
        yield from _walk(plan, node.arms[number].value, values)
    elif node.otherwise is not None:
        yield from _walk(plan, node.otherwise, values)
