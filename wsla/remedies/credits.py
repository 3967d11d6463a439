"""Credits become ledger entries: rounded once, held under the caps, the excess booked back beside them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Final

from attrs import evolve, frozen

from wsla.analysis.operations import OutageWindow, Window
from wsla.analysis.types import NumberType
from wsla.evaluation.scalars import scalar_value
from wsla.plan.model import Cap, Claim, Credit, PartOfFee, Plan
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.identity import Occasion
from wsla.values.calendars import (
    CalendarWindow,
    OverlappingWindow,
    TumblingWindow,
    find_zone,
    label_of,
    window_containing,
)
from wsla.values.instants import Interval, midnight, to_datetime
from wsla.values.money import format_money, round_to_minor
from wsla.values.quantities import DATA, DAYS, TIME, Dimension

_NOT_COUNTED: Final = frozenset(base for one in (TIME, DATA, DAYS) for base, _ in one.exponents)

CapSums = dict[tuple[int, int, str], Decimal]
"""What was credited, net of caps, by (position of the cap, start of its window in nanoseconds, currency)."""


@frozen(kw_only=True)
class _Ceiling:
    """``limit`` and ``currency`` are None where only the highest credit stands, in whatever currency."""

    position: int
    creditor: str
    rewards: bool
    currency: str | None
    limit: Decimal | None
    window: TumblingWindow
    last: int


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
        value: Callable[[int], Fraction | None],
        occasion: Occasion,
        *,
        step: str,
        window: Interval,
        memo: str,
        reward: bool = False,
        counts_at: int | None = None,
    ) -> tuple[LedgerEntry, ...]:
        """The entry of a credit, and the entries of the caps that it runs into; nothing for nothing owed.

        ``value`` gives an operation's value for this occasion in units of the currency, None where it is unknown;
        entries are dated at the window's end. ``counts_at`` is the instant whose periods it belongs to, the
        window's start unless it is given.
        """
        counted = window.start if counts_at is None else counts_at
        currency = _currency(self._plan, credit.amount)
        amount = value(credit.amount)
        if amount is None:
            return ()
        if credit.part is not None:
            amount /= _whole(credit.part, counted)
        most = amount if credit.at_most is None else value(credit.at_most)
        floor = Fraction(0) if credit.only_above is None else value(credit.only_above)
        if most is None or floor is None:
            return ()
        booked = round_to_minor(min(amount, most), currency)
        if booked <= 0 or booked <= floor:
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
            state="due" if credit.claim is None else "accrued",
            claim_until=None
            if credit.claim is None
            # A goal's credit counts when its window starts, a rule's when it acts: whichever is later tells the day.
            else claim_deadline(credit.claim, max(window.end - 1, counted), self._plan.zone),
        )
        return (entry, *self._hold(entry, occasion, step, counted))

    def count(self, entry: LedgerEntry) -> None:
        """Counts a rule's entry that is booked already towards the caps (M65): a credit, or what a cap took back."""
        taken = entry.kind == "cap"
        creditor = entry.debtor if taken else entry.creditor
        for ceiling in self._ceilings:
            if (
                ceiling.creditor == creditor
                and not ceiling.rewards
                and ceiling.currency in (None, entry.currency)
            ):
                window = window_containing(ceiling.window, entry.at)
                key = (ceiling.position, window.start, entry.currency)
                self.sums[key] = self.sums.get(key, Decimal(0)) + (-entry.amount if taken else entry.amount)

    def _hold(self, entry: LedgerEntry, occasion: Occasion, step: str, counted: int) -> list[LedgerEntry]:
        holding = [
            (ceiling, window_containing(ceiling.window, counted))
            for ceiling in self._ceilings
            if ceiling.creditor == entry.creditor
            # M76
            and ceiling.rewards == (entry.kind == "reward")
            # M44: an amount in another unit is another sum.
            and ceiling.currency in (None, entry.currency)
        ]
        kept = Fraction(entry.amount)
        entries = []
        for ceiling, window in holding:
            credited, until = self._credited(ceiling, window, entry.currency)
            limit = (
                max(credited, Fraction(entry.amount)) if ceiling.limit is None else Fraction(ceiling.limit)
            )
            excess = credited + kept - limit
            if excess > 0:
                kept -= excess
                booked_back = evolve(
                    entry,
                    id=occasion.identity(step, f"cap {ceiling.position + 1}"),
                    kind="cap",
                    debtor=entry.creditor,
                    creditor=entry.debtor,
                    amount=round_to_minor(excess, entry.currency),
                    memo=f"{self._limit(ceiling, until)}: {entry.memo}",
                )
                entries.append(booked_back)
        # Only what every cap lets through counts towards each of them.
        for ceiling, window in holding:
            key = (ceiling.position, window.start, entry.currency)
            total = Fraction(self.sums.get(key, Decimal(0))) + kept
            self.sums[key] = round_to_minor(total, entry.currency)
        return entries

    def _credited(self, ceiling: _Ceiling, window: Interval, currency: str) -> tuple[Fraction, Interval]:
        """M43: the largest sum so far of as many windows in a row as the ceiling holds, this one among them, and the
        last of those.
        """
        before, after = [window], [window]
        for _ in range(ceiling.last - 1):
            before.append(window_containing(ceiling.window, before[-1].start - 1))
            after.append(window_containing(ceiling.window, after[-1].end))
        around = [*reversed(before[1:]), *after]
        sums = [
            Fraction(self.sums.get((ceiling.position, each.start, currency), Decimal(0))) for each in around
        ]
        runs = [
            (sum(sums[first : first + ceiling.last], Fraction(0)), around[first + ceiling.last - 1])
            for first in range(ceiling.last)
        ]
        return max(runs, key=lambda run: run[0])

    def _limit(self, ceiling: _Ceiling, window: Interval) -> str:
        unit, zone = None, self._plan.zone
        if isinstance(ceiling.window, CalendarWindow):
            unit, zone = ceiling.window.unit, ceiling.window.zone
        where = label_of(window, unit, zone)
        if ceiling.limit is None or ceiling.currency is None:
            return f"beside the highest {'reward' if ceiling.rewards else 'credit'} in {where}"
        limit = format_money(ceiling.limit, ceiling.currency)
        if ceiling.last > 1 and unit is not None:
            where = f"the {ceiling.last} {unit.value}s up to {where}"
        return f"above the cap of {limit} in {where}"


