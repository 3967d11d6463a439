"""Sums with points in time: two of them have a length between them, and a length leads from one to another."""

from __future__ import annotations

from attrs import frozen

from wsla.analysis.arena import AnyType, OpenType, Typed, resolve
from wsla.analysis.reporter import Reporter
from wsla.analysis.types import InstantType, NumberType
from wsla.analysis.unify import require
from wsla.diagnostics.source import Span
from wsla.values.quantities import TIME
from wsla.values.records import Record

LENGTH = NumberType(dimension=TIME)
MOMENT = InstantType()


@frozen(eq=False, repr=False)
class Sum(Record):
    """What a sum with points in time gives; ``type`` is None where it is wrong, and the error is reported."""

    type: AnyType | None


def sum_of_moments(
    reporter: Reporter, operator: str, left: Typed, right: Typed, spans: tuple[Span, Span]
) -> Sum | None:
    """``left + right`` or ``left - right`` where one of them is a point in time; None where neither is.

    A field of which nothing is known is taken for a point in time behind a minus, else for a length.
    """
    first, second = resolve(left.type), resolve(right.type)
    if operator == "-" and (second == MOMENT or (first == MOMENT and isinstance(second, OpenType))):
        fine = require(reporter, left, MOMENT, spans[0]) and require(reporter, right, MOMENT, spans[1])
        return Sum(LENGTH if fine else None)
    if first == MOMENT:
        return Sum(MOMENT if require(reporter, right, LENGTH, spans[1]) else None)
    if second == MOMENT:
        return Sum(MOMENT if require(reporter, left, LENGTH, spans[0]) else None)
    return None
