"""Ledger entries held against those that the verdicts, judged again, give rise to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from wsla.reporting.verdicts import labels_text
from wsla.values.instants import format_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.remedies.decisions import LedgerEntry


@frozen(kw_only=True)
class Booked:
    """An entry as it is stored; ``link`` is the number of its link of the chain."""

    link: int | None
    entry: LedgerEntry


def differing_entries(
    agreement: Agreement,
    stored: Iterable[Booked],
    again: Iterable[LedgerEntry],
    since: int,
    said_until: int,
) -> list[tuple[str, int | None, int]]:
    """What does not agree: a sentence, the link that it is about, and the start of the window.

    ``again`` are the entries by the verdicts judged again. Of windows that begin before ``since`` not everything is
    kept; what follows from windows that ended ``said_until`` or later need not be stored yet.
    """
    by_identity = {one.id: one for one in again}
    found: list[tuple[str, int | None, int]] = []
    known = set()
    for one in stored:
        entry = one.entry
        known.add(entry.id)
        now = by_identity.get(entry.id)
        if now is None:
            # What a rule books depends on instants that no window tells.
            if entry.cause in agreement.goals:
                found.append((f"{_named(entry)} follows from no verdict", one.link, entry.window.start))
        elif evolve(now, memo="") != evolve(entry, memo=""):
            found.append((f"{_named(entry)} would be {_amount(now)}", one.link, entry.window.start))
    for entry in by_identity.values():
        if (
            entry.id not in known
            and entry.cause in agreement.goals
            and entry.window.start >= since
            and entry.window.end + agreement.plan.grace < said_until
        ):
            found.append((f"{_named(entry)} is owed and was never booked", None, entry.window.start))
    return found


def _named(entry: LedgerEntry) -> str:
    goal = " ".join(filter(None, (entry.cause, labels_text(entry.labels))))
    window = f"{format_instant(entry.window.start)}..{format_instant(entry.window.end)}"
    return f"the {entry.kind} of {_amount(entry)} for {goal} in {window}"


def _amount(entry: LedgerEntry) -> str:
    return f"{format_money(entry.amount, entry.currency)} from {entry.debtor} to {entry.creditor}"
