"""`wsla ledger --each month`: what became of each period between two parties, seen from either side."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from decimal import Decimal

import click

from wsla.cli import show
from wsla.cli.ledger import Statement
from wsla.remedies.ledger import Account, accounts
from wsla.reporting.stored import EARLIEST
from wsla.values.calendars import CalendarUnit, CalendarWindow, find_zone, label_of
from wsla.values.instants import format_instant
from wsla.values.money import format_money

_COLUMNS = (
    "period",
    "start",
    "end",
    "party",
    "other",
    "currency",
    "opening",
    "received",
    "given",
    "closing",
    "entries",
)


def show_accounts(
    statement: Statement, unit: CalendarUnit, parties: frozenset[str] | None, output_format: str
) -> None:
    """Prints the periods that end in the statement's time; of some parties, or of all of them."""
    found = [
        one
        for one in accounts(statement.counted, CalendarWindow(unit, zone=statement.zone))
        if (parties is None or one.party in parties)
        and (statement.start == EARLIEST or one.period.end > statement.start)
    ]
    values = [_value(one, unit, statement.zone) for one in found]
    match output_format:
        case "json":
            click.echo(json.dumps({"accounts": values}, indent=2, ensure_ascii=False))
        case "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(_COLUMNS)
            writer.writerows([value[name] for name in _COLUMNS] for value in values)
        case _:
            _print(found, unit, statement.zone)


def _value(one: Account, unit: CalendarUnit, zone: str) -> dict[str, object]:
    found = find_zone(zone)
    return {
        "period": label_of(one.period, unit, zone),
        "start": format_instant(one.period.start, found),
        "end": format_instant(one.period.end, found),
        "party": one.party,
        "other": one.other,
        "currency": one.currency,
        "opening": str(one.opening),
        "received": str(one.received),
        "given": str(one.given),
        "closing": str(one.closing),
        "entries": one.entries,
    }


def _print(found: Sequence[Account], unit: CalendarUnit, zone: str) -> None:
    if not found:
        click.echo("nothing was booked")
        return
    rows = [
        {
            "period": label_of(one.period, unit, zone),
            "party": one.party,
            "with": one.other,
            "before": _money(one.opening, one.currency),
            "received": _money(one.received, one.currency),
            "given": _money(one.given, one.currency),
            "after": _money(one.closing, one.currency),
        }
        for one in found
    ]
    show.print_table(
        rows,
        f"Accounts each {unit.value}, times in {zone}; what is owed to the party, negative where it owes",
    )


def _money(amount: Decimal, currency: str) -> str:
    return format_money(amount, currency) if amount else "–"
