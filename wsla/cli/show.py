"""Verdicts and ledger entries as rows for people and as values for machines; numbers stay exact."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache, partial
from itertools import islice
from typing import Any, Final

import click

from wsla.analysis.operations import Value
from wsla.analysis.types import NumberType, ValueType
from wsla.cli.claims import STYLES as CLAIM_STYLES
from wsla.cli.claims import short_name
from wsla.cli.files import wants_colour
from wsla.evaluation.verdicts import Judgement, Labels, Verdict
from wsla.plan.model import Goal, Plan
from wsla.remedies.claims import Claims, ClaimStep
from wsla.remedies.decisions import LedgerEntry
from wsla.values.calendars import CalendarWindow, OverlappingWindow, find_zone, label_of
from wsla.values.instants import Interval, format_instant, format_length
from wsla.values.money import format_money
from wsla.values.quantities import format_percentage, format_quantity

_AT_ONCE: Final = 1_000
"""So many lines are printed together."""
_KEPT: Final = 1 << 14
"""So many texts of each kind are kept, to be shown again."""

STYLES = {
    Verdict.MET: "green",
    Verdict.SECURED: "green",
    Verdict.ON_TRACK: "green",
    Verdict.AT_RISK: "yellow",
    Verdict.UNKNOWN: "yellow",
    Verdict.VIOLATED: "red",
    Verdict.LOST: "red",
}


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


def entry_row(plan: Plan, entry: LedgerEntry) -> dict[str, str]:
    """A ledger entry as a row of texts."""
    zone = find_zone(plan.zone)
    return {
        "booked for": format_instant(entry.at, zone),
        "kind": entry.kind,
        "owes": entry.debtor,
        "is owed": entry.creditor,
        "amount": format_money(entry.amount, entry.currency),
        "claim before": claim_text(entry, plan.zone),
        "cause": " ".join(filter(None, (entry.cause, labels_text(entry.labels)))),
    }


def claim_text(entry: LedgerEntry, zone_name: str) -> str:
    """The instant before which an entry has to be claimed, or nothing."""
    return "" if entry.claim_until is None else format_instant(entry.claim_until, find_zone(zone_name))


def entry_value(entry: LedgerEntry, zone_name: str) -> dict[str, Any]:
    """A ledger entry for machines."""
    zone = find_zone(zone_name)
    return {
        "id": entry.id,
        "kind": entry.kind,
        "debtor": entry.debtor,
        "creditor": entry.creditor,
        "amount": str(entry.amount),
        "currency": entry.currency,
        "at": format_instant(entry.at, zone),
        "cause": entry.cause,
        "labels": dict(entry.labels),
        "start": format_instant(entry.window.start, zone),
        "end": format_instant(entry.window.end, zone),
        "memo": entry.memo,
        "state": entry.state,
        "claim_until": None if entry.claim_until is None else format_instant(entry.claim_until, zone),
    }


def claimed_value(entry: LedgerEntry, claims: Claims, at: int, zone_name: str) -> dict[str, Any]:
    """A ledger entry for machines, as it stands at an instant: its state, and when and why it came to it."""
    zone = find_zone(zone_name)
    events = {event.step: event for event in claims.of(entry, at)}
    claimed = events.pop(ClaimStep.CLAIMED, None)
    settled = next(iter(events.values()), None)
    return entry_value(entry, zone_name) | {
        "state": claims.state(entry, at).value,
        "name": short_name(entry.id),
        "claimed_at": None if claimed is None else format_instant(claimed.at, zone),
        "settled_at": None if settled is None else format_instant(settled.at, zone),
        "reason": None if settled is None else settled.reason,
    }


def print_table(rows: Sequence[dict[str, str]], title: str, styles: Iterable[str | None] = ()) -> None:
    """A table as wide as it needs to be; columns that are empty in every row are left out."""
    columns = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    if not wants_colour(sys.stdout):
        _print_plain(rows, columns, title)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", header_style="bold", pad_edge=False)
    for name in columns:
        # These are read out, or typed again: they are shown whole in any width.
        whole = max(len(row[name]) for row in rows) if name in ("state", "name") else None
        table.add_column(
            name,
            justify="right" if name in ("measured", "known", "amount", "budget left") else "left",
            min_width=whole,
        )
    chosen = list(styles) or [None] * len(rows)
    for row, style in zip(rows, chosen, strict=True):
        cells = [Text(row[name], style=_style(name, row[name], style)) for name in columns]
        table.add_row(*cells)
    Console().print(table)


def _style(column: str, text: str, style: str | None) -> str:
    if column == "state":
        return next((found for state, found in CLAIM_STYLES.items() if state.value == text), "")
    return style or "" if column in ("verdict", "kind") else ""


def _print_plain(rows: Sequence[dict[str, str]], columns: list[str], title: str) -> None:
    _print_lines(rows, {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}, title)


def print_long_table(rows: Callable[[], Iterable[dict[str, str]]], title: str, counted: str) -> Counter[str]:
    """Prints a table of so many rows that they are made twice and not kept, as ``print_table`` does without colour.

    Gives how many rows have each text in the column ``counted``.
    """
    widths: dict[str, int] = {}
    counts: Counter[str] = Counter()
    for row in rows():
        counts[row[counted]] += 1
        for name, text in row.items():
            if len(text) > widths.get(name, 0):
                widths[name] = len(text)
    names = [name for name in next(iter(rows()), {}) if name in widths]
    _print_lines(rows(), {name: max(len(name), widths[name]) for name in names}, title)
    return counts


def _print_lines(rows: Iterable[dict[str, str]], widths: Mapping[str, int], title: str) -> None:
    click.echo(title)
    click.echo("  ".join(name.ljust(width) for name, width in widths.items()).rstrip())
    coming = ("  ".join([row[name].ljust(width) for name, width in widths.items()]).rstrip() for row in rows)
    while lines := list(islice(coming, _AT_ONCE)):
        click.echo("\n".join(lines))
