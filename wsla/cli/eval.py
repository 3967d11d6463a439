"""``wsla eval``: recorded observations, judged by an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from attrs import evolve

from wsla.cli.eval_data import (
    Reading,
    growing_files,
    moment_of,
    pairs_of,
    stretch_between,
)
from wsla.cli.eval_inputs import Inputs
from wsla.cli.eval_output import (
    check_endings,
    draw_reports,
    print_reports,
    save_picture,
    write_reports,
)
from wsla.cli.eval_stores import Asked, judge_stored, store_options
from wsla.cli.files import format_option, load_checked
from wsla.cli.refusals import refusals

if TYPE_CHECKING:
    from wsla.api import Agreement, Report


@click.command("eval")
@click.argument("paths", nargs=-1, required=True, metavar="FILE.sla...")
@click.option(
    "--data",
    "data",
    multiple=True,
    metavar="SOURCE=FILE",
    help="Observations of a source; needed without --on.",
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
@click.option(
    "--time-unit",
    "time_units",
    multiple=True,
    metavar="SOURCE=UNIT",
    help="What times count that are numbers.",
)
@click.option("--rejects", metavar="FILE", help="Write rows that cannot be used to this file, as CSV.")
@click.option("--strict", is_flag=True, help="Stop at the first row that cannot be used.")
@click.option("--watch", is_flag=True, help="Follow files that grow, and tell what changes; Ctrl-C ends it.")
@click.option("--output", metavar="FILE", help="Write the verdicts to FILE too: .json, .csv or .parquet.")
@click.option("--plot", is_flag=True, help="Draw the windows of each goal below.")
@click.option("--save-plot", "picture", metavar="FILE", help="Draw them into FILE: .svg or .png.")
@store_options
@format_option("table", "json", "csv", default="table")
def command(
    paths: tuple[str, ...],
    data: tuple[str, ...],
    start: str | None,
    until: str | None,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
    time_units: tuple[str, ...],
    rejects: str | None,
    strict: bool,
    watch: bool,
    output: str | None,
    plot: bool,
    picture: str | None,
    stores: tuple[str, ...],
    partials: tuple[str, ...],
    kept: str | None,
    output_format: str,
) -> None:
    """Judge history: every window of every goal with its verdict, and the entries of the ledger.

    The files hold one agreement, or versions of one that amend each other: a window is judged by the version that was
    in force when it began. FILE is CSV, JSON lines or Parquet, by its ending. Exit code 0: judged; 1: bad
    agreement or data; 2: wrong usage. A violated goal is a result, not an error.
    """
    if plot and output_format != "table":
        raise click.UsageError(
            f"--plot draws below a table, not in {output_format}; --save-plot draws into a file"
        )
    check_endings(output, picture)
    versions = _versions(paths)
    for option, texts in (
        ("--data", data),
        ("--map", columns),
        ("--where", where),
        ("--time-unit", time_units),
    ):
        _check_names(versions, texts, option)
    asked = Asked(
        data=data,
        columns=columns,
        where=where,
        zone=zone,
        time_units=time_units,
        rejects=rejects,
        strict=strict,
        start=start,
        until=until,
        stores=stores,
        partials=partials,
        kept=kept,
    )
    if not data and not asked.is_asked:
        raise click.UsageError("there is nothing to judge: --data SOURCE=FILE, --on URL or --partials FILE")
    if watch:
        if not data or asked.is_asked:
            raise click.UsageError("--watch follows files: --data SOURCE=FILE, without --on and --partials")
        if output_format == "csv" or plot or output is not None or picture is not None or rejects is not None:
            raise click.UsageError(
                "--watch tells in lines, or in JSON lines with --format json, and no other way"
            )
        if len(versions) > 1:
            raise _Refused("--watch follows one version of an agreement")
        from wsla.cli.eval_watch import follow

        files = growing_files(
            versions[0],
            Reading(data=data, columns=columns, where=where, zone=zone, time_units=time_units),
        )
        begin_ns, end_ns = (
            None if text is None else moment_of(versions[0], text, option)
            for text, option in ((start, "--from"), (until, "--until"))
        )
        follow(versions[0], files, begin_ns, end_ns, output_format, strict=strict)
        return
    if asked.is_asked:
        _show(judge_stored(versions, asked), output_format, output, picture, plot=plot)
        return
    with refusals(rejects, strict=strict) as refused:
        reading = Reading(
            data=data, columns=columns, where=where, zone=zone, time_units=time_units, refusals=refused
        )
        reports = _judged(versions, reading, start, until)
    _show(reports, output_format, output, picture, plot=plot)


def _show(
    reports: list[Report], output_format: str, output: str | None, picture: str | None, *, plot: bool
) -> None:
    print_reports(reports, output_format)
    if plot:
        draw_reports(reports)
    if output is not None:
        write_reports(reports, output)
    if picture is not None:
        save_picture(reports, picture)


def _judged(
    versions: Sequence[Agreement], reading: Reading, start: str | None, until: str | None
) -> list[Report]:
    """A report for each version that takes effect before the end. Raises UsageError and ClickException."""
    from wsla.sources.files.tables import NotInColumns

    try:
        return _judged_as(versions, reading, start, until, in_columns=True)
    except NotInColumns:
        return _judged_as(versions, reading, start, until, in_columns=False)


def _judged_as(
    versions: Sequence[Agreement],
    reading: Reading,
    start: str | None,
    until: str | None,
    *,
    in_columns: bool,
) -> list[Report]:
    reading.refusals.begin()
    inputs = [
        Inputs(agreement, own, in_columns=in_columns)
        for agreement in versions
        if (own := _own(agreement, reading)).data
    ]
    if start is None or until is None:
        ends = [one.ends() for one in inputs]
        first, last = min(end for end, _ in ends), max(end for _, end in ends)
    else:
        first = last = versions[0].plan.effective_start
    start_ns, until_ns = stretch_between(versions[0], first, last, start, until)
    reports = []
    for one in inputs:
        begin = start_ns if len(versions) == 1 else max(start_ns, one.agreement.plan.effective_start)
        if begin < until_ns:
            reports.append(one.judge(begin, until_ns))
    return reports


def _own(agreement: Agreement, reading: Reading) -> Reading:
    """What is said of the sources of this version."""
    return evolve(
        reading,
        data=_for_version(agreement, reading.data),
        columns=_for_version(agreement, reading.columns),
        where=_for_version(agreement, reading.where),
        time_units=_for_version(agreement, reading.time_units),
    )


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
        if option in ("--map", "--where") and not dot:
            raise click.UsageError(f"{option} takes SOURCE.NAME=VALUE, not `{name}={value}`")
        if owner not in known:
            raise click.UsageError(
                f"the agreement has no source `{owner}`; it has {', '.join(known) or 'none'}"
            )


def _for_version(agreement: Agreement, texts: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the texts that speak of a source of this version."""
    known = {source.name for source in agreement.plan.sources}
    return tuple(text for text in texts if text.partition("=")[0].partition(".")[0] in known)
