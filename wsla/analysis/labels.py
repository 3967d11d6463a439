"""Labels beside series: what rests on labels alone has a value for each of their combinations, always (M74)."""

from __future__ import annotations

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Arena, Typed
from wsla.analysis.types import Shape


def lifted(arena: Arena, left: Typed, right: Typed) -> tuple[Typed, Typed]:
    """Two formulas, with the labels in one of them as a series where the other is one."""
    if left.shape is Shape.SERIES:
        return left, lift(arena, right, left)
    if right.shape is Shape.SERIES:
        return lift(arena, left, right), right
    return left, right


def lift(arena: Arena, value: Typed, series: Typed) -> Typed:
    """A formula over labels as a series beside another one; anything else as it is."""
    if value.shape is not Shape.SIGNAL or not _rests_on_labels(arena, value.operation, value.by, series.by):
        return value
    applicable = value.applicable
    return evolve(
        series,
        operation=_as_series(arena, value.operation, series.by),
        type=value.type,
        sources=value.sources,
        applicable=None if applicable is None else _as_series(arena, applicable, series.by),
    )


def _rests_on_labels(arena: Arena, position: int, names: tuple[str, ...], by: tuple[str, ...]) -> bool:
    match arena.operations[position]:
        case op.Constant():
            return True
        case op.SourceField(field=field):
            return field in names and field in by
        case op.Compare(left=left, right=right) | op.Logical(left=left, right=right):
            parts: tuple[int, ...] = (left, right)
        case op.Arithmetic(left=left, right=right):
            parts = (left, right)
        case op.Negation(operand=operand):
            parts = (operand,)
        case op.Choice(subject=subject, arms=arms, otherwise=otherwise):
            parts = (subject, *(arm.bound for arm in arms), *(arm.value for arm in arms))
            parts += () if otherwise is None else (otherwise,)
        case _:
            return False
    return all(_rests_on_labels(arena, part, names, by) for part in parts)


def _as_series(arena: Arena, position: int, by: tuple[str, ...]) -> int:
    operation = arena.operations[position]
    if operation.shape is Shape.SCALAR:
        return position

    def part(inner: int) -> int:
        return _as_series(arena, inner, by)

    match operation:
        case op.SourceField(field=field, type=kind, span=span):
            return arena.add(op.Label(label=field, by=by, shape=Shape.SERIES, type=kind, span=span))
        case op.Compare(left=left, right=right) | op.Logical(left=left, right=right):
            return arena.add(evolve(operation, left=part(left), right=part(right), shape=Shape.SERIES))
        case op.Arithmetic(left=left, right=right):
            return arena.add(evolve(operation, left=part(left), right=part(right), shape=Shape.SERIES))
        case op.Negation(operand=operand):
            return arena.add(evolve(operation, operand=part(operand), shape=Shape.SERIES))
        case op.Choice(subject=subject, arms=arms, otherwise=otherwise):
            lines = tuple(evolve(arm, bound=part(arm.bound), value=part(arm.value)) for arm in arms)
            last = None if otherwise is None else part(otherwise)
            return arena.add(
                evolve(operation, subject=part(subject), arms=lines, otherwise=last, shape=Shape.SERIES)
            )
        case _:
            raise ValueError("only formulas over labels become series")
