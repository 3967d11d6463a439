"""By hand: DuckDB, two SQL statements for each metric, the rest on what they give."""

from __future__ import annotations

from typing import Any

import duckdb

from benchmarks.answers import SLICE, Answer, month
from benchmarks.programs.month_polars import panes
from benchmarks.task import MINUTE, SECOND, Task

_BY_MINUTE = f"""
with samples as (
  select ts, up, least(lead(ts, 1, $until) over (order by ts) - ts, {5 * SECOND}) as weight
  from read_parquet($path) where metric = $metric
)
select ((ts - $since) // {MINUTE})::integer as minute,
       sum(weight)::bigint as known,
       coalesce(sum(weight) filter (not up), 0)::bigint as bad,
       max(ts + weight) as end,
       arg_max(up, ts) as up
from samples group by 1 order by 1
"""
_BY_SLICE = f"""
select ((ts - $since) // {SLICE})::integer as slice,
       count(*) as samples,
       count(*) filter (not up) as failed,
       quantile_disc(latency_ms, 0.99) as p99
from read_parquet($path) where metric = $metric group by 1 order by 1
"""


def run(task: Task) -> Answer:
    """The answer for every metric."""
    database = duckdb.connect()
    database.execute("set threads to 2")
    return {str(metric): _one(database, task, metric) for metric in range(task.count)}


def _one(database: duckdb.DuckDBPyConnection, task: Task, metric: int) -> list[Any]:
    which = {"path": task.path, "metric": metric, "since": task.start}
    minutes = database.execute(_BY_MINUTE, {**which, "until": task.end}).fetchnumpy()
    slices = database.execute(_BY_SLICE, which).fetchnumpy()
    return month(task, panes(task, minutes, slices))
