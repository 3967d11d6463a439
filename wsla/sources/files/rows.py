"""Rows that something else than a file of text gives, such as a database: columns with names, then the cells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from wsla.evaluation.encoding import DataError, History
from wsla.sources.files.table import Meter, Request, lay_out, matches


def collect(wanted: Request, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> History:
    """The observations in rows, which are counted from 1. Raises DataError for a column that is missing."""
    if not columns:
        raise DataError(f"{wanted.shown} gives no columns")
    layout = lay_out(wanted, columns)
    collector = wanted.collector(layout.fields)
    positions = [columns.index(name) for name in layout.columns]
    filters = [(columns.index(name), value) for name, value in layout.filters]
    meter = Meter(wanted.progress, 0)
    for number, row in enumerate(rows, 1):
        meter.count()
        if all(matches(row[position], value) for position, value in filters):
            collector.add(number, [row[position] for position in positions])
        else:
            collector.filtered += 1
    meter.finish()
    return collector.finish()
