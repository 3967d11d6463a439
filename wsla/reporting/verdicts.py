"""Verdicts as rows of texts for people and as values for machines; numbers stay exact."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

from wsla.analysis.types import NumberType, ValueType
from wsla.evaluation.verdicts import Judgement, Labels
from wsla.plan.model import Goal, Plan
from wsla.values.calendars import CalendarUnit, CalendarWindow, OverlappingWindow, find_zone, label_of
from wsla.values.instants import Interval, format_instant, format_length, to_datetime
from wsla.values.quantities import format_percentage, format_quantity


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
    if isinstance(value, int | Fraction | Decimal) and not isinstance(value, bool):
        return str(value)
    return value


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


def judgement_row(plan: Plan, judgement: Judgement) -> dict[str, str]:
    """A verdict as a row of texts."""
    goal = find_goal(plan, judgement.goal)
    kind = plan.operations[goal.value].type
    left = ""
    if judgement.budget is not None and judgement.budget_left is not None:
        if goal.budget is not None and goal.budget.time:
            left = format_length(round(judgement.budget_left))
        else:
            left = format_quantity(judgement.budget_left, places=2)
    return {
        "goal": judgement.goal,
        "labels": labels_text(judgement.labels),
        "window": window_text(plan, goal, judgement.window),
        "verdict": judgement.verdict.value,
        "measured": value_text(judgement.value, kind, goal.budget.target if goal.budget else None),
        "promised": goal.text,
        "known": format_percentage(judgement.coverage, 2),
        "budget left": left,
    }


def judgement_value(plan: Plan, judgement: Judgement) -> dict[str, Any]:
    """A verdict for machines: instants in RFC 3339, numbers exact as texts, lengths in nanoseconds."""
    zone = find_zone(plan.zone)
    goal = find_goal(plan, judgement.goal)
    return {
        "goal": judgement.goal,
        "labels": dict(judgement.labels),
        "window": window_text(plan, goal, judgement.window),
        "start": format_instant(judgement.window.start, zone),
        "end": format_instant(judgement.window.end, zone),
        "verdict": judgement.verdict.value,
        "final": judgement.final,
        "value": exact(judgement.value),
        "value_text": value_text(judgement.value, plan.operations[goal.value].type),
        "lower": exact(judgement.lower),
        "upper": exact(judgement.upper),
        "coverage": exact(judgement.coverage),
        "budget": exact(judgement.budget),
        "budget_left": exact(judgement.budget_left),
    }


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
