"""`wsla run` on many http sources, in a process of its own: what it has spent and stored, as JSON.

Arguments: a folder with agreements and `wsla.toml`, seconds before measuring, and seconds of measuring.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from collections import Counter
from typing import Any

from wsla.daemon.config import load_config
from wsla.daemon.daemon import Daemon, run_daemon
from wsla.daemon.lateness import BOUNDS
from wsla.values.instants import SECOND


def main(folder: str, before: float, measuring: float) -> dict[str, Any]:
    """Runs it and gives what was measured."""
    found: dict[str, Any] = {}
    began = time.perf_counter()

    def state(daemon: Daemon) -> dict[str, Any]:
        status = daemon.status()
        return {
            "cpu": time.process_time(),
            "wall": time.perf_counter(),
            "stored": sum(one.accepted for one in status.agreements) - status.waiting,
            "looks": status.looks,
        }

    def started(daemon: Daemon) -> None:
        loop = asyncio.get_running_loop()
        found["start"] = time.perf_counter() - began
        # The peak of the start would hide what running needs.
        loop.call_later(before, lambda: found.update(first=state(daemon)))
        loop.call_later(before + measuring, end, daemon)

    def end(daemon: Daemon) -> None:
        found["last"] = state(daemon)
        last = [source.last for one in daemon.status().agreements for source in one.sources]
        found["ends"] = Counter("none" if one is None else one.failure or "good" for one in last)
        daemon.stop()

    config = load_config(os.path.join(folder, "wsla.toml"), os.environ)
    code = run_daemon([folder], config, os.path.join(folder, "wsla.db"), say=lambda _: None, started=started)
    first, last = found["first"], found["last"]
    late = [b - a for a, b in zip(first["looks"].counts, last["looks"].counts, strict=True)]
    return {
        "code": code,
        "start_s": found["start"],
        "cpu_s": last["cpu"] - first["cpu"],
        "wall_s": last["wall"] - first["wall"],
        "probes": last["stored"] - first["stored"],
        "missed": last["looks"].missed - first["looks"].missed,
        "late_p50_s": _quantile(late, 0.5),
        "late_p99_s": _quantile(late, 0.99),
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "ends": found["ends"],
    }


def _quantile(counts: list[int], share: float) -> float:
    """The upper end of the class in which the quantile lies, in seconds."""
    wanted = share * sum(counts)
    seen = 0
    for bound, count in zip(BOUNDS, counts, strict=False):
        seen += count
        if seen >= wanted:
            return bound / SECOND
    return float("inf")


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
