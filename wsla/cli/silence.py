"""``wsla silence``: no messages for a while; what is owed and judged stays as it is."""

from __future__ import annotations

import click

from wsla.cli.messages import now, writing_beside
from wsla.cli.stored import find_stored, store_option
from wsla.reporting.stored import in_force
from wsla.values.calendars import find_zone
from wsla.values.instants import SECOND, format_instant


@click.command("silence")
@click.argument("title", metavar="AGREEMENT")
@click.option(
    "--goal",
    "cause",
    metavar="NAME",
    help="Only messages about this goal, rule, report or review; by default all.",
)
@click.option("--until", metavar="TIME", help="When it ends.")
@click.option("--for", "length", metavar="LENGTH", help="How long it lasts from now, such as 2h.")
@click.option("--end", is_flag=True, help="End the silence that there is.")
@click.option("--by", "author", required=True, metavar="NAME", help="Who asks for it.")
@click.option("--reason", metavar="TEXT", help="Why; needed unless it is ended.")
@store_option()
def command(
    title: str,
    cause: str | None,
    until: str | None,
    length: str | None,
    end: bool,
    author: str,
    reason: str | None,
    store_url: str,
) -> None:
    """Send no messages of an agreement for a while.

    Messages that would be sent meanwhile are recorded as silenced and not sent afterwards either. Verdicts, credits and
    the ledger stay as they are. May be used while the daemon runs, which takes notice within a second or so. Exit code
    0: noted; 1: there is no such agreement; 2: wrong usage.
    """
    if sum((until is not None, length is not None, end)) != 1:
        raise click.UsageError("say when it ends: --until TIME or --for LENGTH; or --end")
    if not author.strip():
        raise click.UsageError("--by names nobody")
    if not end and not (reason or "").strip():
        raise click.UsageError("--reason is needed: whoever misses a message will ask for it")
    from wsla.store.interventions import Intervention

    with writing_beside(store_url) as store:
        version = find_stored(store, title)
        agreement = in_force(version)
        zone = "UTC" if agreement is None else agreement.plan.zone
        if agreement is not None and cause is not None:
            plan = agreement.plan
            names = [*agreement.goals, *(rule.name for rule in plan.rules)]
            names += [one.name for one in plan.recurring]
            if cause not in names:
                raise click.UsageError(
                    f"the agreement has no goal or rule `{cause}`; it has {', '.join(names)}"
                )
        at = now()
        ends = at if end else _end(until, length, at, zone)
        store.intervene(
            [
                Intervention(
                    kind="silence",
                    agreement=version.key,
                    subject=cause or "",
                    at=at,
                    until=ends,
                    author=author.strip(),
                    note=(reason or "").strip(),
                )
            ]
        )
    what = f"“{version.title}”" + (f", {cause}" if cause else "")
    if end:
        click.echo(f"no longer silenced: {what}")
    else:
        click.echo(f"silenced until {format_instant(ends // SECOND * SECOND, find_zone(zone))}: {what}")


def _end(until: str | None, length: str | None, at: int, zone: str) -> int:
    from wsla.reporting.handling import silence_end

    try:
        return silence_end(until, length, at, zone)
    except ValueError as problem:
        raise click.UsageError(f"{'--for' if until is None else '--until'}: {problem}") from None
