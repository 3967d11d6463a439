"""The ledger read: who owes whom how much, and statements of a stretch of time. Entries alone are the truth."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction

from attrs import frozen

from wsla.remedies.decisions import LedgerEntry
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
