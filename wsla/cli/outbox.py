"""``wsla outbox``: messages that wait, and those that were given up; trying them once more, or dropping them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from wsla.cli import show
from wsla.cli.files import format_option, plural
from wsla.cli.messages import find_messages, login_name, name_of, now, writing_beside
from wsla.cli.stored import DEFAULT_STORE, find_stored, reading, store_option
from wsla.reporting import handling
from wsla.reporting.stored import LATEST
from wsla.values.instants import SECOND, format_instant, format_length

if TYPE_CHECKING:
    from wsla.store.interventions import Intervention
    from wsla.store.records import OutboxItem
    from wsla.store.sqlite import Store

_HELD = ("dropped", "acknowledged", "silenced")
_STORE = click.option("--store", "store_url", metavar="URL", help="The store that `wsla run` keeps.")
_BY = click.option("--by", "author", metavar="NAME", help="Who does this; by default who is logged in.")


@click.group("outbox", invoke_without_command=True)
@store_option()
@click.option("--dead", "dead_only", is_flag=True, help="Only messages that were given up.")
@click.option("--agreement", "title", metavar="TITLE", help="Only messages of this agreement.")
@click.option(
    "--most", type=click.IntRange(1), default=100, show_default=True, help="How many to show of each state."
)
@format_option("table", "json", default="table")
@click.pass_context
def command(
    context: click.Context, store_url: str, dead_only: bool, title: str | None, most: int, output_format: str
) -> None:
    """Show the messages that wait to be delivered, and those that were given up.

    The first column is the name by which `wsla outbox retry` and `wsla outbox drop` know a message. May be used while
    the daemon runs. Exit code 0: shown; 1: the store cannot be read; 2: wrong usage.
    """
    if context.invoked_subcommand is not None:
        return
    with reading(store_url) as store:
        key = None if title is None else find_stored(store, title).key
        dead = _of(store.dead_letters(-1 if key else most), key)[:most]
        pending = [] if dead_only else _of(store.due_deliveries(LATEST, -1 if key else most), key)[:most]
        counts = store.outbox_counts()
        held: Counter[str] = Counter(map(str, store.withheld().values()))
        silences = handling.silences(store, key, now())
    if output_format == "json":
        values = [_value(item) for item in (*dead, *pending)]
        totals = {"pending": counts.pending, "delivered": counts.delivered, "dead": counts.dead}
        totals |= {kind: held[kind] for kind in _HELD}
        quiet = [_silence_value(one) for one in silences]
        whole = {**totals, "messages": values, "silences": quiet}
        click.echo(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        told = [f"{counts.pending} pending", f"{counts.dead} given up", f"{counts.delivered} delivered"]
        told += [f"{held[kind]} {kind}" for kind in _HELD if held[kind]]
        _print(dead, pending, ", ".join(told))
        for one in silences:
            what = f"“{one.agreement}”" + (f", {one.subject}" if one.subject else "")
            click.echo(f"silenced until {_instant(one.until)} by {one.author}: {what}: {one.note}")


@command.command("retry")
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--all-dead", is_flag=True, help="All messages that were given up.")
@_BY
@_STORE
@click.pass_context
def retry(
    context: click.Context, names: tuple[str, ...], all_dead: bool, author: str | None, store_url: str | None
) -> None:
    """Try to deliver dead letters once more.

    They carry the same identity as before, so that a receiver can tell a repetition. A running daemon sends them
    within a second or so. Exit code 0: noted; 1: there is no such dead letter; 2: wrong usage.
    """
    if bool(names) == all_dead:
        raise click.UsageError("name the messages to try again, or say --all-dead")
    with writing_beside(_store(context, store_url)) as store:
        dead = store.dead_letters()
        chosen = dead if all_dead else _chosen(dead, names, "was given up")
        _intervene(store, chosen, "retry", author or login_name(), None)
    click.echo(f"{plural(len(chosen), 'message')} to be tried again")


@command.command("drop")
@click.argument("names", metavar="ID...", nargs=-1, required=True)
@click.option("--reason", required=True, metavar="TEXT", help="Why nobody needs it; this is kept.")
@_BY
@_STORE
@click.pass_context
def drop(
    context: click.Context, names: tuple[str, ...], reason: str, author: str | None, store_url: str | None
) -> None:
    """Deliver messages never, and take them out of the dead letters.

    Who did this, when and why is kept. Exit code 0: noted; 1: there is no such message; 2: wrong usage.
    """
    if not reason.strip():
        raise click.UsageError("--reason says nothing")
    with writing_beside(_store(context, store_url)) as store:
        known = [*store.dead_letters(), *store.due_deliveries(LATEST, -1)]
        chosen = _chosen(known, names, "waits or was given up")
        _intervene(store, chosen, "drop", author or login_name(), reason.strip())
    click.echo(f"{plural(len(chosen), 'message')} dropped")


def _store(context: click.Context, url: str | None) -> str:
    outer = context.parent.params["store_url"] if context.parent is not None else DEFAULT_STORE
    return url or str(outer)


def _of(items: list[OutboxItem], key: str | None) -> list[OutboxItem]:
    return [item for item in items if key is None or item.agreement == key]


def _chosen(known: list[OutboxItem], names: tuple[str, ...], state: str) -> list[OutboxItem]:
    if not known:
        raise click.ClickException(f"no message {state}")
    found = [item for name in names for item in find_messages(known, name)]
    return list({(item.intent.id, str(item.target)): item for item in found}.values())


def _intervene(store: Store, items: list[OutboxItem], kind: Any, author: str, note: str | None) -> None:
    from wsla.store.interventions import Intervention

    at = now()
    try:
        store.intervene(
            Intervention(
                kind=kind,
                agreement=item.agreement,
                subject=item.intent.id,
                target=str(item.target),
                at=at,
                author=author,
                note=note,
            )
            for item in items
        )
    except KeyError as problem:
        raise click.ClickException(
            f"the daemon was faster: {problem.args[0]} is not where it was; nothing was noted"
        ) from None


def _value(item: OutboxItem) -> dict[str, object]:
    return {
        "name": name_of(item),
        "id": item.intent.id,
        "agreement": item.agreement,
        "target": str(item.target),
        "subject": item.intent.subject,
        "state": item.state.value,
        "attempts": item.attempts,
        "at": format_instant(item.intent.at),
        "last_attempt_at": _instant(item.last_attempt_at),
        "next_attempt_at": _instant(item.next_attempt_at),
        "reason": item.last_error,
    }


def _instant(at: int | None) -> str | None:
    return None if at is None else format_instant(at)


def _silence_value(one: Intervention) -> dict[str, object]:
    return {
        "agreement": one.agreement,
        "cause": one.subject or None,
        "from": _instant(one.at),
        "until": _instant(one.until),
        "by": one.author,
        "reason": one.note,
    }


def _print(dead: list[OutboxItem], pending: list[OutboxItem], told: str) -> None:
    moment = now()
    rows = [
        {
            "name": name_of(item),
            "state": "given up" if item.next_attempt_at is None else "waits",
            "target": str(item.target),
            "about": item.intent.subject,
            "attempts": str(item.attempts),
            "next": "" if item.next_attempt_at is None else _until(item.next_attempt_at - moment),
            "age": _length(moment - item.intent.at),
            "reason": item.last_error or "",
            "agreement": item.agreement,
        }
        for item in (*dead, *pending)
    ]
    if rows:
        show.print_table(rows, told)
    else:
        click.echo(f"{told}; nothing to show")


def _until(left: int) -> str:
    return f"in {_length(left)}" if left > SECOND else "now"


def _length(nanoseconds: int) -> str:
    return format_length(max(nanoseconds // SECOND, 1) * SECOND)
