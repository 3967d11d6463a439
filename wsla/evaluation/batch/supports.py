"""Which parts of a plan can be judged in columns, and what they need of the first stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from wsla.analysis.operations import (
    Aggregate,
    Arithmetic,
    AtLeastDown,
    Choice,
    Compare,
    Idle,
    Label,
    Latest,
    Logical,
    Negation,
    OutageWindow,
    Previous,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.types import BooleanType, Shape, TextType
from wsla.evaluation.stream.layout import OVER_TIME, Layout, operands
from wsla.plan.model import Goal, Plan

T = TypeVar("T")

Supported = Callable[[Plan, int], bool]
"""Whether the first stage gives an operation of a plan."""


class _NotInColumns(Exception):
    """Something of a formula is left to another engine."""


class Support:
    """What of a plan can be judged in columns, by name, and the operations that this needs."""

    def __init__(self, plan: Plan, aggregate: Supported, signal: Supported) -> None:
        self._plan: Final = plan
        self._gives_aggregate: Final = aggregate
        self._gives_signal: Final = signal
        self._layout: Final = Layout(plan, metrics=True)
        self.aggregates: Final[set[int]] = set()
        self.signals: Final[set[int]] = set()
        self.goals: Final = {goal.name for goal in plan.goals if self._holds(self._goal, goal)}
        self.metrics: Final = {
            name for name, index in self._layout.metrics.items() if self._holds(self._metric, index)
        }
        self.rules: Final = {rule.name for rule in plan.rules if self._holds(self._signal, rule.trigger)}

    def _holds(self, look: Callable[[T], object], part: T) -> bool:
        """Whether all of something is given; what it needs is noted where it is."""
        aggregates, signals = set(self.aggregates), set(self.signals)
        try:
            look(part)
        except _NotInColumns:
            self.aggregates.intersection_update(aggregates)
            self.signals.intersection_update(signals)
            return False
        return True

    def _of_one_kind(self, kinds: set[Window]) -> Window:
        if len(kinds) != 1:
            raise _NotInColumns
        return next(iter(kinds))

    def _metric(self, index: int) -> None:
        self._of_one_kind(self._series(index))

    def _goal(self, goal: Goal) -> None:
        parts = [goal.condition, goal.value, *self._layout.refund_conditions(goal)]
        parts += [] if goal.provided is None else [goal.provided]
        parts += [] if goal.budget is None else [goal.budget.aggregate]
        kinds = {kind for index in parts for kind in self._series(index)}
        for index in self._layout.amounts(goal):
            kinds |= self._amount(goal, index)
        if kinds != {goal.window}:
            raise _NotInColumns

    def _amount(self, goal: Goal, index: int) -> set[Window]:
        node = self._plan.operations[index]
        if isinstance(node, VerdictCount) and node.shape is Shape.SERIES and node.goal == goal.name:
            return set()
        if isinstance(node, Compare | Logical | Negation | Arithmetic | Choice):
            return {kind for x in operands(node) for kind in self._amount(goal, x)}
        return self._series(index)

    def _series(self, index: int) -> set[Window]:
        """The kinds of windows that a formula looks at."""
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            return set()
        if isinstance(node.type, TextType) and not isinstance(node, Label):
            raise _NotInColumns
        match node:
            case Label():
                return set()
            case Aggregate():
                return {self._aggregate(index, node)}
            case Previous(operand=operand):
                return {self._of_one_kind(self._series(operand))}
            case Compare() | Logical() | Negation() | Arithmetic() | Choice() | Idle():
                return {kind for x in operands(node) for kind in self._series(x)}
            case _:
                raise _NotInColumns

    def _aggregate(self, index: int, node: Aggregate) -> Window:
        argument = node.argument
        if isinstance(node.window, OutageWindow):
            raise _NotInColumns
        if (
            argument is None
            or node.function in OVER_TIME
            or self._plan.operations[argument].shape is not Shape.SERIES
        ):
            if not self._gives_aggregate(self._plan, index):
                raise _NotInColumns
            self.aggregates.add(index)
            return node.window
        inner = self._of_one_kind(self._series(argument))
        if node.where is not None and self._series(node.where) != {inner}:
            raise _NotInColumns
        if self._layout.names(argument) != node.by:
            raise _NotInColumns
        return node.window

    def _signal(self, index: int) -> None:
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            if isinstance(node.type, TextType):
                raise _NotInColumns
            return
        if isinstance(node.type, BooleanType) and self._gives_signal(self._plan, index):
            self.signals.add(index)
            return
        match node:
            case Latest(operand=operand):
                self._of_one_kind(self._series(operand))
            case VerdictState(goal=goal) | VerdictCount(goal=goal):
                if goal not in self.goals:
                    raise _NotInColumns
            case Compare() | Logical() | Negation() | Arithmetic() | AtLeastDown():
                for x in operands(node):
                    self._signal(x)
            case _:
                raise _NotInColumns
