"""What the plan alone says: which aggregates are needed, what they rest on, which labels they have."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from functools import lru_cache
from typing import Any, Final

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
    OutageWindow,
    Previous,
    SourceField,
    Stateful,
    Sustained,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import BooleanType, Shape
from wsla.evaluation.stream.frames import Frames
from wsla.evaluation.stream.kept import KeptTime
from wsla.evaluation.verdicts import Labels
from wsla.plan.model import Credit, Goal, Plan, Source

OVER_TIME: Final = frozenset({"availability", "duration", "downtime", "time_mean", "longest", "outages"})


def restrict(labels: Labels, names: Iterable[str]) -> Labels:
    """The labels of these names; labels are kept sorted by name."""
    wanted = names if isinstance(names, frozenset) else frozenset(names)
    if len(labels) == 1 == len(wanted) and labels[0][0] in wanted:
        return labels
    return tuple(label for label in labels if label[0] in wanted)


def in_order(labels: Labels, names: tuple[str, ...]) -> Labels:
    """Labels in the order of these names, as they are shown."""
    if not labels:
        return ()
    if len(labels) == 1 == len(names) and labels[0][0] == names[0]:
        return labels
    values = dict(labels)
    return tuple((name, values[name]) for name in names if name in values)


def operands(operation: Operation) -> tuple[int, ...]:
    """What a formula combines at one instant, record or window; nothing for a leaf."""
    match operation:
        case (
            Compare(left=left, right=right)
            | Logical(left=left, right=right)
            | Arithmetic(left=left, right=right)
        ):
            return (left, right)
        case AtLeastDown(conditions=conditions):
            return conditions
        case Negation(operand=operand) | Idle(operand=operand) | Previous(operand=operand):
            return (operand,)
        case Sustained(condition=condition) | Debounced(condition=condition) | Limited(condition=condition):
            return (condition,)
        case Choice(subject=subject, arms=arms, otherwise=otherwise):
            sides = (side for arm in arms for side in (arm.bound, arm.value))
            return (subject, *sides, *(() if otherwise is None else (otherwise,)))
        case _:
            return ()


class Layout:
    """A plan, read once. ``metrics`` tells whether the values of metrics are wanted beside the verdicts."""

    def __init__(self, plan: Plan, metrics: bool) -> None:
        self.plan: Final = plan
        self.operations: Final = plan.operations
        self.sources: Final = {source.name: source for source in plan.sources}
        self.goals: Final = {goal.name: goal for goal in plan.goals}
        self.metrics: Final = {
            name: index
            for name, index in plan.metrics.items()
            if metrics and plan.operations[index].shape is Shape.SERIES
        }
        self._frames: dict[int, Frames] = {}
        self._names: dict[int, tuple[str, ...]] = {}
        # What was compiled for a source, or None where there is nothing to compile; and who judges the goals.
        self.lane_codes: Final[dict[str, Any]] = {}
        self.judges: Final[list[Any]] = []
        self.turns: Final[dict[int, Any]] = {}
        found = self._reachable()
        self.reachable: Final = tuple(found)
        self.aggregates: Final = tuple(i for i in found if isinstance(self.operations[i], Aggregate))
        self.previous: Final = {i: x.operand for i in found if isinstance(x := self.operations[i], Previous)}
        self.latest: Final = tuple(i for i in found if isinstance(self.operations[i], Latest))
        self.verdict_states: Final = tuple(i for i in found if isinstance(self.operations[i], VerdictState))
        # The conditions whose outages are windows, each with the aggregates over them.
        self.outages: Final[dict[int, list[int]]] = {}
        for i in self.aggregates:
            window = self.aggregate(i).window
            if isinstance(window, OutageWindow):
                self.outages.setdefault(window.condition, []).append(i)
        counts = [i for i in found if isinstance(self.operations[i], VerdictCount)]
        # Counts that are signals, and those that the amounts of credits ask for.
        self.verdict_counts: Final = tuple(i for i in counts if self.operations[i].shape is Shape.SIGNAL)
        self.tallies: Final = tuple(i for i in counts if self.operations[i].shape is Shape.SERIES)
        # Signals that are joined over labels.
        self.joined: Final = tuple(
            i
            for i in found
            if isinstance(operation := self.operations[i], Across) and operation.shape is Shape.SIGNAL
        )
        self.stateful: Final = tuple(i for i in found if isinstance(self.operations[i], Stateful))
        self.idling: Final = frozenset(
            leaf for i in found if isinstance(self.operations[i], Idle) for leaf in self.leaves(i)
        )
        self.columns: Final = {name: self._columns(source, found) for name, source in self.sources.items()}

    @classmethod
    def of(cls, plan: Plan, metrics: bool) -> Layout:
        """A plan's layout with windows of its own; all else is shared by those who follow the same plan."""
        found = copy(_read_once(_Same(plan), metrics))
        found._frames = {}
        return found

    def roots_of(self, goal: Goal) -> tuple[int, ...]:
        """The operations that judging a goal needs."""
        parts = [goal.condition, goal.value]
        if goal.provided is not None:
            parts.append(goal.provided)
        if goal.budget is not None:
            parts.append(goal.budget.aggregate)
        return (*parts, *self.amounts(goal), *self.refund_conditions(goal))

    def refund_conditions(self, goal: Goal) -> tuple[int, ...]:
        """The conditions under which credits of a goal are earned back."""
        return tuple(dict.fromkeys(one.condition for one in goal.refunds if one.condition is not None))

    def amounts(self, goal: Goal) -> tuple[int, ...]:
        """The amounts, and their limits, that the credits of a goal ask for, in the order of the text."""
        actions = (*goal.otherwise, *goal.rewarding)
        credits = (action for action in actions if isinstance(action, Credit))
        return tuple(dict.fromkeys(operation for credit in credits for operation in credit.operations))

    def truth(self, index: int) -> bool:
        """True where the values of an operation are truths."""
        return isinstance(self.operations[index].type, BooleanType)

    def aggregate(self, index: int) -> Aggregate:
        """The aggregate at a position."""
        operation = self.operations[index]
        if not isinstance(operation, Aggregate):
            raise TypeError(f"operation {index} is no aggregate")
        return operation

    def frames(self, index: int) -> Frames:
        """The windows of an aggregate."""
        if index not in self._frames:
            node, plan = self.aggregate(index), self.plan
            kept = KeptTime.of(plan, node.filter)
            self._frames[index] = Frames(node.window, kept, plan.effective_start, plan.effective_end)
        return self._frames[index]

    def names(self, index: int) -> tuple[str, ...]:
        """The labels by which an operation has a value each."""
        if index not in self._names:
            self._names[index] = self._find_names(index)
        return self._names[index]

    def _find_names(self, index: int) -> tuple[str, ...]:
        match operation := self.operations[index]:
            case SourceField(source=source) | Active(source=source):
                return self.sources[source].labels
            case Aggregate(by=by) | Across(by=by) | Label(by=by) | VerdictCount(by=by):
                return by
            case Latest(operand=operand):
                return self.names(operand)
            case VerdictState(goal=goal):
                return self.goals[goal].by
            case _:
                return next((names for x in operands(operation) if (names := self.names(x))), ())

    def leaves(self, index: int) -> tuple[int, ...]:
        """The leaves of a formula: fields, aggregates, states."""
        operation = self.operations[index]
        below = operands(operation)
        if isinstance(operation, Across) and operation.shape is Shape.SERIES:
            below = (operation.operand,)
        if not below:
            return () if isinstance(operation, Constant) else (index,)
        return tuple(dict.fromkeys(leaf for x in below for leaf in self.leaves(x)))

    def source_of(self, index: int) -> Source | None:
        """The source whose samples or records an aggregate looks at; None for one over time or over a series."""
        node = self.aggregate(index)
        if node.function in OVER_TIME:
            return None
        if node.argument is not None and self.operations[node.argument].shape is Shape.SERIES:
            return None
        if node.source is not None:
            return self.sources[node.source]
        if node.argument is not None:
            for leaf in self.leaves(node.argument):
                operation = self.operations[leaf]
                if isinstance(operation, SourceField | Elapsed):
                    return self.sources[operation.source]
        raise ValueError(f"operation {index} looks at no source")

    def origins(self, index: int) -> frozenset[str]:
        """The sources whose observations bring forth the label combinations of an operation."""
        if not self.names(index):
            return frozenset()
        match operation := self.operations[index]:
            case SourceField(source=source) | Active(source=source):
                return frozenset({source})
            case Aggregate(argument=argument, where=where):
                own = self.source_of(index)
                if own is not None:
                    return frozenset({own.name})
                if argument is not None and where is not None and operation.function in OVER_TIME:
                    return self.origins(argument) | self.origins(where)
                return frozenset() if argument is None else self.origins(argument)
            case Latest(operand=operand):
                return self.origins(operand)
            case VerdictState(goal=goal) | VerdictCount(goal=goal):
                return self.origins(self.goals[goal].condition)
            case Across(operand=operand):
                return self.origins(operand)
            case _:
                return frozenset().union(*(self.origins(x) for x in operands(operation)))

    def _reachable(self) -> list[int]:
        plan = self.plan
        waiting = [index for goal in plan.goals for index in self.roots_of(goal)]
        waiting += [rule.trigger for rule in plan.rules]
        waiting += self.metrics.values()
        found: set[int] = set()
        while waiting:
            index = waiting.pop()
            if index not in found:
                found.add(index)
                waiting.extend(self._inputs(self.operations[index]))
        return sorted(found)

    def _inputs(self, operation: Operation) -> list[int]:
        match operation:
            case Aggregate(argument=argument, where=where, idle=idle, window=window):
                outage = window.condition if isinstance(window, OutageWindow) else None
                return [x for x in (argument, where, idle, outage) if x is not None]
            case Latest(operand=operand):
                return [operand]
            case Idle(operand=operand, value=value):
                return [operand, value]
            case Across(operand=operand, where=where, limit=limit):
                return [x for x in (operand, where, limit) if x is not None]
            case Elapsed(start=start, end=end, pausing=pausing):
                return [start, end] if pausing is None else [start, end, pausing]
            case Active(start=start, end=end, where=where):
                return [start, end] if where is None else [start, end, where]
            case _:
                return list(operands(operation))

    def _columns(self, source: Source, found: list[int]) -> tuple[str, ...]:
        wanted = {
            operation.field
            for index in found
            if isinstance(operation := self.operations[index], SourceField)
            and operation.source == source.name
        }
        if source.records:
            wanted |= {source.at, *source.labels}
        return tuple(field.name for field in source.fields if field.name in wanted)


class _Same:
    """A plan, equal to itself alone: to compare two would mean to read them."""

    __slots__ = ("plan",)

    def __init__(self, plan: Plan) -> None:
        self.plan: Final = plan

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.plan is other.plan

    def __hash__(self) -> int:
        return id(self.plan)


@lru_cache(maxsize=16)
def _read_once(same: _Same, metrics: bool) -> Layout:
    return Layout(same.plan, metrics)
