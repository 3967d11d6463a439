"""By hand: Polars as one writes it first, a lazy plan for each metric, keys by whole division."""

from __future__ import annotations

from typing import Any

import polars
from polars import col

from benchmarks.answers import SLICE, Answer, month
from benchmarks.programs.month_polars import arrays, panes
from benchmarks.task import MINUTE, SECOND, Task

_HOLDS = 5 * SECOND


def run(task: Task) -> Answer:
    """The answer for every metric."""
    return {str(metric): _one(task, metric) for metric in range(task.count)}


def _one(task: Task, metric: int) -> list[Any]:
    samples = (
        polars.scan_parquet(task.path)
        .filter(col("metric") == metric)
        .with_columns(
            weight=polars.min_horizontal(
                col("ts").shift(-1, fill_value=task.end) - col("ts"), polars.lit(_HOLDS)
            ),
            minute=(col("ts") - task.start) // MINUTE,
            slice=(col("ts") - task.start) // SLICE,
        )
    )
    by_minute = (
        samples.group_by("minute")
        .agg(
            known=col("weight").sum(),
            bad=col("weight").filter(~col("up")).sum(),
            end=(col("ts") + col("weight")).last(),
            up=col("up").last(),
        )
        .sort("minute")
    )
    by_slice = (
        samples.group_by("slice")
        .agg(
            samples=polars.len(),
            failed=(~col("up")).sum(),
            p99=col("latency_ms").quantile(0.99, "equiprobable"),
        )
        .sort("slice")
    )
    minutes, slices = polars.collect_all([by_minute, by_slice])
    return month(task, panes(task, arrays(minutes), arrays(slices)))
