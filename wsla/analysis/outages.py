"""``per outage of CONDITION``: the windows that outages of a condition are."""

from __future__ import annotations

from collections.abc import Callable

from wsla.analysis.arena import Typed
from wsla.analysis.operations import OutageWindow
from wsla.analysis.reporter import nearest, replace
from wsla.analysis.scope import Scope
from wsla.analysis.types import Shape
from wsla.syntax import surface
from wsla.values.calendars import CalendarUnit

Condition = Callable[[surface.Expression], Typed | None]

_OF_A_CONDITION = ("availability", "downtime", "outages")
_OF_ITS_OPPOSITE = ("duration", "longest")


def window_of(
    scope: Scope, written: surface.PerOutage, operand: surface.Expression, check: Condition
) -> tuple[OutageWindow, tuple[str, ...]] | None:
    """The windows, and the labels by which outages are told apart; None and an error where they cannot be."""
    if written.word.text in {unit.value for unit in CalendarUnit} and written.condition is None:
        each = f"each {written.word.text}"
        scope.reporter.error(
            "E0344",
            f"`per {written.word.text}` is no window: did you mean `{each}`?",
            written.span,
            suggestion=replace(written.span, each),
        )
        return None
    if written.word.text != "outage":
        near = nearest(written.word.text, ["outage"])
        scope.reporter.error(
            "E0344",
            f"`per {written.word.text}` is no window",
            written.word.span,
            notes=("a window for each outage is written `per outage of …`",),
            suggestion=replace(written.word.span, near) if near else None,
        )
        return None
    condition = written.condition or _own(operand)
    if condition is None:
        scope.reporter.error(
            "E0344",
            "`per outage` needs to know of what",
            written.span,
            notes=("say it behind `of`, as in `per outage of up`",),
        )
        return None
    value = check(condition)
    if value is None:
        return None
    if value.shape is not Shape.SIGNAL:
        scope.reporter.error(
            "E0344",
            "an outage is one of something that is measured all the time",
            condition.span,
            label="this is not true or false at every instant",
        )
        return None
    return OutageWindow(value.operation, value.by), value.by


def _own(operand: surface.Expression) -> surface.Expression | None:
    """The condition that a function looks at, where its being false is what the function measures."""
    while isinstance(operand, surface.Parenthesised):
        operand = operand.inner
    if not isinstance(operand, surface.Call) or len(operand.arguments) != 1:
        return None
    argument = operand.arguments[0]
    if operand.function.text in _OF_A_CONDITION:
        return argument
    if operand.function.text in _OF_ITS_OPPOSITE:
        return (
            argument.operand if isinstance(argument, surface.Unary) and argument.operator == "not" else None
        )
    return None
