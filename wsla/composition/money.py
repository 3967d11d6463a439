"""The most that a goal's credits can come to for one window, where anything bounds it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from attrs import frozen

from wsla.analysis.possible import Possible
from wsla.analysis.types import NumberType
from wsla.plan.model import Credit, Goal, Plan
from wsla.values.calendars import CalendarUnit
from wsla.values.instants import DAY, HOUR

_SHORTEST_DAYS: Final[Mapping[CalendarUnit, int]] = MappingProxyType(
    {
        CalendarUnit.DAY: 1,
        CalendarUnit.WEEK: 7,
        CalendarUnit.MONTH: 28,
        CalendarUnit.QUARTER: 90,
        CalendarUnit.YEAR: 365,
    }
)


@frozen(kw_only=True)
class Most:
    """What ``debtor`` may owe ``creditor`` for one window: at most ``amount``; None where nothing bounds it."""

    debtor: str
    creditor: str
    currency: str
    amount: Fraction | None


def most_owed(plan: Plan, goal: Goal) -> tuple[Most, ...]:
    """M85: the most that the goal's credits can come to for one window in which it is missed, under all caps."""
    possible = Possible(plan.operations, {})
    sums: dict[tuple[str, str, str], Fraction | None] = {}
    for credit in goal.otherwise:
        if not isinstance(credit, Credit):
            continue
        key = credit.debtor, credit.creditor, _currency(plan, credit)
        most, before = _most(credit, possible), sums.get(key, Fraction(0))
        # Each combination of labels is credited by itself, and nobody says how many there are.
        sums[key] = None if most is None or before is None or goal.by else before + most
    return tuple(
        Most(
            debtor=debtor,
            creditor=creditor,
            currency=currency,
            amount=_capped(plan, possible, creditor, currency, amount),
        )
        for (debtor, creditor, currency), amount in sums.items()
    )


def _most(credit: Credit, possible: Possible) -> Fraction | None:
    amount = _high(possible, credit.amount)
    part = credit.part
    if amount is not None and part is not None:
        days = _SHORTEST_DAYS[part.period.unit] * part.period.count
        amount /= days if part.in_days else days * DAY - HOUR
    limit = None if credit.at_most is None else _high(possible, credit.at_most)
    return min((one for one in (amount, limit) if one is not None), default=None)


def _capped(
    plan: Plan, possible: Possible, creditor: str, currency: str, amount: Fraction | None
) -> Fraction | None:
    """Under the caps: the credits for one window fall into one window of each cap."""
    for cap in plan.caps:
        if cap.creditor != creditor or cap.amount is None or _unit(plan, cap.amount) != currency:
            continue
        limit = _high(possible, cap.amount)
        if limit is not None and (amount is None or limit < amount):
            amount = limit
    return amount


def _high(possible: Possible, position: int) -> Fraction | None:
    found = possible.numbers(position)
    return Fraction(0) if found is None else found.high


def _currency(plan: Plan, credit: Credit) -> str:
    return _unit(plan, credit.amount)


def _unit(plan: Plan, position: int) -> str:
    kind = plan.operations[position].type
    if not isinstance(kind, NumberType):
        return ""
    # A part of a fee is the fee times a length or a number of days.
    names = [name for name, _ in kind.dimension.exponents if name not in ("time", "day")]
    return names[0].removeprefix("money:") if names else plan.currency or ""
