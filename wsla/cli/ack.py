"""``wsla ack``: somebody has taken an episode in hand; its reminders and escalations stop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from wsla.cli.messages import name_of, now, writing_beside
from wsla.cli.stored import find_stored, store_option
from wsla.remedies.identity import episode_of, is_recovery
from wsla.reporting.stored import EARLIEST, LATEST

if TYPE_CHECKING:
    from wsla.remedies.decisions import Intent
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
    from wsla.store.interventions import Intervention

    with writing_beside(store_url) as store:
        key = None if title is None else find_stored(store, title).key
        found = _episodes(store, key, wanted)
        if not found:
            raise click.ClickException(
                f"there is no message {wanted}, and no episode of a rule of that name that is not over"
            )
        known = {one.subject for one in store.interventions("acknowledge")}
        at = now()
        store.intervene(
            Intervention(
                kind="acknowledge",
                agreement=agreement,
                subject=episode,
                at=at,
                author=author.strip(),
                note=note,
            )
            for episode, (agreement, _) in found.items()
            if episode not in known
        )
    for episode, (agreement, intent) in found.items():
        said = "was acknowledged before" if episode in known else "acknowledged"
        click.echo(f"{said}: {intent.subject} ({agreement})")


def _episodes(store: Store, key: str | None, wanted: str) -> dict[str, tuple[str, Intent]]:
    """Episodes by identity, each with its agreement and one of its messages."""
    by_name = {
        name_of(item): item.intent.id for item in (*store.due_deliveries(LATEST, -1), *store.dead_letters())
    }
    near = {identity for name, identity in by_name.items() if len(wanted) >= 4 and name.startswith(wanted)}
    identity = near.pop() if len(near) == 1 else wanted
    agreements: set[str] = set()
    latest: dict[tuple[str, str], tuple[str, str, Intent]] = {}
    over: set[str] = set()
    for agreement, intent, episode in _of_episodes(store, key):
        if intent.id == identity:
            return {episode: (agreement, intent)}
        if is_recovery(intent.id):
            over.add(episode)
        elif intent.cause == wanted:
            agreements.add(agreement)
            latest[agreement, str(intent.labels)] = (episode, agreement, intent)
    if len(agreements) > 1:
        titles = ", ".join(f"“{title}”" for title in sorted(agreements))
        raise click.ClickException(
            f"several agreements have a `{wanted}`: {titles}; say which by --agreement"
        )
    return {
        episode: (agreement, intent) for episode, agreement, intent in latest.values() if episode not in over
    }


def _of_episodes(store: Store, key: str | None) -> Iterator[tuple[str, Intent, str]]:
    for agreement, intent in store.intents(key, EARLIEST, LATEST):
        episode = episode_of(intent.id)
        if episode is not None:
            yield agreement, intent, episode
