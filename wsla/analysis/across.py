"""``min(uptime across region)``: what is told apart by labels, joined into one (M60, M61)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import AnyType, OpenType, Typed, resolve
from wsla.analysis.modifiers import Context
from wsla.analysis.scope import Scope
from wsla.analysis.sense import inputs
from wsla.analysis.types import BooleanType, NumberType, Shape
from wsla.analysis.unify import describe, require
from wsla.diagnostics.source import Span
from wsla.syntax import surface

WORD: Final = "across"
FUNCTIONS: Final = ("count", "sum", "min", "max", "mean", "share")
_FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}

Check = Callable[[surface.Expression, Context], Typed | None]
Condition = Callable[[surface.Expression], Typed | None]
Join = Callable[[Typed, Typed, Span], Typed | None]


def joined(
    scope: Scope, call: surface.Call, context: Context, check: Check, condition: Condition, join: Join
) -> Typed | None:
    """A call with ``across``; None and an error where it is wrong."""
    assert call.across is not None
    if not _written_right(scope, call, call.across, context):
        return None
    value = check(call.arguments[0], Context())
    where = None if call.where is None else condition(call.where)
    if value is None or (call.where is not None and where is None):
        return None
    if isinstance(value.window, op.OutageWindow) and value.window.by:
        scope.reporter.error(
            "E0344",
            f"outages that are told apart by {', '.join(value.window.by)} are different windows, "
            "which cannot be joined",
            call.span,
            notes=("look at them over a period first, such as `each month`, and join that",),
        )
        return None
    kind = _kind(scope, call, value)
    left = _labels_left(scope, call.across, value)
    if kind is None or left is None:
        return None
    if call.where is not None and where is not None and join(value, where, call.where.span) is None:
        return None
    node = op.Across(
        function=call.function.text,
        operand=value.operation,
        where=None if where is None else where.operation,
        by=left,
        shape=value.shape,
        type=kind,  # type: ignore[arg-type]
        span=call.span,
    )
    sources = value.sources if where is None else value.sources | where.sources
    return evolve(value, operation=scope.arena.add(node), type=kind, by=left, sources=sources)


def _written_right(scope: Scope, call: surface.Call, across: surface.Across, context: Context) -> bool:
    name = call.function.text
    problem: tuple[str, Span, str] | None = None
    if name not in FUNCTIONS:
        known = ", ".join(f"`{function}`" for function in FUNCTIONS)
        problem = f"`{name}` does not join labels", call.function.span, f"these functions do: {known}"
    elif len(call.arguments) != 1:
        problem = (
            f"with `{WORD}`, `{name}` takes one value",
            call.span,
            f"write for instance `{name}(uptime across region)`",
        )
    elif context.window is not None or context.by:
        problem = (
            f"a function with `{WORD}` takes no window: it joins what has one, or what is measured all the time",
            call.span,
            "put the window inside the parentheses, or look at this value over a window in a metric of its own",
        )
    if problem is not None:
        scope.reporter.error("E0350", problem[0], problem[1], notes=(problem[2],))
    return problem is None


def _kind(scope: Scope, call: surface.Call, value: Typed) -> AnyType | None:
    """The type of what comes out, or None and an error."""
    name, written = call.function.text, call.arguments[0]
    if value.shape not in (Shape.SIGNAL, Shape.SERIES):
        what = "one value a record" if value.shape is Shape.RECORDS else "a fixed value"
        scope.reporter.error(
            "E0350",
            f"`{WORD}` joins what is measured all the time or one value a window, and this is {what}",
            written.span,
            notes=("a function over a window with `by LABEL` tells records apart by labels",),
        )
        return None
    if name == "count":
        return NumberType()
    if name == "share":
        fits = require(scope.reporter, value, BooleanType(), written.span)
        return NumberType(share=True) if fits else None
    kind = resolve(value.type)
    if isinstance(kind, OpenType):
        kind.numeric = True
        return value.type
    if not isinstance(kind, NumberType):
        scope.reporter.error("E0303", f"`{name}` needs numbers, and this is {describe(kind)}", written.span)
        return None
    return value.type


def _labels_left(scope: Scope, across: surface.Across, value: Typed) -> tuple[str, ...] | None:
    """The labels that are not joined, or None and an error."""
    for label in across.labels:
        if label.text not in value.by:
            scope.reporter.error(
                "E0350",
                f"this is not told apart by `{label.text}`",
                label.span,
                notes=(f"it is told apart by {', '.join(value.by)}",)
                if value.by
                else ("it is one value as a whole, so there is nothing to join",),
            )
            return None
    gone = {label.text for label in across.labels}
    return tuple(label for label in value.by if label not in gone)


def comparison(scope: Scope, operator: str, left: Typed, right: Typed, span: Span) -> Typed | None:
    """A joined signal compared with a fixed value, which is known as soon as the known streams decide it; None where
    the two sides are anything else.
    """
    first, second = scope.arena.operations[left.operation], scope.arena.operations[right.operation]
    if isinstance(second, op.Across) and left.shape is Shape.SCALAR:
        left, right, first, operator = right, left, second, _FLIPPED[operator]
    if not isinstance(first, op.Across) or first.shape is not Shape.SIGNAL or right.shape is not Shape.SCALAR:
        return None
    node = evolve(first, operator=operator, limit=right.operation, type=BooleanType(), span=span)
    return evolve(
        left, operation=scope.arena.add(node), type=BooleanType(), sources=left.sources | right.sources
    )


def joins_signals(scope: Scope, position: int) -> bool:
    """True where a formula rests on a joined signal, which has no samples of its own."""
    operation = scope.arena.operations[position]
    if isinstance(operation, op.Across):
        return operation.shape is Shape.SIGNAL
    if isinstance(operation, op.Aggregate | op.Latest):
        return False
    return any(joins_signals(scope, below) for below in inputs(operation))
