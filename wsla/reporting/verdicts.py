"""Verdicts as rows of texts for people and as values for machines; numbers stay exact."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any, Final

from wsla.analysis.operations import Value
from wsla.analysis.types import NumberType, ValueType
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.plan.model import Goal, Plan
from wsla.values.calendars import (
    CalendarUnit,
    CalendarWindow,
    OverlappingWindow,
    find_zone,
    label_of,
    parse_period,
    period_interval,
)
from wsla.values.instants import Interval, format_instant, format_length, parse_instant, to_datetime
from wsla.values.quantities import format_percentage, format_quantity

_KEPT: Final = 1 << 14
"""So many texts of each kind are kept, to be shown again."""


def value_text(value: object, kind: ValueType, target: Fraction | None = None) -> str:
    """A value in the language's own units; ``target`` keeps a missed share from looking like its target."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    assert isinstance(value, int | Fraction)
    if isinstance(kind, NumberType):
        if kind.share:
            return format_percentage(Fraction(value), apart_from=target)
        return format_quantity(Fraction(value), kind.dimension)
    return format_instant(int(value))


def exact(value: object) -> object:
    """A value for machines: every number as a text, since JSON's readers may lose digits of numbers."""
    return str(value) if type(value) in (int, Fraction, Decimal) else value


def window_text(plan: Plan, goal: Goal | None, window: Interval) -> str:
    """A window's own name (``2026-03``), or its bounds."""
    if goal is not None and isinstance(goal.window, OverlappingWindow):
        period, count = goal.window.period.unit, goal.window.count
        return f"{count} {period.value}s to {label_of(goal.window.last_period(window), period, plan.zone)}"
    unit = goal.window.unit if goal is not None and isinstance(goal.window, CalendarWindow) else None
    return label_of(window, unit, plan.zone)


def labels_text(labels: Labels) -> str:
    """``region=eu service=web``."""
    return " ".join(f"{name}={value}" for name, value in labels)


def find_goal(plan: Plan, name: str) -> Goal:
    """The goal of that name."""
    return next(goal for goal in plan.goals if goal.name == name)


class Shown:
    """How the judgements of one plan are shown. What many of them have in common is put into texts once."""

    def __init__(self, plan: Plan) -> None:
        self._plan: Final = plan
        self._goals: Final = {goal.name: goal for goal in plan.goals}
        self.instant: Final = lru_cache(_KEPT)(partial(format_instant, zone=find_zone(plan.zone)))
        self._window: Final = lru_cache(_KEPT)(self._window_of)
        self._number: Final = lru_cache(_KEPT)(self._number_of)
        self._left: Final = lru_cache(_KEPT)(self._left_of)
        self._labels: Final = lru_cache(_KEPT)(labels_text)
        self._known: Final = lru_cache(_KEPT)(partial(format_percentage, places=2))

    def row(self, judgement: Judgement) -> dict[str, str]:
        """A verdict as a row of texts."""
        goal = self._goals[judgement.goal]
        left = judgement.budget_left
        return {
            "goal": judgement.goal,
            "labels": self._labels(judgement.labels),
            "window": self._window(judgement.goal, judgement.window.start, judgement.window.end),
            "verdict": judgement.verdict.value,
            "measured": self._text(goal, judgement.value, to_target=True),
            "promised": goal.text,
            "known": self._known(judgement.coverage),
            "budget left": "" if left is None or judgement.budget is None else self._left(goal.name, left),
        }

    def value(self, judgement: Judgement) -> dict[str, Any]:
        """A verdict for machines: instants in RFC 3339, numbers exact as texts, lengths in nanoseconds."""
        goal, window, value = self._goals[judgement.goal], judgement.window, judgement.value
        told = exact(value)
        return {
            "goal": judgement.goal,
            "labels": dict(judgement.labels),
            "window": self._window(judgement.goal, window.start, window.end),
            "start": self.instant(window.start),
            "end": self.instant(window.end),
            "verdict": judgement.verdict.value,
            "final": judgement.final,
            "value": told,
            "value_text": self._text(goal, value, to_target=False),
            "lower": told if judgement.lower is value else exact(judgement.lower),
            "upper": told if judgement.upper is value else exact(judgement.upper),
            "coverage": exact(judgement.coverage),
            "budget": exact(judgement.budget),
            "budget_left": exact(judgement.budget_left),
        }

    def _text(self, goal: Goal, value: Value, *, to_target: bool) -> str:
        if type(value) is Fraction or type(value) is int:
            # Two whole numbers are compared quicker than fractions.
            return self._number(goal.name, value.numerator, value.denominator, to_target)
        return value_text(value, self._plan.operations[goal.value].type)

    def _number_of(self, name: str, numerator: int, denominator: int, to_target: bool) -> str:
        goal = self._goals[name]
        target = goal.budget.target if to_target and goal.budget is not None else None
        return value_text(Fraction(numerator, denominator), self._plan.operations[goal.value].type, target)

    def _left_of(self, name: str, left: Fraction) -> str:
        budget = self._goals[name].budget
        if budget is not None and budget.time:
            return format_length(round(left))
        return format_quantity(left, places=2)

    def _window_of(self, name: str, start: int, end: int) -> str:
        goal = self._goals[name]
        if isinstance(goal.window, CalendarWindow | OverlappingWindow):
            return window_text(self._plan, goal, Interval(start, end))
        return f"{self.instant(start)}..{self.instant(end)}"


def judgement_row(plan: Plan, judgement: Judgement) -> dict[str, str]:
    """A verdict as a row of texts."""
    return Shown(plan).row(judgement)


def judgement_value(plan: Plan, judgement: Judgement) -> dict[str, Any]:
    """A verdict for machines: instants in RFC 3339, numbers exact as texts, lengths in nanoseconds."""
    return Shown(plan).value(judgement)


def parse_window(text: str, zone: str) -> Interval:
    """``2026-03``, ``2026-Q1``, ``2026-03-04``, or ``TIME..TIME``. Raises ValueError, with a hint."""
    start, dots, end = text.partition("..")
    try:
        if not dots:
            return period_interval(*parse_period(text), zone)
        found = find_zone(zone)
        return Interval(parse_instant(start, found), parse_instant(end, found))
    except ValueError as problem:
        hint = "" if dots else ", nor a stretch such as 2026-03-01..2026-03-15"
        raise ValueError(f"{problem}{hint}") from None


def window_name(window: Interval, zone: str) -> str:
    """``2026-03`` for a period of the calendar; otherwise its bounds, the day said once where it is the same."""
    units = (CalendarUnit.MONTH, CalendarUnit.DAY, CalendarUnit.QUARTER, CalendarUnit.YEAR, CalendarUnit.WEEK)
    for unit in units:
        label = label_of(window, unit, zone)
        if ".." not in label:
            return label
    found = find_zone(zone)
    start, end = to_datetime(window.start, found), to_datetime(window.end, found)
    form = "%Y-%m-%d %H:%M:%S" if (start.second or end.second) else "%Y-%m-%d %H:%M"
    if start.microsecond or end.microsecond:
        form += ".%f"
    if start.date() == end.date():
        return f"{start.strftime(form)}-{end.strftime(form.removeprefix('%Y-%m-%d '))}"
    return f"{start.strftime(form)} to {end.strftime(form)}"
