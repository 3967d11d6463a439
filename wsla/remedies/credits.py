"""Credits become ledger entries: rounded once, held under the caps, the excess booked back beside them."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Final

from attrs import evolve, frozen

from wsla.analysis.types import NumberType
from wsla.evaluation.scalars import scalar_value
from wsla.plan.model import Cap, Credit, Plan
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.identity import Occasion
from wsla.values.calendars import CalendarWindow, RollingWindow, TumblingWindow, label_of, window_containing
from wsla.values.instants import Interval
from wsla.values.money import format_money, round_to_minor

CapSums = dict[tuple[int, int], Decimal]
"""What was credited, net of caps, by (position of the cap, start of its window in nanoseconds)."""


@frozen(kw_only=True)
class _Ceiling:
    position: int
    creditor: str
    currency: str
    limit: Decimal
    window: TumblingWindow


class CreditBook:
    """Books credits and keeps the running sum of every cap in each of its windows."""

    def __init__(self, plan: Plan, sums: CapSums | None = None) -> None:
        """Raises ValueError for a cap over rolling windows, or an amount of money without a currency."""
        self._plan: Final = plan
        ceilings = (_ceiling(plan, position, cap) for position, cap in enumerate(plan.caps))
        self._ceilings: Final = tuple(ceiling for ceiling in ceilings if ceiling is not None)
        self.sums: Final[CapSums] = {} if sums is None else sums

    def book(
        self,
        credit: Credit,
        amount: Fraction | None,
        occasion: Occasion,
        *,
        step: str,
        window: Interval,
        memo: str,
        reward: bool = False,
    ) -> tuple[LedgerEntry, ...]:
        """The entry of a credit, and the entries of the caps that it runs into; nothing for nothing owed.

        ``amount`` is in units of the currency, None where it is unknown; entries are dated at the window's end.
        """
        currency = _currency(self._plan, credit.amount)
        if amount is None or amount <= 0:
            return ()
        booked = round_to_minor(amount, currency)
        if booked <= 0:
            return ()
        entry = LedgerEntry(
            id=occasion.identity(step),
            kind="reward" if reward else "credit",
            debtor=credit.debtor,
            creditor=credit.creditor,
            amount=booked,
            currency=currency,
            at=window.end,
            cause=occasion.cause,
            labels=occasion.labels,
            window=window,
            memo=memo,
        )
        return (entry,) if reward else (entry, *self._hold(entry, occasion, step))

    def _hold(self, entry: LedgerEntry, occasion: Occasion, step: str) -> list[LedgerEntry]:
        holding = [
            (ceiling, window_containing(ceiling.window, entry.window.start))
            for ceiling in self._ceilings
            if ceiling.creditor == entry.creditor and ceiling.currency == entry.currency
        ]
        kept = Fraction(entry.amount)
        entries = []
        for ceiling, window in holding:
            credited = Fraction(self.sums.get((ceiling.position, window.start), Decimal(0)))
            excess = credited + kept - Fraction(ceiling.limit)
            if excess > 0:
                kept -= excess
                booked_back = evolve(
                    entry,
                    id=occasion.identity(step, f"cap {ceiling.position + 1}"),
                    kind="cap",
                    debtor=entry.creditor,
                    creditor=entry.debtor,
                    amount=round_to_minor(excess, entry.currency),
                    memo=f"{self._limit(ceiling, window)}: {entry.memo}",
                )
                entries.append(booked_back)
        # Only what every cap lets through counts towards each of them.
        for ceiling, window in holding:
            key = (ceiling.position, window.start)
            total = Fraction(self.sums.get(key, Decimal(0))) + kept
            self.sums[key] = round_to_minor(total, entry.currency)
        return entries

    def _limit(self, ceiling: _Ceiling, window: Interval) -> str:
        unit, zone = None, self._plan.zone
        if isinstance(ceiling.window, CalendarWindow):
            unit, zone = ceiling.window.unit, ceiling.window.zone
        limit = format_money(ceiling.limit, ceiling.currency)
        return f"above the cap of {limit} in {label_of(window, unit, zone)}"


def _ceiling(plan: Plan, position: int, cap: Cap) -> _Ceiling | None:
    if isinstance(cap.window, RollingWindow):
        raise ValueError(
            f"the cap on credits to {cap.creditor} is over rolling windows, which do not part time"
        )
    limit = scalar_value(plan.operations, cap.amount)
    if not isinstance(limit, int | Fraction):
        return None
    currency = _currency(plan, cap.amount)
    # Entries are in minor units: a limit between two of them could not be reached, and would be met to and fro.
    rounded = round_to_minor(Fraction(max(limit, 0)), currency)
    return _Ceiling(
        position=position, creditor=cap.creditor, currency=currency, limit=rounded, window=cap.window
    )


def _currency(plan: Plan, op: int) -> str:
    kind = plan.operations[op].type
    currency = kind.dimension.currency if isinstance(kind, NumberType) else None
    found = currency or plan.currency
    if found is None:
        raise ValueError("an amount of money has no currency, and the agreement names none")
    return found
