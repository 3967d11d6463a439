"""``wsla eval --on`` and ``--partials``: judging where the data is, and from partial results that were kept."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from math import gcd
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import evolve, frozen

from wsla.cli.eval_data import Reading, moment_of, pairs_of
from wsla.cli.eval_needs import check_installed
from wsla.cli.files import plural
from wsla.cli.refusals import Refusals, refusals

if TYPE_CHECKING:
    from wsla.analysis.checked import Source
    from wsla.api import Agreement, Report
    from wsla.cli.eval_inputs import Inputs
    from wsla.evaluation.batch.columns import StreamColumns
    from wsla.evaluation.panes import PaneMaker, PaneTable
    from wsla.evaluation.panes.collect import Wanted
    from wsla.sources.stores.backends import Backend
    from wsla.sources.stores.location import Location
    from wsla.sources.stores.push import Table
    from wsla.values.observations import Observation

_Command = TypeVar("_Command", bound=Callable[..., Any])


def store_options(command: _Command) -> _Command:
    """The options ``--on``, ``--partials`` and ``--write-partials`` of a verb."""
    for option in (
        click.option(
            "--write-partials", "kept", metavar="FILE", help="Keep partial results, to be judged from again."
        ),
        click.option(
            "--partials",
            "partials",
            multiple=True,
            metavar="FILE",
            help="Judge from partial results that were kept.",
        ),
        click.option(
            "--on",
            "stores",
            multiple=True,
            metavar="[SOURCE=]URL",
            help="Judge where the data is: duckdb:///, postgresql://, clickhouse:// …",
        ),
    ):
        command = option(command)
    return command


@frozen(kw_only=True)
class Asked:
    """What the command line says of data; ``data``, ``columns`` and ``where`` as in ``Reading``."""

    data: tuple[str, ...]
    columns: tuple[str, ...]
    where: tuple[str, ...]
    zone: str | None
    time_units: tuple[str, ...]
    rejects: str | None
    strict: bool
    start: str | None
    until: str | None
    stores: tuple[str, ...]
    partials: tuple[str, ...]
    kept: str | None

    @property
    def is_asked(self) -> bool:
        """True where anything is asked for that this module does."""
        return bool(self.stores or self.partials or self.kept)


def judge_stored(versions: Sequence[Agreement], asked: Asked) -> list[Report]:
    """History judged with what comes from stores and kept partial results. Raises UsageError and ClickException."""
    if len(versions) > 1:
        raise click.UsageError("--on and --partials judge one version of an agreement: name a file with one")
    check_installed(asked.stores, asked.partials, asked.kept)
    from wsla.evaluation.encoding import DataError
    from wsla.evaluation.panes import PanesError
    from wsla.sources.files.tables import NotInColumns
    from wsla.sources.stores.dialects import NotPushed

    try:
        try:
            return [_Judging(versions[0], asked, in_columns=True).report()]
        except NotInColumns:
            return [_Judging(versions[0], asked, in_columns=False).report()]
    except (DataError, PanesError, NotPushed) as problem:
        raise click.ClickException(str(problem)) from None


class _Judging:
    """One agreement, with what is known of its sources so far."""

    def __init__(self, agreement: Agreement, asked: Asked, *, in_columns: bool) -> None:
        from wsla.evaluation.panes.collect import wanted

        self._agreement = agreement
        self._plan = agreement.plan
        self._asked = asked
        self._in_columns = in_columns
        self._wanted: Wanted = wanted(self._plan)
        self._panes: dict[str, PaneTable] = {}
        self._inputs: Inputs | None = None
        self._observations: list[Observation] = []
        self._instants: list[int] = []

    def report(self) -> Report:
        """Everything read, judged, and kept where that is asked for."""
        named = list(dict.fromkeys(name for name, _ in pairs_of(self._asked.data, "--data")))
        with refusals(self._asked.rejects, strict=self._asked.strict) as refused:
            refused.begin()
            if named:
                self._open_files(named, refused)
            return self._report(named)

    def _report(self, named: Sequence[str]) -> Report:
        from wsla.api import judge_columns
        from wsla.evaluation.panes import PaneMaker, PaneTable, merged
        from wsla.evaluation.panes.stage import first_stage

        stored = self._stored()
        stores = self._stores([*named, *(() if stored is None else stored.sources)])
        self._prepare(stores)
        start, until = self._judge_stores(stores)
        tables = list(self._panes.values())
        if stored is not None:
            # What was kept goes on with newer data.
            tables += [stored, *self._newer(stored, until)]
        panes = merged(tables) if tables else PaneTable(length=self._wanted.length, until=until, sources={})
        others = {source.name for source in self._plan.sources} - panes.sources.keys()
        streams = self._streams(others)
        maker = None
        if self._asked.kept is not None:
            maker = PaneMaker(self._plan, until, panes.length)
            streams = _both(streams, maker)
        records = {source.name for source in self._plan.sources if source.records}
        self._tell_missing(named, panes, stores)
        report = judge_columns(
            self._agreement,
            streams,
            start,
            until,
            (one for one in self._observations if one.source in records),
            first_stage(set(panes.sources), panes),
        )
        if maker is not None:
            self._keep(maker, panes)
        return report

    # --- files

    def _open_files(self, named: Sequence[str], refused: Refusals) -> None:
        from wsla.cli.eval_inputs import Inputs

        unknown = [name for name in named if name not in {source.name for source in self._plan.sources}]
        if unknown:
            raise click.UsageError(f"the agreement has no source `{unknown[0]}`")
        asked = self._asked
        reading = Reading(
            data=asked.data,
            columns=_of(asked.columns, named),
            where=_of(asked.where, named),
            zone=asked.zone,
            time_units=_of(asked.time_units, named),
            refusals=refused,
        )
        # What is missing is told later, when all is known that there is.
        own = tuple(source for source in self._plan.sources if source.name in named)
        agreement = evolve(self._agreement, plan=evolve(self._plan, sources=own))
        self._inputs = Inputs(agreement, reading, in_columns=self._in_columns)
        self._observations += self._inputs.observations
        if asked.start is None or asked.until is None:
            self._instants += self._inputs.ends()

    def _streams(self, names: Container[str]) -> Iterator[StreamColumns]:
        """The samples of these sources, from files and from stores."""
        from wsla.evaluation.batch.streams import streams_of

        if self._inputs is not None:
            yield from self._inputs.streams(names)
        opened = set() if self._inputs is None else {x.name for x in self._inputs.agreement.plan.sources}
        fetched = (one for one in self._observations if one.source not in opened and one.source in names)
        yield from streams_of(self._plan, fetched)

    def _newer(self, stored: PaneTable, until: int) -> Iterator[PaneTable]:
        from wsla.evaluation.panes import panes_of

        made = panes_of(self._plan, self._streams(stored.sources), until, stored.length)
        found = {name: one for name, one in made.sources.items() if one.streams and name in stored.sources}
        if found:
            yield evolve(made, sources=found)

    def _keep(self, maker: PaneMaker, panes: PaneTable) -> None:
        from wsla.sources.files.partials import write_partials

        made = maker.finish()
        found = {name: one for name, one in made.sources.items() if one.streams} | dict(panes.sources)
        if not found:
            raise click.ClickException("nothing of this can be kept as partial results")
        assert self._asked.kept is not None
        write_partials(self._asked.kept, evolve(made, until=max(made.until, panes.until), sources=found))

    def _stored(self) -> PaneTable | None:
        from wsla.evaluation.panes import fitted, merged
        from wsla.sources.files.partials import read_partials

        if not self._asked.partials:
            return None
        tables = [read_partials(path) for path in self._asked.partials]
        table = merged([fitted(self._plan, table) for table in tables])
        sources = table.sources
        if not sources:
            there = dict.fromkeys(name for table in tables for name in table.sources)
            raise click.ClickException(
                f"the partial results are of {', '.join(there) or 'nothing'}, and the agreement judges from those of "
                f"{', '.join(self._wanted.sources) or 'no source'}"
            )
        self._instants += [stream.first for one in sources.values() for stream in one.streams]
        self._instants.append(table.until - 1)
        self._refuse_samples(sources)
        return evolve(table, sources=sources)

    def _refuse_samples(self, sources: Mapping[str, object]) -> None:
        from wsla.evaluation.panes.stage import needed_whole

        for name, parts in needed_whole(self._plan, set(sources)).items():
            raise click.ClickException(
                f"{_listed(parts)} cannot be judged from partial results of `{name}`: give its data, --data {name}=FILE"
            )

    # --- stores

    def _stores(self, given: Sequence[str]) -> dict[str, Location]:
        from wsla.sources.stores.location import parse_location

        known = [source.name for source in self._plan.sources]
        found: dict[str, Location] = {}
        everywhere = None
        for text in self._asked.stores:
            name, equals, address = text.partition("=")
            if not equals or "://" in name:
                everywhere = parse_location(text)
            elif name not in known:
                raise click.UsageError(
                    f"the agreement has no source `{name}`; it has {', '.join(known) or 'none'}"
                )
            else:
                found[name] = parse_location(address)
        if everywhere is not None:
            left = [name for name in known if name not in given and name not in found]
            if everywhere.table is not None and len(left) > 1:
                raise click.UsageError(
                    f"`table` is that of one source: write --on SOURCE=URL for each of {', '.join(left)}"
                )
            found |= dict.fromkeys(left, everywhere)
        return found

    def _prepare(self, stores: Mapping[str, Location]) -> None:
        """Stores of metrics are asked for a stretch of time, and panes that suit them."""
        from wsla.evaluation.panes.collect import wanted
        from wsla.values.instants import MINUTE

        metrics = [self._plan.source(name) for name, store in stores.items() if store.kind == "prometheus"]
        if not metrics:
            return
        if self._asked.start is None or self._asked.until is None:
            raise click.UsageError("a store of metrics is asked for a stretch of time: --from and --until")
        from wsla.sources.stores.prometheus_panes import longest_pane

        self._wanted = wanted(self._plan, gcd(MINUTE, *(longest_pane(source) for source in metrics)))

    def _given(self) -> tuple[int, int] | None:
        """The stretch of ``--from`` and ``--until``, where both are said."""
        if self._asked.start is None or self._asked.until is None:
            return None
        return self._stretch()

    def _judge_stores(self, stores: Mapping[str, Location]) -> tuple[int, int]:
        """Panes from stores, or rows; gives the stretch that is judged."""
        from contextlib import ExitStack

        from wsla.evaluation.panes.stage import needed_whole
        from wsla.sources.stores.backends import opened

        with ExitStack() as stack:
            backends: dict[Location, Backend] = {}
            for location in dict.fromkeys(stores.values()):
                backends[location] = stack.enter_context(opened(location))
            pushed = [name for name in stores if name in self._wanted.sources]
            whole = needed_whole(self._plan, set(pushed))
            for name, parts in whole.items():
                click.echo(f"note: the rows of `{name}` are fetched, for {_listed(parts)}", err=True)
            pushed = [name for name in pushed if name not in whole]
            for name, location in stores.items():
                source = self._plan.source(name)
                table = self._table(source, location)
                backend = backends[location]
                if name in pushed:
                    pushed = self._look(backend, source, table, pushed)
                if name not in pushed:
                    self._fetch(backend, source, table)
            start, until = self._stretch()
            for name in pushed:
                location = stores[name]
                source = self._plan.source(name)
                self._push(backends[location], source, self._table(source, location), start, until)
        return start, until

    def _look(self, backend: Backend, source: Source, table: Table, pushed: list[str]) -> list[str]:
        """The sources that are still to be pushed, once it is known whether this one can be."""
        from wsla.sources.stores.dialects import NotPushed

        try:
            found = backend.extent(self._plan, source, table)
        except NotPushed as problem:
            click.echo(f"note: the rows of `{source.name}` are fetched: {problem}", err=True)
            return [name for name in pushed if name != source.name]
        self._instants += found or ()
        return pushed

    def _push(self, backend: Backend, source: Source, table: Table, start: int, until: int) -> None:
        from wsla.evaluation.panes import PaneTable

        measures = self._wanted.sources[source.name]
        found = backend.push(self._plan, source, table, measures, self._wanted.length, (start, until))
        if found.misfits:
            click.echo(
                f"note: {plural(found.misfits, 'row')} of `{source.name}` cannot be used: left out",
                err=True,
            )
            if self._asked.strict:
                raise click.exceptions.Exit(1)
        self._panes[source.name] = PaneTable(
            length=self._wanted.length, until=until, sources={source.name: found.panes}
        )

    def _fetch(self, backend: Backend, source: Source, table: Table) -> None:
        history = backend.fetch(self._plan, source, table, self._given())
        if history.rejects.total:
            click.echo(
                f"{plural(history.rejects.total, 'row')} of `{source.name}` cannot be used, the first of them: "
                f"{history.rejects.examples[0].reason}",
                err=True,
            )
            if self._asked.strict:
                raise click.exceptions.Exit(1)
        self._observations += history.observations
        if history.observations:
            self._instants += [history.observations[0].at, history.observations[-1].at]

    def _table(self, source: Source, location: Location) -> Table:
        from wsla.sources.stores.push import Table
        from wsla.values.calendars import UnknownZone, find_zone

        query = source.options.get("query")
        try:
            zone = None if self._asked.zone is None else find_zone(self._asked.zone)
        except UnknownZone as problem:
            raise click.UsageError(f"--zone: {problem}") from None
        if zone is None and source.options.get("times") == "local":
            zone = find_zone(self._plan.zone)
        return Table(
            name=location.table or source.name,
            query=query if isinstance(query, str) and location.table is None else None,
            files=location.parquet,
            columns=_for(self._asked.columns, source.name, "--map"),
            where=_for(self._asked.where, source.name, "--where"),
            zone=zone,
        )

    # --- judging

    def _stretch(self) -> tuple[int, int]:
        asked, effective = self._asked, self._plan.effective_start
        if not self._instants and (asked.start is None or asked.until is None):
            raise click.ClickException("there is not a single observation in the data")
        start = (
            max(effective, min(self._instants))
            if asked.start is None
            else moment_of(self._agreement, asked.start, "--from")
        )
        until = (
            max(self._instants) + 1
            if asked.until is None
            else moment_of(self._agreement, asked.until, "--until")
        )
        if until <= start:
            if asked.start is None and asked.until is None:
                raise click.ClickException("the agreement takes effect after the last observation")
            raise click.UsageError("--until is not after --from")
        return start, until

    def _tell_missing(self, named: Sequence[str], panes: PaneTable, stores: Mapping[str, object]) -> None:
        there = {*named, *panes.sources, *stores}
        missing = [source.name for source in self._plan.sources if source.name not in there]
        if missing:
            click.echo(f"note: no data for {', '.join(missing)}: what rests on it is unknown", err=True)


def _both(streams: Iterator[StreamColumns], maker: PaneMaker) -> Iterator[StreamColumns]:
    for stream in streams:
        maker.take(stream)
        yield stream


def _of(texts: tuple[str, ...], named: Sequence[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if text.partition(".")[0] in named)


def _for(texts: tuple[str, ...], source: str, option: str) -> dict[str, str]:
    return {
        name.partition(".")[2]: value
        for name, value in pairs_of(texts, option)
        if name.partition(".")[0] == source
    }


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
