"""Conditions of goals and rules as expressions."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from attrs import define

from wsla.analysis import operations as op
from wsla.analysis.checked import Goal
from wsla.analysis.types import BooleanType
from wsla.interop.wsla_xml.functions import Functions
from wsla.interop.wsla_xml.ticks import Unsayable
from wsla.interop.wsla_xml.tree import Element, element
from wsla.interop.wsla_xml.values import Grids, Value, decimal

_PREDICATES: Final = {">": "Greater", "<": "Less", "==": "Equal", ">=": "GreaterEqual", "<=": "LessEqual"}
_MIRRORED: Final = {">": "<", "<": ">", "==": "==", ">=": "<=", "<=": ">="}
_WORDS: Final = {"and": "And", "or": "Or", "implies": "Implies"}


@define
class Expressions:
    """Makes expressions; parameters come into being as they are needed."""

    functions: Functions

    def of_goal(self, goal: Goal) -> Element:
        """The expression of an objective, over the parameters themselves where windows were only brought together."""
        together = self._brought_together(goal.condition)
        return element("Expression", self._condition(goal.condition, together))

    def of_rule(self, trigger: int) -> Element:
        """The expression of a guarantee."""
        return element("Expression", self._condition(trigger, {}))

    def validity(self, goal: Goal) -> list[str]:
        """The schedules within which a goal is judged: none where that is always."""
        if goal.provided is None:
            return []
        match self._at(goal.provided):
            case op.Compare(operator=">=", left=left, right=right):
                counted, bound = self._at(left), self._at(right)
                if (
                    isinstance(counted, op.Aggregate)
                    and (counted.function, counted.argument, counted.where) == ("count", None, None)
                    and isinstance(bound, op.Constant)
                    and bound.value == 0
                    and not counted.filter.excluding
                ):
                    return list(counted.filter.during)
            case _:
                pass
        raise Unsayable("`provided`", goal.span)

    def _at(self, operation: int) -> op.Operation:
        return self.functions.agreement.operations[operation]

    def _condition(self, operation: int, together: dict[int, int]) -> Element:
        found = self._at(operation)
        match found:
            case op.Latest(operand=operand):
                return self._condition(operand, together)
            case op.Logical(operator=operator, left=left, right=right):
                parts = [element("Expression", self._condition(one, together)) for one in (left, right)]
                return element(_WORDS[operator], *parts)
            case op.Negation(operand=operand):
                return element("Not", element("Expresssion", self._condition(operand, together)))
            case op.VerdictState(goal=goal, verdict="violated", count=1, of_last=1):
                return element("Predicate", element("ServiceLevelObjective", text=goal), kind="Violation")
            case op.Compare(operator="!="):
                equal = self._compared(found, "==", together)
                return element("Not", element("Expresssion", equal))
            case op.Compare(operator=operator):
                return self._new_value(found) or self._compared(found, operator, together)
            case _ if isinstance(found.type, BooleanType):
                return self._predicate("Equal", together.get(operation, operation), Fraction(1))
            case _:
                raise Unsayable("this condition", found.span)

    def _compared(self, found: op.Compare, operator: str, together: dict[int, int]) -> Element:
        left, right = found.left, found.right
        if isinstance(self._at(left), op.Constant):
            left, right, operator = right, left, _MIRRORED[operator]
        bound = self._at(right)
        if not isinstance(bound, op.Constant) or isinstance(bound.value, bool | str) or bound.value is None:
            raise Unsayable("the comparison of two values that change", found.span)
        latest = self._at(left)
        left = latest.operand if isinstance(latest, op.Latest) else left
        return self._predicate(_PREDICATES[operator], together.get(left, left), self._number(left, bound))

    def _number(self, operation: int, bound: op.Constant) -> Fraction:
        number = Fraction(bound.value or 0)
        found = self._at(operation)
        if bound.type != found.type:
            raise Unsayable("a number of another kind than what it is compared with", bound.span)
        if not self.functions.plain(bound.type) and not getattr(bound.type, "share", False):
            # Lengths of time are those of answers, which WSLA counts in milliseconds.
            return number / 1_000_000
        return number

    def _predicate(self, kind: str, operation: int, number: Fraction) -> Element:
        text = decimal(number)
        if "/" in text:
            raise Unsayable("a number without an end", self._at(operation).span)
        parameter = element("SLAParameter", text=self.functions.parameter(operation))
        return element("Predicate", parameter, element("Value", text=text), kind=kind)

    def _new_value(self, found: op.Compare) -> Element | None:
        counted, bound = self._at(found.left), self._at(found.right)
        if isinstance(counted, op.Latest):
            counted = self._at(counted.operand)
        if (
            found.operator == ">="
            and isinstance(counted, op.Aggregate)
            and (counted.function, counted.argument) == ("count", None)
            and isinstance(bound, op.Constant)
            and bound.value == 1
            and counted.source is not None
        ):
            name = self.functions.parameter_of_source(counted.source)
            return element("Predicate", element("SLAParameter", text=name), kind="NewValue")
        return None

    def _brought_together(self, condition: int) -> dict[int, int]:
        """Values that an import would bring over the same windows as these, for each that is compared; or nothing."""
        compared = list(self._values(condition))
        inner: dict[int, int] = {}
        for one in compared:
            found = self._at(one)
            if (
                isinstance(found, op.Aggregate)
                and found.function == "last"
                and found.argument is not None
                and found.where is None
            ):
                inner[one] = found.argument
        if not inner:
            return {}
        try:
            within = [inner.get(one, one) for one in compared]
            grids = [self.functions.grid(one) for one in within]
            values = [Value(text="x", kind="number", grid=grid) for grid in grids]
            if len(set(grids)) < 2 or None in grids:
                return {}
            made = Grids(start=self.functions.agreement.effective_start).together(values)
            wanted = [self.functions.grid(one) for one in compared]
        except Unsayable:
            return {}
        return inner if [one.grid for one in made] == wanted else {}

    def _values(self, operation: int) -> list[int]:
        match self._at(operation):
            case op.Logical(left=left, right=right):
                return [*self._values(left), *self._values(right)]
            case op.Negation(operand=operand):
                return self._values(operand)
            case op.Compare(left=left, right=right):
                return [right if isinstance(self._at(left), op.Constant) else left]
            case _:
                return [operation]
