"""Tables with two keys, and lines that are *not applicable* (M72, M73)."""

from __future__ import annotations

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Arena, Typed
from wsla.analysis.scope import Scope
from wsla.analysis.types import BooleanType, Shape
from wsla.diagnostics.source import Span
from wsla.syntax import surface


def as_table(scope: Scope, matrix: surface.Matrix) -> surface.Table | None:
    """The table of tables that a matrix stands for; None and an error where a row has not one value a column."""
    fine = True
    for row in matrix.rows:
        if len(row.cells) != len(matrix.columns):
            many = len(matrix.columns)
            scope.reporter.error(
                "E0421",
                f"this line has {len(row.cells)} value{'s' if len(row.cells) > 1 else ''} for {many} "
                f"column{'s' if many > 1 else ''}",
                row.span,
                notes=("the values stand in the order of the first line, with commas between them",),
            )
            fine = False
    if not matrix.rows:
        scope.reporter.error("E0401", "this table has no lines", matrix.span)
        fine = False
    if not fine:
        return None
    arms = tuple(
        surface.Arm(
            operator=row.key.operator,
            bound=row.key.bound,
            value=_line(matrix, row),
            span=row.span,
        )
        for row in matrix.rows
    )
    return surface.Table(subject=matrix.first, arms=arms, span=matrix.span)


def _line(matrix: surface.Matrix, row: surface.MatrixRow) -> surface.Table:
    arms = tuple(
        surface.Arm(operator=column.operator, bound=column.bound, value=cell, span=cell.span)
        for column, cell in zip(matrix.columns, row.cells, strict=True)
    )
    return surface.Table(subject=matrix.second, arms=arms, span=row.span)


def misplaced(scope: Scope, written: surface.NotApplicable) -> None:
    """``not applicable`` where no line of a table stands."""
    scope.reporter.error("E0420", "`not applicable` is said in a line of a table", written.span)


def both(arena: Arena, left: Typed, right: Typed, shape: Shape, span: Span) -> int | None:
    """Where two formulas apply together."""
    first, second = left.applicable, right.applicable
    if first is None or second is None or first == second:
        return second if first is None else first
    node = op.Logical(operator="and", left=first, right=second, shape=shape, type=BooleanType(), span=span)
    return arena.add(node)


def and_applicable(arena: Arena, condition: Typed | None, value: Typed, span: Span) -> Typed | None:
    """A condition that also asks whether a formula applies: of a goal, or of what a function looks at."""
    if value.applicable is None:
        return condition
    applies = evolve(value, operation=value.applicable, type=BooleanType(), applicable=None)
    if condition is None:
        return applies
    node = op.Logical(
        operator="and",
        left=condition.operation,
        right=value.applicable,
        shape=value.shape,
        type=BooleanType(),
        span=span,
    )
    return evolve(applies, operation=arena.add(node), sources=condition.sources | value.sources)
