"""What the verbs that judge data files share: reading the files, the stretch that is judged, and judging with a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click
from attrs import field, frozen

from wsla.cli.files import plural
from wsla.cli.progress import progress_bar
from wsla.cli.refusals import Refusals, without_password

if TYPE_CHECKING:
    from wsla.analysis.checked import Source
    from wsla.api import Agreement, Report
    from wsla.sources.files import History
    from wsla.sources.files.columns import ColumnHistory
    from wsla.sources.files.growing import GrowingFile
    from wsla.values.observations import Observation


@frozen(kw_only=True)
class Reading:
    """What the command line says of data: the texts of ``--data``, ``--map``, ``--where`` and ``--time-unit``."""

    data: tuple[str, ...]
    columns: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    zone: str | None = None
    time_units: tuple[str, ...] = ()
    refusals: Refusals = field(factory=Refusals)

    def options(self, agreement: Agreement, source: Source) -> dict[str, Any]:
        """The arguments with which a source is read. Raises UsageError."""
        from wsla.sources.files.epochs import TIME_UNITS

        unit = dict(pairs_of(self.time_units, "--time-unit")).get(source.name)
        if unit is not None and unit not in TIME_UNITS:
            raise click.UsageError(f"--time-unit takes SOURCE=s, ms, us or ns, not `{unit}`")
        return {
            "zone": _zone_of(agreement, source, self.zone),
            "columns": _for_source(self.columns, source.name, "--map"),
            "where": _for_source(self.where, source.name, "--where"),
            "time_unit": unit,
        }


def observations_of(agreement: Agreement, reading: Reading) -> list[Observation]:
    """The observations of data files, in order of time; what is remarkable in them is told on stderr.

    Raises UsageError and ClickException.
    """
    files = files_of(agreement, reading)
    observations: list[Observation] = []
    for name, paths in files.items():
        for path in paths:
            history = read_file(agreement, name, path, reading)
            tell_rows(name, path, history)
            observations.extend(history.observations)
    tell_missing(agreement, files)
    if not observations:
        raise click.ClickException("there is not a single observation in the data")
    observations.sort(key=lambda observation: observation.at)
    return observations


def files_of(agreement: Agreement, reading: Reading) -> dict[str, list[str]]:
    """The files of each source that has some: folders and patterns stand for what is in them.

    Raises UsageError and ClickException.
    """
    from wsla.sources.files import DataError
    from wsla.sources.files.places import files_at

    for option, texts in (("--map", reading.columns), ("--where", reading.where)):
        _check_sources(agreement, texts, option)
    for name, _ in pairs_of(reading.time_units, "--time-unit"):
        _source(agreement, name)
    found: dict[str, list[str]] = {}
    for name, place in pairs_of(reading.data, "--data"):
        _source(agreement, name)
        try:
            found.setdefault(name, []).extend(files_at(place))
        except DataError as problem:
            raise click.ClickException(str(problem)) from None
    return found


def tell_missing(agreement: Agreement, files: Mapping[str, object]) -> None:
    """Says which sources have no data."""
    missing = [source.name for source in agreement.plan.sources if source.name not in files]
    if missing:
        click.echo(f"note: no data for {', '.join(missing)}: what rests on it is unknown", err=True)


def stretch_of(
    agreement: Agreement, observations: list[Observation], start: str | None, until: str | None
) -> tuple[int, int]:
    """The stretch of ``--from`` and ``--until``, by default that of the observations inside the term.

    Raises UsageError and ClickException.
    """
    return stretch_between(agreement, observations[0].at, observations[-1].at, start, until)


def stretch_between(
    agreement: Agreement, first: int, last: int, start: str | None, until: str | None
) -> tuple[int, int]:
    """As ``stretch_of``, for the first and the last instant of observations."""
    begin = max(agreement.plan.effective_start, first)
    start_ns = begin if start is None else moment_of(agreement, start, "--from")
    until_ns = last + 1 if until is None else moment_of(agreement, until, "--until")
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

    with progress_bar(title) as advance:
        return judge(agreement, _counted(observations, advance), start, until)


# --- arguments


def pairs_of(texts: tuple[str, ...], option: str) -> list[tuple[str, str]]:
    """The name and the value of each NAME=VALUE. Raises UsageError for a text that is none."""
    pairs = []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise click.UsageError(f"{option} takes NAME=VALUE, not `{text}`")
        pairs.append((name, value))
    return pairs


def _for_source(texts: tuple[str, ...], source: str, option: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs_of(texts, option):
        owner, _, rest = name.partition(".")
        if owner == source:
            found[rest] = value
    return found


def _check_sources(agreement: Agreement, texts: tuple[str, ...], option: str) -> None:
    for name, value in pairs_of(texts, option):
        owner, dot, _ = name.partition(".")
        if not dot:
            raise click.UsageError(f"{option} takes SOURCE.NAME=VALUE, not `{name}={value}`")
        _source(agreement, owner)


def _source(agreement: Agreement, name: str) -> Source:
    known = [source.name for source in agreement.plan.sources]
    if name not in known:
        raise click.UsageError(f"the agreement has no source `{name}`; it has {', '.join(known) or 'none'}")
    return agreement.plan.source(name)


def moment_of(agreement: Agreement, text: str, option: str) -> int:
    """The instant that an option says. Raises UsageError."""
    try:
        return agreement.instant(text)
    except ValueError as problem:
        raise click.UsageError(f"{option}: {problem}") from None


# --- reading


def read_file(agreement: Agreement, name: str, path: str, reading: Reading) -> History:
    """One file of a source, row by row. Raises UsageError and ClickException."""
    from wsla.sources.files import DataError, read_history

    source = agreement.plan.source(name)
    options = reading.options(agreement, source)
    try:
        with progress_bar(f"reading {name}") as advance:
            return read_history(
                source, path, progress=advance, refused=reading.refusals.of(name, path), **options
            )
    except DataError as problem:
        raise click.ClickException(str(problem)) from None


def growing_files(agreement: Agreement, reading: Reading) -> list[tuple[str, GrowingFile]]:
    """The files of ``--data`` as they are followed, with the names of their sources. Raises ClickException."""
    from wsla.evaluation.encoding import DataError
    from wsla.sources.files.growing import GrowingFile

    found = []
    for name, file in pairs_of(reading.data, "--data"):
        source = _source(agreement, name)
        try:
            growing = GrowingFile(source, file, **reading.options(agreement, source))
        except DataError as problem:
            raise click.ClickException(str(problem)) from None
        found.append((name, growing))
    return found


def _zone_of(agreement: Agreement, source: Source, zone: str | None) -> ZoneInfo | None:
    """The zone of times that carry none."""
    from wsla.values.calendars import UnknownZone, find_zone

    if zone is not None:
        try:
            return find_zone(zone)
        except UnknownZone as problem:
            raise click.UsageError(f"--zone: {problem}") from None
    return find_zone(agreement.plan.zone) if source.options.get("times") == "local" else None


def tell_rows(name: str, file: str, history: History | ColumnHistory) -> None:
    """Says what is remarkable in the rows of a file."""
    file = without_password(file)
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
        place = "" if example.file is None else f"{example.file}, "
        click.echo(f"  {place}line {example.line}: {example.reason}", err=True)


def _counted(observations: list[Any], advance: Callable[[int, int, int], None]) -> Iterator[Any]:
    for number, observation in enumerate(observations):
        if number & 0x3FF == 0:
            advance(number, len(observations), number)
        yield observation
