"""``or V when idle``: the value of a metric for windows in which there was nothing to look at."""

from __future__ import annotations

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.scope import Scope
from wsla.analysis.types import Shape
from wsla.analysis.unify import agree
from wsla.diagnostics.source import Span


def with_idle(scope: Scope, value: Typed, idle: Typed, written: Span, metric: Span) -> Typed | None:
    """The metric with its value when idle, which is ``written``; None and an error where there can be none."""
    if value.shape is not Shape.SERIES:
        scope.reporter.error(
            "E0312",
            "`or … when idle` goes with windows: it can only follow functions over a window",
            written,
        )
        return None
    if not agree(scope.reporter, value, idle, written, "the value when idle"):
        return None
    operation = scope.arena.operations[value.operation]
    if isinstance(operation, op.Aggregate):
        return evolve(value, operation=scope.arena.add(evolve(operation, idle=idle.operation)))
    node = op.Idle(
        operand=value.operation,
        value=idle.operation,
        shape=Shape.SERIES,
        type=value.type,  # type: ignore[arg-type]
        span=metric,
    )
    return evolve(value, operation=scope.arena.add(node))
