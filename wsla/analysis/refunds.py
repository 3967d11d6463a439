"""``refund 50% after 6 months met``: credits that are earned back by the windows that follow (M63, M64)."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Final

from wsla.analysis.arena import Typed
from wsla.analysis.checked import Credit, Goal, Refund
from wsla.analysis.expressions import ExpressionChecker
from wsla.analysis.operations import Window
from wsla.analysis.scope import Scope
from wsla.analysis.types import Shape
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.calendars import CalendarWindow, RollingWindow
from wsla.values.quantities import Quantity, QuantityError, parse_quantity

_MOST: Final = 1000


def refund_of(
    scope: Scope, expressions: ExpressionChecker, written: surface.Refund, goal: Typed
) -> Refund | None:
    """A refund of the goal that has this condition; None and an error where it is wrong."""
    share, count = _share(scope, written.share), _count(scope, written, goal.window)
    condition: Typed | None = None
    fine = True
    if written.condition is None:
        fine = written.word.text == "met"
        if not fine:
            _wrong(scope, "a credit is earned back by windows that are `met`", written.word.span)
    elif written.word.text != "with":
        hint = "what the windows must satisfy stands behind `with`"
        scope.reporter.unknown_name("E0208", "word", written.word, ("with",), hint)
        fine = False
    else:
        condition = expressions.condition(written.condition)
        fine = condition is not None and _fits(scope, expressions, goal, condition, written.condition.span)
    if share is None or count is None or not fine:
        return None
    return Refund(share=share, count=count, condition=None if condition is None else condition.operation)


def _fits(scope: Scope, expressions: ExpressionChecker, goal: Typed, condition: Typed, span: Span) -> bool:
    if condition.shape is not Shape.SERIES:
        _wrong(scope, "what the windows must satisfy has one truth for each window", span)
        return False
    return expressions.join(goal, condition, span) is not None


def check_refunds(scope: Scope, declared: surface.Goal, goal: Goal) -> None:
    """That there is something to earn back, and not more than all of it."""
    first = next((item for item in declared.items or () if isinstance(item, surface.Refund)), None)
    if first is None:
        return
    if not any(isinstance(action, Credit) for action in goal.otherwise):
        _wrong(scope, f"`{goal.name}` has no `otherwise credit …` that could be earned back", first.span)
    elif sum((one.share for one in goal.refunds), Fraction(0)) > 1:
        _wrong(scope, "together these refunds give back more than the whole credit", first.span)


def _share(scope: Scope, written: surface.Word) -> Fraction | None:
    quantity: Quantity | None = None
    with suppress(QuantityError):
        quantity = parse_quantity(written.text)
    if quantity is None or not quantity.is_percentage or not 0 < quantity.value <= 1:
        _wrong(scope, "what is earned back is a share of the credit: above 0%, up to 100%", written.span)
        return None
    return quantity.value


def _count(scope: Scope, written: surface.Refund, window: Window | None) -> int | None:
    span = written.length.span
    number, _, word = written.length.text.partition(" ")
    if isinstance(window, RollingWindow):
        _wrong(scope, "the windows of this goal overlap, so none of them follows another", span)
        return None
    names = ["window"] if not isinstance(window, CalendarWindow) else ["window", window.unit.value]
    if word.removesuffix("s") not in names:
        known = " or ".join(f"`{name}s`" for name in names)
        _wrong(scope, f"`{word}` are not the windows of this goal: say {known}", span)
        return None
    if not number.isdecimal() or not 1 <= int(number) <= _MOST:
        _wrong(scope, f"a credit is earned back by 1 to {_MOST} whole windows", span)
        return None
    return int(number)


def _wrong(scope: Scope, message: str, span: Span) -> None:
    scope.reporter.error("E0520", message, span)
