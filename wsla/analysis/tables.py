"""``by`` tables: the first line that fits wins (M8); a line may be *not applicable* (M73)."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, frozen

from wsla.analysis import labels
from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.ranges import build_table, comparisons_of, table_of
from wsla.analysis.rows import Row
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, Shape
from wsla.analysis.unify import agree
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.records import Record

Check = Callable[[surface.Expression], Typed | None]
Join = Callable[[Typed, Typed, Span], Typed | None]


@frozen(eq=False, repr=False)
class _Line(Record):
    """A line of which everything is right so far; ``value`` is None where it is not applicable."""

    arm: surface.Arm
    bound: Typed | None
    limit: Typed | None
    value: Typed | None


def check(scope: Scope, table: surface.Table, expression: Check, join: Join) -> Typed | None:
    """A table's operation, or None once its errors are reported."""
    subject = expression(table.subject)
    lines = [_line(scope, arm, expression) for arm in table.arms]
    if not table.arms:
        scope.reporter.error("E0401", "this table has no lines", table.span)
    right = [line for line in lines if line is not None]
    if not _of_one_type(scope, right) or subject is None or len(right) < len(table.arms) or not right:
        return None
    if all(line.value is None for line in right):
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
    limit = None if arm.second is None else expression(arm.second.bound)
    if (applies and value is None) or (arm.bound is not None and bound is None):
        return None
    return _Line(arm, bound, limit, value)


def _of_one_type(scope: Scope, lines: list[_Line]) -> bool:
    """True where the values of all lines that apply have one type; else an error."""
    first: Typed | None = None
    for line in lines:
        if line.value is None:
            continue
        if first is not None and not agree(
            scope.reporter, first, line.value, line.arm.value.span, "the arms before it"
        ):
            # Which of the two is wrong is not known: of further lines nothing more can be said.
            return False
        first = first or line.value
    return True


def _build(
    scope: Scope, table: surface.Table, subject: Typed, lines: list[_Line], join: Join
) -> Typed | None:
    arena = scope.arena
    values = [line.value for line in lines if line.value is not None]
    kind = values[0].type
    series = next((value for value in (subject, *values) if value.shape is Shape.SERIES), None)
    if series is not None:
        subject = labels.lift(arena, subject, series)
    always, never = (_constant(scope, truth, table.span) for truth in (True, False))
    result: Typed | None = evolve(subject, applicable=None)
    rows: list[Row] = []
    applicable: list[Row] = []
    last: tuple[int, int, Span] | None = None
    for line in lines:
        value = line.value
        if value is None:
            nothing = op.Constant(value=None, shape=Shape.SCALAR, type=kind, span=line.arm.span)  # type: ignore[arg-type]
            position, applies = arena.add(nothing), never
        else:
            value = value if series is None else labels.lift(arena, value, series)
            result = None if result is None else join(result, evolve(value, applicable=None), line.arm.span)
            position, applies = value.operation, always if value.applicable is None else value.applicable
        if line.bound is None:
            last = (position, applies, line.arm.span)
            continue
        comparisons = comparisons_of(scope, line.arm, subject, line.bound, line.limit)
        if comparisons is None:
            result = None
            continue
        rows.append(Row(comparisons=comparisons, value=position, span=line.arm.span))
        applicable.append(Row(comparisons=comparisons, value=applies, span=line.arm.span))
    if result is None:
        return None
    result = evolve(result, type=kind, applicable=subject.applicable)
    otherwise, otherwise_applies, otherwise_span = (None, None, None) if last is None else last
    whole = build_table(scope, table, subject, rows, otherwise, otherwise_span, result)
    if otherwise_applies in (None, always) and all(row.value == always for row in applicable):
        return whole
    truth = evolve(result, type=BooleanType())
    which = table_of(arena, subject, applicable, otherwise_applies, {}, truth, table.span)
    return evolve(whole, applicable=which)


def _constant(scope: Scope, value: bool, span: Span) -> int:
    return scope.arena.add(op.Constant(value=value, shape=Shape.SCALAR, type=BooleanType(), span=span))
