"""``wsla backup``: a copy of a store, taken while the daemon writes it."""

from __future__ import annotations

import time

import click

from wsla.cli.progress import progress_bar


@click.command("backup")
@click.argument("store_url", metavar="STORE")
@click.argument("file", metavar="FILE")
def command(store_url: str, file: str) -> None:
    """Copy the store of `wsla run` to a file, while it goes on writing.

    STORE is a path or a sqlite:/// URL; FILE must not be there yet. The copy is of one moment, checked page by page and
    on the disk when the command ends; where anything goes wrong, there is no FILE. `wsla restore` makes a store of it.
    Exit code 0: done; 1: not done; 2: wrong usage.
    """
    from wsla.store.copying import back_up
    from wsla.store.errors import StoreError
    from wsla.store.location import parse_location
    from wsla.store.sqlite import Store

    try:
        source = parse_location(store_url)
        with Store.open(source, writer=False), progress_bar("copying") as advance:
            copied = back_up(
                source,
                parse_location(file),
                time.time_ns(),
                lambda done, whole: advance(done, whole, done),
            )
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None
    some = "1 agreement" if copied.agreements == 1 else f"{copied.agreements} agreements"
    click.echo(f"{file}: {some}, {copied.size:,} bytes, checked")
