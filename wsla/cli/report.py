"""``wsla report``: what was promised in a period, what was measured, what was missed, and who owes whom what."""

from __future__ import annotations

import json
import time

import click

from wsla.cli.claims import moment
from wsla.cli.files import format_option, the_agreement
from wsla.cli.stored import find_stored, parse_window, reading, store_option
from wsla.reporting.stored import beside, in_force_at
from wsla.reporting.verdicts import window_name


@click.command("report")
@click.argument("path", metavar="FILE.sla")
@store_option()
@click.option(
    "--window",
    metavar="PERIOD",
    help="2026, 2026-Q1, 2026-03, 2026-03-04, or TIME..TIME; by default everything in the store.",
)
@click.option(
    "--goal", "goals", multiple=True, metavar="NAME", help="Only this goal; may be given several times."
)
@click.option("--at", metavar="TIME", help="Claims as they stood at this time; by default now.")
@format_option("table", "json", default="table")
def command(
    path: str, store_url: str, window: str | None, goals: tuple[str, ...], at: str | None, output_format: str
) -> None:
    """Say for each goal what was promised and measured, and what followed.

    A window belongs to the period in which it ended. One that is longer than the period, or still open, is shown
    where the goal has no other in it. Exit code 0: shown; 1: nothing to show, or the store cannot be read; 2: wrong
    usage.
    """
    from wsla.cli.report_text import print_report
    from wsla.reporting.period import gather, latest_standing, report_value, whole_stretch

    wanted = the_agreement(path, versions=True)
    with reading(store_url) as store:
        version = find_stored(store, wanted.title)
        agreement = in_force_at(store, version.key, time.time_ns()) or wanted
        known = {version.text.strip(), *(one.text.strip() for one in beside(store, version.key))}
        if wanted.text.strip() not in known and not (
            len(known) > 1 and all(text in wanted.text for text in known)
        ):
            click.echo(
                f"note: {path} is not the text that the daemon runs (version {version.version}); "
                "the report speaks of that one",
                err=True,
            )
        _check_goals(agreement.goals, goals)
        standing = latest_standing(store, version.key, agreement)
        everything = whole_stretch(store, version.key, standing)
        title = agreement.title
        if everything is None:
            raise click.ClickException(f"the store holds no verdict of “{title}” yet")
        zone = agreement.plan.zone
        period = everything if window is None else parse_window(window, zone)
        agreement = in_force_at(store, version.key, min(period.end, time.time_ns())) or agreement
        claims_at = time.time_ns() if at is None else moment(at, "--at", zone)
        report = gather(store, version.key, agreement, period, goals, standing, claims_at=claims_at)
        if not report.goals:
            raise click.ClickException(
                f"the store holds no verdict of “{title}” for {window or 'these goals'}; "
                f"what it holds is of {window_name(everything, zone)}"
            )
    if output_format == "json":
        click.echo(json.dumps(report_value(report), indent=2, ensure_ascii=False))
    else:
        print_report(report, None if window is None else window_name(period, zone))


def _check_goals(known: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    for name in wanted:
        if name not in known:
            raise click.UsageError(f"the agreement has no goal `{name}`; it has {', '.join(known)}")
