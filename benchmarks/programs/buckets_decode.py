"""No answer: all columns are decoded by Polars, a stretch of rows after the other, and thrown away."""

from __future__ import annotations

import polars

from benchmarks.task import MINUTE, Task

SERVICES_AT_ONCE = 100


def run(task: Task) -> None:
    """Reads everything."""
    rows = SERVICES_AT_ONCE * (task.end - task.start) // MINUTE
    for number in range(-(-task.count // SERVICES_AT_ONCE)):
        polars.scan_parquet(task.path).slice(number * rows, rows).select(
            "slo", "minute", "good", "total"
        ).collect()
