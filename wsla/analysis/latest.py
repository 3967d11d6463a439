"""A series where a signal is wanted: its latest value (M20)."""

from __future__ import annotations

from attrs import evolve

from wsla.analysis import operations as op
from wsla.analysis.arena import Arena, Typed
from wsla.analysis.types import Shape
from wsla.diagnostics.source import Span


def latest(arena: Arena, value: Typed, span: Span) -> Typed:
    """The latest value of a series as a signal; anything else as it is."""
    if value.shape is not Shape.SERIES:
        return value
    node = op.Latest(operand=value.operation, shape=Shape.SIGNAL, type=value.type, span=span)  # type: ignore[arg-type]
    return evolve(value, operation=arena.add(node), shape=Shape.SIGNAL, window=None, applicable=None)
