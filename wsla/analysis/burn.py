"""``burn(goal)``: how fast a goal's budget is spent, as a multiple of the pace at which it would last the window (M75).

Google's SRE workbook calls it the burn rate: the share of what went badly, over what the goal allows to go badly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve

from wsla.analysis.arena import Typed, resolve
from wsla.analysis.reporter import Reporter
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType
from wsla.diagnostics.source import Span
from wsla.syntax import surface

NAME: Final = "burn"
Check = Callable[[surface.Expression], Typed | None]
_MIRRORED: Final = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}
_WHOLE: Final = "100%"


def expand(
    reporter: Reporter,
    call: surface.Call,
    goals: Mapping[str, surface.Goal],
    metrics: Mapping[str, surface.Metric],
) -> surface.Expression | None:
    """The formula that a call stands for, without a window; None and an error where the goal has no such budget."""
    goal = _goal(reporter, call, goals)
    if goal is None:
        return None
    condition = _inner(goal.condition)
    if not isinstance(condition, surface.Binary) or condition.operator not in _MIRRORED:
        _refuse(reporter, call, goal)
        return None
    measured, operator, target = condition.left, condition.operator, condition.right
    if _is_target(measured, metrics):
        measured, operator, target = target, _MIRRORED[operator], measured
    if not _is_target(target, metrics):
        _refuse(reporter, call, goal)
        return None
    span = call.span
    value: surface.Expression = surface.Parenthesised(inner=without_window(measured, metrics), span=span)
    if operator in ("<=", "<"):
        return surface.Binary(operator="/", left=value, right=target, span=span)
    bad, allowed = _rest(value, span), _rest(target, span)
    return surface.Binary(operator="/", left=bad, right=allowed, span=span)


def check(scope: Scope, call: surface.Call, formula: surface.Expression, expression: Check) -> Typed | None:
    """Checks an expanded formula; the promise must be about a share."""
    value = expression(formula)
    if value is None:
        return None
    measured = formula.left if isinstance(formula, surface.Binary) else formula
    kind = None if (found := expression(measured)) is None else resolve(found.type)
    if not isinstance(kind, NumberType) or not kind.share:
        scope.reporter.error(
            "E0525",
            "only a promise about a share (a percentage) is spent at a pace",
            call.span,
            notes=("write it as `availability(…) >= 99.9%` or `share(…) >= 95%`",),
        )
        return None
    plain = NumberType()
    operation = evolve(scope.arena.operations[value.operation], type=plain)
    return evolve(value, operation=scope.arena.add(operation), type=plain)


def _goal(reporter: Reporter, call: surface.Call, goals: Mapping[str, surface.Goal]) -> surface.Goal | None:
    argument = call.arguments[0] if len(call.arguments) == 1 and call.where is None else None
    if not isinstance(argument, surface.Reference) or len(argument.parts) != 1:
        reporter.error("E0206", f"`{NAME}` takes the name of a goal: `{NAME}(available)`", call.span)
        return None
    goal = goals.get(argument.text)
    if goal is None:
        reporter.unknown_name("E0201", "goal", argument.parts[0], goals)
    return goal


def _refuse(reporter: Reporter, call: surface.Call, goal: surface.Goal) -> None:
    reporter.error(
        "E0525",
        f"`{goal.name.text}` has no budget that could be spent",
        call.span,
        notes=("a budget is what is left by a promise such as `uptime >= 99.9%` or `errors <= 0.1%`",),
    )


def _rest(value: surface.Expression, span: Span) -> surface.Expression:
    whole = surface.Quantity(text=_WHOLE, span=span)
    return surface.Parenthesised(
        inner=surface.Binary(operator="-", left=whole, right=value, span=span), span=span
    )


def _is_target(written: surface.Expression, metrics: Mapping[str, surface.Metric]) -> bool:
    """True for a fixed number, or a metric that is one."""
    match written:
        case surface.Quantity():
            return True
        case surface.Parenthesised(inner=inner):
            return _is_target(inner, metrics)
        case surface.Reference() if len(written.parts) == 1 and written.text in metrics:
            return isinstance(metrics[written.text].expression, surface.Quantity)
        case _:
            return False


def _inner(written: surface.Expression) -> surface.Expression:
    return _inner(written.inner) if isinstance(written, surface.Parenthesised) else written


def without_window(
    written: surface.Expression, metrics: Mapping[str, surface.Metric], depth: int = 0
) -> surface.Expression:
    """A formula over windows with its own windows taken off, so that others can be laid over it."""
    match written:
        case surface.Reference() if (
            len(written.parts) == 1 and written.text in metrics and depth < len(metrics)
        ):
            inner = without_window(metrics[written.text].expression, metrics, depth + 1)
            return surface.Parenthesised(inner=inner, span=written.span)
        case surface.Parenthesised(inner=inner):
            return evolve(written, inner=without_window(inner, metrics, depth))
        case surface.Binary(left=left, right=right):
            return evolve(
                written,
                left=without_window(left, metrics, depth),
                right=without_window(right, metrics, depth),
            )
        case surface.Unary(operand=operand):
            return evolve(written, operand=without_window(operand, metrics, depth))
        case surface.Windowed(operand=operand, modifiers=modifiers):
            kept = tuple(
                modifier
                for modifier in modifiers
                if not isinstance(modifier, surface.EachWindow | surface.RollingWindow)
            )
            inner = without_window(operand, metrics, depth)
            return evolve(written, operand=inner, modifiers=kept) if kept else inner
        case _:
            return written
