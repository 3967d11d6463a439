"""What the plan alone says of an operation: its labels, its windows, its source."""

from __future__ import annotations

from wsla.analysis.operations import (
    Across,
    Active,
    Aggregate,
    Constant,
    Elapsed,
    Label,
    Latest,
    SourceField,
    VerdictCount,
    VerdictState,
    Window,
)
from wsla.analysis.types import Shape
from wsla.evaluation.reference.pointwise import operands
from wsla.plan.model import Goal, Plan


def goal_of(plan: Plan, name: str) -> Goal:
    """The goal of that name. Raises KeyError where there is none."""
    for goal in plan.goals:
        if goal.name == name:
            return goal
    raise KeyError(name)


def label_names(plan: Plan, index: int) -> tuple[str, ...]:
    """The labels by which an operation has a value each; what has none combines with every combination (M7)."""
    match node := plan.operations[index]:
        case SourceField() | Active():
            return plan.source(node.source).labels
        case Aggregate() | Across() | Label() | VerdictCount():
            return node.by
        case Latest():
            return label_names(plan, node.operand)
        case VerdictState():
            return goal_of(plan, node.goal).by
        case Elapsed() | Constant():
            return ()
        case _:
            return next((names for x in operands(node) if (names := label_names(plan, x))), ())


def window_kind(plan: Plan, index: int) -> Window:
    """The windows of a series: those of the first aggregate that it is made of."""
    node = plan.operations[index]
    if isinstance(node, Aggregate):
        return node.window
    if isinstance(node, Across):
        return window_kind(plan, node.operand)
    return window_kind(plan, next(x for x in operands(node) if has_windows(plan, x)))


def has_windows(plan: Plan, index: int) -> bool:
    """True for a series that is made of aggregates; a label beside them has a value in every window (M74)."""
    node = plan.operations[index]
    if node.shape is not Shape.SERIES or isinstance(node, Label):
        return False
    return isinstance(node, Aggregate | Across) or any(has_windows(plan, x) for x in operands(node))


def source_of(plan: Plan, index: int) -> str | None:
    """The source whose samples or records an aggregate looks at; None for an aggregate over a series."""
    node = plan.operations[index]
    if isinstance(node, Aggregate):
        if node.argument is not None and plan.operations[node.argument].shape is Shape.SERIES:
            return None
        if node.source is not None or node.argument is None:
            return node.source
        return source_of(plan, node.argument)
    if isinstance(node, SourceField | Elapsed):
        return node.source
    return next((name for x in operands(node) if (name := source_of(plan, x)) is not None), None)
