"""``wsla correct``: windows whose verdict was final, judged again with everything that is known by now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from wsla.cli import show
from wsla.cli.claims import moment
from wsla.cli.stored import find_stored, store_option
from wsla.reporting.stored import in_force
from wsla.reporting.verdicts import labels_text, window_name
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.remedies.corrections import Correction


@click.command("correct")
@click.argument("title", metavar="TITLE")
@store_option()
@click.option("--at", metavar="TIME", help="The time of the correction; by default now.")
@click.option("--dry-run", is_flag=True, help="Only show what would be corrected; note nothing.")
def command(title: str, store_url: str, at: str | None, dry_run: bool) -> None:
    """Judge windows again whose verdict was final, with the observations that came too late for it.

    TITLE is the agreement's. What was said and booked stays; where something else is owed now, adjusting entries are
    booked beside it, and who was told of a verdict is told of the correction. Done twice, it changes nothing. May be
    used while the daemon runs. Exit code 0: done, or nothing to correct; 1: the store cannot be read or written; 2:
    wrong usage.
    """
    from wsla.reporting.correcting import reconsider
    from wsla.store.errors import StoreError
    from wsla.store.sqlite import Store

    try:
        with Store.open(store_url, writer=False, beside=not dry_run) as store:
            version = find_stored(store, title)
            agreement = in_force(version)
            if agreement is None:
                raise click.ClickException(
                    f"the text of “{version.title}” that the store holds is no longer accepted; nothing is corrected"
                )
            instant = time.time_ns() if at is None else moment(at, "--at", agreement.plan.zone)
            if instant > time.time_ns():
                raise click.ClickException(f"--at {at} is yet to come; what is booked cannot be taken back")
            seen = reconsider(store, version.key, agreement, instant)
            if not dry_run:
                store.write(seen.batch())
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None
    if seen.kept_from is not None:
        when = format_instant(seen.kept_from, find_zone(agreement.plan.zone))
        click.echo(f"note: what rests on observations before {when} stands: not all are kept", err=True)
    if seen.terms_from is not None:
        when = format_instant(seen.terms_from, find_zone(agreement.plan.zone))
        told = f"what was final when the terms of version {agreement.version} changed at {when} stands"
        click.echo(f"note: {told}: other terms are another version", err=True)
    _print(seen.found, agreement, seen.late, dry_run=dry_run)


def _print(found: Correction, agreement: Agreement, late: int, *, dry_run: bool) -> None:
    zone = agreement.plan.zone
    came = f"{late} observation{'s' * (late != 1)} came too late"
    if not found.changed and not found.entries:
        click.echo(f"{came}; nothing to correct")
        return
    rows = [
        {
            "window": window_name(one.window, zone),
            "goal": " ".join(filter(None, (one.goal, labels_text(one.labels)))),
            "was": "" if pair.before is None else pair.before.verdict.value,
            "is": "no window any more" if pair.after is None else pair.after.verdict.value,
        }
        for pair in found.changed
        if (one := pair.after or pair.before) is not None
    ]
    if rows:
        show.print_table(rows, f"{came}; times in {zone}", [None] * len(rows))
    for entry in found.entries:
        click.echo(
            f"{entry.kind}: {entry.debtor} owes {entry.creditor} {format_money(entry.amount, entry.currency)} "
            f"({entry.cause} in {window_name(entry.window, zone)}; {entry.memo})"
        )
    told = len(found.intents)
    click.echo(f"{told} notice{'s' * (told != 1)} {'would be sent' if dry_run else 'to send'}")
    if dry_run:
        click.echo("nothing was noted: this was a dry run")
