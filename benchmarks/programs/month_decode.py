"""No answer: the columns of each metric are decoded by Polars and thrown away. What nothing that reads can beat."""

from __future__ import annotations

import polars
from polars import col

from benchmarks.task import Task


def run(task: Task) -> None:
    """Reads everything."""
    for metric in range(task.count):
        polars.scan_parquet(task.path).filter(col("metric") == metric).select(
            "ts", "up", "latency_ms"
        ).collect()
