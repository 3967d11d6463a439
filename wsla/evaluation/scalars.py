"""Scalars: the value of an operation that depends on nothing but the agreement's text."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, floor

from wsla.analysis.operations import (
    Arithmetic,
    Choice,
    Compare,
    Constant,
    Logical,
    Negation,
    Operation,
    Value,
)


def scalar_value(operations: Sequence[Operation], op: int) -> Value:
    """The value of the operation at a position; None is unknown (a division by zero, a table without a fit).

    Raises ValueError where the operation, or one that it needs, depends on observations.
    """
    values: dict[int, Value] = {}
    # Inputs stand before what needs them, so ascending order suffices and a long sum cannot exhaust the stack.
    for position in _needed(operations, op):
        values[position] = _evaluate(operations[position], values)
    return values[op]


def _needed(operations: Sequence[Operation], op: int) -> list[int]:
    found: set[int] = set()
    waiting = [op]
    while waiting:
        position = waiting.pop()
        if position not in found:
            found.add(position)
            waiting.extend(_inputs(operations[position]))
    return sorted(found)


def _inputs(operation: Operation) -> tuple[int, ...]:
    match operation:
        case Constant():
            return ()
        case Compare() | Logical() | Arithmetic():
            return (operation.left, operation.right)
        case Negation():
            return (operation.operand,)
        case Choice():
            arms = tuple(position for arm in operation.arms for position in (arm.bound, arm.value))
            last = () if operation.otherwise is None else (operation.otherwise,)
            return (operation.subject, *arms, *last)
        case _:
            raise ValueError(f"{type(operation).__name__} depends on observations: it is no scalar")


def _evaluate(operation: Operation, values: dict[int, Value]) -> Value:
    match operation:
        case Constant():
            return operation.value
        case Compare():
            return _compare(operation.operator, values[operation.left], values[operation.right])
        case Logical():
            return _combine(operation.operator, values[operation.left], values[operation.right])
        case Negation():
            return _negate(values[operation.operand])
        case Arithmetic():
            return _calculate(operation.operator, values[operation.left], values[operation.right])
        case Choice():
            return _choose(operation, values)
        case _:
            raise ValueError(f"{type(operation).__name__} depends on observations: it is no scalar")


def _choose(choice: Choice, values: dict[int, Value]) -> Value:
    subject = values[choice.subject]
    if subject is None:
        return None
    for arm in choice.arms:
        if _compare(arm.operator, subject, values[arm.bound]):
            return values[arm.value]
    return None if choice.otherwise is None else values[choice.otherwise]


def _compare(operator: str, left: Value, right: Value) -> bool | None:
    if left is None or right is None:
        return None
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if isinstance(left, str) or isinstance(right, str):
        raise ValueError("words are compared by == and != alone")
    match operator:
        case "<=":
            return left <= right
        case "<":
            return left < right
        case ">=":
            return left >= right
        case ">":
            return left > right
        case _:
            raise ValueError(f"{operator!r} is no comparison")


def _combine(operator: str, left: Value, right: Value) -> Value:
    match operator:
        case "and":
            return _both(left, right)
        case "or":
            return _negate(_both(_negate(left), _negate(right)))
        case "implies":
            return _negate(_both(left, _negate(right)))
        case _:
            raise ValueError(f"{operator!r} is no logical operator")


def _both(left: Value, right: Value) -> Value:
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _negate(value: Value) -> Value:
    return None if value is None else not value


def _calculate(operator: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    if isinstance(left, str) or isinstance(right, str):
        raise ValueError("there is no arithmetic with words")
    match operator:
        case "+":
            return Fraction(left) + right
        case "-":
            return Fraction(left) - right
        case "*":
            return Fraction(left) * right
        case "/":
            return Fraction(left) / right if right else None
        case "started":
            return ceil(Fraction(left) / right) if right else None
        case "completed":
            return floor(Fraction(left) / right) if right else None
        case "rounded":
            return round(Fraction(left) / right) * right
        case _:
            raise ValueError(f"{operator!r} is no arithmetic operator")
