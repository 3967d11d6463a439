"""The lines of a table as they were written, and which values fit them."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Final

from attrs import frozen

from wsla.analysis import operations as op
from wsla.diagnostics.source import Span
from wsla.syntax import surface
from wsla.values.records import Record

TESTS: Final[dict[str, Callable[[Fraction, Fraction], bool]]] = {
    "<=": operators.le,
    "<": operators.lt,
    ">=": operators.ge,
    ">": operators.gt,
    "==": operators.eq,
    "!=": operators.ne,
}
"""What each comparison of the language asks."""


@frozen(kw_only=True, eq=False, repr=False)
class Row(Record):
    """A line of a table: ``comparisons`` are one or two of (operator, operation of the bound)."""

    comparisons: tuple[tuple[str, int], ...]
    value: int
    span: Span


@frozen(kw_only=True, eq=False, repr=False)
class WrittenTable(Record):
    """A table as it was written, whatever operations it became; ``operation`` gives its value.

    ``inner`` tells those that became two tables.
    """

    subject: int
    rows: tuple[Row, ...]
    otherwise: int | None
    otherwise_span: Span | None
    ties: surface.Ties | None
    operation: int
    span: Span
    inner: Span | None = None


def fixed(operations: Sequence[op.Operation], position: int) -> Fraction | None:
    """The number that an operation of constants always gives, or None."""
    match operations[position]:
        case op.Constant(value=bool()):
            return None
        case op.Constant(value=int() | Fraction() as value):
            return Fraction(value)
        case op.Arithmetic(operator=sign, left=left, right=right):
            first, second = fixed(operations, left), fixed(operations, right)
            if first is None or second is None:
                return None
            match sign:
                case "+":
                    return first + second
                case "-":
                    return first - second
                case "*":
                    return first * second
                case "/" if second:
                    return first / second
                case _:
                    return None
        case _:
            return None


def fits(row: Sequence[tuple[str, Fraction]], value: Fraction) -> bool:
    """True where a value fulfils all comparisons of a line."""
    return all(TESTS[sign](value, bound) for sign, bound in row)


def is_empty(row: Sequence[tuple[str, Fraction]]) -> bool:
    """True where no number fulfils all comparisons of a line."""
    bounds = sorted(bound for _, bound in row)
    between = [(one + other) / 2 for one, other in pairwise(bounds)]
    return not any(fits(row, value) for value in (bounds[0] - 1, *bounds, *between, bounds[-1] + 1))


def tied_values(
    operations: Sequence[op.Operation], rows: Sequence[Row], *, highest: bool
) -> dict[Fraction, int] | None:
    """For each boundary at which two lines meet, the line with the highest (or lowest) amount of those that touch it.

    None where a bound or an amount is not fixed.
    """
    known: list[tuple[tuple[tuple[str, Fraction], ...], Fraction]] = []
    for row in rows:
        amount = fixed(operations, row.value)
        bounds = [(sign, fixed(operations, bound)) for sign, bound in row.comparisons]
        if amount is None or any(bound is None for _, bound in bounds):
            return None
        known.append((tuple((sign, bound) for sign, bound in bounds if bound is not None), amount))
    boundaries = sorted({bound for comparisons, _ in known for _, bound in comparisons})
    found: dict[Fraction, int] = {}
    for place, boundary in enumerate(boundaries):
        below = (boundaries[place - 1] + boundary) / 2 if place else boundary - 1
        above = (boundary + boundaries[place + 1]) / 2 if place + 1 < len(boundaries) else boundary + 1
        left, right = _first(known, below), _first(known, above)
        if left is None or right is None or left == right:
            continue
        at = [index for index, (row, _) in enumerate(known) if fits(row, boundary)]
        meeting = not fits(known[left][0], above) and not fits(known[right][0], below)
        if not at or (meeting and left in at and right in at):
            best = max if highest else min
            found[boundary] = best((left, right), key=lambda index: known[index][1])
    return found


def _first(known: Sequence[tuple[tuple[tuple[str, Fraction], ...], Fraction]], value: Fraction) -> int | None:
    return next((index for index, (row, _) in enumerate(known) if fits(row, value)), None)
