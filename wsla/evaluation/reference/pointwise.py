"""Formulas over single values: comparison, logic, arithmetic, tables (rules M6 and M8). None is unknown."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from types import MappingProxyType
from typing import Any, Final, assert_never, cast

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Constant,
    Debounced,
    Elapsed,
    Idle,
    Label,
    Latest,
    Limited,
    Logical,
    Negation,
    Operation,
    Previous,
    SourceField,
    Stateful,
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)

Leaf = (
    SourceField
    | Elapsed
    | Aggregate
    | Idle
    | Previous
    | Latest
    | Label
    | VerdictState
    | Across
    | VerdictCount
    | Stateful
)
"""An operation whose value does not follow from its inputs' values at the same point."""

_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = MappingProxyType(
    {
        "<=": operator.le,
        "<": operator.lt,
        ">=": operator.ge,
        ">": operator.gt,
        "==": operator.eq,
        "!=": operator.ne,
    }
)


def compare(symbol: str, left: Value, right: Value) -> bool | None:
    """M6: unknown where an operand is."""
    if left is None or right is None:
        return None
    return _COMPARISONS[symbol](left, right)


def logical(symbol: str, left: Value, right: Value) -> bool | None:
    """M6: Kleene's ``and``, ``or`` and ``implies``."""
    match symbol:
        case "and":
            if left is False or right is False:
                return False
            return None if left is None or right is None else True
        case "or":
            return negate(logical("and", negate(left), negate(right)))
        case _:
            return logical("or", negate(left), right)


def negate(value: Value) -> bool | None:
    """M6: Kleene's ``not``."""
    return None if value is None else not value


def arithmetic(symbol: str, left: Value, right: Value) -> Fraction | None:
    """M6: unknown where an operand is, or where the divisor is zero."""
    if left is None or right is None:
        return None
    a, b = Fraction(cast(Fraction, left)), Fraction(cast(Fraction, right))
    match symbol:
        case "started":
            # M40: blocks begun, or below those filled.
            return None if b == 0 else Fraction(ceil(a / b))
        case "completed":
            return None if b == 0 else Fraction(floor(a / b))
        case "rounded":
            # M57: to the nearest multiple, of two equally near ones the even one.
            return round(a / b) * b
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case _:
            return None if b == 0 else a / b


def value_of(operations: Sequence[Operation], index: int, leaf: Callable[[int, Leaf], Value]) -> Value:
    """The value of an operation at one point, given the values of its leaves there."""

    def at(position: int) -> Value:
        return value_of(operations, position, leaf)

    match operations[index]:
        case Constant(value=value):
            return Fraction(value) if isinstance(value, int) and not isinstance(value, bool) else value
        case Compare() as node:
            return compare(node.operator, at(node.left), at(node.right))
        case Logical() as node:
            return logical(node.operator, at(node.left), at(node.right))
        case Negation() as node:
            return negate(at(node.operand))
        case Arithmetic() as node:
            return arithmetic(node.operator, at(node.left), at(node.right))
        case AtLeastDown() as node:
            # M36
            values = [at(position) for position in node.conditions]
            if values.count(False) >= node.count:
                return True
            return False if values.count(False) + values.count(None) < node.count else None
        case Choice() as node:
            # M8: an unknown subject gives unknown; else the first arm whose comparison holds.
            subject = at(node.subject)
            if subject is None:
                return None
            for arm in node.arms:
                if compare(arm.operator, subject, at(arm.bound)):
                    return at(arm.value)
            return None if node.otherwise is None else at(node.otherwise)
        case (
            SourceField()
            | Elapsed()
            | Aggregate()
            | Idle()
            | Previous()
            | Latest()
            | Label()
            | VerdictState()
            | Across()
            | VerdictCount()
        ) as node:
            return leaf(index, node)
        case Sustained() | Debounced() | Limited() | Active() as node:
            return leaf(index, node)
        case _ as never:
            assert_never(never)


def operands(node: Operation) -> tuple[int, ...]:
    """The operations that a pointwise operation combines, or whose past a signal rests on; none for other leaves."""
    match node:
        case Compare() | Logical() | Arithmetic():
            return (node.left, node.right)
        case AtLeastDown():
            return node.conditions
        case Sustained() | Debounced() | Limited():
            return (node.condition,)
        case Negation() | Idle() | Previous():
            return (node.operand,)
        case Choice():
            arms = tuple(position for arm in node.arms for position in (arm.bound, arm.value))
            return (node.subject, *arms, *(() if node.otherwise is None else (node.otherwise,)))
        case _:
            return ()
