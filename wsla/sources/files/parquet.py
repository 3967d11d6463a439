"""Parquet: read by Polars in slices, only the columns that are needed, everything exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from wsla.evaluation.encoding import Collector, DataError, History
from wsla.sources.files.table import Layout, Meter, Request, lay_out, matches

if TYPE_CHECKING:
    import polars

_ROWS_PER_SLICE: Final = 100_000


def read_parquet(wanted: Request, size: int) -> History:
    """The observations in a Parquet file. Raises DataError where it is none, or where Polars is not installed."""
    try:
        import polars
    except ImportError:
        raise DataError(
            f"{wanted.shown} is a Parquet file, and what reads those is not installed: pip install 'wsla[parquet]'"
        ) from None
    meter = Meter(wanted.progress, size)
    if size == 0:
        raise DataError(f"{wanted.shown} is empty")
    try:
        table = polars.scan_parquet(wanted.path, glob=False)
        schema = table.collect_schema()
        layout = lay_out(wanted, schema.names())
        columns = [_exact(polars.col(name), schema[name]) for name in _needed(layout)]
        rows = table.select(polars.len()).collect().item()
        collector = Collector(wanted.source, layout.fields, wanted.zone)
        for start in range(0, rows, _ROWS_PER_SLICE):
            part = table.slice(start, _ROWS_PER_SLICE).select(columns).collect()
            _collect(collector, layout, start, part)
            meter.reach(min(start + _ROWS_PER_SLICE, rows), rows)
    except (polars.exceptions.PolarsError, polars.exceptions.PanicException, OSError) as problem:
        raise DataError(
            f"{wanted.shown} is no Parquet file that can be read: {_first_line(problem)}"
        ) from None
    meter.finish()
    return collector.finish()


def _needed(layout: Layout) -> list[str]:
    return list(dict.fromkeys([*layout.columns, *(column for column, _ in layout.filters)]))


def _exact(column: polars.Expr, kind: polars.DataType) -> polars.Expr:
    """A column whose values lose nothing as they become Python's, which has no nanoseconds and no short floats."""
    import polars

    match kind:
        case polars.Datetime():
            if kind.time_zone is None:
                return column.dt.strftime("%Y-%m-%dT%H:%M:%S%.9f")
            return column.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")
        case polars.Duration():
            return polars.concat_str(column.dt.total_nanoseconds().cast(polars.String), polars.lit("ns"))
        case polars.Float32():
            return column.cast(polars.String)
    return column


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


def _first_line(problem: BaseException) -> str:
    return str(problem).partition("\n")[0]
