"""``wsla settle``: the debtor issues what was claimed, or refuses it."""

from __future__ import annotations

import click

from wsla.cli.claims import record
from wsla.cli.stored import store_option
from wsla.remedies.claims import ClaimStep


@click.command("settle")
@click.argument("entry", metavar="ENTRY")
@click.argument("outcome", metavar="issued|refused", type=click.Choice(["issued", "refused"]))
@store_option()
@click.option("--at", metavar="TIME", help="When it was settled; by default now.")
@click.option("--reason", metavar="TEXT", help="Why, in a sentence.")
def command(entry: str, outcome: str, store_url: str, at: str | None, reason: str | None) -> None:
    """Note that a claimed credit was issued, or refused; what is refused is no longer owed.

    ENTRY is its name in `wsla ledger`, or its full identity. May be used while the daemon runs. Exit code 0: noted;
    1: the credit was not claimed or is settled, or the store cannot be written; 2: wrong usage.
    """
    record(store_url, entry, ClaimStep(outcome), at, reason)
