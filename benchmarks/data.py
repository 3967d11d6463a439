"""The data, made up from fixed seeds: probes by the second of many metrics, requests by the minute of many services."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np
import polars
from numpy.typing import NDArray

from benchmarks.task import DAY, MINUTE, SECOND, Task

_SERVICES_AT_ONCE = 100


def month(task: Task) -> None:
    """Probes by the second: metric int16, ts int64 ns, up bool, latency_ms float64 in steps of 0.01; by metric, ts."""
    _write(task.path, (_probes(task, metric) for metric in range(task.count)), {})


def buckets(task: Task) -> None:
    """Requests by the minute: slo int16, minute int64 in ns, good and total int32; by slo, minute."""
    chunks = range(0, task.count, _SERVICES_AT_ONCE)
    frames = (_requests(task, low, min(low + _SERVICES_AT_ONCE, task.count)) for low in chunks)
    # Instants that ascend by a minute need next to nothing as differences, and three quarters of the file otherwise.
    _write(
        task.path,
        frames,
        {
            "use_dictionary": ["slo", "good", "total"],
            "column_encoding": {"minute": "DELTA_BINARY_PACKED"},
            "row_group_size": 1_080_000,
        },
    )


def _probes(task: Task, metric: int) -> polars.DataFrame:
    """Every second a probe, less lost ones and gaps of the collector, with outages and slow times."""
    chance = np.random.default_rng(1000 + metric)
    seconds = (task.end - task.start) // SECOND
    share = task.days / 30
    there = chance.random(seconds) >= 0.0005
    for low, high in _stretches(chance, seconds, max(1, chance.poisson(2 * share)), 30, 900):
        there[low:high] = False
    up = chance.random(seconds) >= 0.0002
    for low, high in _stretches(chance, seconds, max(1, chance.poisson(4 * share)), 20, 1500):
        up[low:high] = False
    latency = chance.lognormal(np.log(80.0), 0.35, seconds)
    for low, high in _stretches(chance, seconds, max(1, round(12 * share)), 300, 3600):
        latency[low:high] *= chance.uniform(1.5, 4.0)
    latency[~up] *= 3
    steps = np.rint(latency[there] * 100).astype(np.int64)
    ts = task.start + np.flatnonzero(there) * SECOND
    return polars.DataFrame(
        {
            "metric": np.full(ts.size, metric, dtype=np.int16),
            "ts": ts,
            "up": up[there],
            "latency_ms": steps / 100,
        }
    )


def _stretches(
    chance: np.random.Generator, size: int, number: int, least: int, most: int
) -> Iterator[tuple[int, int]]:
    """Stretches of so many seconds; none of them within the first minute."""
    for _ in range(number):
        low = int(chance.integers(60, size))
        yield low, low + int(chance.integers(least, most + 1))


def _requests(task: Task, low: int, high: int) -> polars.DataFrame:
    """Services with more requests by day than by night, of which between one in 300 and one in 3,000 fails."""
    chance = np.random.default_rng(2000 + low)
    minutes = (task.end - task.start) // MINUTE
    at = task.start + np.arange(minutes) * MINUTE
    busy = 1.5 + np.sin(np.arange(minutes) * (2 * np.pi * MINUTE / DAY))
    totals: list[NDArray[np.int32]] = []
    goods: list[NDArray[np.int32]] = []
    for _ in range(low, high):
        usual, failing = chance.uniform(20, 200), 10 ** -chance.uniform(2.5, 3.5)
        total = (usual * busy * chance.uniform(0.8, 1.2, minutes)).astype(np.int32)
        bad = (chance.random(minutes, dtype=np.float32) < failing * total / 2) * np.int32(2)
        totals.append(total)
        goods.append(np.maximum(total - bad, 0).astype(np.int32))
    return polars.DataFrame(
        {
            "slo": np.repeat(np.arange(low, high, dtype=np.int16), minutes),
            "minute": np.tile(at, high - low),
            "good": np.concatenate(goods),
            "total": np.concatenate(totals),
        }
    )


def _write(path: str, frames: Iterator[polars.DataFrame], options: dict[str, Any]) -> None:
    """Writes a file, a frame at a time; by Polars in one piece where pyarrow is not installed."""
    part = path + ".part"
    if find_spec("pyarrow") is None:
        polars.concat(frames).write_parquet(part)
        os.replace(part, path)
        return
    from pyarrow import parquet

    size = options.pop("row_group_size", None)
    writer = None
    for frame in frames:
        table = frame.to_arrow()
        if writer is None:
            writer = parquet.ParquetWriter(part, table.schema, **options)
        writer.write_table(table, row_group_size=size)
    assert writer is not None
    writer.close()
    os.replace(part, path)
