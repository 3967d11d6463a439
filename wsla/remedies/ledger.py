"""The ledger read: who owes whom how much, and statements of a stretch of time. Entries alone are the truth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from attrs import frozen

from wsla.remedies.decisions import LedgerEntry
from wsla.values.calendars import CalendarWindow, window_containing
from wsla.values.instants import Interval
from wsla.values.money import round_to_minor


@frozen(kw_only=True, order=True)
class Balance:
    """On balance ``debtor`` owes ``creditor`` ``amount``, which is positive."""

    currency: str
    debtor: str
    creditor: str
    amount: Decimal


@frozen(kw_only=True, order=True)
class Position:
    """What a party is owed on balance by all others; negative where it owes."""

    currency: str
    party: str
    amount: Decimal


@frozen(kw_only=True)
class Statement:
    """The entries of ``[start, until)`` in order of time, between the balances before and after them."""

    start: int
    until: int
    opening: tuple[Balance, ...]
    entries: tuple[LedgerEntry, ...]
    closing: tuple[Balance, ...]


@frozen(kw_only=True)
class Account:
    """What became of a period between a party and another one, in one currency.

    ``opening`` and ``closing`` are what the party is owed on balance before and after it, negative where it owes;
    ``received`` is what the other came to owe it by the entries of the period, ``given`` what it came to owe the other.
    """

    period: Interval
    party: str
    other: str
    currency: str
    opening: Decimal
    received: Decimal
    given: Decimal
    closing: Decimal
    entries: int


def accounts(entries: Iterable[LedgerEntry], window: CalendarWindow) -> tuple[Account, ...]:
    """Both sides of every period in which something was booked between two parties, in order of time and name.

    An entry belongs to the period in which the window that it ends ended: one at midnight to the day before. Raises
    ValueError as ``balances`` does.
    """
    found: dict[tuple[Interval, str, str, str], list[LedgerEntry]] = {}
    for entry in _once(entries):
        period = window_containing(window, entry.at - 1)
        for party, other in {(entry.debtor, entry.creditor), (entry.creditor, entry.debtor)}:
            found.setdefault((period, party, other, entry.currency), []).append(entry)
    standing: dict[tuple[str, str, str], Decimal] = {}
    lines = []
    for (period, party, other, currency), some in sorted(found.items(), key=lambda one: one[0]):
        opening = standing.get((party, other, currency), Decimal(0))
        received = sum((one.amount for one in some if one.creditor == party), Decimal(0))
        given = sum((one.amount for one in some if one.debtor == party), Decimal(0))
        closing = standing[party, other, currency] = opening + received - given
        lines.append(
            Account(
                period=period,
                party=party,
                other=other,
                currency=currency,
                opening=opening,
                received=received,
                given=given,
                closing=closing,
                entries=len(some),
            )
        )
    return tuple(lines)


def balances(entries: Iterable[LedgerEntry]) -> tuple[Balance, ...]:
    """Net debts per currency and pair of parties, sorted; pairs that are even are left out.

    An entry that occurs twice counts once. Raises ValueError where two different entries have one identity.
    """
    net: dict[tuple[str, str, str], Fraction] = {}
    for entry in _once(entries):
        first, second = sorted((entry.debtor, entry.creditor))
        amount = Fraction(entry.amount) if entry.debtor == first else -Fraction(entry.amount)
        key = (entry.currency, first, second)
        net[key] = net.get(key, Fraction(0)) + amount
    return tuple(
        sorted(
            Balance(
                currency=currency,
                debtor=first if amount > 0 else second,
                creditor=second if amount > 0 else first,
                amount=round_to_minor(abs(amount), currency),
            )
            for (currency, first, second), amount in net.items()
            if amount and first != second
        )
    )


def positions(entries: Iterable[LedgerEntry]) -> tuple[Position, ...]:
    """What each party is owed per currency, sorted, zeros included; the sum over the parties is zero.

    Raises ValueError where two different entries have one identity.
    """
    net: dict[tuple[str, str], Fraction] = {}
    for entry in _once(entries):
        for party, amount in (
            (entry.creditor, Fraction(entry.amount)),
            (entry.debtor, -Fraction(entry.amount)),
        ):
            net[entry.currency, party] = net.get((entry.currency, party), Fraction(0)) + amount
    return tuple(
        Position(currency=currency, party=party, amount=round_to_minor(amount, currency))
        for (currency, party), amount in sorted(net.items())
    )


def statement(entries: Iterable[LedgerEntry], start: int, until: int) -> Statement:
    """The statement of ``[start, until)``, in nanoseconds. Raises ValueError as ``balances`` does."""
    before = [entry for entry in _once(entries) if entry.at < until]
    inside = [entry for entry in before if entry.at >= start]
    return Statement(
        start=start,
        until=until,
        opening=balances(entry for entry in before if entry.at < start),
        entries=tuple(inside),
        closing=balances(before),
    )


def _once(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    found: dict[str, LedgerEntry] = {}
    for entry in entries:
        if found.setdefault(entry.id, entry) != entry:
            raise ValueError(f"two different ledger entries have the identity {entry.id!r}")
    return sorted(found.values(), key=lambda entry: (entry.at, entry.id))
