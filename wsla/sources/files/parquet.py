"""Parquet and Arrow, row after row: read by Polars in slices, only the columns that are needed, everything exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wsla.evaluation.encoding import Collector, DataError, History
from wsla.sources.files.table import Layout, Meter, Request, lay_out, matches
from wsla.sources.files.tables import exact, needed_columns, polars_problems, scan

if TYPE_CHECKING:
    import polars

_ROWS_PER_SLICE: Final = 100_000


def read_parquet(wanted: Request, size: int) -> History:
    """The observations in such a file. Raises DataError where it is none, or where Polars is not installed."""
    meter = Meter(wanted.progress, size)
    with polars_problems(wanted):
        import polars

        if size == 0:
            raise DataError(f"{wanted.shown} is empty")
        table = scan(wanted.path)
        schema = table.collect_schema()
        layout = lay_out(wanted, schema.names())
        columns = [exact(polars.col(name), schema[name]) for name in needed_columns(layout)]
        rows = table.select(polars.len()).collect().item()
        collector = wanted.collector(layout.fields)
        for start in range(0, rows, _ROWS_PER_SLICE):
            part = table.slice(start, _ROWS_PER_SLICE).select(columns).collect()
            _collect(collector, layout, start, part)
            meter.reach(min(start + _ROWS_PER_SLICE, rows), rows)
    meter.finish()
    return collector.finish()


def _collect(collector: Collector, layout: Layout, start: int, part: polars.DataFrame) -> None:
    names = part.columns
    positions = [names.index(name) for name in layout.columns]
    filters = [(names.index(name), value) for name, value in layout.filters]
    for number, row in enumerate(part.iter_rows(), start + 1):
        if all(matches(row[position], value) for position, value in filters):
            collector.add(number, _cells(row, positions))
        else:
            collector.filtered += 1


def _cells(row: Sequence[object], positions: list[int]) -> list[object]:
    return [row[position] for position in positions]
