"""Stores by their addresses, each of which makes panes, or gives rows where it cannot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from wsla.analysis.checked import Source
from wsla.evaluation.encoding import DataError, History
from wsla.evaluation.panes.measures import Measure
from wsla.plan.model import Plan
from wsla.sources.stores.location import Location
from wsla.sources.stores.push import Pushed, SqlStore, Table, extent, fetch, push


class Backend(Protocol):
    """A store. Its methods raise DataError where it cannot be read."""

    def extent(self, plan: Plan, source: Source, table: Table) -> tuple[int, int] | None:
        """The instants of the first and the last sample; None where there is none. Raises NotPushed."""

    def push(
        self,
        plan: Plan,
        source: Source,
        table: Table,
        measures: Mapping[str, Measure],
        length: int,
        stretch: tuple[int, int],
    ) -> Pushed:
        """Panes of a stretch of time. Raises NotPushed or PanesError where the store does not make them exactly."""

    def fetch(self, plan: Plan, source: Source, table: Table, stretch: tuple[int, int] | None) -> History:
        """All rows, or those of a stretch of time where the store needs one."""


class SqlBackend:
    """Anything that speaks SQL."""

    def __init__(self, store: SqlStore) -> None:
        self._store: Final = store

    def extent(self, plan: Plan, source: Source, table: Table) -> tuple[int, int] | None:
        """As ``Backend`` says."""
        return extent(self._store, plan, source, table)

    def push(
        self,
        plan: Plan,
        source: Source,
        table: Table,
        measures: Mapping[str, Measure],
        length: int,
        stretch: tuple[int, int],
    ) -> Pushed:
        """As ``Backend`` says; what lies before the stretch is there too, as in a file."""
        return push(self._store, plan, source, table, measures, length, stretch[1])

    def fetch(self, plan: Plan, source: Source, table: Table, stretch: tuple[int, int] | None) -> History:
        """As ``Backend`` says."""
        return fetch(self._store, source, table)


@contextmanager
def opened(location: Location) -> Iterator[Backend]:
    """The store at an address. Raises DataError where it cannot be reached, or what speaks to it is not installed."""
    if location.kind == "prometheus":
        from wsla.sources.stores.prometheus import PrometheusClient
        from wsla.sources.stores.prometheus_panes import PrometheusBackend

        with PrometheusClient(location.address, location.shown) as client:
            yield PrometheusBackend(client)
    else:
        with sql_store(location) as store:
            yield SqlBackend(store)


@contextmanager
def sql_store(location: Location) -> Iterator[SqlStore]:
    """The store at an address that speaks SQL. Raises as ``opened``."""
    match location.kind:
        case "duckdb":
            from wsla.sources.stores.connections import DuckDBStore

            with DuckDBStore(location.address) as duckdb:
                yield duckdb
        case "postgresql":
            from wsla.sources.stores.connections import PostgreSQLStore

            with PostgreSQLStore(location.address, location.shown) as postgres:
                yield postgres
        case "clickhouse":
            from wsla.sources.stores.clickhouse import ClickHouseStore

            with ClickHouseStore(location.address, location.shown) as clickhouse:
                yield clickhouse
        case "spark":
            from wsla.sources.stores.connections import spark_session

            with spark_session(location.address) as spark:
                yield spark
        case _:
            raise DataError(f"{location.shown}: this is no store that speaks SQL")
