"""``wsla eval``: recorded observations, judged by an agreement."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from wsla.cli.files import format_option, load_checked, plural

if TYPE_CHECKING:
    from wsla.analysis.checked import Source
    from wsla.api import Agreement, Report
    from wsla.sources.files import History
    from wsla.values.observations import Observation

_PROGRESS_AFTER_SECONDS = 1.0


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
@click.option("--strict", is_flag=True, help="Stop where a row cannot be used.")
@format_option("table", "json", "csv", default="table")
def command(
    paths: tuple[str, ...],
    data: tuple[str, ...],
    start: str | None,
    until: str | None,
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
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
    read = [
        (
            agreement,
            read_observations(
                agreement,
                _for_version(agreement, data),
                _for_version(agreement, columns),
                _for_version(agreement, where),
                zone,
                strict=strict,
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
    for name, value in _pairs(texts, option):
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


# --- what other verbs that judge files do likewise


def read_observations(
    agreement: Agreement,
    data: tuple[str, ...],
    columns: tuple[str, ...],
    where: tuple[str, ...],
    zone: str | None,
    *,
    strict: bool,
) -> list[Observation]:
    """The observations of data files, in order of time; what is remarkable in them is told on stderr.

    ``data``, ``columns`` and ``where`` are the texts of ``--data``, ``--map`` and ``--where``. Raises UsageError and
    ClickException.
    """
    files = _pairs(data, "--data")
    for option, texts in (("--map", columns), ("--where", where)):
        _check_sources(agreement, texts, option)
    observations: list[Observation] = []
    for name, file in files:
        source = _source(agreement, name)
        history = _read(
            agreement,
            source,
            file,
            _for_source(columns, name, "--map"),
            _for_source(where, name, "--where"),
            zone,
        )
        _tell_rejects(name, file, history, strict)
        observations.extend(history.observations)
    missing = [
        source.name for source in agreement.plan.sources if source.name not in {name for name, _ in files}
    ]
    if missing:
        click.echo(f"note: no data for {', '.join(missing)}: what rests on it is unknown", err=True)
    if not observations:
        raise click.ClickException("there is not a single observation in the data")
    observations.sort(key=lambda observation: observation.at)
    return observations


def stretch_of(
    agreement: Agreement, observations: list[Observation], start: str | None, until: str | None
) -> tuple[int, int]:
    """The stretch of ``--from`` and ``--until``, by default that of the observations inside the term.

    Raises UsageError and ClickException.
    """
    first = max(agreement.plan.effective_start, observations[0].at)
    start_ns = first if start is None else _moment(agreement, start, "--from")
    until_ns = observations[-1].at + 1 if until is None else _moment(agreement, until, "--until")
    if until_ns <= start_ns:
        if until is None and start is None:
            raise click.ClickException("the agreement takes effect after the last observation")
        raise click.UsageError("--until is not after --from")
    return start_ns, until_ns


def judge_counted(
    agreement: Agreement, observations: list[Observation], start: int, until: int, title: str = "judging"
) -> Report:
    """History judged, with a bar on the terminal where that takes long."""
    from wsla.api import judge

    with _progress(title, len(observations)) as advance:
        return judge(agreement, _counted(observations, advance), start, until)


# --- arguments


def _pairs(texts: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"{option} takes NAME=VALUE, not `{text}`")
        pairs.append((name, value))
    return pairs


def _for_source(texts: tuple[str, ...], source: str, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _pairs(texts, option):
        owner, _, rest = name.partition(".")
        if owner == source:
            found[rest] = value
    return found


def _check_sources(agreement: Agreement, texts: tuple[str, ...], option: str) -> None:
    for name, value in _pairs(texts, option):
        owner, dot, _ = name.partition(".")
        if not dot:
            raise click.UsageError(f"{option} takes SOURCE.NAME=VALUE, not `{name}={value}`")
        _source(agreement, owner)


def _source(agreement: Agreement, name: str) -> Source:
    known = [source.name for source in agreement.plan.sources]
    if name not in known:
        raise click.UsageError(f"the agreement has no source `{name}`; it has {', '.join(known) or 'none'}")
    return agreement.plan.source(name)


def _moment(agreement: Agreement, text: str, option: str) -> int:
    try:
        return agreement.instant(text)
    except ValueError as problem:
        raise click.UsageError(f"{option}: {problem}") from None


# --- reading


def _read(
    agreement: Agreement,
    source: Source,
    file: str,
    columns: Mapping[str, str],
    where: Mapping[str, str],
    zone: str | None,
) -> History:
    from wsla.sources.files import DataError, read_history
    from wsla.values.calendars import UnknownZone, find_zone

    local: ZoneInfo | None = None
    if zone is not None:
        try:
            local = find_zone(zone)
        except UnknownZone as problem:
            raise click.UsageError(f"--zone: {problem}") from None
    elif source.options.get("times") == "local":
        local = find_zone(agreement.plan.zone)
    try:
        with _progress(f"reading {source.name}", None) as advance:
            return read_history(
                source, file, zone=local, columns=columns, where=where or None, progress=advance
            )
    except DataError as problem:
        raise click.ClickException(str(problem)) from None


def _tell_rejects(name: str, file: str, history: History, strict: bool) -> None:
    rejects = history.rejects
    rejected = rejects.total
    if history.duplicates:
        click.echo(f"note: {file}: {plural(history.duplicates, 'doubled row')} counted once", err=True)
    if history.out_of_order:
        click.echo(
            f"note: {file}: {plural(history.out_of_order, 'row')} out of order, sorted by time", err=True
        )
    if not rejected:
        return
    click.echo(f"{file}: {rejected} of {plural(history.rows, 'row')} of `{name}` cannot be used:", err=True)
    for reason, count in rejects.counts.items():
        click.echo(f"  {count} × {reason}", err=True)
    for example in rejects.examples:
        click.echo(f"  line {example.line}: {example.reason}", err=True)
    if strict:
        raise click.exceptions.Exit(1)


@contextmanager
def _progress(title: str, total: int | None) -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal for work that takes longer than a second; otherwise nothing."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    began = time.monotonic()
    bar: Any = None
    task: Any = None

    def advance(done: int, whole: int) -> None:
        nonlocal bar, task
        if bar is None:
            if time.monotonic() - began < _PROGRESS_AFTER_SECONDS:
                return
            from rich.console import Console
            from rich.progress import Progress

            bar = Progress(console=Console(stderr=True), transient=True)
            bar.start()
            task = bar.add_task(title, total=whole or total)
        bar.update(task, completed=done, total=whole or total)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.stop()


def _counted(observations: list[Any], advance: Callable[[int, int], None]) -> Iterator[Any]:
    for number, observation in enumerate(observations):
        if number & 0x3FF == 0:
            advance(number, len(observations))
        yield observation


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
