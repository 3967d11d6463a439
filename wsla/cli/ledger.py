"""``wsla ledger``: every entry that was booked, and who owes whom how much."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click
from attrs import frozen

from wsla.cli import show
from wsla.cli.claims import moment
from wsla.cli.files import format_option
from wsla.cli.stored import find_stored, parse_window, reading, store_option
from wsla.plan.model import Plan
from wsla.remedies.claims import Claims, ClaimState, credit_of
from wsla.remedies.decisions import LedgerEntry
from wsla.remedies.ledger import Balance, balances
from wsla.reporting.money import (
    balance_value,
    claim_text,
    claimed_value,
    short_name,
    sums_by_state,
    sums_value,
)
from wsla.reporting.stored import EARLIEST, LATEST, in_force
from wsla.reporting.verdicts import labels_text, window_name
from wsla.values.calendars import CalendarUnit, find_zone
from wsla.values.instants import format_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.store.sqlite import Store

_KINDS = {
    "credit": "yellow",
    "reward": "green",
    "cap": "bright_black",
    "refund": "green",
    "adjustment": "cyan",
}
_COLUMNS = (
    "agreement",
    "id",
    "kind",
    "debtor",
    "creditor",
    "amount",
    "currency",
    "at",
    "cause",
    "labels",
    "start",
    "end",
    "memo",
    "state",
    "claim_until",
    "name",
    "claimed_at",
    "settled_at",
    "reason",
)


@frozen(kw_only=True)
class Statement:
    """The entries for windows that ended in ``(start, until]``, between the balances before and after them.

    Every entry goes with the title of its agreement. ``zone`` is the time zone in which times are shown. ``claims``
    are the steps taken about entries, which stand as they do at the instant ``at``; balances are of what counts then,
    which is ``counted``, all of it from the beginning.
    """

    start: int
    until: int
    zone: str
    opening: tuple[Balance, ...]
    entries: tuple[tuple[str, LedgerEntry], ...]
    closing: tuple[Balance, ...]
    claims: Claims
    at: int
    counted: tuple[LedgerEntry, ...] = ()

    def by_state(self) -> dict[ClaimState, tuple[Balance, ...]]:
        """What the entries that have to be claimed come to on balance, for each state that any of them is in."""
        return sums_by_state([entry for _, entry in self.entries], self.claims, self.at)


@click.command("ledger")
@store_option()
@click.option("--agreement", "title", metavar="TITLE", help="Only this agreement; by default all of them.")
@click.option(
    "--window", metavar="PERIOD", help="Windows that ended in 2026, 2026-Q1, 2026-03 or 2026-03-04."
)
@click.option("--from", "start", metavar="TIME", help="Windows that ended after this time.")
@click.option("--until", metavar="TIME", help="Windows that ended at this time or before.")
@click.option("--party", metavar="NAME", help="Only what this party, by name or title, owes or is owed.")
@click.option(
    "--each",
    "unit",
    type=click.Choice([unit.value for unit in CalendarUnit]),
    help="Sums of each period, party by party, in place of entries.",
)
@click.option("--at", metavar="TIME", help="The ledger as it stood at this time; by default now.")
@format_option("table", "json", "csv", default="table")
def command(
    store_url: str,
    title: str | None,
    window: str | None,
    start: str | None,
    until: str | None,
    party: str | None,
    unit: str | None,
    at: str | None,
    output_format: str,
) -> None:
    """Show who owes whom what, entry by entry, with the balance before and after.

    An entry belongs to the time at which its window ended. Exit code 0: shown; 1: the store cannot be read, or an
    entry in it was altered; 2: wrong usage.
    """
    if window is not None and (start is not None or until is not None):
        raise click.UsageError("--window already says from when until when; leave out --from and --until")
    with reading(store_url) as store:
        keys, zone = _agreements(store, title)
        if window is not None:
            stretch = parse_window(window, zone)
            bounds = (stretch.start, stretch.end)
        else:
            bounds = (
                EARLIEST if start is None else moment(start, "--from", zone),
                LATEST if until is None else moment(until, "--until", zone),
            )
        asked_at = time.time_ns()
        if at is not None:
            asked_at = moment(at, "--at", zone)
            bounds = (bounds[0], min(bounds[1], asked_at))
        if bounds[1] <= bounds[0]:
            raise click.UsageError("the end is not after the start")
        names = None if party is None else _names_of(store, title, party)
        statement = state(store, keys if title is not None else None, *bounds, zone, asked_at, names)
        titles = dict(keys)
        altered = store.first_altered_entry()
        altered_claim = store.first_altered_claim()
    match output_format:
        case _ if unit is not None:
            from wsla.cli.ledger_accounts import show_accounts

            show_accounts(statement, CalendarUnit(unit), names, output_format)
        case "json":
            click.echo(json.dumps(statement_value(statement), indent=2, ensure_ascii=False))
        case "csv":
            _print_csv(statement)
        case _:
            _print_table(statement, several=len(titles) > 1)
    if altered is not None:
        raise click.ClickException(
            f"the entry {altered}, or one before it, is no longer what was booked: do not rely on this ledger"
        )
    if altered_claim is not None:
        raise click.ClickException(
            f"what was noted about the claim of {altered_claim}, or a claim before it, was altered: do not rely on "
            "these states"
        )


def state(
    store: Store,
    keys: list[tuple[str, str]] | None,
    start: int,
    until: int,
    zone: str,
    at: int,
    parties: frozenset[str] | None = None,
) -> Statement:
    """The statement of some agreements (key and title of each), or of all for None, claims as they stand at ``at``.

    With ``parties``, of what these owe and are owed alone.
    """
    titles = dict(keys if keys is not None else [(one.key, one.title) for one in store.agreements()])
    booked = [
        (titles.get(key, key), entry)
        for only in ([None] if keys is None else list(titles))
        for key, entry in store.entries(only, EARLIEST, until)
        if parties is None or not parties.isdisjoint((entry.debtor, entry.creditor))
    ]
    claims = Claims(store.claim_events())
    counted = claims.counted((entry for _, entry in booked), at)
    return Statement(
        start=start,
        until=until,
        zone=zone,
        opening=balances(entry for entry in counted if entry.at <= start),
        entries=tuple((title, entry) for title, entry in booked if entry.at > start),
        closing=balances(counted),
        claims=claims,
        at=at,
        counted=tuple(counted),
    )


def sums_text(found: tuple[Balance, ...], titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """``200.00 EUR from acme to globex``, all sums in a line."""
    texts = [
        f"{format_money(one.amount, one.currency)} from {titles.get(one.debtor, one.debtor)} "
        f"to {titles.get(one.creditor, one.creditor)}"
        for one in found
    ]
    return "; ".join(texts) or "nothing on balance"


def statement_value(statement: Statement) -> dict[str, Any]:
    """A statement for machines."""
    zone = find_zone(statement.zone)
    return {
        "from": None if statement.start == EARLIEST else format_instant(statement.start, zone),
        "until": None if statement.until == LATEST else format_instant(statement.until, zone),
        "opening": [balance_value(balance) for balance in statement.opening],
        "entries": [
            {"agreement": title} | claimed_value(entry, statement.claims, statement.at, statement.zone)
            for title, entry in statement.entries
        ],
        "claims": sums_value(statement.by_state()),
        "closing": [balance_value(balance) for balance in statement.closing],
    }


def balances_text(found: tuple[Balance, ...], titles: Mapping[str, str] = MappingProxyType({})) -> str:
    """``acme owes globex 200.00 EUR``, all balances in a line; ``titles`` say what parties are called."""
    texts = [
        f"{titles.get(one.debtor, one.debtor)} owes {titles.get(one.creditor, one.creditor)} "
        f"{format_money(one.amount, one.currency)}"
        for one in found
    ]
    return "; ".join(texts) or "nobody owes anybody anything"


def party_titles(plan: Plan) -> dict[str, str]:
    """What the parties of an agreement are called, by their names in it."""
    return {party.name: party.title or party.name for party in plan.parties}


def _agreements(store: Store, title: str | None) -> tuple[list[tuple[str, str]], str]:
    """Key and title of each agreement asked for, and the zone that all of them share, or UTC."""
    versions = store.agreements() if title is None else [find_stored(store, title)]
    loaded = [in_force(version) for version in versions]
    zones = {agreement.plan.zone if agreement is not None else "UTC" for agreement in loaded}
    return [(one.key, one.title) for one in versions], zones.pop() if len(zones) == 1 else "UTC"


def _names_of(store: Store, title: str | None, party: str) -> frozenset[str]:
    """The names under which a party stands in the agreements asked for; otherwise a message and exit code 1."""
    versions = store.agreements() if title is None else [find_stored(store, title)]
    plans = [agreement.plan for version in versions if (agreement := in_force(version)) is not None]
    found = {one.name for plan in plans for one in plan.parties if party in (one.name, one.title)}
    if not found:
        known = sorted({one.title or one.name for plan in plans for one in plan.parties})
        raise click.ClickException(f"no agreement has a party “{party}”; there are {', '.join(known)}")
    return frozenset(found)


def _print_csv(statement: Statement) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for title, entry in statement.entries:
        value = {"agreement": title} | claimed_value(entry, statement.claims, statement.at, statement.zone)
        value["labels"] = labels_text(entry.labels)
        writer.writerow(value[name] for name in _COLUMNS)


def _print_table(statement: Statement, *, several: bool) -> None:
    heading = f"Ledger, times in {statement.zone}"
    before = statement.start != EARLIEST
    if before:
        click.echo(f"Before: {balances_text(statement.opening)}\n")
    if statement.entries:
        rows = [
            {
                "window": window_name(entry.window, statement.zone),
                "agreement": title if several else "",
                "kind": entry.kind,
                "owes": entry.debtor,
                "is owed": entry.creditor,
                "amount": format_money(entry.amount, entry.currency),
                "claim before": claim_text(entry, statement.zone),
                "state": ""
                if entry.claim_until is None
                else statement.claims.state(entry, statement.at).value,
                "name": short_name(entry.id) if credit_of(entry) == entry.id and entry.claim_until else "",
                "cause": " ".join(filter(None, (entry.cause, labels_text(entry.labels)))),
            }
            for title, entry in statement.entries
        ]
        show.print_table(rows, heading, [_KINDS.get(entry.kind) for _, entry in statement.entries])
    else:
        span = "for windows that ended in that time" if before or statement.until != LATEST else "yet"
        click.echo(f"{heading}: nothing was booked {span}")
    for state, sums in statement.by_state().items():
        click.echo(f"{state.value}: {sums_text(sums)}")
    click.echo(f"\n{'After' if before else 'Balance'}: {balances_text(statement.closing)}")
