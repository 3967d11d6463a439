"""By hand: Polars, a metric after the other, in two stages; keys are short and known to be sorted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray
from polars import col

from benchmarks.answers import SLICE, Answer, Panes, month
from benchmarks.task import MINUTE, SECOND, Task

_HOLDS = 5 * SECOND

Table = Mapping[str, NDArray[Any]]


def run(task: Task) -> Answer:
    """The answer for every metric."""
    return {str(metric): _one(task, metric) for metric in range(task.count)}


def _one(task: Task, metric: int) -> list[Any]:
    frame = (
        polars.scan_parquet(task.path)
        .filter(col("metric") == metric)
        .select("ts", "up", "latency_ms")
        .collect()
    )
    weight = (col("ts").shift(-1, fill_value=task.end) - col("ts")).clip(upper_bound=_HOLDS)
    by_minute = (
        frame.lazy()
        .select(_key(task, MINUTE, "minute"), "ts", "up", weight=weight)
        .group_by("minute", maintain_order=True)
        .agg(
            known=col("weight").sum(),
            bad=col("weight").filter(~col("up")).sum(),
            end=col("ts").last() + col("weight").last(),
            up=col("up").last(),
        )
    )
    by_slice = (
        frame.lazy()
        .select(_key(task, SLICE, "slice"), "up", "latency_ms")
        .group_by("slice", maintain_order=True)
        .agg(
            samples=polars.len(),
            failed=(~col("up")).sum(),
            p99=col("latency_ms").quantile(0.99, "equiprobable"),
        )
    )
    minutes, slices = polars.collect_all([by_minute, by_slice])
    return month(task, panes(task, arrays(minutes), arrays(slices)))


def arrays(frame: polars.DataFrame) -> Table:
    """A table's columns by name."""
    return {column.name: column.to_numpy() for column in frame}


def _key(task: Task, length: int, name: str) -> polars.Expr:
    return ((col("ts") - task.start) // length).cast(polars.Int32).set_sorted().alias(name)


def panes(task: Task, minutes: Table, slices: Table) -> Panes:
    """Both tables on full grids; what a minute's last sample holds beyond the minute is moved to the next one."""
    length = (task.end - task.start) // MINUTE
    at = minutes["minute"].astype(np.int64)
    beyond = np.maximum(minutes["end"] - (task.start + (at + 1) * MINUTE), 0)
    known = _moved(length, at, minutes["known"], beyond)
    bad = _moved(length, at, minutes["bad"], np.where(minutes["up"], 0, beyond))
    filled = slices["slice"]
    samples, failed = (np.zeros(length * MINUTE // SLICE, dtype=np.int64) for _ in range(2))
    p99 = np.full(samples.size, np.nan)
    samples[filled] = slices["samples"]
    failed[filled] = slices["failed"]
    p99[filled] = slices["p99"]
    return Panes(known=known, good=known - bad, samples=samples, failed=failed, p99=p99)


def _moved(
    length: int, at: NDArray[np.int64], sums: NDArray[np.int64], beyond: NDArray[np.int64]
) -> NDArray[np.int64]:
    grid = np.zeros(length + 1, dtype=np.int64)
    grid[at] = sums - beyond
    grid[at + 1] += beyond
    return grid[:length]
