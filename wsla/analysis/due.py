"""``due(tickets.opened, 4h) during office``: the instant at which so much time has been kept (M95)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from wsla.analysis import matrices
from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.modifiers import Context
from wsla.analysis.scope import Scope
from wsla.analysis.types import InstantType, NumberType, Shape
from wsla.analysis.unify import require
from wsla.syntax import surface
from wsla.values.quantities import TIME

NAME: Final = "due"
Check = Callable[[surface.Expression, Context], Typed | None]


def due(scope: Scope, call: surface.Call, context: Context, check: Check) -> Typed | None:
    """A call of ``due``; ``check`` checks the formulas inside it. None and an error where it is wrong."""
    if len(call.arguments) != 2 or call.where is not None:
        scope.reporter.error(
            "E0206", f"`{NAME}` takes a point in time and a length: `{NAME}(tickets.opened, 4h)`", call.span
        )
        return None
    start, length = (check(argument, Context()) for argument in call.arguments)
    if start is None or length is None:
        return None
    at, by = (argument.span for argument in call.arguments)
    is_instant = require(scope.reporter, start, InstantType(), at)
    if not require(scope.reporter, length, NumberType(dimension=TIME), by) or not is_instant:
        return None
    sources = start.sources | length.sources
    if (
        Shape.RECORDS not in (start.shape, length.shape)
        or not {start.shape, length.shape} <= {Shape.RECORDS, Shape.SCALAR}
        or len(sources) != 1
    ):
        scope.reporter.error("E0311", f"`{NAME}` takes a point in time of one source of records", call.span)
        return None
    if context.window is not None:
        scope.reporter.error(
            "E0308",
            f"`{NAME}` gives one value a record; a window goes with a function over them",
            call.span,
            notes=(f"for instance `share(tickets.solved <= {NAME}(…)) each month`",),
        )
        return None
    if context.pausing is not None:
        scope.reporter.error("E0314", "`pausing while` belongs to `elapsed(…)` only", context.pausing.span)
        return None
    node = op.Due(
        source=next(iter(sources)),
        start=start.operation,
        end=length.operation,
        filter=context.filter,
        pausing=None,
        shape=Shape.RECORDS,
        type=InstantType(),
        span=call.span,
    )
    joined = start if start.shape is Shape.RECORDS else length
    applicable = matrices.both(scope.arena, start, length, Shape.RECORDS, call.span)
    operation = scope.arena.add(node)
    return evolve(joined, operation=operation, type=InstantType(), sources=sources, applicable=applicable)
