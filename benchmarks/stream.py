"""How fast observations are judged as they arrive, beside programs written by hand (`stream_by_hand.py`).

Run from the top folder: `python benchmarks/stream.py [--json] [--quick] [S1 S2 S3]`. Product and programs take turns,
each number is the median of the rounds, and the answers are compared before any time is printed.

S1: one observation at a time, of a thousand machines; one monitor with a label, or a monitor a machine.
S2: columns of ten thousand observations, of one machine and of a thousand.
S3: a window of an hour and one of thirty days, sixty panes each: cost, worst and median thousand, size of the state.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stream_by_hand import (
    DAY,
    HOUR,
    MINUTE,
    Answer,
    Deques,
    MicroBatches,
    Panes,
    Rolling,
    Row,
    one_by_one,
)

from wsla import JudgementFinal, Monitor, loads

SECOND = MINUTE // 60
PACE = 10 * SECOND
TEXT = """agreement "Machines" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer {{ email "it@shop.example" }}
  source probe = push every 10s {{
    {label}
    latency latency in ms
  }}
  goal mean:   host guarantees mean(probe.latency) over last 1h every 5m {by} <= 120ms
  goal p95:    host guarantees percentile(probe.latency, 95) each 5m {by} <= 250ms
  goal uptime: host guarantees availability(probe.ok) each day {by} >= 99%
}}
"""
ROLLING = """agreement "Machine" version 1 {{
  effective 2026-01-01 in "UTC"
  party host "Host" provider
  party shop "Shop" consumer {{ email "it@shop.example" }}
  source probe = push every 10s {{ latency latency in ms }}
  goal mean: host guarantees mean(probe.latency) over last {length} every {tick} <= 120ms
  goal max:  host guarantees max(probe.latency) over last {length} every {tick} <= 100s
}}
"""
LABELLED = loads(TEXT.format(label="label machine", by="by machine"))
SINGLE = loads(TEXT.format(label="", by=""))
BEGIN = LABELLED.instant("2026-01-01T22:30:00Z")


def made_up(machines: int, each: int) -> list[Row]:
    """Observations ten seconds apart for each machine, one machine after the other; some are down for a while."""
    chance = random.Random(7)
    names = [f"m{number:03d}" for number in range(machines)]
    down = [0] * machines
    rows = []
    for step in range(each):
        for number, name in enumerate(names):
            if down[number]:
                down[number] -= 1
            elif chance.random() < 0.0005:
                down[number] = chance.randint(1, 20)
            latency = int(chance.lognormvariate(4.4, 0.4))
            rows.append((name, BEGIN + step * PACE + number * (PACE // machines), not down[number], latency))
    return rows


def answers_of(outputs: Iterable[Any], until: int, machine: str | None = None) -> set[Answer]:
    """The values of all windows that ended by ``until``."""
    found = set()
    for output in outputs:
        if isinstance(output, JudgementFinal):
            judgement = output.judgement
            value = judgement.value
            if judgement.window.end <= until and value is not None:
                name = machine if machine is not None else dict(judgement.labels).get("machine", "")
                scale = 1 if judgement.goal == "uptime" else 1_000_000
                found.add((judgement.goal, name, judgement.window.end, Fraction(value) / scale))
    return found


def by_hand(answers: Iterable[Answer], until: int, *, only: str | None = None) -> set[Any]:
    return {
        (kind, name if only is None else only, end, Fraction(upper, lower))
        for kind, name, end, upper, lower in answers
        if end <= until and lower
    }


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    # What the programs keep is counted as little as what the product tells: nobody waits for the collector of cycles.
    gc.collect()
    gc.disable()
    start = time.process_time()
    result = work()
    spent = time.process_time() - start
    gc.enable()
    return spent, result


def rounds(works: dict[str, Callable[[], Any]], count: int) -> tuple[dict[str, float], dict[str, Any]]:
    """The median time of each, in interleaved rounds, and the result of the last."""
    times: dict[str, list[float]] = {name: [] for name in works}
    results = {}
    for _ in range(count):
        for name, work in works.items():
            spent, results[name] = timed(work)
            times[name].append(spent)
    return {name: median(found) for name, found in times.items()}, results


def same(name: str, found: set[Any], expected: set[Any]) -> None:
    if found != expected:
        print(sorted(found ^ expected)[:10], file=sys.stderr)
        sys.exit(f"{name}: the answers differ in {len(found ^ expected)} of {len(expected)}")


# --- S1


def observe_labelled(rows: Sequence[Row]) -> list[Any]:
    monitor = Monitor(LABELLED)
    observe = monitor.observe
    outputs: list[Any] = []
    for name, at, ok, latency in rows:
        outputs += observe("probe", at, machine=name, ok=ok, latency=latency)
    return outputs


def observe_monitors(rows: Sequence[Row]) -> list[Any]:
    monitors: dict[str, Monitor] = {}
    outputs: list[Any] = []
    for name, at, ok, latency in rows:
        monitor = monitors.get(name)
        if monitor is None:
            monitor = monitors[name] = Monitor(SINGLE)
        found = monitor.observe("probe", at, ok=ok, latency=latency)
        if found:
            outputs += [(name, output) for output in found]
    return outputs


def measure_s1(machines: int, each: int, count: int) -> list[dict[str, Any]]:
    rows = made_up(machines, each)
    until = rows[-1][1] - 11 * MINUTE
    works: dict[str, Callable[[], Any]] = {
        "panes": lambda: one_by_one(Panes, rows),
        "deques": lambda: one_by_one(Deques, rows),
        "labels": lambda: observe_labelled(rows),
        "monitors": lambda: observe_monitors(rows),
    }
    times, results = rounds(works, count)
    expected = by_hand(results["panes"], until)
    same("deques", by_hand(results["deques"], until), expected)
    same("labels", answers_of(results["labels"], until), expected)
    found: set[Any] = set()
    for name, output in results["monitors"]:
        found |= answers_of([output], until, name)
    same("monitors", found, expected)
    reference = times["panes"]
    return [
        {"goal": "S1", "program": name, "us": spent / len(rows) * 1e6, "ratio": spent / reference}
        for name, spent in times.items()
    ]


# --- S2


def measure_s2(machines: int, each: int, count: int, batch: int = 10_000) -> list[dict[str, Any]]:
    import numpy as np

    rows = made_up(machines, each)
    until = rows[-1][1] - 11 * MINUTE
    names = [f"m{number:03d}" for number in range(machines)]
    code = {name: number for number, name in enumerate(names)}
    machine = np.array([code[row[0]] for row in rows])
    at = np.array([row[1] for row in rows])
    ok = np.array([row[2] for row in rows])
    latency = np.array([row[3] for row in rows])
    labels = np.array([row[0] for row in rows])
    parts = [slice(start, start + batch) for start in range(0, len(rows), batch)]

    def hand() -> list[Answer]:
        program = MicroBatches(names)
        for part in parts:
            program.observe(machine[part], at[part], ok[part], latency[part])
        return program

    def product() -> list[Any]:
        monitor = Monitor(SINGLE if machines == 1 else LABELLED)
        outputs: list[Any] = []
        for part in parts:
            columns = {"at": at[part], "ok": ok[part], "latency": latency[part]}
            if machines > 1:
                columns["machine"] = labels[part]
            outputs += monitor.observe_many("probe", columns)
        return outputs

    works: dict[str, Callable[[], Any]] = {"numpy": hand, "columns": product}
    times, results = rounds(works, count)
    only = "" if machines == 1 else None
    expected = by_hand(results["numpy"].listed(), until, only=only)
    same("columns", answers_of(results["columns"], until), expected)
    return [
        {
            "goal": "S2",
            "program": f"{name}, {machines} machines",
            "us": spent / len(rows) * 1e6,
            "ratio": spent / times["numpy"],
        }
        for name, spent in times.items()
    ]


# --- S3


def measure_s3(observations: int) -> list[dict[str, Any]]:
    chance = random.Random(11)
    rows = [(BEGIN + step * PACE, int(chance.lognormvariate(4.4, 0.4))) for step in range(observations)]
    until = rows[-1][0] - 11 * MINUTE
    found: list[dict[str, Any]] = []
    plain = {}
    for length, tick, size in (("1h", "1m", HOUR), ("30d", "12h", 30 * DAY)):
        agreement = loads(ROLLING.format(length=length, tick=tick))
        program = Rolling(size)
        start = time.process_time()
        for at, latency in rows:
            program.observe(at, latency)
        hand = (time.process_time() - start) / observations * 1e6
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        monitor = Monitor(agreement)
        for at, latency in rows[: len(rows) // 10]:
            monitor.observe("probe", at, latency=latency)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        tracemalloc.stop()
        monitor = Monitor(agreement)
        outputs: list[Any] = []
        thousands: list[float] = []
        for first in range(0, observations, 1000):
            start = time.process_time()
            for at, latency in rows[first : first + 1000]:
                outputs += monitor.observe("probe", at, latency=latency)
            thousands.append(time.process_time() - start)
        same(length, answers_of(outputs, until), by_hand(program.answers, until))
        engine = monitor._engine
        assert engine is not None
        state: Any = engine.snapshot()
        runs = len(json.dumps(state["evaluator"]["machine"]["runs"]))
        plain[length] = sum(thousands) / observations * 1e6
        found.append(
            {
                "goal": "S3",
                "program": f"rolling {length}",
                "us": plain[length],
                "us, panes by hand": hand,
                "worst thousand / median": max(thousands) / median(thousands),
                "state, bytes a goal": runs / 2,
                "whole snapshot, bytes": len(json.dumps(state)),
                "live memory after a tenth, bytes": held,
            }
        )
    found.append({"goal": "S3", "program": "30d / 1h", "ratio": plain["30d"] / plain["1h"]})
    return found


def main() -> None:
    """Measures what is asked for, and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("goals", nargs="*", default=["S1", "S2", "S3"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--quick", action="store_true", help="few machines, few rounds")
    chosen = parser.parse_args()
    machines, each, count = (50, 720, 3) if chosen.quick else (1000, 720, 3)
    found: list[dict[str, Any]] = []
    if "S1" in chosen.goals:
        found += measure_s1(machines, each, count)
    if "S2" in chosen.goals:
        found += measure_s2(1, machines * each // 4, count)
        found += measure_s2(machines, each, count)
    if "S3" in chosen.goals:
        found += measure_s3(60_000 if chosen.quick else 600_000)
    if chosen.json:
        print(json.dumps(found, indent=1))
        return
    for line in found:
        numbers = ", ".join(
            f"{name} {value:,.3f}" for name, value in line.items() if isinstance(value, int | float)
        )
        print(f"{line['goal']}  {line['program']:<22} {numbers}")


if __name__ == "__main__":
    main()
