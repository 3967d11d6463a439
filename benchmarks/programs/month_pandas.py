"""By hand: pandas, a metric after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas

from benchmarks.answers import SLICE, Answer, Panes, month
from benchmarks.task import MINUTE, SECOND, Task

_HOLDS = 5 * SECOND


def run(task: Task) -> Answer:
    """The answer for every metric."""
    return {str(metric): _one(task, metric) for metric in range(task.count)}


def _one(task: Task, metric: int) -> list[Any]:
    frame = pandas.read_parquet(
        task.path, columns=["ts", "up", "latency_ms"], filters=[("metric", "==", metric)]
    )
    ts, up = frame["ts"], frame["up"]
    minute = (ts - task.start) // MINUTE
    until = ts + (ts.shift(-1, fill_value=task.end) - ts).clip(upper=_HOLDS)
    # A sample's time, cut where the minute ends; what is beyond is the next minute's.
    own = until.clip(upper=task.start + (minute + 1) * MINUTE) - ts
    beyond = until - ts - own
    times = pandas.DataFrame({"known": own, "good": own * up, "moved": beyond, "moved_good": beyond * up})
    sums = times.groupby(minute).sum().reindex(range((task.end - task.start) // MINUTE), fill_value=0)
    slices = frame.groupby((ts - task.start) // SLICE)
    counts = slices["up"].agg(["size", "sum"]).reindex(range((task.end - task.start) // SLICE), fill_value=0)
    p99 = slices["latency_ms"].agg(_nearest_rank).reindex(counts.index)
    return month(
        task,
        Panes(
            known=(sums["known"] + sums["moved"].shift(1, fill_value=0)).to_numpy(),
            good=(sums["good"] + sums["moved_good"].shift(1, fill_value=0)).to_numpy(),
            samples=counts["size"].to_numpy(),
            failed=(counts["size"] - counts["sum"]).to_numpy(),
            p99=p99.to_numpy(),
        ),
    )


def _nearest_rank(latency: pandas.Series) -> float:
    rank = latency.size - latency.size // 100 - 1
    return float(np.partition(latency.to_numpy(), rank)[rank])
