"""The first and the last instant of a table, without reading all of it where the file's own statistics help."""

from __future__ import annotations

from collections.abc import Callable

import polars

from wsla.sources.files.fixed import SHORT_INTEGERS

Accept = Callable[[polars.DataFrame], int | None]
"""The instant of the first of some rows that is accepted."""


def extremes(
    table: polars.LazyFrame, at: str, rows: int, accept: Accept
) -> tuple[int | None, int | None] | None:
    """The instants of the first and the last observation, (None, None) where there is no row.

    None where it takes a look at all rows to know. Polars leaves out the row groups that cannot hold an earlier or a
    later instant than the ones tried first.
    """
    if rows == 0:
        return None, None
    kind = table.collect_schema()[at]
    is_aware = isinstance(kind, polars.Datetime) and kind.time_zone is not None
    if not (is_aware or kind == polars.Int64 or kind in SHORT_INTEGERS):
        return None
    ends = [table.slice(place, 1).collect() for place in {0, rows - 1}]
    tried = [(int(end[at].to_physical()[0]), end) for end in ends if end[at].null_count() == 0]
    if not tried:
        return None
    column = polars.col(at)
    found: list[int] = []
    for is_first in (True, False):
        best, rows_there = (min if is_first else max)(tried, key=lambda pair: pair[0])
        beyond = table.filter(column < _literal(best, kind) if is_first else column > _literal(best, kind))
        outermost = column.min() if is_first else column.max()
        further = beyond.select(outermost.to_physical()).collect().item()
        if further is not None:
            rows_there = table.filter(column == _literal(further, kind)).collect()
        instant = accept(rows_there)
        if instant is None:
            return None
        found.append(instant)
    return found[0], found[1]


def _literal(value: int, kind: polars.DataType) -> polars.Expr:
    return polars.lit(value, dtype=polars.Int64).cast(kind)
