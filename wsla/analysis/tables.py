"""``by`` tables: the first line that fits wins (M8); a line may be *not applicable* (M73)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from wsla.analysis import labels
from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, Shape
from wsla.analysis.unify import agree
from wsla.diagnostics.source import Span
from wsla.syntax import surface

Check = Callable[[surface.Expression], Typed | None]
Join = Callable[[Typed, Typed, Span], Typed | None]


@frozen
class _Line:
    """A line of which everything is right so far; ``value`` is None where it is not applicable."""

    arm: surface.Arm
    bound: Typed | None
    value: Typed | None


def check(scope: Scope, table: surface.Table, expression: Check, join: Join) -> Typed | None:
    """A table's operation, or None once its errors are reported."""
    subject = expression(table.subject)
    lines = [_line(scope, arm, expression) for arm in table.arms]
    if not table.arms:
        scope.reporter.error("E0401", "this table has no lines", table.span)
    right = [line for line in lines if line is not None]
    kinds = _of_one_type(scope, right)
    if subject is None or kinds is None or len(right) < len(table.arms) or not table.arms:
        return None
    if not all(line.bound is None or _fits(scope, subject, line) for line in right):
        return None
    if not kinds:
        scope.reporter.error("E0420", "nothing in this table applies", table.span)
        return None
    return _build(scope, table, subject, right, join)


def _line(scope: Scope, arm: surface.Arm, expression: Check) -> _Line | None:
    applies = not isinstance(arm.value, surface.NotApplicable)
    if isinstance(arm.value, surface.NotApplicable) and arm.value.word.text != "applicable":
        scope.reporter.unknown_name("E0208", "value of a line", arm.value.word, ("applicable",))
        return None
    value = expression(arm.value) if applies else None
    bound = None if arm.bound is None else expression(arm.bound)
    if (applies and value is None) or (arm.bound is not None and bound is None):
        return None
    return _Line(arm, bound, value)


def _of_one_type(scope: Scope, lines: list[_Line]) -> list[Typed] | None:
    """The values of the lines that apply; None and an error where their types differ."""
    values: list[Typed] = []
    fine = True
    for line in lines:
        if line.value is not None:
            what = "the arms before it"
            fine = not values or agree(scope.reporter, values[0], line.value, line.arm.value.span, what)
            if not fine:
                return None
            values.append(line.value)
    return values


def _fits(scope: Scope, subject: Typed, line: _Line) -> bool:
    assert line.bound is not None
    assert line.arm.bound is not None
    return agree(scope.reporter, subject, line.bound, line.arm.bound.span, "what the table looks at")


def _build(
    scope: Scope, table: surface.Table, subject: Typed, lines: list[_Line], join: Join
) -> Typed | None:
    values = [line.value for line in lines if line.value is not None]
    series = next((value for value in (subject, *values) if value.shape is Shape.SERIES), None)
    if series is not None:
        subject = labels.lift(scope.arena, subject, series)
    kind = values[0].type
    result: Typed | None = evolve(subject, applicable=None)
    arms: list[tuple[surface.Arm, int | None, int, int]] = []
    always = _constant(scope, True, table.span)
    for line in lines:
        value = line.value
        if value is None:
            node = op.Constant(value=None, shape=Shape.SCALAR, type=kind, span=line.arm.span)  # type: ignore[arg-type]
            position, applies = scope.arena.add(node), _constant(scope, False, table.span)
        else:
            if series is not None:
                value = labels.lift(scope.arena, value, series)
            result = None if result is None else join(result, evolve(value, applicable=None), line.arm.span)
            position, applies = value.operation, always if value.applicable is None else value.applicable
        arms.append((line.arm, None if line.bound is None else line.bound.operation, position, applies))
    if result is None:
        return None
    built = _choice(
        table, subject, [(arm, bound, value) for arm, bound, value, _ in arms], result.shape, kind
    )
    whole = evolve(result, operation=scope.arena.add(built), type=kind, applicable=subject.applicable)
    if all(applies == always for *_, applies in arms):
        return whole
    applicable = [(arm, bound, applies) for arm, bound, _, applies in arms]
    which = _choice(table, subject, applicable, result.shape, BooleanType())
    return evolve(whole, applicable=scope.arena.add(which))


def _constant(scope: Scope, value: bool, span: Span) -> int:
    return scope.arena.add(op.Constant(value=value, shape=Shape.SCALAR, type=BooleanType(), span=span))


def _choice(
    table: surface.Table,
    subject: Typed,
    lines: list[tuple[surface.Arm, int | None, int]],
    shape: Shape,
    kind: object,
) -> op.Choice:
    arms = [
        op.Arm(operator=arm.operator, bound=bound, value=value, span=arm.span)
        for arm, bound, value in lines
        if bound is not None
    ]
    return op.Choice(
        subject=subject.operation,
        arms=tuple(arms),
        otherwise=next((value for _, bound, value in lines if bound is None), None),
        shape=shape,
        type=kind,  # type: ignore[arg-type]
        span=table.span,
    )
