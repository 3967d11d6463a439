"""``wsla correct``: windows whose verdict was final, judged again with everything that is known by now."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import click

from wsla.cli import show
from wsla.cli.claims import moment
from wsla.cli.files import format_option
from wsla.cli.stored import find_stored, store_option
from wsla.reporting.money import entry_value
from wsla.reporting.stored import in_force
from wsla.reporting.verdicts import judgement_value, labels_text, window_name
from wsla.values.calendars import find_zone
from wsla.values.instants import format_instant
from wsla.values.money import format_money

if TYPE_CHECKING:
    from wsla.reporting.correcting import Reconsidered
    from wsla.reporting.standing_on import Together


@click.command("correct")
@click.argument("title", metavar="TITLE")
@store_option()
@click.option("--at", metavar="TIME", help="The time of the correction; by default now.")
@click.option("--dry-run", is_flag=True, help="Only show what would be corrected; note nothing.")
@format_option("text", "json", default="text")
def command(title: str, store_url: str, at: str | None, dry_run: bool, output_format: str) -> None:
    """Judge windows again whose verdict was final, with the observations that came too late for it.

    TITLE is the agreement's. What was said and booked stays; where something else is owed now, adjusting entries are
    booked beside it, and who was told of a verdict is told of the correction. Agreements that stand on such a verdict
    are corrected with it, all of them or none. Done twice, it changes nothing. May be
    used while the daemon runs. Exit code 0: done, or nothing to correct; 1: the store cannot be read or written; 2:
    wrong usage.
    """
    from wsla.reporting.standing_on import reconsider_together
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
            seen = reconsider_together(store, version.key, agreement, instant)
            if not dry_run:
                store.write(seen.batch())
    except StoreError as problem:
        raise click.ClickException(str(problem)) from None
    several = len(seen.corrections) > 1
    for one in seen.corrections:
        _notes(one, f"“{one.key}”: " if several else "")
    for other in seen.unreadable:
        click.echo(
            f"note: whether “{other}” stands on this is not known: its text is no longer accepted", err=True
        )
    for other in seen.again:
        click.echo(f"note: “{other}” stands on what was corrected after it: correct it once more", err=True)
    if output_format == "json":
        click.echo(
            json.dumps(_value(seen, instant, agreement.plan.zone, dry_run), indent=2, ensure_ascii=False)
        )
        return
    for one in seen.corrections:
        _print(one, "" if one.key == version.key else f"“{one.key}”: ", dry_run=dry_run)
    if dry_run and any(one.found.changed or one.found.entries for one in seen.corrections):
        click.echo("nothing was noted: this was a dry run")


def _notes(seen: Reconsidered, name: str) -> None:
    zone = find_zone(seen.agreement.plan.zone)
    if seen.kept_from is not None:
        when = format_instant(seen.kept_from, zone)
        click.echo(f"note: {name}what rests on observations before {when} stands: not all are kept", err=True)
    if seen.terms_from is not None:
        when = format_instant(seen.terms_from, zone)
        told = f"what was final when the terms of version {seen.agreement.version} changed at {when} stands"
        click.echo(f"note: {name}{told}: other terms are another version", err=True)


def _print(seen: Reconsidered, name: str, *, dry_run: bool) -> None:
    zone, found = seen.agreement.plan.zone, seen.found
    came = f"{name}{_came(seen)}"
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


def _came(seen: Reconsidered) -> str:
    late, others = seen.late, len(seen.versions)
    came = f"{late} observation{'s' * (late != 1)} came too late"
    if not others:
        return came
    changed = (
        "1 verdict that it stands on is another now"
        if others == 1
        else f"{others} verdicts that it stands on are others now"
    )
    return f"{changed}, {came}" if late else changed


def _value(seen: Together, at: int, zone: str, dry_run: bool) -> dict[str, Any]:
    return {
        "at": format_instant(at, find_zone(zone)),
        "dry_run": dry_run,
        "corrections": [_correction_value(one) for one in seen.corrections],
        "again": list(seen.again),
        "unreadable": list(seen.unreadable),
    }


def _correction_value(seen: Reconsidered) -> dict[str, Any]:
    plan = seen.agreement.plan
    zone = find_zone(plan.zone)
    return {
        "agreement": seen.key,
        "version": plan.version,
        "late": seen.late,
        "verdicts": len(seen.versions),
        "kept_from": None if seen.kept_from is None else format_instant(seen.kept_from, zone),
        "terms_from": None if seen.terms_from is None else format_instant(seen.terms_from, zone),
        "changed": [
            {
                "was": None if pair.before is None else judgement_value(plan, pair.before),
                "is": None if pair.after is None else judgement_value(plan, pair.after),
            }
            for pair in seen.found.changed
        ],
        "entries": [entry_value(entry, plan.zone) for entry in seen.found.entries],
        "notices": [
            {
                "id": intent.id,
                "verb": intent.verb,
                "subject": intent.subject,
                "targets": [str(x) for x in intent.targets],
            }
            for intent in seen.found.intents
        ],
    }
