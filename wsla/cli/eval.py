"""``wsla eval``: recorded observations, judged by an agreement."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.eval_data import judge_counted, pairs_of, read_observations, stretch_of
from wsla.cli.files import format_option, load_checked, plural
from wsla.cli.refusals import refusals

if TYPE_CHECKING:
    from wsla.api import Agreement, Report


@click.command("eval")
@click.argument("paths", nargs=-1, required=True, metavar="FILE.sla...")
@click.option(
    "--data", "data", multiple=True, required=True, metavar="SOURCE=FILE", help="Observations of a source."
)
@click.option(
    "--from", "start", metavar="TIME", help="Judge from here; by default from the first observation."
)
@click.option(
    "--until", metavar="TIME", help="Judge until here; by default until just after the last observation."
)
@click.option(
    "--map", "columns", multiple=True, metavar="SOURCE.FIELD=COLUMN", help="Read a field from this column."
)
@click.option("--where", "where", multiple=True, metavar="SOURCE.COLUMN=VALUE", help="Take only such rows.")
@click.option("--zone", metavar="ZONE", help="The zone of times that carry none.")
@click.option("--rejects", metavar="FILE", help="Write rows that cannot be used to this file, as CSV.")
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be used.")
@format_option("table", "json", "csv", default="table")
def command(
    paths: tuple[str, ...],
    data: tuple[str, ...],
    start: str | None,
    until: str | None,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
    rejects: str | None,
    strict: bool,
    output_format: str,
) -> None:
    """Judge history: every window of every goal with its verdict, and the entries of the ledger.

    The files hold one agreement, or versions of one that amend each other: a window is judged by the version that was
    in force when it began. FILE is CSV, JSON lines or Parquet, by its ending. Exit code 0: judged; 1: bad
    agreement or data; 2: wrong usage. A violated goal is a result, not an error.
    """
    versions = _versions(paths)
    for option, texts in (("--data", data), ("--map", columns), ("--where", where)):
        _check_names(versions, texts, option)
    with refusals(rejects, strict=strict) as refused:
        read = [
            (
                agreement,
                read_observations(
                    agreement,
                    _for_version(agreement, data),
                    _for_version(agreement, columns),
                    _for_version(agreement, where),
                    zone,
                    refused,
                ),
            )
            for agreement in versions
            if _for_version(agreement, data)
        ]
    merged = sorted((one for _, own in read for one in own), key=lambda observation: observation.at)
    start_ns, until_ns = stretch_of(versions[0], merged, start, until)
    reports = []
    for agreement, own in read:
        begin = start_ns if len(versions) == 1 else max(start_ns, agreement.plan.effective_start)
        if begin < until_ns:
            reports.append(judge_counted(agreement, own, begin, until_ns))
    _print(reports, output_format)


def _versions(paths: tuple[str, ...]) -> tuple[Agreement, ...]:
    """The one agreement of the files, in one or more versions; otherwise a message and exit code 1."""
    from wsla.api import versions_of

    found = [agreement for path in paths for agreement in load_checked(path)]
    titles = ", ".join(dict.fromkeys(agreement.title for agreement in found))
    if len({agreement.title for agreement in found}) != 1:
        which = f"{paths[0]}: this file holds" if len(paths) == 1 else "these files hold"
        raise _Refused(f"{which} {len(found)} agreements ({titles}); name a file with one")
    try:
        return versions_of(found) if len(found) > 1 else (found[0],)
    except ValueError as problem:
        raise _Refused(str(problem)) from None


class _Refused(click.exceptions.Exit):
    """Ends the program with a message and exit code 1."""

    def __init__(self, message: str) -> None:
        click.echo(message, err=True)
        super().__init__(1)


def _check_names(versions: Sequence[Agreement], texts: tuple[str, ...], option: str) -> None:
    """What is said of a source that no version has is a mistake."""
    known = dict.fromkeys(source.name for agreement in versions for source in agreement.plan.sources)
    for name, value in pairs_of(texts, option):
        owner, dot, _ = name.partition(".")
        if option != "--data" and not dot:
            raise click.UsageError(f"{option} takes SOURCE.NAME=VALUE, not `{name}={value}`")
        if owner not in known:
            raise click.UsageError(
                f"the agreement has no source `{owner}`; it has {', '.join(known) or 'none'}"
            )


def _for_version(agreement: Agreement, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the texts that speak of a source of this version."""
    known = {source.name for source in agreement.plan.sources}
    return tuple(text for text in texts if text.partition("=")[0].partition(".")[0] in known)


# --- printing


def _print(reports: Sequence[Report], output_format: str) -> None:
    from wsla.cli import show

    if output_format == "json":
        reported = [_value(report) for report in reports]
        value = reported[0] if len(reported) == 1 else reported
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
        return
    if output_format == "csv":
        values = [
            ({"version": report.agreement.version} if len(reports) > 1 else {})
            | show.judgement_value(report.agreement.plan, judgement)
            for report in reports
            for judgement in report.judgements
        ]
        writer = csv.writer(sys.stdout, lineterminator="\n")
        names = [name for name in values[0] if name != "labels"] if values else []
        labels = sorted({label for value in values for label in value["labels"]})
        writer.writerow([*labels, *names])
        for row in values:
            cells = (str(row[name]).lower() if isinstance(row[name], bool) else row[name] for name in names)
            writer.writerow([*(row["labels"].get(label, "") for label in labels), *cells])
        return
    for place, report in enumerate(reports):
        if place:
            click.echo()
        _print_table(report)


def _value(report: Report) -> dict[str, Any]:
    from wsla.cli import show
    from wsla.values.calendars import find_zone
    from wsla.values.instants import format_instant

    plan = report.agreement.plan
    zone = find_zone(plan.zone)
    return {
        "agreement": plan.title,
        "version": plan.version,
        "start": format_instant(report.start, zone),
        "until": format_instant(report.until, zone),
        "judgements": [show.judgement_value(plan, judgement) for judgement in report.judgements],
        "entries": [show.entry_value(entry, plan.zone) for entry in report.entries],
        "actions": [
            {
                "id": intent.id,
                "verb": intent.verb,
                "targets": [str(target) for target in intent.targets],
                "at": format_instant(intent.at, zone),
                "subject": intent.subject,
            }
            for intent in report.intents
        ],
    }


def _print_table(report: Report) -> None:
    from wsla.cli import show

    plan = report.agreement.plan
    rows = [show.judgement_row(plan, judgement) for judgement in report.judgements]
    styles = [show.STYLES.get(judgement.verdict) for judgement in report.judgements]
    heading = f"{plan.title}, version {plan.version}"
    if rows:
        show.print_table(rows, heading, styles)
    else:
        click.echo(f"{heading}: no goal has a window there")
    if report.entries:
        click.echo()
        show.print_table([show.entry_row(plan, entry) for entry in report.entries], "Ledger")
    counts: dict[str, int] = {}
    for judgement in report.judgements:
        counts[judgement.verdict.value] = counts.get(judgement.verdict.value, 0) + 1
    summary = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    booked, due = (
        plural(len(report.entries), "ledger entry").replace("entrys", "entries"),
        len(report.intents),
    )
    click.echo(f"\n{plural(len(rows), 'window')}: {summary or 'none'}; {booked}, {plural(due, 'action')} due")
