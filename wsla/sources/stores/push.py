"""Stage one in a store that speaks SQL: what is asked of a table, and the panes that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from attrs import evolve, field, frozen

from wsla.analysis.checked import Field, Source
from wsla.analysis.types import InstantType
from wsla.evaluation.encoding import Collector, DataError, History, quoted
from wsla.evaluation.panes.measures import Measure
from wsla.evaluation.panes.table import SourcePanes
from wsla.plan.model import Plan
from wsla.sources.files.table import Layout, Request, lay_out, request
from wsla.sources.stores.dialects import Column, ColumnKind, Dialect
from wsla.sources.stores.fields import Written, field_of
from wsla.sources.stores.query import Wanted, count_of_misfits, first_and_last, panes_from, statement


class SqlStore(Protocol):
    """A connection that only reads. Its methods raise DataError, with the store's own words, where that fails."""

    @property
    def dialect(self) -> Dialect:
        """The SQL that it speaks."""

    def columns(self, relation: str) -> Mapping[str, Column]:
        """The columns of what may stand behind FROM."""

    def rows(self, sql: str) -> Iterator[Sequence[Any]]:
        """What a statement gives."""


@frozen(kw_only=True)
class Table:
    """Where a source is in a store: a table, or a query, or Parquet files; and how its columns and rows are chosen."""

    name: str
    query: str | None = None
    files: str | None = None
    columns: Mapping[str, str] = field(factory=dict)
    where: Mapping[str, str] = field(factory=dict)
    zone: ZoneInfo | None = None

    def relation(self, dialect: Dialect) -> str:
        """What stands behind FROM."""
        if self.files is not None:
            return dialect.parquet(self.files)
        if self.query is None:
            return dialect.table(self.name)
        return f"({self.query.strip().removesuffix(';')}) AS source_rows"


@frozen(kw_only=True)
class Pushed:
    """Panes from a store, and how many rows it left out because they do not fit."""

    panes: SourcePanes
    misfits: int


def push(
    store: SqlStore,
    plan: Plan,
    source: Source,
    table: Table,
    measures: Mapping[str, Measure],
    length: int,
    until: int,
) -> Pushed:
    """The panes of one source before ``until``, made by the store.

    Raises NotPushed where the store would not compute them exactly, PanesError where its rows have no panes, DataError
    where it cannot be read.
    """
    wanted = _wanted(store, plan, source, table, measures, length, until)
    rows = list(store.rows(statement(wanted)))
    if any(row[_doubled_of(source)] for row in rows):
        rows = list(store.rows(statement(wanted, distinct=True)))
    panes = panes_from(wanted, rows)
    [[misfits]] = store.rows(count_of_misfits(wanted))
    return Pushed(panes=panes, misfits=int(misfits))


def extent(store: SqlStore, plan: Plan, source: Source, table: Table) -> tuple[int, int] | None:
    """The instants of the first and the last sample; None where there is none. Raises as ``push``."""
    [[first, last]] = store.rows(first_and_last(_wanted(store, plan, source, table, {}, 1, 0)))
    return None if first is None else (int(first), int(last))


def _wanted(
    store: SqlStore,
    plan: Plan,
    source: Source,
    table: Table,
    measures: Mapping[str, Measure],
    length: int,
    until: int,
) -> Wanted:
    relation, layout, columns = _laid_out(store, source, table)
    dialect = store.dialect
    utc = table.zone is not None and table.zone.key == "UTC"
    placed = dict(zip([x.name for x in layout.fields], layout.columns, strict=True))
    written = {
        x.name: field_of(dialect, x, placed[x.name], columns[placed[x.name]], utc=utc) for x in layout.fields
    }
    is_field = source.at in {x.name for x in source.fields}
    at = written[source.at] if is_field else written.pop(source.at)
    missing = {x.name: Written("NULL") for x in source.fields if x.name not in placed}
    return Wanted(
        plan=plan,
        source=source,
        measures=measures,
        length=length,
        until=until,
        dialect=dialect,
        relation=relation,
        at=at,
        fields={**written, **missing},
        filters=tuple(_filter(dialect, name, value) for name, value in layout.filters),
    )


def fetch(
    store: SqlStore,
    source: Source,
    table: Table,
    collect: Callable[[Sequence[Field]], Collector] | None = None,
) -> History:
    """All rows of a source, as they would be read from a file. Raises DataError where they cannot be read.

    ``collect`` gives another collector for the fields that the store holds.
    """
    relation, layout, columns = _laid_out(store, source, table)
    dialect = store.dialect
    fields, selected = [], []
    for x, name in zip(layout.fields, layout.columns, strict=True):
        expression, counted = dialect.quoted(name), x
        if isinstance(x.type, InstantType) and columns[name].kind is ColumnKind.INSTANT:
            # Python's times have no nanoseconds.
            expression = dialect.instant(expression, columns[name])
            counted = evolve(x, unit_stated=True, unit_factor=Fraction(1))
        elif columns[name].kind is ColumnKind.FLOAT:
            expression = dialect.as_text(expression)
        fields.append(counted)
        selected.append(expression)
    filters = [_filter(dialect, name, value) for name, value in layout.filters]
    where = f" WHERE {' AND '.join(filters)}" if filters else ""
    collector = Collector(source, fields, table.zone) if collect is None else collect(fields)
    for number, row in enumerate(store.rows(f"SELECT {', '.join(selected)} FROM {relation}{where}"), 1):
        collector.add(number, row)
    return collector.finish()


def _laid_out(store: SqlStore, source: Source, table: Table) -> tuple[str, Layout, Mapping[str, Column]]:
    relation = table.relation(store.dialect)
    columns = store.columns(relation)
    shown = table.name if table.query is None else f"the query of {source.name}"
    wanted: Request = request(source, shown, table.zone, table.columns, table.where, None)
    return relation, lay_out(wanted, list(columns)), columns


def _doubled_of(source: Source) -> int:
    return len(source.labels) + 4


def _filter(dialect: Dialect, name: str, value: str) -> str:
    return f"{dialect.as_text(dialect.quoted(name))} = {dialect.text(value)}"


def unreadable(shown: str, problem: BaseException) -> DataError:
    """What to say where a store gives an error."""
    lines = [line.strip() for line in str(problem).splitlines() if line.strip()]
    return DataError(f"{quoted(shown)} cannot be read: {lines[0] if lines else type(problem).__name__}")
