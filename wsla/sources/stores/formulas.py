"""Formulas over the fields of a sample as SQL, exact: truths with SQL's own three values, numbers as whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor
from typing import Final

from wsla.analysis.operations import Arithmetic, AtLeastDown, Compare, Logical, Negation, SourceField
from wsla.analysis.types import BooleanType, InstantType, NumberType, Shape
from wsla.evaluation.panes.measures import PanesError, common_scale, scale_of
from wsla.evaluation.scalars import scalar_value
from wsla.plan.model import Plan
from wsla.sources.stores.dialects import Dialect

_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


class Formulas:
    """Writes operations of a plan; ``fields`` are the expressions of a source's fields, in fixed point."""

    def __init__(self, plan: Plan, dialect: Dialect, fields: Mapping[str, str]) -> None:
        self._plan: Final = plan
        self._dialect: Final = dialect
        self._fields: Final = fields

    def known(self, index: int) -> str:
        """True where a formula of any kind is known, else false."""
        kind = self._plan.operations[index].type
        if isinstance(kind, BooleanType):
            return f"({self.truth(index)} IS NOT NULL)"
        if isinstance(kind, NumberType | InstantType):
            return f"({self.number(index)} IS NOT NULL)"
        return f"({self._text(index)} IS NOT NULL)"

    def truth(self, index: int) -> str:
        """True, false, or NULL for unknown."""
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            value = scalar_value(self._plan.operations, index)
            return "NULL" if value is None else "TRUE" if value is True else "FALSE"
        match node:
            case SourceField(field=name):
                return self._fields[name]
            case Negation(operand=operand):
                return f"(NOT {self.truth(operand)})"
            case Logical(operator="implies", left=left, right=right):
                return f"((NOT {self.truth(left)}) OR {self.truth(right)})"
            case Logical(operator=operator, left=left, right=right):
                return f"({self.truth(left)} {operator.upper()} {self.truth(right)})"
            case AtLeastDown(conditions=conditions, count=count):
                parts = [self.truth(position) for position in conditions]
                false = " + ".join(
                    f"CASE WHEN {part} THEN 0 WHEN NOT {part} THEN 1 ELSE 0 END" for part in parts
                )
                true = " + ".join(f"CASE WHEN {part} THEN 1 ELSE 0 END" for part in parts)
                most = len(parts) - count
                return f"(CASE WHEN {false} >= {count} THEN TRUE WHEN {true} > {most} THEN FALSE END)"
            case Compare():
                return self._compare(node)
            case _:
                raise PanesError("it rests on more than the fields of one sample")

    def number(self, index: int) -> str:
        """A number in steps of ``scale_of``, or NULL."""
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            value = Fraction(scalar_value(self._plan.operations, index))  # type: ignore[arg-type]
            return self._dialect.wide(self._dialect.whole(value.numerator))
        match node:
            case SourceField(field=name):
                return self._fields[name]
            case Arithmetic(operator="+" | "-" as operator, left=left, right=right):
                return self._added(left, operator, right)
            case Arithmetic(operator="*", left=left, right=right):
                return f"({self.number(left)} * {self.number(right)})"
            case Arithmetic(operator="/", left=left, right=right):
                negative = Fraction(scalar_value(self._plan.operations, right)) < 0  # type: ignore[arg-type]
                return f"(- {self.number(left)})" if negative else self.number(left)
            case _:
                raise PanesError("its numbers have no common step")

    def _added(self, left: int, operator: str, right: int) -> str:
        a, b = scale_of(self._plan, left), scale_of(self._plan, right)
        step = common_scale(a, b)
        whole = self._dialect.whole
        return (
            f"({self.number(left)} * {whole(int(a / step))} "
            f"{operator} {self.number(right)} * {whole(int(b / step))})"
        )

    def _compare(self, node: Compare) -> str:
        operations = self._plan.operations
        symbol = {"==": "=", "!=": "<>"}.get(node.operator, node.operator)
        if not isinstance(operations[node.left].type, NumberType | InstantType):
            write = self.truth if isinstance(operations[node.left].type, BooleanType) else self._text
            return f"({write(node.left)} {symbol} {write(node.right)})"
        if operations[node.right].shape is Shape.SCALAR:
            return self._against(node.left, node.operator, node.right)
        if operations[node.left].shape is Shape.SCALAR:
            return self._against(node.right, _MIRRORED[node.operator], node.left)
        return f"({self._added(node.left, '-', node.right)} {symbol} 0)"

    def _against(self, index: int, operator: str, constant: int) -> str:
        bound = scalar_value(self._plan.operations, constant)
        if bound is None or isinstance(bound, bool | str):
            return "NULL"
        number = self.number(index)
        limit = Fraction(bound) / scale_of(self._plan, index)
        match operator:
            case "<=" | ">":
                return f"({number} {operator} {self._dialect.whole(floor(limit))})"
            case "<" | ">=":
                return f"({number} {operator} {self._dialect.whole(ceil(limit))})"
            case _ if limit.denominator > 1:
                # A whole number is never this; an unknown one may be anything.
                truth = "TRUE" if operator == "!=" else "FALSE"
                return f"(CASE WHEN {number} IS NOT NULL THEN {truth} END)"
            case _:
                return (
                    f"({number} {'=' if operator == '==' else '<>'} {self._dialect.whole(limit.numerator)})"
                )

    def _text(self, index: int) -> str:
        node = self._plan.operations[index]
        if isinstance(node, SourceField):
            return self._fields[node.field]
        return self._dialect.text(str(scalar_value(self._plan.operations, index)))
