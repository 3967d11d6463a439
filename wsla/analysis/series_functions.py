"""``round(x, n)`` and ``previous(series)``: functions of values that are there already, and so without a window."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Final

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import OpenType, Typed, resolve
from wsla.analysis.modifiers import Context
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType, Shape
from wsla.analysis.unify import describe
from wsla.syntax import surface
from wsla.values.instants import SECOND
from wsla.values.quantities import DIMENSIONLESS

NAMES: Final = ("round", "previous")
_MOST_PLACES: Final = 9

Check = Callable[[surface.Expression, Context], Typed | None]


def call(scope: Scope, written: surface.Call, context: Context, check: Check) -> Typed | None:
    """A call of one of these functions; None and an error where it is wrong."""
    if written.where is not None:
        scope.reporter.error(
            "E0314", f"`where` does not go with `{written.function.text}`", written.where.span
        )
        return None
    return (_round if written.function.text == "round" else _previous)(scope, written, context, check)


def _round(scope: Scope, written: surface.Call, context: Context, check: Check) -> Typed | None:
    if len(written.arguments) != 2:
        scope.reporter.error(
            "E0206",
            f"`round` takes two values, not {len(written.arguments)}: `round(uptime, 4)`",
            written.span,
        )
        return None
    value = check(written.arguments[0], context)
    places = written.arguments[1]
    if value is None:
        return None
    kind = resolve(value.type)
    if isinstance(kind, OpenType):
        kind.found = NumberType()
        kind = kind.found
    if not isinstance(kind, NumberType):
        scope.reporter.error(
            "E0303", f"`round` needs a number, and this is {describe(kind)}", written.arguments[0].span
        )
        return None
    if (
        not isinstance(places, surface.Quantity)
        or not places.text.isdigit()
        or int(places.text) > _MOST_PLACES
    ):
        scope.reporter.error(
            "E0342",
            f"`round` takes 0 to {_MOST_PLACES} decimal places, as in `round(uptime, 4)`",
            places.span,
        )
        return None
    step = scope.arena.add(
        op.Constant(
            value=_unit(kind) / 10 ** int(places.text), shape=Shape.SCALAR, type=kind, span=places.span
        )
    )
    node = op.Arithmetic(
        operator="rounded",
        left=value.operation,
        right=step,
        shape=value.shape,
        type=kind,
        span=written.span,
    )
    return evolve(value, operation=scope.arena.add(node), type=kind)


def _unit(kind: NumberType) -> Fraction:
    """What is one where a number is rounded: times count in seconds, everything else as it is kept."""
    powers = dict(kind.dimension.exponents) if kind.dimension != DIMENSIONLESS else {}
    return Fraction(SECOND) ** int(powers.get("time", 0))


def _previous(scope: Scope, written: surface.Call, context: Context, check: Check) -> Typed | None:
    if len(written.arguments) != 1:
        scope.reporter.error(
            "E0206",
            f"`previous` takes one value, not {len(written.arguments)}: `previous(uptime)`",
            written.span,
        )
        return None
    value = check(written.arguments[0], context)
    if value is None:
        return None
    if value.shape is not Shape.SERIES:
        scope.reporter.error(
            "E0343",
            "`previous` is the value of the window before, and this has no windows",
            written.arguments[0].span,
            notes=("give it a metric that is measured `each month`, or the like",),
        )
        return None
    node = op.Previous(
        operand=value.operation,
        shape=Shape.SERIES,
        type=value.type,  # type: ignore[arg-type]
        span=written.span,
    )
    return evolve(value, operation=scope.arena.add(node))
