"""Checks of sense, once names and units are right: tiers, goals, monitorability, what nobody uses."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from wsla.analysis import operations as op
from wsla.analysis.checked import CheckedAgreement, Credit, Goal
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType
from wsla.diagnostics.diagnostic import Related
from wsla.diagnostics.source import Span
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, OverlappingWindow, RollingWindow
from wsla.values.instants import DAY, format_length
from wsla.values.quantities import format_percentage

_DAYS = {
    CalendarUnit.DAY: 1,
    CalendarUnit.WEEK: 7,
    CalendarUnit.MONTH: 30,
    CalendarUnit.QUARTER: 91,
    CalendarUnit.YEAR: 365,
}
_ORDERED = frozenset({">=", ">", "<=", "<"})


def check_sense(scope: Scope, agreement: CheckedAgreement) -> None:
    """All checks of this file."""
    reporter = scope.reporter
    for operation in agreement.operations:
        if isinstance(operation, op.Choice):
            _tiers(reporter, agreement, operation)
    for goal in agreement.goals:
        _share_in_range(reporter, agreement, goal)
        _credit_while_met(reporter, agreement, goal)
        _monitorable(reporter, agreement, goal)
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


def _covers(earlier: tuple[str, Fraction], later: tuple[str, Fraction]) -> bool:
    """True where every value that the later arm takes has been taken by the earlier one."""
    (first, bound), (second, value) = earlier, later
    if first in (">=", ">"):
        if second == "==":
            return value >= bound if first == ">=" else value > bound
        return second in (">=", ">") and (
            value > bound or (value == bound and (first == ">=" or second == ">"))
        )
    if first in ("<=", "<"):
        if second == "==":
            return value <= bound if first == "<=" else value < bound
        return second in ("<=", "<") and (
            value < bound or (value == bound and (first == "<=" or second == "<"))
        )
    return first == "==" and second == "==" and bound == value


def _tiers(reporter: Reporter, agreement: CheckedAgreement, table: op.Choice) -> None:
    seen: list[tuple[str, Fraction, Span]] = []
    texts: dict[str, Span] = {}
    for arm in table.arms:
        bound = _constant(agreement, arm.bound)
        if isinstance(bound, str) and arm.operator == "==":
            if bound in texts:
                related = (Related(span=texts[bound], text="the same value"),)
                reporter.error("E0402", "this line can never be reached", arm.span, related=related)
            texts.setdefault(bound, arm.span)
        if not isinstance(bound, Fraction):
            continue
        for operator, value, span in seen:
            if _covers((operator, value), (arm.operator, bound)):
                related = (Related(span=span, text="this line takes every such value"),)
                reporter.error(
                    "E0402",
                    "this line can never be reached",
                    arm.span,
                    related=related,
                    notes=("the first line that fits wins: put the narrower one first",),
                )
                break
        seen.append((arm.operator, bound, arm.span))
    operators = {operator for operator, _, _ in seen}
    if table.otherwise is None and seen and operators <= _ORDERED and len({o[0] for o in operators}) == 1:
        reporter.error(
            "E0403",
            "this table says nothing for the remaining values",
            table.span,
            notes=("add a line `else: …`",),
        )
    if table.otherwise is None and texts:
        reporter.error(
            "E0403", "this table says nothing for other values", table.span, notes=("add a line `else: …`",)
        )


def _share_in_range(reporter: Reporter, agreement: CheckedAgreement, goal: Goal) -> None:
    compare = agreement.operations[goal.condition]
    if not isinstance(compare, op.Compare):
        return
    target = _constant(agreement, compare.right)
    left = agreement.operations[compare.left].type
    if not isinstance(left, NumberType) or not left.share or not isinstance(target, Fraction):
        return
    written = format_percentage(target)
    always = {">=": target <= 0, ">": target < 0, "<=": target >= 1, "<": target > 1}
    never = {">=": target > 1, ">": target >= 1, "<=": target < 0, "<": target <= 0}
    if never.get(compare.operator):
        reporter.error(
            "E0507",
            f"`{goal.name}` can never be met: a share is never {_words(compare.operator)} {written}",
            compare.span,
        )
    elif always.get(compare.operator):
        reporter.error(
            "E0508",
            f"`{goal.name}` is always met: a share is always {_words(compare.operator)} {written}",
            compare.span,
        )


def _words(operator: str) -> str:
    return {">=": "at least", ">": "above", "<=": "at most", "<": "below"}[operator]


def _credit_while_met(reporter: Reporter, agreement: CheckedAgreement, goal: Goal) -> None:
    """A credit table may not begin with values that meet the goal: such a line is dead."""
    compare = agreement.operations[goal.condition]
    if not isinstance(compare, op.Compare) or compare.operator not in _ORDERED:
        return
    target = _constant(agreement, compare.right)
    if not isinstance(target, Fraction):
        return
    for action in goal.otherwise:
        table = agreement.operations[action.amount] if isinstance(action, Credit) else None
        if not isinstance(table, op.Choice) or table.subject != compare.left:
            continue
        for arm in table.arms:
            bound = _constant(agreement, arm.bound)
            if isinstance(bound, Fraction) and _covers((compare.operator, target), (arm.operator, bound)):
                reporter.error(
                    "E0404",
                    f"this credit is never due: the goal is met at such values ({format_percentage(target)})"
                    if isinstance(agreement.operations[compare.left].type, NumberType)
                    else "this credit is never due: the goal is met at such values",
                    arm.span,
                    related=(Related(span=compare.span, text="the promise"),),
                )
        _worse_earns_less(reporter, agreement, table)


def _worse_earns_less(reporter: Reporter, agreement: CheckedAgreement, table: op.Choice) -> None:
    """Down a table of ``>=`` lines values get worse, so credits may not shrink."""
    if not all(arm.operator in (">=", ">") for arm in table.arms):
        return
    positions = [(arm.value, arm.span) for arm in table.arms]
    if table.otherwise is not None:
        positions.append((table.otherwise, agreement.operations[table.otherwise].span))
    before: tuple[Fraction, Span] | None = None
    for position, span in positions:
        amount = _fixed_amount(agreement, position)
        if amount is None:
            return
        if before is not None and amount < before[0]:
            reporter.warning(
                "W0405",
                "a worse value earns a smaller credit here",
                span,
                related=(Related(span=before[1], text="a better value earns more"),),
            )
        before = (amount, span)


def _fixed_amount(agreement: CheckedAgreement, position: int) -> Fraction | None:
    operation = agreement.operations[position]
    if isinstance(operation, op.Arithmetic) and operation.operator == "*":
        left, right = _constant(agreement, operation.left), _constant(agreement, operation.right)
        return left * right if isinstance(left, Fraction) and isinstance(right, Fraction) else None
    value = _constant(agreement, position)
    return value if isinstance(value, Fraction) else None


def _window_length(window: op.Window) -> int:
    match window:
        case CalendarWindow(unit=unit, count=count):
            return _DAYS[unit] * count * DAY
        case OverlappingWindow(period=period, count=count):
            return _window_length(period) * count
        case ExactWindow(length_ns=length):
            return length
        case RollingWindow(length_ns=length):
            return length


def _monitorable(reporter: Reporter, agreement: CheckedAgreement, goal: Goal) -> None:
    """Can the sources see the smallest violation? A probe that looks less often than the budget lasts cannot."""
    if goal.budget is None or not goal.budget.time or not 0 < goal.budget.target < 1:
        return
    budget = (1 - goal.budget.target) * _window_length(goal.window)
    slowest = max(
        (
            source.every
            for source in agreement.sources
            if source.every and _rests_on(agreement, goal, source.name)
        ),
        default=None,
    )
    if slowest is not None and slowest > budget:
        reporter.warning(
            "W0509",
            f"`{goal.name}` cannot be seen to be missed: its sources look every {format_length(slowest)}",
            goal.span,
            notes=(
                f"{format_percentage(goal.budget.target)} leaves {format_quantity_of_time(budget)} in a window; "
                "one failed look already spends more",
            ),
        )


def format_quantity_of_time(length: Fraction) -> str:
    """A length rounded to seconds, in words of the language."""
    return format_length(max(1, round(length / 1_000_000_000)) * 1_000_000_000)


def _rests_on(agreement: CheckedAgreement, goal: Goal, source: str) -> bool:
    pending, seen = [goal.condition], set[int]()
    while pending:
        position = pending.pop()
        if position in seen:
            continue
        seen.add(position)
        operation = agreement.operations[position]
        if isinstance(operation, op.SourceField) and operation.source == source:
            return True
        if isinstance(operation, op.Aggregate) and operation.source == source:
            return True
        pending.extend(inputs(operation))
    return False


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
        case op.Aggregate(argument=argument, where=where, idle=idle):
            return tuple(position for position in (argument, where, idle) if position is not None)
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
