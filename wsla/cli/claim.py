"""``wsla claim``: the creditor claims a credit in time."""

from __future__ import annotations

import click

from wsla.cli.claims import record
from wsla.cli.stored import store_option
from wsla.remedies.claims import ClaimStep


@click.command("claim")
@click.argument("entry", metavar="ENTRY")
@store_option()
@click.option("--at", metavar="TIME", help="When it was claimed; by default now.")
def command(entry: str, store_url: str, at: str | None) -> None:
    """Note that a credit was claimed.

    ENTRY is its name in `wsla ledger`, or its full identity. What caps take back of it goes with it. May be used
    while the daemon runs. Exit code 0: noted; 1: the credit cannot be claimed (any more), or the store cannot be
    written; 2: wrong usage.
    """
    record(store_url, entry, ClaimStep.CLAIMED, at)
