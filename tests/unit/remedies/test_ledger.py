"""Balances and statements."""

from __future__ import annotations

from decimal import Decimal

import pytest

from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import Balance, balances, positions, statement
from wsla.values.instants import Interval


def entry(
    name: str, debtor: str, creditor: str, amount: str, at: int = 0, currency: str = "EUR"
) -> LedgerEntry:
    return LedgerEntry(
        id=name,
        kind="credit",
        debtor=debtor,
        creditor=creditor,
        amount=Decimal(amount),
        currency=currency,
        at=at,
        cause="available",
        labels=(),
        window=Interval(0, 1),
        memo="",
    )


def balance(debtor: str, creditor: str, amount: str, currency: str = "EUR") -> Balance:
    return Balance(debtor=debtor, creditor=creditor, amount=Decimal(amount), currency=currency)


def test_debts_between_a_pair_are_netted() -> None:
    entries = [entry("1", "a", "b", "10.00"), entry("2", "b", "a", "12.50"), entry("3", "a", "c", "1.00")]
    assert balances(entries) == (balance("a", "c", "1.00"), balance("b", "a", "2.50"))


def test_currencies_are_kept_apart() -> None:
    entries = [entry("1", "a", "b", "10.00"), entry("2", "b", "a", "10", currency="JPY")]
    assert balances(entries) == (balance("a", "b", "10.00"), balance("b", "a", "10", "JPY"))


def test_a_pair_that_is_even_is_left_out() -> None:
    assert balances([entry("1", "a", "b", "10.00"), entry("2", "b", "a", "10.00")]) == ()


def test_an_entry_that_occurs_twice_counts_once() -> None:
    assert balances([entry("1", "a", "b", "10.00")] * 2) == (balance("a", "b", "10.00"),)


def test_two_entries_of_one_identity_are_refused() -> None:
    entries = [entry("1", "a", "b", "10.00"), entry("1", "a", "b", "10.01")]
    for read in (balances, positions, lambda found: statement(found, 0, 9)):
        with pytest.raises(ValueError, match="'1'"):
            read(entries)


def test_large_amounts_are_exact() -> None:
    entries = [entry("1", "a", "b", "9" * 40 + ".99"), entry("2", "a", "b", "0.01")]
    assert balances(entries)[0].amount == Decimal("1" + "0" * 40)


def test_positions_tell_what_each_party_is_owed() -> None:
    found = positions([entry("1", "a", "b", "10.00"), entry("2", "b", "c", "4.00")])
    assert [(position.party, position.amount) for position in found] == [("a", -10), ("b", 6), ("c", 4)]


def test_a_statement_is_half_open() -> None:
    entries = [entry(str(at), "a", "b", "1.00", at=at) for at in (30, 10, 20, 19, 29)]
    found = statement(entries, 20, 30)
    assert [each.at for each in found.entries] == [20, 29]
    assert found.opening == (balance("a", "b", "2.00"),)
    assert found.closing == (balance("a", "b", "4.00"),)


def test_an_empty_ledger_has_an_empty_statement() -> None:
    found = statement([], 0, 1)
    assert (found.opening, found.entries, found.closing) == ((), (), ())
