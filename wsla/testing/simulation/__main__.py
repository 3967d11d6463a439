"""``python -m wsla.testing.simulation``: many seeds with a bar, or one with everything that happened in it."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import asdict

from wsla.testing.simulation.simulation import LENGTH, Result, command_for, run_seed
from wsla.values.instants import HOUR

_WIDTH: Final = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs what is asked for. 0: every invariant held in every run; 1: one did not; 2: wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m wsla.testing.simulation",
        description="Runs the daemon in virtual time with faults that come from a seed, and checks what is left of it.",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=_seeds, default=range(1000), metavar="A..B", help="from A to before B")
    which.add_argument("--seed", type=int, metavar="N", help="one, with a log of what happened in it")
    parser.add_argument("--hours", type=_hours, default=LENGTH, metavar="H", help="virtual hours of each run")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    chosen = parser.parse_args(arguments)
    seeds = chosen.seeds if chosen.seed is None else range(chosen.seed, chosen.seed + 1)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="wsla-simulation-") as folder:
        for number, seed in enumerate(seeds, 1):
            began = time.monotonic()
            result = run_seed(seed, Path(folder), chosen.hours)
            failed += bool(result.problems)
            if chosen.format == "json":
                print(json.dumps(_value(result, chosen.hours, with_log=chosen.seed is not None)))
                continue
            if chosen.seed is not None:
                print("\n".join(result.log))
            else:
                _bar(number, len(seeds), failed)
            if result.problems:
                _clear()
                print(
                    f"seed {seed}: {len(result.problems)} problems; again: {command_for(seed, chosen.hours)}"
                )
                for problem in result.problems:
                    print(f"  {problem}")
            elif chosen.seed is not None:
                print(_summary(result, time.monotonic() - began))
    if chosen.format == "text" and chosen.seed is None:
        _clear()
        print(f"{len(seeds)} runs, {failed} failed")
    return 1 if failed else 0


def _seeds(text: str) -> range:
    first, separator, last = text.partition("..")
    if not separator or not first.isdigit() or not last.isdigit() or int(first) >= int(last):
        raise argparse.ArgumentTypeError(f"{text!r} is not like 0..1000")
    return range(int(first), int(last))


def _hours(text: str) -> int:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of hours")
    return round(hours * HOUR)


def _value(result: Result, length: int, *, with_log: bool) -> dict[str, Any]:
    found = asdict(result)
    if not with_log:
        del found["log"]
    return {**found, "replay": command_for(result.seed, length)}


def _summary(result: Result, seconds: float) -> str:
    seen = result.seen
    return (
        f"every invariant holds: {seen.observations} observations ({seen.acknowledged} acknowledged), "
        f"{seen.verdicts} verdicts, {seen.entries} entries, {seen.intents} intents, {seen.arrivals} arrivals, "
        f"{seen.dead} dead letters in {result.lives} lives; ledger {result.ledger[:16]}; {seconds:.1f} s"
    )


def _bar(done: int, whole: int, failed: int) -> None:
    if sys.stderr.isatty():
        full = _WIDTH * done // whole
        print(
            f"\r[{'#' * full}{'.' * (_WIDTH - full)}] {done}/{whole}, {failed} failed",
            end="",
            file=sys.stderr,
        )


def _clear() -> None:
    if sys.stderr.isatty():
        print(f"\r{' ' * (_WIDTH + 40)}\r", end="", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
