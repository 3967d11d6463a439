"""Rows of a table or a query in a database: ``postgresql://host/database::TABLE`` or ``…::SELECT …``."""

from __future__ import annotations

from collections.abc import Sequence

from wsla.analysis.checked import Field
from wsla.evaluation.encoding import Collector, DataError, History, quoted
from wsla.sources.files.epochs import counted_in, has_open_unit
from wsla.sources.files.sqlite import QUERY
from wsla.sources.files.table import Request
from wsla.sources.stores.location import parse_location
from wsla.sources.stores.push import Table, fetch


def read_store(wanted: Request) -> History:
    """The observations in a database. Raises DataError where it cannot be reached or read."""
    address, _, named = wanted.path.partition("::")
    location = parse_location(address)
    name = named or location.table
    if not name:
        raise DataError(f"{quoted(location.shown)} holds many tables: write {location.shown}::TABLE")
    table = Table(
        name=name,
        query=name if QUERY.match(name) else None,
        columns={x.name: x.column for x in wanted.fields if x.column},
        where=dict(wanted.where),
        zone=wanted.zone,
    )

    def collect(fields: Sequence[Field]) -> Collector:
        unit = wanted.time_unit
        return wanted.collector(
            [x if unit is None or not has_open_unit(x) else counted_in(x, unit) for x in fields]
        )

    from wsla.sources.stores.backends import sql_store

    with sql_store(location) as store:
        return fetch(store, wanted.source, table, collect)
