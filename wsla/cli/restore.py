"""``wsla restore``: a store from a backup, with what may be done twice marked and said."""

from __future__ import annotations

import time

import click

from wsla.cli.progress import progress_bar
from wsla.values.instants import SECOND, format_instant


@click.command("restore")
@click.argument("file", metavar="FILE")
@click.argument("store_url", metavar="STORE")
def command(file: str, store_url: str) -> None:
    """Make a store from a backup.

    FILE is what `wsla backup` wrote, STORE a path or a sqlite:/// URL where no store is: one that is there is never
    replaced, move it away first. Messages that were waiting when the backup was taken, and those that are decided
    again for the time since, may have been delivered already: they go out again, marked as a possible repeat. Exit
    code 0: done; 1: not done; 2: wrong usage.
    """
    from wsla.store.copying import restore
    from wsla.store.errors import StoreError
    from wsla.store.location import parse_location

    try:
        with progress_bar("restoring") as advance:
            restored = restore(
                parse_location(file),
                parse_location(store_url),
                time.time_ns,
                lambda done, whole: advance(done, whole, done),
            )
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None
    taken = restored.taken_at
    when = "at a time that it does not tell" if taken is None else format_instant(taken // SECOND * SECOND)
    some = "1 agreement" if restored.agreements == 1 else f"{restored.agreements} agreements"
    click.echo(f"{store_url}: {some}, as of the backup of {when}")
    click.echo("what was observed, judged and booked after that is not in it; that time is unknown")
    number = restored.repeats
    click.echo(
        f"{number} message{'s' * (number != 1)} waited then and may have been delivered since: "
        f"{'it is' if number == 1 else 'they are'} marked “possible repeat”"
    )
