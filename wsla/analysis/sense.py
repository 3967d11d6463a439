"""Checks of sense, once names and units are right: tiers, goals, monitorability, what nobody uses."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.diagnostics.diagnostic import Related
from wsla.diagnostics.source import Span


def check_sense(scope: Scope, agreement: CheckedAgreement) -> None:
    """All checks of this file."""
    reporter = scope.reporter
    for operation in agreement.operations:
        if isinstance(operation, op.Choice):
            _tiers(reporter, agreement, operation)
    for goal in agreement.goals:
        if not goal.otherwise and not _watched(agreement, goal.name):
            reporter.warning(
                "W0506",
                f"nothing follows when `{goal.name}` is missed",
                goal.span,
                notes=("add `otherwise notify …` or `otherwise credit …`",),
            )
    _unused(scope)


def _constant(agreement: CheckedAgreement, position: int) -> Fraction | str | bool | None:
    operation = agreement.operations[position]
    if not isinstance(operation, op.Constant):
        return None
    value = operation.value
    return Fraction(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else value


def _tiers(reporter: Reporter, agreement: CheckedAgreement, table: op.Choice) -> None:
    """Tables of texts; those of numbers are looked at with the lines as they were written."""
    texts: dict[str, Span] = {}
    for arm in table.arms:
        bound = _constant(agreement, arm.bound)
        if not isinstance(bound, str) or arm.operator != "==":
            continue
        if bound in texts:
            related = (Related(span=texts[bound], text="the same value"),)
            reporter.error("E0402", "this line can never be reached", arm.span, related=related)
        texts.setdefault(bound, arm.span)
    if table.otherwise is None and texts:
        reporter.error(
            "E0403", "this table says nothing for other values", table.span, notes=("add a line `else: …`",)
        )


def inputs(operation: op.Operation) -> Iterable[int]:
    """The positions of an operation's inputs."""
    match operation:
        case op.Constant() | op.SourceField() | op.Label() | op.VerdictState() | op.VerdictCount():
            return ()
        case op.Compare(left=left, right=right) | op.Logical(left=left, right=right):
            return (left, right)
        case op.Arithmetic(left=left, right=right):
            return (left, right)
        case op.Negation(operand=operand) | op.Latest(operand=operand) | op.Previous(operand=operand):
            return (operand,)
        case op.Sustained(condition=condition) | op.Debounced(condition=condition):
            return (condition,)
        case op.Limited(condition=condition):
            return (condition,)
        case op.Active(start=start, end=end, where=where):
            return (start, end) if where is None else (start, end, where)
        case op.AtLeastDown(conditions=conditions):
            return conditions
        case op.Idle(operand=operand, value=value):
            return (operand, value)
        case op.Choice(subject=subject, arms=arms, otherwise=otherwise):
            extra = () if otherwise is None else (otherwise,)
            return (subject, *(arm.bound for arm in arms), *(arm.value for arm in arms), *extra)
        case op.Elapsed(start=start, end=end, pausing=pausing):
            return (start, end) if pausing is None else (start, end, pausing)
        case op.Aggregate(argument=argument, where=where, idle=idle, window=window):
            outage = window.condition if isinstance(window, op.OutageWindow) else None
            return tuple(position for position in (argument, where, idle, outage) if position is not None)
        case op.Across(operand=operand, where=where, limit=limit):
            return tuple(position for position in (operand, where, limit) if position is not None)


def _watched(agreement: CheckedAgreement, goal: str) -> bool:
    return any(
        isinstance(found, op.VerdictState | op.VerdictCount) and found.goal == goal
        for found in agreement.operations
    )


def _unused(scope: Scope) -> None:
    for name, (kind, word) in scope.declared.items():
        if name in scope.used or kind in ("goal", "party", "service"):
            continue
        scope.reporter.warning(
            "W0212", f"the {kind} `{name}` is never used", word.span, label="nothing refers to it"
        )
