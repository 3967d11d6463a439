"""When a goal is violated: by its value where enough is known, or where nothing that is unknown could mend it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from wsla.analysis import operations as op
from wsla.analysis.checked import Goal, UnknownTime
from wsla.interop.prometheus.conditions import Both, Condition, Either, joined
from wsla.interop.prometheus.formulas import Formulas
from wsla.interop.prometheus.terms import Comparison, plus, scaled

_WHOLE: Final = Fraction(1)


def violated(goal: Goal, formulas: Formulas) -> Condition:
    """What is true where the verdict on the window that ends now is *violated*. Raises Unsaid."""
    missed = formulas.condition(goal.condition, False)
    if goal.unknown_time is UnknownTime.MISSED:
        found = joined(Either, missed, *_coverage(goal, formulas, "<", _WHOLE))
    else:
        excluded = goal.unknown_time is UnknownTime.EXCLUDED
        least = goal.minimum_coverage if excluded else _WHOLE
        enough = list(_coverage(goal, formulas, ">=", least)) if least else []
        found = joined(Either, joined(Both, missed, *enough), *_lost(goal, formulas))
    if goal.provided is not None:
        found = joined(Both, found, formulas.condition(goal.provided, True))
    return found


def _coverage(goal: Goal, formulas: Formulas, operator: str, share: Fraction) -> Iterator[Condition]:
    for found in formulas.aggregates(goal.condition):
        known, all_of_it = formulas.known(found)
        yield Comparison(plus({known: _WHOLE}, scaled(all_of_it, share), -_WHOLE), operator)


def _lost(goal: Goal, formulas: Formulas) -> Iterator[Condition]:
    """That too much time was bad for the rest to make up for it, of a promise such as ``availability(c) >= 99%``."""
    budget = goal.budget
    condition = formulas.operations[goal.condition]
    if budget is None or not budget.time or not isinstance(condition, op.Compare):
        return
    found = formulas.operations[budget.aggregate]
    if not isinstance(found, op.Aggregate) or found.function != "availability" or found.where is not None:
        return
    (good,) = formulas.quotient(budget.aggregate).above
    known, all_of_it = formulas.known(found)
    bad = plus({known: _WHOLE}, {good: _WHOLE}, -_WHOLE)
    allowed = scaled(all_of_it, _WHOLE - budget.target)
    yield Comparison(plus(bad, allowed, -_WHOLE), ">" if condition.operator == ">=" else ">=")
