"""By hand: Polars, a stretch of rows after the other, whose services are known to be sorted.

The file holds this month alone; a service may lie in two stretches.
"""

from __future__ import annotations

import polars
from polars import col

from benchmarks.answers import Answer, services
from benchmarks.task import MINUTE, Task

_SERVICES_AT_ONCE = 100


def run(task: Task) -> Answer:
    """The answer for every service."""
    rows = _SERVICES_AT_ONCE * (task.end - task.start) // MINUTE
    parts = [
        polars.scan_parquet(task.path)
        .slice(first, rows)
        .select(col("slo").set_sorted(), "good", "total")
        .group_by("slo", maintain_order=True)
        .agg(*(col(name).cast(polars.Int64).sum() for name in ("good", "total")))
        .collect()
        for first in range(0, task.count * rows // _SERVICES_AT_ONCE, rows)
    ]
    found = polars.concat(parts).group_by("slo").agg(col("good").sum(), col("total").sum()).sort("slo")
    return services(*(found[name].to_numpy() for name in ("slo", "good", "total")))
