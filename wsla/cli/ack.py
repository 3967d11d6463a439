"""``wsla ack``: somebody has taken an episode in hand; its reminders and escalations stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from wsla.cli.messages import name_of, now, writing_beside
from wsla.cli.stored import find_stored, store_option
from wsla.reporting.stored import LATEST

if TYPE_CHECKING:
    from wsla.reporting.handling import Episode
    from wsla.store.sqlite import Store


@click.command("ack")
@click.argument("wanted", metavar="ID|RULE")
@click.option("--by", "author", required=True, metavar="NAME", help="Who has taken it in hand.")
@click.option("--note", metavar="TEXT", help="What else is to be kept.")
@click.option(
    "--agreement", "title", metavar="TITLE", help="The agreement of the rule, where several have it."
)
@store_option()
def command(wanted: str, author: str, note: str | None, title: str | None, store_url: str) -> None:
    """Acknowledge an episode.

    ID is the name of a message in `wsla outbox` or its whole identity; RULE is the name of a rule or goal, whose latest
    episodes that are not over are meant. No more of their messages are sent but that of the recovery. May be used while
    the daemon runs, which takes notice within a second or so. Exit code 0: noted; 1: there is no such episode; 2: wrong
    usage.
    """
    if not author.strip():
        raise click.UsageError("--by names nobody")
    from wsla.reporting.handling import acknowledge

    with writing_beside(store_url) as store:
        key = None if title is None else find_stored(store, title).key
        episodes = _episodes(store, key, wanted)
        if not episodes:
            raise click.ClickException(
                f"there is no message {wanted}, and no episode of a rule of that name that is not over"
            )
        found = acknowledge(store, episodes, at=now(), author=author.strip(), note=note)
    for episode, _, before in found:
        said = "was acknowledged before" if before else "acknowledged"
        click.echo(f"{said}: {episode.intent.subject} ({episode.agreement})")


def _episodes(store: Store, key: str | None, wanted: str) -> list[Episode]:
    from wsla.reporting.handling import Ambiguous, episode_of_message, latest_episodes

    by_name = {
        name_of(item): item.intent.id for item in (*store.due_deliveries(LATEST, -1), *store.dead_letters())
    }
    near = {identity for name, identity in by_name.items() if len(wanted) >= 4 and name.startswith(wanted)}
    meant = episode_of_message(store, near.pop() if len(near) == 1 else wanted)
    if meant is not None and (key is None or meant.agreement == key):
        return [meant]
    try:
        return latest_episodes(store, key, wanted)
    except Ambiguous as several:
        raise click.ClickException(
            f"several agreements have a `{wanted}`: {several}; say which by --agreement"
        ) from None
