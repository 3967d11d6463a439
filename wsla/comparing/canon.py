"""Formulas by meaning: two operations have one number where they are the same, however they were written.

Fixed amounts count by their value (60s is 1m, 10% of a fee of 300 EUR is 30 EUR); the sides of ``and``, ``or``, ``+``
and ``*``, and of a comparison with a fixed value, may stand in any order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import define, evolve, field

from wsla.analysis.operations import (
    Active,
    Aggregate,
    Arithmetic,
    Compare,
    Elapsed,
    Logical,
    Operation,
    SourceField,
    TimeFilter,
    VerdictCount,
    VerdictState,
)
from wsla.analysis.types import NumberType, Shape
from wsla.evaluation.scalars import scalar_value
from wsla.plan.build import moved_to
from wsla.plan.model import Plan
from wsla.values.calendars import CalendarWindow, OverlappingWindow

FLIPPED: Final = {"<=": ">=", "<": ">", ">=": "<=", ">": "<", "==": "==", "!=": "!="}
Names = Mapping[str, str]


@define
class Numbering:
    """Numbers operations of several plans. ``names`` maps old names of sources, schedules and goals to new ones."""

    _numbers: dict[object, int] = field(factory=dict, init=False)

    def of(
        self,
        plan: Plan,
        sources: Names | None = None,
        schedules: Names | None = None,
        goals: Names | None = None,
    ) -> tuple[int, ...]:
        """The number of each operation of a plan."""
        found: list[int] = []
        for position, node in enumerate(plan.operations):
            key: object
            if node.shape is Shape.SCALAR:
                key = _scalar(plan, position)
            else:
                places = dict(enumerate(found))
                moved = moved_to(node, places)
                named = _renamed(moved, sources or {}, schedules or {}, goals or {})
                key = _in_order(_in_any_zone(named, plan.zone), plan, node)
            found.append(self._numbers.setdefault(key, len(self._numbers)))
        return tuple(found)


def _scalar(plan: Plan, position: int) -> object:
    node = plan.operations[position]
    kind = node.type.dimension if isinstance(node.type, NumberType) else type(node.type).__name__
    return ("fixed", scalar_value(plan.operations, position), kind)


def _renamed(node: Operation, sources: Names, schedules: Names, goals: Names) -> Operation:
    match node:
        case SourceField() | Active():
            node = evolve(node, source=sources.get(node.source, node.source))
        case Elapsed():
            node = evolve(
                node, source=sources.get(node.source, node.source), filter=_filter(node.filter, schedules)
            )
        case Aggregate():
            source = None if node.source is None else sources.get(node.source, node.source)
            node = evolve(node, source=source, filter=_filter(node.filter, schedules))
        case VerdictState() | VerdictCount():
            node = evolve(node, goal=goals.get(node.goal, node.goal))
        case _:
            pass
    # Whether a number is called a share is a matter of writing.
    if isinstance(node.type, NumberType):
        return evolve(node, type=NumberType(node.type.dimension))
    return node


def _filter(names: TimeFilter, schedules: Names) -> TimeFilter:
    return TimeFilter(
        during=tuple(sorted(schedules.get(name, name) for name in names.during)),
        excluding=tuple(sorted(schedules.get(name, name) for name in names.excluding)),
    )


def _in_any_zone(node: Operation, zone: str) -> Operation:
    """Windows are in the agreement's zone; that it is another one is told once."""
    if (
        isinstance(node, Aggregate)
        and isinstance(node.window, OverlappingWindow)
        and node.window.period.zone == zone
    ):
        return evolve(node, window=evolve(node.window, period=evolve(node.window.period, zone="UTC")))
    if isinstance(node, Aggregate) and isinstance(node.window, CalendarWindow) and node.window.zone == zone:
        return evolve(node, window=evolve(node.window, zone="UTC"))
    return node


def _in_order(node: Operation, plan: Plan, written: Operation) -> Operation:
    match node:
        case Compare() if isinstance(written, Compare):
            fixed = [plan.operations[one].shape is Shape.SCALAR for one in (written.left, written.right)]
            if fixed == [True, False]:
                return evolve(node, operator=FLIPPED[node.operator], left=node.right, right=node.left)
        case Logical(operator="and" | "or") | Arithmetic(operator="+" | "*"):
            left, right = sorted((node.left, node.right))
            return evolve(node, left=left, right=right)
        case _:
            pass
    return node
