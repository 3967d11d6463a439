"""Ledger entries and balances as rows of texts for people and as values for machines."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

from wsla.plan.model import Plan
from wsla.remedies.claims import Claims, ClaimState, ClaimStep
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import Balance, balances
from wsla.reporting.verdicts import labels_text
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.values.money import format_money

_SHOWN: Final = 8


def entry_row(plan: Plan, entry: LedgerEntry) -> dict[str, str]:
    """A ledger entry as a row of texts."""
    zone = find_zone(plan.zone)
    return {
        "booked for": format_instant(entry.at, zone),
        "kind": entry.kind,
        "owes": entry.debtor,
        "is owed": entry.creditor,
        "amount": format_money(entry.amount, entry.currency),
        "claim before": claim_text(entry, plan.zone),
        "cause": " ".join(filter(None, (entry.cause, labels_text(entry.labels)))),
    }


def claim_text(entry: LedgerEntry, zone_name: str) -> str:
    """The instant before which an entry has to be claimed, or nothing."""
    return "" if entry.claim_until is None else format_instant(entry.claim_until, find_zone(zone_name))


def entry_value(entry: LedgerEntry, zone_name: str) -> dict[str, Any]:
    """A ledger entry for machines."""
    zone = find_zone(zone_name)
    return {
        "id": entry.id,
        "kind": entry.kind,
        "debtor": entry.debtor,
        "creditor": entry.creditor,
        "amount": str(entry.amount),
        "currency": entry.currency,
        "at": format_instant(entry.at, zone),
        "cause": entry.cause,
        "labels": dict(entry.labels),
        "start": format_instant(entry.window.start, zone),
        "end": format_instant(entry.window.end, zone),
        "memo": entry.memo,
        "state": entry.state,
        "claim_until": None if entry.claim_until is None else format_instant(entry.claim_until, zone),
    }


def claimed_value(entry: LedgerEntry, claims: Claims, at: int, zone_name: str) -> dict[str, Any]:
    """A ledger entry for machines, as it stands at an instant: its state, and when and why it came to it."""
    zone = find_zone(zone_name)
    events = {event.step: event for event in claims.of(entry, at)}
    claimed = events.pop(ClaimStep.CLAIMED, None)
    settled = next(iter(events.values()), None)
    return entry_value(entry, zone_name) | {
        "state": claims.state(entry, at).value,
        "name": short_name(entry.id),
        "claimed_at": None if claimed is None else format_instant(claimed.at, zone),
        "settled_at": None if settled is None else format_instant(settled.at, zone),
        "reason": None if settled is None else settled.reason,
    }


def balance_value(balance: Balance) -> dict[str, str]:
    """A balance for machines."""
    return {
        "debtor": balance.debtor,
        "creditor": balance.creditor,
        "amount": str(balance.amount),
        "currency": balance.currency,
    }


def sums_by_state(
    entries: Iterable[LedgerEntry], claims: Claims, at: int
) -> dict[ClaimState, tuple[Balance, ...]]:
    """What entries that have to be claimed come to on balance, for each state that any of them is in at an instant."""
    found: dict[ClaimState, list[LedgerEntry]] = {}
    for entry in entries:
        if entry.claim_until is not None:
            found.setdefault(claims.state(entry, at), []).append(entry)
    return {state: balances(found[state]) for state in ClaimState if state in found}


def sums_value(sums: Mapping[ClaimState, tuple[Balance, ...]]) -> dict[str, list[dict[str, str]]]:
    """Sums by state for machines."""
    return {state.value: [balance_value(balance) for balance in found] for state, found in sums.items()}


def short_name(identifier: str) -> str:
    """Eight digits that stand for an entry's identity on the command line."""
    return digits_of(identifier)[:_SHOWN]


def digits_of(identifier: str) -> str:
    """What stands for an entry's identity where somebody types it."""
    return hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).hexdigest()
