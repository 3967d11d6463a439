"""Draws signals that rest on the past: runs of a condition, budgets of time, announced times (M46 to M49)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from wsla.testing.plans import DURATION
from wsla.values.calendars import OverlappingWindow, RollingWindow

if TYPE_CHECKING:
    from wsla.testing.formulas import Formulas

KINDS = ("sustained", "debounced", "limited", "active", "active")


def past_signal(formulas: Formulas, by: tuple[str, ...], *, depth: int) -> int:
    """A boolean signal that rests on the past."""
    build, pick, unit = formulas.build, formulas.pick, formulas.scale.unit
    lengths = (1, unit, 2 * unit, 5 * unit // 2, 7 * unit)
    kind = pick(*KINDS)
    if kind == "active":
        return announced(formulas, by)
    # One rests on another as often as not, so that they are seen to settle in order.
    nested = depth > 0 and formulas.sometimes(3)
    condition = past_signal(formulas, by, depth=depth - 1) if nested else formulas.truth(by, depth=depth)
    match kind:
        case "sustained":
            return build.sustained(condition, pick(*lengths))
        case "debounced":
            return build.debounced(condition, pick(*lengths), pick(*lengths))
        case _:
            windows = [
                x
                for x in (*formulas.scale.outer, *formulas.scale.inner)
                if not isinstance(x, OverlappingWindow | RollingWindow)
            ]
            return build.limited(condition, pick(*lengths), pick(*windows))


def announced(formulas: Formulas, by: tuple[str, ...]) -> int:
    """``active(…)`` of the records of a source, with or without a condition."""
    build = formulas.build
    source = "cases" if by else "tickets"
    start, end = build.field(source, "opened"), build.field(source, "solved")
    if formulas.sometimes(3):
        later = build.constant(
            Fraction(formulas.pick(1, 2, -1) * formulas.scale.unit, formulas.pick(1, 2)), DURATION
        )
        start = build.arithmetic(start, formulas.pick("+", "-"), later)
    where = formulas.of_records(source, truth=True) if formulas.sometimes(2) else None
    if formulas.sometimes(4):
        notice = build.arithmetic(end, "-", build.field(source, "opened"))
        where = build.compare(notice, formulas.pick(">=", "<"), formulas.limit(notice))
    return build.active(source, start, end, where)
