"""Formulas as closures without arguments: they read where their leaves read, and give the value of this moment.

What a leaf reads is the caller's business: a stream's latest sample, a record in hand, a window's value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

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
    Sustained,
    Value,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import Shape
from wsla.evaluation.stream.exact import COMPARISONS, calculate, logic

Reader = Callable[[], Value]
Leaf = Callable[[int], Reader]


def unknown() -> Value:
    """A reader of what is never known."""
    return None


def bind(operations: tuple[Operation, ...], index: int, leaf: Leaf) -> Reader:
    """The reader of an operation. ``leaf`` gives the readers of fields, lengths, series and verdict states."""
    operation = operations[index]
    match operation:
        case Constant(value=value):
            return lambda: value
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
        ):
            return leaf(index)
        case Sustained() | Debounced() | Limited() | Active():
            return leaf(index)
        case Compare(operator=sign, left=left, right=right):
            return _bind_comparison(operations, sign, left, right, leaf)
        case Logical(operator=word, left=left, right=right):
            return _bind_logic(word, bind(operations, left, leaf), bind(operations, right, leaf))
        case Negation(operand=operand):
            return _bind_negation(bind(operations, operand, leaf))
        case Arithmetic(operator=sign, left=left, right=right):
            if operation.shape is Shape.SCALAR:
                value = scalar(operations, index)
                return lambda: value
            first, second = bind(operations, left, leaf), bind(operations, right, leaf)
            return lambda: calculate(sign, first(), second())
        case AtLeastDown(conditions=conditions, count=count):
            return _bind_downs([bind(operations, condition, leaf) for condition in conditions], count)
        case Choice():
            return _bind_choice(operations, operation, leaf)
        case _:
            assert_never(operation)


def scalar(operations: tuple[Operation, ...], index: int) -> Value:
    """The value of an operation that never changes."""
    operation = operations[index]
    if isinstance(operation, Arithmetic):
        left, right = scalar(operations, operation.left), scalar(operations, operation.right)
        return calculate(operation.operator, left, right)
    return bind(operations, index, _no_leaf)()


def _no_leaf(index: int) -> Reader:
    raise ValueError(f"operation {index} is no scalar")


def _bind_comparison(
    operations: tuple[Operation, ...], sign: str, left: int, right: int, leaf: Leaf
) -> Reader:
    test = COMPARISONS[sign]
    first = bind(operations, left, leaf)
    if operations[right].shape is Shape.SCALAR:
        fixed = scalar(operations, right)
        if fixed is None:
            return unknown

        def against_constant() -> Value:
            value = first()
            return None if value is None else test(value, fixed)

        return against_constant
    second = bind(operations, right, leaf)

    def against_each_other() -> Value:
        one = first()
        if one is None:
            return None
        other = second()
        return None if other is None else test(one, other)

    return against_each_other


def _bind_logic(word: str, first: Reader, second: Reader) -> Reader:
    if word == "and":

        def conjunction() -> Value:
            one = first()
            if one is False:
                return False
            other = second()
            if other is False:
                return False
            return None if one is None or other is None else True

        return conjunction
    return lambda: logic(word, first(), second())


def _bind_negation(operand: Reader) -> Reader:
    def opposite() -> Value:
        value = operand()
        return None if value is None else not value

    return opposite


def _bind_downs(conditions: list[Reader], count: int) -> Reader:
    def enough() -> Value:
        down = unknown = 0
        for condition in conditions:
            value = condition()
            down += value is False
            unknown += value is None
        if down >= count:
            return True
        return None if down + unknown >= count else False

    return enough


def _bind_choice(operations: tuple[Operation, ...], choice: Choice, leaf: Leaf) -> Reader:
    subject = bind(operations, choice.subject, leaf)
    arms = [
        (COMPARISONS[arm.operator], bind(operations, arm.bound, leaf), bind(operations, arm.value, leaf))
        for arm in choice.arms
    ]
    otherwise = unknown if choice.otherwise is None else bind(operations, choice.otherwise, leaf)

    def choose() -> Value:
        value = subject()
        if value is None:
            return None
        for test, bound, result in arms:
            limit = bound()
            if limit is not None and test(value, limit):
                return result()
        return otherwise()

    return choose
