"""Do two types agree? Where one is not known yet, the other tells it."""

from __future__ import annotations

import re
from fractions import Fraction

from wsla.analysis.arena import AnyType, OpenType, Typed, resolve
from wsla.analysis.reporter import Reporter, replace
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType, ValueType
from wsla.diagnostics.diagnostic import Suggestion
from wsla.diagnostics.source import Span
from wsla.values.quantities import DIMENSIONLESS, format_percentage


def describe(kind: AnyType) -> str:
    """A type in the reader's words."""
    match kind:
        case NumberType(share=True):
            return "a share (a percentage)"
        case NumberType(dimension=dimension):
            return "a number" if dimension == DIMENSIONLESS else dimension.describe()
        case BooleanType():
            return "a condition (true or false)"
        case TextType():
            return "a text"
        case InstantType():
            return "a point in time"
        case OpenType():
            return "a value of unknown type"


def require(reporter: Reporter, value: Typed, wanted: ValueType, span: Span) -> bool:
    """True where a formula has a type, or can take it; otherwise an error."""
    kind = resolve(value.type)
    if isinstance(kind, OpenType):
        if kind.numeric and not isinstance(wanted, NumberType):
            reporter.error("E0303", f"{describe(wanted)} is needed here, and this is a number", span)
            return False
        kind.found = wanted
        return True
    if kind == wanted:
        return True
    reporter.error("E0303", f"{describe(wanted)} is needed here, and this is {describe(kind)}", span)
    return False


def agree(reporter: Reporter, left: Typed, right: Typed, span: Span, what: str) -> bool:
    """True where two formulas have the same type; ``span`` is where the right one stands, ``what`` says what it is."""
    first, second = resolve(left.type), resolve(right.type)
    if isinstance(first, OpenType) and isinstance(second, OpenType):
        if first is not second:
            second.linked = first
            first.numeric = first.numeric or second.numeric
        return True
    if isinstance(first, OpenType):
        first.found = second  # type: ignore[assignment]
        return True
    if isinstance(second, OpenType):
        second.found = first
        return True
    if first == second:
        return True
    if isinstance(first, NumberType) and isinstance(second, NumberType):
        if first.dimension == second.dimension:
            return _share_against_number(reporter, first, left, right, span)
        reporter.error(
            "E0302",
            f"{describe(first)} and {describe(second)} cannot be compared or added",
            span,
            label=f"this is {describe(second)}",
        )
        return False
    reporter.error(
        "E0303",
        f"{describe(second)} does not go with {describe(first)}",
        span,
        label=f"this is {describe(second)}",
    )
    return False


def _share_against_number(
    reporter: Reporter, first: NumberType, left: Typed, right: Typed, span: Span
) -> bool:
    """A share beside a plain number is nearly always a forgotten or a surplus ``%``."""
    if left.shape is not Shape.SCALAR and right.shape is not Shape.SCALAR:
        return True
    written = reporter.source.text[span.start : span.end]
    suggestion: Suggestion | None = None
    if first.share and right.shape is Shape.SCALAR:
        message = "a share is compared with a plain number"
        meant = f"{written}%"
        if re.fullmatch(r"0\.\d+", written):
            meant = format_percentage(Fraction(written), places=len(written))
        suggestion = replace(span, meant, f"did you mean `{meant}`?")
    elif right.shape is Shape.SCALAR:
        message = "a plain number is compared with a percentage"
        if written.endswith("%"):
            suggestion = replace(span, written.rstrip("%"), f"did you mean `{written.rstrip('%')}`?")
    else:
        message = "a share and a plain number are mixed"
    reporter.error("E0304", message, span, suggestion=suggestion)
    return False
