"""Values that stand in the text itself: `100% - 22m / 30d` is as fixed as `99.9%`."""

from __future__ import annotations

from fractions import Fraction

from wsla.analysis import operations as op
from wsla.analysis.arena import Arena


def fixed_value(arena: Arena, position: int) -> op.Value:
    """The value of a formula made of written quantities alone; None where it rests on anything measured."""
    operation = arena.operations[position]
    if isinstance(operation, op.Constant):
        return operation.value
    if not isinstance(operation, op.Arithmetic) or operation.operator not in _APPLY:
        return None
    left, right = fixed_value(arena, operation.left), fixed_value(arena, operation.right)
    if not isinstance(left, Fraction) or not isinstance(right, Fraction):
        return None
    if operation.operator == "/" and right == 0:
        return None
    return _APPLY[operation.operator](left, right)


_APPLY = {"+": Fraction.__add__, "-": Fraction.__sub__, "*": Fraction.__mul__, "/": Fraction.__truediv__}
