"""Formulas over the fields of samples, a whole stream at once: truths, and numbers as multiples of their step."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wsla.analysis.operations import (
    Arithmetic,
    AtLeastDown,
    Compare,
    Logical,
    Negation,
    SourceField,
)
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape, TextType
from wsla.evaluation.batch.columns import StreamColumns
from wsla.evaluation.panes.measures import PanesError, common_scale, scale_of
from wsla.evaluation.scalars import scalar_value
from wsla.plan.model import Plan

Truth = NDArray[np.int8]
"""1 true, 0 false, -1 unknown."""

Flags = NDArray[np.bool_]

LIMIT: Final = 1 << 62


class Sample:
    """The formulas of a plan over one stream; each is computed once."""

    def __init__(self, plan: Plan, stream: StreamColumns, count: int) -> None:
        self._plan = plan
        self._stream = stream
        self._count = count
        self._labels = dict(stream.labels)
        self._truths: dict[int, Truth] = {}
        self._numbers: dict[int, tuple[NDArray[Any], Flags | None]] = {}

    def known(self, index: int) -> Flags:
        """Where a formula of any kind is known."""
        kind = self._plan.operations[index].type
        if isinstance(kind, BooleanType):
            return self.truth(index) >= 0
        is_number = isinstance(kind, NumberType | InstantType)
        known = (self.number(index) if is_number else self._column(index))[1]
        return np.ones(self._count, np.bool_) if known is None else known

    def truth(self, index: int) -> Truth:
        """A truth at each sample."""
        found = self._truths.get(index)
        if found is None:
            found = self._truths[index] = self._truth(index)
        return found

    def number(self, index: int) -> tuple[NDArray[Any], Flags | None]:
        """A number at each sample in steps of ``scale_of``; where it is known (None: everywhere)."""
        found = self._numbers.get(index)
        if found is None:
            found = self._numbers[index] = self._number(index)
        return found

    def _truth(self, index: int) -> Truth:
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            value = scalar_value(self._plan.operations, index)
            return np.full(self._count, -1 if value is None else int(value is True), np.int8)
        match node:
            case SourceField():
                values, known = self._column(index)
                return _marked(values.astype(np.int8), known)
            case Compare():
                return self._compare(node)
            case Negation():
                inner = self.truth(node.operand)
                return np.where(inner < 0, inner, 1 - inner).astype(np.int8)
            case Logical():
                return _logical(node.operator, self.truth(node.left), self.truth(node.right))
            case AtLeastDown():
                truths = np.stack([self.truth(position) for position in node.conditions])
                false = (truths == 0).sum(axis=0)
                perhaps = (truths <= 0).sum(axis=0)
                return np.where(false >= node.count, 1, np.where(perhaps < node.count, 0, -1)).astype(np.int8)
            case _:
                raise PanesError("it rests on more than the fields of one sample")

    def _compare(self, node: Compare) -> Truth:
        operations = self._plan.operations
        if not isinstance(operations[node.left].type, NumberType | InstantType):
            left, left_known = self._plain(node.left)
            right, right_known = self._plain(node.right)
            same = left == right
            return _marked(same if node.operator == "==" else ~same, _both(left_known, right_known))
        if operations[node.right].shape is Shape.SCALAR:
            return self._against(node.left, node.operator, node.right)
        if operations[node.left].shape is Shape.SCALAR:
            return self._against(node.right, _MIRRORED[node.operator], node.left)
        difference, known = self._add(node.left, node.right, -1)
        return _marked(_holds(difference, node.operator, Fraction(0)), known)

    def _against(self, index: int, operator: str, constant: int) -> Truth:
        numbers, known = self.number(index)
        bound = scalar_value(self._plan.operations, constant)
        if bound is None or isinstance(bound, bool | str):
            return np.full(self._count, -1, np.int8)
        return _marked(_holds(numbers, operator, Fraction(bound) / scale_of(self._plan, index)), known)

    def _plain(self, index: int) -> tuple[NDArray[Any], Flags | None]:
        """Texts and truths, as they are compared for equality."""
        node = self._plan.operations[index]
        if isinstance(node.type, BooleanType):
            truth = self.truth(index)
            return truth, truth >= 0
        if node.shape is Shape.SCALAR:
            return np.full(self._count, scalar_value(self._plan.operations, index), object), None
        return self._column(index)

    def _number(self, index: int) -> tuple[NDArray[Any], Flags | None]:
        operations = self._plan.operations
        node = operations[index]
        if node.shape is Shape.SCALAR:
            value = Fraction(scalar_value(operations, index))  # type: ignore[arg-type]
            return _whole(np.full(self._count, value.numerator, object)), None
        match node:
            case SourceField():
                return self._column(index)
            case Arithmetic(operator="+"):
                return self._add(node.left, node.right, 1)
            case Arithmetic(operator="-"):
                return self._add(node.left, node.right, -1)
            case Arithmetic(operator="*"):
                left, left_known = self.number(node.left)
                right, right_known = self.number(node.right)
                if _greatest(left) * _greatest(right) >= LIMIT:
                    left, right = left.astype(object), right.astype(object)
                return left * right, _both(left_known, right_known)
            case Arithmetic(operator="/"):
                numbers, known = self.number(node.left)
                negative = Fraction(scalar_value(operations, node.right)) < 0  # type: ignore[arg-type]
                return (-numbers if negative else numbers), known
            case _:
                raise PanesError("its numbers have no common step")

    def _add(self, left: int, right: int, sign: int) -> tuple[NDArray[Any], Flags | None]:
        a, b = scale_of(self._plan, left), scale_of(self._plan, right)
        step = common_scale(a, b)
        (x, x_known), (y, y_known) = self.number(left), self.number(right)
        p, q = int(a / step), int(b / step)
        if _greatest(x) * p + _greatest(y) * q >= LIMIT:
            x, y = x.astype(object), y.astype(object)
        return x * p + y * (q * sign), _both(x_known, y_known)

    def _column(self, index: int) -> tuple[NDArray[Any], Flags | None]:
        node = self._plan.operations[index]
        assert isinstance(node, SourceField)
        if node.field in self._labels:
            return np.full(self._count, self._labels[node.field], object), None
        column = self._stream.fields.get(node.field)
        if column is None:
            return np.zeros(self._count, np.int64), np.zeros(self._count, np.bool_)
        known = None if column.known is None else column.known[: self._count]
        values = column.raws[: self._count]
        if known is not None and values.dtype == object:
            # What stands where a value is unknown means nothing, and may be no number at all.
            values = np.where(known, values, "" if isinstance(node.type, TextType) else 0)
        return values, known


_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _holds(numbers: NDArray[Any], operator: str, bound: Fraction) -> NDArray[Any]:
    """Whole numbers compared with any number: the bound becomes a whole number, so that nothing is rounded."""
    match operator:
        case "<=":
            return numbers <= floor(bound)
        case "<":
            return numbers < ceil(bound)
        case ">=":
            return numbers >= ceil(bound)
        case ">":
            return numbers > floor(bound)
        case "==" | "!=" if bound.denominator > 1:
            return np.full(len(numbers), operator == "!=", np.bool_)
        case _:
            same: NDArray[Any] = numbers == bound.numerator
            return same if operator == "==" else ~same


def _logical(operator: str, left: Truth, right: Truth) -> Truth:
    if operator == "implies":
        left = np.where(left < 0, left, 1 - left).astype(np.int8)
        operator = "or"
    if operator == "and":
        return np.where((left == 0) | (right == 0), 0, np.where((left < 0) | (right < 0), -1, 1)).astype(
            np.int8
        )
    return np.where((left == 1) | (right == 1), 1, np.where((left < 0) | (right < 0), -1, 0)).astype(np.int8)


def _marked(values: NDArray[Any], known: Flags | None) -> Truth:
    truths = values.astype(np.int8)
    return truths if known is None else np.where(known, truths, np.int8(-1))


def _both(a: Flags | None, b: Flags | None) -> Flags | None:
    if a is None:
        return b
    return a if b is None else a & b


def _greatest(numbers: NDArray[Any]) -> int:
    return max(abs(int(numbers.max())), abs(int(numbers.min()))) if len(numbers) else 0


def _whole(numbers: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers in 64 bits where all of them fit."""
    return numbers.astype(np.int64) if _greatest(numbers) < LIMIT else numbers
