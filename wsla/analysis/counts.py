"""``consecutive(GOAL)`` and ``misses(GOAL, n)``: how often a goal was missed (M62)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from attrs import frozen

from wsla.analysis import operations as op
from wsla.analysis.arena import Typed
from wsla.analysis.modifiers import Context
from wsla.analysis.scope import Scope
from wsla.analysis.types import NumberType, Shape
from wsla.syntax import surface
from wsla.values.records import Record

NAMES: Final = ("consecutive", "misses")
_MOST: Final = 1000
_EXAMPLES: Final = {"consecutive": "consecutive(available)", "misses": "misses(available, 6)"}


@frozen(eq=False, repr=False)
class Deciding(Record):
    """The goal whose credits are being checked, with its condition."""

    goal: str
    condition: Typed


def number(
    scope: Scope,
    goals: Mapping[str, tuple[str, ...] | None],
    call: surface.Call,
    context: Context,
    deciding: Deciding | None,
) -> Typed | None:
    """The number: a signal, or one value a window in the amounts of the goal's own credits."""
    name = call.function.text
    wanted = 1 if name == "consecutive" else 2
    if len(call.arguments) != wanted or call.where is not None:
        what = "a goal" if wanted == 1 else "a goal and a number of windows"
        scope.reporter.error("E0206", f"`{name}` takes {what}: `{_EXAMPLES[name]}`", call.span)
        return None
    if context.window is not None or context.by:
        scope.reporter.error(
            "E0308",
            f"`{name}` takes no window: the windows of its goal are counted",
            call.span,
        )
        return None
    goal = _goal(scope, goals, call)
    of_last = None if wanted == 1 else _of_last(scope, call)
    if goal is None or (wanted > 1 and of_last is None):
        return None
    by = goals[goal]
    if by is None:
        return None
    own = deciding is not None and deciding.goal == goal
    if deciding is not None and not own:
        scope.reporter.error(
            "E0352",
            f"the amount of a credit of `{deciding.goal}` can count its own verdicts only",
            call.span,
            notes=(f"verdicts of `{goal}` can be counted in its own credits, and in a rule",),
        )
        return None
    kind = NumberType()
    node = op.VerdictCount(
        goal=goal,
        of_last=of_last,
        by=by,
        shape=Shape.SERIES if own else Shape.SIGNAL,
        type=kind,
        span=call.span,
    )
    window = deciding.condition.window if own and deciding is not None else None
    return Typed(
        operation=scope.arena.add(node),
        shape=node.shape,
        type=kind,
        window=window,
        by=by,
    )


def _goal(scope: Scope, goals: Mapping[str, tuple[str, ...] | None], call: surface.Call) -> str | None:
    written = call.arguments[0]
    if not isinstance(written, surface.Reference) or len(written.parts) != 1:
        scope.reporter.error("E0206", f"`{call.function.text}` counts the verdicts of a goal", written.span)
        return None
    word = written.parts[0]
    return word.text if scope.find("goal", word, goals) else None


def _of_last(scope: Scope, call: surface.Call) -> int | None:
    written = call.arguments[1]
    text = written.text if isinstance(written, surface.Quantity) else ""
    if not text.isdecimal() or not 1 <= Fraction(text) <= _MOST:
        scope.reporter.error(
            "E0206", f"`misses` looks at the last 1 to {_MOST} windows: a whole number", written.span
        )
        return None
    return int(text)
