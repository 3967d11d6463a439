"""When a goal is violated: by its value where enough is known, or whatever else may still be found out."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import Goal, UnknownTime
from wsla.interop.prometheus.conditions import Both, Condition, Either, joined
from wsla.interop.prometheus.formulas import NEGATED, TURNED, Formulas
from wsla.interop.prometheus.terms import Comparison, Linear, number_of, plus, scaled

_WHOLE: Final = Fraction(1)
_GROWING: Final = frozenset({"count", "increase", "rate", "max"})
"""Functions that further samples can only raise."""


def violated(goal: Goal, formulas: Formulas) -> Condition:
    """What is true where the verdict on the window that ends now is *violated*. Raises Unsaid."""
    missed = formulas.condition(goal.condition, False)
    if goal.unknown_time is UnknownTime.MISSED:
        at_worst = _at(goal, formulas, best=False)
        found = at_worst or joined(Either, missed, *_coverage(goal, formulas, "<", _WHOLE))
    else:
        excluded = goal.unknown_time is UnknownTime.EXCLUDED
        least = goal.minimum_coverage if excluded else _WHOLE
        enough = list(_coverage(goal, formulas, ">=", least)) if least else []
        at_best = _at(goal, formulas, best=True)
        found = joined(Both, missed, *enough)
        if at_best is not None:
            found = joined(Either, found, at_best)
    if goal.provided is not None:
        found = joined(Both, found, formulas.condition(goal.provided, True))
    return found


def _coverage(goal: Goal, formulas: Formulas, operator: str, share: Fraction) -> Iterator[Condition]:
    for found in formulas.aggregates(goal.condition):
        known, all_of_it = formulas.known(found)
        yield Comparison(plus({known: _WHOLE}, scaled(all_of_it, share), -_WHOLE), operator)


def _at(goal: Goal, formulas: Formulas, *, best: bool) -> Comparison | None:
    """That a promise about one function fails at the best, or at the worst, that the window can come to.

    None where the function has no such bound.
    """
    condition = formulas.operations[goal.condition]
    if not isinstance(condition, op.Compare) or condition.operator in ("==", "!="):
        return None
    for side, other, operator in (
        (condition.left, condition.right, condition.operator),
        (condition.right, condition.left, TURNED[condition.operator]),
    ):
        found = formulas.operations[side]
        if isinstance(found, op.Aggregate) and found.idle is None:
            limit = number_of(formulas.quotient(other))
            upper = (operator in (">=", ">")) == best
            bound = None if limit is None else _bound(found, formulas, limit, upper=upper)
            return None if bound is None else Comparison(bound, NEGATED[operator])
    return None


def _bound(found: op.Aggregate, formulas: Formulas, limit: Fraction, *, upper: bool) -> Linear | None:
    """How far the upper, or the lower, bound of a function is above a limit (rules M12, M13)."""
    constant: Linear = {None: limit}
    if found.function in _GROWING | {"min"}:
        if upper == (found.function == "min"):
            return plus(formulas.quotient_of(found).above, constant, -_WHOLE)
        return None
    if found.function not in ("availability", "duration") or found.where is not None:
        return None
    known, all_of_it = formulas.known(found)
    ((good, length),) = formulas.quotient_of(found).above.items()
    reached: Linear = {good: _WHOLE}
    if upper:
        reached = plus(plus(all_of_it, {known: _WHOLE}, -_WHOLE), reached)
    if found.function == "duration":
        return plus(scaled(reached, length), constant, -_WHOLE)
    return plus(reached, scaled(all_of_it, limit), -_WHOLE)