def counted_at(kind: Window, window: Interval, term_end: int | None) -> int:
    """The instant whose fee and caps the credits for a judged window concern (M29, M54, M59)."""
    if isinstance(kind, OutageWindow):
        return kind.over_at(window, term_end)
    return kind.last_period(window).start if isinstance(kind, OverlappingWindow) else window.start


def _ceiling(plan: Plan, position: int, cap: Cap) -> _Ceiling | None:
    if not isinstance(cap.window, TumblingWindow):
        raise ValueError(
            f"the cap on credits to {cap.creditor} is over rolling windows, which do not part time"
        )
    if cap.amount is None:
        return _Ceiling(
            position=position,
            creditor=cap.creditor,
            rewards=cap.rewards,
            currency=None,
            limit=None,
            window=cap.window,
            last=cap.last,
        )
    limit = scalar_value(plan.operations, cap.amount)
    if not isinstance(limit, int | Fraction):
        return None
    currency = _currency(plan, cap.amount)
    # Entries are in minor units: a limit between two of them could not be reached, and would be met to and fro.
    rounded = round_to_minor(Fraction(max(limit, 0)), currency)
    return _Ceiling(
        position=position,
        creditor=cap.creditor,
        rewards=cap.rewards,
        currency=currency,
        limit=rounded,
        window=cap.window,
        last=cap.last,
    )


def claim_deadline(claim: Claim, last: int, zone_name: str) -> int:
    """M45: the end of the last day of a claim; the days are counted from the one in which ``last`` lies."""
    zone = find_zone(zone_name)
    after = to_datetime(last, zone).date() + timedelta(days=1)
    return midnight(claim.unit.after(after, claim.count), zone)


def _whole(part: PartOfFee, instant: int) -> int:
    """M42: the length, or the number of days, of the fee's period that contains an instant."""
    period = window_containing(part.period, instant)
    if not part.in_days:
        return period.length
    zone = find_zone(part.period.zone)
    return (to_datetime(period.end, zone).date() - to_datetime(period.start, zone).date()).days


def _currency(plan: Plan, op: int) -> str:
    kind = plan.operations[op].type
    # The amount may be a fee times a length or days, of which a part is taken.
    bases = kind.dimension.exponents if isinstance(kind, NumberType) else ()
    currency = next((Dimension((one,)).currency for one in bases if one[0].startswith("money:")), None)
    own = (base for base, _ in bases if base not in _NOT_COUNTED)
    found = currency or next(own, None) or plan.currency
    if found is None:
        raise ValueError("an amount of money has no currency, and the agreement names none")
    return found
