"""Tables with lines of two comparisons, or with ties: made of plain tables, so that engines know nothing of them.

An inner table gives the number of the line that fits, an outer one the value of the line of that number.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Final

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Arena, Typed
from wsla.analysis.rows import Row, WrittenTable, fixed, is_empty, tied_values
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType, Shape
from wsla.analysis.unify import agree
from wsla.diagnostics.source import Span
from wsla.syntax import surface

_OPPOSITE: Final = {"<=": ">", "<": ">=", ">=": "<", ">": "<=", "==": "!=", "!=": "=="}


def build_table(
    scope: Scope,
    table: surface.Table,
    subject: Typed,
    rows: list[Row],
    otherwise: int | None,
    otherwise_span: Span | None,
    result: Typed,
) -> Typed:
    """The operation of a table whose lines are checked; ``result`` has its shape and type."""
    favoured = _favoured(scope, table, rows)
    inner = rows[0].span if favoured or any(len(row.comparisons) > 1 for row in rows) else None
    operation = table_of(scope.arena, subject, rows, otherwise, favoured, result, table.span)
    scope.tables.append(
        WrittenTable(
            subject=subject.operation,
            rows=tuple(rows),
            otherwise=otherwise,
            otherwise_span=otherwise_span,
            ties=table.ties,
            operation=operation,
            span=table.span,
            inner=inner,
        )
    )
    return evolve(result, operation=operation)


def table_of(
    arena: Arena,
    subject: Typed,
    rows: list[Row],
    otherwise: int | None,
    favoured: dict[Fraction, int],
    result: Typed,
    span: Span,
) -> int:
    """The operation of these lines; ``favoured`` says which of them takes a tied value."""
    if favoured or any(len(row.comparisons) > 1 for row in rows):
        return _split(arena, subject, rows, otherwise, favoured, result, span)
    arms = tuple(
        op.Arm(operator=sign, bound=bound, value=row.value, span=row.span)
        for row in rows
        for sign, bound in row.comparisons
    )
    return arena.add(
        op.Choice(
            subject=subject.operation,
            arms=arms,
            otherwise=otherwise,
            shape=result.shape,
            type=result.type,  # type: ignore[arg-type]
            span=span,
        )
    )


def comparisons_of(
    scope: Scope, arm: surface.Arm, subject: Typed, bound: Typed, limit: Typed | None
) -> tuple[tuple[str, int], ...] | None:
    """What a line asks of the table's subject, or None and an error; ``limit`` is the second bound, checked."""
    assert arm.bound is not None
    if not agree(scope.reporter, subject, bound, arm.bound.span, "what the table looks at"):
        return None
    if arm.second is None:
        return ((arm.operator, bound.operation),)
    span = arm.second.bound.span
    if limit is None or not agree(scope.reporter, subject, limit, span, "what the table looks at"):
        return None
    whole = arm.bound.span.to(span)
    first, second = (fixed(scope.arena.operations, place.operation) for place in (bound, limit))
    if first is None or second is None:
        scope.reporter.error("E0409", "the two bounds of a line are fixed numbers", whole)
        return None
    if is_empty(((arm.operator, first), (arm.second.operator, second))):
        scope.reporter.error(
            "E0409",
            "no value fulfils both comparisons of this line",
            whole,
            notes=("a line from one value to another is written `> 99% and <= 99.9%: …`",),
        )
        return None
    return (arm.operator, bound.operation), (arm.second.operator, limit.operation)


def _favoured(scope: Scope, table: surface.Table, rows: list[Row]) -> dict[Fraction, int]:
    """The lines that tied values go to."""
    if table.ties is None:
        return {}
    ties = table.ties
    if not scope.find("party", ties.party, scope.parties):
        return {}
    if scope.creditor is None:
        scope.reporter.error(
            "E0408",
            "ties can go to a party in the table of a credit only",
            ties.span,
            notes=("elsewhere say it with `>=` and `<=`",),
        )
        return {}
    found = tied_values(scope.arena.operations, rows, highest=ties.party.text == scope.creditor)
    if found is None:
        scope.reporter.error(
            "E0408", "ties can be settled only where all bounds and amounts are fixed", ties.span
        )
    return found or {}


def _split(
    arena: Arena,
    subject: Typed,
    rows: Sequence[Row],
    otherwise: int | None,
    favoured: dict[Fraction, int],
    result: Typed,
    span: Span,
) -> int:
    """The operation of a table with lines of two comparisons; ``favoured`` says which line takes a tied value."""
    numbers = NumberType()
    inner = rows[0].span

    def number(value: int) -> int:
        constant = op.Constant(value=Fraction(value), shape=Shape.SCALAR, type=numbers, span=inner)
        return arena.add(constant)

    def choice(arms: list[op.Arm], last: int | None) -> int:
        return arena.add(
            op.Choice(
                subject=subject.operation,
                arms=tuple(arms),
                otherwise=last,
                shape=subject.shape,
                type=numbers,
                span=inner,
            )
        )

    rest = choice([], None if otherwise is None else number(len(rows)))
    for index in reversed(range(len(rows))):
        row = rows[index]
        if len(row.comparisons) == 1:
            ((sign, bound),) = row.comparisons
            rest = choice([op.Arm(operator=sign, bound=bound, value=number(index), span=inner)], rest)
            continue
        missed = [
            op.Arm(operator=_OPPOSITE[sign], bound=bound, value=rest, span=inner)
            for sign, bound in row.comparisons
        ]
        rest = choice(missed, number(index))
    tied = [
        op.Arm(operator="==", bound=_constant(arena, subject, value, inner), value=number(row), span=inner)
        for value, row in favoured.items()
    ]
    which = choice(tied, rest) if tied else rest
    arms = tuple(
        op.Arm(operator="==", bound=number(index), value=row.value, span=row.span)
        for index, row in enumerate(rows)
    )
    return arena.add(
        op.Choice(
            subject=which,
            arms=arms,
            otherwise=otherwise,
            shape=result.shape,
            type=result.type,  # type: ignore[arg-type]
            span=span,
        )
    )


def _constant(arena: Arena, subject: Typed, value: Fraction, span: Span) -> int:
    return arena.add(
        op.Constant(value=value, shape=Shape.SCALAR, type=subject.type, span=span)  # type: ignore[arg-type]
    )
