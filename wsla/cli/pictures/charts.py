"""What a picture shows: for each goal and label combination its windows, the promised value, and the entries booked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby

from attrs import frozen

from wsla.analysis.operations import Compare
from wsla.analysis.types import NumberType, Shape, ValueType
from wsla.cli.paint import SEVERITY
from wsla.evaluation.scalars import scalar_value
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Goal, Plan
from wsla.remedies.decisions import LedgerEntry
from wsla.reporting.verdicts import find_goal, labels_text, value_text
from wsla.values.instants import Interval
from wsla.values.money import format_money


class CannotDraw(Exception):
    """Why there is no picture, in words for the user."""


@frozen
class Mark:
    """One window: ``value`` is None where it is unknown, or no number."""

    window: Interval
    verdict: Verdict
    value: Fraction | None


@frozen
class Booking:
    """An entry of the ledger, at the instant for which it is booked."""

    at: int
    text: str
    missed: bool


@frozen(kw_only=True)
class Chart:
    """A goal for one label combination. ``line`` is the fixed value that the goal compares with, where it does."""

    goal: str
    labels: Labels
    promise: str
    kind: ValueType
    line: Fraction | None
    more_is_better: bool
    marks: tuple[Mark, ...]
    bookings: tuple[Booking, ...]

    @property
    def title(self) -> str:
        """``goal (labels): what was promised``."""
        labels = labels_text(self.labels)
        return f"{self.goal}{f' ({labels})' if labels else ''}: {' '.join(self.promise.split())}"

    @property
    def extent(self) -> Interval:
        """From the start of the first window to the end of the last."""
        return Interval(self.marks[0].window.start, max(mark.window.end for mark in self.marks))

    @property
    def range(self) -> tuple[Fraction, Fraction] | None:
        """The least and the greatest number that has to be seen; None where there is no number."""
        numbers = [mark.value for mark in self.marks if mark.value is not None]
        numbers += [] if self.line is None or not numbers else [self.line]
        return (min(numbers), max(numbers)) if numbers else None

    @property
    def is_share(self) -> bool:
        """True where values are percentages."""
        return isinstance(self.kind, NumberType) and self.kind.share

    def text(self, value: Fraction) -> str:
        """A value in the units of the goal."""
        return value_text(value, self.kind, self.line)

    def worst(self, marks: Sequence[Mark]) -> Mark:
        """The worst of several windows: by its verdict, then by its value."""

        def badness(mark: Mark) -> tuple[int, Fraction]:
            value = Fraction(0) if mark.value is None else mark.value
            return SEVERITY.index(mark.verdict), -value if self.more_is_better else value

        return max(marks, key=badness)


def charts_of(
    plan: Plan, judgements: Iterable[Judgement], entries: Iterable[LedgerEntry]
) -> tuple[Chart, ...]:
    """A chart for each goal and label combination that has a window, in the order of the judgements."""
    booked: dict[tuple[str, Labels], list[Booking]] = {}
    for entry in entries:
        sign = "−" if entry.kind in {"cap", "refund"} else ""
        text = f"{entry.kind} {sign}{format_money(entry.amount, entry.currency)}"
        booked.setdefault((entry.cause, entry.labels), []).append(
            Booking(entry.at, text, missed=entry.kind == "credit")
        )
    found = []
    for (name, labels), group in groupby(judgements, key=lambda one: (one.goal, one.labels)):
        goal = find_goal(plan, name)
        line, more_is_better = _line(plan, goal)
        found.append(
            Chart(
                goal=name,
                labels=labels,
                promise=goal.text,
                kind=plan.operations[goal.value].type,
                line=line,
                more_is_better=more_is_better,
                marks=tuple(_mark(one) for one in group),
                bookings=tuple(booked.get((name, labels), ())),
            )
        )
    return tuple(found)


def _mark(judgement: Judgement) -> Mark:
    value = judgement.value
    number = Fraction(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else None
    return Mark(judgement.window, judgement.verdict, number)


def _line(plan: Plan, goal: Goal) -> tuple[Fraction | None, bool]:
    """(the fixed number that a goal's value is compared with, whether more is better)."""
    condition = plan.operations[goal.condition]
    if not isinstance(condition, Compare) or not isinstance(plan.operations[goal.value].type, NumberType):
        return None, True
    measured_first = condition.left == goal.value
    other = condition.right if measured_first else condition.left
    more_is_better = (condition.operator in {">", ">="}) is measured_first
    if plan.operations[other].shape is not Shape.SCALAR:
        return None, more_is_better
    value = scalar_value(plan.operations, other)
    fixed = Fraction(value) if isinstance(value, int | Fraction) and not isinstance(value, bool) else None
    return fixed, more_is_better
