"""``down_count(a, b, c)``: how many conditions are false at an instant, and comparisons of that number (M36)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import Final

from attrs import evolve, frozen

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.over_time import without_forgiving
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.quantities import DIMENSIONLESS, Quantity
from wsla.values.records import Record

NAME: Final = "down_count"
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

Condition = Callable[[surface.Expression], Typed | None]
Join = Callable[[Typed, Typed, Span], Typed | None]


@frozen(eq=False, repr=False)
class Written(Record):
    """A comparison of ``down_count(…)`` with a number: the operator as if the call stood first, the number's text."""

    call: surface.Call
    operator: str
    limit: tuple[str, Span]


def written(expression: surface.Binary) -> Written | None:
    """The comparison that a formula is; None for any other formula."""
    left, right = expression.left, expression.right
    call, operator = _call_of(left), expression.operator
    if call is None:
        left, right = right, left
        call, operator = _call_of(left), _FLIPPED[operator]
    if call is None or not isinstance(right, surface.Quantity):
        return None
    return Written(call, operator, (right.text, right.span))


def _call_of(written: surface.Expression) -> surface.Call | None:
    while isinstance(written, surface.Parenthesised):
        written = written.inner
    return written if isinstance(written, surface.Call) and written.function.text == NAME else None


def conditions_of(scope: Scope, call: surface.Call, condition: Condition, join: Join) -> list[Typed] | None:
    """The conditions of a call, each with the labels of all together; None and an error where one is wrong."""
    if not call.arguments or call.where is not None:
        scope.reporter.error(
            "E0206", f"`{NAME}` takes conditions: `{NAME}(first.ok, second.ok) >= 2`", call.span
        )
        return None
    if not without_forgiving(scope, call):
        return None
    found = [condition(argument) for argument in call.arguments]
    if None in found:
        return None
    conditions = [value for value in found if value is not None]
    joined: Typed | None = conditions[0]
    for value, argument in zip(conditions[1:], call.arguments[1:], strict=True):
        joined = None if joined is None else join(joined, value, argument.span)
    if joined is None:
        return None
    if joined.shape is not Shape.SIGNAL:
        scope.reporter.error(
            "E0309", f"`{NAME}` looks at what is measured all the time, and this is something else", call.span
        )
        return None
    return [evolve(joined, operation=value.operation) for value in conditions]


def number(scope: Scope, call: surface.Call, conditions: list[Typed]) -> Typed:
    """The number itself: unknown where a condition is."""
    joined, kind = conditions[0], NumberType()

    def constant(value: op.Value, type_: BooleanType | NumberType) -> int:
        node = op.Constant(value=value, shape=Shape.SCALAR, type=type_, span=call.span)
        return scope.arena.add(node)

    total: int | None = None
    for value in conditions:
        arm = op.Arm(
            operator="==",
            bound=constant(False, BooleanType()),
            value=constant(Fraction(1), kind),
            span=call.span,
        )
        one = scope.arena.add(
            op.Choice(
                subject=value.operation,
                arms=(arm,),
                otherwise=constant(Fraction(0), kind),
                shape=Shape.SIGNAL,
                type=kind,
                span=call.span,
            )
        )
        if total is None:
            total = one
            continue
        total = scope.arena.add(
            op.Arithmetic(operator="+", left=total, right=one, shape=Shape.SIGNAL, type=kind, span=call.span)
        )
    assert total is not None
    return evolve(joined, operation=total, type=kind)


def comparison(
    scope: Scope, conditions: list[Typed], compared: Written, number: Quantity, span: Span
) -> Typed | None:
    """``down_count(…) operator number``; None and an error where the number is not a plain one."""
    if number.dimension != DIMENSIONLESS or number.is_percentage:
        scope.reporter.error("E0302", f"`{NAME}` is compared with a plain number", compared.limit[1])
        return None
    joined, kind, limit = conditions[0], BooleanType(), number.value

    def at_least(count: int) -> int:
        positions = tuple(value.operation for value in conditions)
        node = op.AtLeastDown(conditions=positions, count=count, shape=Shape.SIGNAL, type=kind, span=span)
        return scope.arena.add(node)

    def negation(operand: int) -> int:
        return scope.arena.add(op.Negation(operand=operand, shape=Shape.SIGNAL, type=kind, span=span))

    def equal() -> int:
        # No number of conditions equals 1.5: the two thresholds are then the same one.
        left, right = at_least(ceil(limit)), negation(at_least(floor(limit) + 1))
        node = op.Logical(operator="and", left=left, right=right, shape=Shape.SIGNAL, type=kind, span=span)
        return scope.arena.add(node)

    match compared.operator:
        case ">=":
            operation = at_least(ceil(limit))
        case ">":
            operation = at_least(floor(limit) + 1)
        case "<":
            operation = negation(at_least(ceil(limit)))
        case "<=":
            operation = negation(at_least(floor(limit) + 1))
        case "==":
            operation = equal()
        case _:
            operation = negation(equal())
    return evolve(joined, operation=operation, type=kind)
