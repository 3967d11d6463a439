"""``wsla calendar``: windows, hours, announced times and deadlines of an agreement, to read or for a calendar."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from wsla.cli.files import format_option, the_agreement
from wsla.cli.written import needs, place_for
from wsla.remedies.agenda import Agenda, EntryKind
from wsla.values.instants import DAY

if TYPE_CHECKING:
    from wsla.api import Agreement
    from wsla.remedies.agenda import AgendaEntry
    from wsla.values.observations import Observation

_LONGEST = 36_525 * DAY
_KINDS = [one.value for one in EntryKind]


@click.command("calendar")
@click.argument("file", metavar="FILE.sla")
@click.option(
    "--from", "start", metavar="TIME", help="From when on; by default now, or the term's start if later."
)
@click.option("--until", "--to", metavar="TIME", help="Until when; by default a year later.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(_KINDS),
    help="Only entries of this kind; may be given several times.",
)
@click.option(
    "--data",
    multiple=True,
    metavar="SOURCE=FILE",
    help="Announced times: a source of records and its file, such as notices=notices.ics.",
)
@click.option(
    "--store", "store_url", metavar="URL", help="The store of `wsla run`: credits that have to be claimed."
)
@click.option("--at", metavar="TIME", help="What is taken to be now; by default the time of this machine.")
@click.option("--output", "-o", metavar="FILE|FOLDER", help="Where to write; standard output if left out.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@format_option("auto", "text", "json", "ics", default="auto")
def command(
    file: str,
    start: str | None,
    until: str | None,
    only: tuple[str, ...],
    data: tuple[str, ...],
    store_url: str | None,
    at: str | None,
    output: str | None,
    force: bool,
    output_format: str,
) -> None:
    """Write what an agreement has in the calendar.

    When windows end and are judged, its schedules, announced times, reports, reviews, the last days to claim, and the
    term. A list on a terminal; a calendar (.ics) where the output goes to a file or another program.

    Exit code 0: written; 1: the agreement has errors, or nothing can be written; 2: wrong usage.
    """
    from wsla.remedies.agenda import TooManyEntries

    agreement = the_agreement(file)
    now = time.time_ns() if at is None else _moment(agreement, at, "--at")
    begin, end = _stretch(agreement, start, until, now)
    wanted = {EntryKind(one) for one in only or _KINDS}
    if output_format == "auto":
        output_format = "text" if output is None and sys.stdout.isatty() else "ics"
    try:
        found = _agenda(agreement, begin, end, now, data, store_url)
    except TooManyEntries as problem:
        raise click.ClickException(str(problem)) from None
    found = Agenda(
        entries=tuple(one for one in found.entries if one.kind in wanted),
        left_out=found.left_out if EntryKind.WINDOW in wanted else (),
    )
    schedules = agreement.plan.schedules if EntryKind.HOURS in wanted else ()
    left_out = list(found.left_out)
    if output_format == "text":
        from wsla.cli.calendar_text import agenda_lines

        text = "".join(
            f"{line}\n" for line in agenda_lines(agreement.plan, found.entries, schedules, begin, end)
        )
    elif output_format == "json":
        from wsla.cli.calendar_text import agenda_json

        text = agenda_json(agreement.plan, found, schedules, begin, end)
        left_out = []
    else:
        if not found.entries and not schedules:
            click.echo("note: nothing falls into this time", err=True)
        text, unsaid = _calendar(agreement, found.entries, schedules, begin, end, now)
        left_out += [f"iCalendar cannot say {what}" for what in unsaid]
    for what in left_out:
        click.echo(f"note: {what}: not in the calendar", err=True)
    _write(agreement, text, output, force, output_format)


def _calendar(
    agreement: Agreement, entries: tuple[AgendaEntry, ...], schedules: Any, start: int, until: int, now: int
) -> tuple[str, tuple[str, ...]]:
    from wsla.interop.icalendar.agenda import agenda_text

    try:
        return agenda_text(agreement.plan, entries, schedules, start, until, now)
    except ModuleNotFoundError as problem:
        reason = f"what writes calendars, {problem.name}, is not installed: {needs(problem.name)}"
        raise click.ClickException(reason) from None


def _agenda(
    agreement: Agreement, start: int, until: int, now: int, data: tuple[str, ...], store_url: str | None
) -> Agenda:
    from wsla.remedies.agenda import agenda

    observations = _observations(agreement, data)
    if store_url is None:
        return agenda(agreement.plan, start, until, observations=observations)
    from wsla.cli.stored import find_stored, reading
    from wsla.remedies.claims import Claims
    from wsla.reporting.stored import EARLIEST, LATEST

    with reading(store_url) as store:
        key = find_stored(store, agreement.title).key
        booked = [entry for _, entry in store.entries(key, EARLIEST, LATEST)]
        claims = Claims(store.claim_events())
    return agenda(
        agreement.plan, start, until, observations=observations, booked=booked, claims=claims, now=now
    )


def _observations(agreement: Agreement, data: tuple[str, ...]) -> list[Observation]:
    if not data:
        return []
    from wsla.cli.eval_data import Reading, files_of, read_file, tell_rows

    reading = Reading(data=data)
    found: list[Observation] = []
    for name, paths in files_of(agreement, reading).items():
        if not agreement.plan.source(name).records:
            raise click.UsageError(f"--data: `{name}` has samples; announced times are records")
        for path in paths:
            history = read_file(agreement, name, path, reading)
            tell_rows(name, path, history)
            found.extend(history.observations)
    return found


def _moment(agreement: Agreement, text: str, option: str) -> int:
    try:
        return agreement.instant(text)
    except ValueError as problem:
        raise click.UsageError(f"{option}: {problem}") from None


def _stretch(agreement: Agreement, start: str | None, until: str | None, now: int) -> tuple[int, int]:
    from wsla.values.calendars import CalendarUnit, find_zone
    from wsla.values.instants import midnight, to_datetime

    plan = agreement.plan
    begin = max(now, plan.effective_start) if start is None else _moment(agreement, start, "--from")
    if until is not None:
        end = _moment(agreement, until, "--until")
        if end <= begin:
            raise click.UsageError("--until is not after --from")
        if end - begin > _LONGEST:
            raise click.UsageError("--until is more than a hundred years after --from")
        return begin, end
    zone = find_zone(plan.zone)
    day = to_datetime(begin, zone).date()
    if day.year >= 9990:
        raise click.UsageError("--from lies too late")
    return begin, midnight(CalendarUnit.YEAR.after(day, 1), zone)


def _write(agreement: Agreement, text: str, output: str | None, force: bool, output_format: str) -> None:
    if output is None:
        click.echo(text.replace("\r\n", "\n") if output_format != "ics" else text, nl=False)
        return
    from wsla.interop.writing import identifier

    ending = {"ics": "ics", "json": "json"}.get(output_format, "txt")
    name = identifier(agreement.title).replace("_", "-").strip("-") or "calendar"
    path, problems = place_for(f"{name}.{ending}", output, force=force, folder=False)
    if problems:
        raise click.ClickException(f"{problems[0].path}: {problems[0].reason}")
    assert path is not None
    try:
        with open(path, "w", encoding="utf-8", newline="") as target:
            target.write(text)
    except OSError as problem:
        reason = (problem.strerror or "unknown reason").lower()
        raise click.ClickException(f"{path}: it cannot be written: {reason}") from None
    click.echo(f"wrote {path}", err=True)
