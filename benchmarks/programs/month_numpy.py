"""By hand: numpy on columns that Polars reads, the metrics in turn on two threads.

Nothing is done once a sample that can be done once an edge, a gap or a failure.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray

from benchmarks.answers import SLICE, Answer, Panes, month
from benchmarks.task import MINUTE, SECOND, Task

_HOLDS = 5 * SECOND
_THREADS = 2


def run(task: Task) -> Answer:
    """The answer for every metric."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = pool.map(lambda metric: _one(task, metric), range(task.count))
        return {str(metric): answer for metric, answer in enumerate(found)}


def _one(task: Task, metric: int) -> list[Any]:
    frame = (
        polars.scan_parquet(task.path)
        .filter(polars.col("metric") == metric)
        .select("ts", "up", "latency_ms")
        .collect()
    )
    ts = frame["ts"].to_numpy()
    failed = np.flatnonzero(~frame["up"].to_numpy())
    return month(task, _panes(task, ts, failed, frame["latency_ms"].to_numpy()))


def _panes(
    task: Task, ts: NDArray[np.int64], failed: NDArray[np.intp], latency: NDArray[np.float64]
) -> Panes:
    minutes = np.arange(task.start, task.end + 1, MINUTE)
    # Unknown: before the first sample, and from five seconds after a sample until the next.
    gaps = np.flatnonzero(np.diff(ts) > _HOLDS)
    unknown_from = np.concatenate(([task.start], ts[gaps] + _HOLDS, [min(ts[-1] + _HOLDS, task.end)]))
    unknown_to = np.concatenate(([ts[0]], ts[gaps + 1], [task.end]))
    bad_from = ts[failed]
    bad_to = np.minimum(np.append(ts, task.end)[failed + 1], bad_from + _HOLDS)
    known = MINUTE - np.diff(_until(minutes, unknown_from, unknown_to))
    bad = np.diff(_until(minutes, bad_from, bad_to))
    edges = np.searchsorted(ts, np.arange(task.start, task.end + 1, SLICE))
    samples = np.diff(edges)
    slices = (bad_from - task.start) // SLICE
    return Panes(
        known=known,
        good=known - bad,
        samples=samples,
        failed=np.bincount(slices, minlength=samples.size),
        p99=_p99(latency, edges, samples),
    )


def _until(edges: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """How much of the intervals, which are in order and apart, lies before each edge."""
    if not starts.size:
        return np.zeros(edges.size, dtype=np.int64)
    totals = np.concatenate(([0], np.cumsum(ends - starts)))
    begun = np.searchsorted(starts, edges)
    beyond = np.maximum(ends[begun - 1] - edges, 0)
    return totals[begun] - np.where(begun > 0, beyond, 0)


def _p99(
    latency: NDArray[np.float64], edges: NDArray[np.intp], samples: NDArray[np.intp]
) -> NDArray[np.float64]:
    """The nearest rank of each slice: of n values the (n // 100 + 1)th from the top."""
    width = int(samples.max())
    padded = np.full((samples.size, width), -np.inf)
    padded[np.arange(width) >= (width - samples)[:, None]] = latency[edges[0] : edges[-1]]
    ranks = width - 1 - samples // 100
    padded.partition(np.unique(ranks), axis=1)
    found = padded[np.arange(samples.size), ranks]
    return np.where(samples > 0, found, np.nan)
