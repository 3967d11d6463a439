"""Which parts of a plan can be judged in columns, and what they need of the first stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

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
from wsla.values.calendars import (
    CalendarWindow,
    ExactWindow,
    OverlappingWindow,
    window_containing,
)

Supported = Callable[[Plan, int], bool]
"""Whether the first stage gives an operation of a plan."""


class _NotInColumns(Exception):
    """Something of a formula is left to another engine."""


class Support:
    """What of a plan can be judged in columns until an instant, by name, and the operations that this needs."""

    def __init__(self, plan: Plan, until: int, aggregate: Supported, signal: Supported) -> None:
        self._plan: Final = plan
        self._until: Final = until
        self._gives_aggregate: Final = aggregate
        self._gives_signal: Final = signal
        self._layout: Final = Layout(plan, metrics=True)
        self.aggregates: Final[set[int]] = set()
        self.signals: Final[set[int]] = set()
        self.goals: Final = {goal.name for goal in plan.goals if self._holds(lambda: self._goal(goal))}
        self.metrics: Final = {
            name
            for name, index in self._layout.metrics.items()
            if self._holds(lambda: self._of_one_kind(self._series(index, to_come=False)))
        }
        self.rules: Final = {
            rule.name for rule in plan.rules if self._holds(lambda: self._signal(rule.trigger))
        }

    def _holds(self, look: Callable[[], object]) -> bool:
        """Whether all of something is given; what it needs is noted where it is."""
        aggregates, signals = set(self.aggregates), set(self.signals)
        try:
            look()
        except _NotInColumns:
            self.aggregates.intersection_update(aggregates)
            self.signals.intersection_update(signals)
            return False
        return True

    def _of_one_kind(self, kinds: set[Window]) -> Window:
        if len(kinds) != 1:
            raise _NotInColumns
        return next(iter(kinds))

    def _goal(self, goal: Goal) -> None:
        parts = [goal.condition, goal.value, *self._layout.refund_conditions(goal)]
        parts += [] if goal.provided is None else [goal.provided]
        parts += [] if goal.budget is None else [goal.budget.aggregate]
        kinds = {kind for index in parts for kind in self._series(index, to_come=False)}
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
        return self._series(index, to_come=False)

    def _series(self, index: int, *, to_come: bool) -> set[Window]:
        """The kinds of windows that a formula looks at; with ``to_come`` those that have not begun are asked for."""
        node = self._plan.operations[index]
        if node.shape is Shape.SCALAR:
            return set()
        if isinstance(node.type, TextType) and not isinstance(node, Label):
            raise _NotInColumns
        match node:
            case Label():
                return set()
            case Aggregate():
                return {self._aggregate(index, node, to_come=to_come)}
            case Previous(operand=operand):
                return {self._of_one_kind(self._series(operand, to_come=to_come))}
            case Compare() | Logical() | Negation() | Arithmetic() | Choice() | Idle():
                return {kind for x in operands(node) for kind in self._series(x, to_come=to_come)}
            case _:
                raise _NotInColumns

    def _aggregate(self, index: int, node: Aggregate, *, to_come: bool) -> Window:
        argument = node.argument
        if isinstance(node.window, OutageWindow):
            raise _NotInColumns
        if (
            argument is None
            or node.function in OVER_TIME
            or self._plan.operations[argument].shape is not Shape.SERIES
        ):
            if not self._gives_aggregate(self._plan, index) or (to_come and node.forgiving is not None):
                raise _NotInColumns
            self.aggregates.add(index)
            return node.window
        unended = to_come or self._has_unended(node.window)
        inner = self._of_one_kind(self._series(argument, to_come=unended))
        if node.where is not None and self._series(node.where, to_come=unended) != {inner}:
            raise _NotInColumns
        if unended and not isinstance(inner, CalendarWindow | ExactWindow):
            # Several windows have begun and not ended.
            raise _NotInColumns
        if self._layout.names(argument) != node.by:
            raise _NotInColumns
        return node.window

    def _has_unended(self, kind: Window) -> bool:
        """Whether a window of the term has begun and not ended at the instant asked about."""
        end, until = self._plan.effective_end, self._until
        match kind:
            case CalendarWindow() | ExactWindow():
                last = window_containing(kind, until - 1).end
            case OverlappingWindow():
                last = kind.ending_with(until - 1).end
            case _:
                return False
        return (last if end is None else min(last, end)) > until

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
                self._of_one_kind(self._series(operand, to_come=False))
            case VerdictState(goal=goal) | VerdictCount(goal=goal):
                if goal not in self.goals:
                    raise _NotInColumns
            case Compare() | Logical() | Negation() | Arithmetic() | AtLeastDown():
                for x in operands(node):
                    self._signal(x)
            case _:
                raise _NotInColumns
